//! One connection to a server, and one exchange over it.
//!
//! An HTTP/1.1 connection has no task of its own: whoever uses it drives it, so that a call costs
//! no hop to another task and no wake-up between the two. Nobody looks at it while it waits in the
//! pool; [`Http1::settle`] catches up before it is used again. HTTP/2 carries several exchanges at
//! once, so there a task drives the connection and ends with it.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use lanyard_core::Limits;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::task::TaskTracker;

use super::answer::{self, UpstreamAnswer};
use super::fault::Fault;

/// Status line and headers of an answer.
const ANSWER_HEAD_BYTES_MAX: usize = 64 << 10;

pub(super) type Outgoing = Request<Full<Bytes>>;

/// An open connection that can carry a request now.
pub(super) enum Connection {
    Http1(Box<Http1>),
    Http2(Http2),
}

impl Connection {
    /// Speaks HTTP over a fresh transport, in the version that TLS agreed on.
    pub(super) async fn open(transport: Transport, tasks: &TaskTracker) -> hyper::Result<Self> {
        if transport.agreed_on_http2() {
            Ok(Self::Http2(Http2::open(transport, tasks).await?))
        } else {
            Ok(Self::Http1(Box::new(Http1::open(transport).await?)))
        }
    }

    /// Sends a request and reads the whole answer.
    pub(super) async fn exchange(
        &mut self,
        request: Outgoing,
        limits: &Limits,
    ) -> Result<UpstreamAnswer, Fault> {
        match self {
            Self::Http1(connection) => connection.exchange(request, limits).await,
            Self::Http2(connection) => {
                let answered = connection.sender.try_send_request(request).await;
                answer::read(heard(answered)?, limits).await
            }
        }
    }

    /// Sends a request and reads the head of the answer.
    pub(super) async fn begin(&mut self, request: Outgoing) -> Result<Response<Incoming>, Fault> {
        match self {
            Self::Http1(connection) => {
                let answered = connection.sender.try_send_request(request);
                heard(connection.driven(answered).await)
            }
            Self::Http2(connection) => heard(connection.sender.try_send_request(request).await),
        }
    }

    /// The next piece of an answer that began on this connection; `None` at its end.
    pub(super) async fn piece(&mut self, body: &mut Incoming) -> Option<hyper::Result<Bytes>> {
        loop {
            let frame = match self {
                Self::Http1(connection) => connection.driven(body.frame()).await,
                Self::Http2(_) => body.frame().await,
            };
            match frame? {
                Ok(frame) => match frame.into_data() {
                    Ok(piece) if !piece.is_empty() => return Some(Ok(piece)),
                    // Trailers mean nothing here, and HTTP/2 may end with an empty piece.
                    Ok(_) | Err(_) => {}
                },
                Err(error) => return Some(Err(error)),
            }
        }
    }

    pub(super) fn is_http2(&self) -> bool {
        matches!(self, Self::Http2(_))
    }
}

/// An HTTP/1.1 connection, driven by its user.
pub(super) struct Http1 {
    sender: http1::SendRequest<Full<Bytes>>,
    /// `None` once it has ended.
    connection: Option<http1::Connection<TokioIo<Transport>, Full<Bytes>>>,
}

impl Http1 {
    async fn open(transport: Transport) -> hyper::Result<Self> {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(ANSWER_HEAD_BYTES_MAX)
            .max_header_size(ANSWER_HEAD_BYTES_MAX)
            .handshake(TokioIo::new(transport))
            .await?;
        Ok(Self { sender, connection: Some(connection) })
    }

    /// Lets the connection notice what happened since it was last driven, and says whether it can
    /// carry a request: the last answer is over and the server has neither closed it nor said
    /// anything unasked.
    ///
    /// It is polled with a waker that wakes nobody, which also takes it out of the hands of its
    /// last user: what happens from now on must not wake that user's task.
    pub(super) fn settle(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()));
        self.connection.is_some() && self.sender.is_ready()
    }

    async fn exchange(
        &mut self,
        request: Outgoing,
        limits: &Limits,
    ) -> Result<UpstreamAnswer, Fault> {
        let answered = self.sender.try_send_request(request);
        self.driven(async { answer::read(heard(answered.await)?, limits).await }).await
    }

    /// Drives the connection until something that waits for it is ready.
    async fn driven<T>(&mut self, waiting: impl Future<Output = T>) -> T {
        // Only the connection ever wakes what waits for it, and that is polled right after it in
        // the same task. So it gets a waker that wakes nobody: a real one would schedule this task
        // once more for nothing. That also means that it must not give way to other tasks by
        // itself (`unconstrained`), as nothing would wake it; the connection still does.
        let mut waiting = pin!(tokio::task::unconstrained(waiting));
        poll_fn(|context| {
            self.drive(context);
            match &self.connection {
                Some(_) => waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())),
                None => waiting.as_mut().poll(context),
            }
        })
        .await
    }

    fn drive(&mut self, context: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && Pin::new(connection).poll(context).is_ready()
        {
            // How it ended, the exchange learns through its own channel.
            self.connection = None;
        }
    }
}

/// A handle on an HTTP/2 connection. The connection closes when the last handle is gone.
#[derive(Clone)]
pub(super) struct Http2 {
    sender: http2::SendRequest<Full<Bytes>>,
}

impl Http2 {
    async fn open(transport: Transport, tasks: &TaskTracker) -> hyper::Result<Self> {
        let (sender, connection) = http2::Builder::new(Tasks(tasks.clone()))
            .max_header_list_size(u32::try_from(ANSWER_HEAD_BYTES_MAX).unwrap_or(u32::MAX))
            .handshake(TokioIo::new(transport))
            .await?;
        tasks.spawn(async move {
            // How it ended, each exchange learns through its own channel.
            let _ended = connection.await;
        });
        Ok(Self { sender })
    }

    pub(super) fn is_open(&self) -> bool {
        self.sender.is_ready()
    }
}

/// The answer's head, or whether the request certainly never left.
fn heard(
    answered: Result<Response<Incoming>, TrySendError<Outgoing>>,
) -> Result<Response<Incoming>, Fault> {
    answered.map_err(|error| match error.message() {
        Some(_) => Fault::Unsent,
        None => Fault::of(error.error()),
    })
}

/// Runs what HTTP/2 needs beside the connection.
#[derive(Clone)]
struct Tasks(TaskTracker);

impl<F> Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

/// The bytes under HTTP.
pub(super) enum Transport {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Transport {
    fn agreed_on_http2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
