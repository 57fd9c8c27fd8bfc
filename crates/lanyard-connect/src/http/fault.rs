//! What went wrong with an exchange, in the words of `lanyard-core`. Texts name no value and nothing
//! of the server's insides: they go to the agent.

use lanyard_core::Failure;
use thiserror::Error;

/// Why an exchange gave no answer.
#[derive(Debug, Error)]
pub(super) enum Fault {
    /// Nothing of the request left this machine, so it may be sent again over a fresh connection.
    #[error("the connection was closed before the request was sent")]
    Unsent,
    /// The request, or a part of it, was sent.
    #[error("{0}")]
    Sent(Failure),
}

impl Fault {
    /// What it means when nothing is tried again.
    pub(super) fn last(self) -> Failure {
        match self {
            Self::Unsent => Failure::Unreachable,
            Self::Sent(failure) => failure,
        }
    }

    /// What an error of the connection means for a request that was sent.
    pub(super) fn of(error: &hyper::Error) -> Self {
        let problem = if error.is_parse_too_large() {
            "its headers are larger than the limit"
        } else if error.is_parse() {
            "it is not valid HTTP"
        } else {
            "the connection ended before it was complete; the call may have taken effect"
        };
        unusable(problem)
    }
}

/// An answer that came and cannot be used.
pub(super) fn unusable(problem: &str) -> Fault {
    Fault::Sent(Failure::AnswerUnusable { problem: problem.to_owned() })
}
