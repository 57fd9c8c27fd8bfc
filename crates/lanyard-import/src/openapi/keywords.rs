//! The keywords of a schema that hold no schemas: limits, lists of values, texts.

use serde_json::{Map, Number, Value};

use super::context::Context;
use super::types::{fitted, is_nullable, only};

/// The most characters of a description inside a schema.
const DESCRIPTION_MAX: usize = 200;

/// The most values of an `enum`.
const ENUM_MAX: usize = 500;

/// The longest text of an example.
const EXAMPLE_MAX: usize = 120;

const COUNTS: &[&str] = &[
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minContains",
    "maxContains",
];

/// Puts the keywords of `schema` that hold no schemas into `out`, whose type is there already.
pub(crate) fn put(
    schema: &Map<String, Value>,
    out: &mut Map<String, Value>,
    place: &str,
    context: &Context<'_>,
) {
    for (key, value) in schema {
        match (key.as_str(), value) {
            (_, Value::Null) => {}
            ("format" | "contentEncoding" | "contentMediaType", Value::String(text)) => {
                out.insert(key.clone(), Value::from(text.as_str()));
            }
            ("pattern", Value::String(pattern)) => put_pattern(pattern, out, place, context),
            ("uniqueItems" | "deprecated", Value::Bool(true)) => {
                out.insert(key.clone(), Value::Bool(true));
            }
            ("multipleOf", _) => put_number(key, value, out, &|number| number > 0.0),
            (key, _) if COUNTS.contains(&key) => {
                put_number(key, value, out, &|number| number >= 0.0 && number.fract() == 0.0);
            }
            _ => {}
        }
    }
    put_bounds(schema, out);
    put_values(schema, out, place, context);
    put_texts(schema, out);
}

