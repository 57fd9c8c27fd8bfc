//! How lists and objects are written in a parameter, in the words of OpenAPI 3 and Swagger 2.0.

use serde_json::Value;

use super::document::{Placed, Version};
use super::types;
use crate::{ArgStyle, Position};

/// How a parameter is written.
pub(crate) enum Style {
    As(ArgStyle),
    /// A list under `name[]`.
    ListOfPairs,
    /// Each member of an object as a pair of its own.
    Members,
    /// In a way that cannot be expressed.
    None(&'static str),
}

/// How a parameter is written, by its place, its type and what the document says.
pub(crate) fn style(
    at: &Placed<'_>,
    position: Position,
    schema: &Value,
    version: Version,
) -> Style {
    if at.get("content").is_some() && version != Version::Swagger2 {
        return Style::As(ArgStyle::Json);
    }
    let kind = types::only(schema);
    let may_be_list = !matches!(kind, Some("string" | "integer" | "number" | "boolean" | "null"));
    if !may_be_list {
        return Style::As(ArgStyle::Json);
    }
    if version == Version::Swagger2 {
        return collection(at.text("collectionFormat").unwrap_or("csv"), position);
    }
    let is_object = kind == Some("object");
    let usual = match position {
        Position::Query | Position::Cookie => "form",
        Position::Path | Position::Header | Position::Body => "simple",
    };
    let style = at.text("style").unwrap_or(usual);
    let explode = at.value.get("explode").and_then(Value::as_bool).unwrap_or(style == "form");
    match (style, explode) {
        ("form", true) if position == Position::Path => Style::As(ArgStyle::Comma),
        ("form" | "spaceDelimited" | "pipeDelimited", true) if is_object => Style::Members,
        ("form" | "spaceDelimited" | "pipeDelimited", true) => Style::As(ArgStyle::Repeat),
        ("spaceDelimited", false) => Style::As(ArgStyle::Space),
        ("pipeDelimited", false) => Style::As(ArgStyle::Pipe),
        ("deepObject", _) if position != Position::Query => {
            Style::None("has `style: deepObject`, which only a query can have")
        }
        ("deepObject", _) if kind == Some("array") => Style::ListOfPairs,
        ("deepObject", _) => Style::As(ArgStyle::DeepObject),
        ("simple", true) if is_object => {
            Style::None("is an object of `name=value` in one text, which cannot be written")
        }
        ("label" | "matrix", true) => {
            Style::None("is a list or an object with `explode`, which a path cannot have here")
        }
        ("form" | "simple" | "label" | "matrix", _) => Style::As(ArgStyle::Comma),
        _ => Style::None("has an unknown `style`"),
    }
}

/// `collectionFormat` of Swagger 2.0.
fn collection(format: &str, position: Position) -> Style {
    match format {
        "ssv" => Style::As(ArgStyle::Space),
        "pipes" => Style::As(ArgStyle::Pipe),
        "multi" if position != Position::Path => Style::As(ArgStyle::Repeat),
        "tsv" => Style::None("is a list separated by tabs, which cannot be written"),
        _ => Style::As(ArgStyle::Comma),
    }
}

/// How a path parameter stands in the URL: styles other than `simple` put something before it.
pub(crate) fn in_path(at: &Placed<'_>, wire: &str, name: &str) -> String {
    match at.text("style") {
        Some("label") => format!(".{{{name}}}"),
        Some("matrix") => format!(";{}={{{name}}}", crate::url_literal(wire)),
        Some(_) | None => format!("{{{name}}}"),
    }
}

/// Whether a value of the path is several segments: the document says so, or its pattern has a
/// slash.
pub(crate) fn spans_segments(at: &Placed<'_>, schema: &Value) -> bool {
    if at.flag("allowReserved") || at.flag("x-multi-segment") {
        return true;
    }
    let Some(pattern) = schema.get("pattern").and_then(Value::as_str) else { return false };
    let mut in_class = false;
    for character in pattern.chars() {
        match character {
            '[' => in_class = true,
            ']' => in_class = false,
            '/' if !in_class => return true,
            _ => {}
        }
    }
    false
}
