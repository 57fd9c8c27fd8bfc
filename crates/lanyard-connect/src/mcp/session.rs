//! One conversation with a server.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use lanyard_core::Failure;
use lanyard_wire::translate::{ErrorFacts, discover_params};
use lanyard_wire::{Id, Version};
use tokio::time::Instant;

use super::conversation::Conversation;
use super::exchange::{Exchange, Reply, ServerRequest};
use super::link::Link;
use super::router::Purpose;

/// The server does not know the method.
const METHOD_NOT_FOUND: i64 = -32601;

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
    /// The conversation ended. Nothing comes after it. (Where the channel was full, its end says
    /// the same.)
    Ended,
}

/// One conversation with a server.
#[derive(Debug)]
pub struct Session {
    conversation: Arc<Conversation>,
    facts: ServerFacts,
}

impl Session {
    pub(super) fn new(conversation: Arc<Conversation>, facts: ServerFacts) -> Self {
        Self { conversation, facts }
    }

    /// What the server said of itself.
    pub fn facts(&self) -> &ServerFacts {
        &self.facts
    }

    /// Sends a request. What comes before its answer, and the answer, come out of the exchange.
    /// Dropping the exchange tells the server that the answer is no longer wanted, in the manner of
    /// its era.
    pub async fn request(&self, request: Outgoing<'_>) -> Result<Exchange, Failure> {
        let purpose = match request.method {
            "subscriptions/listen" => Purpose::Subscription,
            _ => Purpose::Call,
        };
        Ok(Box::pin(self.conversation.request(request, purpose)).await?)
    }

    /// Sends a notification.
    pub async fn notify(&self, method: &str, params: Option<&str>) -> Result<(), Failure> {
        Ok(self.conversation.notify(method, params).await?)
    }

    /// Answers a request that belonged to no exchange.
    pub async fn respond(&self, id: &Id<'_>, reply: Reply) -> Result<(), Failure> {
        Ok(self.conversation.respond(id, &reply).await?)
    }

    /// Asks whether the server still answers: `ping`, or `server/discover` where there is no ping.
    /// That it does not know the question (-32601) is an answer.
    pub async fn probe(&self, limit: Duration) -> Result<(), Failure> {
        let version = self.facts.version;
        let (method, params) = if version.is_modern() {
            ("server/discover", Some(discover_params(self.conversation.envelope(version))))
        } else {
            ("ping", None)
        };
        let now = Instant::now();
        let deadline = now.checked_add(limit).unwrap_or(now);
        match Box::pin(self.conversation.ask(method, params, deadline)).await? {
            Reply::Result(_) => Ok(()),
            Reply::Error(error)
                if ErrorFacts::read(&error).is_some_and(|it| it.code == METHOD_NOT_FOUND) =>
            {
                Ok(())
            }
            Reply::Error(_) => {
                let problem = "it answered the question whether it is there with an error";
                Err(Failure::AnswerUnusable { problem: problem.to_owned() })
            }
        }
    }

    /// What the server wrote, without the credentials it was given; `None` where one stood in the
    /// JSON where it cannot be masked.
    pub fn clean<'a>(&self, json: &'a str) -> Option<Cow<'a, str>> {
        self.conversation.clean(json)
    }

    /// Whether it can carry requests.
    pub fn is_open(&self) -> bool {
        self.conversation.router.is_open()
    }

    /// Whether nothing of it runs.
    pub(super) fn is_idle(&self) -> bool {
        self.conversation.router.is_idle()
    }

    /// Whether it holds nothing on the server: no process, no session, no stream.
    pub(super) fn is_free(&self) -> bool {
        match self.conversation.link {
            Link::Http(_) => self.facts.version.is_modern(),
            Link::Sse(_) | Link::Lines(_) => false,
        }
    }

    /// Messages of the server that belonged to nobody, and were dropped.
    pub fn strays(&self) -> u64 {
        self.conversation.router.strays()
    }

    /// Ends it. Whatever runs fails with this.
    pub(super) fn end(&self, reason: &Failure) {
        self.conversation.end(reason);
    }
}
