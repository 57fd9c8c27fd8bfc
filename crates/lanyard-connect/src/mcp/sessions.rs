//! Keeps sessions by key.
//!
//! A session is opened when it is first asked for, kept while it is used and for a while after, and
//! ended when room is needed. Opening runs beside those who wait for it: whoever goes away leaves
//! it to the others.

mod pool;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lanyard_core::{Failure, Limits, Principal, ServerName, TenantName};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::greeting::{Greeting, pool_key};
use super::process::{ProcessReport, Processes};
use super::session::{Session, Unrelated};
use super::target::{ClientFacts, Credentials, Target};
use super::verdicts::{Remembered, Verdicts};
use crate::http::Upstream;
use pool::{Found, Hold, Opened, Pool};

/// Whose session it is. Sessions of two different keys share nothing: no process, no session id, no
/// answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionKey {
    /// The wall.
    pub tenant: TenantName,
    /// The server.
    pub server: ServerName,
    /// Which version of its configuration.
    pub generation: u64,
    /// Whom it speaks for; `None` for the gateway's own listing and probing.
    pub principal: Option<Principal>,
    /// Which state of that user's own credentials; 0 without any.
    pub credential: u64,
    /// A fingerprint of what the client can do, which the server was told.
    pub client: [u8; 32],
    /// The client's own session, where it must not share with the same principal's others.
    pub owner: Option<[u8; 32]>,
}

/// What sessions are made of.
#[derive(Debug)]
pub struct SessionsParts {
    /// The HTTP connector.
    pub http: Upstream,
    /// The limits in force.
    pub limits: Limits,
    /// Every task and process, so that shutdown can wait for it.
    pub tasks: TaskTracker,
    /// Cancelled when the gateway stops: sessions end, processes are ended.
    pub shutdown: CancellationToken,
}

