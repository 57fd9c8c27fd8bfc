//! An HTTP server for tests: answers by a function, and remembers what it was asked.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A request as the fake saw it.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) line: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Value,
}

impl Asked {
    /// The JSON-RPC method.
    pub(super) fn method(&self) -> &str {
        self.body.get("method").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether the request is one of the version without sessions.
    pub(super) fn is_modern(&self) -> bool {
        self.headers.get("mcp-protocol-version").is_some_and(|version| version == "2026-07-28")
    }

    /// A JSON-RPC result for this request.
    pub(super) fn result(&self, result: Value) -> Reply {
        Reply::json(200, json!({"jsonrpc": "2.0", "id": self.body.get("id"), "result": result}))
    }

    /// A JSON-RPC error for this request.
    pub(super) fn error(&self, status: u16, error: Value) -> Reply {
        Reply::json(status, json!({"jsonrpc": "2.0", "id": self.body.get("id"), "error": error}))
    }

    fn log(&self) -> String {
        let shown = [
            "mcp-protocol-version",
            "mcp-method",
            "mcp-name",
            "mcp-param-region",
            "mcp-session-id",
            "last-event-id",
        ];
        let headers = shown.iter().filter_map(|name| {
            let value = self.headers.get(*name)?.to_str().ok()?;
            Some(format!(" {name}={value}"))
        });
        format!("{} {}{}", self.line, self.method(), headers.collect::<String>())
    }
}

/// An answer of the fake.
#[derive(Debug, Clone)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) body: String,
    /// Whether the body goes on without an end.
    endless: bool,
}

impl Reply {
    /// Closes the connection without an answer.
    pub(super) const HANG_UP: Self =
        Self { status: 0, headers: Vec::new(), body: String::new(), endless: false };

    pub(super) fn json(status: u16, body: Value) -> Self {
        Self::new(status, "application/json", &body.to_string())
    }

    pub(super) fn text(status: u16, body: &str) -> Self {
        Self::new(status, "text/plain", body)
    }

    pub(super) fn stream(body: &str) -> Self {
        Self::new(200, "text/event-stream", body)
    }

    pub(super) fn new(status: u16, kind: &'static str, body: &str) -> Self {
        let headers = vec![("content-type", kind)];
        Self { status, headers, body: body.to_owned(), endless: false }
    }

    /// The same, and then nothing, without an end.
    pub(super) fn endless(self) -> Self {
        Self { endless: true, ..self }
    }

    pub(super) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }
}

/// What a fake answers; `None` means that it never does.
pub(super) type Answers = fn(&Asked) -> Option<Reply>;

/// The same, remembering what it likes.
type Shared = Arc<dyn Fn(&Asked) -> Option<Reply> + Send + Sync>;

/// A running fake.
pub(super) struct Fake {
    pub(super) url: String,
    seen: Seen,
    _tasks: JoinSet<()>,
}

/// What a fake remembers.
#[derive(Clone, Default)]
struct Seen {
    asked: Arc<Mutex<Vec<Asked>>>,
    /// How many requests came, and how many bodies of answers are no longer sent.
    counts: watch::Sender<(usize, usize)>,
}

/// A body that may have no end, and that says when it is let go.
struct Pieces {
    first: Option<Bytes>,
    endless: bool,
    seen: Seen,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match (self.first.take(), self.endless) {
            (Some(first), _) => Poll::Ready(Some(Ok(Frame::data(first)))),
            (None, true) => Poll::Pending,
            (None, false) => Poll::Ready(None),
        }
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        self.seen.counts.send_modify(|(_, ended)| *ended = ended.saturating_add(1));
    }
}

