//! From a decoded message to what is answered: by era here, then by method in [`super::ask`].

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use lanyard_connect::mcp::ClientFacts;
use lanyard_core::{Denial, Failure};
use lanyard_wire::results::{CallResult, Content, EmptyResult, Implementation, Stamp};
use lanyard_wire::translate::ErrorFacts;
use lanyard_wire::{
    CancelledParams, Carrier, Classified, Handshake, Id, Incoming, Kind, Message, Method, Version,
    WireError, classify, classify_batch, encode_batch, encode_error, encode_raw_error,
    encode_result, splice,
};

use super::ask::Ask;
use super::client::{self, Client};
use super::outlet::{Accepts, Outlet, Sink};
use super::reply::{self, Reply};
use super::request::{Context, Shown};
use super::{offer, stream, user};
use crate::call::{Called, Outcome, Passed};

/// How long a client may keep what the gateway says of itself and its lists: not at all, because
/// a grant can be revoked at any time.
pub(super) const TTL_MS: u64 = 0;

/// What Lanyard says of itself.
pub(super) const LANYARD: Implementation<'static> = Implementation {
    name: Cow::Borrowed("lanyard"),
    title: Some(Cow::Borrowed("Lanyard")),
    version: Cow::Borrowed(env!("CARGO_PKG_VERSION")),
};

/// Lanyard's hand under a result for a reader of this version.
pub(super) fn stamp(version: Version) -> Stamp<'static> {
    Stamp { version, server: &LANYARD }
}

/// What a request says beside its body.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// What carried it, with the headers to hold against the body.
    pub(super) carrier: Carrier<'a>,
    /// The session that was shown.
    pub(super) session: Shown,
    /// Where messages go that come before the answer.
    pub(super) outlet: Outlet,
}

/// What is answered.
#[derive(Debug)]
pub(super) enum Dispatched {
    /// Nothing: the message was a notification or an answer.
    Accepted,
    /// An event stream.
    Stream(Reply),
    /// No, to the request as a whole.
    Denied(Denial),
    /// Not now: as much of this agent runs as may run at a time.
    Busy,
    /// A message.
    Message {
        /// The HTTP status it is sent with.
        status: StatusCode,
        /// The message.
        body: Bytes,
        /// The id of a session that begins with it.
        session: Option<String>,
        /// What `initialize` began: the version that was chosen, and what the client said.
        chosen: Option<(Version, Arc<ClientFacts>)>,
    },
}

impl Dispatched {
    pub(super) fn message(body: Vec<u8>) -> Self {
        Self::Message { status: StatusCode::OK, body: body.into(), session: None, chosen: None }
    }

    pub(super) fn error(id: Option<&Id<'_>>, error: &WireError) -> Self {
        Self::Message {
            status: StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST),
            body: encode_error(id, error).into(),
            session: None,
            chosen: None,
        }
    }

    /// What `initialize` began.
    pub(super) fn chosen(&self) -> Option<(Version, Arc<ClientFacts>)> {
        match self {
            Self::Message { status: _, body: _, session: _, chosen } => chosen.clone(),
            Self::Accepted | Self::Stream(_) | Self::Denied(_) | Self::Busy => None,
        }
    }

    /// The answer to the request with this id where there are messages and no statuses: in a
    /// batch, and on a stream of HTTP+SSE.
    pub(super) fn into_message(self, id: Option<&Id<'_>>) -> Option<Bytes> {
        let error = match self {
            Self::Accepted => return None,
            Self::Message { status: _, body, session: _, chosen: _ } => return Some(body),
            Self::Denied(denial) => WireError::invalid_request(&denial.to_string()),
            Self::Busy => WireError::internal(reply::TOO_MANY),
            Self::Stream(_) => WireError::invalid_request("a stream cannot be opened here"),
        };
        id.map(|id| encode_error(Some(id), &error).into())
    }
}

/// Answers a body.
pub(super) async fn dispatch(
    context: &Context,
    asked: &Asked<'_>,
    incoming: Incoming<'_>,
) -> Dispatched {
    match incoming {
        Incoming::One(message) => one(context, asked, &message).await,
        Incoming::Batch(messages) => batch(context, asked, messages).await,
    }
}

