//! One place makes statuses and bodies of what the stages say.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use lanyard_core::Denial;
use lanyard_wire::{Id, WireError, encode_error};
use tokio::sync::mpsc;

use super::body::AnswerBody;
use super::replay::Reader;

/// What the edge answers with.
pub(crate) type Reply = Response<AnswerBody>;

/// Seconds after which a caller that was told to slow down may come again.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// What such a caller is told.
pub(crate) const TOO_MANY: &str = "too many calls at a time; try again in a second";

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A JSON body.
pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(AnswerBody::whole(body));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, JSON);
    reply
}

/// No body.
pub(crate) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(AnswerBody::whole(Bytes::new()));
    *reply.status_mut() = status;
    reply
}

/// A line of plain text, for what is no protocol message.
pub(crate) fn text(status: StatusCode, line: &str) -> Reply {
    let mut reply = Response::new(AnswerBody::whole(format!("{line}\n")));
    *reply.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    reply.headers_mut().insert(CONTENT_TYPE, plain);
    reply
}

/// A protocol error with the HTTP status that belongs to it.
pub(crate) fn wire_error(id: Option<&Id<'_>>, error: &WireError) -> Reply {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    json(status, encode_error(id, error))
}

/// An event stream of its own.
pub(crate) fn events(receiver: mpsc::Receiver<Bytes>) -> Reply {
    let mut reply = answer_events(receiver);
    // When a stream ends its connection does too, so that a client whose access was revoked holds
    // nothing open.
    reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    reply
}

/// An event stream that ends with the answer to a request.
pub(crate) fn answer_events(receiver: mpsc::Receiver<Bytes>) -> Reply {
    stream(AnswerBody::Events(receiver))
}

/// An event stream whose events are kept.
pub(crate) fn kept_events(reader: Reader) -> Reply {
    stream(AnswerBody::Kept(reader))
}

fn stream(body: AnswerBody) -> Reply {
    let mut reply = Response::new(body);
    let headers = reply.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Proxies that buffer would hold events back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    reply
}

/// A method that an endpoint does not have.
pub(crate) fn method_not_allowed(allowed: &'static str) -> Reply {
    let mut reply = text(StatusCode::METHOD_NOT_ALLOWED, "this endpoint has no such method");
    reply.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    reply
}

/// Too many calls or streams of one agent.
pub(crate) fn too_many() -> Reply {
    let mut reply = text(StatusCode::TOO_MANY_REQUESTS, TOO_MANY);
    reply.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
    reply
}

/// A denial as HTTP knows it: those that concern a request as a whole.
pub(crate) fn denial(denial: &Denial) -> Reply {
    let status = match denial {
        Denial::TokenMissing
        | Denial::TokenUnknown
        | Denial::TokenExpired
        | Denial::TokenRevoked => StatusCode::UNAUTHORIZED,
        Denial::OriginForeign => StatusCode::FORBIDDEN,
        Denial::HostForeign => StatusCode::MISDIRECTED_REQUEST,
        Denial::ServerUnknown | Denial::ServerDisabled | Denial::ServerNotGranted => {
            StatusCode::NOT_FOUND
        }
        // These are answered within the protocol; over plain HTTP they are a refusal.
        Denial::ToolUnknown { tool: _ }
        | Denial::ToolNotGranted { tool: _ }
        | Denial::ToolChanged { tool: _ }
        | Denial::UserNotGranted { user: _ }
        | Denial::PolicyForbids { .. }
        | Denial::PolicyUndecidable { .. }
        | Denial::PromptUnknown { prompt: _ }
        | Denial::ResourceUnknown { uri: _ }
        | Denial::MethodUnknown { method: _ }
        | Denial::ArgumentsInvalid { problem: _ }
        | Denial::ArgumentCredential { .. }
        | Denial::ApprovalNeeded { id: _, reason: _ }
        | Denial::ApprovalRefused { id: _, why: _ }
        | Denial::ApprovalsFull { reason: _, waiting: _ }
        | Denial::LimitReached(_) => StatusCode::FORBIDDEN,
    };
    let mut reply = text(status, &denial.to_string());
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Bearer realm=\"lanyard\"");
        reply.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    reply
}
