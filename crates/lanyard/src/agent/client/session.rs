//! A conversation with one endpoint: which era of the protocol it speaks, its tools, a call.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};

use super::error::Detail;
use super::link::{Answer, Link};
use super::message::{Call, LATEST_LEGACY, MODERN, client_info, param_headers, read_answer};
use super::request::request;
use super::sse::Events;
use super::{ClientError, Endpoint};

const PAGES_MAX: usize = 1000;
const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");

/// JSON-RPC: the server knows other versions of the protocol.
const UNSUPPORTED_VERSION: i64 = -32022;
/// JSON-RPC: the server understood the version and refuses something else about the request.
const MODERN_REFUSALS: [i64; 2] = [-32020, -32021];
/// JSON-RPC: headers and body disagree, for instance because a schema's annotations are unknown.
const HEADER_MISMATCH: i64 = -32020;

/// Where Lanyard names the approval that a call waits for.
const APPROVAL: &str = "io.lanyard/approval";

/// An open conversation.
#[derive(Debug)]
pub(crate) struct Session {
    wire: Wire,
    era: Era,
    instructions: Option<String>,
}

/// A tool as its server lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tool {
    /// Its name.
    pub(crate) name: String,
    /// What it does.
    pub(crate) description: Option<String>,
    /// The JSON Schema of its arguments.
    pub(crate) input_schema: Value,
    /// The JSON Schema of its structured answer.
    pub(crate) output_schema: Option<Value>,
    /// Whether it says that it changes nothing.
    pub(crate) read_only: bool,
}

/// How requests look: an envelope in every one, or a session begun with `initialize`.
#[derive(Debug)]
enum Era {
    Modern,
    Legacy(HeaderMap),
}

impl Session {
    /// Connects and agrees on an era: the version without sessions first, then `initialize`
    /// where the answer says that the server does not know it. An outage is no such answer.
    pub(crate) async fn open(endpoint: Endpoint) -> Result<Self, ClientError> {
        let mut wire = Wire { endpoint, link: None, last_id: 0 };
        match wire.ask_modern(&Call::new("server/discover")).await {
            Ok(result) if offers_modern(&result) => Ok(Self::new(wire, Era::Modern, &result)),
            Ok(_legacy_only) => Self::initialize(wire).await,
            Err(problem) if speaks_modern(&problem) => {
                Ok(Self { wire, era: Era::Modern, instructions: None })
            }
            Err(problem) if may_be_legacy(&problem) => Self::initialize(wire).await,
            Err(problem) => Err(problem),
        }
    }

    fn new(wire: Wire, era: Era, greeting: &Value) -> Self {
        let instructions = greeting.get("instructions").and_then(Value::as_str).map(str::to_owned);
        Self { wire, era, instructions }
    }

    async fn initialize(mut wire: Wire) -> Result<Self, ClientError> {
        let call = Call::new("initialize")
            .with("protocolVersion", LATEST_LEGACY)
            .with("capabilities", json!({}))
            .with("clientInfo", client_info());
        let id = wire.next_id();
        let body = call.legacy_body(Some(id));
        let (result, answer_headers) = wire.ask(id, body, &HeaderMap::new()).await?;
        let version = result.get("protocolVersion").and_then(Value::as_str).unwrap_or_default();
        let version = HeaderValue::from_str(version)
            .map_err(|_| ClientError::Protocol("`protocolVersion` is unusable".to_owned()))?;
        let mut headers = HeaderMap::new();
        headers.insert(PROTOCOL_VERSION, version);
        if let Some(session) = answer_headers.get(SESSION_ID) {
            headers.insert(SESSION_ID, session.clone());
        }
        let initialized = Call::new("notifications/initialized").legacy_body(None);
        wire.notify(initialized, &headers).await?;
        Ok(Self::new(wire, Era::Legacy(headers), &result))
    }

    /// What the server says about its use as a whole.
    pub(crate) fn instructions(&self) -> Option<&str> {
        self.instructions.as_deref()
    }

