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
/// says whether a tool runs as a task of 2025-11-25, is for that version alone. Everything else stays
/// as it is.
pub fn tool_for(reader: Version, definition: &str, name: Option<&str>) -> String {
    let Some(edit) = Edit::of(definition) else { return definition.to_owned() };
    let knows_output = edit.value("outputSchema").is_none_or(|schema| knows_schema(reader, schema));
    let unknown = [
        ("title", reader.has_titles()),
        ("annotations", reader.has_annotations()),
        ("outputSchema", knows_output),
        ("execution", reader.has_core_tasks()),
    ];
    let unknown = unknown.into_iter().filter(|(_, knows)| !knows);
    let edit = unknown.fold(edit, |edit, (key, _)| edit.remove(&[key]));
    renamed(edit, name)
}

/// The definition of a prompt as the reader's version has it, under another name if one is given.
pub fn prompt_for(reader: Version, definition: &str, name: Option<&str>) -> String {
    let Some(edit) = Edit::of(definition) else { return definition.to_owned() };
    renamed(if reader.has_titles() { edit } else { edit.remove(&["title"]) }, name)
}

fn renamed(edit: Edit<'_>, name: Option<&str>) -> String {
    match name {
        Some(name) => edit.set_text("name", name).write(),
        None => edit.write(),
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
