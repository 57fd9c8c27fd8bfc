//! A call on its way through a server: it holds a place and the breaker's ticket until it ends.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use lanyard_core::Failure;
use tokio::sync::OwnedSemaphorePermit;

use super::breaker::Ticket;
use super::server::Server;

/// A call that may go on. Dropped without [`Visit::settle`], it says nothing about the server.
#[derive(Debug)]
pub(super) struct Visit {
    server: Arc<Server>,
    ticket: Option<Ticket>,
    _place: OwnedSemaphorePermit,
}

impl Visit {
    /// Lets a call that has a place pass the breaker, or not.
    pub(super) fn begin(server: Arc<Server>, place: OwnedSemaphorePermit) -> Result<Self, Failure> {
        let ticket = server.admit()?;
        Ok(Self { server, ticket: Some(ticket), _place: place })
    }

    /// The server.
    pub(super) fn server(&self) -> &Server {
        &self.server
    }

    /// The call ended; how long it took, if it got as far as the server.
    pub(super) fn settle(mut self, outcome: Result<(), &Failure>, took: Option<Duration>) {
        if let Some(ticket) = self.ticket.take() {
            self.server.settle(ticket, outcome, took);
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.server.give_back(ticket);
        }
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
