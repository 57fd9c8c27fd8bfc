//! How a server does, as an operator is told.

use lanyard_core::Timestamp;

/// Where a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Connected, or in use.
    Connected,
    /// Being connected, for the first time or again.
    Connecting,
    /// Not in use; connected with the next call.
    Idle,
    /// Down, or its calls fail; tried again soon.
    Backoff,
    /// Down for long; in the pause between two rounds of attempts.
    Cooldown,
    /// Switched off.
    Disabled,
}

impl State {
    /// The word that commands and the API print.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Connecting => "connecting",
            Self::Idle => "idle",
            Self::Backoff => "backoff",
            Self::Cooldown => "cooldown",
            Self::Disabled => "disabled",
        }
    }
}

/// How a server does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Where it is.
    pub state: State,
    /// Since when; of a server that is down, since when it is, whatever was attempted meanwhile.
    pub since: Timestamp,
    /// What went wrong last, until it answers again. Holds nothing of the server's own words.
    pub last_error: Option<String>,
    /// Which attempt to reach it comes next or runs, of ten; 0 where nothing failed.
    pub attempt: u32,
    /// When that is.
    pub next_attempt_at: Option<Timestamp>,
    /// When its lists were last read.
    pub listed_at: Option<Timestamp>,
    /// Open conversations with it, the gateway's own included.
    pub sessions: usize,
    /// Calls that are on their way.
    pub running: usize,
    /// Calls that ended, since the server has its present configuration.
    pub calls: u64,
    /// Those of them that failed by the server's or its operator's fault.
    pub failures: u64,
    /// Calls in a row that found nobody.
    pub failures_in_a_row: u32,
    /// Probes in a row that failed.
    pub strikes: u32,
    /// The time in microseconds that half of the calls did not pass.
    pub p50_micros: Option<u64>,
    /// The time in microseconds that 99 of 100 calls did not pass.
    pub p99_micros: Option<u64>,
}
