//! One server of the fleet. Its locks are held for a few instructions and never across an await.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lanyard_connect::mcp::SessionKey;
use lanyard_core::{Blame, Clock, Failure};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Member;
use super::breaker::{Change, Ticket};
use super::health::Gate;
use super::histogram::Histogram;
use super::jitter::Jitters;
use super::looks::Looks;
use super::reference::Reference;
use super::seats::Seats;
use super::standing::{Care, End, Next, Now, Standing};
use super::status::Status;

/// One server of the fleet, for as long as its configuration stays the same.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) member: Arc<Member>,
    /// Cancelled when it is changed or removed, or the gateway stops.
    pub(super) stop: CancellationToken,
    /// What its task is told.
    pub(super) bell: Bell,
    /// Sessions that were handed out.
    pub(super) seats: Seats,
    /// What it is known to list, where sessions of others than the gateway's own are listed too.
    pub(super) reference: Reference,
    /// Held by whoever lists it, where no task does.
    pub(super) listing: tokio::sync::Mutex<()>,
    /// Whether somebody waits to do so.
    pub(super) list_waits: AtomicBool,
    /// The looks at its lists in the gateway's own session.
    pub(super) looks: Looks,
    clock: Arc<dyn Clock>,
    jitters: Arc<Jitters>,
    places: Arc<Semaphore>,
    standing: Mutex<Standing>,
    /// Goes up whenever an attempt succeeded or failed.
    attempts: watch::Sender<u64>,
    calls: AtomicU64,
    failures: AtomicU64,
    latency: Histogram,
}

/// What can be told to a server's task. Told twice before it hears is told once.
#[derive(Debug, Default)]
pub(super) struct Bell {
    /// Try to connect now.
    pub(super) attempt: Notify,
    /// End the conversation and begin another.
    pub(super) anew: Notify,
    /// The lists changed.
    pub(super) relist: Notify,
    /// Look whether it answers.
    pub(super) probe: Notify,
}

impl Server {
    pub(super) fn new(
        member: &Arc<Member>,
        idle_max: Duration,
        clock: &Arc<dyn Clock>,
        jitters: &Arc<Jitters>,
        stop: CancellationToken,
    ) -> Self {
        let now = Now { instant: Instant::now(), wall: clock.now() };
        Self {
            member: Arc::clone(member),
            stop,
            bell: Bell::default(),
            seats: Seats::new(idle_max),
            reference: Reference::default(),
            listing: tokio::sync::Mutex::default(),
            list_waits: AtomicBool::new(false),
            looks: Looks::default(),
            clock: Arc::clone(clock),
            jitters: Arc::clone(jitters),
            places: Arc::new(Semaphore::new(places(member))),
            standing: Mutex::new(Standing::new(member.care(), now)),
            attempts: watch::Sender::new(0),
            calls: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            latency: Histogram::default(),
        }
    }

    /// Whether a task keeps it connected.
    pub(super) fn is_kept(&self) -> bool {
        matches!(self.member.care(), Care::Kept(_))
    }

    /// Whether it is a process.
    pub(super) fn is_process(&self) -> bool {
        self.member.is_process()
    }

    /// Whether it is listed by others than the gateway itself.
    pub(super) fn has_guests_lists(&self) -> bool {
        self.is_process() || !self.is_kept()
    }

    /// Whether a member is this server, unchanged.
    pub(super) fn is_same(&self, member: &Member) -> bool {
        self.member.target.generation == member.target.generation
            && self.member.enabled == member.enabled
    }

    /// Whether a member is what this server was before it was changed.
    pub(super) fn is_newer_than(&self, member: &Member) -> bool {
        self.member.target.generation > member.target.generation
    }

    /// Whether a session belongs to it.
    pub(super) fn owns(&self, key: &SessionKey) -> bool {
        let target = &self.member.target;
        key.generation == target.generation
            && key.server == target.server
            && key.tenant == target.tenant
    }

    /// Returns when the connection lets calls pass, or says that it does not.
    pub(super) async fn gate(&self) -> Result<(), Failure> {
        // Subscribed first, so that the end of the attempt cannot be missed.
        let mut attempts = self.attempts.subscribe();
        let gate = self.standing().gate();
        match gate {
            Gate::Open => return Ok(()),
            Gate::Shut => return Err(Failure::ServerUnavailable),
            Gate::Early => self.bell.attempt.notify_one(),
        }
        tokio::select! {
            _ = attempts.changed() => {}
            () = self.stop.cancelled() => return Err(Failure::ServerUnavailable),
        }
        match self.standing().gate() {
            Gate::Open => Ok(()),
            Gate::Shut | Gate::Early => Err(Failure::ServerUnavailable),
        }
    }

