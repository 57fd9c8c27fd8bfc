//! Bytes become messages: UTF-8, JSON, nesting, duplicate keys, ids, the envelope.
//!
//! Unknown members are no error: they stay in the raw text of the message.

use lanyard_core::Limits;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::inspect::inspect;
use crate::json::{is_null, is_object, present, text};
use crate::{Id, Kind, Message, Method, Reply, WireError};

/// How much a body may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Nesting of arrays and objects.
    pub depth_max: usize,
    /// Messages in a batch.
    pub batch_messages_max: usize,
    /// Length of an id as written.
    pub id_bytes_max: usize,
}

impl From<&Limits> for DecodeLimits {
    fn from(limits: &Limits) -> Self {
        Self {
            depth_max: Limits::size(limits.json_depth_max),
            batch_messages_max: Limits::size(limits.batch_messages_max),
            id_bytes_max: Limits::size(limits.request_id_bytes_max),
        }
    }
}

/// What a body holds.
#[derive(Debug, Clone)]
pub enum Incoming<'a> {
    /// One message.
    One(Message<'a>),
    /// Several in an array, each of them good or bad for itself. Whether there may be an array at
    /// all is decided by [`classify_batch`](crate::classify_batch).
    Batch(Vec<Result<Message<'a>, WireError>>),
}

/// Decodes a body. The error tells what to answer, with the id where one could be read.
pub fn decode<'a>(body: &'a [u8], limits: &DecodeLimits) -> Result<Incoming<'a>, WireError> {
    let text = std::str::from_utf8(body)
        .map_err(|_| WireError::parse_error("the body is not valid UTF-8"))?;
    // Skipping over a raw value keeps its stack on the heap, so depth cannot overflow ours here;
    // the inspection then bounds it before anything recurses.
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        WireError::parse_error(&format!("the body is not JSON (line {line}, column {column})"))
    })?;
    let outer_commas = inspect(raw.get().as_bytes(), limits.depth_max)?;
    match raw.get().as_bytes() {
        [b'{', ..] => message(raw, limits).map(Incoming::One),
        [b'[', ..] if outer_commas >= limits.batch_messages_max => Err(WireError::invalid_request(
            &format!("a batch holds at most {} messages", limits.batch_messages_max),
        )),
        [b'[', ..] => batch(raw, limits).map(Incoming::Batch),
        _ => Err(WireError::invalid_request("a message is a JSON object")),
    }
}

/// Decodes one message of a server: a request, a notification or a response. It is a stranger's as
/// much as a client's is, so the same is refused. Methods that only servers send are
/// [`Method::Other`]. A batch, which servers of 2025-03-26 may send, is for [`decode()`].
///
/// What the error says may repeat the server's words: it is for the log, and for no client.
pub fn decode_server_message<'a>(
    body: &'a [u8],
    limits: &DecodeLimits,
) -> Result<Message<'a>, WireError> {
    match decode(body, limits)? {
        Incoming::One(message) => Ok(message),
        Incoming::Batch(_) => Err(WireError::batch_refused()),
    }
}

fn batch<'a>(
    raw: &'a RawValue,
    limits: &DecodeLimits,
) -> Result<Vec<Result<Message<'a>, WireError>>, WireError> {
    let members: Vec<&'a RawValue> = serde_json::from_str(raw.get())
        .map_err(|_| WireError::invalid_request("the batch cannot be read"))?;
    if members.is_empty() {
        return Err(WireError::invalid_request("the batch is empty"));
    }
    let member = |raw: &'a RawValue| {
        if is_object(raw) {
            message(raw, limits)
        } else {
            Err(WireError::invalid_request("a message is a JSON object"))
        }
    };
    Ok(members.into_iter().map(member).collect())
}

/// The members of a message that mean something to JSON-RPC.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    result: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    error: Option<&'a RawValue>,
}

/// Reads one message; `raw` is an object.
fn message<'a>(raw: &'a RawValue, limits: &DecodeLimits) -> Result<Message<'a>, WireError> {
    let members: Members<'a> = serde_json::from_str(raw.get())
        .map_err(|_| WireError::invalid_request("the message cannot be read"))?;
    let null_id = members.id.is_some_and(is_null);
    let id = match members.id {
        // An error that answers an unreadable request has `null` for its id.
        Some(_) if null_id && members.error.is_some() && members.method.is_none() => None,
        Some(value) => Some(id(value, limits)?),
        None => None,
    };
    if members.jsonrpc.and_then(|value| text(value.get())).as_deref() != Some("2.0") {
        return Err(WireError::invalid_request("`jsonrpc` must be \"2.0\"").with_id(id.as_ref()));
    }
    match kind(&members, id.is_some()) {
        Ok(kind) => Ok(Message { id, kind, raw }),
        Err(problem) => Err(WireError::invalid_request(problem).with_id(id.as_ref())),
    }
}

fn id<'a>(value: &'a RawValue, limits: &DecodeLimits) -> Result<Id<'a>, WireError> {
    if value.get().len() > limits.id_bytes_max {
        return Err(WireError::invalid_request(&format!(
            "the id is longer than {} bytes",
            limits.id_bytes_max
        )));
    }
    Id::from_raw(value).ok_or_else(|| WireError::invalid_request("an id is a string or an integer"))
}

fn kind<'a>(members: &Members<'a>, has_id: bool) -> Result<Kind<'a>, &'static str> {
    match (members.method, members.result, members.error) {
        (Some(method), None, None) => {
            let method = text(method.get()).ok_or("`method` must be a string")?;
            let method = Method::parse(method);
            let params = params(members.params)?;
            Ok(if has_id {
                Kind::Request { method, params }
            } else {
                Kind::Notification { method, params }
            })
        }
        (None, Some(result), None) if has_id => Ok(Kind::Response { reply: Reply::Result(result) }),
        (None, Some(_), None) => Err("a result needs an id"),
        (None, None, Some(error)) if is_object(error) => {
            Ok(Kind::Response { reply: Reply::Error(error) })
        }
        (None, None, Some(_)) => Err("`error` must be an object"),
        (None, None, None) => Err("a message needs `method`, `result` or `error`"),
        (Some(_), _, _) | (None, Some(_), Some(_)) => {
            Err("a message has only one of `method`, `result` and `error`")
        }
    }
}

/// Parameters are an object. Some clients write `null` for none.
fn params(value: Option<&RawValue>) -> Result<Option<&RawValue>, &'static str> {
    match value {
        Some(value) if is_object(value) => Ok(Some(value)),
        Some(value) if is_null(value) => Ok(None),
        Some(_) => Err("`params` must be an object"),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests;
