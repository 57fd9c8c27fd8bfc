//! What an unquoted text means: null, true, false, a number or itself, by the core schema of
//! YAML 1.2. Numbers keep the digits they were written with.

use serde_json::{Number, Value};

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes: it may mean null, a boolean or a number.
    Plain,
    /// In single or double quotes.
    Quoted,
    /// As a block that begins with `|` or `>`.
    Block,
}

/// A value that is neither list nor object.
#[derive(Debug, Clone)]
pub(crate) struct Scalar {
    /// The text: of a plain scalar as it stands in the file.
    pub(crate) text: String,
    pub(crate) style: Style,
    forced_text: bool,
}

/// What a scalar means.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(Number),
    Text,
}

impl Kind {
    /// For messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "true or false",
            Self::Number(_) => "a number",
            Self::Text => "text",
        }
    }
}

impl Scalar {
    /// `tag` is the name of a core tag: `!!str` makes text of anything, the others must agree
    /// with what the text means.
    pub(crate) fn new(text: &str, style: Style, tag: Option<&str>) -> Result<Self, String> {
        let mut scalar = Self { text: text.to_owned(), style, forced_text: tag == Some("str") };
        if let Some(tag) = tag.filter(|tag| *tag != "str") {
            scalar.style = Style::Plain;
            let agrees = match scalar.kind() {
                Kind::Null => tag == "null",
                Kind::Bool(_) => tag == "bool",
                Kind::Number(_) => tag == "int" || tag == "float",
                Kind::Text => false,
            };
            if !agrees {
                return Err(format!("this is not what its tag `!!{tag}` says"));
            }
        }
        Ok(scalar)
    }

    pub(crate) fn kind(&self) -> Kind {
        if self.forced_text || self.style != Style::Plain {
            return Kind::Text;
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
            "true" | "True" | "TRUE" => Kind::Bool(true),
            "false" | "False" | "FALSE" => Kind::Bool(false),
            text => number(text).map_or(Kind::Text, Kind::Number),
        }
    }

    pub(crate) fn to_value(&self) -> Value {
        match self.kind() {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(value),
            Kind::Number(value) => Value::Number(value),
            Kind::Text => Value::String(self.text.clone()),
        }
    }
}

/// A number of the core schema that JSON can write. Leading zeros make text: one reader of YAML
/// takes `010` for 10 and another for 8, so neither is assumed.
fn number(text: &str) -> Option<Number> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).ok().map(Number::from);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return u64::from_str_radix(digits, 8).ok().map(Number::from);
    }
    if !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
        return None;
    }
    let (sign, unsigned) = match text.split_at_checked(1)? {
        ("-", rest) => ("-", rest),
        ("+", rest) => ("", rest),
        _ => ("", text),
    };
    let written = match unsigned.strip_prefix('.') {
        Some(fraction) => format!("{sign}0.{fraction}"),
        None => format!("{sign}{}", unsigned.strip_suffix('.').unwrap_or(unsigned)),
    };
    written.parse().ok()
}
