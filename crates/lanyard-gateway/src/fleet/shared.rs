//! What the fleet and the tasks of its servers share: the roster, and what is done with a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lanyard_connect::mcp::{Opening, SessionKey};
use lanyard_core::{Clock, Failure, Limits, ServerName, TenantName, UserName};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::jitter::{Jitter, Jitters};
use super::keeper::keep;
use super::links::{Links, Talk as _};
use super::listing::{ListError, Listed, list};
use super::reference::By;
use super::roster::{Meant, Roster};
use super::server::Server;
use super::starts::Starts;
use super::status::Status;
use super::visit::{Held, Visit};
use super::{Catalogs, Keep, Member, TryOutError, house};

/// The time over which the servers of a new configuration begin, for each of them.
const BEGIN_EACH: Duration = Duration::from_millis(2);

/// How much longer than it may take the opening of a session is waited for, and the least time
/// between two looks at what is idle.
const SLACK: Duration = Duration::from_secs(1);

/// What the fleet and the tasks of its servers share.
#[derive(Debug)]
pub(super) struct Shared<L> {
    pub(super) links: Arc<L>,
    pub(super) limits: Limits,
    catalogs: Arc<dyn Catalogs>,
    clock: Arc<dyn Clock>,
    jitters: Arc<Jitters>,
    tasks: TaskTracker,
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

/// Why the lists of a server could not be read and taken in.
#[derive(Debug, Error)]
pub(super) enum Unlisted {
    /// They could not be read.
    #[error(transparent)]
    List(ListError),
    /// They were not taken in.
    #[error("its lists were not taken in: {0}")]
    NotTaken(String),
}

impl From<Unlisted> for Failure {
    fn from(unlisted: Unlisted) -> Self {
        match unlisted {
            Unlisted::List(error) => error.into(),
            Unlisted::NotTaken(problem) => Self::AnswerUnusable { problem },
        }
    }
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
    fn idle_max(&self, member: &Member) -> Duration {
        match member.keep {
            Keep::Always => self.standard_idle_max(),
            Keep::Idle(span) => span,
        }
    }

