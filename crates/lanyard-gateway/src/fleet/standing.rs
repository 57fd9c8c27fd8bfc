//! How one server stands: its connection, its breaker, and what an operator is told of both. Pure:
//! events and times in.

use lanyard_core::{Blame, Failure, Timestamp};
use tokio::time::Instant;

use super::backoff::FIRST;
use super::breaker::{Breaker, Change, Stand, Ticket};
use super::health::{FirstStart, Gate, Health, Phase};
use super::jitter::Jitter;
use super::status::State;
use super::verdict::{Verdict, verdict};

/// One moment by both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    /// For waits.
    pub(super) instant: Instant,
    /// For people.
    pub(super) wall: Timestamp,
}

/// Who looks after a server's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// A task of its own: it is to be connected always.
    Kept(FirstStart),
    /// Its calls: it is connected while it is used.
    OnDemand,
    /// Nobody: it is switched off.
    Disabled,
}

/// What ended an attempt to keep a server connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// It could not be connected, or not be listed.
    Failed {
        /// Why, in words.
        error: String,
        /// What is in the way.
        obstacle: Obstacle,
    },
    /// It did not answer three probes.
    Silent(String),
    /// Its conversation ended; with what is known of why.
    Ended(Option<String>),
    /// An operator wants it connected anew.
    Anew,
}

/// What is in the way of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// Nobody answers. Calls need not try.
    Down,
    /// Something that an operator can put right, such as a credential that is not set. Calls try,
    /// and are told what it is.
    Operator,
    /// Anything else. Calls try.
    Other,
}

impl End {
    /// An attempt that failed with this, or with what these words say of it.
    pub(super) fn failed(error: String, failure: &Failure) -> Self {
        let obstacle = match (verdict(Err(failure)), failure.blame()) {
            (Verdict::Down | Verdict::Slow, _) => Obstacle::Down,
            (Verdict::Up | Verdict::Nothing, Blame::Operator) => Obstacle::Operator,
            (Verdict::Up | Verdict::Nothing, Blame::Caller | Blame::Upstream | Blame::Gateway) => {
                Obstacle::Other
            }
        };
        Self::Failed { error, obstacle }
    }
}

/// The next attempt to connect a server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Next {
    /// When it is due.
    pub(super) at: Instant,
    /// Which one it is, of ten.
    pub(super) attempt: u32,
    /// Whether it comes after the long pause.
    pub(super) after_pause: bool,
}

/// How one server stands.
#[derive(Debug)]
pub(super) struct Standing {
    care: Care,
    health: Health,
    breaker: Breaker,
    state: State,
    since: Timestamp,
    last_error: Option<String>,
    next_attempt: Option<Instant>,
    listed: Option<Now>,
    /// When the latest attempt failed, if an operator can put right what was in its way.
    operators_since: Option<Instant>,
    /// When a call last began or ended, while there may be conversations for calls.
    used: Option<Timestamp>,
    failures_in_a_row: u32,
}

/// What an operator is told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) state: State,
    pub(super) since: Timestamp,
    pub(super) last_error: Option<String>,
    pub(super) attempt: u32,
    pub(super) next_attempt_at: Option<Timestamp>,
    pub(super) listed_at: Option<Timestamp>,
    pub(super) failures_in_a_row: u32,
    pub(super) strikes: u32,
}

impl Standing {
    pub(super) fn new(care: Care, now: Now) -> Self {
        let first = match care {
            Care::Kept(first) => first,
            Care::OnDemand | Care::Disabled => FirstStart::Once,
        };
        let mut standing = Self {
            care,
            health: Health::new(first),
            breaker: Breaker::default(),
            state: State::Idle,
            since: now.wall,
            last_error: None,
            next_attempt: None,
            listed: None,
            operators_since: None,
            used: None,
            failures_in_a_row: 0,
        };
        standing.note(now.wall);
        standing
    }

