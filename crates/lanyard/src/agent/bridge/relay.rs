//! Carries one message to the gateway, and what comes back to the client.

use std::collections::HashMap;
use std::sync::PoisonError;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use lanyard_wire::{
    Id, ParamHeaders, WireError, encode_error, encode_request, encode_result, splice, sse,
};
use serde_json::Value;
use serde_json::value::RawValue;

use super::line::{Line, Modern, Said};
use super::{Bridge, Running};
use crate::agent::client::{ClientError, Parcel};

/// JSON-RPC: headers and body disagree, for instance because a schema's annotations are unknown.
const HEADER_MISMATCH: &str = "-32020";

/// Pages of tools that are read to learn their schemas.
const PAGES_MAX: usize = 1000;

/// Which arguments of tools headers repeat, from the lists that the client saw.
#[derive(Debug, Default)]
pub(super) struct Schemas {
    tools: HashMap<String, ParamHeaders>,
}

impl Schemas {
    /// Reads an answer to `tools/list`, and gives the cursor of the next page.
    fn learn(&mut self, answer: &str) -> Option<String> {
        let tools = splice::member(answer, &["result", "tools"])?;
        for tool in splice::elements(tools.get()).unwrap_or_default() {
            let read =
                |key| serde_json::from_str::<Value>(splice::member(tool.get(), &[key])?.get()).ok();
            let Some(Value::String(name)) = read("name") else { continue };
            // A tool with annotations that break the rules is not offered over HTTP.
            let headers = ParamHeaders::compile(&read("inputSchema").unwrap_or_default());
            match headers.ok().filter(|headers| !headers.is_empty()) {
                Some(headers) => self.tools.insert(name, headers),
                None => self.tools.remove(&name),
            };
        }
        let next = splice::member(answer, &["result", "nextCursor"])?;
        serde_json::from_str(next.get()).ok()
    }

    /// The headers that repeat arguments of a call.
    fn headers(&self, tool: &str, params: &str) -> Vec<(String, String)> {
        let arguments: Option<&RawValue> = splice::member(params, &["arguments"]);
        self.tools.get(tool).map_or(Vec::new(), |headers| headers.headers(arguments))
    }
}

impl Bridge {
    /// Carries a message. Whatever happens, a request gets an answer, unless it is unwanted.
    pub(super) async fn carry(&self, line: &Line, running: &Running) {
        let carried = if running.is_modern {
            tokio::select! {
                carried = self.exchange(line) => carried,
                () = running.unwanted.cancelled() => return,
            }
        } else {
            self.exchange(line).await
        };
        let Err(problem) = carried else { return };
        if running.unwanted.is_cancelled() {
            return;
        }
        let text = advice(&problem);
        match (&line.id, &line.said) {
            (None, Said::Batch) => self.say(&encode_error(None, &WireError::internal(text))).await,
            (None, _) => (self.notice)(&text),
            (id @ Some(_), _) => {
                self.say(&encode_error(id.as_ref(), &WireError::internal(text))).await;
            }
        }
    }

    async fn exchange(&self, line: &Line) -> Result<(), ClientError> {
        let answer = match (&line.modern, &line.said) {
            (Some(modern), Said::Call(tool)) => self.call(line, modern, tool).await?,
            (Some(modern), _) => {
                let parcel = self.post(&modern.headers, &line.bytes).await?;
                self.receive(line.id.as_ref(), parcel).await?
            }
            (None, Said::Initialize) => self.greet(line).await?,
            (None, Said::Initialized) => self.ready(line).await?,
            (None, _) => {
                let parcel = self.post_in_session(&line.bytes).await?;
                self.receive(line.id.as_ref(), parcel).await?
            }
        };
        let Some(answer) = answer else { return Ok(()) };
        if line.modern.is_some() && line.said == Said::ListTools {
            self.learn(&answer);
        }
        self.say(&answer).await;
        Ok(())
    }

    pub(super) async fn post(
        &self,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<Parcel, ClientError> {
        self.courier.send(Method::POST, headers, body.clone()).await
    }

    /// A call of a version without sessions. Where its headers alone were refused, nothing was
    /// done yet: with the schema at hand they can be written as it wants them.
    async fn call(
        &self,
        line: &Line,
        modern: &Modern,
        tool: &str,
    ) -> Result<Option<Vec<u8>>, ClientError> {
        let headers = self.headers_of_call(modern, tool);
        let parcel = self.post(&headers, &line.bytes).await?;
        if parcel.status() != StatusCode::BAD_REQUEST {
            return self.receive(line.id.as_ref(), parcel).await;
        }
        let body = self.courier.body(parcel).await?;
        let text = String::from_utf8_lossy(&body);
        let code = splice::member(&text, &["error", "code"]);
        if code.is_some_and(|code| code.get() == HEADER_MISMATCH) {
            self.learn_all(modern).await?;
            let better = self.headers_of_call(modern, tool);
            if better != headers {
                let parcel = self.post(&better, &line.bytes).await?;
                return self.receive(line.id.as_ref(), parcel).await;
            }
        }
        self.receive_body(line.id.as_ref(), StatusCode::BAD_REQUEST, body)
    }

    fn headers_of_call(&self, modern: &Modern, tool: &str) -> HeaderMap {
        let mut headers = modern.headers.clone();
        let schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, value) in schemas.headers(tool, &modern.params) {
            if let (Ok(name), Ok(value)) =
                (HeaderName::try_from(name), HeaderValue::try_from(value))
            {
                headers.insert(name, value);
            }
        }
        headers
    }

