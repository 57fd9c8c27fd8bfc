//! The billing API of `lanyard demo`: small, on loopback, and strict about its key.
//!
//! It stands for an API that knows nothing of agents. Every request without the right
//! `X-Api-Key` is refused, and what came is remembered, so that the demo can show it. It holds
//! no state that a request changes.

mod answer;
mod definition;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use lanyard_core::Origin;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use definition::definition_yaml;

use self::answer::answer;

/// The header that carries the key.
const KEY_HEADER: &str = "x-api-key";
/// Body of one request.
const BODY_BYTES_MAX: usize = 64 << 10;
/// Requests that are remembered; later ones are answered and not remembered.
const SEEN_MAX: usize = 1000;

/// A running API.
pub(crate) struct DemoApi {
    /// Where it listens: `http://127.0.0.1:PORT`.
    pub(crate) origin: Origin,
    /// The key that it demands.
    pub(crate) key: DemoKey,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: CancellationToken,
}

/// The key of a demo API. It opens invented invoices on loopback, and is treated like a real one.
#[derive(Clone)]
pub(crate) struct DemoKey(Arc<str>);

impl DemoKey {
    /// The key itself, to be stored as a secret.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for DemoKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DemoKey(..)")
    }
}

/// A request as the API saw it: no values, only what it was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// The method.
    pub(crate) method: String,
    /// The path with its query.
    pub(crate) path: String,
    /// Whether the right key came with it.
    pub(crate) key_right: bool,
    /// The names of its headers, in the order they came.
    pub(crate) header_names: Vec<String>,
}

impl DemoApi {
    /// Starts an API on a free port of loopback. Its tasks run among `tasks`; `random` makes the
    /// key.
    pub(crate) async fn start(
        tasks: &TaskTracker,
        random: impl FnOnce(&mut [u8]),
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let origin = origin_of(listener.local_addr()?)?;
        let mut bytes = [0; 20];
        random(&mut bytes);
        let key = DemoKey(format!("billing_{}", data_encoding::HEXLOWER.encode(&bytes)).into());
        let api = Self { origin, key, seen: Arc::default(), stop: CancellationToken::new() };
        let state = State { key: api.key.clone(), seen: Arc::clone(&api.seen) };
        let work = serve(listener, state, api.stop.clone(), tasks.clone());
        tasks.spawn(work);
        Ok(api)
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops: no new connection is taken, and running requests are answered to their end. The
    /// tasks can be waited for in the tracker they were started in.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }
}

/// An API that nobody holds any more stops by itself.
impl Drop for DemoApi {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for DemoApi {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DemoApi({})", self.origin)
    }
}

#[derive(Clone)]
struct State {
    key: DemoKey,
    seen: Arc<Mutex<Vec<Seen>>>,
}

fn origin_of(address: SocketAddr) -> std::io::Result<Origin> {
    Origin::parse(&format!("http://{address}")).map_err(std::io::Error::other)
}

async fn serve(listener: TcpListener, state: State, stop: CancellationToken, tasks: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _peer)) => {
                tasks.spawn(converse(stream, state.clone(), stop.clone()));
            }
            // Descriptors may be short for a moment; the next connection is tried all the same.
            Err(problem) => tracing::warn!(%problem, "The demo API could not take a connection."),
        }
    }
}

async fn converse(stream: TcpStream, state: State, stop: CancellationToken) {
    let service = service_fn(move |request| {
        let state = state.clone();
        async move { respond(request, &state).await }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    tracing::debug!(clean = ended.is_ok(), "A connection to the demo API ended.");
}

async fn respond(
    request: Request<Incoming>,
    state: &State,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let mut keys = head.headers.get_all(KEY_HEADER).iter();
    let key_right = keys.next().is_some_and(|key| key.as_bytes() == state.key.0.as_bytes())
        && keys.next().is_none();
    state.remember(Seen {
        method: head.method.to_string(),
        path: head.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        key_right,
        header_names: head.headers.keys().map(ToString::to_string).collect(),
    });
    let body = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_too_large_or_cut) => return Ok(answer::too_large()),
    };
    Ok(if key_right { answer(&head, &body) } else { answer::wrong_key() })
}

impl State {
    fn remember(&self, seen: Seen) {
        let mut remembered = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() < SEEN_MAX {
            remembered.push(seen);
        }
    }
}

#[cfg(test)]
mod tests;
