//! The arguments of a tool: what each is, where it goes, and the JSON Schema of all of them.

use serde_json::{Map, Value, json};

use crate::check::Check;
use crate::fields::{Fields, Text, at, join, shown, to_value};
use crate::problem::{nearest, suggestion};
use crate::schema;
use crate::yaml::{Entry, Mark, Node};

/// Where an argument goes in the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    Query,
    Path,
    Header,
    Cookie,
    Body,
}

impl Position {
    fn read(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "query" => Some(Self::Query),
            "path" => Some(Self::Path),
            "header" => Some(Self::Header),
            "cookie" => Some(Self::Cookie),
            "body" => Some(Self::Body),
            _ => None,
        }
    }
}

/// How a list or an object is written where only text can stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListStyle {
    /// As one JSON text.
    Json,
    /// As one pair for each element.
    Repeat,
    /// As one text, its elements separated by this character.
    Joined(char),
    /// As one pair `name[key]` for each member.
    DeepObject,
}

impl ListStyle {
    const NAMES: [&'static str; 6] = ["json", "repeat", "comma", "space", "pipe", "deepObject"];

    fn read(text: &str) -> Option<Self> {
        match text {
            "json" => Some(Self::Json),
            "repeat" => Some(Self::Repeat),
            "comma" => Some(Self::Joined(',')),
            "space" => Some(Self::Joined(' ')),
            "pipe" => Some(Self::Joined('|')),
            "deepObject" => Some(Self::DeepObject),
            _ => None,
        }
    }
}

/// One argument.
#[derive(Debug, Clone)]
pub(crate) struct Arg {
    /// Its name for the agent.
    pub(crate) name: String,
    /// Its name in the request.
    pub(crate) wire: String,
    pub(crate) position: Option<Position>,
    pub(crate) style: ListStyle,
    pub(crate) path_segments: bool,
    /// Whether it (or each of its elements) is a file in base64, where files can be sent.
    pub(crate) binary: bool,
    pub(crate) mark: Mark,
    pub(crate) path: String,
}

/// The arguments of a tool and their schema.
pub(crate) struct Args {
    pub(crate) list: Vec<Arg>,
    pub(crate) input_schema: Value,
}

/// Keywords of JSON Schema that stand beside an argument's own keys.
const KEYWORDS: &[&str] = &[
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "prefixItems",
    "contains",
    "minContains",
    "maxContains",
    "minProperties",
    "maxProperties",
    "additionalProperties",
    "patternProperties",
    "propertyNames",
    "dependentRequired",
    "const",
    "title",
    "examples",
    "deprecated",
    "contentEncoding",
    "contentMediaType",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
];

const TYPES: &[&str] = &["string", "number", "integer", "boolean", "array", "object"];

/// Reads `args`.
pub(crate) fn read_args(items: &[Node], path: &str, check: &mut Check<'_>) -> Args {
    let mut list: Vec<Arg> = Vec::new();
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = at(path, index);
        let Some((arg, schema, needed)) = read_arg(item, &path, check) else { continue };
        if properties.contains_key(&arg.name) {
            let message = format!("there is an argument `{}` already", shown(&arg.name));
            check.problems.error(arg.mark, &path, message);
            continue;
        }
        if needed {
            required.push(Value::String(arg.name.clone()));
        }
        properties.insert(arg.name.clone(), schema::relocate(schema, &arg.name));
        list.push(arg);
    }
    let mut input_schema = json!({ "type": "object", "properties": properties });
    if let Value::Object(members) = &mut input_schema {
        if !required.is_empty() {
            members.insert("required".to_owned(), Value::Array(required));
        }
        members.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
    Args { list, input_schema }
}

fn read_arg(node: &Node, path: &str, check: &mut Check<'_>) -> Option<(Arg, Value, bool)> {
    let mut fields = Fields::of(node, path, &mut check.problems)?;
    let problems = &mut check.problems;
    let name = fields.needed_text("name", problems);
    let wire = fields.text("wireName", problems);
    let required = fields.flag("required", problems);
    let position = read_position(&mut fields, check);
    let style = read_style(&mut fields, check);
    let path_segments = fields.flag("pathSegments", &mut check.problems);
    let schema = read_schema(&mut fields, check);
    let mark = fields.mark;
    let style_mark = fields.node("style").map_or(mark, |node| node.span.start);
    fields.finish(&mut check.problems);
    let name = name?;
    let wire = wire.filter(|wire| !wire.text.is_empty()).unwrap_or(name);
    let binary = |schema: &Value| schema.get("format").and_then(Value::as_str) == Some("binary");
    let arg = Arg {
        name: name.text.to_owned(),
        wire: wire.text.to_owned(),
        position,
        style,
        path_segments,
        binary: binary(&schema) || schema.get("items").is_some_and(binary),
        mark,
        path: path.to_owned(),
    };
    check_position(&arg, &schema, wire, style_mark, check);
    Some((arg, schema, required))
}

fn read_position(fields: &mut Fields<'_>, check: &mut Check<'_>) -> Option<Position> {
    let text = fields.text("position", &mut check.problems)?;
    let position = Position::read(text.text);
    if position.is_none() {
        let hint = suggestion(text.text, ["query", "path", "header", "cookie", "body"]);
        let message = format!("unknown position `{}`{hint}", shown(text.text));
        check.problems.error(text.mark(), &fields.path_of("position"), message);
    }
    // Any place will do for finding further problems.
    position.or(Some(Position::Query))
}

fn read_style(fields: &mut Fields<'_>, check: &mut Check<'_>) -> ListStyle {
    let Some(text) = fields.text("style", &mut check.problems) else { return ListStyle::Json };
    ListStyle::read(text.text).unwrap_or_else(|| {
        let hint = suggestion(text.text, ListStyle::NAMES);
        let message = format!("unknown style `{}`{hint}", shown(text.text));
        check.problems.error(text.mark(), &fields.path_of("style"), message);
        ListStyle::Json
    })
}

/// What a position asks of an argument's name and style.
fn check_position(
    arg: &Arg,
    schema: &Value,
    wire: Text<'_>,
    style_mark: Mark,
    check: &mut Check<'_>,
) {
    let problems = &mut check.problems;
    match arg.position {
        Some(Position::Header) => {
            if let Some(reason) = crate::headers::refusal_for_argument(&arg.wire) {
                let message = format!("`{}` {reason}", shown(&arg.wire));
                problems.error(wire.mark(), &arg.path, message);
            }
        }
        Some(Position::Cookie) if !crate::syntax::is_token(&arg.wire) => {
            let message = format!("`{}` is no name of a cookie", shown(&arg.wire));
            problems.error(wire.mark(), &arg.path, message);
        }
        Some(Position::Cookie | Position::Query | Position::Path | Position::Body) | None => {}
    }
    if arg.path_segments && arg.position != Some(Position::Path) {
        let message = "`pathSegments` is for `position: path`";
        problems.error(arg.mark, &arg.path, message);
    }
    let kind = schema.get("type").and_then(Value::as_str);
    let unfit = match (arg.style, arg.position) {
        (ListStyle::Repeat, Some(Position::Path)) => Some("a path has no pairs to repeat"),
        (ListStyle::DeepObject, Some(Position::Path | Position::Header | Position::Cookie)) => {
            Some("only a query or a form has names for members")
        }
        (ListStyle::DeepObject, _) if kind == Some("array") => Some("a list has no members"),
        (ListStyle::Repeat, _) if kind == Some("object") => {
            Some("the members of an object would become names of pairs; write `deepObject`")
        }
        _ => None,
    };
    if let Some(reason) = unfit {
        problems.error(style_mark, &join(&arg.path, "style"), reason);
    }
}

/// The schema of an argument: what stands beside its name, or all of it under `schema`.
fn read_schema(fields: &mut Fields<'_>, check: &mut Check<'_>) -> Value {
    let description = fields.text("description", &mut check.problems);
    let description = description.map_or("", |text| text.text);
    let default = fields.node("default");
    let mut schema = Map::new();
    schema.insert("description".to_owned(), Value::String(description.to_owned()));
    let mark = match fields.node("schema") {
        Some(node) => {
            fields.know(&["type", "enum", "items", "properties"]);
            read_full_schema(node, fields, &mut schema, check);
            node.span.start
        }
        None => {
            read_flat_schema(fields, &mut schema, check);
            fields.mark
        }
    };
    if let Some(default) = default {
        schema.insert("default".to_owned(), to_value(default));
    }
    let schema = Value::Object(schema);
    let path = &fields.path;
    if let Err(reason) = check.options.schemas.check_schema(&schema) {
        check.problems.error(mark, path, format!("this is no JSON Schema: {reason}"));
        return schema;
    }
    if let Some(value) = schema.get("default")
        && let Err(reason) = check.options.schemas.check_value(&schema, value)
    {
        let mark = default.map_or(mark, |node| node.span.start);
        let message = format!("the default breaks the argument's own schema: {reason}");
        check.problems.error(mark, &fields.path_of("default"), message);
    }
    schema
}

fn read_full_schema(
    node: &Node,
    fields: &mut Fields<'_>,
    schema: &mut Map<String, Value>,
    check: &mut Check<'_>,
) {
    for key in ["type", "enum", "items", "properties"] {
        if let Some(other) = fields.node(key) {
            let message = format!("`{key}` and `schema` exclude each other");
            check.problems.error(other.span.start, &fields.path_of(key), message);
        }
    }
    match to_value(node) {
        Value::Object(members) => {
            for (key, value) in members {
                let keep = key == "description" && has_text(schema.get("description"));
                if !keep {
                    schema.insert(key, value);
                }
            }
        }
        // `true` allows every value, as `{}` does.
        Value::Bool(true) => {}
        Value::Bool(false)
        | Value::Null
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_) => {
            let message = format!("expected an object, found {}", node.kind_name());
            check.problems.error(node.span.start, &fields.path_of("schema"), message);
        }
    }
}

