//! What a person is shown, and never.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;

use super::*;

#[track_caller]
fn check(schema: &Value, arguments: &Value, expected: Expect) {
    expected.assert_eq(&shown(schema, arguments.as_object().unwrap()).to_string());
}

#[test]
fn each_annotation_hides_a_value_of_any_kind() {
    let schema = json!({"properties": {
        "a": {"writeOnly": true}, "b": {"type": "string", "format": "password"},
        "c": {"x-lanyard-sensitive": true}, "d": {"x-lanyard-sensitive": false}, "e": {},
    }});
    let arguments =
        json!({"a": {"k": "tst_1"}, "b": "tst_2", "c": [3], "d": "d", "e": "e", "f": 1});
    check(
        &schema,
        &arguments,
        expect![[r#"{"a":"•••","b":"•••","c":"•••","d":"d","e":"e","f":1}"#]],
    );
}

#[test]
fn what_is_nested_is_hidden_too() {
    let schema = json!({
        "$defs": {"login": {"properties": {"pass word": {"$ref": "#/$defs/pass%20word"}}},
                  "pass word": {"$anchor": "pw", "format": "password"}},
        "properties": {
            "login": {"$ref": "#/$defs/login"},
            "list": {"items": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/login"}]}},
            "pair": {"prefixItems": [{}, {"$ref": "#pw"}]},
            "map": {"additionalProperties": {"writeOnly": true}},
            "by": {"patternProperties": {"^x": {"writeOnly": true}}},
            "one": {"if": {"required": ["y"]}, "then": {"properties": {"z": {"writeOnly": true}}}},
        },
    });
    let login = json!({"user": "ann", "pass word": "tst_1"});
    let arguments = json!({
        "login": login, "list": [login, null], "pair": [1, "tst_2", 3], "map": {"k": "tst_3"},
        "by": {"x1": "tst_4", "other": "tst_5"}, "one": {"y": 1, "z": "tst_6"},
    });
    check(
        &schema,
        &arguments,
        expect![[
            r#"{"login":{"user":"ann","pass word":"•••"},"list":[{"user":"ann","pass word":"•••"},null],"pair":[1,"•••",3],"map":{"k":"•••"},"by":{"x1":"•••","other":"•••"},"one":{"y":1,"z":"•••"}}"#
        ]],
    );
}

#[test]
fn what_may_hide_anything_is_told_without_a_value() {
    let schema = json!({
        "$defs": {"login": {"properties": {"word": {"format": "password"}}},
                  "again": {"properties": {"again": {"$ref": "#/$defs/again"}}}},
        "properties": {
            "plain": {"type": "string"}, "own": {"writeOnly": true}, "login": {"$ref": "#/$defs/login"},
            "list": {"items": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/login"}]}},
            "pair": {"prefixItems": [{}, {"$ref": "#/$defs/login"}]},
            "map": {"additionalProperties": {"writeOnly": true}}, "gone": {"$ref": "#/nowhere"},
            "by": {"patternProperties": {"^x": {"x-lanyard-sensitive": true}}},
            "one": {"if": {"required": ["y"]}, "then": {"properties": {"z": {"writeOnly": true}}}},
            "again": {"$ref": "#/$defs/again"},
        },
    });
    let hidden = |name: &str| hides_any_of(&schema, name);
    for name in ["own", "login", "list", "pair", "map", "gone", "by", "one"] {
        assert!(hidden(name), "{name}");
    }
    for name in ["plain", "again", "undeclared"] {
        assert!(!hidden(name), "{name}");
    }
    assert!(hides_any_of(&json!({"anyOf": [{"writeOnly": true}]}), "any"));
    assert!(hides_any_of(&json!({"additionalProperties": {"writeOnly": true}}), "any"));
}

#[test]
fn what_cannot_be_followed_hides() {
    let schema = json!({"properties": {
        "a": {"$ref": "#/nowhere"}, "b": {"$ref": "other.json"}, "c": {"$ref": "#/properties/c"},
    }});
    check(&schema, &json!({"a": 1, "b": 2, "c": 3}), expect![[r#"{"a":"•••","b":"•••","c":3}"#]]);
    check(&json!({"writeOnly": true}), &json!({"a": 1}), expect![[r#""•••""#]]);
}

#[test]
fn long_texts_are_cut_with_their_length_and_long_lists_say_how_much_more() {
    let long = "é".repeat(12_345);
    let view = shown(&json!({}), json!({"a": long}).as_object().unwrap());
    let text = view["a"].as_str().unwrap();
    assert!(text.ends_with("é… (12345 characters)"), "{text}");
    assert!(text.chars().count() < 1100);
    let list: Vec<u32> = (0..10_000).collect();
    let view = shown(&json!({}), json!({"a": list}).as_object().unwrap());
    let items = view["a"].as_array().unwrap();
    assert_eq!(items.last().unwrap(), "… 9501 more");
    let many: Map<String, Value> =
        (0..100).map(|key| (key.to_string(), Value::from("x".repeat(900)))).collect();
    assert!(shown(&json!({}), &many).to_string().len() < 60_000);
}

/// A schema, and arguments that hold `tst_` only where the schema hides it.
fn pair() -> impl Strategy<Value = (Value, Value)> {
    let hidden = prop_oneof![
        Just(json!({"writeOnly": true})),
        Just(json!({"type": "string", "format": "password"})),
        Just(json!({"anyOf": [{}, {"x-lanyard-sensitive": true}]})),
        Just(json!({"allOf": [{"$ref": "#/$defs/s"}]})),
    ]
    .prop_map(|schema| (schema, json!({"deep": ["tst_value"]})));
    let plain = Just((json!({"type": "string"}), json!("open")));
    prop_oneof![hidden, plain].prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::btree_map("[a-c]", inner.clone(), 1..4).prop_map(|members| {
                let (mut schemas, mut values) = (Map::new(), Map::new());
                for (name, (schema, value)) in members {
                    schemas.insert(name.clone(), schema);
                    values.insert(name, value);
                }
                (json!({"properties": schemas}), Value::Object(values))
            }),
            (inner, 1..3_usize).prop_map(|((schema, value), count)| (
                json!({"items": schema}),
                json!(vec![value; count])
            )),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_sensitive_is_never_shown((schema, value) in pair()) {
        let schema = json!({"properties": {"a": schema}, "$defs": {"s": {"writeOnly": true}}});
        let view = shown(&schema, json!({"a": value}).as_object().unwrap()).to_string();
        prop_assert!(!view.contains("tst_"), "{}", view);
    }

    #[test]
    fn no_schema_and_no_arguments_make_it_panic(schema in any_json(), value in any_json()) {
        shown(&schema, json!({"a": value, "b": schema}).as_object().unwrap());
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z#/$%]{0,6}".prop_map(Value::from),
    ];
    let key = prop_oneof![
        "[a-b]",
        Just("properties".to_owned()),
        Just("$ref".to_owned()),
        Just("anyOf".to_owned()),
        Just("items".to_owned()),
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}
