//! What servers and clients say that they can do, read, merged and passed on.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::ListenParams;
use crate::Version;
use crate::json::{Object, raw};
use crate::results::Lists;
use crate::splice::{Edit, members, value};

/// The extension that tasks became.
const TASKS_EXTENSION: &str = "io.modelcontextprotocol/tasks";

/// A named thing that a server can do beside the protocol, with its settings.
pub type Named<'a> = (Cow<'a, str>, &'a RawValue);

/// What a server can do, read from its capabilities.
#[derive(Debug, Clone)]
pub struct ServerCapabilities<'a> {
    /// Tools.
    pub tools: Lists,
    /// Prompts.
    pub prompts: Lists,
    /// Resources.
    pub resources: Lists,
    /// Telling that one resource changed.
    pub subscribe: bool,
    /// Log messages.
    pub logging: bool,
    /// Completion of arguments.
    pub completions: bool,
    /// Tasks as 2025-11-25 has them.
    pub tasks: Option<&'a RawValue>,
    /// Extensions by their id.
    pub extensions: Vec<Named<'a>>,
    /// What is no part of any version.
    pub experimental: Vec<Named<'a>>,
}

impl<'a> ServerCapabilities<'a> {
    /// Reads a raw JSON object. What is no object can do nothing.
    pub fn read(capabilities: &'a str) -> Self {
        let declared = |key| value(capabilities, &[key]).filter(|value| is_declared(value));
        let lists = |key| match declared(key) {
            None => Lists::None,
            Some(kind) if is_true(kind, "listChanged") => Lists::Announced,
            Some(_) => Lists::Quiet,
        };
        let named = |key| declared(key).and_then(members).unwrap_or_default();
        Self {
            tools: lists("tools"),
            prompts: lists("prompts"),
            resources: lists("resources"),
            subscribe: declared("resources").is_some_and(|kind| is_true(kind, "subscribe")),
            logging: declared("logging").is_some(),
            completions: declared("completions").is_some(),
            tasks: declared("tasks").and_then(raw),
            extensions: named("extensions"),
            experimental: named("experimental"),
        }
    }
}

impl ServerCapabilities<'_> {
    /// The changes of lists that it tells of.
    pub fn list_changes(&self) -> ListenParams<'static> {
        ListenParams {
            tools_list_changed: self.tools == Lists::Announced,
            prompts_list_changed: self.prompts == Lists::Announced,
            resources_list_changed: self.resources == Lists::Announced,
            ..ListenParams::default()
        }
    }
}

fn is_declared(value: &str) -> bool {
    !matches!(value, "null" | "false")
}

fn is_true(kind: &str, key: &str) -> bool {
    value(kind, &[key]) == Some("true")
}

/// The capabilities of one endpoint in front of several servers, whose capabilities are these: all
/// that any of them can do. Tools are always there, and their changes are told, for the endpoint
/// itself sees to that. An extension is there only where all servers have it with the same settings,
/// for a client cannot say for which of them it means it. Tasks of 2025-11-25 are not: nobody can
/// list those of several servers.
pub fn merged_capabilities(all: &[&str]) -> String {
    let all: Vec<_> = all.iter().map(|one| ServerCapabilities::read(one)).collect();
    let prompts = widest(all.iter().map(|one| one.prompts));
    let resources = widest(all.iter().map(|one| one.resources));
    let subscribe = all.iter().any(|one| one.subscribe);
    let resources = resources.to_json().map(|json| {
        let edit = Edit::of_or_empty(Some(json));
        if subscribe { edit.set("subscribe", "true").write() } else { json.to_owned() }
    });
    let any = |can: fn(&ServerCapabilities<'_>) -> bool| all.iter().any(can).then_some("{}");
    let agreed_extensions = agreed(&all, |one| &one.extensions);
    let agreed_experimental = agreed(&all, |one| &one.experimental);
    Object::new()
        .raw_if("tools", Lists::Announced.to_json())
        .raw_if("prompts", prompts.to_json())
        .raw_if("resources", resources.as_deref())
        .raw_if("logging", any(|one| one.logging))
        .raw_if("completions", any(|one| one.completions))
        .raw_if("extensions", agreed_extensions.as_deref())
        .raw_if("experimental", agreed_experimental.as_deref())
        .end()
}

fn widest(lists: impl Iterator<Item = Lists>) -> Lists {
    lists.fold(Lists::None, |widest, one| match (widest, one) {
        (Lists::Announced, _) | (_, Lists::Announced) => Lists::Announced,
        (Lists::Quiet, _) | (_, Lists::Quiet) => Lists::Quiet,
        (Lists::None, Lists::None) => Lists::None,
    })
}

/// What all have under the same name with the same settings.
fn agreed<'a>(
    all: &[ServerCapabilities<'a>],
    named: impl for<'c> Fn(&'c ServerCapabilities<'a>) -> &'c Vec<Named<'a>>,
) -> Option<String> {
    let (first, others) = all.split_first()?;
    let settings = |raw: &RawValue| serde_json::from_str::<Value>(raw.get()).ok();
    let has = |other: &ServerCapabilities<'a>, (name, wanted): &Named<'a>| {
        let mut listed = named(other).iter();
        listed.any(|(other, found)| other == name && settings(found) == settings(wanted))
    };
    let agreed: Vec<_> =
        named(first).iter().filter(|one| others.iter().all(|other| has(other, one))).collect();
    let write = |object: Object, (name, settings): &Named<'_>| object.raw(name, settings.get());
    let object = agreed.iter().fold(Object::new(), |object, one| write(object, one));
    (!agreed.is_empty()).then(|| object.end())
}

/// The capabilities of a server as a client of another version is told of them, or those of a client
/// as a server is. What neither side can make use of goes: tasks, which are a part of 2025-11-25 and
/// an extension of 2026-07-28, and cannot be translated.
pub fn capabilities_for(reader: Version, writer: Version, capabilities: &str) -> Cow<'_, str> {
    let Some(edit) = Edit::of(capabilities) else { return Cow::Borrowed(capabilities) };
    let core = edit.value("tasks").is_some();
    let core_goes = core && !(reader.has_core_tasks() && writer.has_core_tasks());
    let extensions = edit.value("extensions").and_then(Edit::of);
    let extension =
        extensions.filter(|extensions| extensions.value(TASKS_EXTENSION).is_some()).filter(|_| {
            // Within an era it passes as any extension does.
            reader.is_modern() != writer.is_modern()
        });
    if !core_goes && extension.is_none() {
        return Cow::Borrowed(capabilities);
    }
    let edit = if core_goes { edit.remove(&["tasks"]) } else { edit };
    let edit = match extension {
        Some(extensions) => {
            let left = extensions.remove(&[TASKS_EXTENSION]).written_unless_emptied();
            edit.set_or_remove("extensions", left)
        }
        None => edit,
    };
    Cow::Owned(edit.write())
}

#[cfg(test)]
mod tests;
