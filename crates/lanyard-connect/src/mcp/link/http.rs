//! Streamable HTTP, of both eras.

use std::sync::Arc;

use lanyard_core::Failure;
use lanyard_wire::Version;

use super::{HttpParts, LinkError, LinkPost, LinkRequest};

/// A server behind one URL that takes a POST for each message.
#[derive(Debug)]
pub(crate) struct HttpLink {
    _parts: Arc<HttpParts>,
}

/// The answer to one request.
#[derive(Debug)]
pub(crate) struct Carried {}

/// The GET stream of a session.
#[derive(Debug)]
pub(crate) struct Listening {}

impl HttpLink {
    pub(super) fn new(parts: HttpParts) -> Self {
        Self { _parts: Arc::new(parts) }
    }

    pub(super) fn speak(&self, _version: Version) {}

    pub(super) fn request(&self, _request: LinkRequest<'_>) -> Result<Carried, LinkError> {
        Err(Failure::Bug.into())
    }

    pub(super) async fn post(&self, _post: LinkPost<'_>) -> Result<(), LinkError> {
        Err(Failure::Bug.into())
    }

    pub(super) fn listen(&self) -> Listening {
        Listening {}
    }

    pub(super) async fn close(&self) {}
}

impl Carried {
    pub(super) async fn next(&mut self) -> Result<String, LinkError> {
        Err(Failure::Bug.into())
    }

    pub(super) fn finish(self) {}
}

impl Listening {
    pub(super) async fn next(&mut self) -> Result<Option<String>, LinkError> {
        Ok(None)
    }
}