/// All sessions.
pub struct Sessions {
    shared: Arc<Shared>,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sessions").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

struct Shared {
    http: Upstream,
    limits: Limits,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    pool: Arc<Pool>,
    verdicts: Arc<Verdicts>,
    processes: Arc<Processes>,
    /// Whether somebody looks after idle sessions and the end of the gateway.
    tended: AtomicBool,
}

/// What a session is opened with, if it is not open yet.
#[derive(Debug)]
pub struct Opening {
    /// Where it leads.
    pub target: Arc<Target>,
    /// Where credentials come from.
    pub credentials: Arc<dyn Credentials>,
    /// What the client can do.
    pub client: ClientFacts,
    /// Who hears what belongs to no request; nobody where it is `None`.
    pub inbox: Option<mpsc::Sender<Unrelated>>,
}

/// A session in use. While one is held the session is not idle.
#[derive(Debug)]
pub struct Lease {
    session: Arc<Session>,
    _hold: Hold,
}

impl Deref for Lease {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

/// How much is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Sessions that are open or being opened.
    pub sessions: usize,
    /// Processes that run, those that are being ended included.
    pub processes: usize,
}

impl Sessions {
    /// No session yet.
    pub fn new(parts: SessionsParts) -> Self {
        let SessionsParts { http, limits, tasks, shutdown } = parts;
        let processes = Arc::new(Processes::new(&limits, tasks.clone()));
        let shared = Shared {
            http,
            pool: Arc::new(Pool::new(&limits, Arc::new(Notify::new()))),
            limits,
            tasks,
            shutdown,
            verdicts: Arc::default(),
            processes,
            tended: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The session of a key, opened if it is not open. Of several who ask at the same time one
    /// opens it and all get it, or the same failure.
    ///
    /// Where as much is open as may be, the longest idle session is ended; where none is idle, it
    /// waits for one, `server_wait_ms_max` at most.
    pub async fn lease(&self, key: &SessionKey, opening: Opening) -> Result<Lease, Failure> {
        self.tend();
        let shared = &self.shared;
        let found = match shared.pool.find(key)? {
            Found::Full => self.wait_for_place(key).await?,
            found @ (Found::Open(..) | Found::Opening(..) | Found::Place(..)) => found,
        };
        match found {
            Found::Open(session, hold) => Ok(Lease { session, _hold: hold }),
            Found::Opening(opened, hold) => opened_lease(opened, hold).await,
            Found::Place(place, hold) => {
                let opened = place.opened();
                shared.open(place, key, opening);
                opened_lease(opened, hold).await
            }
            Found::Full => Err(Failure::ServerBusy),
        }
    }

    /// Waits until a place becomes free, but not for ever.
    async fn wait_for_place(&self, key: &SessionKey) -> Result<Found, Failure> {
        let (pool, limits) = (&self.shared.pool, &self.shared.limits);
        let now = Instant::now();
        let wait_max = Limits::span(limits.server_wait_ms_max);
        let deadline = now.checked_add(wait_max).unwrap_or(now);
        loop {
            let mut changed = Box::pin(pool.changed.notified());
            // Whoever frees a place after the look below wakes this one.
            changed.as_mut().enable();
            match pool.find(key)? {
                Found::Full => {}
                found @ (Found::Open(..) | Found::Opening(..) | Found::Place(..)) => {
                    return Ok(found);
                }
            }
            timeout_at(deadline, changed).await.map_err(|_| Failure::ServerBusy)?;
        }
    }

    /// The session of a key, if it is open.
    pub fn existing(&self, key: &SessionKey) -> Option<Lease> {
        let (session, hold) = self.shared.pool.existing(key)?;
        Some(Lease { session, _hold: hold })
    }

    /// Ends the sessions under the keys that `gone` names: their exchanges fail, their processes
    /// are ended.
    pub fn retire(&self, gone: impl Fn(&SessionKey) -> bool) {
        let retired = self.shared.pool.retire(gone);
        let pools: Vec<_> = retired.iter().map(pool_key).collect();
        if !pools.is_empty() {
            self.shared.http.retire(|pool| pools.contains(pool));
        }
    }

    /// Ends all sessions and opens none from now on. Ready when the processes have ended.
    pub async fn close(&self) {
        self.shared.close().await;
    }

    /// How much is open.
    pub fn counts(&self) -> Counts {
        Counts { sessions: self.shared.pool.count(), processes: self.shared.processes.count() }
    }

    /// Of the processes of these keys that run or ended lately, those that complained last, the
    /// last of them at the end; as many as asked for.
    pub fn processes(
        &self,
        of: impl Fn(&SessionKey) -> bool,
        reports_max: usize,
    ) -> Vec<ProcessReport> {
        self.shared.processes.reports(of, reports_max)
    }

    /// How the latest process of a key ended, in words, if it has.
    pub fn last_exit(&self, key: &SessionKey) -> Option<String> {
        self.shared.processes.last_exit(key)
    }

    /// Begins to look after idle sessions, with the first lease: before that there is none, and
    /// perhaps no runtime.
    fn tend(&self) {
        if self.shared.tended.swap(true, Ordering::Relaxed) {
            return;
        }
        let shared = Arc::clone(&self.shared);
        self.shared.tasks.spawn(async move { shared.tend().await });
    }
}

/// Dropped with the gateway: what still runs is ended, and nobody waits for it.
impl Drop for Sessions {
    fn drop(&mut self) {
        self.shared.pool.close();
    }
}

/// Waits for a session that is being opened.
async fn opened_lease(
    mut opened: watch::Receiver<Option<Opened>>,
    hold: Hold,
) -> Result<Lease, Failure> {
    match opened.wait_for(Option::is_some).await.map(|opened| (*opened).clone()) {
        Ok(Some(Ok(session))) => Ok(Lease { session, _hold: hold }),
        Ok(Some(Err(failure))) => Err(failure),
        // It was retired while it was opened.
        Ok(None) | Err(_) => Err(Failure::Cancelled),
    }
}

impl Shared {
    /// Opens a session in a place of the pool, beside everybody who waits for it.
    fn open(&self, place: pool::Place, key: &SessionKey, opening: Opening) {
        let Opening { target, credentials, client, inbox } = opening;
        let greeting = Greeting {
            key: key.clone(),
            target,
            credentials,
            client,
            inbox,
            http: self.http.clone(),
            limits: self.limits.clone(),
            tasks: self.tasks.clone(),
            processes: Arc::clone(&self.processes),
            changed: Arc::clone(&self.pool.changed),
            remembered: Remembered::new(&self.verdicts, key),
        };
        self.tasks.spawn(async move {
            let retired = place.retired();
            tokio::select! {
                biased;
                () = retired.cancelled() => {}
                opened = Box::pin(greeting.open()) => place.fill(opened),
            }
        });
    }

    /// Ends sessions that were idle for too long, until the gateway stops; then all of them.
    async fn tend(&self) {
        let idle_max = Limits::span(self.limits.session_idle_ms_max);
        let closed = self.pool.closed();
        loop {
            let pause = self.pool.end_idle(idle_max);
            tokio::select! {
                biased;
                () = closed.cancelled() => return,
                () = self.shutdown.cancelled() => return self.close().await,
                () = sleep(pause) => {}
            }
        }
    }

    async fn close(&self) {
        self.pool.close();
        self.processes.until_none().await;
    }
}

#[cfg(test)]
mod tests;
