//! What the end of a call says about its server: whether it is there.
//!
//! A server that answers is up, whatever it answers: a refusal, an error, too much. Only what
//! shows that nobody answers counts against it. What never reached it says nothing.

use lanyard_core::Failure;

/// What a call tells about its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It answered.
    Up,
    /// It cannot be reached, cannot be started, or ended.
    Down,
    /// It did not answer in time. Half as bad: one slow tool does not make a dead server.
    Slow,
    /// Nothing: the call did not get to it, or what came back has no meaning.
    Nothing,
}

/// Reads the end of a call.
pub(super) fn verdict(outcome: Result<(), &Failure>) -> Verdict {
    match outcome {
        Ok(())
        | Err(
            Failure::AnswerTooLarge
            | Failure::Redirected
            | Failure::CredentialRejected
            | Failure::ClientUnable { problem: _ },
        ) => Verdict::Up,
        Err(Failure::Unreachable | Failure::ServerEnded | Failure::ServerStart { problem: _ }) => {
            Verdict::Down
        }
        Err(Failure::TimedOut) => Verdict::Slow,
        Err(
            Failure::RequestUnbuildable { problem: _ }
            | Failure::SecretUnset { name: _ }
            | Failure::SecretOrigin { name: _ }
            | Failure::SecretUnreadable { name: _ }
            | Failure::AddressForbidden
            | Failure::AnswerUnusable { problem: _ }
            | Failure::ServerUnavailable
            | Failure::ServerBusy
            | Failure::UserCredentialMissing { server: _, user: _ }
            | Failure::Cancelled
            | Failure::Unrecordable
            | Failure::Bug,
        ) => Verdict::Nothing,
    }
}
