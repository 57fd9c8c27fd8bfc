//! A call on its way through a server: it holds a place, a seat and the breaker's ticket until it
//! ends.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use lanyard_connect::mcp::SessionKey;
use lanyard_core::Failure;
use tokio::sync::OwnedSemaphorePermit;

use super::breaker::Ticket;
use super::seats::Turn;
use super::server::Server;

/// A call that may go on. Dropped without [`Visit::settle`], it says nothing about the server.
#[derive(Debug)]
pub(super) struct Visit {
    pass: Pass,
    stay: Stay,
    _place: OwnedSemaphorePermit,
}

/// The breaker's ticket, which is given back whatever becomes of the call.
#[derive(Debug)]
struct Pass {
    server: Arc<Server>,
    ticket: Option<Ticket>,
}

/// The use of a key's session, so that it is not ended as idle.
#[derive(Debug)]
pub(super) struct Stay {
    server: Arc<Server>,
    key: SessionKey,
    turn: Turn,
}

impl Visit {
    /// Lets a call that has a place pass the breaker, or not.
    pub(super) fn begin(
        server: Arc<Server>,
        key: SessionKey,
        place: OwnedSemaphorePermit,
    ) -> Result<Self, Failure> {
        let ticket = server.admit()?;
        let pass = Pass { server: Arc::clone(&server), ticket: Some(ticket) };
        let turn = server.seats.take(&key);
        Ok(Self { pass, stay: Stay { server, key, turn }, _place: place })
    }

    /// The server.
    pub(super) fn server(&self) -> &Arc<Server> {
        &self.stay.server
    }

    /// Whose session it is.
    pub(super) fn key(&self) -> &SessionKey {
        &self.stay.key
    }

    /// What is held by whoever opens a session for this key.
    pub(super) fn turn(&self) -> &Turn {
        &self.stay.turn
    }

    /// The call ended; how long it took, if it got as far as the server.
    pub(super) fn settle(mut self, outcome: Result<(), &Failure>, took: Option<Duration>) {
        if let Some(ticket) = self.pass.ticket.take() {
            self.stay.server.settle(ticket, outcome, took);
        }
    }

    /// Gives the place back and keeps the session in use.
    pub(super) fn stay(self) -> Stay {
        self.stay
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.server.give_back(ticket);
        }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.server.seats.leave(&self.key);
    }
}

/// A call with its session. The session is given back before the place, so that the next call
/// finds it free.
#[derive(Debug)]
pub(super) struct Held<T> {
    pub(super) session: T,
    pub(super) visit: Visit,
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.session
    }
}
