//! Parameters become arguments: where each goes, and how lists and objects are written there.

use std::collections::BTreeSet;

use lanyard_rest::{is_framing, is_token};
use serde_json::{Map, Value, json};

use super::context::Context;
use super::definitions::with_definitions;
use super::document::{Placed, Version, shown};
use super::expand::{Direction, expand};
use super::security::KeyPart;
use super::style::{Style, in_path, spans_segments, style};
use super::{keywords, types};
use crate::{ArgStyle, DraftArg, KeyPlace, Position, argument_name};

/// The most characters of an argument's description.
const DESCRIPTION_MAX: usize = 300;

/// What the parameters of one operation become.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    pub(crate) list: Vec<DraftArg>,
    /// Headers that always have the same value.
    pub(crate) headers: Vec<(String, String)>,
    /// How names in braces are written into the URL, where that is not the name in braces alone.
    pub(crate) in_path: Vec<(String, String)>,
    /// The whole text of descriptions that were cut.
    pub(crate) cut: Vec<(String, String)>,
    names: BTreeSet<String>,
    /// What is written already, as the request has it.
    wires: BTreeSet<(Position, String)>,
}

impl Arguments {
    /// A name that no other argument has.
    pub(crate) fn name(&mut self, wire: &str, position: Position) -> String {
        let plain = argument_name(wire);
        let mut name = plain.clone();
        let mut number = 1_usize;
        while !self.names.insert(name.clone()) {
            let tail = match number {
                1 => format!("_{}", position.name()),
                number => format!("_{}_{number}", position.name()),
            };
            let kept = plain.get(..64_usize.saturating_sub(tail.len())).unwrap_or(&plain);
            name = format!("{kept}{tail}");
            number = number.saturating_add(1);
        }
        name
    }

    /// Adds an argument. `text` is what the document says of it.
    pub(crate) fn push(
        &mut self,
        mut arg: DraftArg,
        text: Option<&str>,
        context: &Context<'_>,
        place: &str,
    ) {
        let position = arg.position.unwrap_or(Position::Body);
        let wire = match position {
            Position::Header => arg.wire().to_ascii_lowercase(),
            Position::Path | Position::Query | Position::Cookie | Position::Body => {
                arg.wire().to_owned()
            }
        };
        if !self.wires.insert((position, wire)) {
            let what = format!("`{}` stands twice in the {}", shown(arg.wire()), position.name());
            context.notes.warning(place, format!("{what}: the first one counts"));
            return;
        }
        settle(&mut arg, text, context, place);
        if let Some(text) = text
            && crate::shorten(text, usize::MAX).chars().count() > DESCRIPTION_MAX
        {
            self.cut.push((arg.name.clone(), text.to_owned()));
        }
        self.list.push(arg);
    }
}

/// Gives an argument its description, and a schema that the judge accepts.
fn settle(arg: &mut DraftArg, text: Option<&str>, context: &Context<'_>, place: &str) {
    let kind = types::only(&arg.schema).map(str::to_owned);
    let mut schema = match std::mem::take(&mut arg.schema) {
        Value::Object(members) => members,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    };
    let own = schema.shift_remove("description");
    let text = text.or(own.as_ref().and_then(Value::as_str)).unwrap_or_default();
    let mut description = crate::shorten(text, DESCRIPTION_MAX);
    if let Some(default) = schema.shift_remove("default") {
        let default = types::fitted(&default, kind.as_deref());
        if arg.required
            && context.options.schemas.check_value(&Value::Object(schema.clone()), &default).is_ok()
        {
            schema.insert("default".to_owned(), default);
        } else if let Some(told) = keywords::default_text(&default)
            && !description.to_lowercase().contains("default")
        {
            keywords::add_sentence(&mut description, &told);
        }
    }
    // A value that is the only one need not be asked for.
    let only = match schema.get("enum").and_then(Value::as_array).map(Vec::as_slice) {
        Some([only]) if arg.required => Some(only.clone()),
        Some(_) | None => schema.get("const").filter(|_| arg.required).cloned(),
    };
    let fits = |value: &Value| {
        context.options.schemas.check_value(&Value::Object(schema.clone()), value).is_ok()
    };
    if let Some(only) = only.filter(|only| !only.is_null() && fits(only)) {
        schema.insert("default".to_owned(), only);
        arg.required = false;
    }
    arg.description = description;
    arg.schema = judged(schema, context, place);
}

/// A schema that can be used: whatever the judge refuses is left out, and told.
fn judged(schema: Map<String, Value>, context: &Context<'_>, place: &str) -> Value {
    let judge = context.options.schemas;
    let whole = Value::Object(schema);
    let Err(reason) = judge.check_schema(&whole) else { return whole };
    let text =
        format!("the schema cannot be used as it is ({}): only its type is kept", shown(&reason));
    context.notes.warning(place, text);
    match whole.get("type") {
        Some(kind) if judge.check_schema(&json!({ "type": kind })).is_ok() => {
            json!({ "type": kind })
        }
        Some(_) | None => json!({}),
    }
}

