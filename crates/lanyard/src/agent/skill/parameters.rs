//! The parameters of a tool in words: what a call needs, and what values it takes. Pure.

use serde_json::Value;

use super::text::{code, quoted};
use crate::agent::parameter::is_required;

/// The most parameters, listed values and members that are told; the schema has them all.
const PARAMETERS_MAX: usize = 40;
const VALUES_MAX: usize = 15;
const MEMBERS_MAX: usize = 20;
/// Characters of a parameter's description.
const ABOUT_CHARS_MAX: usize = 300;

/// One line for each parameter, those first that a call must have.
pub(super) fn lines(schema: &Value) -> Vec<String> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Vec::new();
    };
    let all = properties
        .iter()
        .map(|(name, property)| (is_required(schema, name), name, resolved(schema, property)));
    let (required, optional): (Vec<_>, Vec<_>) = all.partition(|(required, ..)| *required);
    let mut lines: Vec<String> = required
        .into_iter()
        .chain(optional)
        .take(PARAMETERS_MAX)
        .map(|(required, name, property)| line(schema, required, name, property))
        .collect();
    let left = properties.len().saturating_sub(PARAMETERS_MAX);
    if left > 0 {
        lines.push(format!("- and {left} more"));
    }
    lines
}

/// A property, or what it refers to inside the same schema.
fn resolved<'a>(schema: &'a Value, property: &'a Value) -> &'a Value {
    let target = property.get("$ref").and_then(Value::as_str).and_then(|it| it.strip_prefix('#'));
    target.and_then(|pointer| schema.pointer(pointer)).unwrap_or(property)
}

fn line(schema: &Value, required: bool, name: &str, property: &Value) -> String {
    let need = if required { "required" } else { "optional" };
    let mut line = format!("- {} ({}, {need})", code(name), kind(schema, property));
    if let Some(about) = property.get("description").and_then(Value::as_str)
        && !about.trim().is_empty()
    {
        line.push_str(&format!(": {}", quoted(about, ABOUT_CHARS_MAX)));
    }
    for note in notes(schema, property) {
        let end = if line.ends_with(['.', '!', '?']) { " " } else { ". " };
        line.push_str(&format!("{end}{note}"));
    }
    line
}

/// The type as people say it.
fn kind(schema: &Value, property: &Value) -> String {
    let items = property.get("items").map(|items| resolved(schema, items));
    let name = |name: &str| match (name, items) {
        ("array", Some(items)) if items.get("type").is_some_and(Value::is_string) => {
            format!("list of {}", plain(items.get("type").and_then(Value::as_str)))
        }
        ("array", _) => "list".to_owned(),
        (other, _) => plain(Some(other)).to_owned(),
    };
    match property.get("type") {
        Some(Value::String(one)) => name(one),
        Some(Value::Array(several)) => {
            let names = several.iter().filter_map(Value::as_str).map(name);
            names.collect::<Vec<_>>().join(" or ")
        }
        Some(_) | None if property.get("properties").is_some() => "object".to_owned(),
        Some(_) | None => "any".to_owned(),
    }
}

/// The words of JSON Schema and no others: a type is written by whoever runs the server.
fn plain(name: Option<&str>) -> &'static str {
    match name {
        Some("string") => "string",
        Some("integer") => "integer",
        Some("number") => "number",
        Some("boolean") => "boolean",
        Some("object") => "object",
        Some("array") => "list",
        Some("null") => "null",
        Some(_) | None => "any",
    }
}

/// What else a value has to be.
fn notes(schema: &Value, property: &Value) -> Vec<String> {
    let items = property.get("items").map(|items| resolved(schema, items));
    let mut notes = Vec::new();
    for (of, within) in [("One of", Some(property)), ("Items: one of", items)] {
        let listed = within.and_then(|it| it.get("enum")).and_then(Value::as_array);
        if let Some(listed) = listed {
            let shown = listed.iter().take(VALUES_MAX).map(value).collect::<Vec<_>>().join(", ");
            let more = if listed.len() > VALUES_MAX { ", and more" } else { "" };
            notes.push(format!("{of} {shown}{more}."));
        }
    }
    for (key, said) in [
        ("default", "Default"),
        ("format", "Format"),
        ("pattern", "Pattern"),
        ("minimum", "At least"),
        ("exclusiveMinimum", "More than"),
        ("maximum", "At most"),
        ("exclusiveMaximum", "Less than"),
        ("multipleOf", "A multiple of"),
        ("minLength", "Characters, at least"),
        ("maxLength", "Characters, at most"),
        ("minItems", "Items, at least"),
        ("maxItems", "Items, at most"),
    ] {
        if let Some(limit) = property.get(key).filter(|limit| !limit.is_null()) {
            notes.push(format!("{said}: {}.", value(limit)));
        }
    }
    notes.extend(members(schema, items.unwrap_or(property)));
    notes
}

/// The members of an object.
fn members(schema: &Value, object: &Value) -> Option<String> {
    let members = object.get("properties")?.as_object()?;
    let shown = members.iter().take(MEMBERS_MAX).map(|(name, member)| {
        let needed = if is_required(object, name) { ", required" } else { "" };
        format!("{} ({}{needed})", code(name), kind(schema, resolved(schema, member)))
    });
    let shown = shown.collect::<Vec<_>>().join(", ");
    let more = if members.len() > MEMBERS_MAX { ", and more" } else { "" };
    Some(format!("Members: {shown}{more}."))
}

/// A value of the schema: text without quotes where it is a word.
fn value(value: &Value) -> String {
    match value {
        Value::String(text) => code(text),
        // Many descriptions write whole limits as `1.0`.
        Value::Number(number) => {
            let text = number.to_string();
            code(text.strip_suffix(".0").unwrap_or(&text))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            code(&value.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::lines;

    #[test]
    fn parameters_are_told_with_what_they_take() {
        let schema = json!({
            "type": "object", "required": ["petId"],
            "$defs": {"Tag": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string"}, "id": {"type": "integer"}}}},
            "properties": {
                "status": {"type": "array", "items": {"type": "string", "enum": ["new", "old"]}},
                "petId": {"type": "integer", "description": "Its id.", "minimum": 1, "format": "int64"},
                "tag": {"$ref": "#/$defs/Tag"},
                "limit": {"type": ["integer", "null"], "default": 10, "maximum": 100},
                "x`\n# y": {"type": "evil\n# type", "description": "a\n\n# Heading", "enum": ["`\n"]},
            },
        });
        expect![[r#"
            - `petId` (integer, required): Its id. Format: `int64`. At least: `1`.
            - `status` (list of string, optional). Items: one of `new`, `old`.
            - `tag` (object, optional). Members: `name` (string, required), `id` (integer).
            - `limit` (integer or null, optional). Default: `10`. At most: `100`.
            - `` x` # y `` (any, optional): a # Heading. One of `` ` ``."#]]
        .assert_eq(&lines(&schema).join("\n"));
        assert!(lines(&json!({"type": "object"})).is_empty());
    }
}
