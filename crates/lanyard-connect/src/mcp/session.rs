//! One conversation with a server.

use std::time::Duration;

use lanyard_core::Failure;
use lanyard_wire::{Id, Version};
use tokio::time::Instant;

use super::exchange::{Exchange, Reply, ServerRequest};

/// What a server said of itself when it was greeted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// The version that is spoken; its era decides how messages are written.
    pub version: Version,
    /// Its capabilities, a raw JSON object.
    pub capabilities: String,
    /// Its `serverInfo`, a raw JSON object. Good for display, never for a decision.
    pub info: String,
    /// How it wants to be used.
    pub instructions: Option<String>,
}

/// A request to a server, written for the version of its session.
#[derive(Debug, Clone)]
pub struct Outgoing<'a> {
    /// The method.
    pub method: &'a str,
    /// The parameters, a raw JSON object with everything in it: for a stateless server also the
    /// envelope in `_meta`.
    pub params: Option<String>,
    /// Headers that repeat arguments (`mcp-param-*`), for a stateless server over HTTP. The link
    /// itself writes `mcp-protocol-version`, `mcp-method` and `mcp-name`.
    pub param_headers: Vec<(String, String)>,
    /// When it must have been answered; `None` for a subscription.
    pub deadline: Option<Instant>,
}

/// What a server says that belongs to no request of ours.
#[derive(Debug)]
pub enum Unrelated {
    /// A notification, the whole message as it came.
    Notification(String),
    /// A request, to be answered with [`Session::respond`].
    Request(ServerRequest),
    /// The conversation ended. Nothing comes after it.
    Ended,
}

/// One conversation with a server.
#[derive(Debug)]
pub struct Session {}

impl Session {
    /// What the server said of itself.

    /// Sends a request. What comes before its answer, and the answer, come out of the exchange.
    /// Dropping the exchange tells the server that the answer is no longer wanted, in the manner of
    /// its era.
    pub async fn request(&self, _request: Outgoing<'_>) -> Result<Exchange, Failure> {
        Err(Failure::Bug)
    }

    /// Sends a notification.
    pub async fn notify(&self, _method: &str, _params: Option<&str>) -> Result<(), Failure> {
        Err(Failure::Bug)
    }

    /// Answers a request that belonged to no exchange.
    pub async fn respond(&self, _id: &Id<'_>, _reply: Reply) -> Result<(), Failure> {
        Err(Failure::Bug)
    }

    /// Asks whether the server still answers: `ping`, or `server/discover` where there is no ping.
    /// That it does not know the question (-32601) is an answer.
    pub async fn probe(&self, _limit: Duration) -> Result<(), Failure> {
        Err(Failure::Bug)
    }

    /// Whether it can carry requests.
    pub fn is_open(&self) -> bool {
        false
    }
}