/// The parameters of an operation with those of its path, by name and place: the operation's win.
pub(crate) fn merged<'d>(
    path: &Placed<'d>,
    operation: &Placed<'d>,
    context: &Context<'d>,
) -> Vec<Placed<'d>> {
    let mut all: Vec<(String, Placed<'d>)> = Vec::new();
    for owner in [path, operation] {
        for parameter in owner.get("parameters").iter().flat_map(Placed::items) {
            let resolved = match context.document.resolve(parameter.clone()) {
                Ok(resolved) => resolved,
                Err(problem) => {
                    context.notes.warning(&parameter.place, problem);
                    continue;
                }
            };
            let within = resolved.text("in").unwrap_or_default();
            let name = resolved.text("name").unwrap_or_default();
            let key = match within {
                "header" => format!("header {}", name.to_ascii_lowercase()),
                // There is one body, whatever it is called.
                "body" => "body".to_owned(),
                _ => format!("{within} {name}"),
            };
            match all.iter_mut().find(|(other, _)| *other == key) {
                Some((_, other)) => *other = resolved,
                None => all.push((key, resolved)),
            }
        }
    }
    all.into_iter().map(|(_, parameter)| parameter).collect()
}

/// Reads one parameter of path, query, header or cookie. An error is why the operation cannot be
/// expressed without it.
pub(crate) fn read(
    at: &Placed<'_>,
    url: &str,
    taken: &BTreeSet<(KeyPart, String)>,
    arguments: &mut Arguments,
    context: &Context<'_>,
) -> Result<(), String> {
    let wire = at.text("name").unwrap_or_default();
    let within = at.text("in").unwrap_or_default();
    let position = match within.to_ascii_lowercase().as_str() {
        "path" => Position::Path,
        "query" => Position::Query,
        "header" => Position::Header,
        "cookie" => Position::Cookie,
        other => {
            let text = format!("a parameter in `{}` is left out", shown(other));
            context.notes.warning(&at.place, text);
            return Ok(());
        }
    };
    if wire.is_empty() {
        context.notes.warning(&at.place, "a parameter without a name is left out");
        return Ok(());
    }
    let required = at.flag("required") || position == Position::Path;
    if position == Position::Path && !url.contains(&format!("{{{wire}}}")) {
        let text = format!("the path has no `{{{}}}`: the parameter is left out", shown(wire));
        context.notes.warning(&at.place, text);
        return Ok(());
    }
    let schema = schema_of(at, context);
    if is_elsewhere(at, wire, position, &schema, taken, arguments, context) {
        return Ok(());
    }
    let text = at.text("description");
    match style(at, position, &schema, context.version()) {
        Style::As(style) => {
            let name = arguments.name(wire, position);
            let mut arg = DraftArg::new(name, Some(position), schema);
            arg.required = required;
            arg.path_segments = position == Position::Path && spans_segments(at, &arg.schema);
            arg.style = style;
            // In a path the name is never sent.
            arg.wire_name = (position != Position::Path).then(|| wire.to_owned());
            if position == Position::Path {
                let in_path = in_path(at, wire, &arg.name);
                arguments.in_path.push((wire.to_owned(), in_path));
            }
            arguments.push(arg, text, context, &at.place);
        }
        Style::ListOfPairs => {
            // Nothing says how a list is written as a deep object; most that ask for it read `a[]`.
            let name = arguments.name(wire, position);
            let mut arg = DraftArg::new(name, Some(position), schema);
            arg.required = required;
            arg.wire_name = Some(format!("{wire}[]"));
            arg.style = ArgStyle::Repeat;
            context
                .notes
                .info(&at.place, "a list with `style: deepObject` is sent as `name[]=...`");
            arguments.push(arg, text, context, &at.place);
        }
        Style::Members => members(at, &schema, required, position, arguments, context),
        Style::None(reason) if required => {
            return Err(format!("the parameter `{}` {reason}", shown(wire)));
        }
        Style::None(reason) => {
            let text = format!("{reason}: the parameter is left out");
            context.notes.warning(&at.place, text);
        }
    }
    Ok(())
}

/// The schema of a parameter, with its default and an example.
fn schema_of(at: &Placed<'_>, context: &Context<'_>) -> Value {
    let content = at.get("content").and_then(|content| content.members().next());
    let schema = match (context.version(), content) {
        (Version::Swagger2, _) => Some(at.clone()),
        (_, Some((_, media))) => media.get("schema"),
        (_, None) => at.get("schema"),
    };
    let mut out = match &schema {
        Some(schema) => expand(schema, Direction::Request, context).schema,
        None => Map::new(),
    };
    if context.version() == Version::Swagger2 {
        // Here they are the parameter's own, not the schema's.
        out.shift_remove("description");
        out.shift_remove("required");
    }
    let named = |key: &str| {
        let resolved = schema.clone().and_then(|schema| context.document.resolve(schema).ok())?;
        resolved.value.get(key).filter(|value| !value.is_null()).cloned()
    };
    if let Some(default) = named("default") {
        out.insert("default".to_owned(), default);
    }
    if !out.contains_key("examples") {
        let several = at.get("examples").and_then(|list| list.members().next());
        let several = several.and_then(|(_, example)| example.value.get("value"));
        if let Some(example) = at.value.get("example").or(several).and_then(keywords::example) {
            out.insert("examples".to_owned(), Value::Array(vec![example]));
        }
    }
    if out.is_empty() && schema.is_none() {
        out.insert("type".to_owned(), Value::from("string"));
    }
    Value::Object(out)
}

