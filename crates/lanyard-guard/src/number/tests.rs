//! Numbers as text.

use proptest::prelude::*;
use serde_json::Number;

use super::{from_integer_text, from_number_text, whole};

fn number(text: &str) -> Number {
    serde_json::from_str(text).unwrap()
}

#[test]
fn whole_numbers_are_written_in_digits() {
    for text in [
        "2.5",
        "1e-1",
        "15e-1",
        "0.001",
        "1e40",
        "1e400",
        "1e999999999",
        "1e99999999999",
        "1e-999999999",
        "-0.5",
        "1.00000000000000000000000000000000000000000001",
    ] {
        assert_eq!(whole(&number(text)), None, "{text}");
    }
    for (text, expected) in [
        ("3.0", "3"),
        ("-3.000", "-3"),
        ("0.0", "0"),
        ("-0.0", "0"),
        ("0e5", "0"),
        ("0.0e-999999999", "0"),
        ("1e3", "1000"),
        ("1.5e1", "15"),
        ("1.50e1", "15"),
        ("30e-1", "3"),
        ("0.003e3", "3"),
        ("1000e-3", "1"),
        ("1e39", "1000000000000000000000000000000000000000"),
        ("9007199254740993.0", "9007199254740993"),
    ] {
        assert_eq!(whole(&number(text)).map(|whole| whole.to_string()).as_deref(), Some(expected));
    }
}

#[test]
fn texts_are_numbers_only_as_json_writes_them() {
    for text in ["", "-", "+1", "01", "-01", "1.", "1.0", "1e2", " 1", "1 ", "0x1", "١", "1_0"] {
        assert_eq!(from_integer_text(text), None, "{text}");
    }
    for text in ["", "-", "+1", "01", ".5", "1.", "1e", " 1", "1 ", "\n1", "NaN", "inf", "١"] {
        assert_eq!(from_number_text(text), None, "{text}");
    }
    assert_eq!(from_integer_text("-0").map(|n| n.to_string()).as_deref(), Some("-0"));
    assert_eq!(from_number_text("-1.50e2").map(|n| n.to_string()).as_deref(), Some("-1.50e+2"));
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in r"[-+0-9.eE ]{0,20}") {
        let _integer = from_integer_text(&text);
        if let Some(number) = from_number_text(&text) {
            let _whole = whole(&number);
        }
    }

    #[test]
    fn a_shifted_integer_is_itself(value in any::<i64>(), places in 0_usize..12) {
        let text = format!("{value}{}e-{places}", "0".repeat(places));
        prop_assert_eq!(whole(&number(&text)), Some(Number::from(value)));
    }
}
