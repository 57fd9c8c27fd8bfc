//! A tool's parameters as its input schema describes them. Pure.
//!
//! The descriptions follow mcporter, so that listings agree. How a typed text becomes a value is
//! decided beside the arguments.

use serde_json::{Map, Value};

/// One property of a tool's input.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parameter<'a> {
    /// Its name, as the schema spells it.
    pub(super) property: &'a str,
    /// What it is for.
    pub(super) description: Option<&'a str>,
    /// Whether a call must have it.
    pub(super) required: bool,
    /// Its type in listings.
    pub(super) kind: Kind,
    /// The type of a list's items in listings.
    pub(super) item_kind: Kind,
    /// The strings it may be, where they are listed.
    pub(super) choices: Vec<&'a str>,
    /// What it is when absent.
    pub(super) default: Option<&'a Value>,
    /// A format, as people write it.
    pub(super) format: Option<String>,
    /// The format as the schema writes it.
    format_slug: Option<&'a str>,
}

/// A type in listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Text.
    String,
    /// A number, whole or not.
    Number,
    /// Yes or no.
    Boolean,
    /// A list.
    Array,
    /// An object.
    Object,
    /// Several, or none that can be told.
    Unknown,
}

impl Kind {
    /// The word that JSON listings hold.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Array => "array",
            Self::Object => "object",
            Self::Unknown => "unknown",
        }
    }

    /// The type as a signature writes it.
    pub(super) fn in_signature(self) -> &'static str {
        match self {
            Self::Object => "Record<string, unknown>",
            Self::Array | Self::Unknown => "unknown",
            Self::String | Self::Number | Self::Boolean => self.as_str(),
        }
    }

    fn of(schema: &Value) -> Self {
        let kind = |value: &Value| match value.as_str() {
            Some("string") => Some(Self::String),
            Some("number" | "integer") => Some(Self::Number),
            Some("boolean") => Some(Self::Boolean),
            Some("array") => Some(Self::Array),
            Some("object") => Some(Self::Object),
            Some(_) | None => None,
        };
        let declared = schema.get("type");
        let first = match declared.and_then(Value::as_array) {
            Some(several) => several.iter().find_map(kind),
            None => declared.and_then(kind),
        };
        first.unwrap_or(Self::Unknown)
    }
}

/// The parameters of a tool, in the order of its schema.
pub(super) fn parameters(schema: &Value) -> Vec<Parameter<'_>> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let properties = properties.map(Map::iter).into_iter().flatten();
    properties.map(|(name, property)| Parameter::read(schema, name, property)).collect()
}

/// Whether a schema says that a property must be there.
pub(super) fn is_required(schema: &Value, name: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    required.is_some_and(|names| names.iter().any(|it| it.as_str() == Some(name)))
}

impl<'a> Parameter<'a> {
    fn read(schema: &Value, property: &'a str, descriptor: &'a Value) -> Self {
        let kind = Kind::of(descriptor);
        let items = descriptor.get("items").filter(|_| kind == Kind::Array);
        let description = descriptor.get("description").and_then(Value::as_str);
        let format_slug = descriptor.get("format").and_then(Value::as_str);
        Self {
            property,
            description,
            required: is_required(schema, property),
            kind,
            item_kind: items.map_or(Kind::Unknown, Kind::of),
            choices: choices(
                descriptor.get("enum").or_else(|| items.and_then(|it| it.get("enum"))),
            ),
            default: descriptor.get("default"),
            format: format_slug.map(format_text),
            format_slug,
        }
    }

    /// The name as a flag: `messageType` is `message-type`.
    pub(super) fn cli_name(&self) -> String {
        kebab(self.property)
    }

    /// `<name>`, `<a:number>`, `<message-type:error|success>`.
    pub(super) fn placeholder(&self) -> String {
        let name = self.cli_name();
        if !self.choices.is_empty() {
            return format!("<{name}:{}>", self.choices.join("|"));
        }
        match self.kind {
            Kind::Number => format!("<{name}:number>"),
            Kind::Boolean => format!("<{name}:true|false>"),
            Kind::Array => format!("<{name}:value1,value2>"),
            Kind::Object => format!("<{name}:json>"),
            Kind::String | Kind::Unknown => match self.format_slug {
                Some(format) => format!("<{name}:{format}>"),
                None => format!("<{name}>"),
            },
        }
    }