/// Whether something else than an argument makes this part of a request.
fn is_elsewhere(
    at: &Placed<'_>,
    wire: &str,
    position: Position,
    schema: &Value,
    taken: &BTreeSet<(KeyPart, String)>,
    arguments: &mut Arguments,
    context: &Context<'_>,
) -> bool {
    let key = match position {
        Position::Header => (KeyPart::Header, wire.to_ascii_lowercase()),
        Position::Query => (KeyPart::Query, wire.to_owned()),
        Position::Cookie => (KeyPart::Cookie, wire.to_owned()),
        Position::Path | Position::Body => return false,
    };
    if taken.contains(&key) {
        context.notes.info(&at.place, "the credential is written here: this is no argument");
        return true;
    }
    let is_name = position == Position::Query || is_token(wire);
    if !is_name {
        let text = format!("`{}` is no name of a {}: it is left out", shown(wire), position.name());
        context.notes.warning(&at.place, text);
        return true;
    }
    if position != Position::Header {
        return false;
    }
    let of_the_request =
        ["authorization", "cookie", "accept", "content-type", "content-encoding", "expect"];
    let own = of_the_request.iter().any(|name| wire.eq_ignore_ascii_case(name));
    if !own && !is_framing(wire) && !key.1.starts_with("proxy-") {
        return false;
    }
    let fixed = ["accept", "content-encoding"].iter().any(|name| wire.eq_ignore_ascii_case(name));
    let value = schema.get("default").or_else(|| schema.get("enum").and_then(|list| list.get(0)));
    let value = value.or_else(|| schema.get("const")).and_then(Value::as_str);
    match value.filter(|value| fixed && value.bytes().all(|byte| (b' '..=b'~').contains(&byte))) {
        Some(value) => arguments.headers.push((wire.to_owned(), crate::literal(value))),
        None => {
            let text = "a header that the request makes by itself is no argument";
            context.notes.info(&at.place, text);
        }
    }
    true
}

/// The part of a request and the name of a parameter that holds a credential: `Authorization`, or
/// one that is needed and called as keys are. What a scheme of the document writes is not that.
pub(crate) fn credential<'d>(
    at: &Placed<'d>,
    taken: &BTreeSet<(KeyPart, String)>,
) -> Option<(KeyPlace, &'d str)> {
    let name = at.text("name")?;
    let (place, part, key) = match at.text("in")? {
        "header" => (KeyPlace::Header, KeyPart::Header, name.to_ascii_lowercase()),
        "query" => (KeyPlace::Query, KeyPart::Query, name.to_owned()),
        "cookie" => (KeyPlace::Cookie, KeyPart::Cookie, name.to_owned()),
        _ => return None,
    };
    let is_header = part == KeyPart::Header;
    if is_header && key == "authorization" {
        // Beside another credential it is that one again.
        return taken.is_empty().then_some((place, name));
    }
    let schema = at.value.get("schema").unwrap_or(at.value);
    let is_text = schema.get("type").and_then(Value::as_str) == Some("string");
    let is_free = !["enum", "const", "default"].iter().any(|key| schema.get(*key).is_some());
    let is_name = part == KeyPart::Query || is_token(name);
    let holds = at.flag("required") && is_text && is_free && is_name && !is_framing(name);
    let is_new = !taken.contains(&(part, key));
    (holds && is_new && crate::credential::names_secret(name)).then_some((place, name))
}

/// The members of an object as arguments of their own.
fn members(
    at: &Placed<'_>,
    schema: &Value,
    required: bool,
    position: Position,
    arguments: &mut Arguments,
    context: &Context<'_>,
) {
    let properties = schema.get("properties").and_then(Value::as_object);
    let open = schema.get("additionalProperties").is_some_and(|more| *more != Value::Bool(false));
    if open || properties.is_none_or(Map::is_empty) {
        let text = "an object whose members are pairs of their own: only those it names can be \
                    given";
        context.notes.warning(&at.place, text);
    }
    let needed = schema.get("required").and_then(Value::as_array);
    for (wire, property) in properties.into_iter().flatten() {
        let name = arguments.name(wire, position);
        let mut arg = DraftArg::new(name, Some(position), with_definitions(property, schema));
        arg.wire_name = Some(wire.clone());
        arg.required = required && needed.is_some_and(|list| list.contains(&json!(wire)));
        if types::only(property) == Some("array") {
            arg.style = ArgStyle::Repeat;
        }
        arguments.push(arg, None, context, &at.place);
    }
}
