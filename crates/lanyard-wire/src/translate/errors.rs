//! Errors on their way to a client.

use std::borrow::Cow;

use super::Crossing;
use crate::json::text;
use crate::splice::{Edit, value};

/// A resource that does not exist, before 2026-07-28.
const RESOURCE_NOT_FOUND: i64 = -32002;

/// Wrong parameters; since 2026-07-28 also a resource that does not exist.
const INVALID_PARAMS: i64 = -32602;

/// A request that cannot be served as it is.
const INVALID_REQUEST: i64 = -32600;

/// What an error says, read from the object.
#[derive(Debug, Clone)]
pub struct ErrorFacts<'a> {
    /// The JSON-RPC code.
    pub code: i64,
    /// The text of whoever wrote it. It is a stranger's.
    pub message: Cow<'a, str>,
    /// The member `data`, raw JSON.
    pub data: Option<&'a str>,
}

impl<'a> ErrorFacts<'a> {
    /// Reads an error object; `None` where it has no code. A message that is missing is empty.
    pub fn read(error: &'a str) -> Option<Self> {
        let edit = Edit::of(error)?;
        Some(Self {
            code: edit.value("code")?.parse().ok()?,
            message: edit.value("message").and_then(text).unwrap_or_default(),
            data: edit.value("data"),
        })
    }
}

/// An error object as the reader's version has it. Message and data are the writer's; only a code
/// changes that would mean something else, or nothing, to the reader:
///
/// | reader | writer | code | becomes | why |
/// |---|---|---|---|---|
/// | modern | legacy | -32002 of `resources/read` | -32602 | how the version says that a resource does not exist |
/// | modern | legacy | -32020, -32021, -32022, -32042 | -32600 | to a stateless client these are about the message that it sent to us, or nothing |
/// | legacy | modern | -32602 of `resources/read` with `data.uri` | -32002 | the same, back; without a URI it is about parameters |
/// | legacy | modern | -32021 | -32600 | the client lacks what the request needs; `data` says what |
/// | legacy | modern | -32020, -32022 | -32600, without `data` | about headers and versions, which the gateway chose |
///
/// Every other error, and every error within one era, stays as it is.
pub fn error_for(crossing: Crossing<'_>, method: &str, error: &str) -> String {
    let facts = ErrorFacts::read(error);
    let (Some(facts), Some(edit)) = (facts, Edit::of(error)) else { return error.to_owned() };
    let reads = method == "resources/read";
    let with_code = |edit: Edit<'_>, code: i64| edit.set("code", code.to_string()).write();
    match (crossing.reader.is_modern(), crossing.writer.is_modern(), facts.code) {
        (true, false, RESOURCE_NOT_FOUND) if reads => with_code(edit, INVALID_PARAMS),
        (true, false, -32022..=-32020 | -32042) => with_code(edit, INVALID_REQUEST),
        (false, true, INVALID_PARAMS) if reads && names_uri(&facts) => {
            with_code(edit, RESOURCE_NOT_FOUND)
        }
        (false, true, -32021) => with_code(edit, INVALID_REQUEST),
        (false, true, -32020 | -32022) => with_code(edit.remove(&["data"]), INVALID_REQUEST),
        _ => error.to_owned(),
    }
}

fn names_uri(facts: &ErrorFacts<'_>) -> bool {
    facts.data.and_then(|data| value(data, &["uri"])).is_some()
}

#[cfg(test)]
mod tests;
