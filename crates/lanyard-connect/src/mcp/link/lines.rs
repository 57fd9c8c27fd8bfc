//! One message per line, over the standard input and output of a process.

use lanyard_core::Failure;

use super::{LinkError, LinkPost, LinkRequest};

/// A process.
#[derive(Debug)]
pub(crate) struct LinesLink {}

/// The lines that the process writes.
#[derive(Debug)]
pub(crate) struct Listening {}

impl LinesLink {
    pub(super) async fn request(&self, _request: LinkRequest<'_>) -> Result<(), LinkError> {
        Err(Failure::Bug.into())
    }

    pub(super) async fn post(&self, _post: LinkPost<'_>) -> Result<(), LinkError> {
        Err(Failure::Bug.into())
    }

    pub(super) fn listen(&self) -> Option<Listening> {
        None
    }

    pub(super) async fn close(&self) {}
}

impl Listening {
    pub(super) async fn next(&mut self) -> Result<Option<String>, LinkError> {
        Ok(None)
    }
}
