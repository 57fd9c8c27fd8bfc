//! What a call that runs says to whoever attends its client, in order: notifications, questions of
//! the server, and how it ended.
//!
//! The call does not know how its client is reached. Who attends it turns a question into a request
//! on an event stream, or, for a client of the stateless era, into an answer `input_required` and
//! waits for the client to come back.

use std::time::Duration;

use lanyard_connect::mcp::Reply;
use lanyard_core::Failure;
use tokio::sync::{mpsc, oneshot};

use super::Called;

/// One thing that a call says.
#[derive(Debug)]
pub(crate) enum Turn {
    /// A notification for the client, the whole message.
    Message(String),
    /// The server asks the client something and goes on when it is answered.
    Question(Question),
    /// The server closed its stream and wants to be asked again after a while. The call goes on by
    /// itself; its client can be spared the wait.
    Pause(Duration),
    /// The end. Nothing comes after it.
    Done(Box<Called>),
}

/// A question of a server to a client.
#[derive(Debug)]
pub(crate) struct Question {
    /// A name for it among the questions of its call.
    pub(crate) key: String,
    /// The method: `elicitation/create`, for instance.
    pub(crate) method: String,
    /// The parameters, raw JSON.
    pub(crate) params: Option<String>,
    /// Where the answer goes. Dropped, the client will not answer.
    pub(crate) answer: oneshot::Sender<Reply>,
}

/// The speaking end.
#[derive(Debug, Clone)]
pub(crate) struct Turns {
    sender: mpsc::Sender<Turn>,
    /// How long a client has for an answer.
    patience: Duration,
}

/// Notifications that wait for a client to read. Past it the server waits.
const TURNS_MAX: usize = 16;

impl Turns {
    /// A way to say things, and its other end.
    pub(crate) fn new(patience: Duration) -> (Self, mpsc::Receiver<Turn>) {
        let (sender, receiver) = mpsc::channel(TURNS_MAX);
        (Self { sender, patience }, receiver)
    }

    /// Passes a notification on. It waits for a client that is slow, and is lost on one that went.
    pub(super) async fn say(&self, message: String) {
        if self.sender.send(Turn::Message(message)).await.is_err() {
            tracing::trace!("A notification found no client.");
        }
    }

    /// Says that nothing comes for a while.
    pub(super) async fn pause(&self, wait: Duration) {
        if self.sender.send(Turn::Pause(wait)).await.is_err() {
            tracing::trace!("A pause found no client.");
        }
    }

    /// Asks the client, and waits for its answer.
    pub(super) async fn ask(
        &self,
        key: String,
        method: String,
        params: Option<String>,
    ) -> Result<Reply, Failure> {
        let unable = |problem: &str| Failure::ClientUnable { problem: problem.to_owned() };
        let (answer, answered) = oneshot::channel();
        let question = Question { key, method, params, answer };
        if self.sender.send(Turn::Question(question)).await.is_err() {
            return Err(unable("it has gone"));
        }
        match tokio::time::timeout(self.patience, answered).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) => Err(unable("it cannot be reached")),
            Err(_) => Err(unable("it did not answer in time")),
        }
    }

    /// Says how the call ended.
    pub(crate) async fn done(&self, called: Called) {
        if self.sender.send(Turn::Done(Box::new(called))).await.is_err() {
            tracing::trace!("A call ended after its client went.");
        }
    }

    /// Ready when nobody attends the client any more.
    pub(super) async fn abandoned(&self) {
        self.sender.closed().await;
    }
}
