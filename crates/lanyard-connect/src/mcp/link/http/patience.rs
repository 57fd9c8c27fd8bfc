//! How long and how often something is asked for again.

use std::time::Duration;

/// The wait where the server says nothing about it, and the bounds of what it may say.
const WAIT: Duration = Duration::from_secs(1);
const WAIT_MIN: Duration = Duration::from_millis(50);
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Attempts in a row that failed, after which a response is given up.
const ATTEMPTS_MAX: u32 = 8;

/// Where to go on, and how long to wait before.
#[derive(Debug)]
pub(super) struct Patience {
    /// The id of the last event that came.
    place: Option<String>,
    /// What the server wants, within bounds.
    retry: Duration,
    /// Attempts that failed, in a row.
    attempts: u32,
}

impl Patience {
    pub(super) fn new() -> Self {
        Self { place: None, retry: WAIT, attempts: 0 }
    }

    /// An attempt did not fail.
    pub(super) fn restore(&mut self) {
        self.attempts = 0;
    }

    /// What a stream said of itself until it ended.
    pub(super) fn note(&mut self, last_id: Option<&str>, retry_ms: Option<u64>) {
        if let Some(id) = last_id {
            self.place = Some(id.to_owned());
        }
        if let Some(retry_ms) = retry_ms {
            self.retry = Duration::from_millis(retry_ms).clamp(WAIT_MIN, WAIT_MAX);
        }
    }

    /// The event to go on after.
    pub(super) fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }

    /// The wait before the next attempt, longer each time; `None` when there were enough.
    pub(super) fn next_wait_of_few(&mut self) -> Option<Duration> {
        (self.attempts < ATTEMPTS_MAX).then(|| self.next_wait())
    }

    /// The same without end.
    pub(super) fn next_wait(&mut self) -> Duration {
        let factor = 1_u32.checked_shl(self.attempts).unwrap_or(u32::MAX);
        self.attempts = self.attempts.saturating_add(1);
        self.retry.saturating_mul(factor).min(WAIT_MAX)
    }
}

#[cfg(test)]
mod tests;