/// A batch, which 2025-03-26 alone knows: the answers in one array, in the order of the requests.
async fn batch(
    context: &Context,
    asked: &Asked<'_>,
    messages: Vec<Result<Message<'_>, WireError>>,
) -> Dispatched {
    if let Shown::Unknown = asked.session {
        return Dispatched::error(None, &WireError::session_unknown());
    }
    let version = match classify_batch(asked.carrier, &messages, asked.session.version()) {
        Ok(version) => version,
        Err(error) => return Dispatched::error(None, &error),
    };
    let mut context = context.again();
    let client = client_of(&context, version, &asked.session);
    let mut answers: Vec<Vec<u8>> = Vec::with_capacity(messages.len());
    for message in messages {
        if let Err(denial) = context.renew() {
            return refused(&context, denial);
        }
        let answer = match message {
            Err(error) => Dispatched::error(None, &error).into_message(None),
            Ok(message) => {
                let id = message.id.clone();
                in_batch(&context, &client, &message).await.into_message(id.as_ref())
            }
        };
        answers.extend(answer.map(Vec::from));
    }
    if answers.is_empty() {
        return Dispatched::Accepted;
    }
    Dispatched::message(encode_batch(&answers))
}

/// One message of a batch.
async fn in_batch(context: &Context, client: &Client, message: &Message<'_>) -> Dispatched {
    let own = match user::of_message(context, message) {
        Ok(own) => own,
        Err(error) => return Dispatched::error(message.id.as_ref(), &error),
    };
    let context = own.as_ref().unwrap_or(context);
    let ask = Ask { context, client, routing: None, outlet: &Outlet::Nowhere };
    legacy(&ask, message).await
}

/// Whether the endpoint leads anywhere for a method. A call finds that out by itself, because
/// its refusal has a record of its own that says who called what.
fn reachable_for(context: &Context, method: &Method<'_>) -> Result<(), Denial> {
    if *method == Method::ToolsCall { Ok(()) } else { context.reachable() }
}

/// A denial of a request as a whole.
fn refused(context: &Context, denial: Denial) -> Dispatched {
    context.count(&denial);
    Dispatched::Denied(denial)
}

async fn one(context: &Context, asked: &Asked<'_>, message: &Message<'_>) -> Dispatched {
    match user::of_message(context, message) {
        Ok(None) => for_one(context, asked, message).await,
        Ok(Some(context)) => for_one(&context, asked, message).await,
        Err(error) => Dispatched::error(message.id.as_ref(), &error),
    }
}

/// A message whose surroundings say for whom it is.
async fn for_one(context: &Context, asked: &Asked<'_>, message: &Message<'_>) -> Dispatched {
    let learned = match message.kind {
        Kind::Request { .. } => context.learn().await,
        Kind::Notification { .. } | Kind::Response { .. } => None,
    };
    let context = learned.as_ref().unwrap_or(context);
    match classify(asked.carrier, message, asked.session.version()) {
        Err(error) => Dispatched::error(message.id.as_ref(), &error),
        Ok(Classified::Modern(envelope)) => {
            let client = Client {
                version: envelope.version,
                facts: Arc::new(client::facts(envelope.client_capabilities, envelope.client_info)),
                log_level: envelope.log_level,
                live: None,
            };
            let routing = match asked.carrier {
                Carrier::Http(routing) => Some(routing),
                Carrier::Lines => None,
            };
            let ask = Ask { context, client: &client, routing, outlet: &asked.outlet };
            modern(&ask, message).await
        }
        Ok(Classified::Initialize(handshake)) => begin(context, message, &handshake),
        Ok(Classified::Legacy { version }) => {
            if let Shown::Unknown = asked.session {
                return Dispatched::error(message.id.as_ref(), &WireError::session_unknown());
            }
            let client = client_of(context, version, &asked.session);
            let ask = Ask { context, client: &client, routing: None, outlet: &asked.outlet };
            let answered = legacy(&ask, message).await;
            as_wanted(&ask, answered).await
        }
    }
}

/// The client of a message without envelope.
fn client_of(context: &Context, version: Version, shown: &Shown) -> Client {
    match shown {
        Shown::Session(session) => {
            let live = context.core.lives.of(session.key);
            let facts = Arc::clone(&session.client);
            Client { version, facts, log_level: live.log_level(), live: Some(live) }
        }
        Shown::Stream { version: _, facts, live } => Client {
            version,
            facts: Arc::clone(facts),
            log_level: live.log_level(),
            live: Some(Arc::clone(live)),
        },
        Shown::Nothing | Shown::Unknown => Client::unknown(version),
    }
}

