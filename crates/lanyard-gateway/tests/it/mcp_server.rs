//! A server that speaks MCP over streamable HTTP, in either era, and remembers what it was asked.
//!
//! Its tools: `echo` answers with what it got, `steps` reports progress first, `ask` elicits a name
//! and greets it, `slow` waits until the test lets it go, `poll` sends its client away meanwhile,
//! `leak` answers with its credential, `who` says what it was called with, `script` says what the test
//! gave it to say.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::http::PATIENCE;
use crate::serving::{ConnectionNumber, serve};

/// Which protocol it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaks {
    Legacy,
    Modern,
}

/// A message as it came.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) message: Value,
    pub(crate) headers: HeaderMap,
    /// The connection that it came over, where it is a message.
    pub(crate) connection: Option<ConnectionNumber>,
}

impl Heard {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn method(&self) -> &str {
        self.message["method"].as_str().unwrap_or("")
    }
}

/// The running server.
#[derive(Debug, Clone)]
pub(crate) struct Mcp {
    pub(crate) origin: String,
    speaks: Speaks,
    heard: Arc<Mutex<Vec<Heard>>>,
    count: watch::Sender<usize>,
    numbers: Arc<AtomicU64>,
    waiting: Arc<Mutex<HashMap<String, oneshot::Sender<Value>>>>,
    streams: Arc<Mutex<Vec<mpsc::Sender<String>>>>,
    slow: watch::Sender<bool>,
    lists_held: watch::Sender<bool>,
    tasks: TaskTracker,
    refuses: Arc<AtomicBool>,
    /// The call that was answered with a stream to come back to.
    polled: Arc<Mutex<Option<Value>>>,
    /// What `script` sends, piece by piece.
    script: Arc<Mutex<Vec<String>>>,
    /// What is answered to methods, whatever the request is.
    answers: Arc<Mutex<HashMap<&'static str, Value>>>,
}

/// A body that is sent as it is made.
struct Pieces(mpsc::Receiver<String>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|text| Ok(Frame::data(text.into()))))
    }
}

fn event(message: &Value) -> String {
    format!("event: message\ndata: {message}\n\n")
}

