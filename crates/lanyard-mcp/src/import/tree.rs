//! A file as a tree whose nodes know their lines: the same for JSON with comments and for TOML.

use jsonc_parser::ast;
use jsonc_parser::common::Ranged as _;
use jsonc_parser::{CollectOptions, ParseOptions};
use toml_edit::{Document, Item, TableLike};

use super::ImportProblem;
use crate::problem::shown;

/// The longest file that is read.
const BYTES_MAX: usize = 4 << 20;

/// The language of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    /// JSON, with comments and commas before closing brackets.
    Json,
    /// TOML.
    Toml,
}

/// A value with the line on which it begins.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

/// A value.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Value {
    Object(Vec<Member>),
    Array(Vec<Node>),
    Text(String),
    /// As it was written.
    Number(String),
    Bool(bool),
    Null,
}

/// A member of an object.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) key: String,
    pub(super) node: Node,
}

impl Node {
    /// The members, where it is an object.
    pub(super) fn members(&self) -> Option<&[Member]> {
        match &self.value {
            Value::Object(members) => Some(members),
            Value::Array(_) | Value::Text(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {
                None
            }
        }
    }

    /// The value of a member.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.members()?.iter().find(|member| member.key == key).map(|member| &member.node)
    }

    /// The same, to be changed.
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.value {
            Value::Object(members) => {
                members.iter_mut().find(|member| member.key == key).map(|member| &mut member.node)
            }
            Value::Array(_) | Value::Text(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {
                None
            }
        }
    }

    /// The node that a path of keys leads to.
    pub(super) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The text, where it is one.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Object(_)
            | Value::Array(_)
            | Value::Number(_)
            | Value::Bool(_)
            | Value::Null => None,
        }
    }
}

/// Reads a file. Keys that are there twice are refused: nobody knows which one counts.
pub(super) fn parse(text: &str, language: Language) -> Result<Node, ImportProblem> {
    if text.len() > BYTES_MAX {
        return Err(problem(1, format!("the file is larger than {BYTES_MAX} bytes")));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = Lines::of(text);
    match language {
        Language::Json => {
            let (none, options) = (CollectOptions::default(), json_options());
            let parsed = jsonc_parser::parse_to_ast(text, &none, &options)
                .map_err(|error| problem(error.line_display(), error.kind().to_string()))?;
            let value = parsed.value.ok_or_else(|| problem(1, "the file is empty".to_owned()))?;
            from_json(&value, &lines)
        }
        Language::Toml => {
            let document = Document::parse(text).map_err(|error| {
                let line = error.span().map_or(1, |span| lines.line(span.start));
                problem(line, error.message().to_owned())
            })?;
            from_table(document.as_table(), 1, &lines)
        }
    }
}

/// What editors write into their files, and no more.
pub(super) fn json_options() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_loose_object_property_names: false,
        allow_trailing_commas: true,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

fn problem(line: usize, message: String) -> ImportProblem {
    ImportProblem { line, path: String::new(), server: None, message }
}

/// Where lines begin.
struct Lines(Vec<usize>);

impl Lines {
    fn of(text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self(ends.map(|(at, _)| at).collect())
    }

    /// The line of a byte, counted from 1.
    fn line(&self, at: usize) -> usize {
        self.0.partition_point(|end| *end < at).saturating_add(1)
    }
}

fn from_json(value: &ast::Value<'_>, lines: &Lines) -> Result<Node, ImportProblem> {
    let line = lines.line(value.start());
    let value = match value {
        ast::Value::StringLit(text) => Value::Text(text.value.clone().into_owned()),
        ast::Value::NumberLit(number) => Value::Number(number.value.to_owned()),
        ast::Value::BooleanLit(yes) => Value::Bool(yes.value),
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::Array(array) => {
            let elements = array.elements.iter().map(|element| from_json(element, lines));
            Value::Array(elements.collect::<Result<_, _>>()?)
        }
        ast::Value::Object(object) => {
            let mut members: Vec<Member> = Vec::new();
            for property in &object.properties {
                let key = property.name.as_str().to_owned();
                let line = lines.line(property.start());
                if members.iter().any(|member| member.key == key) {
                    return Err(problem(line, format!("`{}` is there twice", shown(&key))));
                }
                let mut node = from_json(&property.value, lines)?;
                node.line = line;
                members.push(Member { key, node });
            }
            Value::Object(members)
        }
    };
    Ok(Node { line, value })
}

fn from_table(table: &dyn TableLike, line: usize, lines: &Lines) -> Result<Node, ImportProblem> {
    let mut members = Vec::new();
    for (key, item) in table.iter() {
        let at = table.key(key).and_then(|key| key.span());
        let line = at.map_or(line, |span| lines.line(span.start));
        members.push(Member { key: key.to_owned(), node: from_item(item, line, lines)? });
    }
    Ok(Node { line, value: Value::Object(members) })
}

fn from_item(item: &Item, line: usize, lines: &Lines) -> Result<Node, ImportProblem> {
    if let Some(table) = item.as_table_like() {
        return from_table(table, line, lines);
    }
    let value = match item {
        Item::None | Item::Table(_) => Value::Null,
        Item::ArrayOfTables(tables) => {
            let tables = tables.iter().map(|table| from_table(table, line, lines));
            Value::Array(tables.collect::<Result<_, _>>()?)
        }
        Item::Value(value) => return from_toml(value, line, lines),
    };
    Ok(Node { line, value })
}

fn from_toml(value: &toml_edit::Value, line: usize, lines: &Lines) -> Result<Node, ImportProblem> {
    let value = match value {
        toml_edit::Value::String(text) => Value::Text(text.value().clone()),
        toml_edit::Value::Integer(number) => Value::Number(number.value().to_string()),
        toml_edit::Value::Float(number) => Value::Number(number.value().to_string()),
        toml_edit::Value::Boolean(yes) => Value::Bool(*yes.value()),
        toml_edit::Value::Datetime(when) => Value::Text(when.value().to_string()),
        toml_edit::Value::Array(array) => {
            let elements = array.iter().map(|element| from_toml(element, line, lines));
            Value::Array(elements.collect::<Result<_, _>>()?)
        }
        toml_edit::Value::InlineTable(table) => return from_table(table, line, lines),
    };
    Ok(Node { line, value })
}
