//! What comes back: the schema of a successful answer, where there is one for all of them.

use serde_json::Value;

use super::context::Context;
use super::document::{Placed, Version};
use super::expand::{Direction, expand};
use super::explain::explain;
use super::media::is_json;
use super::types;

/// The schema of the structured answer of an operation.
pub(crate) fn output_schema(operation: &Placed<'_>, context: &Context<'_>) -> Option<Value> {
    if !context.options.output_schemas {
        return None;
    }
    let mut found: Vec<Option<Placed<'_>>> = Vec::new();
    for (status, response) in operation.get("responses").iter().flat_map(Placed::members) {
        if status.starts_with('2') && status != "204" && status != "205" {
            let response = context.document.resolve(response).ok()?;
            found.push(schema_of(&response, context));
        } else if status.starts_with('2') {
            found.push(None);
        }
    }
    let mut schemas = found.iter();
    let first = schemas.next()?.clone()?;
    if schemas.any(|other| other.as_ref().is_none_or(|other| other.value != first.value)) {
        let text = "several kinds of successful answers: the tool has no output schema";
        context.notes.info(&operation.place, text);
        return None;
    }
    let expanded = expand(&first, Direction::Response, context);
    if expanded.cut {
        let text = "the schema of the answer is too large: the tool has no output schema";
        context.notes.info(&first.place, text);
        return None;
    }
    let mut schema = Value::Object(expanded.schema);
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        if types::only(&schema) != Some("object") {
            let text = "the answer is no object: the tool has no output schema";
            context.notes.info(&first.place, text);
        }
        return None;
    }
    clean(&mut schema);
    match context.options.schemas.check_schema(&schema) {
        Ok(()) => Some(schema),
        Err(reason) => {
            let text = format!("the schema of the answer cannot be used: {reason}");
            context.notes.warning(&first.place, text);
            None
        }
    }
}

/// What the first successful answer with a schema means, in words, where that is asked for.
pub(crate) fn explained(operation: &Placed<'_>, context: &Context<'_>) -> Option<String> {
    if !context.options.explain_answers {
        return None;
    }
    let responses = operation.get("responses");
    let successful = responses.iter().flat_map(Placed::members);
    let mut answers = successful
        .filter(|(status, _)| status.starts_with('2'))
        .filter_map(|(_, response)| context.document.resolve(response).ok());
    let (media_type, schema) = answers.find_map(|response| json_of(&response, context))?;
    let expanded = expand(&schema, Direction::Response, context);
    Some(explain(&media_type, &Value::Object(expanded.schema)))
}

/// The schema of a JSON answer.
fn schema_of<'d>(response: &Placed<'d>, context: &Context<'d>) -> Option<Placed<'d>> {
    json_of(response, context).map(|(_, schema)| schema)
}

/// The same with the media type.
fn json_of<'d>(response: &Placed<'d>, context: &Context<'d>) -> Option<(String, Placed<'d>)> {
    if context.version() == Version::Swagger2 {
        return Some(("application/json".to_owned(), response.get("schema")?));
    }
    let content = response.get("content")?;
    let mut media = content.members();
    let (kind, media) = media.find(|(kind, _)| is_json(kind))?;
    Some((crate::one_line(kind), media.get("schema")?))
}

/// Takes examples out: whoever reads an answer has the answer.
fn clean(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("examples").is_some_and(Value::is_array) {
                members.shift_remove("examples");
            }
            for (_, member) in members.iter_mut() {
                clean(member);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