/// A number, also where it is written as a text.
fn number(value: &Value) -> Option<Number> {
    match fitted(value, Some("number")) {
        Value::Number(number) => Some(number),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

fn put_number(key: &str, value: &Value, out: &mut Map<String, Value>, may: &dyn Fn(f64) -> bool) {
    if let Some(number) = number(value).filter(|number| number.as_f64().is_some_and(may)) {
        out.insert(key.to_owned(), Value::Number(number));
    }
}

/// `minimum` and its kin. A boolean `exclusiveMinimum` is that of older drafts.
fn put_bounds(schema: &Map<String, Value>, out: &mut Map<String, Value>) {
    for (bound, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        let own = schema.get(bound).and_then(number);
        match (schema.get(exclusive), own) {
            (Some(Value::Bool(true)), Some(own)) => {
                out.insert(exclusive.to_owned(), Value::Number(own));
                continue;
            }
            (Some(Value::Bool(_)) | None, own) => put_own(bound, own, out),
            (Some(value), own) => {
                put_own(bound, own, out);
                put_own(exclusive, number(value), out);
            }
        }
    }
}

fn put_own(key: &str, number: Option<Number>, out: &mut Map<String, Value>) {
    if let Some(number) = number {
        out.insert(key.to_owned(), Value::Number(number));
    }
}

/// A pattern that can be enforced. Some are written as in a programming language, `/^a$/`.
fn put_pattern(pattern: &str, out: &mut Map<String, Value>, place: &str, context: &Context<'_>) {
    let inner = pattern.strip_prefix("/^").and_then(|rest| rest.strip_suffix("$/"));
    let pattern = inner.map_or_else(|| pattern.to_owned(), |inner| format!("^{inner}$"));
    let known = context.patterns.borrow().get(&pattern).copied();
    let usable = known.unwrap_or_else(|| {
        let schema = serde_json::json!({ "pattern": pattern });
        let usable = context.options.schemas.check_schema(&schema).is_ok();
        context.patterns.borrow_mut().insert(pattern.clone(), usable);
        usable
    });
    if usable {
        out.insert("pattern".to_owned(), Value::from(pattern));
    } else {
        let text = "the pattern cannot be enforced (look-around, back-references and the like): \
                    the API checks it alone";
        context.notes.warning(place, text);
    }
}

/// `enum` and `const`, with values that fit the type.
fn put_values(
    schema: &Map<String, Value>,
    out: &mut Map<String, Value>,
    place: &str,
    context: &Context<'_>,
) {
    let kind = only(&Value::Object(out.clone())).map(str::to_owned);
    if let Some(value) = schema.get("const") {
        out.insert("const".to_owned(), value.clone());
    }
    let Some(values) = schema.get("enum") else { return };
    let Some(values) = values.as_array().filter(|values| !values.is_empty()) else {
        context.notes.warning(place, "`enum` is no list of values: any is taken");
        return;
    };
    if values.len() > ENUM_MAX {
        let text = format!("an `enum` has more than {ENUM_MAX} values: the API checks it alone");
        context.notes.warning(place, text);
        return;
    }
    let mut fitting: Vec<Value> = Vec::with_capacity(values.len());
    for value in values {
        let value = fitted(value, kind.as_deref());
        if !fitting.contains(&value) {
            fitting.push(value);
        }
    }
    if is_nullable(schema) && !fitting.contains(&Value::Null) {
        fitting.push(Value::Null);
    }
    out.insert("enum".to_owned(), Value::Array(fitting));
}

/// Description, title and one short example.
fn put_texts(schema: &Map<String, Value>, out: &mut Map<String, Value>) {
    let text = |key: &str| schema.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    match (text("description"), text("title")) {
        (Some(description), _) => {
            let short = crate::shorten(description, DESCRIPTION_MAX);
            if !short.is_empty() {
                out.insert("description".to_owned(), Value::from(short));
            }
        }
        (None, Some(title)) => {
            out.insert("title".to_owned(), Value::from(crate::shorten(title, DESCRIPTION_MAX)));
        }
        (None, None) => {}
    }
    put_default(schema, out);
    let several = schema.get("examples").and_then(Value::as_array).and_then(|list| list.first());
    if let Some(example) = several.or_else(|| schema.get("example")).and_then(example) {
        out.insert("examples".to_owned(), Value::Array(vec![example]));
    }
}

/// What the API fills in is told in the description.
fn put_default(schema: &Map<String, Value>, out: &mut Map<String, Value>) {
    let Some(told) = schema.get("default").and_then(default_text) else { return };
    let mut text = out.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    if text.to_lowercase().contains("default") {
        return;
    }
    add_sentence(&mut text, &told);
    out.insert("description".to_owned(), Value::from(text));
}

/// Appends a sentence to a description.
pub(crate) fn add_sentence(text: &mut String, sentence: &str) {
    if !text.is_empty() {
        let ended = text.ends_with(['.', '!', '?', '…', ':']);
        text.push_str(if ended { " " } else { ". " });
    }
    text.push_str(sentence);
}

/// An example that says more than it costs.
pub(crate) fn example(value: &Value) -> Option<Value> {
    match value {
        Value::Bool(_) | Value::Number(_) => Some(value.clone()),
        Value::String(text) if !text.is_empty() && text.len() <= EXAMPLE_MAX => Some(value.clone()),
        Value::Array(items) if items.iter().all(|item| !item.is_array() && !item.is_object()) => {
            let short = !items.is_empty() && value.to_string().len() <= EXAMPLE_MAX;
            short.then(|| value.clone())
        }
        Value::Null | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What the API does by itself where nothing is said, for a description. It is told, not sent: a
/// value that is filled in would be written where the caller meant to leave something alone.
pub(crate) fn default_text(value: &Value) -> Option<String> {
    match value {
        Value::Bool(_) | Value::Number(_) => Some(format!("Default: {value}.")),
        Value::String(text) if !text.is_empty() && text.len() <= EXAMPLE_MAX => {
            Some(format!("Default: {}.", crate::one_line(text)))
        }
        Value::Array(_) | Value::Object(_) => {
            let text = value.to_string();
            (text.len() <= EXAMPLE_MAX && text.len() > 2).then(|| format!("Default: {text}."))
        }
        Value::Null | Value::String(_) => None,
    }
}
