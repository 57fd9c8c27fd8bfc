//! Names as people write them: the words in one, and how far two are apart.

/// The words of a name in lower case: `accessToken`, `access_token` and `ACCESS-TOKEN` are all
/// "access" and "token".
pub fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut before = ' ';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let after_lower = before.is_ascii_lowercase() || before.is_ascii_digit();
        let before_lower = characters.peek().is_some_and(char::is_ascii_lowercase);
        let starts = character.is_ascii_uppercase()
            && (after_lower || (before.is_ascii_uppercase() && before_lower));
        if (starts || !character.is_ascii_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if character.is_ascii_alphanumeric() {
            word.push(character.to_ascii_lowercase());
        }
        before = character;
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// The Levenshtein distance, one row at a time: how many characters must be put in, taken out or
/// changed.
pub fn edits(left: &[char], right: &[char]) -> usize {
    let mut row = (0..=right.len()).collect::<Vec<_>>();
    for (index, letter) in left.iter().enumerate() {
        let mut diagonal = index;
        let mut before = index.saturating_add(1);
        for (cell, other) in row.iter_mut().skip(1).zip(right) {
            let changed = diagonal.saturating_add(usize::from(letter != other));
            diagonal = *cell;
            before = changed.min(diagonal.saturating_add(1)).min(before.saturating_add(1));
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = index.saturating_add(1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{edits, words};

    #[test]
    fn words_begin_where_a_reader_sees_them() {
        for (name, expected) in [
            ("accessToken", "access token"),
            ("ACCESS-TOKEN", "access token"),
            ("HTTPServer2Name", "http server2 name"),
            ("__", ""),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
    }

    #[test]
    fn the_distance_counts_edits() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        for (left, right, expected) in
            [("", "", 0), ("", "ab", 2), ("echo", "ehco", 2), ("kitten", "sitting", 3)]
        {
            assert_eq!(edits(&chars(left), &chars(right)), expected, "{left} {right}");
            assert_eq!(edits(&chars(right), &chars(left)), expected, "{right} {left}");
        }
    }
}
