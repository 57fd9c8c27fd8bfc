//! The headers `Mcp-Param-*`, which repeat arguments of a tool that its input schema marks with
//! `x-mcp-header`. Modern versions only.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::headers::{encode_header_value, header_value, only};
use crate::json::text;
use crate::splice::value;
use crate::{RoutingHeaders, WireError};

/// The annotation in a schema.
const ANNOTATION: &str = "x-mcp-header";

/// Keywords whose value is a schema that is not reached by a chain of `properties`.
const SCHEMA_KEYWORDS: &[&str] = &[
    "items",
    "additionalItems",
    "contains",
    "additionalProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "not",
    "if",
    "then",
    "else",
    "contentSchema",
];

/// Keywords whose value is a list of schemas.
const LIST_KEYWORDS: &[&str] = &["allOf", "anyOf", "oneOf", "prefixItems", "items"];

/// Keywords whose value is an object of schemas.
const OBJECT_KEYWORDS: &[&str] =
    &["$defs", "definitions", "patternProperties", "dependentSchemas", "dependencies"];

/// The arguments of one tool that headers repeat, read from its schema once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParamHeaders {
    mirrored: Vec<Mirrored>,
}

/// One argument that a header repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mirrored {
    /// The part of the header's name after `Mcp-Param-`.
    header: String,
    /// Where the argument is: property names from the outermost inwards.
    path: Vec<String>,
}

impl ParamHeaders {
    /// Reads the annotations of a schema, or says which rule one breaks. A client drops a tool
    /// whose annotations are not valid, so a gateway must not offer it.
    pub fn compile(input_schema: &Value) -> Result<Self, String> {
        let mut headers = Self::default();
        headers.walk(input_schema, &mut Vec::new(), true)?;
        let mut names = BTreeSet::new();
        for mirrored in &headers.mirrored {
            if !names.insert(mirrored.header.to_ascii_lowercase()) {
                return Err(format!("`{ANNOTATION}` `{}` is there twice", mirrored.header));
            }
        }
        Ok(headers)
    }

    /// Whether no argument is repeated in a header.
    pub fn is_empty(&self) -> bool {
        self.mirrored.is_empty()
    }

    /// Compares the headers of a call with its arguments.
    pub fn check(
        &self,
        arguments: Option<&RawValue>,
        headers: &RoutingHeaders<'_>,
    ) -> Result<(), WireError> {
        if self.is_empty() {
            return Ok(());
        }
        let arguments: Value = match arguments {
            Some(raw) => serde_json::from_str(raw.get())
                .map_err(|_| WireError::invalid_params("`arguments` cannot be read"))?,
            None => Value::Null,
        };
        self.mirrored.iter().try_for_each(|mirrored| mirrored.check(&arguments, headers))
    }

    /// The headers of a call with these arguments: what [`check`](Self::check) accepts. Names are in
    /// lower case, values are encoded, numbers are as they were written. An argument that is
    /// missing, `null` or neither text, number nor boolean has no header.
    pub fn headers(&self, arguments: Option<&RawValue>) -> Vec<(String, String)> {
        let Some(arguments) = arguments else { return Vec::new() };
        let header = |mirrored: &Mirrored| {
            let path: Vec<&str> = mirrored.path.iter().map(String::as_str).collect();
            let value = header_text(value(arguments.get(), &path)?)?;
            let name = format!("mcp-param-{}", mirrored.header.to_ascii_lowercase());
            Some((name, encode_header_value(&value)))
        };
        self.mirrored.iter().filter_map(header).collect()
    }

    /// Walks a schema. Annotations count only on what a pure chain of `properties` reaches: of
    /// anything else it cannot be told from the schema whether an argument is there.
    fn walk(
        &mut self,
        schema: &Value,
        path: &mut Vec<String>,
        reachable: bool,
    ) -> Result<(), String> {
        let Value::Object(schema) = schema else { return Ok(()) };
        if let Some(annotation) = schema.get(ANNOTATION) {
            let header = annotated(schema, annotation, reachable && !path.is_empty())
                .map_err(|problem| format!("{problem} (at `{}`)", path.join(".")))?;
            self.mirrored.push(Mirrored { header: header.to_owned(), path: path.clone() });
        }
        if let Some(Value::Object(properties)) = schema.get("properties") {
            for (name, property) in properties {
                path.push(name.clone());
                self.walk(property, path, reachable)?;
                path.pop();
            }
        }
        for inner in unreachable_schemas(schema) {
            self.walk(inner, path, false)?;
        }
        Ok(())
    }
}

