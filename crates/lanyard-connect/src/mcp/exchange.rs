//! One request with all that comes before its answer.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lanyard_core::Failure;
use lanyard_wire::Id;
use lanyard_wire::translate::ErrorFacts;
use tokio::time::{Instant, sleep_until};

use super::conversation::Conversation;
use super::link::{Arrival, Carrier, LinkError};
use super::router::{Inbound, Item, Purpose};

/// The version of the request is not one that the server speaks.
const UNSUPPORTED_VERSION: i64 = -32022;

/// What comes out of an exchange.
#[derive(Debug)]
pub enum Step {
    /// A notification that belongs to the request, the whole message as it came.
    Notification(String),
    /// The server asks something of the client before it answers (versions with sessions only).
    Request(ServerRequest),
    /// The server ended its stream before it answered, and wants to be asked for the rest after so
    /// long (2025-11-25). Nothing is lost: that is done without being asked for.
    Pause(Duration),
    /// The answer. Nothing comes after it.
    Done(Reply),
}

/// A request of the server to the client: sampling, elicitation, roots, or what we do not know.
#[derive(Debug, Clone)]
pub struct ServerRequest {
    /// The server's id for it.
    pub id: Id<'static>,
    /// The method.
    pub method: String,
    /// The parameters, raw JSON.
    pub params: Option<String>,
}

/// An answer: raw JSON either way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The member `result`.
    Result(String),
    /// The member `error`, an object.
    Error(String),
}

/// One request that runs. Dropping it cancels the request unless it is done.
///
/// Over HTTP nothing moves unless [`next`](Self::next) is asked: not even the request goes out.
pub struct Exchange {
    conversation: Arc<Conversation>,
    id: i64,
    inbound: Inbound,
    carrier: Option<Carrier>,
    /// What came with other messages and was not handed out yet.
    ready: VecDeque<Item>,
    deadline: Option<Instant>,
    /// Whether it is a question of our own, which nobody is told the end of and which says nothing
    /// about the session: a greeting may well be refused.
    own: bool,
    /// Whether something of the request may have left.
    sent: bool,
    /// Whether the server had forgotten the session, and so did nothing.
    lost: bool,
    /// What every further question is answered with, once it is over.
    over: Option<Failure>,
}

/// Messages may hold anything, so none is shown.
impl fmt::Debug for Exchange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Exchange")
            .field("id", &self.id)
            .field("deadline", &self.deadline)
            .field("over", &self.over)
            .finish_non_exhaustive()
    }
}

impl Exchange {
    pub(super) fn new(
        conversation: Arc<Conversation>,
        id: i64,
        inbound: Inbound,
        purpose: Purpose,
        deadline: Option<Instant>,
    ) -> Self {
        Self {
            conversation,
            id,
            inbound,
            carrier: None,
            ready: VecDeque::new(),
            deadline,
            own: purpose == Purpose::Own,
            sent: false,
            lost: false,
            over: None,
        }
    }

    /// Takes the carrier of the request, which is on its way.
    pub(super) fn sent(&mut self, carrier: Carrier) {
        self.sent = matches!(carrier, Carrier::Inbox);
        self.carrier = Some(carrier);
    }

    /// What comes next. An error ends the exchange. A call that is dropped before it is ready loses
    /// nothing.
    pub async fn next(&mut self) -> Result<Step, Failure> {
        if let Some(failure) = &self.over {
            return Err(failure.clone());
        }
        self.step().await.map_err(Failure::from)
    }

    /// The answer, for a request before whose answer nothing of interest comes.
    pub async fn answer(&mut self) -> Result<Reply, Failure> {
        loop {
            if let Step::Done(reply) = self.next().await? {
                return Ok(reply);
            }
        }
    }

    /// Answers a request of the server that came out of this exchange.
    pub async fn respond(&mut self, id: &Id<'_>, reply: Reply) -> Result<(), Failure> {
        if !self.conversation.router.answered(self.id, id) {
            let problem = "the server did not ask this, or no longer does".to_owned();
            return Err(Failure::RequestUnbuildable { problem });
        }
        Ok(self.conversation.respond(id, &reply).await?)
    }

    /// The id under which the request went to the server: what the messages of a subscription name.
    pub fn id(&self) -> Id<'static> {
        Id::from_number(self.id)
    }

    /// Puts off, or sets, the time by which the answer must have come: a client that is asked
    /// something takes its own time.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.deadline = deadline;
    }

    /// Whether it failed because the server had forgotten the session (HTTP 404). The request was
    /// not carried out then, and may be sent once more, over another lease.
    pub fn session_was_lost(&self) -> bool {
        self.lost
    }

    /// The same as [`next`](Self::next), with the link's own errors.
    pub(super) async fn step(&mut self) -> Result<Step, LinkError> {
        let came = self.wait().await;
        match &came {
            Ok(Step::Done(reply)) => {
                self.over = Some(Failure::Bug);
                self.doubt(reply);
                if let Some(carrier) = self.carrier.take() {
                    carrier.finish();
                }
            }
            Ok(Step::Notification(_) | Step::Request(_) | Step::Pause(_)) => {}
            Err(error) => self.fail(error),
        }
        came
    }

    async fn wait(&mut self) -> Result<Step, LinkError> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Ok(item?);
            }
            let carrier = self.carrier.as_mut();
            let carried = async {
                match carrier {
                    Some(carrier) => carrier.next().await,
                    None => std::future::pending().await,
                }
            };
            let deadline = self.deadline;
            let late = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            self.sent = true;
            let carried = tokio::select! {
                biased;
                item = self.inbound.next() => return Ok(item?),
                carried = carried => carried?,
                () = late => return Err(Failure::TimedOut.into()),
            };
            match carried {
                Arrival::Message(message) => {
                    self.ready.extend(self.conversation.take_carried(self.id, &message)?);
                }
                Arrival::Pause(wait) => return Ok(Step::Pause(wait)),
            }
        }
    }

    /// An answer that says that this is not the version to speak with the server.
    fn doubt(&self, reply: &Reply) {
        if let Reply::Error(error) = reply
            && !self.own
            && ErrorFacts::read(error).is_some_and(|error| error.code == UNSUPPORTED_VERSION)
        {
            self.conversation.doubt();
        }
    }

    fn fail(&mut self, error: &LinkError) {
        self.over = Some(error.clone().into());
        self.carrier = None;
        match error {
            LinkError::SessionLost => {
                self.lost = true;
                self.conversation.lose();
            }
            // A server that was replaced by one of an older kind.
            LinkError::Status { status: 400 | 404 | 405 } if !self.own => {
                self.conversation.doubt_if_modern();
            }
            LinkError::Status { status: _ }
            | LinkError::Rejected { status: _ }
            | LinkError::Failure(_) => {}
        }
        let may_run = matches!(error, LinkError::Failure(_));
        self.withdraw(may_run);
    }

    /// Takes the exchange off the list, and tells the server if it may still work for it.
    fn withdraw(&self, may_run: bool) {
        let was_listed = self.conversation.router.remove(self.id);
        if was_listed && may_run && !self.own {
            self.conversation.cancel(self.id);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // The carrier goes first: to a stateless server that is the cancellation.
        self.carrier = None;
        self.withdraw(self.sent);
    }
}
