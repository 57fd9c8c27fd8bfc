//! How messages get to a server and back: one seam for streamable HTTP of both eras, HTTP+SSE and
//! the lines of a process.
//!
//! A link carries messages and knows nothing of what they say: it correlates no ids, answers no
//! requests and translates nothing. A message that comes out of it is one JSON object as the server
//! wrote it, not yet decoded.
//!
//! INVARIANT: no text of an error holds a body or the value of a header.

mod call;
mod events;
mod http;
mod lines;
mod sse;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use lanyard_core::{Failure, Limits, Origin};
use lanyard_wire::{Id, Version};
use thiserror::Error;
use tokio::time::Instant;

pub(crate) use http::HttpLink;
pub(crate) use lines::{DRAIN_MAX, LinesLink, LinesParts, Tail, keep_tail};
pub(crate) use sse::SseLink;

use super::target::{Credentials, Target};
use crate::http::{PoolKey, Upstream};

/// A way to one server, for one session.
#[derive(Debug)]
pub(crate) enum Link {
    /// Streamable HTTP: every request has a carrier of its own.
    Http(HttpLink),
    /// HTTP+SSE of 2024-11-05: everything comes through the inbox.
    Sse(SseLink),
    /// The standard input and output of a process: everything comes through the inbox.
    Lines(LinesLink),
}

/// What a link over HTTP is made of.
#[derive(Debug, Clone)]
pub(crate) struct HttpParts {
    /// The connector.
    pub(crate) http: Upstream,
    /// Whose connections are used.
    pub(crate) pool: PoolKey,
    /// Where the server is. Nothing is ever sent to another origin.
    pub(crate) origin: Origin,
    /// The server.
    pub(crate) target: Arc<Target>,
    /// Asked for each single request.
    pub(crate) credentials: Arc<dyn Credentials>,
    /// The limits in force.
    pub(crate) limits: Limits,
}

/// Something that was sent and is waited for.
type Waiting<T> = Pin<Box<dyn Future<Output = Result<T, LinkError>> + Send>>;

/// A request on its way to the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinkRequest<'a> {
    /// The whole message.
    pub(crate) message: &'a str,
    /// Its id, which is ours.
    pub(crate) id: &'a Id<'a>,
    /// Its method. `initialize` begins a session: it is sent without the headers of one, and the
    /// session id that comes with its answer is kept.
    pub(crate) method: &'a str,
    /// What `Mcp-Name` repeats, in plain: the name of a tool or prompt, the URI of a resource, the
    /// id of a task. Sent to stateless servers only.
    pub(crate) name: Option<&'a str>,
    /// Whole names (`mcp-param-...`) and encoded values of headers that repeat arguments. Sent to
    /// stateless servers only.
    pub(crate) param_headers: &'a [(String, String)],
    /// When the response must have come; `None` for a subscription.
    pub(crate) deadline: Option<Instant>,
}

/// A notification, or the response to a request of the server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LinkPost<'a> {
    /// The whole message.
    pub(crate) message: &'a str,
    /// The method of a notification; `None` for a response.
    pub(crate) method: Option<&'a str>,
    /// When it must have been taken.
    pub(crate) deadline: Instant,
}

/// What comes for one request.
#[derive(Debug)]
pub(crate) enum Carrier {
    /// On an answer of its own: what belongs to the request, the response last.
    Own(Box<http::Carried>),
    /// A post that may still run; everything else comes through the inbox.
    Posted(sse::Posting),
    /// Everything comes through the inbox.
    Inbox,
}

/// What comes on a carrier.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// A message.
    Message(String),
    /// The stream ended as the server wanted it to, before the response. What follows is asked for
    /// after so long, by the next call for something.
    Pause(Duration),
}

/// What comes for no request in particular; with [`SseLink`] and [`LinesLink`], everything.
#[derive(Debug)]
pub(crate) enum Inbox {
    /// The GET stream of a session.
    Http(Box<http::Listening>),
    /// The event stream.
    Sse(Box<sse::Listening>),
    /// The lines of the process.
    Lines(Box<lines::Listening>),
}

/// Why a link did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum LinkError {
    /// The server does not know the session any more (404). A new one can be begun.
    #[error("the server does not know the session any more")]
    SessionLost,
    /// The server wants another credential (401, 403).
    #[error("the server refused the credential with HTTP status {status}")]
    Rejected {
        /// The status.
        status: u16,
    },
    /// Another status without a JSON-RPC error in its body.
    #[error("the server answered with HTTP status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// Anything else.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<LinkError> for Failure {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::SessionLost => Self::ServerEnded,
            LinkError::Rejected { status: _ } => Self::CredentialRejected,
            LinkError::Status { status } => {
                Self::AnswerUnusable { problem: format!("its HTTP status is {status}") }
            }
            LinkError::Failure(failure) => failure,
        }
    }
}

