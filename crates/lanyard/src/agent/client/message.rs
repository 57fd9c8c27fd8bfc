//! JSON-RPC messages and MCP headers as this client writes and reads them. Pure.

use data_encoding::BASE64;
use http::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{ClientError, error::one_line};

/// The version without sessions, which is tried first.
pub(super) const MODERN: &str = "2026-07-28";

/// The newest version with `initialize`.
pub(super) const LATEST_LEGACY: &str = "2025-11-25";

const META: &str = "io.modelcontextprotocol/";

/// What a request asks for.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) method: &'static str,
    pub(super) params: Map<String, Value>,
    /// `Mcp-Name`: what the call is about, on the methods that have it.
    pub(super) name: Option<String>,
    /// `Mcp-Param-*`, from the annotations of a tool's schema.
    pub(super) param_headers: Vec<(String, String)>,
}

impl Call {
    /// A request without parameters.
    pub(super) fn new(method: &'static str) -> Self {
        Self { method, params: Map::new(), name: None, param_headers: Vec::new() }
    }

    /// Adds a parameter.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.params.insert(name.to_owned(), value.into());
        self
    }

    /// The body, with the envelope that the version without sessions wants.
    pub(super) fn modern_body(&self, id: u64) -> Vec<u8> {
        let mut params = self.params.clone();
        params.insert("_meta".to_owned(), envelope());
        self.body_with(Some(id), params)
    }

    /// The body for a session; a notification where there is no id.
    pub(super) fn legacy_body(&self, id: Option<u64>) -> Vec<u8> {
        self.body_with(id, self.params.clone())
    }

    fn body_with(&self, id: Option<u64>, params: Map<String, Value>) -> Vec<u8> {
        let mut body = Map::new();
        body.insert("jsonrpc".to_owned(), "2.0".into());
        if let Some(id) = id {
            body.insert("id".to_owned(), id.into());
        }
        body.insert("method".to_owned(), self.method.into());
        if !params.is_empty() {
            body.insert("params".to_owned(), params.into());
        }
        Value::from(body).to_string().into_bytes()
    }

    /// The headers that mirror the body in the version without sessions.
    pub(super) fn modern_headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>, ClientError> {
        let mut headers = vec![
            (HeaderName::from_static("mcp-protocol-version"), HeaderValue::from_static(MODERN)),
            (HeaderName::from_static("mcp-method"), HeaderValue::from_static(self.method)),
        ];
        if let Some(name) = &self.name {
            headers.push((HeaderName::from_static("mcp-name"), mirrored(name)?));
        }
        for (suffix, value) in &self.param_headers {
            let name = HeaderName::from_bytes(format!("mcp-param-{suffix}").as_bytes());
            // An annotation that is no header name makes the tool unusable over HTTP.
            let name = name.map_err(|_| unsendable(suffix))?;
            headers.push((name, mirrored(value)?));
        }
        Ok(headers)
    }
}

/// Who this client is, for `clientInfo`.
pub(super) fn client_info() -> Value {
    json!({"name": "lanyard", "version": env!("CARGO_PKG_VERSION")})
}

fn envelope() -> Value {
    let mut meta = Map::new();
    meta.insert(format!("{META}protocolVersion"), MODERN.into());
    meta.insert(format!("{META}clientInfo"), client_info());
    meta.insert(format!("{META}clientCapabilities"), json!({}));
    meta.into()
}

fn unsendable(name: &str) -> ClientError {
    ClientError::Unsendable(format!("`{}` cannot be written into a header", one_line(name)))
}

/// A value as a header mirrors it: plain, or base64 of its UTF-8 between marks where a header
/// could not carry it unchanged or would be taken for such a mark.
fn mirrored(value: &str) -> Result<HeaderValue, ClientError> {
    let plain = value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && value.trim() == value
        && !value.starts_with("=?base64?");
    let text = if plain {
        value.to_owned()
    } else {
        format!("=?base64?{}?=", BASE64.encode(value.as_bytes()))
    };
    HeaderValue::from_str(&text).map_err(|_| unsendable(value))
}

/// The `Mcp-Param-*` headers that a tool's schema asks for and the arguments have a value for.
pub(super) fn param_headers(
    schema: &Value,
    arguments: &Map<String, Value>,
) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return headers;
    };
    for (name, property) in properties {
        let Some(value) = arguments.get(name) else { continue };
        if let Some(inner) = value.as_object() {
            headers.extend(param_headers(property, inner));
        }
        let Some(suffix) = property.get("x-mcp-header").and_then(Value::as_str) else { continue };
        match value {
            Value::String(text) => headers.push((suffix.to_owned(), text.clone())),
            Value::Bool(_) | Value::Number(_) => {
                headers.push((suffix.to_owned(), value.to_string()));
            }
            Value::Null | Value::Array(_) | Value::Object(_) => {}
        }
    }
    headers
}

#[derive(Deserialize)]
struct Reply {
    id: Option<Value>,
    result: Option<Value>,
    error: Option<RpcError>,
}

#[derive(Deserialize)]
struct RpcError {
    code: i64,
    #[serde(default)]
    message: String,
    data: Option<Value>,
}

/// Reads one message. `None` where it is not the answer to the request with this id: a
/// notification, a request of the server, an answer to something else.
pub(super) fn read_answer(text: &[u8], id: u64, status: u16) -> Option<Result<Value, ClientError>> {
    let reply = serde_json::from_slice::<Reply>(text).ok()?;
    let ours = match &reply.id {
        Some(Value::Number(number)) => number.as_u64() == Some(id),
        // A server that could not read the request answers without its id.
        None | Some(Value::Null) => reply.error.is_some(),
        Some(Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => false,
    };
    if !ours {
        return None;
    }
    match (reply.result, reply.error) {
        (_, Some(error)) => Some(Err(error.into_client_error(status))),
        (Some(result), None) => Some(Ok(result)),
        (None, None) => None,
    }
}

impl RpcError {
    fn into_client_error(self, status: u16) -> ClientError {
        let supported = self.data.as_ref().and_then(|data| data.get("supported"));
        let supported = supported.and_then(Value::as_array).into_iter().flatten();
        let supported = supported.filter_map(Value::as_str).map(str::to_owned).collect();
        ClientError::Rpc { status, code: self.code, message: one_line(&self.message), supported }
    }
}
