//! Definitions of a schema that stands alone: which it needs, and which lead nowhere.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

/// A part of a schema with those definitions of the whole that it needs.
pub(crate) fn with_definitions(part: &Value, whole: &Value) -> Value {
    let Some(all) = whole.get("$defs").and_then(Value::as_object) else { return part.clone() };
    let mut needed: Map<String, Value> = Map::new();
    let mut next: Vec<String> = references(part);
    while let Some(name) = next.pop() {
        if needed.contains_key(&name) {
            continue;
        }
        if let Some(definition) = all.get(&name) {
            next.extend(references(definition));
            needed.insert(name, definition.clone());
        }
    }
    let mut part = part.clone();
    if let (Value::Object(members), false) = (&mut part, needed.is_empty()) {
        members.insert("$defs".to_owned(), Value::Object(needed));
    }
    part
}

/// The names of the definitions that a schema refers to.
fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, member)| match member.as_str().filter(|_| key == "$ref") {
                Some(text) => {
                    text.strip_prefix("#/$defs/").map(str::to_owned).into_iter().collect()
                }
                None => references(member),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// How many values there are in a value.
pub(crate) fn weigh(value: &Value) -> usize {
    match value {
        Value::Object(members) => members.values().map(weigh).fold(1, usize::saturating_add),
        Value::Array(items) => items.iter().map(weigh).fold(1, usize::saturating_add),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    }
}

/// Opens definitions that lead to themselves without going into a value: no reader of schemas
/// would come to an end with them. Gives their names.
pub(crate) fn break_loops(definitions: &mut Map<String, Value>) -> Vec<String> {
    let mut broken = Vec::new();
    let names: Vec<String> = definitions.keys().cloned().collect();
    for name in names {
        let mut seen: HashSet<String> = HashSet::new();
        let mut next: Vec<String> = definitions.get(&name).map(same_place).unwrap_or_default();
        let mut loops = false;
        while let Some(other) = next.pop() {
            if other == name {
                loops = true;
                break;
            }
            if seen.insert(other.clone()) {
                next.extend(definitions.get(&other).map(same_place).unwrap_or_default());
            }
        }
        if loops {
            definitions.insert(name.clone(), json!({}));
            broken.push(name);
        }
    }
    broken
}

/// The definitions that a schema applies to the very value it is about.
fn same_place(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        found.extend(name.strip_prefix("#/$defs/").map(str::to_owned));
    }
    for key in ["allOf", "anyOf", "oneOf"] {
        let list = schema.get(key).and_then(Value::as_array);
        found.extend(list.into_iter().flatten().flat_map(same_place));
    }
    for key in ["not", "if", "then", "else"] {
        found.extend(schema.get(key).into_iter().flat_map(same_place));
    }
    if let Some(schemas) = schema.get("dependentSchemas").and_then(Value::as_object) {
        found.extend(schemas.values().flat_map(same_place));
    }
    found
}
