//! What is kept, and what is taken out.

use super::*;
use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::json;

#[track_caller]
fn check(schema: &Value, arguments: Value, expected: Expect) {
    let Value::Object(mut arguments) = arguments else { panic!("no object") };
    let stripped = StripFacts::of(schema).strip(&mut arguments);
    let lines = stripped.iter().map(|it| format!("{}: {}", it.key, it.reason.as_str()));
    let mut lines: Vec<String> = lines.collect();
    lines.push(Value::Object(arguments).to_string());
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn real_values_are_kept() {
    let schema = json!({"type": "object", "properties": {"order": {"type": "string"}}});
    check(
        &schema,
        json!({"currency": "USD", "order": "DESC", "method": "GET", "ticker": "FPT", "a": "   ", "b": "ab",
               "c": "sk-abc123", "d": "gpt-4o-mini", "e": 0, "f": false, "g": [], "h": {}, "i": "__x__",
               "j": "http://example.com/a", "k": {"l": null}, "m": [""], "n": "none of it"}),
        expect![[
            r#"{"currency":"USD","order":"DESC","method":"GET","ticker":"FPT","a":"   ","b":"ab","c":"sk-abc123","d":"gpt-4o-mini","e":0,"f":false,"g":[],"h":{},"i":"__x__","j":"http://example.com/a","k":{"l":null},"m":[""],"n":"none of it"}"#
        ]],
    );
}

#[test]
fn required_arguments_are_kept() {
    let schema = json!({"required": ["a", "b", "c"], "properties": {"a": {"type": "string"}}});
    check(
        &schema,
        json!({"a": "", "b": null, "c": "none", "d": ""}),
        expect![[r#"
        d: empty
        {"a":"","b":null,"c":"none"}"#]],
    );
}

#[test]
fn what_means_nothing_is_taken_out() {
    let schema =
        json!({"properties": {"a": {"type": "string"}, "b": {"type": ["string", "integer"]}}});
    check(
        &schema,
        json!({"a": "", "b": "", "c": null, "d": " None ", "e": "N/A", "f": "__OMIT__", "g": "HTTP://LOCALHOST",
               "h": "placeholder", "i": "do_not_send", "j": "__Skip__", "k": 1}),
        expect![[r#"
            a: empty
            b: empty
            c: null
            d: placeholder
            e: placeholder
            f: placeholder
            g: placeholder
            h: placeholder
            i: placeholder
            j: placeholder
            {"k":1}"#]],
    );
}

#[test]
fn what_the_schema_names_is_kept() {
    let schema = json!({
        "$defs": {"Mode": {"enum": ["none", "all"]}},
        "properties": {
            "a": {"enum": ["none", "x"]}, "b": {"const": ""}, "c": {"type": "string", "default": "skip"},
            "d": {"anyOf": [{"$ref": "#/$defs/Mode"}, {"type": "null"}]},
            "e": {"allOf": [{"$ref": "#/$defs/Mode"}]},
            "f": {"enum": ["None"]}
        }
    });
    check(
        &schema,
        json!({"a": "none", "b": "", "c": "skip", "d": "none", "e": "none", "f": "None"}),
        expect![[r#"{"a":"none","b":"","c":"skip","d":"none","e":"none","f":"None"}"#]],
    );
    check(
        &schema,
        json!({"a": "nil", "b": "none", "c": "", "d": "nil", "e": null, "f": "none"}),
        expect![[r#"
            a: placeholder
            b: placeholder
            c: empty
            d: placeholder
            e: null
            f: placeholder
            {}"#]],
    );
}

#[test]
fn null_is_kept_where_it_is_a_value() {
    let schema = json!({
        "$defs": {"N": {"type": "null"}, "S": {"type": "string"}, "Loop": {"$ref": "#/$defs/Loop"}},
        "properties": {
            "a": {"type": "null"}, "b": {"type": ["string", "null"]}, "c": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/N"}]},
            "d": {}, "e": true, "f": {"enum": [1, null]}, "g": {"type": "string", "nullable": true},
            "m": {"type": "string"}, "n": {"anyOf": [{"$ref": "#/$defs/S"}]}, "o": {"type": "string", "default": null},
            "p": {"enum": ["a"]}, "q": false, "r": {"$ref": "#/$defs/Loop"}, "s": {"const": 1}, "t": {"$ref": "http://x"},
            "u": {"allOf": [{"type": "string"}]}
        }
    });
    let all: Map<String, Value> = ('a'..='v').map(|key| (key.to_string(), Value::Null)).collect();
    check(
        &schema,
        Value::Object(all),
        expect![[r#"
        h: null
        i: null
        j: null
        k: null
        l: null
        m: null
        n: null
        o: null
        p: null
        q: null
        r: null
        s: null
        u: null
        v: null
        {"a":null,"b":null,"c":null,"d":null,"e":null,"f":null,"g":null,"t":null}"#]],
    );
}

#[test]
fn a_schema_that_is_none_protects_nothing_and_does_no_harm() {
    for schema in [json!(null), json!(true), json!([]), json!({"required": "a", "properties": []})]
    {
        check(&schema, json!({"a": "", "b": 1}), expect!["a: empty\n{\"b\":1}"]);
    }
    // A schema that doubles at each level is left at its bounds.
    let mut defs = Map::new();
    for level in 0..40 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        defs.insert(format!("d{level}"), json!({"anyOf": [next, next], "allOf": [next, next]}));
    }
    let schema = json!({"$defs": defs, "properties": {"a": {"$ref": "#/$defs/d0"}}});
    check(&schema, json!({"a": "none"}), expect!["a: placeholder\n{}"]);
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i16>().prop_map(Value::from),
        prop::sample::select(vec!["", " ", "none", "NULL", "x", "__OMIT__", "USD"])
            .prop_map(Value::from),
    ]
}

proptest! {
    #[test]
    fn what_is_required_or_listed_is_never_dropped(
        values in prop::collection::btree_map("[a-d]", (scalar(), any::<bool>(), any::<bool>()), 0..5),
    ) {
        let mut arguments = Map::new();
        let (mut required, mut properties) = (Vec::new(), Map::new());
        let mut safe = Vec::new();
        for (key, (value, is_required, is_listed)) in values {
            if is_required {
                required.push(key.clone());
            }
            if is_listed {
                properties.insert(key.clone(), json!({"anyOf": [{"enum": [value]}, {"type": "integer"}]}));
            }
            if is_required || is_listed {
                safe.push((key.clone(), value.clone()));
            }
            arguments.insert(key, value);
        }
        let before = arguments.clone();
        let facts = StripFacts::of(&json!({"required": required, "properties": properties}));
        let stripped = facts.strip(&mut arguments);
        for (key, value) in safe {
            prop_assert_eq!(arguments.get(&key), Some(&value));
        }
        prop_assert_eq!(before.len(), arguments.len().saturating_add(stripped.len()));
        prop_assert!(facts.strip(&mut arguments).is_empty(), "once is enough");
    }
}
