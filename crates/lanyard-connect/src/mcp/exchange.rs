//! One request with all that comes before its answer.

use lanyard_core::Failure;
use lanyard_wire::Id;

/// What comes out of an exchange.
#[derive(Debug)]
pub enum Step {
    /// A notification that belongs to the request, the whole message as it came.
    Notification(String),
    /// The server asks something of the client before it answers (versions with sessions only).
    Request(ServerRequest),
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
#[derive(Debug)]
pub struct Exchange {}

impl Exchange {
    /// What comes next. An error ends the exchange.
    pub async fn next(&mut self) -> Result<Step, Failure> {
        Err(Failure::Bug)
    }

    /// Answers a request of the server that came out of this exchange.
    pub async fn respond(&mut self, _id: &Id<'_>, _reply: Reply) -> Result<(), Failure> {
        Err(Failure::Bug)
    }
}
