//! The request of a call: what it is built from and what it is when built.

use std::fmt;
use std::net::IpAddr;

use lanyard_core::{Limits, Origin, SecretError, SecretSource, Timestamp};
use thiserror::Error;

use crate::ToolResult;

/// What a call brings with it besides its arguments.
#[derive(Clone, Copy)]
pub struct RenderContext<'a> {
    /// The opened secrets of this call.
    pub secrets: &'a dyn SecretSource,
    /// The time.
    pub now: Timestamp,
    /// Fills a buffer with random bytes.
    pub random: &'a dyn Fn(&mut [u8]),
    /// The caller's address, if it has one.
    pub client_ip: Option<IpAddr>,
    /// The limits of templates.
    pub limits: &'a Limits,
}

impl fmt::Debug for RenderContext<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RenderContext").finish_non_exhaustive()
    }
}

/// What a call becomes.
#[derive(Debug)]
pub enum Rendered {
    /// The result itself: the tool sends nothing.
    Direct(ToolResult),
    /// A request to send.
    Request(RequestPlan),
}

/// A request, ready to be sent. It may hold secrets: `Debug` prints no values.
pub struct RequestPlan {
    /// A known method, upper-case.
    pub method: String,
    /// Where it goes: the origin that the definition declares for this tool.
    pub origin: Origin,
    /// Path and query as they are sent: it starts with `/` and is plain ASCII.
    pub target: String,
    /// The headers in the order they are sent. A value may hold UTF-8 beyond ASCII, never a
    /// control character. There is no `Host` and no `Content-Length`.
    pub headers: Vec<(String, String)>,
    /// The body, empty for none.
    pub body: Vec<u8>,
}

impl fmt::Debug for RequestPlan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        formatter
            .debug_struct("RequestPlan")
            .field("method", &self.method)
            .field("origin", &self.origin)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why a call cannot be rendered or its answer shaped. No message holds a value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RenderError {
    /// A secret is not available to this request.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The arguments cannot be written into the request.
    #[error("{0}")]
    Unbuildable(String),
    /// A limit of templates was passed.
    #[error("{0}")]
    Limit(String),
    /// The server's answer, or a direct response, cannot be shaped as the definition says.
    #[error("{0}")]
    Answer(String),
}
