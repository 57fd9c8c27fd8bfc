//! Canonical texts.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::object;

#[track_caller]
fn check(text: &str, expected: Expect) {
    expected.assert_eq(&object(&serde_json::from_str(text).unwrap()));
}

#[test]
fn keys_are_sorted_and_numbers_as_written() {
    check("{}", expect!["{}"]);
    check(
        r#"{ "b": [ {"z":1,"a":2} , 1.50E+2, -0 ], "a": 1e400, "B": null }"#,
        expect![[r#"{"B":null,"a":1e+400,"b":[{"a":2,"z":1},1.50e+2,-0]}"#]],
    );
    check(r#"{"a":true,"b":false}"#, expect![[r#"{"a":true,"b":false}"#]]);
    // By bytes: U+FFFD stands before U+10000, though not in UTF-16.
    check(r#"{"𐀀":1,"�":2,"é":3}"#, expect![[r#"{"é":3,"�":2,"𐀀":1}"#]]);
    check(r#"{"s":"a\/b\u00e9\n\u0000\"\\"}"#, expect![[r#"{"s":"a/bé\u000a\u0000\"\\"}"#]]);
}

proptest! {
    #[test]
    fn the_text_is_json_of_the_same_members_in_any_order(
        members in prop::collection::btree_map(any::<String>(), any::<String>(), 0..8),
    ) {
        let forward: Map<String, Value> =
            members.iter().map(|(key, text)| (key.clone(), Value::from(text.clone()))).collect();
        let backward: Map<String, Value> =
            members.iter().rev().map(|(key, text)| (key.clone(), Value::from(text.clone()))).collect();
        let text = object(&forward);
        prop_assert_eq!(&text, &object(&backward));
        prop_assert_eq!(serde_json::from_str::<Map<String, Value>>(&text).unwrap(), forward);
    }
}
