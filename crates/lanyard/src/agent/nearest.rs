//! Which known name a misspelt one probably means. Pure.

use lanyard_core::spelling::edits;

/// The nearest name that is near enough: equal but for case and punctuation, or within a third
/// of its length in edits (at least two). Nothing far away is ever suggested.
pub(super) fn nearest<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let given = normal(given);
    let near = known.into_iter().filter_map(|name| {
        let other = normal(name);
        let distance = edits(&given, &other);
        // 3/10 of the longer length, rounded down.
        let longer = given.len().max(other.len());
        let allowed = longer.saturating_mul(3).checked_div(10).unwrap_or(0).max(2);
        (distance <= allowed).then_some((distance, name))
    });
    near.min_by_key(|(distance, _name)| *distance).map(|(_distance, name)| name)
}

fn normal(name: &str) -> Vec<char> {
    name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_what_is_near_is_suggested() {
        for (given, expected) in [
            ("frobnicate", None),
            ("get-summ", Some("get-sum")),
            ("getSum", Some("get-sum")),
            ("GET_SUM", Some("get-sum")),
            ("refund", None),
            ("ehco", Some("echo")),
        ] {
            assert_eq!(nearest(given, ["echo", "get-sum", "get-tiny-image"]), expected, "{given}");
        }
    }
}