    /// Every tool, page by page.
    pub(crate) async fn list_tools(&mut self) -> Result<Vec<Tool>, ClientError> {
        let mut tools = Vec::new();
        let mut call = Call::new("tools/list");
        for _page in 0..PAGES_MAX {
            let result = self.ask(&call).await?;
            let listed = result.get("tools").and_then(Value::as_array);
            let listed =
                listed.ok_or_else(|| ClientError::Protocol("no `tools` in a list".to_owned()))?;
            tools.extend(listed.iter().filter_map(Tool::read));
            match result.get("nextCursor").and_then(Value::as_str) {
                Some(cursor) => call = Call::new("tools/list").with("cursor", cursor),
                None => return Ok(tools),
            }
        }
        Err(ClientError::Protocol(format!("a list of more than {PAGES_MAX} pages")))
    }

    /// Calls a tool and gives the whole result. `schema` is the tool's, where it is known.
    pub(crate) async fn call_tool(
        &mut self,
        name: &str,
        arguments: &Map<String, Value>,
        schema: Option<&Value>,
    ) -> Result<Value, ClientError> {
        let mut call =
            Call::new("tools/call").with("name", name).with("arguments", arguments.clone());
        call.name = Some(name.to_owned());
        call.param_headers = schema.map_or(Vec::new(), |schema| param_headers(schema, arguments));
        match self.ask_or_wait(&call).await {
            // Nothing was done yet: the headers alone were refused. With the schema at hand they
            // can be written as it wants them.
            Err(ClientError::Rpc { code: HEADER_MISMATCH, .. }) if schema.is_none() => {
                let tools = self.list_tools().await?;
                let tool = tools.iter().find(|tool| tool.name == name);
                let schema = tool.map_or(&Value::Null, |tool| &tool.input_schema);
                call.param_headers = param_headers(schema, arguments);
                self.ask(&call).await
            }
            outcome => outcome,
        }
    }

    /// Ends the session at the server, where there is one. A server that does not care to hear
    /// it has lost nothing.
    pub(crate) async fn close(mut self) {
        if let Era::Legacy(headers) = &self.era
            && headers.contains_key(SESSION_ID)
        {
            let ended = self.wire.exchange(Method::DELETE, Vec::new(), headers).await;
            tracing::debug!(ended = ended.is_ok(), "The session was ended.");
        }
    }

    /// Asks, and asks once more where a person has to approve it: a client that does not come back
    /// with the state is kept waiting for the decision, and then told in words.
    async fn ask_or_wait(&mut self, call: &Call) -> Result<Value, ClientError> {
        let result = self.ask_once(call).await?;
        let meta = result.get("_meta");
        match meta.and_then(|meta| meta.get(APPROVAL)) {
            Some(_) if !is_complete(&result) => self.ask(call).await,
            Some(_) | None => complete(result),
        }
    }

    async fn ask(&mut self, call: &Call) -> Result<Value, ClientError> {
        complete(self.ask_once(call).await?)
    }

    async fn ask_once(&mut self, call: &Call) -> Result<Value, ClientError> {
        match &self.era {
            Era::Modern => self.wire.ask_modern(call).await,
            Era::Legacy(headers) => {
                let id = self.wire.next_id();
                Ok(self.wire.ask(id, call.legacy_body(Some(id)), headers).await?.0)
            }
        }
    }
}

fn is_complete(result: &Value) -> bool {
    matches!(result.get("resultType").and_then(Value::as_str), None | Some("complete"))
}

/// A result, unless it wants something that this client cannot give.
fn complete(result: Value) -> Result<Value, ClientError> {
    match result.get("resultType").and_then(Value::as_str) {
        None | Some("complete") => Ok(result),
        Some(other) => Err(ClientError::Protocol(format!(
            "the server answers with `{}`, which this command cannot continue",
            super::error::one_line(other)
        ))),
    }
}

impl Tool {
    fn read(value: &Value) -> Option<Self> {
        let description = value.get("description").and_then(Value::as_str);
        Some(Self {
            name: value.get("name")?.as_str()?.to_owned(),
            description: description.map(str::to_owned),
            input_schema: value.get("inputSchema").cloned().unwrap_or(Value::Null),
            output_schema: value.get("outputSchema").filter(|schema| schema.is_object()).cloned(),
            read_only: value.pointer("/annotations/readOnlyHint") == Some(&Value::Bool(true)),
        })
    }
}

