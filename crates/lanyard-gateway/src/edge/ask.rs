//! The methods: what each asks for, and who answers it.
//!
//! Lists are answered from the configuration. Calls, and whatever else a server that speaks MCP has
//! to answer, go through [`crate::call`]: there a request is decided and recorded before anything
//! happens.

use std::sync::Arc;

use lanyard_connect::mcp::Reply as Answer;
use lanyard_core::Limits;
use lanyard_wire::results::EmptyResult;
use lanyard_wire::{
    CallParams, Id, Kind, ListParams, Message, Method, ReadParams, Reply, RoutingHeaders,
    SetLevelParams, WireError, encode_result, splice,
};
use serde_json::value::RawValue;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::approvals::{self, Brought};
use super::attend::{self, Attendance};
use super::client::Client;
use super::dispatch::{self, Dispatched, conclude, stamp};
use super::list::{self, Listed};
use super::outlet::Outlet;
use super::parked::{Made, Parked, ParkedCall};
use super::request::Context;
use super::route::Scope;
use super::{search, subscriptions, user};
use crate::call::{self, Beside, Called, Patience, Turns};
use crate::snapshot::Place;

/// A message with its surroundings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) context: &'a Context,
    pub(super) client: &'a Client,
    /// The headers of the stateless era.
    pub(super) routing: Option<&'a RoutingHeaders<'a>>,
    pub(super) outlet: &'a Outlet,
}

