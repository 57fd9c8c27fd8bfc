//! Types guessed from values: from texts of queries and forms, and from JSON.

use serde_json::{Map, Value, json};

use crate::credential::looks_like_live_credential;
use crate::shell::variable;

/// How deep a schema follows JSON.
const DEPTH_MAX: usize = 8;

/// The most digits of a number: a longer one is an id, which not every reader keeps whole.
const DIGITS_MAX: usize = 15;

/// What texts are, all of them together. A type is only taken if it is written back the same way:
/// `007` and `1e3` stay texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Number,
    Boolean,
    Text,
}

impl Kind {
    pub(super) fn of(text: &str) -> Self {
        if matches!(text, "true" | "false") {
            return Self::Boolean;
        }
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = match digits.split_once('.') {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (digits, None),
        };
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let canonical = all_digits(whole) && (whole == "0" || !whole.starts_with('0'));
        if !canonical || digits.len() > DIGITS_MAX || text == "-0" {
            return Self::Text;
        }
        match fraction {
            None => Self::Integer,
            Some(fraction) if all_digits(fraction) => Self::Number,
            Some(_) => Self::Text,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Text => "string",
        }
    }
}

/// The kind that fits all of them.
pub(super) fn kind(texts: &[&str]) -> Kind {
    let known = texts.iter().filter(|text| !variable::has(text)).map(|text| Kind::of(text));
    known
        .reduce(|left, right| match (left, right) {
            _ if left == right => left,
            (Kind::Integer, Kind::Number) | (Kind::Number, Kind::Integer) => Kind::Number,
            _ => Kind::Text,
        })
        .unwrap_or(Kind::Text)
}

/// A text as a value of a kind.
pub(super) fn value(text: &str, kind: Kind) -> Value {
    match kind {
        Kind::Text => Value::String(text.to_owned()),
        Kind::Integer | Kind::Number | Kind::Boolean => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
        }
    }
}

/// The schema of a kind.
pub(super) fn kind_schema(kind: Kind) -> Value {
    json!({ "type": kind.name() })
}

/// The schema that all of these values satisfy.
pub(super) fn schema(values: &[&Value], depth: usize) -> Value {
    let known: Vec<&Value> = values.iter().copied().filter(|value| !is_bare(value)).collect();
    let mut types: Vec<&'static str> = Vec::new();
    for value in &known {
        let name = type_name(value);
        if !types.contains(&name) {
            types.push(name);
        }
    }
    if types.contains(&"number") {
        types.retain(|name| *name != "integer");
    }
    let nullable = types.contains(&"null");
    types.retain(|name| *name != "null");
    let one = match types.as_slice() {
        [one] if known.len() == values.len() && depth < DEPTH_MAX => *one,
        _ => return json!({}),
    };
    let mut members = Map::new();
    let kind = if nullable { json!([one, "null"]) } else { json!(one) };
    members.insert("type".to_owned(), kind);
    match one {
        "array" => {
            let items: Vec<&Value> =
                known.iter().filter_map(|value| value.as_array()).flatten().collect();
            if !items.is_empty() {
                members.insert("items".to_owned(), schema(&items, depth.saturating_add(1)));
            }
        }
        "object" => {
            let properties = properties(&known, depth);
            if !properties.is_empty() {
                members.insert("properties".to_owned(), Value::Object(properties));
            }
        }
        _ => {}
    }
    Value::Object(members)
}

fn properties(values: &[&Value], depth: usize) -> Map<String, Value> {
    let mut seen: Map<String, Value> = Map::new();
    let objects = || values.iter().filter_map(|value| value.as_object());
    for key in objects().flat_map(Map::keys) {
        let unfit = variable::has(key) || looks_like_live_credential(key).is_some();
        if unfit || seen.contains_key(key) {
            continue;
        }
        let under: Vec<&Value> = objects().filter_map(|object| object.get(key)).collect();
        seen.insert(key.clone(), schema(&under, depth.saturating_add(1)));
    }
    seen
}

/// A variable that stood where a value stands: it may be of any type.
fn is_bare(value: &Value) -> bool {
    value.as_str().is_some_and(variable::is_bare)
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.to_string().contains(['.', 'e', 'E']) => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether a value holds a variable somewhere, so that it is no example.
pub(super) fn has_variable(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => variable::has(text),
        Value::Array(items) => items.iter().any(has_variable),
        Value::Object(members) => {
            members.iter().any(|(key, member)| variable::has(key) || has_variable(member))
        }
    }
}