/// `initialize`: a session begins.
fn begin(context: &Context, message: &Message<'_>, handshake: &Handshake<'_>) -> Dispatched {
    let Some(id) = &message.id else { return Dispatched::Accepted };
    if let Err(denial) = context.reachable() {
        return refused(context, denial);
    }
    let core = &context.core;
    let version = handshake.chosen;
    let facts = client::facts(handshake.client_capabilities, handshake.client_info);
    let session = core.sessions.begin(&context.caller.principal, version, &facts, core.clock.now());
    let result = offer::of(context).initialize(version);
    Dispatched::Message {
        status: StatusCode::OK,
        body: encode_result(id, &result).into(),
        session,
        chosen: Some((version, Arc::new(facts))),
    }
}

/// A message of the stateless era.
async fn modern(ask: &Ask<'_>, message: &Message<'_>) -> Dispatched {
    let context = ask.context;
    let (Some(id), Kind::Request { method, params }) = (&message.id, &message.kind) else {
        return Dispatched::Accepted;
    };
    if let Err(denial) = reachable_for(context, method) {
        return refused(context, denial);
    }
    if let Method::Other(_) = method
        && ask.passes_on()
    {
        return ask.beside(id, method, *params).await;
    }
    if !method.is_request_in(ask.client.version) {
        let error = WireError::method_not_found(ask.client.version, method);
        return Dispatched::error(Some(id), &error);
    }
    if *method == Method::Discover {
        let result = offer::of(context).discover(ask.client.version);
        Dispatched::message(encode_result(id, &result))
    } else if *method == Method::Listen {
        stream::listen(ask, id, *params)
    } else {
        ask.request(id, method, *params).await
    }
}

/// A message of the versions with sessions.
async fn legacy(ask: &Ask<'_>, message: &Message<'_>) -> Dispatched {
    let (Some(id), Kind::Request { method, params }) = (&message.id, &message.kind) else {
        ask.hear(message).await;
        return Dispatched::Accepted;
    };
    if let Err(denial) = reachable_for(ask.context, method) {
        return refused(ask.context, denial);
    }
    if *method == Method::Ping {
        let result = EmptyResult.to_json(stamp(ask.client.version));
        return Dispatched::message(encode_result(id, &result));
    }
    ask.request(id, method, *params).await
}

/// A result that is there, on a stream if the client would rather have one. An error is no more than
/// a line to read.
async fn as_wanted(ask: &Ask<'_>, answered: Dispatched) -> Dispatched {
    match (ask.outlet, answered) {
        (
            Outlet::Http(accepts @ Accepts::Stream),
            Dispatched::Message { status: StatusCode::OK, body, session: None, chosen: None },
        ) if !is_error(&body) => {
            let (sink, reply) = Sink::new(ask.context, ask.client, *accepts);
            sink.send(&body).await;
            Dispatched::Stream(reply)
        }
        (_, answered) => answered,
    }
}

fn is_error(message: &[u8]) -> bool {
    let text = std::str::from_utf8(message).unwrap_or_default();
    splice::member(text, &["error"]).is_some()
}

/// The request that a message cancels.
pub(super) fn cancelled<'a>(message: &Message<'a>) -> Option<CancelledParams<'a>> {
    if message.method() != Some(&Method::Cancelled) {
        return None;
    }
    CancelledParams::parse(message.params())
}

