//! JSON values as texts that are equal when the values are: members sorted, numbers in one
//! spelling, no white space.

use serde_json::{Number, Value};

/// Places of a number beyond which it keeps its own spelling.
const EXPONENT_MAX: i64 = 1_000_000_000;

/// One text for equal values. The order of members and the spelling of numbers and strings do not
/// count.
pub(crate) fn canonical(value: &Value) -> String {
    let mut out = String::new();
    push(value, &mut out);
    out
}

fn push(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(&one_spelling(number)),
        Value::String(text) => out.push_str(&quoted(text)),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                push(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, member)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&quoted(key));
                out.push(':');
                push(member, out);
            }
            out.push('}');
        }
    }
}

/// A string as JSON writes it.
pub(crate) fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

/// `1`, `1.0`, `10e-1` and `0.1e1` are all `1e0`: the digits that count, and the power of ten that
/// they are multiplied with.
fn one_spelling(number: &Number) -> String {
    let written = number.as_str();
    let (sign, text) = written.strip_prefix('-').map_or(("", written), |rest| ("-", rest));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let joined = format!("{whole}{fraction}");
    let without_start = joined.trim_start_matches('0');
    let digits = without_start.trim_end_matches('0');
    if digits.is_empty() {
        return "0".to_owned();
    }
    let dropped = without_start.len().saturating_sub(digits.len());
    let exponent = exponent
        .parse::<i64>()
        .ok()
        .filter(|exponent| exponent.abs() <= EXPONENT_MAX)
        .and_then(|exponent| exponent.checked_sub(i64::try_from(fraction.len()).ok()?))
        .and_then(|exponent| exponent.checked_add(i64::try_from(dropped).ok()?));
    match exponent {
        Some(exponent) => format!("{sign}{digits}e{exponent}"),
        None => written.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str) -> String {
        canonical(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn equal_values_have_one_text() {
        assert_eq!(of(r#"{"b":[1.0,"\u0061"],"a":1e2}"#), of(r#"{ "a":100, "b":[10e-1,"a"] }"#));
        for (left, right) in
            [("1", "1.00"), ("-0.5", "-5e-1"), ("0", "-0.0e9"), ("1e400", "10e399")]
        {
            assert_eq!(of(left), of(right), "{left} {right}");
        }
    }

    #[test]
    fn other_values_have_other_texts() {
        for (left, right) in [
            ("1", "10"),
            ("1", "-1"),
            ("1", "\"1\""),
            ("[]", "{}"),
            ("[1,2]", "[2,1]"),
            ("0.1", "1"),
            ("9007199254740993", "9007199254740992"),
            ("1e99999999999999999999", "1e99999999999999999998"),
        ] {
            assert_ne!(of(left), of(right), "{left} {right}");
        }
    }

    proptest! {
        #[test]
        fn a_number_keeps_its_value(digits in 1_i64..1_000_000, shift in 0_u32..6) {
            let scaled = digits.saturating_mul(10_i64.saturating_pow(shift));
            prop_assert_eq!(of(&format!("{digits}e{shift}")), of(&scaled.to_string()));
            prop_assert_eq!(of(&format!("{scaled}e-{shift}")), of(&digits.to_string()));
        }
    }
}
