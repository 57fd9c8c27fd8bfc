//! What becomes of a body that was not read to its end, because the answer needed none of it.
//!
//! A connection can be used again only once the body is out of the way. What of it has not arrived
//! by then makes hyper close the connection behind an answer that does not say so, and a client
//! that sends its next request there loses it. So what is left is taken in where it is little and
//! comes soon; otherwise the answer says that the connection closes.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::response::Response;
use http::header::{CONNECTION, EXPECT};
use http::{HeaderMap, HeaderValue};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};

/// What is taken in for nobody, and how long that is waited for.
const BYTES_MAX: usize = 256 << 10;
const WAIT_MAX: Duration = Duration::from_millis(200);

/// Where a body is put back by whoever had it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Home(Arc<Mutex<Option<Incoming>>>);

/// A body that goes home when whoever reads it has done so.
#[derive(Debug)]
pub(crate) struct Lent {
    /// Taken when it goes home.
    body: Option<Incoming>,
    home: Home,
}

impl Home {
    /// Lends a body.
    pub(crate) fn lend(&self, body: Incoming) -> Lent {
        Lent { body: Some(body), home: self.clone() }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Incoming>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes sure that the connection can be used again after this answer, or that the answer says
    /// that it cannot.
    pub(crate) async fn settle(self, expects: bool, response: &mut Response) {
        let body = self.lock().take();
        let Some(mut body) = body.filter(|body| !body.is_end_stream()) else { return };
        // A client that waits for leave to send its body gets none: to read it would be to give it.
        if expects || !tokio::time::timeout(WAIT_MAX, drained(&mut body)).await.unwrap_or(false) {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
}

/// Whether a client waits for leave to send its body.
pub(crate) fn expects(headers: &HeaderMap) -> bool {
    headers.contains_key(EXPECT)
}

/// Whether the rest of a body was little, and has come.
async fn drained(body: &mut Incoming) -> bool {
    let mut room = BYTES_MAX;
    if usize::try_from(body.size_hint().lower()).map_or(true, |announced| announced > room) {
        return false;
    }
    while let Some(frame) = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
        let Ok(frame) = frame else { return false };
        match room.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
            Some(left) => room = left,
            None => return false,
        }
    }
    true
}

impl Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(SizeHint::default, Body::size_hint)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let body = self.body.take();
        *self.home.lock() = body;
    }
}

#[cfg(test)]
mod tests;