impl Ask<'_> {
    /// A request that both eras have, or that one of them has and was let through for.
    pub(super) async fn request(
        &self,
        id: &Id<'_>,
        method: &Method<'_>,
        params: Option<&RawValue>,
    ) -> Dispatched {
        match method {
            Method::ToolsList => self.list(id, Listed::Tools, params),
            Method::PromptsList => self.list(id, Listed::Prompts, params),
            Method::ResourcesList => self.list(id, Listed::Resources, params),
            Method::ResourceTemplatesList => self.list(id, Listed::Templates, params),
            Method::ToolsCall => match CallParams::parse(params) {
                Ok(call) => self.call(id, params, &call).await,
                Err(error) => Dispatched::error(Some(id), &error),
            },
            Method::SetLevel => self.set_level(id, params),
            Method::ResourcesSubscribe => subscriptions::subscribe(self, id, params).await,
            Method::ResourcesUnsubscribe => subscriptions::unsubscribe(self, id, params),
            Method::ResourcesRead
            | Method::PromptsGet
            | Method::Complete
            | Method::Other(_)
            | Method::Initialize
            | Method::Initialized
            | Method::Ping
            | Method::Discover
            | Method::Listen
            | Method::Cancelled
            | Method::RootsListChanged
            | Method::Progress => self.beside(id, method, params).await,
        }
    }

    fn list(&self, id: &Id<'_>, listed: Listed, params: Option<&RawValue>) -> Dispatched {
        let page = ListParams::parse(params).and_then(|params| {
            list::page(self.context, self.client, listed, params.cursor.as_deref())
        });
        match page {
            Ok(page) => Dispatched::message(encode_result(id, &page)),
            Err(error) => Dispatched::error(Some(id), &error),
        }
    }

    fn set_level(&self, id: &Id<'_>, params: Option<&RawValue>) -> Dispatched {
        match SetLevelParams::parse(params) {
            Ok(wanted) => {
                // Servers are told with the next request that they get; a client without a session
                // has nowhere to get log messages outside of it.
                if let Some(live) = &self.client.live {
                    live.set_log_level(wanted.level);
                }
                let result = EmptyResult.to_json(stamp(self.client.version));
                Dispatched::message(encode_result(id, &result))
            }
            Err(error) => Dispatched::error(Some(id), &error),
        }
    }

    async fn call(
        &self,
        id: &Id<'_>,
        params: Option<&RawValue>,
        call: &CallParams<'_>,
    ) -> Dispatched {
        let context = self.context;
        let core = &context.core;
        let Some(place) = context.identity.agent.load.call(core.limits.agent_calls_max) else {
            return Dispatched::Busy;
        };
        let incoming = call::Incoming {
            caller: &context.caller,
            key: &context.key,
            agent: &context.identity.agent,
            scope: &context.scope,
            client: self.client,
            trace: context.trace.as_ref(),
            tool: &call.name,
            arguments: call.arguments.map(RawValue::get),
            params,
        };
        if let Some(found) = search::answer(context, self.client, &call.name, call.arguments) {
            return Dispatched::message(encode_result(id, &found));
        }
        let seen = call::tool_of(&context.snapshot, &incoming, core.clock.now());
        let headers = self.routing.zip(seen);
        if let Some(Err(error)) =
            headers.map(|(routing, tool)| tool.check_headers(call.arguments, routing))
        {
            return Dispatched::error(Some(id), &error);
        }
        search::activate_called(context, self.client, &call.name);
        if seen.is_none_or(|tool| tool.as_mcp().is_none()) {
            // Carried out here, in one step: no task, no copy of the request.
            let called = call::run(core, &context.snapshot, incoming, None).await;
            if !called.is_undecided() {
                return conclude(self.client.version, id, called);
            }
        }
        let request = Owned::new(self, "tools/call", params, place);
        self.converse(id, request).await
    }

    /// Whether this endpoint passes on methods that we do not know.
    pub(super) fn passes_on(&self) -> bool {
        let context = self.context;
        let Scope::One(name) = &context.scope else { return false };
        let found = context.snapshot.server(context.viewer(), name);
        found.is_ok_and(|server| server.as_mcp().is_some())
    }

    /// What is no tool: prompts, resources, completions, tasks, and methods that we do not know.
    pub(super) async fn beside(
        &self,
        id: &Id<'_>,
        method: &Method<'_>,
        params: Option<&RawValue>,
    ) -> Dispatched {
        let context = self.context;
        let version = self.client.version;
        if let Err(error) = Beside::read(method, params) {
            return Dispatched::error(Some(id), &error);
        }
        let known = method.is_request_in(version) || self.passes_on();
        if !known {
            return Dispatched::error(Some(id), &WireError::method_not_found(version, method));
        }
        let load = &context.identity.agent.load;
        let Some(place) = load.call(context.core.limits.agent_calls_max) else {
            return Dispatched::Busy;
        };
        let request = Owned::new(self, method.as_str(), params, place);
        self.converse(id, request).await
    }

    /// Runs a request in a task of its own, and attends the client meanwhile. A client that came back
    /// with an answer to a question finds the call that waits for it.
    async fn converse(&self, id: &Id<'_>, mut request: Owned) -> Dispatched {
        let core = &self.context.core;
        let state = self.state(request.made.params.as_deref());
        if let Some(brought) = state.as_deref().and_then(Brought::read) {
            let claim = request.made.claim(self.context);
            let Some(brought) = brought.of(&claim, core) else { return attend::nothing_waits(id) };
            request.brought = brought;
        }
        let attendance = |turns| Attendance {
            context: self.context.again(),
            id: id.clone().into_owned(),
            client: self.client.clone(),
            made: Arc::clone(&request.made),
            turns,
            progress_token: None,
        };
        if let Some(state) = state.filter(|content| Parked::is_state(content)) {
            let now = core.clock.now();
            let claim = request.made.claim(self.context);
            return match core.parked.take(&state, &claim, now) {
                Some(ParkedCall { claim: _, question, turns, until: _ }) => {
                    attend::resume(attendance(turns), question, self.outlet).await
                }
                None => attend::nothing_waits(id),
            };
        }
        let (turns, receiver) = Turns::new(Limits::span(core.limits.input_wait_ms_max));
        let attendance = attendance(receiver);
        let live = self.outlet.live().or(self.client.live.as_ref());
        let (cancel, running) = live.map(|live| live.runs(id)).unzip();
        let cancel = cancel.unwrap_or_default();
        core.tasks.spawn(async move {
            let _running = running;
            request.run(turns, cancel).await;
        });
        attend::attend(attendance, self.outlet).await
    }

    /// What the state holds that the client brings back, if it was sealed here.
    fn state(&self, params: Option<&RawValue>) -> Option<Vec<u8>> {
        if !self.client.version.is_modern() {
            return None;
        }
        let state = splice::member(params?.get(), &["requestState"])?;
        let text: String = serde_json::from_str(state.get()).ok()?;
        self.context.core.sessions.unseal(&text)
    }

    /// A notification, or an answer to a question: nothing is said back.
    pub(super) async fn hear(&self, message: &Message<'_>) {
        let Some(live) = &self.client.live else { return };
        match (&message.kind, &message.id) {
            (Kind::Response { reply }, Some(id)) => {
                let reply = match reply {
                    Reply::Result(raw) => Answer::Result(raw.get().to_owned()),
                    Reply::Error(raw) => Answer::Error(raw.get().to_owned()),
                };
                if !live.answer(id, reply) {
                    tracing::debug!("A client answered what nobody asked.");
                }
            }
            (Kind::Notification { method: Method::RootsListChanged, params: _ }, _) => {
                let key = live.key;
                self.context.core.hub.roots_changed(&self.context.caller.principal, key).await;
            }
            (Kind::Notification { .. } | Kind::Request { .. } | Kind::Response { .. }, _) => {
                if let Some(params) = dispatch::cancelled(message) {
                    live.cancel(&params.request_id);
                }
            }
        }
    }
}