    /// Returns when an attempt to connect it has ended, or when there are to be none.
    pub(super) async fn first_attempt(&self) {
        let mut attempts = self.attempts.subscribe();
        tokio::select! {
            _ = attempts.wait_for(|count| *count > 0) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// A place among the calls that run at a time.
    pub(super) async fn place(&self, wait_max: Duration) -> Result<OwnedSemaphorePermit, Failure> {
        let waiting = Arc::clone(&self.places).acquire_owned();
        match tokio::time::timeout(wait_max, waiting).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) | Err(_) => Err(Failure::ServerBusy),
        }
    }

    /// Says no where the breaker would. A call that then waits asks again with [`Self::admit`].
    pub(super) fn pass(&self) -> Result<(), Failure> {
        let passes = self.standing().passes(self.now());
        passes.then_some(()).ok_or(Failure::ServerUnavailable)
    }

    /// Lets a call pass the breaker, or not.
    pub(super) fn admit(&self) -> Result<Ticket, Failure> {
        self.standing().admit(self.now()).ok_or(Failure::ServerUnavailable)
    }

    /// Takes back the ticket of a call that ended without saying anything about the server.
    pub(super) fn give_back(&self, ticket: Ticket) {
        self.standing().give_back(ticket);
    }

    /// Takes in how a call ended; how long it took, if it got as far as the server.
    pub(super) fn settle(
        &self,
        ticket: Ticket,
        outcome: Result<(), &Failure>,
        took: Option<Duration>,
    ) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if let Some(took) = took {
            self.latency.record(took);
        }
        if outcome.is_err_and(is_blamed) {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
        let (now, jitter) = (self.now(), self.jitters.draw());
        let change = self.standing().settle(ticket, outcome, now, jitter);
        let (tenant, server) = self.names();
        match change {
            Change::Opened => {
                tracing::warn!(tenant, server, "mcp.server.calls_stopped");
                self.bell.probe.notify_one();
            }
            Change::Closed => tracing::info!(tenant, server, "mcp.server.calls_resumed"),
            Change::None => {}
        }
    }

    /// An attempt to connect begins.
    pub(super) fn connecting(&self) {
        self.standing().connecting(self.now());
    }

    /// It is connected and listed.
    pub(super) fn connected(&self) {
        self.standing().connected(self.now());
        self.attempt_ended();
    }

    /// It answered a probe.
    pub(super) fn answered(&self) {
        self.standing().answered();
    }

    /// A probe failed. Whether that was one too many.
    pub(super) fn missed(&self, failure: &Failure) -> bool {
        self.standing().missed(failure.to_string())
    }

    /// An attempt, or what came of it, ended. Says when the next one is due.
    pub(super) fn ended(&self, end: &End) -> Next {
        let next = self.standing().ended(end, self.now(), self.jitters.draw());
        self.attempt_ended();
        next
    }

    /// Whether the gateway's own conversation is open.
    pub(super) fn is_connected(&self) -> bool {
        self.standing().is_connected()
    }

    /// Its lists were read.
    pub(super) fn listed(&self) {
        self.standing().listed(self.now());
    }

    /// What its lists say is not known any more.
    pub(super) fn unlisted(&self) {
        self.standing().unlisted();
    }

    /// When its lists were last read.
    pub(super) fn listed_at(&self) -> Option<Instant> {
        self.standing().listed_at()
    }

    /// An operator wants it tried now, as if nothing had happened.
    pub(super) fn forgive(&self) {
        self.standing().forgive(self.now());
        self.bell.attempt.notify_one();
        self.bell.anew.notify_one();
    }

    /// The configuration changed, though not of this server. What was in its way may be gone.
    pub(super) fn look_again(&self) {
        if self.standing().may_be_put_right(self.now()) {
            self.bell.attempt.notify_one();
        }
    }

    /// How it does, where this many sessions with it are open.
    pub(super) fn status(&self, sessions: usize) -> Status {
        let told = self.standing().tell(sessions, self.now());
        Status {
            state: told.state,
            since: told.since,
            last_error: told.last_error,
            attempt: told.attempt,
            next_attempt_at: told.next_attempt_at,
            listed_at: told.listed_at,
            sessions,
            running: places(&self.member).saturating_sub(self.places.available_permits()),
            calls: self.calls.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            failures_in_a_row: told.failures_in_a_row,
            strikes: told.strikes,
            p50_micros: self.latency.percentile(50),
            p99_micros: self.latency.percentile(99),
        }
    }

    /// Tenant and name, for log lines.
    pub(super) fn names(&self) -> (&str, &str) {
        (self.member.target.tenant.as_str(), self.member.target.server.as_str())
    }

    fn attempt_ended(&self) {
        self.attempts.send_modify(|count| *count = count.wrapping_add(1));
    }

    fn now(&self) -> Now {
        Now { instant: Instant::now(), wall: self.clock.now() }
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many calls may run at a time.
fn places(member: &Member) -> usize {
    member.concurrency.clamp(1, Semaphore::MAX_PERMITS)
}

/// Whether a failure is the server's or its operator's fault.
fn is_blamed(failure: &Failure) -> bool {
    match failure.blame() {
        Blame::Upstream | Blame::Operator => true,
        Blame::Caller | Blame::Gateway => false,
    }
}
