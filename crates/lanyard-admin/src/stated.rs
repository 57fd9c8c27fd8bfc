//! Credentials where none belongs: in what an operator writes that is kept in the clear, be it a
//! name, an option, a policy or a part of a definition from which nothing is taken into the vault.
//!
//! INVARIANT: the answer names the place and the kind of credential, and repeats nothing of it.

use axum::body::Bytes;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode};
use lanyard_core::credential::{
    Live, json_may_hold_credential, live_credential, live_credential_under,
};
use lanyard_rest::{Problem, Severity};
use serde_json::{Map, Value};

use crate::Admin;
use crate::error::ApiError;

/// Members of a body that are for credentials, or that are looked at once those in them were taken
/// out, or that are kept nowhere.
const LEFT_OUT: &[&str] =
    &["value", "secret_values", "source", "definition", "arguments", "texts", "probe"];

/// What to do about one.
const INSTEAD: &str = "make an intake link with `lanyard secret intake NAME`, and write \
                       secret://NAME where a definition takes a credential";

/// The largest body that is looked at where other requests wait: 64 KiB.
const WAITED_FOR_BYTES_MAX: usize = 65_536;

/// Refuses a body that holds one where it would be kept in the clear. A large one takes its time: it
/// is looked at where blocking is allowed.
pub(crate) async fn check_body(admin: &Admin, body: &Bytes) -> Result<(), ApiError> {
    if body.len() <= WAITED_FOR_BYTES_MAX {
        return check_members(body);
    }
    let body = body.clone();
    admin.blocking(move |_| check_members(&body)).await
}

fn check_members(body: &[u8]) -> Result<(), ApiError> {
    let text = std::str::from_utf8(body).unwrap_or_default();
    if !json_may_hold_credential(text) {
        return Ok(());
    }
    // What cannot be read is refused by who reads it.
    let members: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    let kept = members.iter().filter(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
    for (name, value) in kept {
        if let Some((place, kind)) = found_in(name, value) {
            return Err(refused(&place, kind));
        }
    }
    Ok(())
}

/// Refuses an address that names something by one: it would be recorded.
fn check_address(address: &str) -> Result<(), ApiError> {
    match live_credential(address) {
        Some(kind) => Err(refused("a name in the address", kind)),
        None => Ok(()),
    }
}

/// Refuses a change at such an address before anybody looks at it.
pub(crate) async fn guard_address(request: Request, next: Next) -> Response {
    let uri = request.uri();
    if request.method() != Method::GET
        && uri.path().starts_with("/v1/")
        && let Err(error) = check_address(&uri.to_string())
    {
        return error.into_response();
    }
    next.run(request).await
}

fn refused(place: &str, kind: &'static str) -> ApiError {
    ApiError::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        format!(
            "{place} holds what looks like a credential ({kind}) and would be kept in the clear, \
             so nothing was changed; {INSTEAD}"
        ),
    )
}

/// The place of a credential in a value, and its kind. Where a name is one, it is not named.
fn found_in(name: &str, value: &Value) -> Option<(String, &'static str)> {
    if let Some(kind) = live_credential(name) {
        return Some(("the name of a member".to_owned(), kind));
    }
    let (steps, found) = found_below(name, value)?;
    let mut path = shown(name);
    path.extend(steps.into_iter().rev());
    Some(match found {
        Found::Name(kind) => (format!("the name of a member of `{path}`"), kind),
        Found::Text { line: Some(line), kind } => (format!("`{path}`, line {line},"), kind),
        Found::Text { line: None, kind } => (format!("`{path}`"), kind),
    })
}