    /// How long a session is kept while nobody uses it, unless its server says otherwise.
    fn standard_idle_max(&self) -> Duration {
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

    /// The session of a call, listed and compared where that comes first.
    async fn lease(self: &Arc<Self>, visit: &Visit, opening: Opening) -> Result<L::Lease, Failure> {
        let server = visit.server();
        if server.is_process() {
            let turn = Arc::clone(visit.turn()).lock_owned().await;
            let (shared, server) = (Arc::clone(self), Arc::clone(server));
            let key = visit.key().clone();
            // A task of its own: a start that was begun is finished and looked at also when its
            // call goes away, so that no session is ever left that nobody looked at.
            let starting = self.tasks.spawn(async move {
                let _turn = turn;
                shared.lease_process(&server, &key, opening).await
            });
            return starting.await.unwrap_or(Err(Failure::Bug));
        }
        if server.is_kept() {
            return self.links.lease(visit.key(), opening).await;
        }
        let (starts, opening) = Starts::watch(opening);
        let session = self.links.lease(visit.key(), opening).await?;
        if !server.member.per_user {
            self.look_as_house(server).await?;
        } else if starts.happened() || !self.was_listed(server) {
            // Each user may be shown something else.
            self.look_at(server, visit.key(), &session).await?;
        }
        Ok(session)
    }

    /// The session of a process. What a process is can change with each start, so one that was
    /// started just now is listed and compared first.
    async fn lease_process(
        &self,
        server: &Server,
        key: &SessionKey,
        opening: Opening,
    ) -> Result<L::Lease, Failure> {
        let (starts, opening) = Starts::watch(opening);
        let session = self.links.lease(key, opening).await?;
        if starts.happened() {
            self.look_beforehand(server).await;
            self.look_at(server, key, &session).await?;
        }
        Ok(session)
    }

    /// Sees to it that the gateway itself has listed a process before the first client of it is: else
    /// nobody could tell what the client is not shown from what is not there. Where only one
    /// process can run at a time, nobody can.
    async fn look_beforehand(&self, server: &Server) {
        if server.member.per_user || !server.reference.is_empty() {
            return;
        }
        if server.is_kept() {
            let limit = self.opening_max(&server.member);
            let _late = timeout(limit, server.first_attempt()).await;
        } else {
            let _failed = self.look_as_house(server).await;
        }
    }

    /// Lists a server that no task looks after in a session of the gateway's own, unless that was
    /// done lately. It fails if nothing is known of the server.
    async fn look_as_house(&self, server: &Server) -> Result<(), Failure> {
        if self.was_listed(server) {
            return Ok(());
        }
        let _alone = server.listing.lock().await;
        if self.was_listed(server) {
            return Ok(());
        }
        let member = &server.member;
        let key = house::key(member);
        let listing = async {
            let session = self.lease_in_time(member, &key, house::opening(member, None)).await?;
            self.list_and_tell(server, By::House, &session).await.map_err(Failure::from)
        };
        let listed = listing.await;
        if server.is_process() {
            self.end_house(server);
        }
        let Err(failure) = listed else { return Ok(()) };
        let (tenant, name) = server.names();
        tracing::warn!(tenant, server = name, error = %failure, "mcp.server.list_failed");
        if server.reference.is_empty() { Err(failure) } else { Ok(()) }
    }

    /// Has sessions ended that were idle for as long as the server says, and not before, where that
    /// is another time than what holds for all.
    fn look_after_idle(self: &Arc<Self>, server: &Arc<Server>) {
        let is_standard = self.idle_max(&server.member) == self.standard_idle_max();
        if !is_standard && server.seats.begin_sweep() {
            self.tasks.spawn(sweep(Arc::clone(self), Arc::clone(server)));
        }
    }

    /// Lists a session that nobody used yet. One that cannot be listed is not kept.
    async fn look_at(
        &self,
        server: &Server,
        key: &SessionKey,
        session: &L::Lease,
    ) -> Result<(), Failure> {
        self.list_and_tell(server, By::of(key), session).await.map_err(|error| {
            let (tenant, name) = server.names();
            tracing::warn!(tenant, server = name, %error, "mcp.server.list_failed");
            self.links.retire(|other| other == key);
            error.into()
        })
    }

    /// Whether the lists of a server that nothing keeps connected are as new as its sessions.
    fn was_listed(&self, server: &Server) -> bool {
        let span = self.idle_max(&server.member).min(self.standard_idle_max());
        server.listed_at().is_some_and(|at| at.elapsed() <= span)
    }

    /// Reads the lists of a server and hands them on.
    pub(super) async fn list_and_tell(
        &self,
        server: &Server,
        by: By,
        session: &L::Lease,
    ) -> Result<(), Unlisted> {
        let listed = list(session, &self.limits).await.map_err(Unlisted::List)?;
        if let Some(news) = server.reference.news(by, listed) {
            let target = &server.member.target;
            let told = server.has_guests_lists().then(|| news.clone());
            self.catalogs
                .observed(&target.tenant, &target.server, target.generation, news)
                .await
                .map_err(Unlisted::NotTaken)?;
            if let Some(told) = told {
                server.reference.told(told);
            }
        }
        server.listed();
        Ok(())
    }

    /// A session said that its lists changed.
    pub(super) fn lists_changed(self: &Arc<Self>, tenant: &TenantName, name: &ServerName) {
        let Some(server) = self.roster.find(tenant, name) else { return };
        if server.is_kept() {
            server.bell.relist.notify_one();
        } else if !server.list_waits.swap(true, Ordering::AcqRel) {
            self.tasks.spawn(relist(Arc::clone(self), server));
        }
    }

    /// How a server does.
    pub(super) fn status(&self, tenant: &TenantName, name: &ServerName) -> Option<Status> {
        let server = self.roster.find(tenant, name)?;
        let house = usize::from(server.is_connected());
        Some(server.status(server.seats.open().len().saturating_add(house)))
    }

    /// Ends the sessions that speak with a credential of a user which is not the current one.
    pub(super) fn end_outdated_users(
        &self,
        current: impl Fn(&TenantName, &ServerName, &UserName) -> Option<u64>,
    ) {
        self.links.retire(|key| {
            let user = key.principal.as_ref().and_then(|principal| principal.user.as_ref());
            match user {
                Some(user) if key.credential != 0 => {
                    current(&key.tenant, &key.server, user) != Some(key.credential)
                }
                Some(_) | None => false,
            }
        });
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
    fn opening_max(&self, member: &Member) -> Duration {
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

/// Lists a server that nothing keeps connected, because one of its sessions said that it changed.
async fn relist<L: Links>(shared: Arc<Shared<L>>, server: Arc<Server>) {
    let alone = server.listing.lock().await;
    // What changes from here on is another change.
    server.list_waits.store(false, Ordering::Release);
    if !server.is_process() && !server.member.per_user {
        server.unlisted();
        drop(alone);
        let _told = shared.look_as_house(&server).await;
        return;
    }
    // One process says nothing about another, and one user's list nothing about another's.
    let open = server.seats.open().into_iter().find_map(|key| {
        let session = shared.links.existing(&key).filter(|session| session.is_open())?;
        Some((By::of(&key), session))
    });
    let Some((by, session)) = open else { return server.unlisted() };
    if let Err(error) = shared.list_and_tell(&server, by, &session).await {
        let (tenant, name) = server.names();
        tracing::warn!(tenant, server = name, %error, "mcp.server.list_failed");
        server.unlisted();
    }
}

/// Ends the sessions with a server that are idle for too long, until there are none. Those that are
/// to be kept for longer than others are used now and then, so that they do not count as idle.
async fn sweep<L: Links>(shared: Arc<Shared<L>>, server: Arc<Server>) {
    let standard = shared.standard_idle_max();
    let is_longer = shared.idle_max(&server.member) > standard;
    let look_max = standard.checked_div(2).unwrap_or(standard).max(SLACK);
    loop {
        let wait = server.seats.end_idle(|gone| shared.links.retire(|key| gone.contains(key)));
        let Some(wait) = wait else { return };
        if is_longer {
            // To look at a session is to use it.
            for key in server.seats.open() {
                drop(shared.links.existing(&key));
            }
        }
        tokio::select! {
            () = server.stop.cancelled() => return,
            () = sleep(wait.min(look_max)) => {}
        }
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
