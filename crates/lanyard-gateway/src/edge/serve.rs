//! Accepts connections and serves HTTP on them, until the gateway stops.

use std::io;
use std::sync::Arc;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use lanyard_core::{Known, Limits, Peer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::unix::UCred;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::first::{self, Replayed, Speech};
use super::{Core, Gateway, lines, request};

/// Where agents connect.
#[derive(Debug)]
pub enum Listener {
    /// An address, with or without TLS.
    Tcp {
        /// The bound socket.
        listener: TcpListener,
        /// What the listener is known by.
        known: Known,
        /// TLS, if it speaks TLS.
        tls: Option<Arc<ServerConfig>>,
    },
    /// A socket in the file system. The peer's user id can stand for an agent.
    Unix {
        /// The bound socket.
        listener: UnixListener,
    },
}

/// What requests of one connection share.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) peer: Peer,
    /// What `Host` and `Origin` are held against; `None` on a Unix socket, which no web page can
    /// reach.
    pub(super) known: Option<Arc<Known>>,
}

impl Gateway {
    /// Serves a listener until the gateway stops. Connections are finished by the gateway's
    /// tasks, which the program waits for.
    pub async fn serve(&self, listener: Listener) {
        let core = &self.core;
        let places = Arc::new(Semaphore::new(Limits::size(core.limits.connections_max)));
        match listener {
            Listener::Tcp { listener, known, tls } => {
                let known = Arc::new(known);
                let tls = tls.map(TlsAcceptor::from);
                while let Some(place) = next_place(core, &places).await {
                    let accepted = tokio::select! {
                        accepted = listener.accept() => accepted,
                        () = core.shutdown.cancelled() => return,
                    };
                    let Some((stream, address)) = usable(accepted).await else { continue };
                    let connection =
                        Connection { peer: Peer::Tcp(address), known: Some(Arc::clone(&known)) };
                    core.tasks.spawn(serve_tcp(
                        Arc::clone(core),
                        stream,
                        tls.clone(),
                        connection,
                        place,
                    ));
                }
            }
            Listener::Unix { listener } => {
                while let Some(place) = next_place(core, &places).await {
                    let accepted = tokio::select! {
                        accepted = listener.accept() => accepted,
                        () = core.shutdown.cancelled() => return,
                    };
                    let Some((stream, _)) = usable(accepted).await else { continue };
                    // A peer that the kernel does not name is nobody.
                    let Ok(credentials) = stream.peer_cred() else { continue };
                    core.tasks.spawn(serve_unix(Arc::clone(core), stream, credentials, place));
                }
            }
        }
    }
}

/// Waits for a place among the open connections. `None` when the gateway stops.
async fn next_place(core: &Core, places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    tokio::select! {
        place = Arc::clone(places).acquire_owned() => place.ok(),
        () = core.shutdown.cancelled() => None,
    }
}

/// An accepted connection, or a pause: accept fails when the process has no descriptor left, and
/// would fail again at once.
async fn usable<T>(accepted: io::Result<T>) -> Option<T> {
    match accepted {
        Ok(connection) => Some(connection),
        Err(error) => {
            tracing::warn!(%error, "A connection could not be accepted.");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            None
        }
    }
}

/// HTTP, or messages one per line: the first byte decides.
async fn serve_unix(
    core: Arc<Core>,
    mut stream: UnixStream,
    credentials: UCred,
    place: OwnedSemaphorePermit,
) {
    let (uid, pid) = (credentials.uid(), credentials.pid());
    let peer = Peer::Unix { uid, pid };
    let bytes_max = Limits::size(core.limits.request_head_bytes_max);
    let limit = Limits::span(core.limits.request_head_ms_max);
    let looked = tokio::select! {
        looked = tokio::time::timeout(limit, first::look(&mut stream, bytes_max)) => looked,
        () = core.shutdown.cancelled() => return,
    };
    let Ok(Ok(Some((speech, first)))) = looked else {
        tracing::debug!(%peer, "A connection said nothing.");
        return;
    };
    match speech {
        Speech::Lines => {
            lines::serve(core, stream, first, peer, uid).await;
            drop(place);
        }
        Speech::Http => {
            let connection = Connection { peer, known: None };
            serve_plain(core, Replayed::new(first, stream), connection, place).await;
        }
    }
}

async fn serve_tcp(
    core: Arc<Core>,
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    connection: Connection,
    place: OwnedSemaphorePermit,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "A connection keeps small packets back.");
    }
    let Some(tls) = tls else {
        return serve_plain(core, stream, connection, place).await;
    };
    let limit = Limits::span(core.limits.request_head_ms_max);
    match tokio::time::timeout(limit, tls.accept(stream)).await {
        Ok(Ok(stream)) => serve_tls(core, stream, connection, place).await,
        Ok(Err(error)) => {
            tracing::debug!(peer = %connection.peer, %error, "TLS was not agreed with a client.");
        }
        Err(_) => tracing::debug!(peer = %connection.peer, "A client did not finish TLS in time."),
    }
}

/// HTTP/1.1 alone: without TLS nobody negotiates HTTP/2.
async fn serve_plain<S>(
    core: Arc<Core>,
    stream: S,
    connection: Connection,
    _place: OwnedSemaphorePermit,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = Arc::new(connection);
    let service =
        service_fn(|request| request::answer(Arc::clone(&core), Arc::clone(&connection), request));
    let mut serving = std::pin::pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(Limits::span(core.limits.request_head_ms_max))
            .max_buf_size(Limits::size(core.limits.request_head_bytes_max))
            .serve_connection(TokioIo::new(stream), service)
    );
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = core.shutdown.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(peer = %connection.peer, %error, "A connection ended early.");
    }
}

/// HTTP/1.1 or HTTP/2, as TLS agreed by name: nobody waits for first bytes to find out. A client
/// of HTTP/2 that goes silent is asked whether it lives.
async fn serve_tls(
    core: Arc<Core>,
    stream: TlsStream<TcpStream>,
    connection: Connection,
    place: OwnedSemaphorePermit,
) {
    if stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        return serve_plain(core, stream, connection, place).await;
    }
    let connection = Arc::new(connection);
    let service =
        service_fn(|request| request::answer(Arc::clone(&core), Arc::clone(&connection), request));
    let limits = &core.limits;
    let header_list = u32::try_from(limits.request_head_bytes_max).unwrap_or(u32::MAX);
    let streams = u32::try_from(limits.agent_calls_max).unwrap_or(u32::MAX);
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(header_list)
        .max_concurrent_streams(streams)
        .keep_alive_interval(Limits::span(limits.stream_keep_alive_ms))
        .keep_alive_timeout(Limits::span(limits.request_head_ms_max));
    let mut serving = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = core.shutdown.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(peer = %connection.peer, %error, "A connection ended early.");
    }
}
