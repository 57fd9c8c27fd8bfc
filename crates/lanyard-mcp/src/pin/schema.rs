//! Compares two JSON Schemas: whether they allow the same, or only word it otherwise.

use serde_json::{Map, Value};

use super::{Code, Reason};
use crate::json::canonical;
use crate::text::visible;

/// Keywords that are for people. They allow and refuse nothing.
const DESCRIPTIVE: &[&str] = &["title", "description", "examples", "$comment"];

/// Keywords whose value is a list in which the order says nothing.
const SETS: &[&str] = &["required", "enum", "type"];

/// Keywords whose value maps names of the author's choice to schemas.
const NAMED: &[&str] = &[
    "properties",
    "patternProperties",
    "$defs",
    "definitions",
    "dependentSchemas",
    "dependencies",
];

/// Keywords whose value is a schema, or a list of schemas.
const NESTED: &[&str] = &[
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "oneOf",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// The longest place that is shown.
const PLACE_CHARS_MAX: usize = 120;

/// What it means that a schema differs from the pinned one. Nothing, where only a list is in
/// another order in which the order says nothing.
pub(super) fn changed(
    code: Code,
    member: &str,
    before: Option<&Value>,
    after: Option<&Value>,
) -> Option<Reason> {
    let differ = |words: Words| {
        let whole = |schema: Option<&Value>| schema.map_or(Value::Null, |it| sorted(it, words));
        let (before, after) = (whole(before), whole(after));
        (canonical(&before) != canonical(&after)).then(|| place(member, &before, &after))
    };
    // A reference may lead into an example, which is a schema then.
    let has_schemas_in_words = [before, after].into_iter().flatten().any(refers_to_words);
    let words = if has_schemas_in_words { Words::Kept } else { Words::LeftOut };
    if let Some(place) = differ(words) {
        return Some(Reason::new(code, format!("`{place}` is not what was approved")));
    }
    differ(Words::Kept).map(|place| super::wording_of(&place))
}

/// What becomes of the keywords for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Words {
    Kept,
    LeftOut,
}

/// A schema in which the lists whose order says nothing are in one order.
fn sorted(schema: &Value, words: Words) -> Value {
    match schema {
        Value::Object(members) => Value::Object(sorted_members(members, words)),
        Value::Array(items) => Value::Array(items.iter().map(|item| sorted(item, words)).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => schema.clone(),
    }
}

fn sorted_members(members: &Map<String, Value>, words: Words) -> Map<String, Value> {
    let kept = members
        .iter()
        .filter(|(keyword, _)| words == Words::Kept || !DESCRIPTIVE.contains(&keyword.as_str()));
    kept.map(|(keyword, value)| {
        let value = match (keyword.as_str(), value) {
            (named, Value::Object(schemas)) if NAMED.contains(&named) => {
                let schemas = schemas.iter();
                let sorted = schemas.map(|(name, schema)| (name.clone(), sorted(schema, words)));
                Value::Object(sorted.collect())
            }
            (nested, value) if NESTED.contains(&nested) => sorted(value, words),
            (set, Value::Array(items)) if SETS.contains(&set) => {
                let mut items = items.clone();
                items.sort_by_cached_key(canonical);
                Value::Array(items)
            }
            (_, value) => value.clone(),
        };
        (keyword.clone(), value)
    })
    .collect()
}

/// Whether a reference leads somewhere below a word for people.
fn refers_to_words(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => members.iter().any(|(key, value)| {
            let is_reference = key == "$ref" || key == "$dynamicRef";
            let leads = |text: &str| DESCRIPTIVE.iter().any(|word| text.contains(word));
            (is_reference && value.as_str().is_some_and(leads)) || refers_to_words(value)
        }),
        Value::Array(items) => items.iter().any(refers_to_words),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The deepest place that holds everything that differs.
pub(super) fn place(root: &str, before: &Value, after: &Value) -> String {
    let mut path = root.to_owned();
    let (mut before, mut after) = (before, after);
    while let (Value::Object(left), Value::Object(right)) = (before, after) {
        let mut keys: Vec<&String> = left.keys().chain(right.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.retain(|key| left.get(*key).map(canonical) != right.get(*key).map(canonical));
        let [key] = keys.as_slice() else { break };
        path.push('.');
        path.push_str(&visible(key));
        let (Some(left), Some(right)) = (left.get(*key), right.get(*key)) else { break };
        (before, after) = (left, right);
    }
    if path.chars().nth(PLACE_CHARS_MAX).is_some() {
        path = path.chars().take(PLACE_CHARS_MAX).collect();
        path.push_str("...");
    }
    path
}
