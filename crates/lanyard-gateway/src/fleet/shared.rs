//! What the fleet and the tasks of its servers share: the roster, and what is done with a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lanyard_connect::mcp::{Opening, SessionKey};
use lanyard_core::{Clock, Failure, Limits, ServerName, TenantName};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::jitter::{Jitter, Jitters};
use super::keeper::keep;
use super::lease::relist;
use super::links::Links;
use super::listing::{Listed, list};
use super::roster::{Meant, Roster};
use super::server::Server;
use super::status::Status;
use super::visit::{Held, Visit};
use super::{Catalogs, Keep, Member, TryOutError, house};

/// The time over which the servers of a new configuration begin, for each of them.
const BEGIN_EACH: Duration = Duration::from_millis(2);

/// How long whoever heard of a change waits for the gateway to look at it.
const LOOK_MAX: Duration = Duration::from_secs(10);

/// How much longer than it may take the opening of a session is waited for.
const SLACK: Duration = Duration::from_secs(1);

/// What the fleet and the tasks of its servers share.
#[derive(Debug)]
pub(super) struct Shared<L> {
    pub(super) links: Arc<L>,
    pub(super) limits: Limits,
    pub(super) catalogs: Arc<dyn Catalogs>,
    clock: Arc<dyn Clock>,
    jitters: Arc<Jitters>,
    pub(super) tasks: TaskTracker,
    shutdown: CancellationToken,
    /// How many servers may be starting at a time.
    turns: Arc<Semaphore>,
    roster: Roster,
    /// How many servers were tried out.
    trials: AtomicU64,
}

/// What [`Shared`] is made of.
#[derive(Debug)]
pub(super) struct SharedParts<L> {
    pub(super) links: Arc<L>,
    pub(super) limits: Limits,
    pub(super) catalogs: Arc<dyn Catalogs>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) jitters: Jitters,
    pub(super) tasks: TaskTracker,
    pub(super) shutdown: CancellationToken,
}

impl<L: Links> Shared<L> {
    pub(super) fn new(parts: SharedParts<L>) -> Self {
        let starts = Limits::size(parts.limits.server_starts_max);
        Self {
            links: parts.links,
            limits: parts.limits,
            catalogs: parts.catalogs,
            clock: parts.clock,
            jitters: Arc::new(parts.jitters),
            tasks: parts.tasks,
            shutdown: parts.shutdown,
            turns: Arc::new(Semaphore::new(starts.clamp(1, Semaphore::MAX_PERMITS))),
            roster: Roster::default(),
            trials: AtomicU64::new(0),
        }
    }

    /// Takes over a new configuration.
    pub(super) fn reconcile(self: &Arc<Self>, members: &[Arc<Member>]) {
        let change = self.roster.replace(members, |member| self.server(member));
        self.end(&change.ended);
        let count = u32::try_from(change.to_keep.len()).unwrap_or(u32::MAX);
        let span = BEGIN_EACH.saturating_mul(count);
        for server in change.to_keep {
            self.tasks.spawn(keep(Arc::clone(self), server, self.draw().within(span)));
        }
    }

    /// Ends servers with all their sessions.
    fn end(&self, servers: &[Arc<Server>]) {
        for server in servers {
            server.stop.cancel();
        }
        if !servers.is_empty() {
            self.links.retire(|key| servers.iter().any(|server| server.owns(key)));
        }
    }

    fn server(&self, member: &Arc<Member>) -> Server {
        let stop = self.shutdown.child_token();
        Server::new(member, self.idle_max(member), &self.clock, &self.jitters, stop)
    }

    /// How long a session with a server is kept while nobody uses it.
    pub(super) fn idle_max(&self, member: &Member) -> Duration {
        match member.keep {
            Keep::Always => self.standard_idle_max(),
            Keep::Idle(span) => span,
        }
    }

    /// How long a session is kept while nobody uses it, unless its server says otherwise.
    pub(super) fn standard_idle_max(&self) -> Duration {
        Limits::span(self.limits.session_idle_ms_max)
    }