impl Link {
    /// Streamable HTTP. Nothing is sent yet.
    pub(crate) fn http(parts: HttpParts) -> Self {
        Self::Http(HttpLink::new(parts))
    }

    /// HTTP+SSE: opens the stream and waits until it names its endpoint.
    pub(crate) async fn sse(parts: HttpParts, deadline: Instant) -> Result<Self, LinkError> {
        SseLink::open(parts, deadline).await.map(Self::Sse)
    }

    /// Which version is spoken from now on. What the headers of HTTP say depends on it; the other
    /// links do not mind. Before it is called, nothing says a version.
    pub(crate) fn speak(&self, version: Version) {
        match self {
            Self::Http(link) => link.speak(version),
            Self::Sse(link) => link.speak(version),
            Self::Lines(_) => {}
        }
    }

    /// Sends a request. Over HTTP it goes out when the carrier is first polled, so that there is
    /// something to drop while nothing has been answered yet.
    ///
    /// A server that answers on a carrier of its own with a 4xx or 5xx and a JSON-RPC error gives
    /// that error as its response; it is handed out under the id of the request, whatever id the
    /// server wrote.
    pub(crate) async fn request(&self, request: LinkRequest<'_>) -> Result<Carrier, LinkError> {
        match self {
            Self::Http(link) => Ok(Carrier::Own(Box::new(link.request(request)?))),
            Self::Sse(link) => Ok(Carrier::Posted(link.request(request)?)),
            Self::Lines(link) => link.request(request).await.map(|()| Carrier::Inbox),
        }
    }

    /// Sends a notification, or the response to a request of the server.
    pub(crate) async fn post(&self, post: LinkPost<'_>) -> Result<(), LinkError> {
        match self {
            Self::Http(link) => link.post(post).await,
            Self::Sse(link) => link.post(post).await,
            Self::Lines(link) => link.post(post).await,
        }
    }

    /// What comes for no request in particular, to be read by one reader for as long as the
    /// session lasts. Over streamable HTTP each call is another GET stream, opened when it is first
    /// polled, and a stateless server has none; with the others only the first call gives one.
    pub(crate) fn listen(&self) -> Option<Inbox> {
        match self {
            Self::Http(link) => link.listen().map(|inbox| Inbox::Http(Box::new(inbox))),
            Self::Sse(link) => link.listen().map(|inbox| Inbox::Sse(Box::new(inbox))),
            Self::Lines(link) => link.listen().map(Inbox::Lines),
        }
    }

    /// Waits, once the inbox is read and until this time at the latest, for the server to know where
    /// to send what it says unasked. What it says before has nowhere to go, and servers drop it.
    pub(crate) async fn heard(&self, deadline: Instant) {
        match self {
            Self::Http(link) => link.heard(deadline).await,
            Self::Sse(_) | Self::Lines(_) => {}
        }
    }

    /// Ends the link: inboxes come to their end, a session of streamable HTTP is deleted (as far
    /// as the server lets it be, and for a short time only), a process is asked to end.
    pub(crate) async fn close(&self) {
        match self {
            Self::Http(link) => link.close().await,
            Self::Sse(link) => link.close(),
            Self::Lines(link) => link.close().await,
        }
    }
}

impl Carrier {
    /// What comes next. It does not come back where messages come through the inbox, but for an
    /// error. Whoever has seen the response calls [`finish`](Self::finish) and does not ask again:
    /// asking means that the response has not come, so the end of the answer is then an error, or,
    /// with a session whose events have ids, a reason to connect again and go on after the last.
    ///
    /// A call that is dropped before it is ready loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Arrival, LinkError> {
        match self {
            Self::Own(carried) => carried.next().await,
            Self::Posted(posting) => posting.next().await.map(Arrival::Message),
            Self::Inbox => std::future::pending().await,
        }
    }

    /// Ends the carrier after the response. Its connection is kept if the rest of the answer comes
    /// at once. (A carrier that is only dropped closes its connection or resets its stream, which
    /// tells a stateless server that the request is cancelled.)
    pub(crate) fn finish(self) {
        match self {
            Self::Own(carried) => carried.finish(),
            Self::Posted(_) | Self::Inbox => {}
        }
    }
}

impl Inbox {
    /// The next message; `None` when nothing will come any more although the conversation goes on
    /// (the server offers no stream) or because the link was closed. An error means that the
    /// conversation is over.
    ///
    /// A call that is dropped before it is ready loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, LinkError> {
        match self {
            Self::Http(listening) => listening.next().await,
            Self::Sse(listening) => listening.next().await,
            Self::Lines(listening) => listening.next().await,
        }
    }
}

#[cfg(test)]
mod tests;