    /// What a call may do, as far as the connection says.
    pub(super) fn gate(&mut self) -> Gate {
        match self.care {
            Care::Kept(_) => self.health.gate(),
            Care::OnDemand => Gate::Open,
            Care::Disabled => Gate::Shut,
        }
    }

    /// Whether the breaker would let a call pass.
    pub(super) fn passes(&self, now: Now) -> bool {
        self.breaker.passes(now.instant)
    }

    /// Lets a call pass the breaker, or not.
    pub(super) fn admit(&mut self, now: Now) -> Option<Ticket> {
        let ticket = self.breaker.admit(now.instant)?;
        self.used = Some(now.wall);
        self.note(now.wall);
        Some(ticket)
    }

    /// A call ended without saying anything about the server.
    pub(super) fn give_back(&mut self, ticket: Ticket) {
        self.breaker.give_back(ticket);
    }

    /// A call ended.
    pub(super) fn settle(
        &mut self,
        ticket: Ticket,
        outcome: Result<(), &Failure>,
        now: Now,
        jitter: Jitter,
    ) -> Change {
        let verdict = verdict(outcome);
        match verdict {
            Verdict::Up => {
                self.failures_in_a_row = 0;
                self.health.answered();
                if self.health_is_fine() {
                    self.last_error = None;
                }
            }
            Verdict::Down | Verdict::Slow => {
                self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
            }
            Verdict::Nothing => {}
        }
        match outcome {
            Err(failure) if is_of_interest(failure, verdict) => {
                self.last_error = Some(failure.to_string());
            }
            Ok(()) | Err(_) => {}
        }
        let change = self.breaker.settle(ticket, verdict, now.instant, jitter);
        self.used = Some(now.wall);
        self.note(now.wall);
        change
    }

    /// An attempt begins.
    pub(super) fn connecting(&mut self, now: Now) {
        self.health.connecting();
        self.next_attempt = None;
        self.operators_since = None;
        self.note(now.wall);
    }

    /// It is connected and listed.
    pub(super) fn connected(&mut self, now: Now) {
        self.health.connected();
        self.breaker.close();
        self.failures_in_a_row = 0;
        self.last_error = None;
        self.note(now.wall);
    }

    /// It answered a probe.
    pub(super) fn answered(&mut self) {
        self.health.answered();
        self.last_error = None;
    }

    /// A probe failed. Whether that was one too many.
    pub(super) fn missed(&mut self, error: String) -> bool {
        self.last_error = Some(error);
        self.health.missed()
    }

    /// An attempt, or what came of it, ended. Says when the next one is due.
    pub(super) fn ended(&mut self, end: &End, now: Now, jitter: Jitter) -> Next {
        let at = match end {
            End::Failed { error, obstacle } => {
                self.last_error = Some(error.clone());
                self.health.failed(*obstacle == Obstacle::Down, now.instant, jitter)
            }
            End::Silent(error) => {
                self.last_error = Some(error.clone());
                self.health.silent(now.instant, jitter)
            }
            End::Ended(why) => {
                let why = why.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
                self.last_error = Some(format!("its conversation ended{why}"));
                self.health.ended(now.instant, jitter)
            }
            End::Anew => now.instant,
        };
        self.next_attempt = Some(at);
        let is_operators = matches!(end, End::Failed { error: _, obstacle: Obstacle::Operator });
        self.operators_since = is_operators.then_some(now.instant);
        self.note(now.wall);
        let after_pause = matches!(self.health.phase(), Phase::Cooldown { until: _ });
        Next { at, attempt: self.health.attempt(), after_pause }
    }

    /// Whether it waits for an attempt that may succeed now, because an operator changed something:
    /// what was in the way of the latest one is an operator's to put right.
    pub(super) fn may_be_put_right(&self, now: Now) -> bool {
        self.operators_since.is_some_and(|at| now.instant.saturating_duration_since(at) >= FIRST)
    }

    /// Its lists were read.
    pub(super) fn listed(&mut self, now: Now) {
        self.listed = Some(now);
    }

    /// What its lists say is not known any more.
    pub(super) fn unlisted(&mut self) {
        self.listed = None;
    }

