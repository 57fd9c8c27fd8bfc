//! One text for equal arguments: keys sorted by their bytes at every level, numbers as written,
//! strings with the fewest escapes, no white space.

use serde_json::{Map, Value};

/// The canonical text of an object.
pub(crate) fn object(members: &Map<String, Value>) -> String {
    let mut out = String::with_capacity(256);
    push_object(members, &mut out);
    out
}

fn push_object(members: &Map<String, Value>, out: &mut String) {
    let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
    sorted.sort_unstable_by_key(|(key, _)| *key);
    out.push('{');
    for (index, (key, value)) in sorted.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push_string(key, out);
        out.push(':');
        push(value, out);
    }
    out.push('}');
}

fn push(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => out.push_str(number.as_str()),
        Value::String(text) => push_string(text, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                push(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => push_object(members, out),
    }
}

/// A JSON string: quote and backslash escaped, control characters as RFC 8259 (section 7) asks,
/// everything else as it is.
fn push_string(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0'..='\x1f' => out.push_str(&format!("\\u{:04x}", u32::from(character))),
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests;
