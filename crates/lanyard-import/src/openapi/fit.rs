//! Makes a definition small enough to be read: the largest output schemas go first, then long
//! descriptions, then the depths of arguments.

use serde_json::{Map, Value};

use super::context::Context;
use super::definitions::weigh;
use crate::{Draft, DraftTool};

/// The values of a schema that is not worth opening.
const WORTH: usize = 60;

/// The bytes of a tool that says nothing but what it is.
const LEAST: usize = 350;

/// Leaves out what makes a definition too large, and tells what.
pub(crate) fn fit(draft: &mut Draft, context: &Context<'_>) {
    let max = context.options.bytes_max;
    let too_large = |draft: &Draft| draft.to_yaml().len() > max;
    if draft.tools.len().saturating_mul(LEAST) > max {
        let text = format!(
            "{} tools do not fit into the {max} bytes that are read, whatever is left out: choose \
             operations with --include",
            draft.tools.len()
        );
        context.notes.warning("#/paths", text);
        return;
    }
    if !too_large(draft) {
        return;
    }
    if draft.tools.iter().any(|tool| tool.prepend.is_some()) {
        draft.tools.iter_mut().for_each(|tool| tool.prepend = None);
        context.notes.warning("#/paths", "answers go unexplained, as there is no room");
        if !too_large(draft) {
            return;
        }
    }
    let dropped = drop_outputs(draft, max);
    if dropped > 0 {
        let text = format!(
            "the definition would have more than {max} bytes: {dropped} tools go without an output \
             schema; choose operations with --include to have them"
        );
        context.notes.warning("#/paths", text);
    }
    if too_large(draft) {
        draft.tools.iter_mut().for_each(|tool| tool.long_description = None);
        context.notes.warning("#/paths", "long descriptions are left out, as there is no room");
    }
    for depth in [6, 4, 3, 2, 1] {
        if !too_large(draft) {
            return;
        }
        let opened: usize = draft.tools.iter_mut().map(|tool| open_depths(tool, depth)).sum();
        let text = format!(
            "what is deeper than {depth} in {opened} arguments is left open, as there is no room; \
             choose operations with --include to have it"
        );
        context.notes.warning("#/paths", text);
    }
    let size = draft.to_yaml().len();
    if size > max {
        let text = format!(
            "the definition has {size} bytes and at most {max} are read: choose operations with \
             --include"
        );
        context.notes.warning("#/paths", text);
    }
}

fn drop_outputs(draft: &mut Draft, max: usize) -> usize {
    let mut size = draft.to_yaml().len();
    let weight = |tool: &DraftTool| tool.output_schema.as_ref().map_or(0, |s| s.to_string().len());
    let mut largest: Vec<(usize, usize)> =
        draft.tools.iter().map(weight).enumerate().map(|(index, size)| (size, index)).collect();
    largest.sort_unstable();
    let mut dropped = 0_usize;
    while let Some((weight, index)) = largest.pop().filter(|_| size > max) {
        if let Some(tool) = draft.tools.get_mut(index).filter(|_| weight > 0) {
            tool.output_schema = None;
            dropped = dropped.saturating_add(1);
            // The text in YAML is longer than in JSON.
            size = size.saturating_sub(weight);
        }
    }
    dropped
}

/// Opens the arguments of a tool below a depth; how many there were.
fn open_depths(tool: &mut DraftTool, depth: usize) -> usize {
    let mut opened = 0_usize;
    for arg in &mut tool.args {
        if weigh(&arg.schema) <= WORTH {
            continue;
        }
        let definitions = match arg.schema.get("$defs") {
            Some(Value::Object(definitions)) => definitions.clone(),
            Some(_) | None => Map::new(),
        };
        arg.schema = shallow(&arg.schema, &definitions, depth);
        opened = opened.saturating_add(1);
    }
    opened
}

/// A schema without anything below a depth, and without definitions.
fn shallow(schema: &Value, definitions: &Map<String, Value>, depth: usize) -> Value {
    let Some(members) = schema.as_object() else { return schema.clone() };
    let named = members.get("$ref").and_then(Value::as_str);
    if let Some(target) = named.and_then(|name| definitions.get(name.strip_prefix("#/$defs/")?)) {
        return match depth.checked_sub(1) {
            Some(depth) => shallow(target, definitions, depth),
            None => bare(target),
        };
    }
    let Some(inner) = depth.checked_sub(1) else { return bare(schema) };
    let mut out = Map::new();
    for (key, value) in members {
        let value = match (key.as_str(), value) {
            ("$defs" | "if" | "then" | "else" | "dependentSchemas", _) => continue,
            ("properties" | "patternProperties", Value::Object(list)) => list
                .iter()
                .map(|(name, property)| (name.clone(), shallow(property, definitions, inner)))
                .collect(),
            ("items" | "additionalProperties" | "not" | "contains" | "propertyNames", _) => {
                shallow(value, definitions, inner)
            }
            ("anyOf" | "allOf" | "prefixItems", Value::Array(list)) => {
                list.iter().map(|item| shallow(item, definitions, inner)).collect()
            }
            _ => value.clone(),
        };
        out.insert(key.clone(), value);
    }
    Value::Object(out)
}

/// The type of a schema, and what it is for.
fn bare(schema: &Value) -> Value {
    let kept = ["type", "description"];
    let members =
        kept.iter().filter_map(|key| Some(((*key).to_owned(), schema.get(*key)?.clone())));
    Value::Object(members.collect())
}
