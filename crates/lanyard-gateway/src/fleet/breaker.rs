//! Keeps calls from a server that does not answer. Pure: verdicts and times in, admissions out.
//!
//! Closed, every call passes. After five calls in a row that found nobody (a call that timed out
//! counts half) it opens: calls fail at once. When the wait is over, one call passes as a trial;
//! its end closes the breaker or opens it for the next, longer wait. After ten such waits comes a
//! pause, in which one call may try early.

use tokio::time::Instant;

use super::backoff::{Backoff, Wait};
use super::jitter::Jitter;
use super::verdict::Verdict;

/// What opens it, in half failures: five calls that found nobody.
const SCORE_MAX: u32 = 10;

/// Whether calls pass.
#[derive(Debug, Clone)]
pub(super) struct Breaker {
    state: State,
    backoff: Backoff,
    /// Goes up with each change of state, so that a call that began before one cannot count
    /// against what came after it.
    epoch: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed {
        score: u32,
    },
    Open(Open),
    /// One call is on its way. Ends without verdict, it leaves things as they were.
    Trial(Open),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Open {
    until: Instant,
    pause: Pause,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pause {
    /// A wait between two attempts.
    No,
    /// The long one. A call may try before it is over.
    Untried,
    /// The long one, and a call tried.
    Tried,
}

/// A call that passed. It is given back with a verdict, or without one.
#[derive(Debug)]
#[must_use]
pub(super) struct Ticket {
    epoch: u64,
    trial: bool,
}

/// What a verdict changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing that anybody needs to know.
    None,
    /// Calls fail at once from now on.
    Opened,
    /// Calls pass again.
    Closed,
}

/// How it stands, for whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stand {
    /// Calls pass.
    Closed,
    /// Calls fail until the next attempt.
    Open {
        /// When that is.
        until: Instant,
        /// Whether it is the long pause.
        pause: bool,
    },
}

impl Default for Breaker {
    fn default() -> Self {
        Self { state: State::Closed { score: 0 }, backoff: Backoff::default(), epoch: 0 }
    }
}

impl Breaker {
    /// Whether a call would pass now.
    pub(super) fn passes(&self, now: Instant) -> bool {
        match self.state {
            State::Closed { score: _ } => true,
            State::Open(open) => open.may_try(now),
            State::Trial(_) => false,
        }
    }

    /// Lets a call pass, or not.
    pub(super) fn admit(&mut self, now: Instant) -> Option<Ticket> {
        match self.state {
            State::Closed { score: _ } => Some(Ticket { epoch: self.epoch, trial: false }),
            State::Open(open) if open.may_try(now) => {
                self.enter(State::Trial(open));
                Some(Ticket { epoch: self.epoch, trial: true })
            }
            State::Open(_) | State::Trial(_) => None,
        }
    }

    /// Takes a ticket back with what the call found out.
    pub(super) fn settle(
        &mut self,
        ticket: Ticket,
        verdict: Verdict,
        now: Instant,
        jitter: Jitter,
    ) -> Change {
        let score = match verdict {
            // An answer is an answer, whenever its call began.
            Verdict::Up => return self.close(),
            Verdict::Nothing => {
                self.give_back(ticket);
                return Change::None;
            }
            Verdict::Slow => 1,
            Verdict::Down => 2,
        };
        if ticket.epoch != self.epoch {
            return Change::None;
        }
        match self.state {
            State::Closed { score: before } => {
                let score = before.saturating_add(score);
                if score < SCORE_MAX {
                    self.state = State::Closed { score };
                    return Change::None;
                }
                self.open(now, jitter);
                Change::Opened
            }
            // A call that tried before the pause was over does not make it longer.
            State::Trial(open) if open.pause != Pause::No && now < open.until => {
                self.enter(State::Open(Open { pause: Pause::Tried, ..open }));
                Change::None
            }
            State::Trial(_) => {
                self.open(now, jitter);
                Change::None
            }
            State::Open(_) => Change::None,
        }
    }

    /// Takes a ticket back without a verdict: another call may try.
    pub(super) fn give_back(&mut self, ticket: Ticket) {
        if let State::Trial(open) = self.state
            && ticket.trial
            && ticket.epoch == self.epoch
        {
            self.enter(State::Open(open));
        }
    }

    /// The server is known to answer.
    pub(super) fn close(&mut self) -> Change {
        self.backoff.reset();
        match self.state {
            State::Closed { score: _ } => {
                self.state = State::Closed { score: 0 };
                Change::None
            }
            State::Open(_) | State::Trial(_) => {
                self.enter(State::Closed { score: 0 });
                Change::Closed
            }
        }
    }

    /// How it stands.
    pub(super) fn stand(&self) -> Stand {
        match self.state {
            State::Closed { score: _ } => Stand::Closed,
            State::Open(open) | State::Trial(open) => {
                Stand::Open { until: open.until, pause: open.pause != Pause::No }
            }
        }
    }

    /// Which wait it is in, of ten; 0 where calls pass.
    pub(super) fn attempt(&self) -> u32 {
        self.backoff.attempt()
    }

    fn open(&mut self, now: Instant, jitter: Jitter) {
        let (span, pause) = match self.backoff.failed(jitter) {
            Wait::Retry(span) => (span, Pause::No),
            Wait::Cooldown(span) => (span, Pause::Untried),
        };
        let until = now.checked_add(span).unwrap_or(now);
        self.enter(State::Open(Open { until, pause }));
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.epoch = self.epoch.wrapping_add(1);
    }
}

impl Open {
    fn may_try(self, now: Instant) -> bool {
        now >= self.until || self.pause == Pause::Untried
    }
}

#[cfg(test)]
mod tests;
