//! What becomes of a body that was not read to its end, because the answer needed none of it.
//!
//! A connection of HTTP/1.1 can be used again only once the body is out of the way. What of it has
//! not arrived by then makes hyper close the connection behind an answer that does not say so, and
//! a client that sends its next request there loses it. So what is left is taken in where it is
//! little and comes soon; otherwise the answer says that the connection closes.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, EXPECT};
use http::request::Parts;
use http::{HeaderValue, Version};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use super::reply::Reply;

/// What is taken in for nobody, and how long that is waited for. A client that sent the head and
/// has the rest at hand needs far less; a stranger is worth no more.
const BYTES_MAX: usize = 256 << 10;
const WAIT_MAX: Duration = Duration::from_millis(200);

/// Makes sure that the connection can be used again after this reply, or that the reply says that
/// it cannot.
pub(super) async fn settle(parts: &Parts, body: &mut Incoming, reply: &mut Reply) {
    // Streams of HTTP/2 are apart: what is left of one is in nobody's way.
    if parts.version >= Version::HTTP_2 || body.is_end_stream() {
        return;
    }
    // A client that waits for leave to send its body gets none: to read it would be to give it.
    let asked_for = parts.headers.contains_key(EXPECT);
    if asked_for || !tokio::time::timeout(WAIT_MAX, drained(body)).await.unwrap_or(false) {
        reply.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}

/// Whether the rest of a body was little, and has come.
async fn drained(body: &mut Incoming) -> bool {
    let mut room = BYTES_MAX;
    if usize::try_from(body.size_hint().lower()).map_or(true, |announced| announced > room) {
        return false;
    }
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else { return false };
        match room.checked_sub(frame.data_ref().map_or(0, Bytes::len)) {
            Some(left) => room = left,
            None => return false,
        }
    }
    true
}
