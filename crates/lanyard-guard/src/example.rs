//! A value that fits a schema, as an example of it: to try a tool, and to show how it is called.
//!
//! What the schema itself gives (a default, an example, one of an enumeration) is told apart from
//! what is made up: a request with a made-up number of an invoice finds no invoice.

use serde_json::{Map, Number, Value};

use crate::schema::check_value;

/// How deep values are made. Schemas that contain themselves end here.
const DEPTH_MAX: u32 = 12;

/// The longest text, and the longest list, that is made up to reach a lower bound.
const LENGTH_MAX: u64 = 1_000;

/// Texts in the formats that JSON Schema names (2020-12, validation, 7.3), and in those by which
/// OpenAPI names files, which tools take in base64.
const FORMATS: [(&str, &str); 16] = [
    ("date", "2026-01-31"),
    ("date-time", "2026-01-31T12:00:00Z"),
    ("time", "12:00:00Z"),
    ("duration", "PT1H"),
    ("email", "somebody@example.com"),
    ("idn-email", "somebody@example.com"),
    ("hostname", "example.com"),
    ("ipv4", "192.0.2.1"),
    ("ipv6", "2001:db8::1"),
    ("uri", "https://example.com/"),
    ("uri-reference", "/example"),
    ("iri", "https://example.com/"),
    ("uuid", "3f2b8c1e-5d4a-4f6b-9c7d-8e9f0a1b2c3d"),
    ("json-pointer", "/example"),
    ("binary", "ZXhhbXBsZQ=="),
    ("byte", "ZXhhbXBsZQ=="),
];

/// A value, and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// The value. It is valid by the schema.
    pub value: Value,
    /// Whether the schema gives none of its own for a part of it.
    pub invented: bool,
}

/// An example of a schema: what is required and nothing else. None where none can be made up, of a
/// pattern for instance.
pub fn example(schema: &Value) -> Option<Example> {
    let mut maker = Maker { root: schema, invented: false };
    let value = maker.make(schema, 0)?;
    check_value(schema, &value).ok()?;
    Some(Example { value, invented: maker.invented })
}

struct Maker<'a> {
    root: &'a Value,
    invented: bool,
}

impl<'a> Maker<'a> {
    fn make(&mut self, schema: &'a Value, depth: u32) -> Option<Value> {
        if depth > DEPTH_MAX {
            return None;
        }
        let Value::Object(keywords) = schema else {
            return (*schema == Value::Bool(true)).then(|| self.invent("example".into()));
        };
        if let Some(given) = given(keywords) {
            return Some(given.clone());
        }
        let deeper = depth.saturating_add(1);
        if let Some(target) = keywords.get("$ref").and_then(Value::as_str) {
            let target = self.root.pointer(target.strip_prefix('#')?)?;
            return self.make(target, deeper);
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(Value::Array(ways)) = keywords.get(key) {
                return ways.iter().find_map(|way| self.joined(keywords, way, deeper));
            }
        }
        if let Some(Value::Array(all)) = keywords.get("allOf") {
            return self.all(keywords, all, deeper);
        }
        self.plain(keywords, deeper)
    }

    /// One way of a choice, with what stands beside the choice. Objects are put together.
    fn joined(
        &mut self,
        beside: &'a Map<String, Value>,
        way: &'a Value,
        depth: u32,
    ) -> Option<Value> {
        let mut made = self.make(way, depth)?;
        if let Value::Object(members) = &mut made
            && beside.contains_key("properties")
        {
            let Some(Value::Object(own)) = self.plain(beside, depth) else { return None };
            members.extend(own);
        }
        Some(made)
    }

    fn all(
        &mut self,
        beside: &'a Map<String, Value>,
        all: &'a [Value],
        depth: u32,
    ) -> Option<Value> {
        let mut members = Map::new();
        let mut only = None;
        for part in all {
            let made = self.make(part, depth)?;
            match made.as_object() {
                Some(made) => members.extend(made.clone()),
                None => only = only.or(Some(made)),
            }
        }
        if beside.contains_key("properties")
            && let Some(Value::Object(own)) = self.plain(beside, depth)
        {
            members.extend(own);
        }
        only.or(Some(Value::Object(members)))
    }