    /// A value as one would type it, where one can be thought of.
    pub(super) fn example_value(&self) -> Option<String> {
        if let Some(choice) = self.choices.first() {
            return Some((*choice).to_owned());
        }
        if let Some(default) = self.default {
            return Some(default.as_str().map_or_else(|| default.to_string(), str::to_owned));
        }
        let lower = self.property.to_lowercase();
        let example = match (self.kind, self.item_kind) {
            (Kind::Number, _) => "1",
            (Kind::Boolean, _) => "true",
            (Kind::Array, Kind::Number) => "1,2",
            (Kind::Array, Kind::Boolean) => "true,false",
            (Kind::Array, Kind::Object) => r#"[{"key":"value"}]"#,
            (Kind::Array, _) => "value1,value2",
            (Kind::Object, _) => r#"{"key":"value"}"#,
            (Kind::String | Kind::Unknown, _) if lower.contains("path") => "/path/to/file.md",
            (Kind::String | Kind::Unknown, _) if lower.contains("id") => "example-id",
            (Kind::String | Kind::Unknown, _) => return None,
        };
        Some(example.to_owned())
    }

    /// The value as a literal of the function-call form: the example, or what a required
    /// parameter without one shows.
    pub(super) fn example_literal(&self) -> Option<String> {
        let text = |text: &str| Value::from(text).to_string();
        // `null` by default means: leave it out.
        if self.default == Some(&Value::Null) && !self.required {
            return None;
        }
        if self.kind == Kind::Array {
            return Some(self.list_literal());
        }
        if let Some(choice) = self.choices.first() {
            return Some(text(choice));
        }
        match (self.kind, self.example_value()) {
            (Kind::Number | Kind::Boolean | Kind::Object, example) => example,
            (Kind::Unknown, Some(example)) if self.default.is_some_and(|it| !it.is_string()) => {
                Some(example)
            }
            (_, Some(example)) => Some(text(&example)),
            (_, None) if !self.required => None,
            (_, None) if self.property.to_lowercase().contains("url") => {
                Some(text("https://example.com"))
            }
            (_, None) => Some(text("value")),
        }
    }

    fn list_literal(&self) -> String {
        if let Some(default) = self.default.filter(|default| default.is_array()) {
            return default.to_string();
        }
        if let Some(choice) = self.choices.first() {
            return Value::from(vec![*choice]).to_string();
        }
        let literal = match self.item_kind {
            Kind::Number => "[1, 2]",
            Kind::Boolean => "[true, false]",
            Kind::Object => r#"[{"key":"value"}]"#,
            Kind::String | Kind::Array | Kind::Unknown => r#"["value1", "value2"]"#,
        };
        literal.to_owned()
    }
}

fn choices(listed: Option<&Value>) -> Vec<&str> {
    listed.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// `isDraft` and `is_draft` are `is-draft`.
pub(super) fn kebab(name: &str) -> String {
    let mut kebab = String::with_capacity(name.len());
    for letter in name.chars() {
        match letter {
            '_' => kebab.push('-'),
            letter if letter.is_ascii_uppercase() => {
                kebab.push('-');
                kebab.push(letter.to_ascii_lowercase());
            }
            letter => kebab.push(letter),
        }
    }
    kebab
}

fn format_text(slug: &str) -> String {
    match slug {
        "date-time" | "iso-8601" => "ISO 8601".to_owned(),
        "uuid" => "UUID".to_owned(),
        other => {
            let words = other.split(['-', '_']).map(|word| {
                let mut letters = word.chars();
                let first = letters.next().map(|letter| letter.to_ascii_uppercase());
                first.into_iter().chain(letters).collect::<String>()
            });
            words.collect::<Vec<_>>().join(" ")
        }
    }
}
