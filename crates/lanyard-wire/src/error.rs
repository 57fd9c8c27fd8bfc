//! The error table of the protocol: each case with its JSON-RPC code and its HTTP status.
//!
//! Codes from -32020 to -32099 belong to the specification; we invent none.

use std::borrow::Cow;

use thiserror::Error;

use crate::json::{Object, push_text};
use crate::{Id, Method, Version};

/// The longest text of a client that an error repeats, in characters.
const ECHO_CHARACTERS_MAX: usize = 128;

/// A refusal as the protocol words it: what stands in `error`, and the HTTP status to send it
/// with. Transports without statuses leave that out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct WireError {
    /// The JSON-RPC code.
    pub code: i64,
    /// One sentence for the client's developer.
    pub message: String,
    /// The `data` member as raw JSON.
    pub data: Option<String>,
    /// The HTTP status.
    pub status: u16,
    /// The id of the refused message, where it could be read. [`encode_error`](crate::encode_error)
    /// uses it unless it is given another.
    pub id: Option<Id<'static>>,
}

impl WireError {
    fn new(code: i64, status: u16, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None, status, id: None }
    }

    /// The body is no JSON: -32700, 400.
    pub fn parse_error(detail: &str) -> Self {
        Self::new(-32700, 400, format!("Parse error: {detail}"))
    }

    /// The body is JSON and no message that we accept: -32600, 400.
    pub fn invalid_request(detail: &str) -> Self {
        Self::new(-32600, 400, format!("Invalid request: {detail}"))
    }

    /// The body is larger than the limit: -32600, 413.
    pub fn body_too_large(bytes_max: u64) -> Self {
        Self::new(
            -32600,
            413,
            format!("Invalid request: the body is larger than {bytes_max} bytes"),
        )
    }

    /// An array where the version has no batches: -32600, 400.
    pub fn batch_refused() -> Self {
        Self::invalid_request("batches exist only in protocol version 2025-03-26")
    }

    /// The version has no such method: -32601; HTTP 404 for a modern version, 200 for a legacy
    /// one, where 404 would mean that the session ended.
    pub fn method_not_found(version: Version, method: &Method<'_>) -> Self {
        let status = if version.is_modern() { 404 } else { 200 };
        Self::new(-32601, status, format!("Method not found: {}", echo(method.as_str())))
    }

    /// The parameters of a method are wrong, or name what is not there: -32602 in an ordinary
    /// answer.
    pub fn invalid_params(message: impl Into<String>) -> Self {
        Self::new(-32602, 200, message)
    }

    /// A required key of the envelope is missing or malformed: -32602, 400.
    pub fn envelope_invalid(detail: &str) -> Self {
        Self::new(-32602, 400, format!("Invalid params: {detail}"))
    }

    /// The gateway itself failed: -32603 in an ordinary answer.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(-32603, 200, message)
    }

    /// A header is missing, doubled, malformed or disagrees with the body: -32020, 400.
    pub fn header_mismatch(detail: &str) -> Self {
        Self::new(-32020, 400, format!("Header mismatch: {detail}"))
    }

    /// The client did not declare a capability that the request needs: -32021, 400.
    /// `required` is a JSON object in the shape of client capabilities.
    pub fn capability_missing(required: &str) -> Self {
        let data = Object::new().raw("requiredCapabilities", required).end();
        Self::new(-32021, 400, "Missing required client capability").with_data(data)
    }

    /// A version that we do not speak: -32022, 400, with the versions that we do.
    pub fn version_unsupported(requested: &str) -> Self {
        let data = Object::new()
            .list("supported", Version::MODERN, |out, version| push_text(out, version.as_str()))
            .text("requested", &echo(requested))
            .end();
        Self::new(-32022, 400, "Unsupported protocol version").with_data(data)
    }

    /// No such resource: -32602, or -32002 for a legacy version, in an ordinary answer.
    pub fn resource_not_found(version: Version, uri: &str) -> Self {
        let code = if version.is_modern() { -32602 } else { -32002 };
        let data = Object::new().text("uri", &echo(uri)).end();
        Self::new(code, 200, "Resource not found").with_data(data)
    }

    /// A session that does not exist or has ended: 404, so that the client begins a new one.
    pub fn session_unknown() -> Self {
        Self::new(-32600, 404, "Session not found")
    }

    /// A request that needs a session and names none: 400.
    pub fn session_missing() -> Self {
        Self::invalid_request("the header Mcp-Session-Id is missing")
    }

    /// The same error with a `data` member, which is raw JSON.
    #[must_use]
    pub fn with_data(mut self, data: String) -> Self {
        self.data = Some(data);
        self
    }

    /// The same error for the message with this id.
    #[must_use]
    pub fn with_id(mut self, id: Option<&Id<'_>>) -> Self {
        self.id = id.map(|id| id.clone().into_owned());
        self
    }
}

/// A text of the client, cut to a length at which repeating it is harmless.
pub(crate) fn echo(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(ECHO_CHARACTERS_MAX) {
        Some((end, _)) => {
            let mut cut = text.get(..end).unwrap_or_default().to_owned();
            cut.push('…');
            Cow::Owned(cut)
        }
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests;
