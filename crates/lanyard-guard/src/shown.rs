//! What a person is shown of a call's arguments before they say yes or no to it.
//!
//! A value is hidden where any part of the schema that may be about it says so: `writeOnly: true`,
//! `format: "password"` or `x-lanyard-sensitive: true`. All branches count (`anyOf`, `if`, references
//! within the schema), whether or not the value is of that branch; and what cannot be followed hides
//! what it is about. Long texts are cut and say how long they are.

use serde_json::{Map, Value};

/// What stands for a value that is not shown.
const HIDDEN: &str = "•••";

/// The most that is shown of one text, in characters.
const TEXT_CHARS_MAX: usize = 1000;

/// Values that are shown. Past it a place says that there is more.
const VALUES_MAX: usize = 500;

/// Characters that are shown, all texts and names together.
const CHARS_MAX: usize = 50_000;

/// How far references and branches are followed for one value.
const BRANCHES_MAX: usize = 200;

/// Arguments as a person may see them.
pub fn shown(schema: &Value, arguments: &Map<String, Value>) -> Value {
    let mut view = View { root: schema, values: VALUES_MAX, chars: CHARS_MAX };
    let about = view.about(vec![schema]);
    match about {
        About::Open(schemas) => Value::Object(view.object(&schemas, arguments)),
        About::Hidden => Value::from(HIDDEN),
    }
}

/// Whether the schema says of an argument, or of anything that may stand within it, that it is not to
/// be shown; whatever its value is.
pub fn hides_any_of(schema: &Value, argument: &str) -> bool {
    let view = View { root: schema, values: 0, chars: 0 };
    let About::Open(schemas) = view.about(vec![schema]) else { return true };
    let mut open = member_schemas(&schemas, argument);
    let mut seen: Vec<&Value> = Vec::new();
    while let Some(next) = open.pop() {
        let About::Open(schemas) = view.about(vec![next]) else { return true };
        for schema in schemas {
            if seen.iter().any(|known| std::ptr::eq(*known, schema)) {
                continue;
            }
            if seen.len() >= BRANCHES_MAX {
                return true;
            }
            seen.push(schema);
            open.extend(within(schema));
        }
    }
    false
}

/// Every part of a schema that may be about a member or an item, whichever it is.
fn within(schema: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    for key in ["properties", "patternProperties"] {
        let members = schema.get(key).and_then(Value::as_object);
        found.extend(members.into_iter().flatten().map(|(_, schema)| schema));
    }
    for key in ["items", "prefixItems"] {
        match schema.get(key) {
            Some(Value::Array(places)) => found.extend(places),
            Some(one) => found.push(one),
            None => {}
        }
    }
    for key in [
        "additionalProperties",
        "unevaluatedProperties",
        "additionalItems",
        "unevaluatedItems",
        "contains",
    ] {
        found.extend(schema.get(key));
    }
    found
}

/// What the schema says about one value.
enum About<'a> {
    /// It is not to be shown.
    Hidden,
    /// Every part of the schema that may be about it.
    Open(Vec<&'a Value>),
}

struct View<'a> {
    root: &'a Value,
    /// How many more values may be shown.
    values: usize,
    /// How many more characters.
    chars: usize,
}

impl<'a> View<'a> {
    /// Follows branches and references to everything that may be about a value.
    fn about(&self, mut open: Vec<&'a Value>) -> About<'a> {
        let mut schemas: Vec<&Value> = Vec::new();
        while let Some(schema) = open.pop() {
            if schemas.iter().any(|known| std::ptr::eq(*known, schema)) {
                continue;
            }
            if hides(schema) || schemas.len() >= BRANCHES_MAX {
                return About::Hidden;
            }
            schemas.push(schema);
            for key in ["$ref", "$dynamicRef", "$recursiveRef"] {
                let Some(reference) = schema.get(key) else { continue };
                match reference.as_str().and_then(|text| self.referred(text)) {
                    Some(target) => open.push(target),
                    None => return About::Hidden,
                }
            }
            for key in ["allOf", "anyOf", "oneOf"] {
                open.extend(schema.get(key).and_then(Value::as_array).into_iter().flatten());
            }
            for key in ["if", "then", "else", "not"] {
                open.extend(schema.get(key));
            }
            for key in ["dependentSchemas", "dependencies"] {
                let members = schema.get(key).and_then(Value::as_object);
                open.extend(members.into_iter().flatten().map(|(_, schema)| schema));
            }
        }
        About::Open(schemas)
    }

    /// What a reference within the schema leads to.
    fn referred(&self, text: &str) -> Option<&'a Value> {
        let place = text.strip_prefix('#')?;
        if place.is_empty() {
            return Some(self.root);
        }
        if place.starts_with('/') {
            let decoded = percent_decoded(place)?;
            return self.root.pointer(&decoded);
        }
        anchored(self.root, place)
    }

