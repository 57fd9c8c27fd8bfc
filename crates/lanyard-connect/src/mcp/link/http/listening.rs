//! What a server with sessions says unasked: its GET stream, opened again whenever it ends.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Inner;
use super::patience::Patience;
use crate::mcp::link::events::Events;
use crate::mcp::link::{LinkError, Waiting};

/// A stream that lasted so long did not fail, even if it brought nothing.
const LASTING: Duration = Duration::from_secs(5);

/// The GET stream of a session. It is opened when it is first polled.
pub(crate) struct Listening {
    inner: Arc<Inner>,
    state: State,
    patience: Patience,
}

enum State {
    /// The stream is asked for; `None` where there is none.
    Waiting(Waiting<Option<Events>>),
    Events {
        events: Box<Events>,
        since: Instant,
    },
    /// Nothing will come any more.
    Over,
}

impl fmt::Debug for Listening {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Waiting(_) => "waiting",
            State::Events { events: _, since: _ } => "events",
            State::Over => "over",
        };
        formatter.debug_struct("Listening").field("state", &state).finish_non_exhaustive()
    }
}

impl Listening {
    pub(super) fn new(inner: Arc<Inner>) -> Self {
        let mut listening = Self { inner, state: State::Over, patience: Patience::new() };
        listening.state = listening.after(Duration::ZERO);
        listening
    }

    pub(in crate::mcp::link) async fn next(&mut self) -> Result<Option<String>, LinkError> {
        let ended = self.inner.ended.clone();
        let next = tokio::select! {
            biased;
            () = ended.cancelled() => Ok(None),
            next = self.advance() => next,
        };
        if !matches!(next, Ok(Some(_))) {
            self.state = State::Over;
        }
        next
    }

    async fn advance(&mut self) -> Result<Option<String>, LinkError> {
        loop {
            match &mut self.state {
                State::Waiting(waiting) => {
                    let opened = waiting.await;
                    self.inner.heard.cancel();
                    match opened {
                        Ok(Some(events)) => {
                            let (events, since) = (Box::new(events), Instant::now());
                            self.state = State::Events { events, since };
                        }
                        Ok(None) => return Ok(None),
                        Err(LinkError::SessionLost) => return Err(LinkError::SessionLost),
                        Err(_passing) => self.again(),
                    }
                }
                State::Events { events, since } => match events.message().await? {
                    Some(message) => {
                        self.patience.restore();
                        return Ok(Some(message));
                    }
                    None => {
                        self.patience.note(events.last_id(), events.retry_ms());
                        if since.elapsed() >= LASTING {
                            self.patience.restore();
                        }
                        self.again();
                    }
                },
                State::Over => return Ok(None),
            }
        }
    }

    fn again(&mut self) {
        let wait = self.patience.next_wait();
        self.state = self.after(wait);
    }

    fn after(&self, wait: Duration) -> State {
        let inner = Arc::clone(&self.inner);
        let place = self.patience.place().map(str::to_owned);
        State::Waiting(Box::pin(async move {
            sleep(wait).await;
            inner.get(place.as_deref(), inner.parts.head_deadline()).await
        }))
    }
}