/// A request with all that it needs, apart from the connection it came over: it may outlive it.
#[derive(Debug)]
struct Owned {
    context: Context,
    client: Client,
    made: Arc<Made>,
    /// What its client came back with.
    brought: Brought,
    _place: Place,
}

impl Owned {
    fn new(ask: &Ask<'_>, method: &str, params: Option<&RawValue>, place: Place) -> Self {
        Self {
            context: ask.context.again(),
            client: ask.client.clone(),
            made: Arc::new(Made { method: method.to_owned(), params: params.map(user::without) }),
            brought: Brought::Nothing,
            _place: place,
        }
    }

    async fn run(self, turns: Turns, cancel: CancellationToken) {
        let Self { mut context, client, made, brought, _place } = self;
        let patience = Patience { since: Instant::now(), came_back: brought.is_something() };
        let goes_on = brought.handle();
        let with = call::With { turns: &turns, cancel: &cancel, patience, goes_on };
        // A state of ours is for no server to see.
        let params = brought.params(&made);
        let params = params.as_deref().or(made.params.as_deref());
        let called = loop {
            match run_once(&context, &client, (&made.method, params), with).await {
                Ok(called) if called.is_undecided() => {
                    // What decides may be another configuration by now, and the caller no caller.
                    if let Err(denial) = context.renew() {
                        context.count(&denial);
                        break Ok(called.cancelled());
                    }
                }
                ended => break ended,
            }
        };
        match called {
            Ok(called) => {
                let called = approvals::told(&context, &client, &made, &brought, called);
                turns.done(called).await;
            }
            // It was read once before it came here, and is the same text.
            Err(error) => tracing::error!(message = error.message, "A request changed on its way."),
        }
    }
}

/// Decides a request and carries it out, once.
async fn run_once(
    context: &Context,
    client: &Client,
    (method, params): (&str, Option<&RawValue>),
    with: call::With<'_>,
) -> Result<Called, WireError> {
    let core = &context.core;
    let parsed = Method::parse(method.into());
    if parsed == Method::ToolsCall {
        let call = CallParams::parse(params)?;
        let incoming = call::Incoming {
            caller: &context.caller,
            key: &context.key,
            agent: &context.identity.agent,
            scope: &context.scope,
            client,
            trace: context.trace.as_ref(),
            tool: &call.name,
            arguments: call.arguments.map(RawValue::get),
            params,
        };
        return Ok(call::run(core, &context.snapshot, incoming, Some(with)).await);
    }
    let beside = Beside::read(&parsed, params)?;
    let request = call::Request {
        caller: &context.caller,
        key: &context.key,
        agent: &context.identity.agent,
        scope: &context.scope,
        client,
        trace: context.trace.as_ref(),
        method,
        task_owner: core.task_owner(&context.caller.principal, &beside),
        beside,
        params,
    };
    Ok(call::run_beside(core, &context.snapshot, request, with).await)
}

/// The URI of a subscription.
pub(super) fn uri_of(params: Option<&RawValue>) -> Result<String, WireError> {
    ReadParams::parse(params).map(|params| params.uri.into_owned())
}
