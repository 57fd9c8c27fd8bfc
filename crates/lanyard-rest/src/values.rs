//! Values of arguments as text: in a path, a query, a form, a header or a cookie.
//!
//! INVARIANT: whatever the value, what is written decodes to that value and to nothing else.

use std::borrow::Cow;

use serde_json::Value;

use crate::args::{Arg, ListStyle};
use crate::request::RenderError;
use crate::syntax::{is_header_value, push_encoded, push_form};

/// How pairs are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Percent-encoded, a space as `%20`: queries and cookies.
    Percent,
    /// As forms are: a space as `+`.
    Form,
    /// Not at all: names and contents of parts.
    Plain,
}

impl Encoding {
    fn push(self, out: &mut String, text: &str) {
        match self {
            Self::Percent => push_encoded(out, text),
            Self::Form => push_form(out, text),
            Self::Plain => out.push_str(text),
        }
    }

    fn text(self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        self.push(&mut out, text);
        out
    }

    /// A separator between the elements of a list, which the elements themselves encode. A comma
    /// may stand as it is.
    fn push_separator(self, out: &mut String, separator: char) {
        if separator == ',' {
            out.push(',');
        } else {
            self.push(out, separator.encode_utf8(&mut [0; 4]));
        }
    }
}

/// A scalar as its text, a list or an object as its JSON text; nothing for null.
pub(crate) fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::Null => None,
        Value::Bool(true) => Some("true".into()),
        Value::Bool(false) => Some("false".into()),
        Value::Number(number) => Some(number.to_string().into()),
        Value::String(text) => Some(text.into()),
        Value::Array(_) | Value::Object(_) => Some(value.to_string().into()),
    }
}

/// The elements of a list, or keys and values of an object in turn. Nulls are left out of a
/// list; a scalar has no elements.
fn elements(value: &Value) -> Option<Vec<Cow<'_, str>>> {
    match value {
        Value::Array(items) => Some(items.iter().filter_map(text).collect()),
        Value::Object(members) => Some(
            members
                .iter()
                .filter_map(|(key, value)| Some([key.into(), text(value)?]))
                .flatten()
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// Appends an argument as one segment of a path, or as several if it is declared so.
pub(crate) fn push_path(
    out: &mut String,
    arg: &Arg,
    value: Option<&Value>,
) -> Result<(), RenderError> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Err(refused(arg, "is missing, and the path needs it"));
    };
    let start = out.len();
    match (arg.style, elements(value)) {
        (ListStyle::Joined(separator), Some(elements)) => {
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    Encoding::Percent.push_separator(out, separator);
                }
                push_element(out, arg, element, separator, Encoding::Percent)?;
            }
        }
        _ => {
            let text = text(value).unwrap_or_default();
            if arg.path_segments {
                push_segments(out, arg, &text)?;
            } else {
                push_encoded(out, &text);
            }
        }
    }
    if out.len() == start { Err(refused(arg, "is empty, and the path needs it")) } else { Ok(()) }
}

fn push_segments(out: &mut String, arg: &Arg, text: &str) -> Result<(), RenderError> {
    for (index, segment) in text.split('/').enumerate() {
        if segment.is_empty() || segment == "." || segment == ".." {
            return Err(refused(arg, "has an empty, `.` or `..` segment"));
        }
        if index > 0 {
            out.push('/');
        }
        push_encoded(out, segment);
    }
    Ok(())
}

/// Appends the pairs of an argument, name and value encoded. Null is absent.
pub(crate) fn push_pairs(
    out: &mut Vec<(String, String)>,
    arg: &Arg,
    value: &Value,
    encoding: Encoding,
) -> Result<(), RenderError> {
    let name = encoding.text(&arg.wire);
    match (arg.style, value) {
        (ListStyle::Repeat, Value::Array(items)) => {
            out.extend(items.iter().filter_map(text).map(|t| (name.clone(), encoding.text(&t))));
        }
        (ListStyle::DeepObject, Value::Object(_)) => {
            push_deep(out, arg, &arg.wire, value, encoding)?;
        }
        (ListStyle::Joined(separator), Value::Array(_) | Value::Object(_)) => {
            let elements = elements(value).unwrap_or_default();
            // `name=` is read as one empty element: nothing at all says that there is none.
            if elements.is_empty() {
                return Ok(());
            }
            let mut joined = String::new();
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    encoding.push_separator(&mut joined, separator);
                }
                push_element(&mut joined, arg, element, separator, encoding)?;
            }
            out.push((name, joined));
        }
        _ => out.extend(text(value).map(|text| (name, encoding.text(&text)))),
    }
    Ok(())
}

/// An element must not hold the separator if that is written encoded too: it would be read as
/// two elements.
fn push_element(
    out: &mut String,
    arg: &Arg,
    element: &str,
    separator: char,
    encoding: Encoding,
) -> Result<(), RenderError> {
    if separator != ',' && element.contains(separator) {
        return Err(refused(arg, "has an element that holds the separator"));
    }
    encoding.push(out, element);
    Ok(())
}

fn push_deep(
    out: &mut Vec<(String, String)>,
    arg: &Arg,
    name: &str,
    value: &Value,
    encoding: Encoding,
) -> Result<(), RenderError> {
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                // `name[]` is an element of a list.
                if key.is_empty() || key.contains(['[', ']']) {
                    return Err(refused(arg, "has a key that is empty or holds a bracket"));
                }
                push_deep(out, arg, &format!("{name}[{key}]"), member, encoding)?;
            }
        }
        Value::Array(items) => {
            let texts = items.iter().filter_map(text);
            out.extend(texts.map(|text| (encoding.text(name), encoding.text(&text))));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.extend(text(value).map(|text| (encoding.text(name), encoding.text(&text))));
        }
    }
    Ok(())
}

/// The texts of an argument where nothing can be encoded: the lines of a header, or the parts of
/// a multipart body. A joined list must not hold its separator.
pub(crate) fn plain_texts(arg: &Arg, value: &Value) -> Result<Vec<String>, RenderError> {
    match (arg.style, value) {
        (ListStyle::Repeat, Value::Array(items)) => {
            Ok(items.iter().filter_map(text).map(Cow::into_owned).collect())
        }
        (ListStyle::Joined(separator), Value::Array(_) | Value::Object(_)) => {
            let elements = elements(value).unwrap_or_default();
            if elements.iter().any(|element| element.contains(separator)) {
                return Err(refused(arg, "has an element that holds the separator"));
            }
            if elements.is_empty() {
                return Ok(Vec::new());
            }
            Ok(vec![elements.join(separator.encode_utf8(&mut [0; 4]))])
        }
        _ => Ok(text(value).map(Cow::into_owned).into_iter().collect()),
    }
}

/// Appends the lines of an argument that is a header.
pub(crate) fn push_header(
    out: &mut Vec<(String, String)>,
    arg: &Arg,
    value: &Value,
) -> Result<(), RenderError> {
    for text in plain_texts(arg, value)? {
        if !is_header_value(&text) {
            return Err(refused(arg, "has a control character, which no header can hold"));
        }
        if text.trim_matches([' ', '\t']).len() != text.len() {
            return Err(refused(arg, "begins or ends with white space, which no header can hold"));
        }
        out.push((arg.wire.clone(), text));
    }
    Ok(())
}

/// Names the argument and never its value.
pub(crate) fn refused(arg: &Arg, problem: &str) -> RenderError {
    RenderError::Unbuildable(format!(
        "the argument `{}` {problem}",
        crate::fields::shown(&arg.name)
    ))
}