impl Mcp {
    pub(crate) async fn start(speaks: Speaks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            origin: format!("http://{}", listener.local_addr().unwrap()),
            speaks,
            heard: Arc::default(),
            count: watch::Sender::new(0),
            numbers: Arc::default(),
            waiting: Arc::default(),
            streams: Arc::default(),
            slow: watch::Sender::new(true),
            lists_held: watch::Sender::new(false),
            tasks: TaskTracker::new(),
            refuses: Arc::default(),
            polled: Arc::default(),
            script: Arc::default(),
            answers: Arc::default(),
        };
        let one = server.clone();
        serve(listener, move |request| one.clone().answer(request));
        server
    }

    /// What was heard so far.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    /// The messages of a method that were heard.
    pub(crate) fn heard_of(&self, method: &str) -> Vec<Heard> {
        self.heard().into_iter().filter(|heard| heard.method() == method).collect()
    }

    /// Waits until a method was heard so often.
    pub(crate) async fn until_heard(&self, method: &str, times: usize) {
        let mut count = self.count.subscribe();
        let heard = count.wait_for(|_| self.heard_of(method).len() >= times);
        timeout(PATIENCE, heard).await.unwrap().unwrap();
    }

    /// What `script` sends from now on: these events, each message with the id or the progress token
    /// of the call where it says `ID` or `TOKEN`, and all of it cut before these bytes.
    pub(crate) fn script(&self, messages: &[Value], cuts: impl Fn(&str) -> Vec<usize>) {
        let text: String = messages.iter().map(event).collect();
        let mut from = 0;
        let mut pieces = Vec::new();
        for cut in cuts(&text).into_iter().chain([text.len()]) {
            pieces.push(text.get(from..cut).unwrap().to_owned());
            from = cut;
        }
        *self.script.lock().unwrap() = pieces;
    }

    /// From now on this is the `result` or `error` of every request of this method.
    pub(crate) fn answers(&self, method: &'static str, answer: Value) {
        self.answers.lock().unwrap().insert(method, answer);
    }

    /// From now on every request is refused with 401.
    pub(crate) fn refuse(&self) {
        self.refuses.store(true, Ordering::SeqCst);
    }

    /// Lets `slow` answer.
    pub(crate) fn release(&self) {
        self.slow.send_replace(false);
    }

    /// From now on it does not say what tools it has, or does so again.
    pub(crate) fn hold_lists(&self, held: bool) {
        self.lists_held.send_replace(held);
    }

    /// Says something on every stream that listens, as soon as one does.
    pub(crate) async fn say(&self, message: &Value) {
        crate::harness::until(|| !self.streams.lock().unwrap().is_empty()).await;
        let streams = self.streams.lock().unwrap().clone();
        for stream in streams {
            drop(stream.send(event(message)).await);
        }
    }

    fn note(&self, heard: Heard) {
        self.heard.lock().unwrap().push(heard);
        self.count.send_modify(|count| *count = count.saturating_add(1));
    }

    fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::SeqCst)
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Pieces>, Infallible> {
        let (parts, body) = request.into_parts();
        let bytes = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let (pieces, receiver) = mpsc::channel(64);
        let mut response = Response::new(Pieces(receiver));
        if self.refuses.load(Ordering::SeqCst) {
            *response.status_mut() = StatusCode::UNAUTHORIZED;
            return Ok(response);
        }
        if parts.method == Method::GET && parts.headers.contains_key("last-event-id") {
            assert_eq!(parts.headers["last-event-id"], "place-1");
            response.headers_mut().insert("content-type", "text/event-stream".parse().unwrap());
            let message = self.polled.lock().unwrap().clone().unwrap();
            let server = self.clone();
            self.tasks.spawn(async move { server.finish(&message, &pieces).await });
            return Ok(response);
        }
        if parts.method == Method::GET && self.speaks == Speaks::Legacy {
            self.streams.lock().unwrap().push(pieces.clone());
            pieces.send(": hello\n\n".to_owned()).await.unwrap();
            let events = "text/event-stream".parse().unwrap();
            response.headers_mut().insert("content-type", events);
            return Ok(response);
        }
        if parts.method == Method::DELETE {
            let message = json!({"method": "test/ended"});
            self.note(Heard { message, headers: parts.headers, connection: None });
            return Ok(response);
        }
        if parts.method != Method::POST {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            return Ok(response);
        }
        let message: Value = serde_json::from_slice(&bytes).unwrap();
        let connection = parts.extensions.get().copied();
        self.note(Heard { message: message.clone(), headers: parts.headers.clone(), connection });
        if message.get("method").is_none() {
            let id = message["id"].as_str().unwrap().to_owned();
            let waiting = self.waiting.lock().unwrap().remove(&id);
            drop(waiting.map(|waiting| waiting.send(message)));
            *response.status_mut() = StatusCode::ACCEPTED;
            return Ok(response);
        }
        if message.get("id").is_none() {
            *response.status_mut() = StatusCode::ACCEPTED;
            return Ok(response);
        }
        self.reply(&message, &parts.headers, pieces, &mut response).await;
        Ok(response)
    }

    async fn reply(
        &self,
        message: &Value,
        headers: &HeaderMap,
        pieces: mpsc::Sender<String>,
        response: &mut Response<Pieces>,
    ) {
        let method = message["method"].as_str().unwrap();
        let tool = message["params"]["name"].as_str().unwrap_or("");
        let asks = message["params"]["argument"]["value"] == "ask";
        let streams = asks
            || method == "subscriptions/listen"
            || (method == "tools/call"
                && matches!(tool, "steps" | "slow" | "ask" | "break" | "poll" | "script"));
        let kind = if streams { "text/event-stream" } else { "application/json" };
        response.headers_mut().insert("content-type", kind.parse().unwrap());
        if streams {
            let (server, message) = (self.clone(), message.clone());
            self.tasks.spawn(async move { server.stream(&message, &pieces).await });
            return;
        }
        if method == "tools/list" {
            drop(self.lists_held.subscribe().wait_for(|held| !held).await);
        }
        let (status, answer) = self.page(method, message, headers);
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        if method == "initialize" {
            let session = format!("session-{}", self.number());
            response.headers_mut().insert("mcp-session-id", session.parse().unwrap());
        }
        pieces.send(answer.to_string()).await.unwrap();
    }

    /// An answer at once.
    fn page(&self, method: &str, message: &Value, headers: &HeaderMap) -> (u16, Value) {
        let id = message["id"].clone();
        if let Some(answer) = self.answers.lock().unwrap().get(method) {
            let mut answer = answer.clone();
            if answer.get("result").is_some() {
                answer["result"] = self.stamped(answer["result"].clone());
            }
            answer["jsonrpc"] = json!("2.0");
            answer["id"] = id;
            return (200, answer);
        }
        let capabilities = json!({
            "tools": {"listChanged": true}, "prompts": {}, "completions": {},
            "resources": {"subscribe": true}, "logging": {},
        });
        let info = json!({"name": "fake", "version": "1", "x-vendor": [1e2, "kept"]});
        let known = match (self.speaks, method) {
            (Speaks::Legacy, "server/discover") | (Speaks::Modern, "initialize" | "ping") => false,
            (Speaks::Legacy | Speaks::Modern, _) => true,
        };
        let result = match method {
            _ if !known => None,
            "initialize" => Some(json!({
                "protocolVersion": "2025-11-25", "capabilities": capabilities,
                "serverInfo": info, "instructions": "Be kind.",
            })),
            "server/discover" => Some(json!({
                "resultType": "complete", "supportedVersions": ["2026-07-28"],
                "capabilities": capabilities, "instructions": "Be kind.", "ttlMs": 0,
                "cacheScope": "public", "_meta": {"io.modelcontextprotocol/serverInfo": info},
            })),
            "tools/list" => Some(json!({"tools": []})),
            "prompts/list" => Some(json!({"prompts": []})),
            "resources/list" => Some(json!({"resources": []})),
            "resources/templates/list" => Some(json!({"resourceTemplates": []})),
            "resources/subscribe" | "resources/unsubscribe" | "logging/setLevel" | "ping" => {
                Some(json!({}))
            }
            "prompts/get" => Some(json!({
                "messages": [{"role": "user", "content": {"type": "text", "text": "Hello"}}],
                "x-params": message["params"],
            })),
            "resources/read" if message["params"]["uri"] == "fake://absent" => {
                let code = if self.speaks == Speaks::Legacy { -32002 } else { -32602 };
                let error = json!({"code": code, "message": "Resource not found", "data": {"uri": "fake://absent"}});
                return (200, json!({"jsonrpc": "2.0", "id": id, "error": error}));
            }
            "resources/read" => Some(json!({
                "contents": [{"uri": message["params"]["uri"], "text": "content"}],
            })),
            "completion/complete" => Some(json!({"completion": {"values": ["Paris"]}})),
            "tools/call" => Some(self.call(message, headers)),
            "vendor/method" => Some(json!({"x": message["params"]})),
            _ => None,
        };
        match result {
            Some(result) => {
                let result = self.stamped(result);
                (200, json!({"jsonrpc": "2.0", "id": id, "result": result}))
            }
            None => {
                let error = json!({"code": -32601, "message": "Method not found"});
                let status = if self.speaks == Speaks::Modern { 404 } else { 200 };
                (status, json!({"jsonrpc": "2.0", "id": id, "error": error}))
            }
        }
    }

    fn stamped(&self, mut result: Value) -> Value {
        if self.speaks == Speaks::Modern && result.get("resultType").is_none() {
            result["resultType"] = json!("complete");
        }
        result
    }

    fn call(&self, message: &Value, headers: &HeaderMap) -> Value {
        let arguments = &message["params"]["arguments"];
        match message["params"]["name"].as_str().unwrap() {
            "echo" => json!({
                "content": [{"type": "text", "text": arguments.to_string(), "x-block": 1}],
                "x-result": {"nested": [1.50, 12345678901234567890123_f64]},
            }),
            "leak" => {
                let key = headers.get("authorization").map_or("", |it| it.to_str().unwrap());
                json!({
                    "content": [{"type": "text", "text": format!("I was given {key}")}],
                    "structuredContent": {"key": key},
                })
            }
            "who" => who(arguments, headers),
            "fail" => json!({
                "content": [{"type": "text", "text": "it went wrong"}], "isError": true,
            }),
            other => json!({"content": [{"type": "text", "text": format!("no {other}")}]}),
        }
    }

    /// An answer that takes its time.
    async fn stream(&self, message: &Value, pieces: &mpsc::Sender<String>) {
        let params = &message["params"];
        let answer = |result: Value| {
            let result = self.stamped(result);
            event(&json!({"jsonrpc": "2.0", "id": message["id"], "result": result}))
        };
        let text = |text: &str| json!({"content": [{"type": "text", "text": text}]});
        match params["name"].as_str().unwrap_or("") {
            _ if params["argument"]["value"] == "ask" => self.ask(message, pieces, answer).await,
            "steps" => {
                for step in 1..=3 {
                    let token = &params["_meta"]["progressToken"];
                    let params = json!({"progressToken": token, "progress": step, "total": 3});
                    let note = json!({"jsonrpc": "2.0", "method": "notifications/progress", "params": params});
                    drop(pieces.send(event(&note)).await);
                }
                drop(pieces.send(answer(text("done"))).await);
            }
            "slow" => {
                drop(pieces.send(": wait\n\n".to_owned()).await);
                tokio::select! {
                    () = pieces.closed() => {
                        let gone = json!({"method": "test/closed", "params": params});
                        let (headers, connection) = (HeaderMap::new(), None);
                        self.note(Heard { message: gone, headers, connection });
                    }
                    _ = async { drop(self.slow.subscribe().wait_for(|slow| !slow).await) } => {
                        drop(pieces.send(answer(text("at last"))).await);
                    }
                }
            }
            "ask" => self.ask(message, pieces, answer).await,
            "poll" => {
                *self.polled.lock().unwrap() = Some(message.clone());
                drop(pieces.send("id: place-1\nretry: 50\ndata:\n\n".to_owned()).await);
            }
            "script" => {
                let pieces_of_it = self.script.lock().unwrap().clone();
                let token = params["_meta"]["progressToken"].to_string();
                for piece in pieces_of_it {
                    // The marks are on one side of every cut.
                    let piece = piece.replace("\"ID\"", &message["id"].to_string());
                    let piece = piece.replace("\"TOKEN\"", &token);
                    drop(pieces.send(piece).await);
                }
            }
            // The stream ends in the middle.
            "break" => drop(pieces.send(": so far\n\n".to_owned()).await),
            _ => {
                // A subscription: acknowledged, and then whatever the test says.
                let meta = json!({"io.modelcontextprotocol/subscriptionId": message["id"]});
                let accepted = json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
                    "params": {"notifications": params["notifications"], "_meta": meta}});
                drop(pieces.send(event(&accepted)).await);
                self.streams.lock().unwrap().push(pieces.clone());
                pieces.closed().await;
            }
        }
    }

    /// The rest of an answer, for who came back for it: it takes its time, too.
    async fn finish(&self, message: &Value, pieces: &mpsc::Sender<String>) {
        drop(pieces.send(": wait\n\n".to_owned()).await);
        drop(self.slow.subscribe().wait_for(|slow| !slow).await);
        let result = json!({"content": [{"type": "text", "text": "after all"}]});
        let answer = json!({"jsonrpc": "2.0", "id": message["id"], "result": result});
        drop(pieces.send(event(&answer)).await);
    }

    async fn ask(
        &self,
        message: &Value,
        pieces: &mpsc::Sender<String>,
        answer: impl Fn(Value) -> String,
    ) {
        let schema =
            json!({"type": "object", "properties": {"name": {"type": "string", "x-kept": true}}});
        let question = json!({"message": "Who?", "requestedSchema": schema});
        let greet = |reply: &Value| {
            let text = format!("Hello {}", reply["content"]["name"].as_str().unwrap_or("nobody"));
            json!({"content": [{"type": "text", "text": text}]})
        };
        if self.speaks == Speaks::Modern {
            let result = match message["params"]["inputResponses"].get("who") {
                Some(reply) if message["params"]["requestState"] == "state-1" => greet(reply),
                Some(_) | None => json!({
                    "resultType": "input_required", "requestState": "state-1",
                    "inputRequests": {"who": {"method": "elicitation/create", "params": question}},
                }),
            };
            drop(pieces.send(answer(result)).await);
            return;
        }
        let id = format!("question-{}", self.number());
        let (sender, receiver) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id.clone(), sender);
        let request =
            json!({"jsonrpc": "2.0", "id": id, "method": "elicitation/create", "params": question});
        drop(pieces.send(event(&request)).await);
        let Ok(reply) = receiver.await else { return };
        let result = match reply.get("result") {
            Some(result) => greet(result),
            None => json!({"content": [{"type": "text", "text": reply["error"]["message"]}]}),
        };
        drop(pieces.send(answer(result)).await);
    }
}

/// What a call came with: the part of its credential before the first dot, and its session. The
/// credential itself is in the answer, too.
fn who(arguments: &Value, headers: &HeaderMap) -> Value {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
    let given = header("authorization").or(header("x-own-key")).unwrap_or("nothing");
    let secret = given.strip_prefix("Bearer ").unwrap_or(given);
    let label = secret.split('.').next();
    let text = json!({
        "label": label, "session": header("mcp-session-id"), "n": arguments["n"], "given": given,
    });
    json!({"content": [{"type": "text", "text": text.to_string()}]})
}