    fn plain(&mut self, keywords: &'a Map<String, Value>, depth: u32) -> Option<Value> {
        let named = match keywords.get("type") {
            Some(Value::String(name)) => Some(name.as_str()),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).next(),
            Some(_) | None => None,
        };
        let implied = if keywords.contains_key("properties") { "object" } else { "string" };
        match named.unwrap_or(implied) {
            "object" => self.object(keywords, depth),
            "array" => self.array(keywords, depth),
            "string" => self.text(keywords),
            "integer" => self.number(keywords, true),
            "number" => self.number(keywords, false),
            "boolean" => Some(self.invent(Value::Bool(false))),
            "null" => Some(Value::Null),
            _ => None,
        }
    }

    fn object(&mut self, keywords: &'a Map<String, Value>, depth: u32) -> Option<Value> {
        let mut made = Map::new();
        let required = keywords.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            let value = match keywords.get("properties").and_then(|all| all.get(name)) {
                Some(schema) => self.make(schema, depth)?,
                None => self.invent("example".into()),
            };
            made.insert(name.to_owned(), value);
        }
        Some(Value::Object(made))
    }

    fn array(&mut self, keywords: &'a Map<String, Value>, depth: u32) -> Option<Value> {
        let least = bound(keywords, "minItems");
        if least > LENGTH_MAX {
            return None;
        }
        let mut items = Vec::new();
        for _ in 0..least {
            items.push(match keywords.get("items") {
                Some(schema) => self.make(schema, depth)?,
                None => self.invent("example".into()),
            });
        }
        Some(Value::Array(items))
    }

    fn text(&mut self, keywords: &Map<String, Value>) -> Option<Value> {
        // What fits a pattern is not guessed.
        if keywords.contains_key("pattern") {
            return None;
        }
        if let Some(format) = keywords.get("format").and_then(Value::as_str)
            && let Some((_, text)) = FORMATS.iter().find(|(name, _)| *name == format)
        {
            return Some(self.invent((*text).into()));
        }
        let least = bound(keywords, "minLength");
        let most = keywords.get("maxLength").and_then(Value::as_u64).unwrap_or(LENGTH_MAX);
        if least > LENGTH_MAX {
            return None;
        }
        let length = least.max(7).min(most.max(least));
        let length = usize::try_from(length).ok()?;
        let text: String = "example".chars().cycle().take(length).collect();
        Some(self.invent(text.into()))
    }

    fn number(&mut self, keywords: &Map<String, Value>, whole: bool) -> Option<Value> {
        let of = |key: &str| keywords.get(key).and_then(Value::as_f64);
        let least = of("minimum").or_else(|| of("exclusiveMinimum").map(|it| it + 1.0));
        let most = of("maximum").or_else(|| of("exclusiveMaximum").map(|it| it - 1.0));
        let least = least.map_or(f64::MIN, f64::ceil);
        let value = 1.0_f64.min(most.map_or(f64::MAX, f64::floor)).max(least);
        let value = match of("multipleOf") {
            Some(step) if step > 0.0 => (value / step).ceil() * step,
            Some(_) | None => value,
        };
        // Without a fraction, and small enough that it is written as it is.
        if value.abs() > 9.0e15 || (whole && value.fract() != 0.0) {
            return None;
        }
        let number = match value.fract() == 0.0 {
            true => format!("{value:.0}").parse::<i64>().ok().map(Number::from),
            false => Number::from_f64(value),
        };
        number.map(|number| self.invent(Value::Number(number)))
    }

    fn invent(&mut self, value: Value) -> Value {
        self.invented = true;
        value
    }
}

/// What the schema itself says that a value may be.
fn given(keywords: &Map<String, Value>) -> Option<&Value> {
    let first = |key: &str| keywords.get(key).and_then(Value::as_array).and_then(|all| all.first());
    keywords
        .get("const")
        .or_else(|| keywords.get("default"))
        .or_else(|| first("examples"))
        .or_else(|| keywords.get("example"))
        .or_else(|| first("enum"))
}

fn bound(keywords: &Map<String, Value>, key: &str) -> u64 {
    keywords.get(key).and_then(Value::as_u64).unwrap_or(0)
}

#[cfg(test)]
mod tests;
