//! What a request carries: JSON, forms, files, text.

use serde_json::{Map, Value, json};

use super::context::Context;
use super::definitions::{weigh, with_definitions};
use super::document::{Placed, Version};
use super::expand::{Direction, Expanded, expand};
use super::media::{FORM, Kind, kind_of};
use super::params::Arguments;
use super::types;
use crate::{ArgStyle, DraftArg, DraftBody, Position};

/// The most values in the schemas of all members of a body as arguments of their own. One that
/// has more is one argument, whose definitions are written once.
const VALUES_MAX: usize = 6_000;

/// A body as the document describes it.
struct Described<'d> {
    kind: Kind,
    /// Its content type.
    media: String,
    /// Where it is described.
    at: Placed<'d>,
    schema: Option<Placed<'d>>,
    encoding: Option<Placed<'d>>,
    required: Option<bool>,
}

/// Reads the body of an operation into arguments. An error is why it cannot be expressed.
pub(crate) fn read(
    operation: &Placed<'_>,
    parameters: &[Placed<'_>],
    arguments: &mut Arguments,
    context: &Context<'_>,
) -> Result<DraftBody, String> {
    let described = match context.version() {
        Version::Swagger2 => {
            let form: Vec<&Placed<'_>> =
                parameters.iter().filter(|it| it.text("in") == Some("formData")).collect();
            if !form.is_empty() {
                return Ok(swagger_form(operation, &form, arguments, context));
            }
            swagger_body(operation, parameters, context)
        }
        Version::V30 | Version::V31 => request_body(operation, context)?,
    };
    let Some(described) = described else { return Ok(DraftBody::None) };
    match described.kind {
        Kind::Json => json_body(&described, arguments, context),
        Kind::Form | Kind::Multipart => fields(&described, arguments, context),
        Kind::Text | Kind::Binary => Ok(raw_body(&described, arguments, context)),
    }
}

fn request_body<'d>(
    operation: &Placed<'d>,
    context: &Context<'d>,
) -> Result<Option<Described<'d>>, String> {
    let Some(body) = operation.get("requestBody") else { return Ok(None) };
    let body = context.document.resolve(body)?;
    let mut media: Vec<(&str, Placed<'d>)> =
        body.get("content").iter().flat_map(Placed::members).collect();
    if media.is_empty() {
        context.notes.info(&body.place, "a body without a content type: none is sent");
        return Ok(None);
    }
    let several = media.len() > 1;
    media.sort_by_key(|(name, _)| kind_of(name));
    let Some((name, at)) = media.into_iter().next() else { return Ok(None) };
    if several {
        let text = "several content types: the first of JSON, form, multipart, text is sent";
        context.notes.info(&body.place, text);
    }
    Ok(Some(Described {
        kind: kind_of(name),
        media: name.to_owned(),
        schema: at.get("schema"),
        encoding: at.get("encoding"),
        required: body.value.get("required").and_then(Value::as_bool),
        at,
    }))
}

fn consumes<'d>(operation: &Placed<'d>, context: &Context<'d>) -> Vec<&'d str> {
    let own = operation.get("consumes").or_else(|| context.document.root().get("consumes"));
    own.iter().flat_map(Placed::items).filter_map(|item| item.value.as_str()).collect()
}

fn swagger_body<'d>(
    operation: &Placed<'d>,
    parameters: &[Placed<'d>],
    context: &Context<'d>,
) -> Option<Described<'d>> {
    let at = parameters.iter().find(|parameter| parameter.text("in") == Some("body"))?;
    let mut media = consumes(operation, context);
    // A body with a schema is no form, whatever the document lists.
    media.retain(|name| !matches!(kind_of(name), Kind::Form | Kind::Multipart));
    media.sort_by_key(|name| kind_of(name));
    let media = media.first().copied().unwrap_or("application/json");
    Some(Described {
        kind: kind_of(media),
        media: media.to_owned(),
        schema: at.get("schema"),
        encoding: None,
        required: at.value.get("required").and_then(Value::as_bool),
        at: at.clone(),
    })
}

