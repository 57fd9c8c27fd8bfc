//! Why a request to an endpoint brought no result. The variant alone decides what a caller does;
//! the texts are for people.

use std::fmt;

use serde_json::Value;
use thiserror::Error;

/// The longest text of a peer that is repeated in an error, in characters.
const DETAIL_CHARS_MAX: usize = 400;

/// Why a request brought no result.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ClientError {
    /// HTTP 401: the token is missing, expired or revoked.
    #[error("the token was refused (HTTP 401){0}")]
    Unauthorized(Detail),
    /// HTTP 403: the token is known, and may not do this.
    #[error("access was refused (HTTP 403){0}")]
    Denied(Detail),
    /// Any other HTTP status without a JSON-RPC answer.
    #[error("HTTP {status}{detail}")]
    Status {
        /// The status.
        status: u16,
        /// What the peer said about it.
        detail: Detail,
    },
    /// No connection, or one that broke before the answer.
    #[error("cannot reach {place}: {problem}")]
    Offline {
        /// Host and port, or the path of a socket.
        place: String,
        /// What the system said.
        problem: String,
    },
    /// A JSON-RPC error.
    #[error("MCP error {code}: {message}")]
    Rpc {
        /// The HTTP status that carried it.
        status: u16,
        /// The JSON-RPC code.
        code: i64,
        /// The peer's text.
        message: String,
        /// The versions that a version error names as supported.
        supported: Vec<String>,
    },
    /// An answer that is not what the protocol says.
    #[error("the answer is not valid MCP: {0}")]
    Protocol(String),
    /// The request itself cannot be written, before anything is sent.
    #[error("{0}")]
    Unsendable(String),
}

/// What a peer said about its refusal: one line, cut, possibly nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Detail(String);

impl Detail {
    /// Reads the body of a refusal: a JSON-RPC error's message, a JSON object's `error` or
    /// `message`, or plain text. HTML is left out, since it says nothing to a reader.
    pub(crate) fn from_body(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let said = match serde_json::from_str::<Value>(&text) {
            Ok(value) => said_in(&value).unwrap_or_default(),
            Err(_) if text.trim_start().starts_with('<') => String::new(),
            Err(_) => text.into_owned(),
        };
        Self(one_line(&said))
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(formatter, ": {}", self.0) }
    }
}

impl ClientError {
    /// The error with every text of the peer passed through `mask`, so that a credential which a
    /// peer echoes does not reach a terminal or a log.
    #[must_use]
    pub(crate) fn masked(self, mask: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Unauthorized(Detail(text)) => Self::Unauthorized(Detail(mask(&text))),
            Self::Denied(Detail(text)) => Self::Denied(Detail(mask(&text))),
            Self::Status { status, detail: Detail(text) } => {
                Self::Status { status, detail: Detail(mask(&text)) }
            }
            Self::Offline { place, problem } => Self::Offline { place, problem: mask(&problem) },
            Self::Rpc { status, code, message, supported } => {
                Self::Rpc { status, code, message: mask(&message), supported }
            }
            Self::Protocol(problem) => Self::Protocol(mask(&problem)),
            Self::Unsendable(problem) => Self::Unsendable(mask(&problem)),
        }
    }
}

fn said_in(value: &Value) -> Option<String> {
    let error = value.get("error").unwrap_or(value);
    let text = error.as_str().or_else(|| error.get("message").and_then(Value::as_str));
    text.or_else(|| value.get("message").and_then(Value::as_str)).map(str::to_owned)
}

/// White space of every kind becomes one space, and control characters go: a peer's text must
/// not steer a terminal.
pub(super) fn one_line(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let line = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    line.chars().take(DETAIL_CHARS_MAX).collect()
}
