//! The session of a call: opened, listed and compared where that comes first, and ended when it was
//! idle for as long as its server says.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lanyard_connect::mcp::{Opening, SessionKey};
use lanyard_core::Failure;
use thiserror::Error;
use tokio::time::{sleep, timeout};

use super::house;
use super::links::{Links, Talk as _};
use super::listing::{ListError, list};
use super::reference::By;
use super::server::Server;
use super::shared::Shared;
use super::starts::Starts;
use super::visit::Visit;

/// The least time between two looks at what is idle.
const LOOK_MIN: Duration = Duration::from_secs(1);

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
    /// The session of a call, listed and compared where that comes first.
    pub(super) async fn lease(
        self: &Arc<Self>,
        visit: &Visit,
        opening: Opening,
    ) -> Result<L::Lease, Failure> {
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

    /// Lists a session that is open, because it said that its lists changed.
    pub(super) async fn look_again(&self, server: &Server, key: &SessionKey) {
        let session = self.links.existing(key).filter(|session| session.is_open());
        let Some(session) = session else { return server.unlisted() };
        if let Err(error) = self.list_and_tell(server, By::of(key), &session).await {
            let (tenant, name) = server.names();
            tracing::warn!(tenant, server = name, %error, "mcp.server.list_failed");
            server.unlisted();
        }
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
        let _look = (by == By::House).then(|| server.looks.begin());
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

    /// Has sessions ended that were idle for as long as the server says, and not before, where that
    /// is another time than what holds for all.
    pub(super) fn look_after_idle(self: &Arc<Self>, server: &Arc<Server>) {
        let is_standard = self.idle_max(&server.member) == self.standard_idle_max();
        if !is_standard && server.seats.begin_sweep() {
            self.tasks.spawn(sweep(Arc::clone(self), Arc::clone(server)));
        }
    }
}

/// Lists a server over HTTP that nothing keeps connected, because one of its sessions said that it
/// changed.
pub(super) async fn relist<L: Links>(shared: Arc<Shared<L>>, server: Arc<Server>) {
    let alone = server.listing.lock().await;
    // What changes from here on is another change.
    server.list_waits.store(false, Ordering::Release);
    server.unlisted();
    drop(alone);
    let _told = shared.look_as_house(&server).await;
}

/// Ends the sessions with a server that are idle for too long, until there are none. Those that are
/// to be kept for longer than others are used now and then, so that they do not count as idle.
async fn sweep<L: Links>(shared: Arc<Shared<L>>, server: Arc<Server>) {
    let standard = shared.standard_idle_max();
    let is_longer = shared.idle_max(&server.member) > standard;
    let look_max = standard.checked_div(2).unwrap_or(standard).max(LOOK_MIN);
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
