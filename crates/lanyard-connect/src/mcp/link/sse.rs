//! HTTP+SSE of 2024-11-05: one event stream, which names the endpoint that messages are posted to.
//! What the server has to say, it says on the stream; when that ends, so does the conversation.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use lanyard_core::Failure;
use lanyard_wire::Version;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::call::{Call, Content, is_success, refusal};
use super::events::{Batches, Events, unusable};
use super::{HttpParts, LinkError, LinkPost, LinkRequest, Waiting};

mod endpoint;

/// A server with an event stream and an endpoint.
pub(crate) struct SseLink {
    inner: Arc<Inner>,
    /// Taken by the one who listens.
    stream: Mutex<Option<Box<Events>>>,
}

struct Inner {
    parts: HttpParts,
    /// Path and query that messages are posted to. It names the session.
    endpoint: String,
    version: Mutex<Option<Version>>,
    ended: CancellationToken,
}

/// A post of a request that may still run. The response comes through the inbox.
pub(crate) struct Posting {
    running: Option<Waiting<()>>,
}

/// The event stream.
pub(crate) struct Listening {
    inner: Arc<Inner>,
    events: Option<Box<Events>>,
}

/// The endpoint stays inside.
impl fmt::Debug for SseLink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SseLink")
            .field("origin", &self.inner.parts.origin)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Posting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running = self.running.is_some();
        formatter.debug_struct("Posting").field("running", &running).finish()
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ended = self.events.is_none();
        formatter.debug_struct("Listening").field("ended", &ended).finish_non_exhaustive()
    }
}

impl SseLink {
    pub(super) async fn open(parts: HttpParts, deadline: Instant) -> Result<Self, LinkError> {
        let opening = Box::pin(open(&parts, deadline));
        let (events, endpoint) =
            timeout_at(deadline, opening).await.unwrap_or(Err(Failure::TimedOut.into()))?;
        let (version, ended) = (Mutex::default(), CancellationToken::new());
        let inner = Arc::new(Inner { parts, endpoint, version, ended });
        Ok(Self { inner, stream: Mutex::new(Some(Box::new(events))) })
    }

    pub(super) fn speak(&self, version: Version) {
        *self.inner.version.lock().unwrap_or_else(PoisonError::into_inner) = Some(version);
    }

    pub(super) fn request(&self, request: LinkRequest<'_>) -> Result<Posting, LinkError> {
        let deadline = request.deadline.unwrap_or_else(|| self.inner.parts.head_deadline());
        let (inner, call) = (Arc::clone(&self.inner), self.inner.call(request.message)?);
        let running = async move { inner.parts.tell(call, true, deadline).await };
        Ok(Posting { running: Some(Box::pin(running)) })
    }

    pub(super) async fn post(&self, post: LinkPost<'_>) -> Result<(), LinkError> {
        let call = self.inner.call(post.message)?;
        self.inner.parts.tell(call, true, post.deadline).await
    }

    pub(super) fn listen(&self) -> Option<Listening> {
        let events = self.stream.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(Listening { inner: Arc::clone(&self.inner), events: Some(events) })
    }

    pub(super) fn close(&self) {
        self.inner.ended.cancel();
        drop(self.stream.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Opens the stream and reads it up to the event that names the endpoint.
async fn open(parts: &HttpParts, deadline: Instant) -> Result<(Events, String), LinkError> {
    let opened = parts.credentials.request()?;
    let base = opened.target.clone();
    let answer = parts.call_with(opened, Call::get(None), deadline).await?;
    let status = answer.status();
    if !is_success(status) {
        answer.finish();
        return Err(refusal(status, false));
    }
    if Content::of(&answer) != Content::Events {
        return Err(unusable("it is no event stream").into());
    }
    // This version has no batches.
    let batches = Batches { allowed: false, messages_max: 0 };
    let mut events = Events::new(answer, &parts.limits, batches);
    while let Some(event) = events.event().await? {
        if event.name == "endpoint" {
            let endpoint = endpoint::resolve(&parts.origin, &base, &event.data)?;
            return Ok((events, endpoint));
        }
    }
    Err(Failure::ServerEnded.into())
}

impl Inner {
    /// A post to the endpoint. Nothing is sent after the end.
    fn call(&self, message: &str) -> Result<Call, LinkError> {
        if self.ended.is_cancelled() {
            return Err(Failure::ServerEnded.into());
        }
        let version = *self.version.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Call::post(message).to(&self.endpoint).in_session(version, None))
    }
}

impl Posting {
    pub(super) async fn next(&mut self) -> Result<String, LinkError> {
        if let Some(running) = &mut self.running {
            let taken = running.await;
            self.running = None;
            taken?;
        }
        std::future::pending().await
    }
}

impl Listening {
    pub(super) async fn next(&mut self) -> Result<Option<String>, LinkError> {
        let Some(events) = &mut self.events else { return Ok(None) };
        let next = tokio::select! {
            biased;
            () = self.inner.ended.cancelled() => Ok(None),
            next = events.message() => match next {
                Ok(Some(message)) => return Ok(Some(message)),
                Ok(None) => Err(Failure::ServerEnded.into()),
                Err(failure) => Err(failure.into()),
            },
        };
        self.events = None;
        next
    }
}
