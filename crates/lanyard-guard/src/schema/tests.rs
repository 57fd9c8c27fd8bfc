//! What counts as a schema, and values against one.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{check_schema, check_value};

#[track_caller]
fn refused(schema: &Value, expected: Expect) {
    expected.assert_eq(&check_schema(schema).unwrap_err());
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    refused(&json!(7), expect![[r##"#: 7 is not of types "boolean", "object""##]]);
    refused(
        &json!({"type": "strnig"}),
        expect![[
            r##"#/type: "strnig" is not valid under any of the schemas listed in the 'anyOf' keyword"##
        ]],
    );
    refused(
        &json!({"properties": {"a": {"minimum": "1"}}}),
        expect![[r##"#/properties/a/minimum: "1" is not of type "number""##]],
    );
    refused(&json!({"required": "a"}), expect![[r##"#/required: "a" is not of type "array""##]]);
    refused(
        &json!({"items": [{"type": "string"}]}),
        expect![[r##"#/items: [{"type":"string"}] is not of types "boolean", "object""##]],
    );
    refused(
        &json!({"properties": {"a": {"pattern": "("}}}),
        expect![[r##"#/properties/a/pattern: "(" is not a "regex""##]],
    );
}

#[test]
fn other_documents_and_dialects_are_refused() {
    refused(
        &json!({"$ref": "https://example.com/schema.json"}),
        expect![
            "#/$ref: `https://example.com/schema.json` is in another document, and only references within the schema (`#...`) are followed"
        ],
    );
    refused(
        &json!({"properties": {"a": {"$ref": "file:///etc/passwd"}}}),
        expect![
            "#/properties/a/$ref: `file:///etc/passwd` is in another document, and only references within the schema (`#...`) are followed"
        ],
    );
    refused(
        &json!({"allOf": [{"$ref": "other.json#/a"}]}),
        expect![
            "#/allOf/$ref: `other.json#/a` is in another document, and only references within the schema (`#...`) are followed"
        ],
    );
    refused(
        &json!({"$dynamicRef": "https://example.com/x"}),
        expect![
            "#/$dynamicRef: `https://example.com/x` is in another document, and only references within the schema (`#...`) are followed"
        ],
    );
    refused(
        &json!({"$schema": "http://json-schema.org/draft-07/schema#"}),
        expect![
            "#/$schema: the dialect is `http://json-schema.org/draft-07/schema#`; write `https://json-schema.org/draft/2020-12/schema` or leave it out"
        ],
    );
    refused(
        &json!({"$ref": "#/$defs/missing"}),
        expect!["#: Pointer '/$defs/missing' does not exist"],
    );
    // Where keywords are names of properties, the compilation finds the reference.
    refused(
        &json!({"properties": {"default": {"$ref": "https://example.com/x"}}}),
        expect![
            "#: Resource 'https://example.com/x' is not present in a registry and retrieving it failed: Retrieval is disabled, cannot fetch https://example.com/x"
        ],
    );
}

#[test]
fn bounds_hold() {
    let mut deep = json!({});
    for _level in 0..64 {
        deep = json!({"not": deep});
    }
    assert_eq!(check_schema(&deep), Ok(()));
    refused(&json!({"not": deep}), expect!["the schema is nested deeper than 64"]);
    let wide = |count: usize| json!({"enum": [], "required": vec!["a"; count]});
    refused(&wide(20_001), expect!["the schema has more than 20000 values"]);
    let heavy = json!({"pattern": "(a{1000}){1000}"});
    assert!(check_schema(&heavy).is_err());
    // Patterns take linear time, so what needs backtracking is no pattern here.
    refused(&json!({"pattern": "^(?!x)"}), expect![[r##"#/pattern: "^(?!x)" is not a "regex""##]]);
}

#[test]
fn schemas_pass() {
    for schema in [
        json!(true),
        json!({}),
        json!({"$schema": "https://json-schema.org/draft/2020-12/schema"}),
        json!({"type": ["string", "null"], "format": "int64"}),
        json!({"const": {"$ref": "https://example.com"}, "default": {"$ref": "x"}}),
        json!({"$id": "https://example.com/a", "$defs": {"b": {}}, "$ref": "#/$defs/b"}),
        json!({"properties": {"$ref": {"type": "string"}}}),
        json!({"$defs": {"tree": {"properties": {"next": {"$ref": "#/$defs/tree"}}}}, "$ref": "#/$defs/tree"}),
    ] {
        assert_eq!(check_schema(&schema), Ok(()), "{schema}");
    }
}

#[test]
fn references_in_a_circle_end() {
    let circle = json!({
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"
    });
    for schema in [json!({"$ref": "#"}), circle, json!({"allOf": [{"$ref": "#"}]})] {
        // Refused or accepted, both are fine; not to come back is not.
        let _outcome = check_value(&schema, &json!({"a": 1}));
    }
}

#[test]
fn values_are_checked_without_being_told() {
    let schema = json!({"type": "string", "maxLength": 3});
    expect!["the value must have at most 3 characters (a string came)"]
        .assert_eq(&check_value(&schema, &json!("hunter2")).unwrap_err());
    assert_eq!(check_value(&schema, &json!("abc")), Ok(()));
    assert!(check_value(&json!({"type": "strnig"}), &json!(1)).is_err());
    // Numbers are compared as written, not as floats.
    let exact = json!({"maximum": 9_007_199_254_740_992_u64});
    let above: Value = serde_json::from_str("9007199254740993").unwrap();
    assert!(check_value(&exact, &above).is_err());
}

proptest! {
    #[test]
    fn odd_schemas_never_panic(keyword in prop::sample::select(vec![
        "type", "enum", "const", "pattern", "format", "$ref", "$defs", "items", "properties", "required",
        "minimum", "multipleOf", "anyOf", "not", "if", "$id", "$anchor", "$schema", "dependentRequired",
    ]), text in any::<String>(), number in any::<f64>()) {
        for value in [json!(text), json!(number), json!([text]), json!({text.clone(): number}), json!(null)] {
            let _outcome = check_value(&json!({keyword: value}), &json!({"a": [text]}));
        }
    }
}
