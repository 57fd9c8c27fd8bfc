//! From a decoded message to what is answered: classify by era, then by method.

use std::borrow::Cow;

use bytes::Bytes;
use http::StatusCode;
use lanyard_core::Denial;
use lanyard_wire::results::{
    CallResult, Capabilities, Content, DiscoverResult, EmptyResult, Implementation,
    InitializeResult, Lists, RawList, Stamp,
};
use lanyard_wire::{
    CallParams, Carrier, Classified, Id, Incoming, Kind, ListParams, Message, Method, ReadParams,
    RoutingHeaders, Version, WireError, classify, classify_batch, encode_batch, encode_error,
    encode_result,
};
use serde_json::value::RawValue;

use super::reply::{self, Reply};
use super::request::{Context, Shown};
use super::route::Scope;
use super::{list, stream};
use crate::call::{self, Called, Outcome};

/// How long a client may keep what the gateway says of itself and its lists: not at all, because
/// a grant can be revoked at any time.
pub(super) const TTL_MS: u64 = 0;

/// What Lanyard says of itself.
const LANYARD: Implementation<'static> = Implementation {
    name: Cow::Borrowed("lanyard"),
    title: Some(Cow::Borrowed("Lanyard")),
    version: Cow::Borrowed(env!("CARGO_PKG_VERSION")),
};

/// What Lanyard offers through every endpoint: tools, whose lists change with grants. REST servers
/// have no prompts and no resources; their lists are empty, which says so to clients that ask
/// for all three whatever a server declares.
const CAPABILITIES: Capabilities =
    Capabilities { prompts: Lists::Quiet, resources: Lists::Quiet, ..Capabilities::TOOLS };

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
        /// The version that `initialize` chose.
        chosen: Option<Version>,
    },
}

