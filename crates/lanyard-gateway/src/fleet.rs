//! Which MCP servers are up, kept up, listed, and how well they do.
//!
//! Each server that is to be connected always has a task of its own, its *keeper*: it connects,
//! lists, listens for changes, probes, and does so again when the server is lost. A server that is
//! connected on demand has none. Every call goes through [`Fleet::enter`], which knows whether the
//! server answers, holds a place among its concurrent calls, and hands out a session; what became
//! of the call is told by [`Entered::done`].
//!
//! INVARIANT: a process is listed and compared before its first call. INVARIANT: nothing here
//! waits for a server while it holds a lock that another server's call needs.

mod backoff;
mod breaker;
#[cfg(test)]
mod fake;
mod health;
mod histogram;
mod house;
mod jitter;
mod keeper;
mod lease;
mod links;
mod listing;
mod looks;
mod reference;
mod roster;
mod seats;
mod server;
mod shared;
mod standing;
mod starts;
mod status;
mod verdict;
mod visit;

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use lanyard_connect::mcp::{Credentials, Lease, Opening, Session, SessionKey, Sessions, Target};
use lanyard_core::{Clock, Failure, Limits, ServerName, TenantName};
use lanyard_mcp::Transport;
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use self::house::facts as house_facts;
pub use self::listing::{ListError, Listed};
pub use self::status::{State, Status};

use self::health::FirstStart;
use self::jitter::Jitters;
use self::shared::{Shared, SharedParts};
use self::standing::Care;
use self::visit::{Held, Stay};

/// All MCP servers behind the gateway.
#[derive(Debug, Clone)]
pub struct Fleet {
    shared: Arc<Shared<Sessions>>,
}

/// What a fleet is made of.
#[derive(Debug)]
pub struct FleetParts {
    /// Where sessions come from.
    pub sessions: Arc<Sessions>,
    /// The clock, for what people are told.
    pub clock: Arc<dyn Clock>,
    /// The limits in force.
    pub limits: Limits,
    /// Every task of the fleet, so that shutdown can wait for it.
    pub tasks: TaskTracker,
    /// Cancelled when the gateway is to stop.
    pub shutdown: CancellationToken,
    /// Who hears what servers list.
    pub catalogs: Arc<dyn Catalogs>,
}

/// What the fleet needs of one server. Two with the same names, generation and `enabled` are the
/// same server.
#[derive(Debug)]
pub struct Member {
    /// Where it is.
    pub target: Arc<Target>,
    /// The credentials of the gateway's own listing and probing.
    pub credentials: Arc<dyn Credentials>,
    /// Whether it is connected while nobody uses it.
    pub keep: Keep,
    /// Calls at a time.
    pub concurrency: usize,
    /// Whether it takes calls.
    pub enabled: bool,
    /// Whether it is called with users' own credentials only. Then the gateway has none to connect
    /// with, and it is connected on demand.
    pub per_user: bool,
}

/// Whether a server is connected while nobody uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Always.
    Always,
    /// Only for so long after its last call.
    Idle(Duration),
}

impl Member {
    fn is_process(&self) -> bool {
        match self.target.definition.transport {
            Transport::Stdio(_) => true,
            Transport::Http(_) | Transport::Sse(_) => false,
        }
    }

    fn care(&self) -> Care {
        match self.keep {
            _ if !self.enabled => Care::Disabled,
            Keep::Always if self.per_user => Care::OnDemand,
            Keep::Always if self.is_process() => Care::Kept(FirstStart::Patient),
            Keep::Always => Care::Kept(FirstStart::Once),
            Keep::Idle(_) => Care::OnDemand,
        }
    }
}

