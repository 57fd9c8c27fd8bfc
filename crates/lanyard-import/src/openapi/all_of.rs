//! Schemas that all hold, as one schema where that says the same.

use serde_json::{Map, Value};

/// Merges translated schemas that all hold. What cannot be merged stays under `allOf`.
pub(crate) fn merge(parts: Vec<Map<String, Value>>) -> Map<String, Value> {
    let mut merged: Map<String, Value> = Map::new();
    let mut left: Vec<Value> = Vec::new();
    for mut part in parts {
        if let Some(Value::Array(own)) = part.shift_remove("allOf") {
            left.extend(own);
        }
        if part.is_empty() {
            continue;
        }
        if merged.is_empty() {
            merged = part;
            continue;
        }
        match both(&merged, &part) {
            Some(both) => merged = both,
            None => {
                // What is said to people goes to the whole.
                for key in ["description", "title"] {
                    if let Some(text) = part.shift_remove(key) {
                        merged.entry(key).or_insert(text);
                    }
                }
                left.push(Value::Object(part));
            }
        }
    }
    if left.is_empty() {
        return merged;
    }
    if merged.is_empty()
        && left.len() == 1
        && let Some(Value::Object(only)) = left.pop()
    {
        return only;
    }
    // A reference beside other keywords reads better as one of several.
    if merged.contains_key("$ref") && merged.len() == 1 {
        left.insert(0, Value::Object(std::mem::take(&mut merged)));
    }
    merged.insert("allOf".to_owned(), Value::Array(left));
    merged
}

/// One schema that says what two say together; none if there is no simple one.
fn both(left: &Map<String, Value>, right: &Map<String, Value>) -> Option<Map<String, Value>> {
    let mut merged = left.clone();
    for (key, value) in right {
        let Some(own) = left.get(key) else {
            merged.insert(key.clone(), value.clone());
            continue;
        };
        if own == value {
            continue;
        }
        let joined = match key.as_str() {
            "properties" => Value::Object(properties(own, value)?),
            "required" => union(own, value)?,
            "enum" => intersection(own, value)?,
            "type" => kind(own, value)?,
            "minimum" | "exclusiveMinimum" | "minLength" | "minItems" | "minProperties" => {
                if own.as_f64()? >= value.as_f64()? { own.clone() } else { value.clone() }
            }
            "maximum" | "exclusiveMaximum" | "maxLength" | "maxItems" | "maxProperties" => {
                if own.as_f64()? <= value.as_f64()? { own.clone() } else { value.clone() }
            }
            // The later one was written about the whole.
            "description" | "title" | "default" | "examples" | "deprecated" => value.clone(),
            // Members that one part does not know are those of the other.
            "additionalProperties" if *own == Value::Bool(false) => value.clone(),
            "additionalProperties" if *value == Value::Bool(false) => own.clone(),
            _ => return None,
        };
        merged.insert(key.clone(), joined);
    }
    let closed = merged.get("additionalProperties") == Some(&Value::Bool(false));
    let several = left.contains_key("properties") && right.contains_key("properties");
    if closed && several {
        merged.shift_remove("additionalProperties");
    }
    Some(merged)
}

fn properties(left: &Value, right: &Value) -> Option<Map<String, Value>> {
    let mut merged = left.as_object()?.clone();
    for (name, schema) in right.as_object()? {
        let joined = match (merged.get(name), schema) {
            (Some(own), _) if own == schema => continue,
            (Some(Value::Object(own)), Value::Object(other)) => {
                Value::Object(merge(vec![own.clone(), other.clone()]))
            }
            _ => schema.clone(),
        };
        merged.insert(name.clone(), joined);
    }
    Some(merged)
}

fn union(left: &Value, right: &Value) -> Option<Value> {
    let mut all = left.as_array()?.clone();
    for value in right.as_array()? {
        if !all.contains(value) {
            all.push(value.clone());
        }
    }
    Some(Value::Array(all))
}

fn intersection(left: &Value, right: &Value) -> Option<Value> {
    let right = right.as_array()?;
    let all: Vec<Value> =
        left.as_array()?.iter().filter(|value| right.contains(value)).cloned().collect();
    (!all.is_empty()).then_some(Value::Array(all))
}

/// A type that both allow.
fn kind(left: &Value, right: &Value) -> Option<Value> {
    let names = |value: &Value| -> Vec<String> {
        let list = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
        list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (left, right) = (names(left), names(right));
    let mut common: Vec<Value> = Vec::new();
    for name in &left {
        let narrower = if name == "number" && right.iter().any(|other| other == "integer") {
            "integer"
        } else if right.contains(name) || (name == "integer" && right.iter().any(|o| o == "number"))
        {
            name
        } else {
            continue;
        };
        common.push(Value::from(narrower));
    }
    match common.len() {
        0 => None,
        1 => common.pop(),
        _ => Some(Value::Array(common)),
    }
}
