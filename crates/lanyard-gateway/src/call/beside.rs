//! What is no tool: prompts, resources, completions, tasks, and methods that Lanyard does not know.
//! They belong to a server that speaks MCP, and are decided and recorded as calls are.

use std::borrow::Cow;
use std::sync::Arc;

use lanyard_core::{CallFacts, Caller, Denial, ServerName};
use lanyard_guard::credential_in;
use lanyard_wire::{Method, ReadParams, WireError, splice};
use serde_json::value::RawValue;

use super::credentials::credential_uses;
use super::decide::Refusal;
use super::limits;
use super::open::{OpenCall, Subject, deny};
use super::passage::Found;
use super::payload::Keeping;
use super::{Called, Outcome, Passing, TraceId, With, pass_on};
use crate::edge::Core;
use crate::edge::authn::IdentityKey;
use crate::edge::client::Client;
use crate::edge::route::Scope;
use crate::snapshot::{AgentEntry, ServerEntry, Snapshot};

/// A request for what is no tool, authenticated and decoded, not yet decided.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// Who asks.
    pub(crate) caller: &'a Caller,
    /// How the caller was recognised.
    pub(crate) key: &'a IdentityKey,
    /// What the caller may do.
    pub(crate) agent: &'a AgentEntry,
    /// The endpoint it came through.
    pub(crate) scope: &'a Scope,
    /// The client at the other end.
    pub(crate) client: &'a Client,
    /// The trace that the request's head names.
    pub(crate) trace: Option<&'a TraceId>,
    /// The method as written.
    pub(crate) method: &'a str,
    /// What it is about.
    pub(crate) beside: Beside<'a>,
    /// The server that a task belongs to, where the endpoint does not say.
    pub(crate) task_owner: Option<ServerName>,
    /// The parameters as written.
    pub(crate) params: Option<&'a RawValue>,
}