/// Who hears what servers list.
pub trait Catalogs: Send + Sync + fmt::Debug {
    /// A server was listed. Whoever waits for the session goes on when this is ready. An error
    /// says in words for operators why the server may not be used with these lists.
    fn observed(
        &self,
        tenant: &TenantName,
        server: &ServerName,
        generation: u64,
        listed: Listed,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
}

/// Why a server that was tried out is of no use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TryOutError {
    /// It cannot be connected.
    #[error("{0}")]
    Connect(Failure),
    /// It cannot be listed.
    #[error("{0}")]
    List(ListError),
}

impl Fleet {
    /// A fleet without servers. [`Fleet::reconcile`] brings them.
    pub fn new(parts: FleetParts) -> Self {
        let shared = Shared::new(SharedParts {
            links: parts.sessions,
            limits: parts.limits,
            catalogs: parts.catalogs,
            clock: parts.clock,
            jitters: Jitters::random(),
            tasks: parts.tasks,
            shutdown: parts.shutdown,
        });
        Self { shared: Arc::new(shared) }
    }

    /// Takes over a new configuration: members that are new begin, those that changed or went are
    /// ended with all their sessions, the others go on untouched. To be called from within the
    /// runtime, with each configuration. Cheap where little changed.
    pub fn reconcile(&self, members: &[Arc<Member>]) {
        self.shared.reconcile(members);
    }

    /// A session for one call, with a place among the calls on its server. Fails at once while the
    /// server is known to be down; waits for a place for as long as `server_wait_ms_max` says. May
    /// be dropped at any time.
    pub async fn enter(
        &self,
        member: &Arc<Member>,
        key: &SessionKey,
        opening: Opening,
    ) -> Result<Entered, Failure> {
        self.shared.enter(member, key, opening).await.map(|held| Entered { held })
    }

    /// A session said that its lists changed: they are read again, soon, and once for any number
    /// of sessions of one server over HTTP that say so meanwhile. Ready when that is done, or was
    /// waited for in vain.
    pub async fn lists_changed(&self, key: &SessionKey) {
        self.shared.lists_changed(key).await;
    }

    /// How a server does; `None` where there is no such server.
    pub fn status(&self, tenant: &TenantName, server: &ServerName) -> Option<Status> {
        self.shared.status(tenant, server)
    }

    /// Ends the sessions that `is_over` names: those that speak for somebody who has another
    /// credential by now, for instance. To be called with each configuration.
    pub fn end_sessions(&self, is_over: impl Fn(&SessionKey) -> bool) {
        self.shared.links.retire(is_over);
    }

    /// Ends all sessions with a server and connects it anew at once, whatever it was waiting for.
    pub fn reconnect(&self, tenant: &TenantName, server: &ServerName) {
        self.shared.reconnect(tenant, server);
    }

    /// Connects and lists a server that need not be a member, in a session of its own that ends
    /// with this. Nothing is told to [`Catalogs`].
    pub async fn try_out(&self, member: &Member) -> Result<Listed, TryOutError> {
        self.shared.try_out(member).await
    }
}

/// A session that is used by one call. Dropping it frees the call's place; what became of the call
/// is told with [`Entered::done`].
#[derive(Debug)]
pub struct Entered {
    held: Held<Lease>,
}

impl Entered {
    /// The call ended. An answer that is an error (`isError`, a JSON-RPC error) is an answer: the
    /// server is there. `took` is the time that the server had.
    pub fn done(self, outcome: Result<(), &Failure>, took: Duration) {
        let Held { session, visit } = self.held;
        drop(session);
        visit.settle(outcome, Some(took));
    }

    /// Gives the call's place back and keeps the session in use, for a subscription: it is no call,
    /// and lasts. Nothing is said about the server.
    pub fn stay(self) -> Staying {
        let Held { session, visit } = self.held;
        Staying { session, _stay: visit.stay() }
    }
}

/// A session that is used by no call, and yet is: somebody listens.
#[derive(Debug)]
pub struct Staying {
    session: Lease,
    _stay: Stay,
}

impl Deref for Staying {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Deref for Entered {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.held.session
    }
}

#[cfg(test)]
mod tests;