impl Dispatched {
    fn message(body: Vec<u8>) -> Self {
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

    /// The version that `initialize` chose.
    pub(super) fn chosen(&self) -> Option<Version> {
        match self {
            Self::Message { status: _, body: _, session: _, chosen } => *chosen,
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
    let mut answers: Vec<Vec<u8>> = Vec::with_capacity(messages.len());
    for message in messages {
        if let Err(denial) = context.renew() {
            return refused(&context, denial);
        }
        let answer = match message {
            Err(error) => Dispatched::error(None, &error).into_message(None),
            Ok(message) => {
                legacy(&context, version, &message).await.into_message(message.id.as_ref())
            }
        };
        answers.extend(answer.map(Vec::from));
    }
    if answers.is_empty() {
        return Dispatched::Accepted;
    }
    Dispatched::message(encode_batch(&answers))
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
    match classify(asked.carrier, message, asked.session.version()) {
        Err(error) => Dispatched::error(message.id.as_ref(), &error),
        Ok(Classified::Modern(envelope)) => {
            modern(context, envelope.version, asked.carrier, message).await
        }
        Ok(Classified::Initialize(handshake)) => begin(context, message, handshake.chosen),
        Ok(Classified::Legacy { version }) => {
            if let Shown::Unknown = asked.session {
                return Dispatched::error(message.id.as_ref(), &WireError::session_unknown());
            }
            legacy(context, version, message).await
        }
    }
}

/// `initialize`: a session begins.
fn begin(context: &Context, message: &Message<'_>, version: Version) -> Dispatched {
    let Some(id) = &message.id else { return Dispatched::Accepted };
    if let Err(denial) = context.reachable() {
        return refused(context, denial);
    }
    let core = &context.core;
    let session = core.sessions.begin(&context.caller.principal, version, core.clock.now());
    let instructions = instructions(context).map(Cow::Owned);
    let result = InitializeResult { capabilities: CAPABILITIES, instructions };
    Dispatched::Message {
        status: StatusCode::OK,
        body: encode_result(id, &result.to_json(stamp(version))).into(),
        session,
        chosen: Some(version),
    }
}

/// What one server is, told to whoever connects to its endpoint.
fn instructions(context: &Context) -> Option<String> {
    match &context.scope {
        Scope::All => None,
        Scope::One(name) => context
            .snapshot
            .server(&context.identity.agent, name, context.core.clock.now())
            .ok()
            .and_then(|server| server.description.clone()),
    }
}

/// A message of the stateless era.
async fn modern(
    context: &Context,
    version: Version,
    carrier: Carrier<'_>,
    message: &Message<'_>,
) -> Dispatched {
    let (Some(id), Kind::Request { method, params }) = (&message.id, &message.kind) else {
        return Dispatched::Accepted;
    };
    if let Err(denial) = reachable_for(context, method) {
        return refused(context, denial);
    }
    if !method.is_request_in(version) {
        return Dispatched::error(Some(id), &WireError::method_not_found(version, method));
    }
    if *method == Method::Discover {
        let result = DiscoverResult {
            capabilities: CAPABILITIES,
            instructions: instructions(context).map(Cow::Owned),
            ttl_ms: TTL_MS,
        };
        Dispatched::message(encode_result(id, &result.to_json(stamp(version))))
    } else if *method == Method::Listen {
        stream::listen(context, id, *params)
    } else {
        let routing = match carrier {
            Carrier::Http(routing) => Some(routing),
            Carrier::Lines => None,
        };
        either_era(context, version, routing, id, method, *params).await
    }
}

/// A message of the versions with sessions.
async fn legacy(context: &Context, version: Version, message: &Message<'_>) -> Dispatched {
    let (Some(id), Kind::Request { method, params }) = (&message.id, &message.kind) else {
        return Dispatched::Accepted;
    };
    if let Err(denial) = reachable_for(context, method) {
        return refused(context, denial);
    }
    if *method == Method::Ping {
        return Dispatched::message(encode_result(id, &EmptyResult.to_json(stamp(version))));
    }
    either_era(context, version, None, id, method, *params).await
}

/// The methods that both eras have. `routing` are the headers of the stateless era.
async fn either_era(
    context: &Context,
    version: Version,
    routing: Option<&RoutingHeaders<'_>>,
    id: &Id<'_>,
    method: &Method<'_>,
    params: Option<&RawValue>,
) -> Dispatched {
    if *method == Method::ToolsList {
        tools_list(context, version, id, params)
    } else if *method == Method::ToolsCall {
        match CallParams::parse(params) {
            Ok(params) => tools_call(context, version, routing, id, &params).await,
            Err(error) => Dispatched::error(Some(id), &error),
        }
    } else if let Some(key) = empty_list(method) {
        let list = RawList { key, next_cursor: None, ttl_ms: TTL_MS };
        let none: [&str; 0] = [];
        Dispatched::message(encode_result(id, &list.to_json(stamp(version), none)))
    } else if *method == Method::ResourcesRead {
        match ReadParams::parse(params) {
            Ok(read) => {
                Dispatched::error(Some(id), &WireError::resource_not_found(version, &read.uri))
            }
            Err(error) => Dispatched::error(Some(id), &error),
        }
    } else {
        Dispatched::error(Some(id), &WireError::method_not_found(version, method))
    }
}

/// The member that holds the list, for the methods whose lists are empty.
fn empty_list(method: &Method<'_>) -> Option<&'static str> {
    if *method == Method::PromptsList {
        Some("prompts")
    } else if *method == Method::ResourcesList {
        Some("resources")
    } else if *method == Method::ResourceTemplatesList {
        Some("resourceTemplates")
    } else {
        None
    }
}

fn tools_list(
    context: &Context,
    version: Version,
    id: &Id<'_>,
    params: Option<&RawValue>,
) -> Dispatched {
    let page = ListParams::parse(params)
        .and_then(|params| list::page(context, stamp(version), params.cursor.as_deref()));
    match page {
        Ok(page) => Dispatched::message(encode_result(id, &page)),
        Err(error) => Dispatched::error(Some(id), &error),
    }
}

async fn tools_call(
    context: &Context,
    version: Version,
    routing: Option<&RoutingHeaders<'_>>,
    id: &Id<'_>,
    params: &CallParams<'_>,
) -> Dispatched {
    let load = &context.identity.agent.load;
    let core = &context.core;
    let Some(_place) = load.call(core.limits.agent_calls_max) else {
        return Dispatched::Busy;
    };
    let incoming = call::Incoming {
        caller: &context.caller,
        key: &context.key,
        agent: &context.identity.agent,
        scope: &context.scope,
        tool: &params.name,
        arguments: params.arguments.map(RawValue::get),
    };
    let disagreement =
        routing.and_then(|routing| mirrored(context, &incoming, routing, params.arguments).err());
    if let Some(error) = disagreement {
        return Dispatched::error(Some(id), &error);
    }
    let Called { record, outcome } = call::run(core, &context.snapshot, incoming).await;
    let text = match outcome {
        Outcome::Answered(result) => return answered(version, id, result),
        Outcome::Denied(denial) => match denial {
            Denial::ServerUnknown | Denial::ServerDisabled | Denial::ServerNotGranted => {
                return Dispatched::Denied(denial);
            }
            Denial::ToolUnknown { tool: _ } | Denial::ToolNotGranted { tool: _ } => {
                // The request was understood and answered; so it is no failure of HTTP.
                let error =
                    WireError { status: 200, ..WireError::invalid_params(denial.to_string()) };
                return Dispatched::error(Some(id), &error);
            }
            Denial::TokenMissing
            | Denial::TokenUnknown
            | Denial::TokenExpired
            | Denial::TokenRevoked
            | Denial::OriginForeign
            | Denial::HostForeign
            | Denial::ArgumentsInvalid { problem: _ } => denial.to_string(),
        },
        Outcome::Failed(failure) => failure.to_string(),
    };
    let text = format!("{text} (record {record})");
    Dispatched::message(encode_result(id, &CallResult::error(&text).to_json(stamp(version))))
}

/// Holds the `Mcp-Param-*` headers of the stateless era against the arguments, where the tool is
/// one that the caller can see. For any other tool the call itself says no.
fn mirrored(
    context: &Context,
    incoming: &call::Incoming<'_>,
    routing: &RoutingHeaders<'_>,
    arguments: Option<&RawValue>,
) -> Result<(), WireError> {
    match call::tool_of(&context.snapshot, incoming, context.core.clock.now()) {
        Some(tool) => tool.mirrored.check(arguments, routing),
        None => Ok(()),
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
