//! HTTP+SSE of 2024-11-05: one event stream, which names the endpoint that messages are posted to.

use lanyard_core::Failure;
use lanyard_wire::Version;
use tokio::time::Instant;

use super::{HttpParts, LinkError, LinkPost, LinkRequest};

/// A server with an event stream and an endpoint.
#[derive(Debug)]
pub(crate) struct SseLink {}

/// A post of a request that may still run.
#[derive(Debug)]
pub(crate) struct Posting {}

/// The event stream.
#[derive(Debug)]
pub(crate) struct Listening {}

impl SseLink {
    pub(super) async fn open(_parts: HttpParts, _deadline: Instant) -> Result<Self, LinkError> {
        Err(Failure::Bug.into())
    }

    pub(super) fn speak(&self, _version: Version) {}

    pub(super) fn request(&self, _request: LinkRequest<'_>) -> Result<Posting, LinkError> {
        Err(Failure::Bug.into())
    }

    pub(super) async fn post(&self, _post: LinkPost<'_>) -> Result<(), LinkError> {
        Err(Failure::Bug.into())
    }

    pub(super) fn listen(&self) -> Option<Listening> {
        None
    }

    pub(super) fn close(&self) {}
}

impl Posting {
    pub(super) async fn next(&mut self) -> Result<String, LinkError> {
        Err(Failure::Bug.into())
    }
}

impl Listening {
    pub(super) async fn next(&mut self) -> Result<Option<String>, LinkError> {
        Ok(None)
    }
}