/// Every schema inside this one that is not one of its properties.
fn unreachable_schemas(schema: &Map<String, Value>) -> impl Iterator<Item = &Value> {
    let single = SCHEMA_KEYWORDS.iter().filter_map(|keyword| schema.get(*keyword));
    let listed = LIST_KEYWORDS
        .iter()
        .filter_map(|keyword| schema.get(*keyword).and_then(Value::as_array))
        .flatten();
    let named = OBJECT_KEYWORDS
        .iter()
        .filter_map(|keyword| schema.get(*keyword).and_then(Value::as_object))
        .flat_map(Map::values);
    single.chain(listed).chain(named)
}

/// The header that an annotation names, if it keeps the rules.
fn annotated<'s>(
    schema: &'s Map<String, Value>,
    annotation: &'s Value,
    reachable: bool,
) -> Result<&'s str, String> {
    if !reachable {
        return Err(format!("`{ANNOTATION}` is only allowed on a chain of `properties`"));
    }
    let name = annotation
        .as_str()
        .filter(|name| !name.is_empty() && name.bytes().all(is_token))
        .ok_or_else(|| format!("`{ANNOTATION}` must be a header name"))?;
    match schema.get("type").and_then(Value::as_str) {
        Some("string" | "integer" | "boolean") => Ok(name),
        _ => Err(format!("`{ANNOTATION}` is only allowed on string, integer and boolean")),
    }
}

/// A character of an HTTP token.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl Mirrored {
    fn check(&self, arguments: &Value, headers: &RoutingHeaders<'_>) -> Result<(), WireError> {
        let name = format!("Mcp-Param-{}", self.header);
        let values: Vec<&[u8]> = headers
            .params
            .iter()
            .filter(|(header, _)| header.eq_ignore_ascii_case(&self.header))
            .map(|(_, value)| *value)
            .collect();
        let value = only(&name, &values)?;
        let argument = self
            .path
            .iter()
            .try_fold(arguments, |value, property| value.get(property))
            .filter(|value| !value.is_null());
        match (value, argument) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(WireError::header_mismatch(&format!("{name} is missing"))),
            (Some(_), None) => Err(WireError::header_mismatch(&format!(
                "{name} is there, and the argument is not"
            ))),
            (Some(value), Some(argument)) => {
                let text = header_value(value).ok_or_else(|| {
                    WireError::header_mismatch(&format!("{name} is not encoded correctly"))
                })?;
                if agrees(&text, argument) {
                    Ok(())
                } else {
                    Err(WireError::header_mismatch(&format!("{name} differs from the argument")))
                }
            }
        }
    }
}

/// What a header says of an argument, which is raw JSON.
fn header_text(argument: &str) -> Option<Cow<'_, str>> {
    match argument.as_bytes() {
        [b'{' | b'[', ..] | b"null" => None,
        [b'"', ..] => text(argument),
        _ => Some(Cow::Borrowed(argument)),
    }
}

/// Whether a header says what an argument says. Numbers are compared by value.
fn agrees(header: &str, argument: &Value) -> bool {
    match argument {
        Value::String(text) => header == text,
        Value::Bool(yes) => header == if *yes { "true" } else { "false" },
        Value::Number(number) => {
            let number = Decimal::parse(number.as_str());
            number.is_some() && number == Decimal::parse(header)
        }
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// A decimal number of any length in its only form: digits without zeros at either end, and the
/// power of ten that they are multiplied with.
#[derive(Debug, PartialEq, Eq)]
struct Decimal<'n> {
    negative: bool,
    digits: Cow<'n, str>,
    exponent: i64,
}

impl<'n> Decimal<'n> {
    /// Reads a number as JSON writes it, leading zeros allowed.
    fn parse(text: &'n str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let digits = if fraction.is_empty() {
            Cow::Borrowed(whole)
        } else {
            Cow::Owned(format!("{whole}{fraction}"))
        };
        let significant = digits.trim_end_matches('0');
        let dropped = i64::try_from(digits.len().checked_sub(significant.len())?).ok()?;
        let exponent =
            exponent.checked_sub(i64::try_from(fraction.len()).ok()?)?.checked_add(dropped)?;
        let significant = significant.trim_start_matches('0').to_owned();
        if significant.is_empty() {
            return Some(Self { negative: false, digits: Cow::Borrowed(""), exponent: 0 });
        }
        Some(Self { negative, digits: Cow::Owned(significant), exponent })
    }
}

#[cfg(test)]
mod tests;