/// What a request is about that is no tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Beside<'a> {
    /// `prompts/get`: the prompt's name.
    Prompt(Cow<'a, str>),
    /// `resources/read`: the URI.
    Resource(Cow<'a, str>),
    /// `completion/complete` for a prompt.
    PromptReference(Cow<'a, str>),
    /// `completion/complete` for a resource template.
    ResourceReference(Cow<'a, str>),
    /// `tasks/...`: the task's id.
    Task(Cow<'a, str>),
    /// Anything else.
    Other(Cow<'a, str>),
}

impl<'a> Beside<'a> {
    /// Reads what a request is about.
    pub(crate) fn read(
        method: &Method<'_>,
        params: Option<&'a RawValue>,
    ) -> Result<Self, WireError> {
        let text = |path: &[&str]| {
            let member = splice::member(params?.get(), path)?;
            serde_json::from_str::<Cow<'a, str>>(member.get()).ok()
        };
        let missing = |what: &str| WireError::invalid_params(format!("`{what}` is missing"));
        match method.as_str() {
            "prompts/get" => text(&["name"]).map(Self::Prompt).ok_or_else(|| missing("name")),
            "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
                ReadParams::parse(params).map(|read| Self::Resource(read.uri))
            }
            "completion/complete" => match (text(&["ref", "name"]), text(&["ref", "uri"])) {
                (Some(name), None) => Ok(Self::PromptReference(name)),
                (None, Some(uri)) => Ok(Self::ResourceReference(uri)),
                (Some(_), Some(_)) | (None, None) => Err(missing("ref")),
            },
            "tasks/get" | "tasks/update" | "tasks/cancel" | "tasks/result" => {
                text(&["taskId"]).map(Self::Task).ok_or_else(|| missing("taskId"))
            }
            other => Ok(Self::Other(Cow::Owned(other.to_owned()))),
        }
    }

    /// The name, URI or method, for people and records.
    pub(super) fn about(&self) -> String {
        let (Self::Prompt(text)
        | Self::Resource(text)
        | Self::PromptReference(text)
        | Self::ResourceReference(text)
        | Self::Task(text)
        | Self::Other(text)) = self;
        text.clone().into_owned()
    }

    /// The answer where it leads nowhere for the caller, for whatever reason.
    pub(super) fn unknown(&self) -> Denial {
        match self {
            Self::Prompt(name) | Self::PromptReference(name) => {
                Denial::PromptUnknown { prompt: name.clone().into_owned() }
            }
            Self::Resource(uri) | Self::ResourceReference(uri) | Self::Task(uri) => {
                Denial::ResourceUnknown { uri: uri.clone().into_owned() }
            }
            Self::Other(method) => Denial::MethodUnknown { method: method.clone().into_owned() },
        }
    }
}

/// The methods as records name them. What we do not know is recorded under one word, so that an
/// agent does not choose what a record's method is.
fn recorded(method: &str) -> &'static str {
    const KNOWN: [&str; 8] = [
        "prompts/get",
        "resources/read",
        "resources/subscribe",
        "completion/complete",
        "tasks/get",
        "tasks/update",
        "tasks/cancel",
        "tasks/result",
    ];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("extension")
}

/// The denial of a prompt or a completion with an argument that holds a credential.
fn credential_given(request: &Request<'_>, server: &ServerEntry) -> Option<Denial> {
    if server.takes_credentials() {
        return None;
    }
    let params = request.params?.get();
    let given = ["arguments", "argument"].into_iter();
    let mut given = given.filter_map(|member| splice::member(params, &[member]));
    let found = given.find_map(|given| credential_in(Some(given.get())))?;
    Some(Denial::ArgumentCredential { argument: found.argument, kind: found.kind })
}

/// Takes a request from its decision to its end.
pub(crate) async fn run_beside(
    core: &Core,
    snapshot: &Arc<Snapshot>,
    request: Request<'_>,
    with: With<'_>,
) -> Called {
    let now = core.clock.now();
    let record = core.record_ids.next(now);
    let called = |outcome| Called { record: record.clone(), outcome, is_tool: false, yes: None };
    let method = recorded(request.method);
    let found = Found::route(snapshot, &request, now);
    let server = found.as_ref().ok().map(|found| found.server().name.clone());
    let policy = snapshot.policy(&request.agent.tenant).map(|it| it.policies().version());
    let decided = found.map_err(Refusal::from);
    let allowed = match decided.and_then(|found| found.decide(snapshot, &request, now)) {
        Ok(allowed) => allowed,
        Err(Refusal { denial, by, shadow, detail }) => {
            let about = request.beside.about();
            let facts = CallFacts { policy, shadow, ..CallFacts::default() };
            let subject = Subject { by, detail, facts, ..Subject::new(method, server, about) };
            let subject = subject.told(request.client, request.trace, request.params);
            return called(deny(core, snapshot, request.caller, &record, subject, denial));
        }
    };
    if let Some(denial) = credential_given(&request, allowed.server()) {
        let subject = Subject::new(method, server, request.beside.about());
        let subject = subject.told(request.client, request.trace, request.params);
        return called(deny(core, snapshot, request.caller, &record, subject, denial));
    }
    let digest = request.params.map(|params| core.digester.digest(params.get()));
    let user = request.caller.principal.user.as_ref();
    let credentials = credential_uses(snapshot, allowed.server(), None, user);
    let keeping = Keeping::of(snapshot, allowed.server(), request.caller, || {
        request.params.map_or_else(|| "{}".to_owned(), |params| params.get().to_owned())
    });
    let server = Some(allowed.server().name.clone());
    let subject = Subject {
        digest,
        keeping,
        by: allowed.by().to_vec(),
        facts: CallFacts {
            credentials,
            policy,
            shadow: allowed.shadow().to_vec(),
            ..CallFacts::default()
        },
        ..Subject::new(method, server, allowed.about().to_owned())
    };
    let subject = subject.told(request.client, request.trace, request.params).after(
        core,
        request.caller,
        request.client,
        request.params,
    );
    let what = (request.method, &request.beside);
    let places = match limits::take_beside(request.agent, allowed.server(), what, now) {
        Ok(places) => places,
        Err(denial) => {
            return called(deny(core, snapshot, request.caller, &record, subject, denial));
        }
    };
    match OpenCall::begin(core, snapshot, request.caller, &record, subject, places).await {
        Ok(open) => {
            let watched = allowed.watched(&request);
            let passing = Passing { caller: request.caller, client: request.client, watched, with };
            let passage = allowed.passage(&request);
            called(pass_on(core, snapshot, passing, passage, open).await)
        }
        Err(failure) => called(Outcome::Failed(failure)),
    }
}
