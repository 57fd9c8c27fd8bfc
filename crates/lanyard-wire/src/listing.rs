//! Lists of a server, and their items as a client's version has them.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::text;
use crate::results::knows_schema;
use crate::splice::{Edit, elements, value};
use crate::{ParamHeaders, Version};

/// One page of a list.
#[derive(Debug, Clone)]
pub struct ListPage<'a> {
    /// The items as they came.
    pub items: Vec<&'a RawValue>,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<Cow<'a, str>>,
}

impl<'a> ListPage<'a> {
    /// Reads a result. `key` is the member that holds the list: `tools`, `prompts`, `resources` or
    /// `resourceTemplates`. `None` where there is no list, or the cursor is no text.
    pub fn read(result: &'a str, key: &str) -> Option<Self> {
        let result = Edit::of(result)?;
        let items = elements(result.value(key)?)?;
        let next_cursor = match result.value("nextCursor") {
            None | Some("null" | "\"\"") => None,
            Some(cursor) => Some(text(cursor)?),
        };
        Some(Self { items, next_cursor })
    }
}

/// What an item of a list says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item<'a> {
    /// The name of a tool or prompt; of a resource only for people.
    pub name: Option<Cow<'a, str>>,
    /// Where a resource is.
    pub uri: Option<Cow<'a, str>>,
    /// Where the resources of a template are.
    pub uri_template: Option<Cow<'a, str>>,
    /// The name for people.
    pub title: Option<Cow<'a, str>>,
    /// What it is.
    pub description: Option<Cow<'a, str>>,
}

impl<'a> Item<'a> {
    /// Reads an item; `None` where it is no object.
    pub fn read(item: &'a str) -> Option<Self> {
        let item = Edit::of(item)?;
        let member = |key| item.value(key).and_then(text);
        Some(Self {
            name: member("name"),
            uri: member("uri"),
            uri_template: member("uriTemplate"),
            title: member("title"),
            description: member("description"),
        })
    }
}

/// The definition of a tool as the reader's version has it, under another name if one is given.
///
/// Older versions are spared what makes their clients refuse the whole list, or what they do not
/// know: titles, annotations, and schemas of structured content that is no object. `execution`, which
/// says whether a tool runs as a task of 2025-11-25, is kept only where both sides have such tasks.
/// Everything else stays as the writer has it.
pub fn tool_for<'a>(
    reader: Version,
    writer: Version,
    definition: &'a str,
    name: Option<&'a str>,
) -> Cow<'a, str> {
    let Some(edit) = Edit::of(definition) else { return Cow::Borrowed(definition) };
    let output = edit.value("outputSchema").filter(|schema| !knows_schema(reader, schema));
    let tasks = reader.has_core_tasks() && writer.has_core_tasks();
    let execution = !tasks && (!reader.is_modern() || !writer.is_modern());
    let unknown = [
        (!reader.has_titles(), "title"),
        (!reader.has_annotations(), "annotations"),
        (output.is_some(), "outputSchema"),
        (execution, "execution"),
    ];
    written(edit, &unknown, definition, name)
}

/// The definition of a prompt as the reader's version has it, under another name if one is given.
pub fn prompt_for<'a>(reader: Version, definition: &'a str, name: Option<&'a str>) -> Cow<'a, str> {
    let Some(edit) = Edit::of(definition) else { return Cow::Borrowed(definition) };
    written(edit, &[(!reader.has_titles(), "title")], definition, name)
}

/// A definition without what is not for its reader. Most change nothing, and are not copied.
fn written<'a>(
    edit: Edit<'a>,
    unknown: &[(bool, &'static str)],
    definition: &'a str,
    name: Option<&'a str>,
) -> Cow<'a, str> {
    let gone: Vec<&str> = unknown
        .iter()
        .filter(|(is_unknown, key)| *is_unknown && edit.value(key).is_some())
        .map(|(_, key)| *key)
        .collect();
    match name {
        None if gone.is_empty() => Cow::Borrowed(definition),
        None => Cow::Owned(edit.remove(&gone).write()),
        Some(name) => Cow::Owned(edit.remove(&gone).set_text("name", name).write()),
    }
}

/// The arguments of a tool that headers repeat, read from its definition; an error where an
/// annotation breaks a rule, and the tool must not be offered.
pub fn tool_param_headers(definition: &str) -> Result<ParamHeaders, String> {
    let Some(schema) = value(definition, &["inputSchema"]) else {
        return Ok(ParamHeaders::default());
    };
    let schema: Value =
        serde_json::from_str(schema).map_err(|_| "`inputSchema` cannot be read".to_owned())?;
    ParamHeaders::compile(&schema)
}

#[cfg(test)]
mod tests;
