//! Tests of `message`.

use std::collections::HashSet;

use super::Id;

fn id(raw: &str) -> Option<Id<'static>> {
    let raw: Box<serde_json::value::RawValue> = serde_json::from_str(raw).unwrap();
    Id::from_raw(&raw).map(Id::into_owned)
}

#[test]
fn only_strings_and_integers_are_ids() {
    for raw in ["null", "true", "1.0", "1e2", "1.5", "-1E0", "{}", "[]", "[1]"] {
        assert_eq!(id(raw), None, "{raw}");
    }
    for raw in ["0", "-1", "12345678901234567890123", r#""""#, r#""a""#, r#""1.0""#, r#""\u0061""#]
    {
        assert_eq!(id(raw).unwrap().as_raw(), raw);
        assert_eq!(id(raw).unwrap().to_string(), raw);
    }
}

#[test]
fn ids_are_equal_when_they_mean_the_same() {
    let ids = |raw: &[&str]| raw.iter().filter_map(|raw| id(raw)).collect::<HashSet<_>>().len();
    assert_eq!(ids(&[r#""a""#, r#""\u0061""#]), 1);
    assert_eq!(ids(&["1", r#""1""#]), 2);
    assert_eq!(ids(&["1", "2", "12345678901234567890123", "12345678901234567890124"]), 4);
    assert_eq!(Some(Id::from_text("é\n")), id(r#""é\u000a""#));
    assert_eq!(Some(Id::from_number(-7)), id("-7"));
}
