//! The parameters of requests towards a server.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::classify::{CLIENT_CAPABILITIES, CLIENT_INFO, LOG_LEVEL, PROTOCOL_VERSION};
use crate::headers::mirrored_member;
use crate::json::{Object, text};
use crate::splice::{Edit, member, set_member, value};
use crate::{Id, ListenParams, LogLevel, Version};

/// Where a request carries what is not part of its method.
const META: &str = "_meta";

/// Where a request says under what its progress is to be reported, and a report repeats it.
const PROGRESS_TOKEN: &str = "progressToken";

/// What the envelope of a request to a stateless server says.
#[derive(Debug, Clone, Copy)]
pub struct EnvelopeParts<'a> {
    /// The version that is spoken with the server: a modern one.
    pub version: Version,
    /// What the client can do, a raw JSON object.
    pub client_capabilities: &'a str,
    /// Who the client says it is, a raw JSON object.
    pub client_info: Option<&'a str>,
    /// The least severe log message that is wanted; without one the server sends none.
    pub log_level: Option<LogLevel>,
}

/// Parameters for a stateless server: the envelope is exactly this, everything else in `_meta` and
/// around it stays. A `_meta` that is no object is not valid in any version, and is replaced.
pub fn params_for_modern(params: Option<&str>, envelope: EnvelopeParts<'_>) -> String {
    let params = Edit::of_or_empty(params);
    let level = envelope.log_level.map(|level| format!("\"{}\"", level.as_str()));
    let meta = Edit::of_or_empty(params.value(META))
        .set_text(PROTOCOL_VERSION, envelope.version.as_str())
        .set(CLIENT_CAPABILITIES, envelope.client_capabilities)
        .set_or_remove(CLIENT_INFO, envelope.client_info)
        .set_or_remove(LOG_LEVEL, level)
        .write();
    params.set(META, meta).write()
}

/// Parameters for a server with sessions: without the envelope and without what a retry of an
/// `input_required` adds. A `_meta` that this empties goes, and so do parameters that it empties.
pub fn params_for_legacy(params: Option<&str>) -> Option<String> {
    let params = params?;
    let Some(edit) = Edit::of(params) else { return Some(params.to_owned()) };
    let edit = edit.remove(&["inputResponses", "requestState"]);
    let meta = value(params, &[META]).and_then(Edit::of);
    let edit = match meta {
        Some(meta) => {
            let left = meta
                .remove(&[PROTOCOL_VERSION, CLIENT_CAPABILITIES, CLIENT_INFO, LOG_LEVEL])
                .written_unless_emptied();
            edit.set_or_remove(META, left)
        }
        None => edit,
    };
    edit.written_unless_emptied()
}

/// The parameters of `tools/call` or `prompts/get` under another name.
pub fn with_name(params: &str, name: &str) -> Option<String> {
    Edit::of(params).map(|params| params.set_text("name", name).write())
}

/// The parameters of `tools/call` with other arguments, a raw JSON object.
pub fn with_arguments(params: &str, arguments: &str) -> Option<String> {
    Edit::of(params).map(|params| params.set("arguments", arguments).write())
}

/// What the progress of a request is to be reported under, if it is to be reported.
pub fn progress_token(params: Option<&str>) -> Option<Id<'_>> {
    Id::from_raw(member(params?, &[META, PROGRESS_TOKEN])?)
}

/// Parameters whose progress is reported under another token, and the token that stood there, as
/// it was written.
pub fn with_progress_token(params: Option<&str>, token: &Id<'_>) -> (String, Option<String>) {
    let params = Edit::of_or_empty(params);
    let meta = Edit::of_or_empty(params.value(META));
    let old = meta.value(PROGRESS_TOKEN).map(str::to_owned);
    let meta = meta.set(PROGRESS_TOKEN, token.as_raw()).write();
    (params.set(META, meta).write(), old)
}

/// Whose progress a `notifications/progress` with these parameters reports.
pub fn notified_progress_token(params: Option<&RawValue>) -> Option<Id<'_>> {
    Id::from_raw(member(params?.get(), &[PROGRESS_TOKEN])?)
}

/// A whole `notifications/progress` under the token that the client named, which is raw JSON.
pub fn restore_progress_token(message: &str, token: &str) -> Option<String> {
    set_member(message, &["params", PROGRESS_TOKEN], token)
}

/// The parameters of `initialize`. Capabilities and information about the client are raw JSON
/// objects.
pub fn initialize_params(version: Version, capabilities: &str, client_info: &str) -> String {
    Object::new()
        .text("protocolVersion", version.as_str())
        .raw("capabilities", capabilities)
        .raw("clientInfo", client_info)
        .end()
}

/// The parameters of `server/discover`.
pub fn discover_params(envelope: EnvelopeParts<'_>) -> String {
    params_for_modern(None, envelope)
}

/// The parameters of `subscriptions/listen`.
pub fn listen_params(wanted: &ListenParams<'_>, envelope: EnvelopeParts<'_>) -> String {
    let params = Object::new().raw("notifications", &wanted.to_json()).end();
    params_for_modern(Some(&params), envelope)
}

/// The parameters of `resources/subscribe` and `resources/unsubscribe`.
pub fn subscribe_params(uri: &str) -> String {
    Object::new().text("uri", uri).end()
}

/// The parameters of `logging/setLevel`.
pub fn set_level_params(level: LogLevel) -> String {
    Object::new().text("level", level.as_str()).end()
}

/// The parameters of `notifications/cancelled`.
pub fn cancelled_params(request: &Id<'_>, reason: Option<&str>) -> String {
    Object::new().raw("requestId", request.as_raw()).text_if("reason", reason).end()
}

/// What the header `Mcp-Name` of a request says, before it is encoded: the name, the URI or the
/// task that its parameters are about. `None` where the method has no such header.
pub fn mcp_name_of<'a>(method: &str, params: Option<&'a str>) -> Option<Cow<'a, str>> {
    text(value(params?, &[mirrored_member(method)?])?)
}

#[cfg(test)]
mod tests;
