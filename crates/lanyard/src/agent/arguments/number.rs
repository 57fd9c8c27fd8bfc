//! Numbers as they are typed. Pure.

use serde_json::Number;

/// A number as written, without what JSON does not allow: leading zeros, a plus sign.
pub(super) fn number(text: &str) -> Option<Number> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    if !digits.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.') {
        return None;
    }
    let digits = digits.trim_start_matches('0');
    let zero = if digits.starts_with(|letter: char| letter.is_ascii_digit()) { "" } else { "0" };
    serde_json::from_str(&format!("{sign}{zero}{digits}")).ok()
}

pub(super) fn is_whole(number: &Number) -> bool {
    let text = number.to_string();
    match text.split_once('.') {
        Some((_, fraction)) => fraction.bytes().all(|digit| digit == b'0'),
        None => !text.contains(['e', 'E']),
    }
}

/// Whether a number would be printed as it was typed: `5` and `1.5`, not `007`, `1.50`, `1e5` or
/// an id of twenty digits.
pub(super) fn keeps_its_spelling(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(|number| {
        let size = number.abs();
        // JavaScript writes smaller and larger ones with an exponent.
        let is_plain = size == 0.0 || (1e-6..1e21).contains(&size);
        is_plain && number.to_string() == text && text != "-0"
    })
}
