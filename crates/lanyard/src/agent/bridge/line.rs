//! One line of the client, read as far as the bridge must. Pure.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use lanyard_wire::translate::mcp_name_of;
use lanyard_wire::{
    CancelledParams, DecodeLimits, Id, Incoming, Kind, Message, Method, WireError, decode,
    encode_header_value, splice,
};

const ENVELOPE_VERSION: &[&str] = &["_meta", "io.modelcontextprotocol/protocolVersion"];

/// A line as it came, and what it is.
#[derive(Debug)]
pub(super) struct Line {
    /// The message, byte for byte.
    pub(super) bytes: Bytes,
    /// The id of a request.
    pub(super) id: Option<Id<'static>>,
    pub(super) said: Said,
    /// What the headers of a version without sessions repeat.
    pub(super) modern: Option<Modern>,
}

/// What a line means to the bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// `initialize`.
    Initialize,
    /// `notifications/initialized`.
    Initialized,
    /// `notifications/cancelled` for this request.
    Cancelled(Id<'static>),
    /// `subscriptions/listen`.
    Listen,
    /// `tools/list`.
    ListTools,
    /// `tools/call` of this tool.
    Call(String),
    /// Several messages.
    Batch,
    /// Anything else.
    Other,
}

/// The headers of a version without sessions, without those that need a tool's schema.
#[derive(Debug, Clone)]
pub(super) struct Modern {
    pub(super) headers: HeaderMap,
    /// `params`, for the headers that repeat arguments.
    pub(super) params: String,
}

impl Said {
    /// Whether what follows must wait until this was answered.
    pub(super) fn opens_the_way(&self) -> bool {
        match self {
            Self::Initialize | Self::Initialized => true,
            Self::Cancelled(_)
            | Self::Listen
            | Self::ListTools
            | Self::Call(_)
            | Self::Batch
            | Self::Other => false,
        }
    }

    fn of(message: &Message<'_>) -> Self {
        match message.method() {
            Some(Method::Initialize) => Self::Initialize,
            Some(Method::Initialized) => Self::Initialized,
            Some(Method::Cancelled) => CancelledParams::parse(message.params())
                .map_or(Self::Other, |params| Self::Cancelled(params.request_id.into_owned())),
            Some(Method::Listen) => Self::Listen,
            Some(Method::ToolsList) => Self::ListTools,
            Some(Method::ToolsCall) => {
                let name = mcp_name_of("tools/call", message.params().map(|params| params.get()));
                name.map_or(Self::Other, |name| Self::Call(name.into_owned()))
            }
            Some(_) | None => Self::Other,
        }
    }
}

impl Line {
    /// Reads a line. The gateway would refuse the same lines, with the same words.
    pub(super) fn read(bytes: Bytes, limits: &DecodeLimits) -> Result<Self, WireError> {
        let (id, said, modern) = match decode(&bytes, limits)? {
            Incoming::One(message) => {
                let id = match message.kind {
                    Kind::Request { .. } => message.id.clone().map(Id::into_owned),
                    // The id of a response is one of the server's.
                    Kind::Notification { .. } | Kind::Response { .. } => None,
                };
                (id, Said::of(&message), Modern::of(&message))
            }
            Incoming::Batch(_) => (None, Said::Batch, None),
        };
        Ok(Self { bytes, id, said, modern })
    }
}

impl Modern {
    /// What a message claims that belongs to a version without sessions.
    fn of(message: &Message<'_>) -> Option<Self> {
        let (method, params) = (message.method()?.as_str(), message.params()?.get());
        let version = splice::member(params, ENVELOPE_VERSION)?;
        let version: String = serde_json::from_str(version.get()).ok()?;
        let mut headers = HeaderMap::new();
        let mut add = |name: &'static str, value: &str| {
            // What no header can hold is left out; the gateway then says what is missing.
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        add("mcp-protocol-version", &version);
        add("mcp-method", method);
        if let Some(name) = mcp_name_of(method, Some(params)) {
            add("mcp-name", &encode_header_value(&name));
        }
        Some(Self { headers, params: params.to_owned() })
    }
}