/// The content type as it is sent, if it is not the usual one.
fn set_type(media: &str, usual: &str, arguments: &mut Arguments) {
    // A range is no type, and what a header cannot hold is none either.
    let is_type = !media.contains('*') && media.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let media = if is_type { media.trim() } else { usual };
    if !media.is_empty() && !media.eq_ignore_ascii_case(usual) {
        arguments.headers.push(("Content-Type".to_owned(), crate::literal(media)));
    }
}

fn expanded(described: &Described<'_>, context: &Context<'_>) -> Map<String, Value> {
    let Some(schema) = &described.schema else { return Map::new() };
    let Expanded { schema, cut } = expand(schema, Direction::Request, context);
    if cut {
        let text = "the schema of the body is too large: parts of it are left open, and the API \
                    checks them alone";
        context.notes.warning(&described.at.place, text);
    }
    schema
}

fn json_body(
    described: &Described<'_>,
    arguments: &mut Arguments,
    context: &Context<'_>,
) -> Result<DraftBody, String> {
    let schema = Value::Object(expanded(described, context));
    let members = schema.get("properties").and_then(Value::as_object);
    let text = described.at.text("description");
    let Some(members) = members.filter(|members| is_plain_object(&schema, members)) else {
        let is_list = types::only(&schema) == Some("array");
        let name = arguments.name(if is_list { "items" } else { "body" }, Position::Body);
        let template = format!("{{{{toJson .args.{name}}}}}");
        let mut arg = DraftArg::new(name, Some(Position::Body), schema);
        arg.required = described.required != Some(false);
        arguments.push(arg, text, context, &described.at.place);
        let media =
            if described.media.contains('*') { "application/json" } else { &described.media };
        set_type(media, "", arguments);
        return Ok(DraftBody::Template(template));
    };
    tell_lost(&schema, &described.at.place, context);
    let required = is_required(described, &schema);
    push_members(&schema, members, required, described, arguments, context);
    set_type(&described.media, "application/json", arguments);
    Ok(if required { DraftBody::Json } else { DraftBody::None })
}

/// Whether the members of an object can be arguments of their own.
fn is_plain_object(schema: &Value, members: &Map<String, Value>) -> bool {
    let union = schema.get("anyOf").and_then(Value::as_array);
    // Alternatives that only say which members go together.
    let of_required = union.is_none_or(|list| {
        list.iter().all(|alternative| {
            alternative.as_object().is_some_and(|alternative| {
                alternative.keys().all(|key| {
                    matches!(key.as_str(), "required" | "title" | "description" | "type")
                })
            })
        })
    });
    let weight = || {
        members
            .values()
            .map(|member| weigh(&with_definitions(member, schema)))
            .fold(0, usize::saturating_add)
    };
    let others = ["$ref", "allOf", "not", "patternProperties", "enum", "const"];
    schema.get("type").and_then(Value::as_str) == Some("object")
        && !members.is_empty()
        && of_required
        && !others.iter().any(|key| schema.get(*key).is_some())
        && weight() <= VALUES_MAX
}

/// Conditions over several members, which arguments of their own do not have.
fn tell_lost(schema: &Value, place: &str, context: &Context<'_>) {
    for key in [
        "anyOf",
        "if",
        "minProperties",
        "maxProperties",
        "dependentRequired",
        "dependentSchemas",
        "propertyNames",
    ] {
        if schema.get(key).is_some() {
            let text = format!("`{key}` of the whole body is checked by the API alone");
            context.notes.info(place, text);
        }
    }
    let more = schema.get("additionalProperties");
    if more.is_some_and(|more| *more != Value::Bool(false)) {
        let text = "the body may have members beyond those it names: only those can be given";
        context.notes.info(place, text);
    }
}

/// A document that says nothing about a body with needed members means that it is needed.
fn is_required(described: &Described<'_>, schema: &Value) -> bool {
    let needs = schema.get("required").and_then(Value::as_array).is_some_and(|l| !l.is_empty());
    described.required.unwrap_or(needs)
}

