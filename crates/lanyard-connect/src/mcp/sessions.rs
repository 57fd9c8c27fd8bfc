//! Keeps sessions by key.

use std::ops::Deref;
use std::sync::Arc;

use lanyard_core::{Failure, Limits, Principal, ServerName, TenantName};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::session::{Session, Unrelated};
use super::target::{ClientFacts, Credentials, Target};
use crate::http::Upstream;

/// Whose session it is. Sessions of two different keys share nothing: no process, no connection, no
/// session id, no answer.
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
    /// Which version of that user's own credential; 0 without one.
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
#[derive(Debug)]
pub struct Sessions {}

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
    /// Whether no other lease may use the session at the same time (what a process asks of its
    /// client does not say for which request).
    pub exclusive: bool,
}

/// A session in use. While one is held the session is not idle.
#[derive(Debug)]
pub struct Lease {
    session: Arc<Session>,
}

impl Deref for Lease {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Sessions {
    /// No session yet.
    pub fn new(_parts: SessionsParts) -> Self {
        Self {}
    }

    /// The session of a key, opened if it is not open. Of several who ask at the same time one
    /// opens it and all get it.
    pub async fn lease(&self, _key: &SessionKey, _opening: Opening) -> Result<Lease, Failure> {
        Err(Failure::Bug)
    }

    /// The session of a key, if it is open.
    pub fn existing(&self, _key: &SessionKey) -> Option<Lease> {
        None
    }

    /// Ends the sessions under the keys that `gone` names: their exchanges fail, their processes
    /// are ended.
    pub fn retire(&self, _gone: impl Fn(&SessionKey) -> bool) {}

    /// Ends all sessions and opens none from now on. Ready when the processes have ended.
    pub async fn close(&self) {}
}
