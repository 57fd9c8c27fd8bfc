//! Streamable HTTP, of both eras: a POST for each message, each with an answer of its own; and a
//! GET for what a server with sessions says unasked.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lanyard_core::{Failure, Limits};
use lanyard_wire::Version;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::call::{Call, Content, is_success, refusal};
use super::events::{Batches, Events, unusable};
use super::{HttpParts, LinkError, LinkPost, LinkRequest};
use crate::http::UpstreamStream;

mod carried;
mod listening;
mod patience;

pub(crate) use carried::Carried;
pub(crate) use listening::Listening;

/// How long the end of a session may take. Nobody waits for what it answers.
const DELETE_MAX: Duration = Duration::from_secs(2);

/// A server behind one URL that takes a POST for each message.
pub(crate) struct HttpLink {
    inner: Arc<Inner>,
}

struct Inner {
    parts: HttpParts,
    spoken: Mutex<Spoken>,
    /// Cancelled once it is known whether the server has a stream for the session.
    heard: CancellationToken,
    ended: CancellationToken,
}

/// What the headers of a request say about the conversation.
#[derive(Clone, Default)]
struct Spoken {
    /// `None` until it is agreed.
    version: Option<Version>,
    /// The server's id for the session. It is no credential, and is shown to nobody all the same.
    session: Option<String>,
}

/// The session id stays inside.
impl fmt::Debug for HttpLink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HttpLink")
            .field("origin", &self.inner.parts.origin)
            .finish_non_exhaustive()
    }
}

impl HttpLink {
    pub(super) fn new(parts: HttpParts) -> Self {
        let (heard, ended) = (CancellationToken::new(), CancellationToken::new());
        Self { inner: Arc::new(Inner { parts, spoken: Mutex::default(), heard, ended }) }
    }

    pub(super) fn speak(&self, version: Version) {
        self.inner.with_spoken(|spoken| spoken.version = Some(version));
    }

    pub(super) fn request(&self, request: LinkRequest<'_>) -> Result<Carried, LinkError> {
        self.inner.open()?;
        Ok(Carried::new(Arc::clone(&self.inner), request))
    }

    pub(super) async fn post(&self, post: LinkPost<'_>) -> Result<(), LinkError> {
        self.inner.open()?;
        let spoken = self.inner.spoken();
        let call = Call::post(post.message);
        let call = match spoken.version {
            Some(version) if version.is_modern() => {
                call.routed(version, post.method.unwrap_or_default(), None, &[])
            }
            version => call.in_session(version, spoken.session.as_deref()),
        };
        self.inner.parts.tell(call, spoken.session.is_some(), post.deadline).await
    }

    /// A stateless server has no stream of its own.
    pub(super) fn listen(&self) -> Option<Listening> {
        let modern = self.inner.spoken().version.is_some_and(Version::is_modern);
        (!modern).then(|| Listening::new(Arc::clone(&self.inner)))
    }

    /// Ready when the server answered the request for the stream, and by this time at the latest.
    pub(super) async fn heard(&self, deadline: Instant) {
        let _late = tokio::time::timeout_at(deadline, self.inner.heard.cancelled()).await;
    }

    pub(super) async fn close(&self) {
        self.inner.ended.cancel();
        let Spoken { version, session } = self.inner.with_spoken(std::mem::take);
        let Some(session) = session else { return };
        let call = Call::delete().in_session(version, Some(&session));
        let now = Instant::now();
        let deadline = now.checked_add(DELETE_MAX).unwrap_or(now);
        if let Err(error) = self.inner.parts.tell(call, true, deadline).await {
            // Servers may keep their sessions to themselves (405), and forget them on their own.
            let origin = &self.inner.parts.origin;
            tracing::debug!(%origin, %error, "A session was not ended at its server.");
        }
    }
}

impl Inner {
    /// Nothing is sent after the end.
    fn open(&self) -> Result<(), LinkError> {
        if self.ended.is_cancelled() { Err(Failure::ServerEnded.into()) } else { Ok(()) }
    }

    fn spoken(&self) -> Spoken {
        self.with_spoken(|spoken| spoken.clone())
    }

    fn with_spoken<T>(&self, access: impl FnOnce(&mut Spoken) -> T) -> T {
        access(&mut self.spoken.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn batches(&self, version: Option<Version>) -> Batches {
        Batches {
            allowed: version.is_none_or(Version::has_batches),
            messages_max: Limits::size(self.parts.limits.batch_messages_max),
        }
    }

    fn events(&self, answer: UpstreamStream, version: Option<Version>) -> Events {
        Events::new(answer, &self.parts.limits, self.batches(version))
    }

    /// Keeps the session id that an answer to `initialize` brought.
    fn keep_session(&self, answer: &UpstreamStream) -> Result<(), Failure> {
        let Some(id) = answer.header("mcp-session-id") else { return Ok(()) };
        let visible = !id.is_empty() && id.iter().all(u8::is_ascii_graphic);
        let id = visible.then(|| String::from_utf8_lossy(id).into_owned());
        let id = id.ok_or_else(|| unusable("its session id is not visible ASCII"))?;
        self.with_spoken(|spoken| spoken.session = Some(id));
        Ok(())
    }

    /// An event stream of the session, after an event or from now on; `None` where the server has
    /// none to give. After an error it may have one later, unless the session is lost.
    async fn get(
        &self,
        last_event_id: Option<&str>,
        deadline: Instant,
    ) -> Result<Option<Events>, LinkError> {
        let Spoken { version, session } = self.spoken();
        let call = Call::get(last_event_id).in_session(version, session.as_deref());
        let answer = self.parts.call(call, deadline).await?;
        let status = answer.status();
        if is_success(status) && Content::of(&answer) == Content::Events {
            return Ok(Some(self.events(answer, version)));
        }
        answer.finish();
        match refusal(status, session.is_some()) {
            LinkError::Status { status } if !speaks_of_now(status) => Ok(None),
            LinkError::Failure(Failure::Redirected) => Ok(None),
            error @ (LinkError::SessionLost
            | LinkError::Rejected { status: _ }
            | LinkError::Status { status: _ }
            | LinkError::Failure(_)) => Err(error),
        }
    }
}

/// Whether a status may be another one in a while.
fn speaks_of_now(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502..=504)
}
