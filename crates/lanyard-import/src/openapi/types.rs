//! `type` and its values in every spelling that documents use, as JSON Schema has them.

use serde_json::{Map, Value};

/// What a `type` means: a type of JSON Schema, perhaps with a format.
fn known(name: &str) -> Option<(&'static str, Option<&'static str>)> {
    Some(match name.to_ascii_lowercase().as_str() {
        "string" | "str" | "text" | "char" | "enum" => ("string", None),
        "integer" | "int" | "long" | "int32" | "int64" | "short" | "timestamp" => ("integer", None),
        "number" | "float" | "double" | "decimal" | "numeric" => ("number", None),
        "boolean" | "bool" => ("boolean", None),
        "array" | "list" => ("array", None),
        "object" | "map" | "hash" | "dict" => ("object", None),
        "null" => ("null", None),
        "file" | "binary" => ("string", Some("binary")),
        "date" => ("string", Some("date")),
        "datetime" | "date-time" => ("string", Some("date-time")),
        "uuid" => ("string", Some("uuid")),
        "uri" | "url" => ("string", Some("uri")),
        "email" => ("string", Some("email")),
        "byte" => ("string", Some("byte")),
        "password" => ("string", Some("password")),
        _ => return None,
    })
}

/// Puts the type of a schema into `out`. What is no type is told by `tell`; the schema then allows
/// every type.
pub(crate) fn put(
    schema: &Map<String, Value>,
    out: &mut Map<String, Value>,
    tell: &dyn Fn(String),
) {
    let names: Vec<&str> = match schema.get("type") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        Some(Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            tell("`type` is no name of a type: any is taken".to_owned());
            Vec::new()
        }
    };
    let mut kinds: Vec<&'static str> = Vec::new();
    for name in names {
        let Some((kind, format)) = known(name) else {
            if !name.eq_ignore_ascii_case("any") {
                tell(format!("`{}` is no type: any is taken", super::document::shown(name)));
            }
            kinds.clear();
            break;
        };
        if let Some(format) = format.filter(|_| !schema.contains_key("format")) {
            out.insert("format".to_owned(), Value::from(format));
        }
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    if kinds.is_empty() {
        kinds.extend(inferred(schema));
    }
    if is_nullable(schema) && !kinds.is_empty() && !kinds.contains(&"null") {
        kinds.push("null");
    }
    match kinds.as_slice() {
        [] => {}
        [kind] => {
            out.insert("type".to_owned(), Value::from(*kind));
        }
        several => {
            out.insert("type".to_owned(), several.iter().copied().map(Value::from).collect());
        }
    }
}

/// Whether a schema of OpenAPI 3.0 or Swagger 2.0 allows null beside its type.
pub(crate) fn is_nullable(schema: &Map<String, Value>) -> bool {
    let flag = |key: &str| schema.get(key).and_then(Value::as_bool) == Some(true);
    flag("nullable") || flag("x-nullable")
}

/// The type that a schema without one means by its other keywords.
fn inferred(schema: &Map<String, Value>) -> Option<&'static str> {
    let has = |key: &str| schema.get(key).is_some_and(|value| !value.is_null());
    let union = ["oneOf", "anyOf", "allOf", "$ref", "not", "const"].iter().any(|key| has(key));
    let texts = |value: &Value| value.as_array().is_some_and(|v| v.iter().all(Value::is_string));
    if has("properties") || (has("additionalProperties") && !union) {
        Some("object")
    } else if has("items") {
        Some("array")
    } else if !union && schema.get("enum").is_some_and(texts) {
        Some("string")
    } else {
        None
    }
}

/// The type of a translated schema, if it is one alone or one and null.
pub(crate) fn only(schema: &Value) -> Option<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => Some(kind),
        Some(Value::Array(kinds)) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null");
            let first = kinds.next();
            if kinds.next().is_some() { None } else { first }
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => None,
    }
}

/// A value in the form that a type wants, where only its spelling differs: `"10"` for a number, 10
/// for a text.
pub(crate) fn fitted(value: &Value, kind: Option<&str>) -> Value {
    match (kind, value) {
        (Some("string"), Value::Number(number)) => Value::from(number.to_string()),
        (Some("string"), Value::Bool(flag)) => Value::from(flag.to_string()),
        (Some("integer" | "number"), Value::String(text)) => {
            let number = text.trim().parse::<serde_json::Number>();
            number.map_or_else(|_| value.clone(), Value::Number)
        }
        (Some("boolean"), Value::String(text)) => match text.as_str() {
            "true" | "True" => Value::Bool(true),
            "false" | "False" => Value::Bool(false),
            _ => value.clone(),
        },
        _ => value.clone(),
    }
}
