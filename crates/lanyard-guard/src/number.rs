//! Numbers as text: whole numbers in digits, without a way through floats.

use serde_json::Number;

/// Digits of a whole number that was written with a fraction or an exponent. 128-bit integers
/// have 39; what needs more is written in digits by whoever means it.
const WHOLE_DIGITS_MAX: usize = 40;

/// Whether a number is written as an integer: digits, perhaps with a minus before them.
pub(crate) fn is_integer(number: &Number) -> bool {
    is_integer_text(number.as_str())
}

/// The whole number that a text writes in digits, as JSON writes it; `None` for anything else.
pub(crate) fn from_integer_text(text: &str) -> Option<Number> {
    if is_integer_text(text) { serde_json::from_str(text).ok() } else { None }
}

/// The number that a text writes as JSON writes it; `None` for anything else.
pub(crate) fn from_number_text(text: &str) -> Option<Number> {
    // JSON allows white space around a number, a text that is a number has none.
    let ends = text.ends_with(|last: char| last.is_ascii_digit())
        && text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    if ends { serde_json::from_str(text).ok() } else { None }
}

/// `3` for `3.0`, `3e0` or `30e-1`. `None` where there is a fraction, or too many digits.
pub(crate) fn whole(number: &Number) -> Option<Number> {
    let text = number.as_str();
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = after.trim_end_matches('0');
    let digits = format!("{before}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(Number::from(0));
    }
    // The number is `digits` times ten to the `shift`.
    let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let shifted = shift_digits(digits, shift)?;
    serde_json::from_str(&format!("{sign}{shifted}")).ok()
}

fn shift_digits(digits: &str, shift: i32) -> Option<String> {
    let places = usize::try_from(shift.unsigned_abs()).ok()?;
    if shift >= 0 {
        let length = digits.len().checked_add(places)?;
        (length <= WHOLE_DIGITS_MAX).then(|| format!("{digits:0<length$}"))
    } else {
        let (kept, dropped) = digits.split_at_checked(digits.len().checked_sub(places)?)?;
        (!kept.is_empty() && dropped.bytes().all(|byte| byte == b'0')).then(|| kept.to_owned())
    }
}

fn is_integer_text(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    !digits.is_empty() && !leading_zero && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
