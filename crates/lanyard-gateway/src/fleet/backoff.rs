//! How long to wait before a server is tried again. Pure: failures in, spans out.
//!
//! The waits double from two seconds to a minute. After the tenth attempt comes a pause of five
//! minutes, and the attempt that follows it is the first of ten again: a server that is down for
//! a day is asked some hundred times and never given up.

use std::time::Duration;

use super::jitter::Jitter;

/// The wait before the first attempt.
pub(super) const FIRST: Duration = Duration::from_secs(2);

/// No wait between attempts is longer, its jitter aside.
const LONGEST: Duration = Duration::from_secs(60);

/// Attempts until the pause.
pub(super) const ATTEMPTS: u32 = 10;

/// The pause.
pub(super) const COOLDOWN: Duration = Duration::from_secs(300);

/// Where in the sequence of waits a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Backoff {
    attempt: u32,
}

/// The next wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// Until the next attempt.
    Retry(Duration),
    /// The pause after the last attempt.
    Cooldown(Duration),
}

impl Backoff {
    /// Which attempt comes next or runs, of ten; 0 where nothing failed yet.
    pub(super) fn attempt(self) -> u32 {
        self.attempt
    }

    /// Something failed: what to wait for now.
    pub(super) fn failed(&mut self, jitter: Jitter) -> Wait {
        if self.attempt >= ATTEMPTS {
            self.attempt = 1;
            return Wait::Cooldown(jitter.around(COOLDOWN));
        }
        let doubled = FIRST.saturating_mul(2_u32.saturating_pow(self.attempt));
        self.attempt = self.attempt.saturating_add(1);
        Wait::Retry(jitter.around(doubled.min(LONGEST)))
    }

    /// It works again.
    pub(super) fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests;
