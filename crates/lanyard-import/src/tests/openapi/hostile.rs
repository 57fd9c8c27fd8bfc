//! Whatever stands in a document: it is imported or refused, in bounded time and space, and what
//! is imported is a definition that can be added.

use std::fmt::Write as _;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{DESK, ODD, SHOP, import, options};
use crate::OpenApiOptions;

/// A document with one operation whose body has this schema, and these schemas.
fn document(schema: &Value, schemas: &Value) -> String {
    json!({
        "openapi": "3.1.0",
        "servers": [{"url": "https://h.example"}],
        "paths": {"/x": {"post": {
            "operationId": "x",
            "requestBody": {"required": true, "content": {"application/json": {"schema": schema}}},
            "responses": {"200": {"content": {"application/json": {"schema": schema}}}},
        }}},
        "components": {"schemas": schemas},
    })
    .to_string()
}

#[test]
fn a_schema_that_doubles_at_each_step_ends() {
    let mut schemas = Map::new();
    for level in 0..40 {
        let next = json!({"$ref": format!("#/components/schemas/S{}", level + 1)});
        let members = json!({"a": next, "b": next, "c": {"allOf": [next, {"title": "x"}]}});
        schemas.insert(format!("S{level}"), json!({"type": "object", "properties": members}));
    }
    let root = json!({"$ref": "#/components/schemas/S0"});
    let imported = import(&document(&root, &Value::Object(schemas)), &options()).unwrap();
    assert!(imported.draft.to_yaml().len() < 200_000);
    assert!(imported.notes.iter().any(|note| note.text.contains("too large")));
}

#[test]
fn a_schema_that_is_deep_ends() {
    let mut schema = json!({"type": "string"});
    for _ in 0..45 {
        schema = json!({"type": "object", "properties": {"a": schema}});
    }
    let imported = import(&document(&schema, &json!({})), &options()).unwrap();
    assert_eq!(imported.draft.tools.len(), 1);
    // Deeper than any reader of JSON goes.
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for text in [deep.clone(), format!("{{\"openapi\": {deep}}}"), format!("openapi: {deep}")] {
        assert!(import(&text, &options()).is_err());
    }
}

#[test]
fn many_alternatives_and_members_end() {
    let alternative = |n: i32| json!({"properties": {"a": {"const": n}}});
    let alternatives: Vec<Value> = (0..5_000).map(alternative).collect();
    import(&document(&json!({"oneOf": alternatives}), &json!({})), &options()).unwrap();
    let member =
        |n: i32| (format!("m{n}"), json!({"type": "string", "description": "x".repeat(500)}));
    let members: Map<String, Value> = (0..5_000).map(member).collect();
    let text = document(&json!({"type": "object", "properties": members}), &json!({}));
    let imported = import(&text, &options()).unwrap();
    assert!(imported.draft.to_yaml().len() < 600_000);
}

#[test]
fn a_definition_that_is_too_large_gets_smaller() {
    let inner = json!({"type": "object", "properties": {"a": {"type": "object", "properties":
        {"b": {"type": "object", "properties": {"c": {"type": "string"}, "d": {"items": {}}}}}}}});
    let members: Map<String, Value> =
        (0..12).map(|n| (format!("member{n}"), inner.clone())).collect();
    let body = json!({"type": "object", "properties": {"one": {"properties": members}}});
    let mut text = String::from("openapi: 3.0.0\npaths:\n");
    for n in 0..60 {
        let operation = json!({
            "description": "long words ".repeat(60),
            "requestBody": {"content": {"application/json": {"schema": body}}},
            "responses": {"200": {"content": {"application/json": {"schema": inner}}}},
        });
        writeln!(text, "  /p{n}: {{post: {operation}}}").unwrap();
    }
    let whole = import(&text, &options()).unwrap().draft;
    let mut sizes = vec![whole.to_yaml().len()];
    for max in [sizes[0] - 1_000, sizes[0] * 4 / 5, sizes[0] / 2, sizes[0] / 4] {
        let imported = import(&text, &OpenApiOptions { bytes_max: max, ..options() }).unwrap();
        let size = imported.draft.to_yaml().len();
        assert!(size <= max, "{size} of {max}");
        assert!(imported.notes.iter().any(|note| note.text.contains("--include")));
        assert_eq!(imported.draft.tools.len(), whole.tools.len());
        sizes.push(size);
    }
    assert!(sizes.is_sorted_by(|a, b| a > b), "{sizes:?}");
}

/// Any value, often one that means something in a description.
fn junk() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i32>().prop_map(Value::from),
        ".{0,6}".prop_map(Value::from),
        "#/(components/schemas/(Order|Shape|Circle|Either|Self)|paths/~1orders|definitions/Ticket|)"
            .prop_map(Value::from),
        "(string|object|array|query|path|header|body|form|deepObject|simple|secret://a|\\{\\{|\\{a\\})"
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 10, 3, |inner| {
        let key = "(type|properties|items|\\$ref|allOf|anyOf|schema|name|in|get|post|content|\
                   required|default|enum|[a-z{}/%#]{1,3})";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::vec((key, inner), 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Every place of a value.
fn places(value: &Value, at: String, all: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let key = key.replace('~', "~0").replace('/', "~1");
                places(member, format!("{at}/{key}"), all);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, format!("{at}/{index}"), all);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    all.push(at);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_damaged_document_is_imported_or_refused(
        which in 0..3_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), junk()), 1..6),
    ) {
        let mut root = match which {
            0 => lanyard_rest::yaml_value("", SHOP).unwrap().0,
            1 => serde_json::from_str(DESK).unwrap(),
            _ => lanyard_rest::yaml_value("", ODD).unwrap().0,
        };
        for (index, junk) in changes {
            let mut all = Vec::new();
            places(&root, String::new(), &mut all);
            let place = index.get(&all).clone();
            if !place.is_empty() {
                *root.pointer_mut(&place).unwrap() = junk;
            }
        }
        let _either = import(&root.to_string(), &options());
    }

    #[test]
    fn any_text_is_imported_or_refused(text in ".{0,100}") {
        let _either = import(&text, &options());
        let _either = import(&format!("openapi: 3.0.0\npaths:\n  /a: {text}"), &options());
    }
}