/// The answer to a call that ended, for a reader of this version.
pub(super) fn conclude(version: Version, id: &Id<'_>, called: Called) -> Dispatched {
    let Called { record, outcome, is_tool, yes: _ } = called;
    let text = match outcome {
        Outcome::Answered(result) => return answered(version, id, result),
        Outcome::Passed(Passed::Result(result)) => {
            return Dispatched::message(encode_result(id, &result));
        }
        Outcome::Passed(Passed::Error(error)) => {
            let code = ErrorFacts::read(&error).map_or(0, |facts| facts.code);
            let status = if version.is_modern() { status_of(code) } else { StatusCode::OK };
            let body = encode_raw_error(id, &error).into();
            return Dispatched::Message { status, body, session: None, chosen: None };
        }
        Outcome::Denied(denial) => match denial {
            Denial::ServerUnknown | Denial::ServerDisabled | Denial::ServerNotGranted => {
                return Dispatched::Denied(denial);
            }
            Denial::ToolUnknown { tool: _ }
            | Denial::ToolNotGranted { tool: _ }
            | Denial::PromptUnknown { prompt: _ } => {
                // The request was understood and answered; so it is no failure of HTTP.
                let error =
                    WireError { status: 200, ..WireError::invalid_params(denial.to_string()) };
                return Dispatched::error(Some(id), &error);
            }
            Denial::UserNotGranted { user: _ }
            | Denial::PolicyForbids { .. }
            | Denial::PolicyUndecidable { .. }
            | Denial::ArgumentCredential { .. }
                if !is_tool =>
            {
                let text = format!("{denial} (record {record})");
                let error = WireError { status: 200, ..WireError::invalid_params(text) };
                return Dispatched::error(Some(id), &error);
            }
            Denial::ResourceUnknown { uri } => {
                return Dispatched::error(Some(id), &WireError::resource_not_found(version, &uri));
            }
            Denial::MethodUnknown { method } => {
                let method = Method::Other(Cow::Borrowed(&method));
                return Dispatched::error(Some(id), &WireError::method_not_found(version, &method));
            }
            Denial::LimitReached(ref reached) => {
                let text = format!("{denial} (record {record})");
                return limited(version, id, is_tool, &text, reached.retry_after);
            }
            Denial::TokenMissing
            | Denial::TokenUnknown
            | Denial::TokenExpired
            | Denial::TokenRevoked
            | Denial::OriginForeign
            | Denial::HostForeign
            | Denial::ToolChanged { tool: _ }
            | Denial::UserNotGranted { user: _ }
            | Denial::PolicyForbids { .. }
            | Denial::PolicyUndecidable { .. }
            | Denial::ArgumentsInvalid { problem: _ }
            | Denial::ArgumentCredential { .. }
            | Denial::ApprovalNeeded { id: _, reason: _ }
            | Denial::ApprovalRefused { id: _, why: _ }
            | Denial::ApprovalsFull { reason: _, waiting: _ } => denial.to_string(),
        },
        Outcome::Waits(denial) => denial.to_string(),
        Outcome::Failed(failure) => failure.to_string(),
        Outcome::Undecided => Failure::Bug.to_string(),
    };
    let text = format!("{text} (record {record})");
    if is_tool {
        failed(id, version, &text)
    } else {
        Dispatched::error(Some(id), &WireError::internal(&text))
    }
}

/// The answer to a call that failed.
pub(super) fn failed(id: &Id<'_>, version: Version, text: &str) -> Dispatched {
    Dispatched::message(encode_result(id, &CallResult::error(text).to_json(stamp(version))))
}

/// Under which key an agent is told after how many seconds it may try again.
const RETRY_AFTER: &str = "io.lanyard/retryAfter";

/// The answer to a call that a limit lets not through: what a model reads, and for programs the
/// seconds until it may be tried again.
fn limited(
    version: Version,
    id: &Id<'_>,
    is_tool: bool,
    text: &str,
    retry_after: Option<u32>,
) -> Dispatched {
    let seconds = retry_after.map(|seconds| seconds.to_string());
    if !is_tool {
        let error = WireError { status: 200, ..WireError::internal(text) };
        return Dispatched::error(
            Some(id),
            &match seconds {
                Some(seconds) => error.with_data(format!("{{\"{RETRY_AFTER}\":{seconds}}}")),
                None => error,
            },
        );
    }
    let result = CallResult::error(text).to_json(stamp(version));
    let told = seconds.and_then(|it| splice::set_member(&result, &["_meta", RETRY_AFTER], &it));
    Dispatched::message(encode_result(id, &told.unwrap_or(result)))
}

/// An answer's status for a code of the protocol (2026-07-28; older versions know no statuses).
fn status_of(code: i64) -> StatusCode {
    match code {
        -32601 => StatusCode::NOT_FOUND,
        -32022..=-32020 => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}

fn answered(version: Version, id: &Id<'_>, result: lanyard_rest::ToolResult) -> Dispatched {
    let content = result
        .content
        .into_iter()
        .map(|content| match content {
            lanyard_rest::Content::Text(text) => Content::Text(text.into()),
            lanyard_rest::Content::Image { data_base64, mime } => {
                Content::Image { data_base64: data_base64.into(), mime: mime.into() }
            }
        })
        .collect();
    let structured = result.structured.map(Cow::Owned);
    let result = CallResult { content, structured, is_error: result.is_error };
    Dispatched::message(encode_result(id, &result.to_json(stamp(version))))
}
