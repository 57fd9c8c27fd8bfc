//! Serves the admin API on its listeners: the socket in the data directory, and an address.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse as _, Response};
use http::header::{HOST, ORIGIN};
use http::{HeaderValue, Request, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use lanyard_core::{Denial, Known, Limits, Peer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower_service::Service as _;

use crate::error::ApiError;
use crate::unread::{self, Home, Lent};
use crate::{Admin, tenant};

/// Where operators connect.
#[derive(Debug)]
pub enum AdminListener {
    /// An address, with or without TLS.
    Tcp {
        /// The bound socket.
        listener: TcpListener,
        /// What the listener is known by.
        known: Known,
        /// TLS, if it speaks TLS.
        tls: Option<Arc<ServerConfig>>,
    },
    /// The admin socket: its owner needs no token.
    Unix {
        /// The bound socket.
        listener: UnixListener,
    },
}

impl Admin {
    /// Serves a listener until the API stops.
    pub async fn serve(&self, listener: AdminListener) {
        let limits = &self.shared.parts.limits;
        let router = self.limited_router();
        let places = Arc::new(Semaphore::new(Limits::size(limits.connections_max)));
        match listener {
            AdminListener::Tcp { listener, known, tls } => {
                let (known, tls) = (Arc::new(known), tls.map(TlsAcceptor::from));
                while let Some(place) = self.place(&places).await {
                    let accepted = tokio::select! {
                        accepted = listener.accept() => accepted,
                        () = self.shared.parts.shutdown.cancelled() => return,
                    };
                    match accepted {
                        Ok((stream, address)) => {
                            let known = Some(Arc::clone(&known));
                            let at = At { peer: Peer::Tcp(address), known, _place: place };
                            self.connect_tcp(stream, tls.clone(), router.clone(), at);
                        }
                        Err(error) => pause(&error).await,
                    }
                }
            }
            AdminListener::Unix { listener } => {
                while let Some(place) = self.place(&places).await {
                    let accepted = tokio::select! {
                        accepted = listener.accept() => accepted,
                        () = self.shared.parts.shutdown.cancelled() => return,
                    };
                    match accepted {
                        Ok((stream, _)) => self.connect_unix(stream, router.clone(), place),
                        Err(error) => pause(&error).await,
                    }
                }
            }
        }
    }

    fn limited_router(&self) -> Router {
        // A definition travels inside a JSON string, which may double its size, and one that was
        // imported travels twice: as it was written then, and as it is edited.
        let bytes_max = self.shared.parts.limits.definition_bytes_max.saturating_mul(4);
        self.router().layer(DefaultBodyLimit::max(Limits::size(bytes_max)))
    }

    /// Waits for a place for one connection more; none when the API stops.
    async fn place(&self, places: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            place = Arc::clone(places).acquire_owned() => place.ok(),
            () = self.shared.parts.shutdown.cancelled() => None,
        }
    }

    fn connect_tcp(&self, stream: TcpStream, tls: Option<TlsAcceptor>, router: Router, at: At) {
        let admin = self.clone();
        self.shared.parts.tasks.spawn(async move {
            match tls {
                None => admin.converse(stream, router, at).await,
                Some(tls) => match admin.agree(&tls, stream).await {
                    Ok(stream) => admin.converse(stream, router, at).await,
                    Err(error) => {
                        tracing::debug!(peer = %at.peer, %error, "TLS was not agreed.");
                    }
                },
            }
        });
    }

    /// Agrees on TLS, in the time that a client has for its headers: one that says nothing does
    /// not keep a connection.
    async fn agree(
        &self,
        tls: &TlsAcceptor,
        stream: TcpStream,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let limit = Limits::span(self.shared.parts.limits.request_head_ms_max);
        match tokio::time::timeout(limit, tls.accept(stream)).await {
            Ok(agreed) => agreed,
            Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
        }
    }

    fn connect_unix(&self, stream: UnixStream, router: Router, place: OwnedSemaphorePermit) {
        // A peer that the kernel does not name is nobody.
        let Ok(credentials) = stream.peer_cred() else { return };
        let peer = Peer::Unix { uid: credentials.uid(), pid: credentials.pid() };
        let admin = self.clone();
        self.shared.parts.tasks.spawn(async move {
            admin.converse(stream, router, At { peer, known: None, _place: place }).await;
        });
    }

    async fn converse<S>(&self, stream: S, router: Router, at: At)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let shutdown = self.shared.parts.shutdown.clone();
        let limits = &self.shared.parts.limits;
        let head_limit = Limits::span(limits.request_head_ms_max);
        let head_bytes = Limits::size(limits.request_head_bytes_max);
        let peer = at.peer;
        let at = Arc::new(at);
        let admin = self.clone();
        let service = service_fn(move |request| {
            answer(admin.clone(), router.clone(), Arc::clone(&at), request)
        });
        let mut serving = std::pin::pin!(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(head_limit)
                .max_buf_size(head_bytes)
                .serve_connection(TokioIo::new(stream), service)
        );
        let ended = tokio::select! {
            ended = serving.as_mut() => ended,
            () = shutdown.cancelled() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "An admin connection ended early.");
        }
    }
}

/// What requests of one connection share.
struct At {
    peer: Peer,
    known: Option<Arc<Known>>,
    /// Given back when the connection ends.
    _place: OwnedSemaphorePermit,
}

async fn answer(
    admin: Admin,
    router: Router,
    at: Arc<At>,
    request: Request<Incoming>,
) -> Result<Response, Infallible> {
    let (expects, home) = (unread::expects(request.headers()), Home::default());
    let request = request.map(|body| home.lend(body));
    let mut response = answer_of(admin, router, &at, request).await?;
    home.settle(expects, &mut response).await;
    Ok(response)
}

async fn answer_of(
    admin: Admin,
    mut router: Router,
    at: &At,
    request: Request<Lent>,
) -> Result<Response, Infallible> {
    if let Some(known) = &at.known {
        let all = |name| request.headers().get_all(name).iter().map(HeaderValue::as_bytes);
        let authority = request.uri().authority().map(http::uri::Authority::as_str);
        if let Err(denial) = known.check(authority, all(HOST), all(ORIGIN)) {
            let foreign_host = matches!(denial, Denial::HostForeign);
            let status =
                if foreign_host { StatusCode::MISDIRECTED_REQUEST } else { StatusCode::FORBIDDEN };
            return Ok(ApiError::new(status, denial.to_string()).into_response());
        }
    }
    match tenant::named(request.headers()) {
        Ok(None) => {}
        // Made for the request: it is as cheap as the request is rare.
        Ok(Some(tenant)) => router = admin.of_tenant(tenant).limited_router(),
        Err(error) => return Ok(error.into_response()),
    }
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(at.peer);
    router.call(request).await
}

/// Accepting fails when the process has no descriptor left, and would fail again at once.
async fn pause(error: &std::io::Error) {
    tracing::warn!(%error, "An admin connection could not be accepted.");
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
}