fn push_members(
    schema: &Value,
    members: &Map<String, Value>,
    required: bool,
    described: &Described<'_>,
    arguments: &mut Arguments,
    context: &Context<'_>,
) {
    let needed = schema.get("required").and_then(Value::as_array);
    for (wire, member) in members {
        let name = arguments.name(wire, Position::Body);
        let mut arg = DraftArg::new(name, Some(Position::Body), with_definitions(member, schema));
        arg.wire_name = Some(wire.clone());
        arg.required = required && needed.is_some_and(|list| list.contains(&json!(wire)));
        match described.kind {
            Kind::Form => form_style(&mut arg, described, context),
            Kind::Multipart => part_style(&mut arg, described, context),
            Kind::Json | Kind::Text | Kind::Binary => {}
        }
        let place = described.schema.as_ref().map_or(&described.at.place, |schema| &schema.place);
        arguments.push(arg, None, context, place);
    }
}

/// The fields of a form, or the parts of a multipart body.
fn fields(
    described: &Described<'_>,
    arguments: &mut Arguments,
    context: &Context<'_>,
) -> Result<DraftBody, String> {
    let schema = Value::Object(expanded(described, context));
    let members = schema.get("properties").and_then(Value::as_object);
    let members = members.cloned().unwrap_or_default();
    if members.is_empty() {
        let open = schema.get("additionalProperties").is_some_and(|it| *it != Value::Bool(false));
        if open || schema.get("properties").is_none() {
            let text = "a form that names no fields: none can be given";
            context.notes.warning(&described.at.place, text);
        }
        return Ok(DraftBody::None);
    }
    tell_lost(&schema, &described.at.place, context);
    let required = is_required(described, &schema);
    push_members(&schema, &members, required, described, arguments, context);
    if described.kind == Kind::Multipart {
        return Ok(DraftBody::Multipart);
    }
    if required {
        return Ok(DraftBody::Form);
    }
    set_type(FORM, "", arguments);
    Ok(DraftBody::None)
}

/// How a field of a form is written.
fn form_style(arg: &mut DraftArg, described: &Described<'_>, context: &Context<'_>) {
    let kind = types::only(&arg.schema).map(str::to_owned);
    let encoding = described.encoding.as_ref().and_then(|list| list.get(arg.wire()));
    let style = encoding.as_ref().and_then(|encoding| encoding.text("style"));
    let explode = encoding.as_ref().and_then(|it| it.value.get("explode").and_then(Value::as_bool));
    arg.style = match (style, kind.as_deref()) {
        (Some("deepObject"), Some("array")) => {
            let text = "a list with `style: deepObject` is sent as `name[]=...`";
            context.notes.info(&described.at.place, text);
            arg.wire_name = Some(format!("{}[]", arg.wire()));
            ArgStyle::Repeat
        }
        (Some("deepObject"), _) => ArgStyle::DeepObject,
        (Some("spaceDelimited"), Some("array" | "object")) => ArgStyle::Space,
        (Some("pipeDelimited"), Some("array" | "object")) => ArgStyle::Pipe,
        (_, Some("array")) if explode == Some(false) => ArgStyle::Comma,
        (_, Some("array")) => ArgStyle::Repeat,
        (None | Some("form"), Some("object")) if explode == Some(false) => ArgStyle::Comma,
        (Some(_), Some("object")) => {
            let text = "an object whose members would be fields of their own is sent as JSON";
            context.notes.info(&described.at.place, text);
            ArgStyle::Json
        }
        _ => ArgStyle::Json,
    };
}

