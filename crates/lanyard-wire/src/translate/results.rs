//! Results on their way to a client.

use std::borrow::Cow;

use crate::Version;
use crate::json::text;
use crate::results::SERVER_INFO;
use crate::splice::{Edit, value};

/// From which version into which a message goes.
#[derive(Debug, Clone, Copy)]
pub struct Crossing<'a> {
    /// The version of whoever reads it.
    pub reader: Version,
    /// The version of whoever wrote it.
    pub writer: Version,
    /// The `serverInfo` that a stateless client is shown where the writer could not say it in a
    /// result: a raw JSON object.
    pub server_info: &'a str,
    /// Whether a result must not be shared between callers, because it was filtered for this one.
    pub private: bool,
}

/// A result as the reader's version has it.
///
/// | reader | writer | what changes |
/// |---|---|---|
/// | modern | legacy | `resultType` is `complete`; the server's identity and, where the method is cacheable, hints that say "do not keep" are added |
/// | modern | modern | what the version requires and the writer left out is added; the scope is narrowed if `private` |
/// | legacy | modern | `resultType` and hints for caching go; structured content that is no object goes |
/// | legacy | legacy | nothing |
///
/// A result that asks for input is no answer for a legacy reader, whoever calls this has seen to it
/// before: see [`result_type`].
pub fn result_for(crossing: Crossing<'_>, method: &str, result: &str) -> String {
    let Some(edit) = Edit::of(result) else { return result.to_owned() };
    match (crossing.reader.is_modern(), crossing.writer.is_modern()) {
        (true, false) => from_legacy(crossing, method, edit),
        (true, true) => between_modern(crossing, method, edit),
        (false, true) => to_legacy(crossing.reader, method, edit),
        (false, false) => result.to_owned(),
    }
}

/// An older server knows no other type of result, so that it cannot ask for input by a member that
/// means nothing in its version.
fn from_legacy(crossing: Crossing<'_>, method: &str, edit: Edit<'_>) -> String {
    let meta = Edit::of_or_empty(edit.value("_meta"));
    let meta = meta.set_missing(SERVER_INFO, crossing.server_info).write();
    let edit = edit.set("resultType", COMPLETE).set("_meta", meta);
    let cacheable = is_cacheable(method);
    let edit = if cacheable { edit.set("ttlMs", "0").set("cacheScope", PRIVATE) } else { edit };
    edit.write()
}

fn between_modern(crossing: Crossing<'_>, method: &str, edit: Edit<'_>) -> String {
    let kind = edit.value("resultType").unwrap_or(COMPLETE);
    let edit = edit.set_missing("resultType", COMPLETE);
    if !is_cacheable(method) || text(kind).as_deref() != Some("complete") {
        return edit.write();
    }
    let edit = edit.set_missing("ttlMs", "0").set_missing("cacheScope", PRIVATE);
    let edit = if crossing.private { edit.set("cacheScope", PRIVATE) } else { edit };
    edit.write()
}

fn to_legacy(reader: Version, method: &str, edit: Edit<'_>) -> String {
    let edit = edit.remove(&["resultType"]);
    let edit = if is_cacheable(method) { edit.remove(&["ttlMs", "cacheScope"]) } else { edit };
    // Older clients refuse the whole result over structured content that is no object.
    let structured = edit.value("structuredContent").filter(|value| !value.starts_with('{'));
    let dropped = method == "tools/call" && !reader.has_any_structured_value();
    let edit = match structured {
        Some(_) if dropped => edit.remove(&["structuredContent"]),
        Some(_) | None => edit,
    };
    edit.write()
}

/// The type of a result; `None` where it names none, as in every older version.
pub fn result_type(result: &str) -> Option<Cow<'_, str>> {
    text(value(result, &["resultType"])?)
}

/// Whether results of this method carry hints for caching in a modern version.
pub fn is_cacheable(method: &str) -> bool {
    matches!(
        method,
        "server/discover"
            | "tools/list"
            | "prompts/list"
            | "resources/list"
            | "resources/templates/list"
            | "resources/read"
    )
}

const COMPLETE: &str = "\"complete\"";
const PRIVATE: &str = "\"private\"";

#[cfg(test)]
mod tests;