fn has_text(value: Option<&Value>) -> bool {
    value.and_then(Value::as_str).is_some_and(|text| !text.is_empty())
}

fn read_flat_schema(
    fields: &mut Fields<'_>,
    schema: &mut Map<String, Value>,
    check: &mut Check<'_>,
) {
    let kind = read_type(fields, check);
    schema.insert("type".to_owned(), Value::String(kind.to_owned()));
    for (key, wanted) in [("enum", None), ("items", Some("array")), ("properties", Some("object"))]
    {
        let Some(node) = fields.node(key) else { continue };
        if wanted.is_some_and(|wanted| wanted != kind) {
            let message = format!("`{key}` does nothing for type `{kind}`");
            check.problems.warn(node.span.start, &fields.path_of(key), message);
            continue;
        }
        schema.insert(key.to_owned(), to_value(node));
    }
    for keyword in KEYWORDS {
        if let Some(value) = fields.value(keyword) {
            schema.insert((*keyword).to_owned(), value);
        }
    }
    explain_unknown(fields, check);
}

/// A key that is a keyword of JSON Schema elsewhere is told to go under `schema`.
fn explain_unknown(fields: &mut Fields<'_>, check: &mut Check<'_>) {
    const DEEPER: &[&str] = &["$ref", "$defs", "definitions", "nullable", "example", "if", "then"];
    let unknown: Vec<&Entry> =
        fields.rest().filter(|entry| DEEPER.contains(&entry.key.as_str())).collect();
    for entry in unknown {
        if let Some(key) = nearest(&entry.key, DEEPER.iter().copied()) {
            fields.know(&[DEEPER.iter().find(|known| **known == key).copied().unwrap_or("")]);
            let message = format!("unknown key `{key}`; a full JSON Schema goes under `schema`");
            check.problems.error(entry.key_span.start, &fields.path, message);
        }
    }
}

fn read_type(fields: &mut Fields<'_>, check: &mut Check<'_>) -> &'static str {
    let Some(text) = fields.text("type", &mut check.problems) else { return "string" };
    let path = fields.path_of("type");
    if let Some(kind) = TYPES.iter().find(|kind| **kind == text.text) {
        return kind;
    }
    if text.text == "int" {
        check.problems.warn(text.mark(), &path, "`int` is read as `integer`");
        return "integer";
    }
    let hint = suggestion(text.text, TYPES.iter().copied());
    check.problems.error(text.mark(), &path, format!("unknown type `{}`{hint}", shown(text.text)));
    "string"
}