    fn learn(&self, answer: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(answer).ok()?;
        self.schemas.lock().unwrap_or_else(PoisonError::into_inner).learn(text)
    }

    /// Reads the whole list of tools, as the client of this call would.
    async fn learn_all(&self, modern: &Modern) -> Result<(), ClientError> {
        let id = Id::from_text("lanyard-bridge-tools");
        let mut headers = modern.headers.clone();
        headers.insert("mcp-method", HeaderValue::from_static("tools/list"));
        headers.remove("mcp-name");
        let meta = splice::member(&modern.params, &["_meta"]).map_or("{}", RawValue::get);
        let meta = splice::remove_members(meta, &[], &["progressToken"]);
        let first = splice::set_member("{}", &["_meta"], meta.as_deref().unwrap_or("{}"));
        let first = first.unwrap_or_default();
        let mut params = first.clone();
        for _page in 0..PAGES_MAX {
            let body = encode_request(&id, "tools/list", Some(&params));
            let parcel = self.post(&headers, &body.into()).await?;
            let answer = self.receive(Some(&id), parcel).await?.unwrap_or_default();
            let Some(cursor) = self.learn(&answer) else { return Ok(()) };
            let cursor = Value::from(cursor).to_string();
            params = splice::set_member(&first, &["cursor"], &cursor).unwrap_or_default();
        }
        Ok(())
    }

    /// Passes on what comes back, but for the answer to `id`, which goes to the caller. A batch
    /// and a notification have no `id`; the answers to a batch are one.
    pub(super) async fn receive(
        &self,
        id: Option<&Id<'_>>,
        parcel: Parcel,
    ) -> Result<Option<Vec<u8>>, ClientError> {
        if parcel.is_stream() {
            return self.receive_stream(id, parcel.unlimited()).await;
        }
        let status = parcel.status();
        let body = self.courier.body(parcel).await?;
        self.receive_body(id, status, body)
    }

    fn receive_body(
        &self,
        id: Option<&Id<'_>>,
        status: StatusCode,
        body: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, ClientError> {
        if let Some(answer) = answer(id, &body) {
            return Ok(Some(answer));
        }
        match (self.courier.refusal(status, &body), id) {
            (Some(problem), _) => Err(problem),
            (None, Some(_)) => Err(ClientError::Protocol("no answer to the request".to_owned())),
            (None, None) => Ok(None),
        }
    }

    async fn receive_stream(
        &self,
        id: Option<&Id<'_>>,
        mut parcel: Parcel,
    ) -> Result<Option<Vec<u8>>, ClientError> {
        let mut parser = sse::Parser::new(self.message_bytes_max);
        let mut events = Vec::new();
        while let Some(piece) = parcel.piece().await? {
            let fed = parser.feed(&piece, &mut events);
            for event in events.drain(..) {
                if id.is_some()
                    && let Some(answer) = answer(id, &event.data)
                {
                    return Ok(Some(answer));
                }
                self.pass_on(&event.data).await;
            }
            fed.map_err(|error| ClientError::Protocol(error.to_string()))?;
        }
        match id {
            Some(_) => Err(ClientError::Protocol(
                "the stream ended before the answer; what was asked may have been done".to_owned(),
            )),
            None => Ok(None),
        }
    }

    /// Passes on what a stream says. What is no JSON is no message.
    pub(super) async fn pass_on(&self, data: &[u8]) {
        if serde_json::from_slice::<&RawValue>(data).is_ok() {
            self.say(data).await;
        }
    }
}

/// The message that answers a request, or without an id the answers to a batch. An error that
/// could not name the request is given its id.
fn answer(id: Option<&Id<'_>>, body: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    let raw: &RawValue = serde_json::from_str(text).ok()?;
    let Some(id) = id else {
        return raw.get().starts_with('[').then(|| body.to_vec());
    };
    let (error, result) =
        (splice::member(raw.get(), &["error"]), splice::member(raw.get(), &["result"]));
    splice::member(raw.get(), &["jsonrpc"])?;
    match (splice::member(raw.get(), &["id"]).map(RawValue::get), error.or(result)) {
        (Some("null") | None, Some(_)) => {
            // The shape is that of a result, and its member has another name.
            let named = encode_result(id, "null");
            let named =
                splice::remove_members(std::str::from_utf8(&named).ok()?, &[], &["result"])?;
            splice::set_member(&named, &["error"], error?.get()).map(String::into_bytes)
        }
        (Some(answered), Some(_)) if is_same(id, answered) => Some(body.to_vec()),
        _ => None,
    }
}

/// Whether an id is the one that was asked with, however it is written.
fn is_same(id: &Id<'_>, answered: &str) -> bool {
    let read = |raw| serde_json::from_str::<Value>(raw).ok();
    id.as_raw() == answered || read(id.as_raw()) == read(answered)
}

/// What went wrong, and what a person can do about it.
fn advice(problem: &ClientError) -> String {
    let advice = match problem {
        ClientError::Unauthorized(_) => {
            "set LANYARD_TOKEN to a valid token; `lanyard agent add` and `lanyard agent rotate` print one"
        }
        ClientError::Denied(_) | ClientError::Status { status: 404, .. } => {
            "an operator can grant access; `lanyard list` shows what this token may use"
        }
        ClientError::Offline { .. } => {
            "start the gateway with `lanyard up`, or set LANYARD_URL to where it listens"
        }
        ClientError::Status { .. }
        | ClientError::Rpc { .. }
        | ClientError::Protocol(_)
        | ClientError::Unsendable(_) => return format!("Lanyard: {problem}"),
    };
    format!("Lanyard: {problem}; {advice}")
}