/// One request that is not MCP, over a connection of its own: status and body, whatever they are.
pub(crate) async fn exchange_once(
    endpoint: Endpoint,
    method: Method,
    body: Vec<u8>,
) -> Result<(StatusCode, Vec<u8>), ClientError> {
    let mut wire = Wire { endpoint, link: None, last_id: 0 };
    let (status, _headers, body) = wire.exchange(method, body, &HeaderMap::new()).await?;
    Ok((status, body))
}

/// Why a download did not come to its end.
#[derive(Debug)]
pub(crate) enum DownloadError {
    /// The gateway's part of it.
    Client(ClientError),
    /// It is elsewhere.
    Moved(String),
    /// The gateway said no, with this body.
    Refused(StatusCode, Vec<u8>),
    /// What was read could not be passed on.
    Sink(std::io::Error),
}

/// One request, the body of its answer given to `sink` piece by piece: it may be larger than memory.
pub(crate) async fn download(
    endpoint: Endpoint,
    (method, body): (Method, Vec<u8>),
    sink: &mut (dyn FnMut(&[u8]) -> std::io::Result<()> + Send),
) -> Result<(), DownloadError> {
    let mut wire = Wire { endpoint, link: None, last_id: 0 };
    let sent = wire.send(method, body, &HeaderMap::new()).await;
    let (mut link, mut answer) = sent.map_err(DownloadError::Client)?;
    let location = answer.headers.get(http::header::LOCATION).and_then(|it| it.to_str().ok());
    if let Some(location) = location.filter(|_| answer.status.is_redirection()) {
        return Err(DownloadError::Moved(location.to_owned()));
    }
    if !answer.status.is_success() {
        let body = link.whole(&mut answer).await.map_err(DownloadError::Client)?;
        return Err(DownloadError::Refused(answer.status, body));
    }
    let mut answer = answer.unlimited();
    while let Some(piece) = link.next_piece(&mut answer).await.map_err(DownloadError::Client)? {
        sink(&piece).map_err(DownloadError::Sink)?;
    }
    Ok(())
}

/// Reads a JSON document of the gateway that is not MCP: `GET path`.
pub(crate) async fn fetch_json(endpoint: Endpoint) -> Result<Value, ClientError> {
    let mut wire = Wire { endpoint, link: None, last_id: 0 };
    let (status, _headers, body) =
        wire.exchange(Method::GET, Vec::new(), &HeaderMap::new()).await?;
    refuse(status, &body).map_err(|problem| wire.masked(problem))?;
    serde_json::from_slice(&body)
        .map_err(|_| ClientError::Protocol("a JSON document was expected".to_owned()))
}

fn offers_modern(result: &Value) -> bool {
    let versions = result.get("supportedVersions").and_then(Value::as_array);
    versions.into_iter().flatten().any(|version| version.as_str() == Some(MODERN))
}

/// Whether an error can only come from a server that knows the version without sessions.
fn speaks_modern(problem: &ClientError) -> bool {
    match problem {
        ClientError::Rpc { code, supported, .. } => {
            MODERN_REFUSALS.contains(code)
                || (*code == UNSUPPORTED_VERSION && supported.iter().any(|it| it == MODERN))
        }
        ClientError::Unauthorized(_)
        | ClientError::Denied(_)
        | ClientError::Status { .. }
        | ClientError::Offline { .. }
        | ClientError::Protocol(_)
        | ClientError::Unsendable(_) => false,
    }
}

/// Whether an error may mean that the server is older: a refusal of the request as such, and
/// neither an outage nor a question of access or of rate.
fn may_be_legacy(problem: &ClientError) -> bool {
    match problem {
        ClientError::Rpc { .. } | ClientError::Protocol(_) => true,
        ClientError::Status { status, .. } => (400..500).contains(status) && *status != 429,
        ClientError::Unauthorized(_)
        | ClientError::Denied(_)
        | ClientError::Offline { .. }
        | ClientError::Unsendable(_) => false,
    }
}

/// Requests and answers, whatever they mean.
#[derive(Debug)]
struct Wire {
    endpoint: Endpoint,
    link: Option<Link>,
    last_id: u64,
}

impl Wire {
    fn next_id(&mut self) -> u64 {
        self.last_id = self.last_id.saturating_add(1);
        self.last_id
    }

    fn masked(&self, problem: ClientError) -> ClientError {
        problem.masked(|text| self.endpoint.mask(text))
    }

