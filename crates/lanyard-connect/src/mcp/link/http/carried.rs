//! The answer to one request over streamable HTTP.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lanyard_core::Failure;
use lanyard_wire::{Id, Version};
use tokio::time::{Instant, sleep, timeout_at};

use super::patience::Patience;
use super::{Inner, Spoken};
use crate::mcp::link::call::{Call, Content, error_response, is_success, refusal};
use crate::mcp::link::events::{Events, messages, unusable};
use crate::mcp::link::{Arrival, LinkError, LinkRequest, Waiting};

/// The answer to one request. Dropping it closes the connection or resets the stream.
pub(crate) struct Carried {
    inner: Arc<Inner>,
    /// What the headers said when the request was made.
    version: Option<Version>,
    deadline: Option<Instant>,
    state: State,
    patience: Patience,
}

enum State {
    /// The request is on its way, or the answer is asked for once more.
    Waiting(Waiting<Opened>),
    /// The body came as a whole.
    Messages(VecDeque<String>),
    Events(Box<Events>),
    /// Nothing will come any more.
    Over,
}

/// An answer that began.
enum Opened {
    Messages(VecDeque<String>),
    Events(Box<Events>),
    /// There is nothing to go on with.
    Nothing,
}

impl fmt::Debug for Carried {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Waiting(_) => "waiting",
            State::Messages(_) => "messages",
            State::Events(_) => "events",
            State::Over => "over",
        };
        formatter.debug_struct("Carried").field("state", &state).finish_non_exhaustive()
    }
}

impl Carried {
    pub(super) fn new(inner: Arc<Inner>, request: LinkRequest<'_>) -> Self {
        let initialize = request.method == "initialize";
        let spoken = if initialize { Spoken::default() } else { inner.spoken() };
        let call = Call::post(request.message);
        let call = match spoken.version {
            Some(version) if version.is_modern() => {
                call.routed(version, request.method, request.name, request.param_headers)
            }
            version => call.in_session(version, spoken.session.as_deref()),
        };
        let posting = Posting {
            inner: Arc::clone(&inner),
            call,
            id: request.id.clone().into_owned(),
            initialize,
            version: spoken.version,
            in_session: spoken.session.is_some(),
            deadline: request.deadline.unwrap_or_else(|| inner.parts.head_deadline()),
        };
        Self {
            inner,
            version: spoken.version,
            deadline: request.deadline,
            state: State::Waiting(Box::pin(posting.run())),
            patience: Patience::new(),
        }
    }

    pub(in crate::mcp::link) async fn next(&mut self) -> Result<Arrival, LinkError> {
        let next = match self.deadline {
            Some(deadline) => match timeout_at(deadline, self.advance()).await {
                Ok(next) => next,
                Err(_elapsed) => Err(Failure::TimedOut.into()),
            },
            None => self.advance().await,
        };
        if next.is_err() {
            self.state = State::Over;
        }
        next
    }

    pub(in crate::mcp::link) fn finish(self) {
        match self.state {
            State::Events(events) => events.finish(),
            State::Waiting(_) | State::Messages(_) | State::Over => {}
        }
    }

    async fn advance(&mut self) -> Result<Arrival, LinkError> {
        loop {
            match &mut self.state {
                State::Waiting(waiting) => {
                    let opened = waiting.await;
                    self.state = self.opened(opened)?;
                }
                State::Messages(messages) => {
                    let message = messages.pop_front();
                    let message = message.map(Arrival::Message);
                    return message.ok_or_else(|| unusable("it holds no response").into());
                }
                State::Events(events) => match events.message().await? {
                    Some(message) => return Ok(Arrival::Message(message)),
                    None => {
                        self.patience.note(events.last_id(), events.retry_ms());
                        let wanted = events.ended_well();
                        let (state, wait) = self.again()?;
                        self.state = state;
                        if wanted {
                            return Ok(Arrival::Pause(wait));
                        }
                    }
                },
                State::Over => return Err(Failure::ServerEnded.into()),
            }
        }
    }

    fn opened(&mut self, opened: Result<Opened, LinkError>) -> Result<State, LinkError> {
        match opened {
            Ok(Opened::Messages(messages)) => Ok(State::Messages(messages)),
            Ok(Opened::Events(events)) => {
                self.patience.restore();
                Ok(State::Events(events))
            }
            Ok(Opened::Nothing) => Err(Failure::ServerEnded.into()),
            Err(LinkError::SessionLost) => Err(LinkError::SessionLost),
            // Without a place to go on from, what failed is the request itself.
            Err(error) => self.again().map(|(state, _wait)| state).map_err(|_no_more| error),
        }
    }

    /// The stream ended and the response has not come: asks for what follows the last event that
    /// did, after a while.
    fn again(&mut self) -> Result<(State, Duration), LinkError> {
        let place = match self.patience.place() {
            Some(place) if !self.version.is_some_and(Version::is_modern) => place.to_owned(),
            Some(_) | None => return Err(Failure::ServerEnded.into()),
        };
        let wait = self.patience.next_wait_of_few().ok_or(Failure::ServerEnded)?;
        let (inner, deadline) = (Arc::clone(&self.inner), self.deadline);
        let going_on = async move {
            sleep(wait).await;
            let deadline = deadline.unwrap_or_else(|| inner.parts.head_deadline());
            match inner.get(Some(&place), deadline).await? {
                Some(events) => Ok(Opened::Events(Box::new(events))),
                None => Ok(Opened::Nothing),
            }
        };
        Ok((State::Waiting(Box::pin(going_on)), wait))
    }
}

/// A request that is being sent.
struct Posting {
    inner: Arc<Inner>,
    call: Call,
    id: Id<'static>,
    initialize: bool,
    version: Option<Version>,
    in_session: bool,
    deadline: Instant,
}

impl Posting {
    async fn run(self) -> Result<Opened, LinkError> {
        let Self { inner, call, id, initialize, version, in_session, deadline } = self;
        let parts = &inner.parts;
        let answer = parts.call(call, deadline).await?;
        let status = answer.status();
        let content = Content::of(&answer);
        if !is_success(status) {
            let refused = refusal(status, in_session);
            if !matches!(refused, LinkError::Status { status: _ }) || content != Content::Json {
                answer.finish();
                return Err(refused);
            }
            let body = parts.whole(answer, deadline).await;
            let error = body.ok().and_then(|body| error_response(&body, &id, &parts.limits));
            return Ok(Opened::Messages(VecDeque::from([error.ok_or(refused)?])));
        }
        if initialize {
            inner.keep_session(&answer)?;
        }
        match content {
            Content::Events => Ok(Opened::Events(Box::new(inner.events(answer, version)))),
            Content::Json => {
                let body = parts.whole(answer, deadline).await?;
                Ok(Opened::Messages(messages(body.into(), inner.batches(version))?))
            }
            Content::Other if matches!(status, 202 | 204) => {
                answer.finish();
                Err(unusable("the request was taken and not answered").into())
            }
            Content::Other => Err(unusable("it is neither JSON nor an event stream").into()),
        }
    }
}