    /// When its lists were last read.
    pub(super) fn listed_at(&self) -> Option<Instant> {
        self.listed.map(|at| at.instant)
    }

    /// An operator wants it tried now, as if nothing had happened.
    pub(super) fn forgive(&mut self, now: Now) {
        self.health.forgive();
        self.breaker.close();
        self.failures_in_a_row = 0;
        self.note(now.wall);
    }

    /// What an operator is told, where this many conversations are open.
    pub(super) fn tell(&mut self, sessions: usize, now: Now) -> Told {
        if sessions == 0
            && let Some(used) = self.used.take()
        {
            // Conversations end by their idle time without anybody telling. A server in no use is
            // so since its last call.
            self.note(used);
        }
        let after = |until: Instant| now.wall.plus(until.saturating_duration_since(now.instant));
        let (attempt, next) = match self.breaker.stand() {
            Stand::Open { until, pause: _ } if self.health_is_fine() => {
                (self.breaker.attempt(), Some(until))
            }
            Stand::Closed if self.health_is_fine() => (0, None),
            Stand::Open { until: _, pause: _ } | Stand::Closed => {
                (self.health.attempt(), self.next_attempt)
            }
        };
        Told {
            state: self.state,
            since: self.since,
            last_error: self.last_error.clone(),
            attempt,
            next_attempt_at: next.map(after),
            listed_at: self.listed.map(|at| at.wall),
            failures_in_a_row: self.failures_in_a_row,
            strikes: self.health.strikes(),
        }
    }

    /// Whether the gateway's own conversation is open.
    pub(super) fn is_connected(&self) -> bool {
        matches!(self.care, Care::Kept(_)) && self.health.phase() == Phase::Connected
    }

    /// Whether the connection is as it should be, so that only the breaker can keep calls away.
    fn health_is_fine(&self) -> bool {
        match self.care {
            Care::Kept(_) => self.health.phase() == Phase::Connected,
            Care::OnDemand | Care::Disabled => true,
        }
    }

    /// Notes the time if the state changed. A server that is down stays so through all attempts:
    /// an operator wants to know since when it is.
    fn note(&mut self, wall: Timestamp) {
        let state = self.seen_state();
        if state != self.state && !(is_down(state) && is_down(self.state)) {
            self.since = wall;
        }
        self.state = state;
    }

    fn seen_state(&self) -> State {
        match (self.care, self.breaker.stand()) {
            (Care::Disabled, _) => State::Disabled,
            (Care::Kept(_), _) if !self.health_is_fine() => match self.health.phase() {
                Phase::Connecting => State::Connecting,
                Phase::Connected => State::Connected,
                Phase::Backoff { until: _ } => State::Backoff,
                Phase::Cooldown { until: _ } => State::Cooldown,
            },
            (_, Stand::Open { until: _, pause: true }) => State::Cooldown,
            (_, Stand::Open { until: _, pause: false }) => State::Backoff,
            (Care::Kept(_), Stand::Closed) => State::Connected,
            (Care::OnDemand, Stand::Closed) if self.used.is_some() => State::Connected,
            (Care::OnDemand, Stand::Closed) => State::Idle,
        }
    }
}

/// Whether a server is not there in this state.
fn is_down(state: State) -> bool {
    match state {
        State::Connecting | State::Backoff | State::Cooldown => true,
        State::Connected | State::Idle | State::Disabled => false,
    }
}

/// Whether an operator wants to know: what counts against the server, and what only an operator
/// can put right.
fn is_of_interest(failure: &Failure, verdict: Verdict) -> bool {
    match verdict {
        Verdict::Down | Verdict::Slow => true,
        Verdict::Up | Verdict::Nothing => matches!(
            failure,
            Failure::CredentialRejected
                | Failure::AnswerUnusable { problem: _ }
                | Failure::AddressForbidden
                | Failure::SecretUnset { name: _ }
                | Failure::SecretOrigin { name: _ }
        ),
    }
}
