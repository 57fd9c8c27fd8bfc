//! Which type each form of schema gives an argument.

use serde_json::json;

use super::*;

fn check(property: Value, expected: &str) {
    let schema = json!({
        "type": "object",
        "properties": { "x": property },
        "$defs": {
            "name": { "type": "string" },
            "node": { "type": "object", "properties": { "next": { "$ref": "#/$defs/node" } } }
        }
    });
    let fields = arguments(&schema);
    let shown = short(&fields["x"].kind);
    assert_eq!(shown, expected, "{schema}");
}

fn short(kind: &Kind) -> String {
    match kind {
        Kind::Text => "text".to_owned(),
        Kind::Mixed => "mixed".to_owned(),
        Kind::Whole => "whole".to_owned(),
        Kind::Decimal => "decimal".to_owned(),
        Kind::Bool => "bool".to_owned(),
        Kind::Set(element) => format!("[{}]", short(element)),
        Kind::Several(element) => format!("[{}]+", short(element)),
        Kind::Record(fields) => {
            let field = |(name, field): (&String, &Field)| {
                let sign = if field.required { "" } else { "?" };
                format!("{name}{sign} {}", short(&field.kind))
            };
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        Kind::Unreadable(_) => "-".to_owned(),
    }
}

#[test]
fn schemas_are_types() {
    for (property, expected) in [
        (json!({ "type": "string" }), "text"),
        (json!({ "type": ["integer", "null"] }), "whole"),
        (json!({ "type": ["integer", "number"] }), "decimal"),
        (json!({ "type": ["integer", "string"] }), "mixed"),
        (json!({ "enum": ["a", "b", null] }), "text"),
        (json!({ "enum": [1, 2] }), "whole"),
        (json!({ "const": true }), "bool"),
        (json!({ "$ref": "#/$defs/name" }), "text"),
        (json!({ "anyOf": [{ "type": "null" }, { "$ref": "#/$defs/name" }] }), "text"),
        (json!({ "allOf": [{ "$ref": "#/$defs/name" }, { "minLength": 1 }] }), "text"),
        (json!({ "type": "array", "items": { "type": "string" } }), "[text]"),
        (
            json!({ "oneOf": [
                { "type": "string" }, { "type": "array", "items": { "type": "string" } }
            ] }),
            "[text]+",
        ),
        (
            json!({ "type": "object", "required": ["a"], "properties": {
                "a": { "type": "boolean" }, "b": {} } }),
            "{a bool, b? -}",
        ),
        (json!({}), "-"),
        (json!(true), "-"),
        (json!({ "type": "array" }), "-"),
        (json!({ "type": "array", "items": { "type": ["string", "null"] } }), "-"),
        (json!({ "type": ["string", "object"] }), "-"),
    ] {
        check(property, expected);
    }
}

#[test]
fn a_schema_that_refers_to_itself_ends() {
    let schema = json!({ "type": "object", "properties": { "x": { "$ref": "#/properties/x" } } });
    assert_eq!(arguments(&schema)["x"].kind, Kind::Unreadable(UNTYPED));
    let node = json!({ "type": "object", "properties": { "next": { "$ref": "#" } } });
    assert!(matches!(arguments(&node)["next"].kind, Kind::Record(_)));
}

#[test]
fn what_may_be_null_is_never_sure_to_be_there() {
    let schema = json!({ "type": "object", "required": ["x", "y", "z"], "properties": {
        "x": { "type": ["string", "null"] }, "y": { "type": "string" },
        "z": { "type": ["string", "null"], "default": "d" } } });
    let fields = arguments(&schema);
    assert!(!fields["x"].is_there());
    assert!(fields["y"].is_there());
    assert!(!fields["z"].is_there());
}
