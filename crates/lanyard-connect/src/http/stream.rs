//! Answers that are read as they come: event streams, and whatever may turn out to be one.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use hyper::body::Incoming;
use lanyard_core::{Failure, Origin};
use tokio::time::{Instant, timeout, timeout_at};

use super::connection::Connection;
use super::decode::{DecodeError, Decoder, Encoding};
use super::fault::{Fault, unusable};
use super::pool::Generation;
use super::request::{PLAIN, PoolKey, Prepared, UpstreamRequest};
use super::{Shared, Upstream, deadline};

/// How long the rest of an answer may take that nobody needs any more, and how large it may be.
/// Past either it costs less to open another connection than to wait for this one.
const REST_MAX: Duration = Duration::from_millis(500);
const REST_BYTES_MAX: usize = 64 << 10;

/// An answer whose head came. Dropping it before its end closes the HTTP/1.1 connection or resets
/// the HTTP/2 stream; at its end the connection is kept for the next request.
///
/// Nothing is read ahead: while nobody asks for a piece, the server waits.
pub struct UpstreamStream {
    status: u16,
    headers: HeaderMap,
    body: Incoming,
    /// `None` once the body ended, or broke.
    place: Option<Place>,
}

/// Where the answer comes from, and where its connection goes.
struct Place {
    connection: Connection,
    generation: Generation,
    key: PoolKey,
    origin: Origin,
    shared: Arc<Shared>,
}

/// Header values may hold what is nobody's business.
impl fmt::Debug for UpstreamStream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("UpstreamStream")
            .field("status", &self.status)
            .field("headers", &self.headers.len())
            .field("ended", &self.place.is_none())
            .finish_non_exhaustive()
    }
}

impl Upstream {
    /// Sends a request as [`send`](Self::send) does and gives the answer as soon as its head came,
    /// whatever its status. The deadline is the head's. Unless the request says otherwise, the
    /// server is asked not to pack the body, because packers hold back what is not much.
    pub async fn stream(&self, request: UpstreamRequest<'_>) -> Result<UpstreamStream, Failure> {
        let shared = &self.shared;
        let deadline = deadline(&request);
        let mut prepared = Prepared::new(&request, PLAIN)?;
        if let Some(waiting) = shared.pool.take(request.pool, request.origin) {
            match shared.begin(waiting, prepared, &request, deadline).await {
                Ok(stream) => return Ok(stream),
                Err(Fault::Sent(failure)) => return Err(failure),
                // The server closed the connection before anything was written to it.
                Err(Fault::Unsent) => prepared = Prepared::new(&request, PLAIN)?,
            }
        }
        let fresh = Box::pin(shared.connect(&request, deadline)).await?;
        shared.begin(fresh, prepared, &request, deadline).await.map_err(Fault::last)
    }
}

impl Shared {
    async fn begin(
        self: &Arc<Self>,
        (mut connection, generation): (Connection, Generation),
        prepared: Prepared,
        request: &UpstreamRequest<'_>,
        deadline: Instant,
    ) -> Result<UpstreamStream, Fault> {
        let http2 = connection.is_http2();
        let outgoing = prepared.write(request.origin, http2).map_err(Fault::Sent)?;
        let begun = timeout_at(deadline, connection.begin(outgoing)).await;
        let (head, body) = self.judge(begun, http2, request)?.into_parts();
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(unusable("it changes to another protocol, which was not asked for"));
        }
        let (key, origin) = (request.pool.clone(), request.origin.clone());
        let place = Place { connection, generation, key, origin, shared: Arc::clone(self) };
        Ok(UpstreamStream {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
            place: Some(place),
        })
    }
}

impl UpstreamStream {
    /// The status, 200 to 999. A redirect is an answer too and is not followed.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The value of a header as it came; the first one, if there are several.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.get(name).map(http::HeaderValue::as_bytes)
    }

    /// The next piece of the body as it came, without a limit on their sum; `None` at the end and
    /// after an error. An answer that breaks off is an error; whether its pieces make sense, and
    /// how long to wait for them, is for the reader to judge.
    ///
    /// A call that is dropped before it is ready loses nothing.
    pub async fn piece(&mut self) -> Result<Option<Bytes>, Failure> {
        let Some(place) = &mut self.place else { return Ok(None) };
        match place.connection.piece(&mut self.body).await {
            Some(Ok(piece)) => Ok(Some(piece)),
            Some(Err(error)) => {
                let fault = Fault::of(&error);
                tracing::debug!(origin = %place.origin, %fault, "An answer broke off.");
                self.place = None;
                Err(fault.last())
            }
            None => {
                if let Some(place) = self.place.take() {
                    place.leave();
                }
                Ok(None)
            }
        }
    }

    /// Whether the body is packed in a way that pieces cannot be made sense of.
    pub fn is_packed(&self) -> bool {
        Encoding::of(&self.headers) != Some(Encoding::Identity)
    }

    /// The whole body, unpacked (some servers pack although they were asked not to), if it is not
    /// larger than that.
    pub async fn whole(mut self, bytes_max: usize) -> Result<Bytes, Failure> {
        let encoding = Encoding::of(&self.headers)
            .ok_or_else(|| unusable("its content encoding is not one that is known").last())?;
        let mut decoder = Decoder::new(encoding, bytes_max);
        let mut is_empty = true;
        while let Some(piece) = self.piece().await? {
            is_empty = false;
            decoder.push(piece).map_err(DecodeError::failure)?;
        }
        // No encoding makes something out of nothing, and servers label empty bodies too.
        if is_empty { Ok(Bytes::new()) } else { decoder.finish().map_err(DecodeError::failure) }
    }

    /// Reads what is left, which nobody needs, so that the connection can be kept: in the
    /// background, for a short time only, and not much of it.
    pub fn finish(mut self) {
        if self.ended_already() {
            return;
        }
        let Some(tasks) = self.place.as_ref().map(|place| place.shared.dialer.tasks.clone()) else {
            return;
        };
        tasks.spawn(async move {
            let mut bytes = 0_usize;
            let reading = async {
                while let Ok(Some(piece)) = self.piece().await {
                    bytes = bytes.saturating_add(piece.len());
                    if bytes > REST_BYTES_MAX {
                        break;
                    }
                }
            };
            // What does not come to its end in time is closed here.
            drop(timeout(REST_MAX, reading).await);
        });
    }

    /// Looks, without waiting, whether the end has come already; it mostly has.
    fn ended_already(&mut self) -> bool {
        let piece = pin!(tokio::task::unconstrained(self.piece()));
        match piece.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(None) | Err(_)) => true,
            Poll::Ready(Ok(Some(_))) | Poll::Pending => false,
        }
    }
}

impl Place {
    /// The connection goes back to where it came from.
    fn leave(self) {
        let Self { connection, generation, key, origin, shared } = self;
        shared.pool.put(&key, &origin, connection, generation);
    }
}
