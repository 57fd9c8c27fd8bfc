//! One HTTP request, from its first check to its reply.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use lanyard_connect::mcp::ClientFacts;
use lanyard_core::{Caller, Denial, Limits, Principal};
use lanyard_wire::{Carrier, RoutingHeaders, Version, decode};

use super::authn::{IdentityKey, caller};
use super::client::Live;
use super::dispatch::{self, Dispatched};
use super::outlet::{Accepts, Outlet};
use super::reply::{self, Reply};
use super::route::{Endpoint, Scope};
use super::serve::Connection;
use super::session::Session;
use super::{Core, list, own, stream, unread, user};
use crate::call::{TRACEPARENT, TraceId};
use crate::snapshot::{Identity, Snapshot, Viewer};

/// The header that names a session.
const SESSION: &str = "mcp-session-id";

/// The header that names the last event that a client got.
const LAST_EVENT_ID: &str = "last-event-id";

/// An authenticated request's surroundings.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) core: Arc<Core>,
    /// The configuration that this request uses to its end.
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) key: IdentityKey,
    pub(super) identity: Arc<Identity>,
    pub(super) caller: Caller,
    pub(super) scope: Scope,
    /// The trace that the request's head names.
    pub(super) trace: Option<TraceId>,
}

/// Answers one request. Every end is a reply; nothing is an error to hyper.
pub(super) async fn answer(
    core: Arc<Core>,
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Result<Reply, Infallible> {
    let (parts, mut body) = request.into_parts();
    let mut reply = reply_to(core, &connection, &parts, &mut body).await;
    unread::settle(&parts, &mut body, &mut reply).await;
    Ok(reply)
}

async fn reply_to(
    core: Arc<Core>,
    connection: &Connection,
    parts: &http::request::Parts,
    body: &mut Incoming,
) -> Reply {
    if head_bytes(parts) > core.limits.request_head_bytes_max {
        let text = "the headers are larger than request_head_bytes_max (see `lanyard limits`)";
        return reply::text(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, text);
    }
    let snapshot = core.snapshot();
    let (key, identity) = match admit(&core, connection, &snapshot, parts) {
        Ok(admitted) => admitted,
        Err(denial) => {
            core.refusals.count(&denial, connection.peer, core.clock.now());
            return reply::denial(&denial);
        }
    };
    let endpoint = Endpoint::at(parts.uri.path());
    let scope = match &endpoint {
        Endpoint::Mcp(scope) | Endpoint::Sse(scope) => scope.clone(),
        Endpoint::AgentServer(name) => Scope::One(name.clone()),
        Endpoint::Messages | Endpoint::AgentServers | Endpoint::Unknown => Scope::All,
    };
    let user = match user::of_headers(&parts.headers) {
        Ok(user) => user,
        Err(refused) => return refused.reply(),
    };
    let caller = caller(&identity, connection.peer, user);
    let trace = parts.headers.get(TRACEPARENT).and_then(|value| value.to_str().ok());
    let trace = trace.and_then(TraceId::of_parent);
    let context = Context { core, snapshot, key, identity, caller, scope, trace };
    match (endpoint, &parts.method) {
        (Endpoint::Mcp(_), &Method::POST) => post(context, &parts.headers, body).await,
        (Endpoint::Mcp(_), &Method::GET) => get(context, &parts.headers),
        (Endpoint::Mcp(_), &Method::DELETE) => delete(context, &parts.headers),
        (Endpoint::Mcp(_), _) => reply::method_not_allowed("GET, POST, DELETE"),
        (Endpoint::Sse(_), &Method::GET) => stream::sse(context),
        (Endpoint::Sse(_), _) => reply::method_not_allowed("GET"),
        (Endpoint::Messages, &Method::POST) => {
            let query = parts.uri.query().unwrap_or("").to_owned();
            post_message(context, &query, &parts.headers, body).await
        }
        (Endpoint::Messages, _) => reply::method_not_allowed("POST"),
        (Endpoint::AgentServers, &Method::GET) => list::agent_servers(&context),
        (Endpoint::AgentServer(name), &Method::GET) => own::agent_server(context, &name).await,
        (Endpoint::AgentServers | Endpoint::AgentServer(_), _) => reply::method_not_allowed("GET"),
        (Endpoint::Unknown, _) => reply::text(StatusCode::NOT_FOUND, "nothing is here; see /mcp"),
    }
}

/// The size of a request's head. The reader has a limit, too, but looks at it only when it must
/// read more.
fn head_bytes(parts: &http::request::Parts) -> u64 {
    let line = parts.uri.path().len().saturating_add(parts.uri.query().map_or(0, str::len));
    let bytes = parts.headers.iter().fold(line, |sum, (name, value)| {
        // `: ` and the line's end count as well.
        sum.saturating_add(name.as_str().len()).saturating_add(value.len()).saturating_add(4)
    });
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

fn admit(
    core: &Core,
    connection: &Connection,
    snapshot: &Snapshot,
    parts: &http::request::Parts,
) -> Result<(IdentityKey, Arc<Identity>), Denial> {
    if let Some(known) = &connection.known {
        let all = |name| parts.headers.get_all(name).iter().map(http::HeaderValue::as_bytes);
        let authority = parts.uri.authority().map(http::uri::Authority::as_str);
        known.check(authority, all(http::header::HOST), all(http::header::ORIGIN))?;
    }
    let key = IdentityKey::of_request(&parts.headers, connection.peer)?;
    let identity = key.identify(snapshot, core.clock.now())?;
    let identity = Arc::clone(identity);
    Ok((key, identity))
}

impl Context {
    /// The same surroundings for a task that outlives the request.
    pub(super) fn again(&self) -> Self {
        Self {
            core: Arc::clone(&self.core),
            snapshot: Arc::clone(&self.snapshot),
            key: self.key.clone(),
            identity: Arc::clone(&self.identity),
            caller: self.caller.clone(),
            scope: self.scope.clone(),
            trace: self.trace.clone(),
        }
    }

    /// Brings the surroundings up to the newest configuration. Between a request's head and its
    /// body, and between the calls of a batch, time passes in which access can end.
    pub(super) fn renew(&mut self) -> Result<(), Denial> {
        let newest = self.core.snapshot();
        if !Arc::ptr_eq(&newest, &self.snapshot) {
            let identity = Arc::clone(self.key.identify(&newest, self.core.clock.now())?);
            let user = self.caller.principal.user.clone();
            self.caller = caller(&identity, self.caller.peer, user);
            self.identity = identity;
            self.snapshot = newest;
        }
        Ok(())
    }

    /// From now on this is part of what a principal began: for the same user.
    pub(super) fn join(&mut self, began: &Principal) {
        if let Some(user) = &began.user {
            self.caller.principal.user = Some(user.clone());
        }
    }

    /// Who looks, now.
    pub(super) fn viewer(&self) -> Viewer<'_> {
        Viewer::new(&self.identity.agent, &self.caller, self.core.clock.now())
    }

    /// Whether the endpoint leads anywhere for this caller.
    pub(super) fn reachable(&self) -> Result<(), Denial> {
        match &self.scope {
            Scope::All => Ok(()),
            Scope::One(name) => self.snapshot.server(self.viewer(), name).map(|_| ()),
        }
    }

    /// Counts a denial that is not about a single call.
    pub(super) fn count(&self, denial: &Denial) {
        self.core.refusals.count(denial, self.caller.peer, self.core.clock.now());
    }

    /// Counts and answers a denial that is not about a single call.
    pub(super) fn deny(&self, denial: &Denial) -> Reply {
        self.count(denial);
        reply::denial(denial)
    }
}

/// Takes in the body of a message. The caller's access is asked for again once it is there: a
/// body may take long to come, and access can end meanwhile.
async fn receive(
    context: &mut Context,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Result<Bytes, Reply> {
    if let Some(refused) = content_type_refusal(headers) {
        return Err(refused);
    }
    let body = read(&context.core, body).await?;
    context.renew().map_err(|denial| context.deny(&denial))?;
    Ok(body)
}

async fn post(mut context: Context, headers: &HeaderMap, body: &mut Incoming) -> Reply {
    let body = match receive(&mut context, headers, body).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let session = session_of(&mut context, headers);
    let routing = routing_headers(headers);
    match decode(&body, &context.core.decode_limits) {
        Err(error) => reply::wire_error(None, &error),
        Ok(incoming) => {
            let carrier = Carrier::Http(&routing);
            let accepts = match &session {
                Shown::Session(_) => Accepts::of(headers),
                Shown::Nothing | Shown::Unknown | Shown::Stream { .. } => Accepts::Unsaid,
            };
            let asked = dispatch::Asked { carrier, session, outlet: Outlet::Http(accepts) };
            into_reply(dispatch::dispatch(&context, &asked, incoming).await)
        }
    }
}

fn into_reply(dispatched: Dispatched) -> Reply {
    match dispatched {
        Dispatched::Accepted => reply::empty(StatusCode::ACCEPTED),
        Dispatched::Stream(reply) => reply,
        Dispatched::Denied(denial) => reply::denial(&denial),
        Dispatched::Busy => reply::too_many(),
        Dispatched::Message { status, body, session, chosen: _ } => {
            let mut reply = reply::json(status, body);
            if let Some(id) = session.and_then(|id| http::HeaderValue::from_str(&id).ok()) {
                reply.headers_mut().insert(SESSION, id);
            }
            reply
        }
    }
}

/// The session that a request shows. More than one id is as good as a wrong one. What comes in a
/// session that began for a user is for them.
fn session_of(context: &mut Context, headers: &HeaderMap) -> Shown {
    let mut values = headers.get_all(SESSION).iter();
    let Some(id) = values.next() else { return Shown::Nothing };
    let now = context.core.clock.now();
    match (id.to_str(), values.next()) {
        (Ok(id), None) => {
            let opened = context.core.sessions.open(id, &context.caller.principal, now);
            let Some(session) = opened else { return Shown::Unknown };
            context.join(&session.principal);
            Shown::Session(session)
        }
        (Ok(_), Some(_)) | (Err(_), _) => Shown::Unknown,
    }
}

/// What a request shows of a session.
#[derive(Debug, Clone)]
pub(super) enum Shown {
    /// None.
    Nothing,
    /// It is this caller's and lives.
    Session(Session),
    /// It is not this caller's, or does not live.
    Unknown,
    /// The transport itself is the session (HTTP+SSE, lines).
    Stream {
        /// What `initialize` chose; the oldest until then.
        version: Version,
        /// What the client said of itself.
        facts: Arc<ClientFacts>,
        /// What goes on with it.
        live: Arc<Live>,
    },
}

impl Shown {
    /// The version that was negotiated.
    pub(super) fn version(&self) -> Option<Version> {
        match self {
            Self::Session(session) => Some(session.version),
            Self::Stream { version, facts: _, live: _ } => Some(*version),
            Self::Nothing | Self::Unknown => None,
        }
    }
}

fn get(mut context: Context, headers: &HeaderMap) -> Reply {
    if let Err(denial) = context.reachable() {
        return context.deny(&denial);
    }
    match session_of(&mut context, headers) {
        Shown::Session(session) => {
            let last = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
            match last.and_then(|id| stream::resume(&context, &session, id)) {
                Some(reply) => reply,
                None => stream::session(context, session),
            }
        }
        Shown::Unknown => unknown_session(),
        // Without a session there is nothing to listen to: the modern era has no GET.
        Shown::Nothing | Shown::Stream { .. } => reply::method_not_allowed("POST"),
    }
}

fn delete(mut context: Context, headers: &HeaderMap) -> Reply {
    match session_of(&mut context, headers) {
        Shown::Session(session) => {
            context.core.sessions.end(&session);
            context.core.session_ended(session.key);
            reply::empty(StatusCode::NO_CONTENT)
        }
        Shown::Unknown => unknown_session(),
        Shown::Nothing | Shown::Stream { .. } => reply::method_not_allowed("POST"),
    }
}

/// The answer to a session id that leads nowhere: the client begins a new session.
pub(super) fn unknown_session() -> Reply {
    reply::text(StatusCode::NOT_FOUND, "this session does not exist or has ended; initialize again")
}

async fn post_message(
    mut context: Context,
    query: &str,
    headers: &HeaderMap,
    body: &mut Incoming,
) -> Reply {
    let body = match receive(&mut context, headers, body).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let id = query.split('&').find_map(|pair| pair.strip_prefix("session=")).unwrap_or("");
    let Some(entry) = context.core.sse_streams.find(id, &context.caller.principal) else {
        return unknown_session();
    };
    context.join(entry.principal());
    let context = Context { scope: entry.scope.clone(), ..context };
    stream::post_to_sse(context, entry, body)
}

fn content_type_refusal(headers: &HeaderMap) -> Option<Reply> {
    let content_type = headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    match content_type {
        Some(essence) if essence.eq_ignore_ascii_case("application/json") => None,
        // A browser sends text/plain across origins without asking; so it is refused by name.
        Some(_) | None => Some(reply::text(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body must have Content-Type: application/json",
        )),
    }
}

async fn read(core: &Core, body: &mut Incoming) -> Result<Bytes, Reply> {
    let limited = Limited::new(body, Limits::size(core.limits.request_body_bytes_max));
    let limit = Limits::span(core.limits.request_body_ms_max);
    match tokio::time::timeout(limit, limited.collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(reply::text(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is larger than request_body_bytes_max (see `lanyard limits`)",
        )),
        Ok(Err(_)) => Err(reply::text(StatusCode::BAD_REQUEST, "the body ended early")),
        Err(_) => Err(reply::text(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")),
    }
}

fn routing_headers(headers: &HeaderMap) -> RoutingHeaders<'_> {
    RoutingHeaders::collect(headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
}
