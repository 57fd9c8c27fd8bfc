//! One HTTP request of a link: credentials opened for it, its own headers, and what the head of its
//! answer means.

use bytes::Bytes;
use lanyard_core::{Failure, Limits};
use lanyard_wire::{DecodeLimits, Id, Incoming, Kind, Reply, Version, decode, encode_header_value};
use tokio::time::{Instant, timeout_at};

use super::{HttpParts, LinkError};
use crate::http::{UpstreamRequest, UpstreamStream};
use crate::mcp::target::Opened;

/// What a link writes itself. A credential of such a name is left out: what clients' configurations
/// commonly set (`accept`, `content-type`) is what is sent anyway, and the rest would let a
/// definition take part in the protocol.
const PROTOCOL_HEADERS: [&str; 9] = [
    "accept",
    "accept-encoding",
    "content-type",
    "content-length",
    "last-event-id",
    "mcp-session-id",
    "mcp-protocol-version",
    "mcp-method",
    "mcp-name",
];

/// Headers of the protocol that begin so.
const PROTOCOL_PREFIX: &str = "mcp-param-";

/// One request, without its credentials.
pub(super) struct Call {
    method: &'static str,
    /// Another path and query than the definition's.
    target: Option<String>,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Call {
    /// Posts a message.
    pub(super) fn post(message: &str) -> Self {
        let body = Bytes::copy_from_slice(message.as_bytes());
        Self { method: "POST", target: None, headers: Vec::new(), body }
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
    }

    /// Asks for an event stream, after the event with this id if there is one.
    pub(super) fn get(last_event_id: Option<&str>) -> Self {
        let call = Self { method: "GET", target: None, headers: Vec::new(), body: Bytes::new() };
        let call = call.header("accept", "text/event-stream");
        match last_event_id {
            Some(id) => call.header("last-event-id", id),
            None => call,
        }
    }

    /// Ends a session.
    pub(super) fn delete() -> Self {
        Self { method: "DELETE", target: None, headers: Vec::new(), body: Bytes::new() }
    }

    /// Goes to this path and query.
    pub(super) fn to(mut self, target: &str) -> Self {
        self.target = Some(target.to_owned());
        self
    }

    /// Adds a header.
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Says which session it is and, where that is agreed, which version is spoken.
    pub(super) fn in_session(mut self, version: Option<Version>, session: Option<&str>) -> Self {
        if let Some(session) = session {
            self = self.header("mcp-session-id", session);
        }
        match version {
            Some(version) => self.header("mcp-protocol-version", version.as_str()),
            None => self,
        }
    }

    /// Repeats what the message says, for a stateless server.
    pub(super) fn routed(
        mut self,
        version: Version,
        method: &str,
        name: Option<&str>,
        param_headers: &[(String, String)],
    ) -> Self {
        self = self.header("mcp-protocol-version", version.as_str()).header("mcp-method", method);
        if let Some(name) = name {
            self = self.header("mcp-name", &encode_header_value(name));
        }
        self.headers.extend_from_slice(param_headers);
        self
    }
}

impl HttpParts {
    /// Makes a call and gives the answer once its head came, whatever its status.
    pub(super) async fn call(
        &self,
        call: Call,
        deadline: Instant,
    ) -> Result<UpstreamStream, Failure> {
        self.call_with(self.credentials.request()?, call, deadline).await
    }

    /// The same with credentials that were opened for it.
    pub(super) async fn call_with(
        &self,
        opened: Opened,
        call: Call,
        deadline: Instant,
    ) -> Result<UpstreamStream, Failure> {
        let mut headers = call.headers;
        headers.extend(opened.headers.into_iter().filter(|(name, _)| !is_protocol(name)));
        let request = UpstreamRequest {
            pool: &self.pool,
            origin: &self.origin,
            method: call.method,
            target: call.target.as_deref().unwrap_or(&opened.target),
            headers: &headers,
            body: call.body,
            deadline: deadline.saturating_duration_since(Instant::now()),
            private: &self.target.private,
        };
        self.http.stream(request).await
    }

    /// Makes a call that must be taken, and has no answer that anybody needs.
    pub(super) async fn tell(
        &self,
        call: Call,
        in_session: bool,
        deadline: Instant,
    ) -> Result<(), LinkError> {
        let answer = self.call(call, deadline).await?;
        let status = answer.status();
        answer.finish();
        if is_success(status) { Ok(()) } else { Err(refusal(status, in_session)) }
    }

    /// A whole body that has to be there by then.
    pub(super) async fn whole(
        &self,
        answer: UpstreamStream,
        deadline: Instant,
    ) -> Result<Bytes, Failure> {
        let bytes_max = Limits::size(self.limits.message_bytes_max);
        timeout_at(deadline, answer.whole(bytes_max)).await.unwrap_or(Err(Failure::TimedOut))
    }

    /// The time for an answer to begin where nobody said one.
    pub(super) fn head_deadline(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(Limits::span(self.limits.server_connect_ms_max)).unwrap_or(now)
    }
}

fn is_protocol(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    PROTOCOL_HEADERS.contains(&name.as_str()) || name.starts_with(PROTOCOL_PREFIX)
}

pub(super) fn is_success(status: u16) -> bool {
    (200..300).contains(&status)
}

/// What a status means that is no success.
pub(super) fn refusal(status: u16, in_session: bool) -> LinkError {
    match status {
        300..=399 => LinkError::Failure(Failure::Redirected),
        401 | 403 => LinkError::Rejected { status },
        404 if in_session => LinkError::SessionLost,
        _ => LinkError::Status { status },
    }
}

/// What a body is, by what its headers say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Json,
    Events,
    Other,
}

impl Content {
    pub(super) fn of(answer: &UpstreamStream) -> Self {
        let value = answer.header("content-type").unwrap_or_default();
        let value = String::from_utf8_lossy(value);
        let media = value.split(';').next().unwrap_or_default().trim();
        if media.eq_ignore_ascii_case("application/json") {
            Self::Json
        } else if media.eq_ignore_ascii_case("text/event-stream") && !answer.is_packed() {
            Self::Events
        } else {
            Self::Other
        }
    }
}

/// The JSON-RPC error in the body of a refusal, as the response to the request with this id:
/// servers that could not read the request, or did not look, answer `null` or an id of their own.
pub(super) fn error_response(body: &[u8], id: &Id<'_>, limits: &Limits) -> Option<String> {
    let Ok(Incoming::One(message)) = decode(body, &DecodeLimits::from(limits)) else { return None };
    match message.kind {
        Kind::Response { reply: Reply::Error(error) } => {
            let (id, error) = (id.as_raw(), error.get());
            Some(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#))
        }
        Kind::Response { reply: Reply::Result(_) }
        | Kind::Request { method: _, params: _ }
        | Kind::Notification { method: _, params: _ } => None,
    }
}

#[cfg(test)]
mod tests;
