//! Values that fit their schemas, given and made up.

use expect_test::{Expect, expect};
use serde_json::json;

use super::*;

#[track_caller]
fn check(schema: &Value, expected: Expect) {
    let shown = match example(schema) {
        None => "none".to_owned(),
        Some(Example { value, invented: true }) => format!("{value} made up"),
        Some(Example { value, invented: false }) => value.to_string(),
    };
    expected.assert_eq(&shown);
}

#[test]
fn what_the_schema_gives_comes_first() {
    check(&json!({ "type": "string", "default": "a", "enum": ["b", "a"] }), expect![[r#""a""#]]);
    check(&json!({ "type": "integer", "examples": [7] }), expect!["7"]);
    check(&json!({ "const": null }), expect!["null"]);
    check(&json!({ "type": "string", "pattern": "^x$", "examples": ["x"] }), expect![[r#""x""#]]);
}

#[test]
fn the_rest_is_made_up() {
    check(&json!({ "type": "string", "format": "date" }), expect![[r#""2026-01-31" made up"#]]);
    check(&json!({ "type": "string", "format": "binary" }), expect![[r#""ZXhhbXBsZQ==" made up"#]]);
    check(&json!({ "type": "string", "maxLength": 3 }), expect![[r#""exa" made up"#]]);
    check(&json!({ "type": "string", "minLength": 9 }), expect![[r#""exampleex" made up"#]]);
    check(&json!({ "type": "integer", "minimum": 5, "multipleOf": 4 }), expect!["8 made up"]);
    check(&json!({ "type": "number", "exclusiveMaximum": 0.5 }), expect!["-1 made up"]);
    check(
        &json!({ "type": "array", "items": { "enum": ["a"] }, "minItems": 2 }),
        expect![[r#"["a","a"]"#]],
    );
    check(&json!({ "type": ["integer", "null"] }), expect!["1 made up"]);
}

#[test]
fn of_an_object_only_what_is_required() {
    let schema = json!({
        "type": "object",
        "required": ["id", "at", "kind"],
        "properties": {
            "id": { "$ref": "#/$defs/id" },
            "at": { "allOf": [{ "type": "object", "required": ["x"], "properties": { "x": { "type": "boolean" } } }] },
            "kind": { "oneOf": [{ "type": "string", "pattern": "^[0-9]{400}$" }, { "const": "b" }] },
            "note": { "type": "string" },
        },
        "$defs": { "id": { "type": "integer", "examples": [3] } },
    });
    check(&schema, expect![[r#"{"id":3,"at":{"x":false},"kind":"b"} made up"#]]);
    check(&json!({ "type": "object" }), expect!["{}"]);
}

#[test]
fn nothing_that_does_not_fit_is_given() {
    for schema in [
        json!({ "type": "string", "pattern": "^a{3}$" }),
        json!({ "type": "string", "minLength": 100_000 }),
        json!({ "type": "array", "minItems": 100_000 }),
        json!({ "type": "integer", "default": "x" }),
        json!({ "type": "object", "required": ["a"], "properties": { "a": { "$ref": "#" } } }),
        json!({ "type": "integer", "minimum": 1, "maximum": 0 }),
        json!({ "type": "array", "minItems": 2, "uniqueItems": true, "items": { "const": 1 } }),
        json!(false),
    ] {
        assert_eq!(example(&schema), None, "{schema}");
    }
}
