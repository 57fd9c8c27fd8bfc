//! Credentials where none belongs: in what an operator writes that is kept in the clear, be it a
//! name, an option, a policy or a part of a definition from which nothing is taken into the vault.
//!
//! INVARIANT: the answer names the place and the kind of credential, and repeats nothing of it.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode};
use lanyard_core::credential::{json_may_hold_credential, live_credential};
use lanyard_rest::{Problem, Severity};
use serde_json::{Map, Value};

use crate::error::ApiError;

/// Members of a body that are for credentials, or that are looked at once those in them were taken
/// out, or that are kept nowhere.
const LEFT_OUT: &[&str] =
    &["value", "secret_values", "source", "definition", "arguments", "texts", "probe"];

/// What to do about one.
const INSTEAD: &str = "make an intake link with `lanyard secret intake NAME`, and write \
                       secret://NAME where a definition takes a credential";

/// Refuses a body that holds one where it would be kept in the clear.
pub(crate) fn check_body(body: &[u8]) -> Result<(), ApiError> {
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
    let mut open = vec![(name.to_owned(), value)];
    while let Some((path, value)) = open.pop() {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => {
                if let Some(found) = found_in_text(&path, text) {
                    return Some(found);
                }
            }
            Value::Array(items) => {
                let place = |(index, item)| (format!("{path}[{index}]"), item);
                open.extend(items.iter().enumerate().map(place));
            }
            Value::Object(members) => {
                if let Some(kind) = members.keys().find_map(|key| live_credential(key)) {
                    return Some((format!("the name of a member of `{path}`"), kind));
                }
                open.extend(members.iter().map(|(key, it)| (format!("{path}.{key}"), it)));
            }
        }
    }
    None
}

fn found_in_text(path: &str, text: &str) -> Option<(String, &'static str)> {
    let last = path.rsplit('.').next().unwrap_or(path);
    let kind = live_credential(text).or_else(|| live_credential(&format!("{last}={text}")))?;
    let line = line_of(text);
    Some(match text.lines().nth(1) {
        Some(_) => (format!("`{path}`, line {line},"), kind),
        None => (format!("`{path}`"), kind),
    })
}

/// The line of a text that holds a credential; the first where it goes over several.
fn line_of(text: &str) -> usize {
    let mut before = String::new();
    for (number, line) in (1..).zip(text.lines()) {
        if live_credential(line).is_some() {
            return number;
        }
        before.push_str(line);
        before.push('\n');
        if live_credential(&before).is_some() {
            return number;
        }
    }
    1
}

/// The problems of a definition's text as it would be kept, with line and field.
pub(crate) fn check_source(file: &str, source: &str) -> Result<(), ApiError> {
    let Some(kind) = live_credential(source) else { return Ok(()) };
    let mut problems: Vec<Problem> = (1_u32..)
        .zip(source.lines())
        .filter_map(|(line, text)| Some(problem(file, source, line, live_credential(text)?)))
        .collect();
    if problems.is_empty() {
        let line = u32::try_from(line_of(source)).unwrap_or(1);
        problems.push(problem(file, source, line, kind));
    }
    Err(ApiError::definition(problems))
}

fn problem(file: &str, source: &str, line: u32, kind: &'static str) -> Problem {
    Problem {
        file: file.to_owned(),
        line,
        column: 1,
        path: field(source, line),
        message: format!(
            "holds what looks like a credential ({kind}), and would be kept in the clear; {INSTEAD}"
        ),
        severity: Severity::Error,
    }
}

/// The keys under which a line of YAML stands, by how far lines are set in.
fn field(source: &str, line: u32) -> String {
    let lines = usize::try_from(line).unwrap_or(usize::MAX);
    let above: Vec<&str> = source.lines().take(lines).collect();
    let (mut keys, mut depth): (Vec<&str>, usize) = (Vec::new(), usize::MAX);
    for text in above.into_iter().rev() {
        let set_in = text.len().saturating_sub(text.trim_start_matches([' ', '-', '{']).len());
        let key = text.trim_start_matches([' ', '-', '{']).split_once(':').map(|(key, _)| key);
        let Some(key) = key.filter(|key| is_key(key)) else { continue };
        if set_in < depth {
            keys.push(key);
            depth = set_in;
        }
    }
    keys.reverse();
    keys.join(".")
}

fn is_key(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '$';
    !text.is_empty()
        && text.len() <= 60
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
