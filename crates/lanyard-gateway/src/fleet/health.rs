//! Whether a server that is kept connected is so, and what comes next. Pure: events and times in,
//! times out.
//!
//! A probe that fails is a strike; three in a row, or the end of the conversation, and the server
//! counts as disconnected. Then it is tried again after each wait of [`Backoff`]. A connection
//! alone resets nothing: only an answer to a probe or a call does, so that a server which ends
//! each time it has been greeted is not started every two seconds for ever.

use std::time::Duration;

use tokio::time::Instant;

use super::backoff::{Backoff, FIRST, Wait};
use super::jitter::Jitter;

/// Failed probes in a row until a server counts as disconnected.
pub(super) const STRIKES: u32 = 3;

/// Where a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// An attempt waits for its turn, or runs.
    Connecting,
    /// Connected and listed.
    Connected,
    /// Waiting for the next attempt.
    Backoff {
        /// When that is.
        until: Instant,
    },
    /// The long pause after the last attempt.
    Cooldown {
        /// When it is over.
        until: Instant,
    },
}

/// How many attempts a server gets at its first start before it counts as down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstStart {
    /// A server that is there or not.
    Once,
    /// A process, which may wait for something that starts beside it: four attempts.
    Patient,
}

impl FirstStart {
    fn attempts(self) -> u32 {
        match self {
            Self::Once => 1,
            Self::Patient => 4,
        }
    }
}

/// What a call may do, as far as the connection says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    /// Go on.
    Open,
    /// Fail: the server is known to be down, and tried again soon.
    Shut,
    /// Have the server tried now, and go on if that succeeds.
    Early,
}

/// The health of one server that is kept connected.
#[derive(Debug, Clone)]
pub(super) struct Health {
    phase: Phase,
    backoff: Backoff,
    strikes: u32,
    /// Attempts of the first start that are left; none once it was connected, or given up.
    patience: u32,
    /// Whether it is known that nobody answers, rather than that a conversation ended or something
    /// else is in the way.
    down: bool,
    /// The end of the pause, also while an attempt runs in it.
    paused: Option<Paused>,
}

#[derive(Debug, Clone, Copy)]
struct Paused {
    until: Instant,
    tried: bool,
}

impl Health {
    /// A server that was not tried yet.
    pub(super) fn new(start: FirstStart) -> Self {
        Self {
            phase: Phase::Connecting,
            backoff: Backoff::default(),
            strikes: 0,
            patience: start.attempts(),
            down: false,
            paused: None,
        }
    }

    /// Where it is.
    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    /// Which attempt comes next or runs, of ten; 0 where nothing failed.
    pub(super) fn attempt(&self) -> u32 {
        self.backoff.attempt()
    }

    /// Failed probes in a row.
    pub(super) fn strikes(&self) -> u32 {
        self.strikes
    }

    /// What a call may do. In a pause the first call that asks is told to have it tried.
    pub(super) fn gate(&mut self) -> Gate {
        match (self.phase, &mut self.paused) {
            _ if !self.down => Gate::Open,
            (Phase::Cooldown { until: _ }, Some(paused)) if !paused.tried => {
                paused.tried = true;
                Gate::Early
            }
            _ => Gate::Shut,
        }
    }

    /// An attempt begins.
    pub(super) fn connecting(&mut self) {
        self.phase = Phase::Connecting;
    }

    /// It is connected and listed. That it stays so is not yet known.
    pub(super) fn connected(&mut self) {
        self.phase = Phase::Connected;
        self.strikes = 0;
        self.patience = 0;
        self.down = false;
        self.paused = None;
    }

    /// It answered a probe or a call.
    pub(super) fn answered(&mut self) {
        self.strikes = 0;
        if self.phase == Phase::Connected {
            self.backoff.reset();
        }
    }

    /// A probe failed. Whether that was one too many.
    pub(super) fn missed(&mut self) -> bool {
        self.strikes = self.strikes.saturating_add(1);
        self.strikes >= STRIKES
    }

    /// It did not answer three times. Returns when it is tried again.
    pub(super) fn silent(&mut self, now: Instant, jitter: Jitter) -> Instant {
        self.down = true;
        self.wait(now, jitter)
    }

    /// Its conversation ended, which a new one may put right. Returns when it is tried again.
    pub(super) fn ended(&mut self, now: Instant, jitter: Jitter) -> Instant {
        self.wait(now, jitter)
    }

    /// An attempt failed; whether it showed that nobody answers. Returns when it is tried again.
    pub(super) fn failed(&mut self, is_down: bool, now: Instant, jitter: Jitter) -> Instant {
        self.patience = self.patience.saturating_sub(1);
        if self.patience > 0 {
            let before = FirstStart::Patient.attempts().saturating_sub(self.patience);
            let doubled = 2_u32.saturating_pow(before.saturating_sub(1));
            return later(now, FIRST.saturating_mul(doubled));
        }
        self.down = is_down;
        if let Some(paused) = self.paused.filter(|paused| now < paused.until) {
            self.phase = Phase::Cooldown { until: paused.until };
            return paused.until;
        }
        self.wait(now, jitter)
    }

    /// An operator wants it tried now, as if nothing had happened.
    pub(super) fn forgive(&mut self) {
        self.backoff.reset();
        self.strikes = 0;
        self.down = false;
        self.paused = None;
    }

    fn wait(&mut self, now: Instant, jitter: Jitter) -> Instant {
        self.strikes = 0;
        let (phase, until) = match self.backoff.failed(jitter) {
            Wait::Retry(span) => {
                let until = later(now, span);
                self.paused = None;
                (Phase::Backoff { until }, until)
            }
            Wait::Cooldown(span) => {
                let until = later(now, span);
                self.paused = Some(Paused { until, tried: false });
                (Phase::Cooldown { until }, until)
            }
        };
        self.phase = phase;
        until
    }
}

fn later(now: Instant, span: Duration) -> Instant {
    now.checked_add(span).unwrap_or(now)
}

#[cfg(test)]
mod tests;