    async fn ask_modern(&mut self, call: &Call) -> Result<Value, ClientError> {
        let id = self.next_id();
        let headers = call.modern_headers()?.into_iter().collect();
        Ok(self.ask(id, call.modern_body(id), &headers).await?.0)
    }

    /// Sends a request and waits for the message that answers it.
    async fn ask(
        &mut self,
        id: u64,
        body: Vec<u8>,
        headers: &HeaderMap,
    ) -> Result<(Value, HeaderMap), ClientError> {
        let outcome = self.ask_unmasked(id, body, headers).await;
        outcome.map_err(|problem| self.masked(problem))
    }

    async fn ask_unmasked(
        &mut self,
        id: u64,
        body: Vec<u8>,
        headers: &HeaderMap,
    ) -> Result<(Value, HeaderMap), ClientError> {
        let (mut link, mut answer) = self.send(Method::POST, body, headers).await?;
        let status = answer.status;
        let outcome = if answer.is_stream() && status.is_success() {
            // What follows in the stream is not read, so the connection is not used again.
            read_stream(&mut link, &mut answer, id).await
        } else {
            let body = link.whole(&mut answer).await?;
            self.link = Some(link);
            read_answer(&body, id, status.as_u16())
                .unwrap_or_else(|| Err(unanswered(status, &body)))
        };
        // Access is a question of the status, whatever the body says.
        let outcome = outcome.map_err(|problem| by_status(status, problem))?;
        Ok((outcome, answer.headers))
    }

    async fn notify(&mut self, body: Vec<u8>, headers: &HeaderMap) -> Result<(), ClientError> {
        let (status, _headers, body) = self.exchange(Method::POST, body, headers).await?;
        refuse(status, &body).map_err(|problem| self.masked(problem))
    }

    async fn exchange(
        &mut self,
        method: Method,
        body: Vec<u8>,
        headers: &HeaderMap,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), ClientError> {
        let (mut link, mut answer) = self.send(method, body, headers).await?;
        let body = link.whole(&mut answer).await?;
        self.link = Some(link);
        Ok((answer.status, answer.headers, body))
    }

    async fn send(
        &mut self,
        method: Method,
        body: Vec<u8>,
        headers: &HeaderMap,
    ) -> Result<(Link, Answer), ClientError> {
        let request = request(&self.endpoint, method, body.into(), headers)?;
        let mut link = match self.link.take().filter(Link::is_open) {
            Some(link) => link,
            None => Link::open(&self.endpoint).await?,
        };
        let answer = link.send(request).await?;
        Ok((link, answer))
    }
}

async fn read_stream(link: &mut Link, answer: &mut Answer, id: u64) -> Result<Value, ClientError> {
    let status = answer.status.as_u16();
    let mut events = Events::default();
    while let Some(piece) = link.next_piece(answer).await? {
        for data in events.push(&piece) {
            if let Some(outcome) = read_answer(data.as_bytes(), id, status) {
                return outcome;
            }
        }
    }
    Err(ClientError::Protocol("the stream ended before the answer".to_owned()))
}

fn unanswered(status: StatusCode, body: &[u8]) -> ClientError {
    match refuse(status, body) {
        Err(problem) => problem,
        Ok(()) => ClientError::Protocol("no JSON-RPC answer to the request".to_owned()),
    }
}

fn by_status(status: StatusCode, problem: ClientError) -> ClientError {
    match (status, &problem) {
        (StatusCode::UNAUTHORIZED, ClientError::Rpc { message, .. }) => {
            ClientError::Unauthorized(Detail::from_body(message.as_bytes()))
        }
        (StatusCode::FORBIDDEN, ClientError::Rpc { message, .. }) => {
            ClientError::Denied(Detail::from_body(message.as_bytes()))
        }
        _ => problem,
    }
}

/// An error for every status that is not a success.
pub(super) fn refuse(status: StatusCode, body: &[u8]) -> Result<(), ClientError> {
    if status.is_success() {
        return Ok(());
    }
    let detail = Detail::from_body(body);
    Err(match status {
        StatusCode::UNAUTHORIZED => ClientError::Unauthorized(detail),
        StatusCode::FORBIDDEN => ClientError::Denied(detail),
        status => ClientError::Status { status: status.as_u16(), detail },
    })
}
