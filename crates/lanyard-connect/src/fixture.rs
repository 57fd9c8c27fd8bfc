//! A server for tests: the test itself hears each request and answers it, piece by piece.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

/// Long for a machine under load, short for somebody who waits for a test that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A server that is up until the test ends.
pub(crate) struct Stage {
    pub(crate) port: u16,
    asked: mpsc::UnboundedReceiver<Asked>,
    pub(crate) connections: Connections,
}

/// What a server counts of its connections.
#[derive(Clone, Default)]
pub(crate) struct Connections {
    accepted: Arc<AtomicUsize>,
    open: Arc<watch::Sender<usize>>,
}

impl Connections {
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Waits until no more than this many are open.
    pub(crate) async fn until_open(&self, most: usize) {
        let mut open = self.open.subscribe();
        timeout(PATIENCE, open.wait_for(|open| *open <= most)).await.unwrap().unwrap();
    }
}

/// A request that waits for its answer.
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    reply: oneshot::Sender<Response<Pieces>>,
}

/// A body that the test writes. Dropping it ends the body properly.
pub(crate) struct Pipe(mpsc::Sender<io::Result<Bytes>>);

/// The other end of a [`Pipe`].
pub(crate) struct Pieces(mpsc::Receiver<io::Result<Bytes>>);

impl Stage {
    /// A server in plaintext.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, asked) = mpsc::unbounded_channel();
        let connections = Connections::default();
        let counted = connections.clone();
        let tasks = TaskTracker::new();
        tasks.clone().spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tasks.spawn(serve(stream, sender.clone(), counted.clone()));
            }
        });
        Self { port, asked, connections }
    }

    /// What the end of [`serve`] hears, where the test accepts the connections itself.
    pub(crate) fn behind(
        port: u16,
        asked: mpsc::UnboundedReceiver<Asked>,
        connections: Connections,
    ) -> Self {
        Self { port, asked, connections }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The next request.
    pub(crate) async fn next(&mut self) -> Asked {
        timeout(PATIENCE, self.asked.recv()).await.expect("a request").unwrap()
    }

    /// Whether no request waits.
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.asked.try_recv().is_err()
    }
}

/// Serves one connection, in the version of HTTP that the client begins with.
pub(crate) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    sender: mpsc::UnboundedSender<Asked>,
    connections: Connections,
) {
    connections.accepted.fetch_add(1, Ordering::SeqCst);
    connections.open.send_modify(|open| *open = open.saturating_add(1));
    let service = service_fn(move |request| {
        let sender = sender.clone();
        async move { Ok::<_, Infallible>(handle(request, &sender).await) }
    });
    let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    drop(builder.serve_connection(TokioIo::new(stream), service).await);
    connections.open.send_modify(|open| *open = open.saturating_sub(1));
}

async fn handle(
    request: Request<Incoming>,
    sender: &mpsc::UnboundedSender<Asked>,
) -> Response<Pieces> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let (reply, answer) = oneshot::channel();
    let asked = Asked {
        method: head.method.to_string(),
        target: head.uri.path_and_query().unwrap().to_string(),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
        reply,
    };
    drop(sender.send(asked));
    match answer.await {
        Ok(answer) => answer,
        // The test does not answer.
        Err(_) => std::future::pending().await,
    }
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Begins an answer whose body the test writes.
    pub(crate) fn begin(self, status: u16, headers: &[(&str, &str)]) -> Pipe {
        let (sender, receiver) = mpsc::channel(1);
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        drop(self.reply.send(response.body(Pieces(receiver)).unwrap()));
        Pipe(sender)
    }

    /// Begins an event stream.
    pub(crate) fn events(self) -> Pipe {
        self.begin(200, &[("content-type", "text/event-stream")])
    }

    /// A whole answer.
    pub(crate) async fn answer(self, status: u16, headers: &[(&str, &str)], body: &[u8]) {
        let pipe = self.begin(status, headers);
        if !body.is_empty() {
            pipe.write(body).await;
        }
    }

    /// A whole answer of JSON.
    pub(crate) async fn json(self, status: u16, body: &str) {
        self.answer(status, &[("content-type", "application/json")], body.as_bytes()).await;
    }

    /// Waits until the client does not want an answer any more.
    pub(crate) async fn abandoned(mut self) {
        timeout(PATIENCE, self.reply.closed()).await.expect("the client to leave");
    }
}

impl Pipe {
    pub(crate) async fn write(&self, piece: &[u8]) {
        self.0.send(Ok(Bytes::copy_from_slice(piece))).await.expect("a client that reads");
    }

    /// Ends the body where it does not end.
    pub(crate) async fn break_off(self) {
        drop(self.0.send(Err(io::Error::from(io::ErrorKind::BrokenPipe))).await);
    }

    /// Waits until the client has left.
    pub(crate) async fn abandoned(&self) {
        timeout(PATIENCE, self.0.closed()).await.expect("the client to leave");
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
