//! Numbers: whole numbers of 64 bits for arithmetic, floats where a function asks for them, and
//! the source text for printing and comparing, so that no digit is lost.

use std::cmp::Ordering;

use super::value::{Data, Fault, Outcome, Val, failed};

/// The whole number that integer functions read: fractions are cut, text that is no number is 0.
pub(super) fn to_int(value: &Val<'_>) -> Outcome<i64> {
    match &value.data {
        Data::Int(int) => Ok(*int),
        Data::Float(float) => cut(*float),
        Data::Number(text) | Data::Text(text) => {
            if let Ok(int) = text.parse::<i64>() {
                return Ok(int);
            }
            if is_numeric(text) { cut(text.parse().unwrap_or(f64::NAN)) } else { Ok(0) }
        }
        Data::Bool(bool) => Ok(i64::from(*bool)),
        _ => Ok(0),
    }
}

/// The float that float functions read.
pub(super) fn to_float(value: &Val<'_>) -> f64 {
    match &value.data {
        #[expect(clippy::cast_precision_loss, reason = "a float is what was asked for")]
        Data::Int(int) => *int as f64,
        Data::Float(float) => *float,
        Data::Number(text) | Data::Text(text) if is_numeric(text) => text.parse().unwrap_or(0.0),
        Data::Bool(true) => 1.0,
        _ => 0.0,
    }
}

/// A number without fraction, as `range` and `index` want one.
pub(super) fn whole(value: &Val<'_>) -> Outcome<i64> {
    let fraction = match &value.data {
        Data::Int(_) => false,
        Data::Float(float) => float.fract() != 0.0,
        Data::Number(text) => {
            text.parse::<i64>().is_err()
                && text.parse::<f64>().is_ok_and(|float| float.fract() != 0.0)
        }
        _ => return failed("a whole number is wanted"),
    };
    if fraction { failed("a whole number is wanted, not a fraction") } else { to_int(value) }
}

/// 2 to the 63rd, the first float past the whole numbers.
const WHOLE_END: f64 = 9_223_372_036_854_775_808.0;

/// The float without its fraction.
pub(super) fn cut(float: f64) -> Outcome<i64> {
    if (-WHOLE_END..WHOLE_END).contains(&float) {
        #[expect(clippy::cast_possible_truncation, reason = "the range was just checked")]
        return Ok(float as i64);
    }
    Err(Fault::Failed("the number does not fit into 64 bits".to_owned()))
}

/// The shortest decimal that reads back the same, without exponent.
pub(super) fn print_float(float: f64) -> String {
    if float == 0.0 { "0".to_owned() } else { float.to_string() }
}

/// Whether a text is a decimal number as JSON or Go write it.
pub(super) fn is_numeric(text: &str) -> bool {
    Decimal::parse(text).is_some()
}

/// The order of two values that are both numbers, or a number and a numeric text.
pub(super) fn compare(left: &Val<'_>, right: &Val<'_>) -> Option<Ordering> {
    if let (Data::Int(left), Data::Int(right)) = (&left.data, &right.data) {
        return Some(left.cmp(right));
    }
    Some(decimal(left)?.cmp(&decimal(right)?))
}

fn decimal(value: &Val<'_>) -> Option<Decimal> {
    match &value.data {
        Data::Int(int) => Decimal::parse(&int.to_string()),
        Data::Float(float) => Decimal::parse(&print_float(*float)),
        Data::Number(text) | Data::Text(text) => Decimal::parse(text),
        _ => None,
    }
}

/// A decimal number of any length: `0.DIGITS` times ten to the exponent. Zero has no digits.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let significant = all.trim_start_matches('0');
        let leading = all.len().saturating_sub(significant.len());
        let digits = significant.trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, exponent: 0 });
        }
        let point = i64::try_from(whole.len()).ok()?.checked_sub(i64::try_from(leading).ok()?)?;
        Some(Self { negative, digits, exponent: exponent.saturating_add(point) })
    }
}

/// An exponent past all reason is the greatest there is: it still compares as it should.
fn exponent_of(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let end = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    Some(text.parse().unwrap_or(end))
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |one: &Self| match (one.digits.is_empty(), one.negative) {
            (true, _) => 0_i8,
            (false, true) => -1,
            (false, false) => 1,
        };
        let size = (self.exponent, &self.digits).cmp(&(other.exponent, &other.digits));
        sign(self).cmp(&sign(other)).then(if self.negative { size.reverse() } else { size })
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