    /// A session for a call, with a place for it.
    pub(super) async fn enter(
        self: &Arc<Self>,
        member: &Arc<Member>,
        key: &SessionKey,
        opening: Opening,
    ) -> Result<Held<L::Lease>, Failure> {
        let meant = self.roster.meant(member, || self.server(member));
        let Meant { server, ended } = meant.map_err(|_outdated| Failure::ServerUnavailable)?;
        self.end(ended.as_slice());
        server.gate().await?;
        server.pass()?;
        let place = server.place(Limits::span(self.limits.server_wait_ms_max)).await?;
        let visit = Visit::begin(server, key.clone(), place)?;
        self.look_after_idle(visit.server());
        match self.lease(&visit, opening).await {
            Ok(session) => Ok(Held { session, visit }),
            Err(failure) => {
                visit.settle(Err(&failure), None);
                Err(failure)
            }
        }
    }

    /// A session said that its lists changed. Ready when they were read again.
    pub(super) async fn lists_changed(self: &Arc<Self>, key: &SessionKey) {
        let Some(server) = self.roster.find(&key.tenant, &key.server) else { return };
        // One process says nothing about another, and one user's list nothing about another's.
        if server.is_process() || server.member.per_user {
            return self.look_again(&server, key).await;
        }
        let looked = server.looks.next();
        if server.is_kept() {
            server.bell.relist.notify_one();
        } else if !server.list_waits.swap(true, Ordering::AcqRel) {
            self.tasks.spawn(relist(Arc::clone(self), server));
        }
        let _late = timeout(LOOK_MAX, looked).await.is_err();
    }

    /// How a server does.
    pub(super) fn status(&self, tenant: &TenantName, name: &ServerName) -> Option<Status> {
        let server = self.roster.find(tenant, name)?;
        let house = usize::from(server.is_connected());
        Some(server.status(server.seats.open().len().saturating_add(house)))
    }

    /// Ends the sessions with a server and has it connected anew, as if nothing had happened.
    pub(super) fn reconnect(&self, tenant: &TenantName, name: &ServerName) {
        if let Some(server) = self.roster.find(tenant, name) {
            server.forgive();
            self.links.retire(|key| server.owns(key));
        }
    }

    /// Connects and lists a server in a session of its own, which nobody else gets.
    pub(super) async fn try_out(&self, member: &Member) -> Result<Listed, TryOutError> {
        let mut key = house::key(member);
        let number = self.trials.fetch_add(1, Ordering::Relaxed);
        let mut owner = [0; 32];
        if let Some(place) = owner.first_chunk_mut() {
            *place = number.to_be_bytes();
        }
        key.owner = Some(owner);
        let _ended = Ended { links: &*self.links, key: &key };
        let opening = house::opening(member, None);
        let leasing = self.lease_in_time(member, &key, opening);
        let session = leasing.await.map_err(TryOutError::Connect)?;
        list(&session, &self.limits).await.map_err(TryOutError::List)
    }

    /// A session of the house's own. However it is opened, that ends.
    pub(super) async fn lease_in_time(
        &self,
        member: &Member,
        key: &SessionKey,
        opening: Opening,
    ) -> Result<L::Lease, Failure> {
        let leasing = self.links.lease(key, opening);
        timeout(self.opening_max(member), leasing).await.unwrap_or(Err(Failure::TimedOut))
    }

    /// A time in which a session is open or will not be. It has a time of its own to be opened in,
    /// and says better what took too long.
    pub(super) fn opening_max(&self, member: &Member) -> Duration {
        let wait_max = Limits::span(self.limits.server_wait_ms_max);
        member.target.connect_max.saturating_add(wait_max).saturating_add(SLACK)
    }

    /// Ends the house's session with a server.
    pub(super) fn end_house(&self, server: &Server) {
        let house = house::key(&server.member);
        self.links.retire(|key| *key == house);
    }

    /// A turn to start a server; `None` is as good, and never happens.
    pub(super) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    pub(super) fn draw(&self) -> Jitter {
        self.jitters.draw()
    }
}

/// Ends a session when it goes.
struct Ended<'a, L: Links> {
    links: &'a L,
    key: &'a SessionKey,
}

impl<L: Links> Drop for Ended<'_, L> {
    fn drop(&mut self) {
        self.links.retire(|key| key == self.key);
    }
}

#[cfg(test)]
mod tests;
