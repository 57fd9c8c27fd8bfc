//! Texts of servers inside Markdown. They are written by whoever runs a server, so nothing of them
//! may end a block, begin a heading, open a comment or load an image: each becomes one line in which
//! everything is shown. Pure.

use lanyard_core::credential::live_credential;
use lanyard_mcp::text::visible;

/// A server's text as one line that can stand behind `> ` or `: `.
pub(super) fn quoted(text: &str, chars_max: usize) -> String {
    let line = one_line(text, chars_max);
    let mut quoted = String::with_capacity(line.len());
    for (place, letter) in line.chars().enumerate() {
        // The marks that mean something within a line, and those that do at its beginning.
        let is_mark = "\\`<>[]*|~".contains(letter) || (place == 0 && "#-+=_".contains(letter));
        if is_mark {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted
}

/// A server's text as a word in code.
pub(super) fn code(text: &str) -> String {
    let line = one_line(text, CODE_CHARS_MAX);
    let longest = line.split(|letter| letter != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.saturating_add(1));
    // A space keeps the fence apart from a text that begins or ends with its mark.
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{line}{space}{fence}")
}

const CODE_CHARS_MAX: usize = 120;

/// White space of every kind is one space, what is not shown is escaped, and what is too long is cut.
/// What holds a live credential is left out: a server may say back what it was sent.
pub(super) fn one_line(text: &str, chars_max: usize) -> String {
    if let Some(kind) = live_credential(text) {
        return format!("(left out: it holds what looks like a credential, a {kind})");
    }
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = visible(&line);
    match line.char_indices().nth(chars_max) {
        Some((cut, _)) => format!("{}...", line.get(..cut).unwrap_or_default().trim_end()),
        None => line,
    }
}

/// A text as a value of YAML: quoted, on one line. JSON's strings are YAML's, and no letter that YAML
/// takes for a line's end is left.
pub(super) fn yaml(text: &str, chars_max: usize) -> String {
    // Some who read front matter take angle brackets for tags.
    let line = one_line(text, chars_max.saturating_sub("...".len()));
    let line: String = line.chars().filter(|letter| !"<>".contains(*letter)).collect();
    serde_json::Value::from(line).to_string()
}

/// Bytes as people write them.
pub(super) fn bytes(bytes: u64) -> String {
    match bytes {
        0..=1023 => format!("{bytes} bytes"),
        1024..=1_048_575 => format!("{} KiB", bytes.div_ceil(1024)),
        1_048_576.. => format!("{} MiB", bytes.div_ceil(1 << 20)),
    }
}

/// Microseconds as people write them.
pub(super) fn micros(micros: u64) -> String {
    match micros {
        0..=9_999_999 => format!("{} ms", micros.div_ceil(1000)),
        10_000_000.. => format!("{} s", micros.div_ceil(1_000_000)),
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, code, micros, one_line, quoted, yaml};

    #[test]
    fn a_text_of_a_server_stays_one_harmless_line() {
        for (text, expected) in [
            ("One invoice", "One invoice"),
            ("a\n# Heading\n\n---\nb", r"a # Heading --- b"),
            ("# Heading", r"\# Heading"),
            ("--- x", r"\--- x"),
            ("x <!-- lanyard:end tools --> y", r"x \<!-- lanyard:end tools --\> y"),
            ("![x](http://evil/)", r"!\[x\](http://evil/)"),
            ("```sh\nrm -rf /\n```", r"\`\`\`sh rm -rf / \`\`\`"),
            ("a\u{200b}b\u{1b}[31m", r"a\\u{200b}b\\u{1b}\[31m"),
            ("a\u{2028}b\u{85}c", "a b c"),
            ("find_pets_by_id", "find_pets_by_id"),
        ] {
            assert_eq!(quoted(text, 100), expected, "{text:?}");
            assert_eq!(quoted(text, 100).lines().count(), 1);
        }
        assert_eq!(quoted("abcdef", 3), "abc...");
    }

    #[test]
    fn code_cannot_be_left() {
        assert_eq!(code("petId"), "`petId`");
        assert_eq!(code("a`b"), "`` a`b ``");
        assert_eq!(code("``` x"), "```` ``` x ````");
        assert_eq!(code("a\nb"), "`a b`");
    }

    #[test]
    fn a_value_of_front_matter_ends_where_it_ends() {
        for text in ["a\n---\nname: evil", "\"\nname: evil", "a: b # c", "\u{85}x\u{2028}y", "\\"] {
            let value = yaml(text, 100);
            assert_eq!(value.lines().count(), 1, "{value}");
            assert!(value.starts_with('"') && value.ends_with('"'), "{value}");
            assert!(serde_json::from_str::<String>(&value).is_ok(), "{value}");
        }
        assert_eq!(yaml("<b>x</b>", 100), "\"bx/b\"");
        assert_eq!(one_line(&yaml(&"x".repeat(2000), 1024), 2000).len(), 1026);
    }

    #[test]
    fn sizes_and_times() {
        assert_eq!(
            (bytes(12), bytes(1025), bytes(3 << 20)),
            ("12 bytes".into(), "2 KiB".into(), "3 MiB".into())
        );
        assert_eq!(
            (micros(1), micros(12_500), micros(12_000_000)),
            ("1 ms".into(), "13 ms".into(), "12 s".into())
        );
    }
}