enum Found {
    /// The name of a member.
    Name(&'static str),
    /// A text: on which line where it has several.
    Text { line: Option<usize>, kind: &'static str },
}

/// The first credential of a value, and the steps to it, the last first: they are made only where
/// there is one. What was read as JSON is not deep.
fn found_below(name: &str, value: &Value) -> Option<(Vec<String>, Found)> {
    let (step, (mut steps, found)) = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => return None,
        Value::String(text) => {
            let Live { kind, at } = live_credential_under(name, text)?;
            let line = text.lines().nth(1).map(|_| line_at(text, at));
            return Some((Vec::new(), Found::Text { line, kind }));
        }
        Value::Array(items) => (0..).zip(items).find_map(|(index, item): (usize, _)| {
            Some((format!("[{index}]"), found_below(name, item)?))
        })?,
        Value::Object(members) => {
            if let Some(kind) = members.keys().find_map(|key| live_credential(key)) {
                return Some((Vec::new(), Found::Name(kind)));
            }
            members
                .iter()
                .find_map(|(key, it)| Some((format!(".{}", shown(key)), found_below(key, it)?)))?
        }
    };
    steps.push(step);
    Some((steps, found))
}

/// What is shown of a name.
fn shown(name: &str) -> String {
    name.chars().take(KEY_CHARS_MAX).collect()
}

/// The most that is said of a name, in characters.
const KEY_CHARS_MAX: usize = 60;

/// The line of a text on which a byte of it stands.
fn line_at(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count().saturating_add(1)
}

/// The problems that are told at a time: whoever wrote the definition sees what is meant by then.
const PROBLEMS_MAX: usize = 20;

/// The problems of a definition's text as it would be kept, with line and field.
pub(crate) fn check_source(file: &str, source: &str) -> Result<(), ApiError> {
    let Some(Live { kind, at }) = live_credential_under("", source) else { return Ok(()) };
    let mut problems: Vec<Problem> = (1..)
        .zip(source.lines())
        .filter_map(|(line, text)| Some(problem(file, source, line, live_credential(text)?)))
        .take(PROBLEMS_MAX)
        .collect();
    // Some go over several lines.
    if problems.is_empty() {
        problems.push(problem(file, source, line_at(source, at), kind));
    }
    Err(ApiError::definition(problems))
}

fn problem(file: &str, source: &str, line: usize, kind: &'static str) -> Problem {
    Problem {
        file: file.to_owned(),
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: 1,
        path: field(source, line),
        message: format!(
            "holds what looks like a credential ({kind}), and would be kept in the clear; {INSTEAD}"
        ),
        severity: Severity::Error,
    }
}

/// The keys under which a line of YAML stands, by how far lines are set in.
fn field(source: &str, line: usize) -> String {
    let above: Vec<&str> = source.lines().take(line).collect();
    let (mut keys, mut depth): (Vec<&str>, usize) = (Vec::new(), usize::MAX);
    for text in above.into_iter().rev() {
        let begun = text.trim_start_matches([' ', '-', '{']);
        let set_in = text.len().saturating_sub(begun.len());
        if set_in >= depth {
            continue;
        }
        let key = begun.split_once(':').map(|(key, _)| key);
        let Some(key) = key.filter(|key| is_key(key)) else { continue };
        keys.push(key);
        depth = set_in;
        if depth == 0 {
            break;
        }
    }
    keys.reverse();
    keys.join(".")
}

fn is_key(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '$';
    !text.is_empty()
        && text.len() <= KEY_CHARS_MAX
        && text.chars().all(plain)
        && live_credential(text).is_none()
}

/// The problems of the definition of an MCP server as it would be kept.
pub(crate) fn check_definition(file: &str, json: &str) -> Result<(), ApiError> {
    if !json_may_hold_credential(json) {
        return Ok(());
    }
    let members: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
    let problems: Vec<lanyard_mcp::Problem> = members
        .iter()
        .filter_map(|(name, value)| found_in(name, value))
        .take(PROBLEMS_MAX)
        .map(|(place, kind)| lanyard_mcp::Problem {
            path: place.trim_matches('`').to_owned(),
            message: format!(
                "holds what looks like a credential ({kind}), and would be kept in the clear; \
                 {INSTEAD}"
            ),
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(ApiError::mcp_definition(file, &problems)) }
}

#[cfg(test)]
mod tests;
