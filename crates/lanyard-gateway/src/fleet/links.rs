//! What the fleet asks of `connect::mcp`, as traits: so that a test can put servers behind it that
//! die and hang on command, in paused time.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
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

    /// How the latest process of a key ended, in words, if it has.
    fn last_exit(&self, key: &SessionKey) -> Option<String>;

    /// Ends sessions.
    fn retire(&self, gone: impl Fn(&SessionKey) -> bool);
}

/// A conversation with a server.
pub(super) trait Talk: fmt::Debug + Send + Sync {
    /// A request that runs.
    type Flow: Flow;

    /// What the server said of itself.
    fn facts(&self) -> &ServerFacts;

    /// What the server wrote, without the credentials it was given; `None` where one stood in the
    /// JSON where it cannot be masked.
    fn clean<'a>(&self, json: &'a str) -> Option<Cow<'a, str>>;

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

impl Links for Sessions {
    type Lease = Lease;

    async fn lease(&self, key: &SessionKey, opening: Opening) -> Result<Lease, Failure> {
        Self::lease(self, key, opening).await
    }

    fn existing(&self, key: &SessionKey) -> Option<Lease> {
        Self::existing(self, key)
    }

    fn last_exit(&self, key: &SessionKey) -> Option<String> {
        Self::last_exit(self, key)
    }

    fn retire(&self, gone: impl Fn(&SessionKey) -> bool) {
        Self::retire(self, gone);
    }
}

impl Talk for Lease {
    type Flow = Exchange;

    fn facts(&self) -> &ServerFacts {
        Session::facts(self)
    }

    fn clean<'a>(&self, json: &'a str) -> Option<Cow<'a, str>> {
        Session::clean(self, json)
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
