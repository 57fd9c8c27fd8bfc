//! Carries messages to an endpoint as they are, any number at a time, and does not look into
//! them. Each travels on a connection of its own until its answer is read; dropping an answer
//! closes its connection.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use tokio::time::Instant;

use super::link::{Answer, Link};
use super::request::request;
use super::session::refuse;
use super::{ClientError, Endpoint};

/// How long a connection is kept for the next message. A server closes idle connections at times
/// of its own; one that was used a moment ago is still open.
const IDLE: Duration = Duration::from_secs(3);

/// How long it may take to connect.
const CONNECT: Duration = Duration::from_secs(10);

/// Idle connections that are kept.
const IDLE_LINKS_MAX: usize = 8;

/// Carries messages to one endpoint.
#[derive(Debug)]
pub(crate) struct Courier {
    endpoint: Endpoint,
    idle: Mutex<Vec<(Link, Instant)>>,
}

/// What came back: a head, and a body that is read from here.
#[derive(Debug)]
pub(crate) struct Parcel {
    link: Link,
    answer: Answer,
}

impl Courier {
    pub(crate) fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, idle: Mutex::default() }
    }

    /// Sends a request and reads the head of its answer.
    pub(crate) async fn send(
        &self,
        method: Method,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Parcel, ClientError> {
        let request = request(&self.endpoint, method, body, headers)?;
        let mut link = match self.idle_link().await {
            Some(link) => link,
            None => self.open().await?,
        };
        match link.send(request).await {
            Ok(answer) => Ok(Parcel { link, answer }),
            Err(ClientError::Offline { place, problem }) => Err(ClientError::Offline {
                place,
                problem: format!("{problem} (what was asked may have been done)"),
            }),
            Err(problem) => Err(self.masked(problem)),
        }
    }

    /// The whole body of an answer that is no stream.
    pub(crate) async fn body(&self, parcel: Parcel) -> Result<Vec<u8>, ClientError> {
        let Parcel { mut link, mut answer } = parcel;
        let body = link.whole(&mut answer).await.map_err(|problem| self.masked(problem))?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_LINKS_MAX {
            idle.push((link, Instant::now()));
        }
        Ok(body)
    }

    /// What a refusal says, where the answer with this status and body is one.
    pub(crate) fn refusal(&self, status: StatusCode, body: &[u8]) -> Option<ClientError> {
        refuse(status, body).err().map(|problem| self.masked(problem))
    }

    fn masked(&self, problem: ClientError) -> ClientError {
        problem.masked(|text| self.endpoint.mask(text))
    }

    /// A connection that was used a moment ago and is still open.
    async fn idle_link(&self) -> Option<Link> {
        loop {
            let (mut link, since) =
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            link.settle().await;
            if link.is_open() && since.elapsed() < IDLE {
                return Some(link);
            }
        }
    }

    async fn open(&self) -> Result<Link, ClientError> {
        match tokio::time::timeout(CONNECT, Link::open(&self.endpoint)).await {
            Ok(opened) => opened,
            Err(_) => Err(ClientError::Offline {
                place: self.endpoint.place_text(),
                problem: format!("no connection within {} seconds", CONNECT.as_secs()),
            }),
        }
    }
}

impl Parcel {
    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.answer.status
    }

    /// The headers.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.answer.headers
    }

    /// Whether it is a stream of events that was asked for.
    pub(crate) fn is_stream(&self) -> bool {
        self.answer.is_stream() && self.answer.status.is_success()
    }

    /// The same as a body without end.
    pub(crate) fn unlimited(self) -> Self {
        Self { answer: self.answer.unlimited(), ..self }
    }

    /// The next piece of the body; `None` at its end.
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>, ClientError> {
        self.link.next_piece(&mut self.answer).await
    }
}
