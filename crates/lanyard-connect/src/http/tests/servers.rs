//! Servers for the tests: a proper one that tells what it saw, and a raw one that plays a script.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::PATIENCE;

/// What a server saw.
#[derive(Default)]
pub(super) struct Seen {
    connections: AtomicUsize,
    requests: AtomicUsize,
    /// Requests whose handling was cut off.
    aborted: AtomicUsize,
    open: watch::Sender<usize>,
}

impl Seen {
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    pub(super) fn aborted(&self) -> usize {
        self.aborted.load(Ordering::SeqCst)
    }

    /// Waits until no more than this many connections are open.
    pub(super) async fn until_open(&self, most: usize) {
        let mut open = self.open.subscribe();
        timeout(PATIENCE, open.wait_for(|open| *open <= most)).await.unwrap().unwrap();
    }

    pub(super) fn opened(self: &Arc<Self>) -> Opened {
        self.connections.fetch_add(1, Ordering::SeqCst);
        self.open.send_modify(|open| *open = open.saturating_add(1));
        Opened(Arc::clone(self))
    }
}

/// Counts a connection as open while it lives.
pub(super) struct Opened(Arc<Seen>);

impl Drop for Opened {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open = open.saturating_sub(1));
    }
}

/// A server that is up until the test ends.
pub(super) struct Server {
    pub(super) origin: String,
    pub(super) port: u16,
    pub(super) seen: Arc<Seen>,
}

pub(super) async fn listen() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

impl Server {
    pub(super) fn new(scheme: &str, host: &str, port: u16) -> Self {
        Self { origin: format!("{scheme}://{host}:{port}"), port, seen: Arc::default() }
    }

    /// A proper server, in plaintext.
    pub(super) async fn start() -> Self {
        let (listener, port) = listen().await;
        let server = Self::new("http", "127.0.0.1", port);
        let seen = Arc::clone(&server.seen);
        let tasks = TaskTracker::new();
        tasks.clone().spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tasks.spawn(serve(stream, seen.opened(), Arc::clone(&seen)));
            }
        });
        server
    }

    /// A server that plays the next script on each connection, the last one again and again.
    /// A script is the answers to the requests of a connection; then it closes. A `None` is no
    /// answer and no closing either.
    pub(super) async fn play(scripts: &[&[Option<&[u8]>]]) -> Self {
        let (listener, port) = listen().await;
        let server = Self::new("http", "127.0.0.1", port);
        let seen = Arc::clone(&server.seen);
        let mut scripts: Vec<Vec<Option<Vec<u8>>>> = scripts
            .iter()
            .map(|script| script.iter().map(|answer| answer.map(<[u8]>::to_vec)).collect())
            .collect();
        TaskTracker::new().spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let script = if scripts.len() > 1 { scripts.remove(0) } else { scripts[0].clone() };
                let opened = seen.opened();
                TaskTracker::new().spawn(play_one(stream, script, opened, Arc::clone(&seen)));
            }
        });
        server
    }

    /// A server that gives one answer on each connection and closes it.
    pub(super) async fn answer(bytes: &[u8]) -> Self {
        Self::play(&[&[Some(bytes)]]).await
    }
}

async fn play_one(
    mut stream: TcpStream,
    script: Vec<Option<Vec<u8>>>,
    opened: Opened,
    seen: Arc<Seen>,
) {
    for answer in script {
        if !request_received(&mut stream).await {
            break;
        }
        seen.requests.fetch_add(1, Ordering::SeqCst);
        match answer {
            Some(answer) => stream.write_all(&answer).await.unwrap(),
            None => drop(stream.read(&mut [0]).await),
        }
    }
    drop(stream);
    drop(opened);
}

/// Reads a request that ends with its head or with `BODY`.
async fn request_received(stream: &mut TcpStream) -> bool {
    let mut received = Vec::new();
    while !received.ends_with(b"\r\n\r\n") && !received.ends_with(b"BODY") {
        let mut piece = [0; 1024];
        let count = stream.read(&mut piece).await.unwrap_or(0);
        if count == 0 {
            return false;
        }
        received.extend_from_slice(&piece[..count]);
    }
    true
}

/// Serves one connection, in the version of HTTP that the client begins with.
pub(super) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    opened: Opened,
    seen: Arc<Seen>,
) {
    let service = service_fn(move |request| {
        let seen = Arc::clone(&seen);
        async move { Ok::<_, Infallible>(handle(request, &seen).await) }
    });
    let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    drop(builder.serve_connection(TokioIo::new(stream), service).await);
    drop(opened);
}

async fn handle(request: Request<Incoming>, seen: &Seen) -> Response<Full<Bytes>> {
    seen.requests.fetch_add(1, Ordering::SeqCst);
    let (head, body) = request.into_parts();
    let response = Response::builder();
    match head.uri.path() {
        "/redirect" => {
            let response = response.status(302).header("location", "/elsewhere");
            response.body(Full::default()).unwrap()
        }
        "/never" => {
            let _aborted = Aborted(seen);
            std::future::pending().await
        }
        "/large" => response.body(Full::new(Bytes::from(vec![b'x'; 1 << 20]))).unwrap(),
        _ => {
            let mut lines = vec![format!("{} {} {:?}", head.method, head.uri, head.version)];
            for (name, value) in &head.headers {
                lines.push(format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())));
            }
            let body = body.collect().await.unwrap().to_bytes();
            lines.push(String::from_utf8_lossy(&body).into_owned());
            response.body(Full::new(lines.join("\n").into())).unwrap()
        }
    }
}

struct Aborted<'a>(&'a Seen);

impl Drop for Aborted<'_> {
    fn drop(&mut self) {
        self.0.aborted.fetch_add(1, Ordering::SeqCst);
    }
}