/// How a part is written: each element of a list is a part, and what is no text is a file. Since
/// OpenAPI 3.1 a part may have a style.
fn part_style(arg: &mut DraftArg, described: &Described<'_>, context: &Context<'_>) {
    let encoding = described.encoding.as_ref().and_then(|list| list.get(arg.wire()));
    let names = |key| encoding.as_ref().is_some_and(|encoding| encoding.get(key).is_some());
    if context.version() == Version::V31 && (names("style") || names("explode")) {
        form_style(arg, described, context);
    } else if types::only(&arg.schema) == Some("array") {
        arg.style = ArgStyle::Repeat;
    }
    let of_part = encoding.as_ref().and_then(|encoding| encoding.text("contentType"));
    mark_file(&mut arg.schema, of_part);
    if let Some(items) = arg.schema.get_mut("items") {
        mark_file(items, of_part);
    }
}

/// OpenAPI 3.1 tells files by their content type.
fn mark_file(schema: &mut Value, of_part: Option<&str>) {
    let media = schema.get("contentMediaType").and_then(Value::as_str).or(of_part);
    let is_file = media.is_some_and(|media| kind_of(media) == Kind::Binary);
    let untyped = matches!(types::only(schema), None | Some("string"));
    let encoded = schema.get("contentEncoding").is_some() || schema.get("anyOf").is_some();
    if is_file
        && untyped
        && !encoded
        && let Value::Object(members) = schema
    {
        members.insert("type".to_owned(), Value::from("string"));
        members.insert("format".to_owned(), Value::from("binary"));
    }
}

fn raw_body(
    described: &Described<'_>,
    arguments: &mut Arguments,
    context: &Context<'_>,
) -> DraftBody {
    let name = arguments.name("body", Position::Body);
    let (schema, what) = match described.kind {
        Kind::Binary => (json!({ "type": "string", "format": "binary" }), "in base64"),
        Kind::Json | Kind::Form | Kind::Multipart | Kind::Text => (json!({ "type": "string" }), ""),
    };
    let mut arg = DraftArg::new(name.as_str(), Some(Position::Body), schema);
    arg.required = described.required != Some(false);
    let own = described.at.text("description");
    let text = format!("The body as {} {what}", described.media.replace('*', "any type"));
    arguments.push(arg, Some(own.unwrap_or(&text)), context, &described.at.place);
    let is_open = described.media.contains('*');
    set_type(if is_open { "application/octet-stream" } else { &described.media }, "", arguments);
    DraftBody::Raw(name)
}

/// `in: formData` of Swagger 2.0.
fn swagger_form(
    operation: &Placed<'_>,
    form: &[&Placed<'_>],
    arguments: &mut Arguments,
    context: &Context<'_>,
) -> DraftBody {
    let file = form.iter().any(|field| field.text("type") == Some("file"));
    let media = consumes(operation, context);
    let has = |kind: Kind| media.iter().any(|name| kind_of(name) == kind);
    let multipart = file || (has(Kind::Multipart) && !has(Kind::Form));
    let mut any_required = false;
    for field in form {
        let Some(wire) = field.text("name").filter(|wire| !wire.is_empty()) else { continue };
        let mut schema = expand(field, Direction::Request, context).schema;
        schema.shift_remove("description");
        if let Some(default) = field.value.get("default") {
            schema.insert("default".to_owned(), default.clone());
        }
        let name = arguments.name(wire, Position::Body);
        let mut arg = DraftArg::new(name, Some(Position::Body), Value::Object(schema));
        arg.wire_name = Some(wire.to_owned());
        arg.required = field.flag("required");
        any_required |= arg.required;
        if types::only(&arg.schema) == Some("array") {
            arg.style = match field.text("collectionFormat") {
                Some("ssv") => ArgStyle::Space,
                Some("pipes") => ArgStyle::Pipe,
                Some("multi") => ArgStyle::Repeat,
                Some(_) | None => ArgStyle::Comma,
            };
        }
        arguments.push(arg, field.text("description"), context, &field.place);
    }
    match (multipart, any_required) {
        (true, _) => DraftBody::Multipart,
        (false, true) => DraftBody::Form,
        (false, false) => {
            set_type(FORM, "", arguments);
            DraftBody::None
        }
    }
}