impl Fake {
    /// Starts on a free port of loopback.
    pub(super) async fn start(
        answers: impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (answers, seen): (Shared, _) = (Arc::new(answers), Seen::default());
        let (mut tasks, remembered) = (JoinSet::new(), seen.clone());
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(converse(stream, Arc::clone(&answers), remembered.clone()));
            }
        });
        Self { url, seen, _tasks: tasks }
    }

    /// Starts on a Unix socket.
    pub(super) fn start_unix(
        path: &std::path::Path,
        answers: impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let listener = UnixListener::bind(path).unwrap();
        let (answers, seen): (Shared, _) = (Arc::new(answers), Seen::default());
        let (mut tasks, remembered) = (JoinSet::new(), seen.clone());
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(converse(stream, Arc::clone(&answers), remembered.clone()));
            }
        });
        Self { url: format!("unix:{}", path.display()), seen, _tasks: tasks }
    }

    /// One line for every request: method and path, JSON-RPC method, the headers that matter.
    pub(super) fn log(&self) -> String {
        let asked = self.seen.asked.lock().unwrap();
        asked.iter().map(|asked| format!("{}\n", asked.log())).collect()
    }

    /// The requests themselves.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.seen.asked.lock().unwrap().clone()
    }

    /// Waits until so many requests came, and so many answers are no longer sent.
    pub(super) async fn until(&self, asked: usize, ended: usize) {
        let mut counts = self.seen.counts.subscribe();
        let enough = counts.wait_for(|counts| counts.0 >= asked && counts.1 >= ended);
        let waited = tokio::time::timeout(std::time::Duration::from_secs(60), enough).await;
        drop(waited.expect("what was waited for").unwrap());
    }
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Unpin, answers: Shared, seen: Seen) {
    let service = service_fn(|request: Request<Incoming>| {
        let (answers, seen) = (Arc::clone(&answers), seen.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
            let line = format!("{} {}", head.method, head.uri);
            let asked = Asked { line, headers: head.headers, body };
            seen.asked.lock().unwrap().push(asked.clone());
            seen.counts.send_modify(|(count, _)| *count = count.saturating_add(1));
            let Some(reply) = answers(&asked) else { return std::future::pending().await };
            if reply.status == Reply::HANG_UP.status {
                return Err(std::io::ErrorKind::ConnectionReset.into());
            }
            let mut response = Response::builder().status(reply.status);
            for (name, value) in reply.headers {
                response = response.header(name, value);
            }
            let first = Some(Bytes::from(reply.body));
            let body = Pieces { first, endless: reply.endless, seen };
            Ok::<_, std::io::Error>(response.body(body).unwrap())
        }
    });
    let _ended = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// A gateway with one server, `billing`, in the version without sessions. It wants the token
/// `tst_token`.
pub(super) fn gateway(asked: &Asked) -> Option<Reply> {
    let token = asked.headers.get("authorization").and_then(|value| value.to_str().ok());
    if token != Some("Bearer tst_token_for_billing") {
        let said = format!("no valid token in `{}`", token.unwrap_or_default());
        return Some(Reply::json(401, json!({"error": {"message": said}})));
    }
    if asked.line == "GET /v1/agent/servers" {
        let billing = json!({"name": "billing", "description": "Invoices", "url": "/servers/billing/mcp", "tools": 2});
        return Some(Reply::json(200, json!({"servers": [billing]})));
    }
    if asked.line != "POST /servers/billing/mcp" {
        return Some(Reply::text(404, "no such server for this token; an operator can grant it"));
    }
    Some(match asked.method() {
        "server/discover" => asked.result(json!({
            "resultType": "complete", "supportedVersions": ["2026-07-28", "2025-11-25"],
        })),
        "tools/list" => asked.result(json!({"resultType": "complete", "tools": [
            {"name": "get_invoice", "description": "One invoice by its number", "inputSchema": {
                "type": "object", "additionalProperties": false, "required": ["number"],
                "properties": {"number": {"type": "string", "description": "Invoice number"}}}},
            {"name": "slow", "inputSchema": {"type": "object", "properties": {}}},
        ]})),
        "tools/call" => return call(asked),
        _ => asked.error(404, json!({"code": -32601, "message": "Method not found"})),
    })
}

fn call(asked: &Asked) -> Option<Reply> {
    let arguments = asked.body.pointer("/params/arguments")?;
    Some(match asked.body.pointer("/params/name")?.as_str()? {
        "get_invoice" if arguments.get("number") == Some(&json!("INV-9")) => asked.result(json!({
            "resultType": "complete", "isError": true,
            "content": [{"type": "text", "text": "call failed, status: 404"}],
        })),
        "get_invoice" => asked.result(json!({
            "resultType": "complete",
            "content": [{"type": "text", "text": format!("{{\"got\":{arguments}}}")}],
        })),
        "slow" => return None,
        other => asked.error(
            200,
            json!({
                "code": -32602, "message": format!("Tool {other} not found"),
            }),
        ),
    })
}