    fn object(
        &mut self,
        schemas: &[&'a Value],
        members: &Map<String, Value>,
    ) -> Map<String, Value> {
        let mut shown = Map::new();
        for (name, value) in members {
            if self.values == 0 || self.chars == 0 {
                let left = members.len().saturating_sub(shown.len());
                shown.insert("…".to_owned(), Value::from(format!("{left} more")));
                break;
            }
            let about = self.about(member_schemas(schemas, name));
            let value = self.value(about, value);
            let name = self.text(name);
            shown.insert(name, value);
        }
        shown
    }

    fn array(&mut self, schemas: &[&'a Value], items: &[Value]) -> Vec<Value> {
        let mut shown = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if self.values == 0 || self.chars == 0 {
                let left = items.len().saturating_sub(index);
                shown.push(Value::from(format!("… {left} more")));
                break;
            }
            let about = self.about(item_schemas(schemas, index));
            shown.push(self.value(about, item));
        }
        shown
    }

    fn value(&mut self, about: About<'a>, value: &Value) -> Value {
        self.values = self.values.saturating_sub(1);
        let schemas = match about {
            About::Hidden => return Value::from(HIDDEN),
            About::Open(schemas) => schemas,
        };
        match value {
            Value::Null | Value::Bool(_) => value.clone(),
            Value::Number(number) => {
                let text = number.as_str();
                if text.len() > TEXT_CHARS_MAX {
                    Value::from(self.text(text))
                } else {
                    value.clone()
                }
            }
            Value::String(text) => Value::from(self.text(text)),
            Value::Array(items) => Value::Array(self.array(&schemas, items)),
            Value::Object(members) => Value::Object(self.object(&schemas, members)),
        }
    }

    /// A text, cut where it is long, with its length.
    fn text(&mut self, text: &str) -> String {
        let chars = text.chars().count();
        let most = TEXT_CHARS_MAX.min(self.chars);
        self.chars = self.chars.saturating_sub(chars);
        if chars <= most {
            return text.to_owned();
        }
        let begin: String = text.chars().take(most).collect();
        format!("{begin}… ({chars} characters)")
    }
}

/// Whether a schema says of what it is about that it is not to be shown.
fn hides(schema: &Value) -> bool {
    let says = |key: &str| schema.get(key) == Some(&Value::Bool(true));
    let password = || schema.get("format").and_then(Value::as_str) == Some("password");
    says("writeOnly") || says("x-lanyard-sensitive") || password()
}

/// The parts of a schema that may be about a member: of this name, of names by pattern (whichever
/// they are), of names in general.
fn member_schemas<'a>(schemas: &[&'a Value], name: &str) -> Vec<&'a Value> {
    let mut found = Vec::new();
    for schema in schemas {
        found.extend(schema.get("properties").and_then(|properties| properties.get(name)));
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        found.extend(patterns.into_iter().flatten().map(|(_, schema)| schema));
        let named = schema.get("properties").is_some_and(|it| it.get(name).is_some());
        if !named {
            found.extend(schema.get("additionalProperties"));
            found.extend(schema.get("unevaluatedProperties"));
        }
    }
    found
}

/// The parts of a schema that may be about an item.
fn item_schemas<'a>(schemas: &[&'a Value], index: usize) -> Vec<&'a Value> {
    let mut found = Vec::new();
    for schema in schemas {
        for key in ["items", "prefixItems"] {
            match schema.get(key) {
                // Until 2019-09 `items` may be a list, too.
                Some(Value::Array(places)) => found.extend(places.get(index)),
                Some(one) => found.push(one),
                None => {}
            }
        }
        for key in ["additionalItems", "contains", "unevaluatedItems"] {
            found.extend(schema.get(key));
        }
    }
    found
}

/// The part of a schema with this anchor.
fn anchored<'a>(schema: &'a Value, anchor: &str) -> Option<&'a Value> {
    let mut open = vec![schema];
    while let Some(one) = open.pop() {
        match one {
            Value::Object(members) => {
                let is = |key: &str| one.get(key).and_then(Value::as_str) == Some(anchor);
                if is("$anchor") || is("$dynamicAnchor") {
                    return Some(one);
                }
                open.extend(members.iter().map(|(_, member)| member));
            }
            Value::Array(items) => open.extend(items),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    None
}

/// A JSON pointer out of a fragment.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let (high, low) = (digit()?, digit()?);
            bytes.push(u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests;
