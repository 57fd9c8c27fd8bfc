//! What the fleet asks of `connect::mcp`, as traits: so that a test can put servers behind it that
//! die and hang on command, in paused time.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lanyard_connect::mcp::{
    Exchange, Lease, Opening, Outgoing, Reply, ServerFacts, Session, SessionKey, Sessions, Step,
};
use lanyard_core::Failure;
use lanyard_wire::Id;

/// Opens and ends sessions.
pub(super) trait Links: fmt::Debug + Send + Sync + 'static {
    /// A session in use.
    type Lease: Talk;

    /// The session of a key, opened if it is not open.
    fn lease(
        &self,
        key: &SessionKey,
        opening: Opening,
    ) -> impl Future<Output = Result<Self::Lease, Failure>> + Send;

    /// The session of a key, if it is open.
    fn existing(&self, key: &SessionKey) -> Option<Self::Lease>;

    /// Ends sessions.
    fn retire(&self, gone: impl Fn(&SessionKey) -> bool);
}

/// A conversation with a server.
pub(super) trait Talk: fmt::Debug + Send + Sync {
    /// A request that runs.
    type Flow: Flow;

    /// What the server said of itself, where that is known.
    fn facts(&self) -> Option<&ServerFacts>;

    /// A number that differs from session to session, also under one key.
    fn serial(&self) -> u64;

    /// Whether it can carry requests.
    fn is_open(&self) -> bool;

    /// Sends a request.
    fn request(
        &self,
        request: Outgoing<'_>,
    ) -> impl Future<Output = Result<Self::Flow, Failure>> + Send;

    /// Answers a request of the server that belongs to none of ours.
    fn respond(
        &self,
        id: &Id<'_>,
        reply: Reply,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Asks whether the server still answers.
    fn probe(&self, limit: Duration) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A request that runs.
pub(super) trait Flow: Send {
    /// What comes next.
    fn next(&mut self) -> impl Future<Output = Result<Step, Failure>> + Send;

    /// Answers a request of the server that came out of this one.
    fn respond(
        &mut self,
        id: &Id<'_>,
        reply: Reply,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// A lease with a number of its own. The same session leased twice has two numbers: it is looked
/// at once too often rather than once too few, until a session can be told from its successor.
#[derive(Debug)]
pub(super) struct Numbered {
    lease: Lease,
    number: u64,
}

impl Numbered {
    fn new(lease: Lease) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { lease, number: NEXT.fetch_add(1, Ordering::Relaxed) }
    }
}

impl Deref for Numbered {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.lease
    }
}

impl Links for Sessions {
    type Lease = Numbered;

    async fn lease(&self, key: &SessionKey, opening: Opening) -> Result<Numbered, Failure> {
        Self::lease(self, key, opening).await.map(Numbered::new)
    }

    fn existing(&self, key: &SessionKey) -> Option<Numbered> {
        Self::existing(self, key).map(Numbered::new)
    }

    fn retire(&self, gone: impl Fn(&SessionKey) -> bool) {
        Self::retire(self, gone);
    }
}

impl Talk for Numbered {
    type Flow = Exchange;

    fn facts(&self) -> Option<&ServerFacts> {
        None
    }

    fn serial(&self) -> u64 {
        self.number
    }

    fn is_open(&self) -> bool {
        Session::is_open(self)
    }

    async fn request(&self, request: Outgoing<'_>) -> Result<Exchange, Failure> {
        Session::request(self, request).await
    }

    async fn respond(&self, id: &Id<'_>, reply: Reply) -> Result<(), Failure> {
        Session::respond(self, id, reply).await
    }

    async fn probe(&self, limit: Duration) -> Result<(), Failure> {
        Session::probe(self, limit).await
    }
}

impl Flow for Exchange {
    async fn next(&mut self) -> Result<Step, Failure> {
        Self::next(self).await
    }

    async fn respond(&mut self, id: &Id<'_>, reply: Reply) -> Result<(), Failure> {
        Self::respond(self, id, reply).await
    }
}
