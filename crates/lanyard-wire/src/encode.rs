//! Messages become bytes. Ids, parameters and results are spliced in as the JSON they already are.

use crate::json::Object;
use crate::{Id, WireError};

/// A response with a result, which is raw JSON.
pub fn encode_result(id: &Id<'_>, result: &str) -> Vec<u8> {
    let capacity = result.len().saturating_add(id.as_raw().len()).saturating_add(48);
    Object::with_capacity(capacity)
        .raw("jsonrpc", VERSION)
        .raw("id", id.as_raw())
        .raw("result", result)
        .end()
        .into_bytes()
}

/// A response with an error, for the message with this id; without one, for the id that the error
/// knows; else for `null`.
pub fn encode_error(id: Option<&Id<'_>>, error: &WireError) -> Vec<u8> {
    let id = id.or(error.id.as_ref()).map_or("null", Id::as_raw);
    let body = Object::new()
        .raw("code", &error.code.to_string())
        .text("message", &error.message)
        .raw_if("data", error.data.as_deref())
        .end();
    Object::new().raw("jsonrpc", VERSION).raw("id", id).raw("error", &body).end().into_bytes()
}

/// A response with an error that is a raw JSON object already.
pub fn encode_raw_error(id: &Id<'_>, error: &str) -> Vec<u8> {
    Object::new()
        .raw("jsonrpc", VERSION)
        .raw("id", id.as_raw())
        .raw("error", error)
        .end()
        .into_bytes()
}

/// A request, with parameters that are raw JSON.
pub fn encode_request(id: &Id<'_>, method: &str, params: Option<&str>) -> Vec<u8> {
    Object::new()
        .raw("jsonrpc", VERSION)
        .raw("id", id.as_raw())
        .text("method", method)
        .raw_if("params", params)
        .end()
        .into_bytes()
}

/// A notification, with parameters that are raw JSON.
pub fn encode_notification(method: &str, params: Option<&str>) -> Vec<u8> {
    Object::new()
        .raw("jsonrpc", VERSION)
        .text("method", method)
        .raw_if("params", params)
        .end()
        .into_bytes()
}

/// The responses to a batch, each encoded already, as one array.
pub fn encode_batch(responses: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(responses.iter().map(Vec::len).sum());
    out.push(b'[');
    for (index, response) in responses.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(response);
    }
    out.push(b']');
    out
}

const VERSION: &str = "\"2.0\"";

#[cfg(test)]
mod tests;
