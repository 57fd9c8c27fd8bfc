//! The decision on a call: grants, and policies where the tenant has any. What is decided on is
//! what was cleared.

use lanyard_core::{Denial, Timestamp};
use lanyard_policy::{Action, Ask, No, NotGranted, Permit, SessionFacts, Verdict, Why};
use serde_json::{Map, Value};

use super::stages::{Cleared, Needing, Permitted, Target, not_granted};
use super::{Beside, Incoming, Request};
use crate::edge::client::Client;
use crate::snapshot::{
    AgentEntry, Deeds, Other, PolicyEntry, ServerEntry, Snapshot, ToolEntry, Viewer,
};

/// How a decision came out that is no denial.
#[derive(Debug)]
pub(super) enum Decided<'a> {
    /// Yes.
    Permitted(Permitted<'a>),
    /// Yes, once a human says so.
    Asks(Needing<'a>),
}

/// A no, with what its record tells beside it.
#[derive(Debug)]
pub(super) struct Refusal {
    /// What the agent is told.
    pub(super) denial: Denial,
    /// The rules that decided, as records name them.
    pub(super) by: Vec<String>,
    /// The rules in shadow that match.
    pub(super) shadow: Vec<String>,
    /// Why rules could not be evaluated.
    pub(super) detail: Option<String>,
}

impl From<Denial> for Refusal {
    fn from(denial: Denial) -> Self {
        Self { denial, by: Vec::new(), shadow: Vec::new(), detail: None }
    }
}

impl Target<'_> {
    /// Whether the caller sees the tool. It is no permission: that takes [`Cleared::decide`].
    pub(super) fn visible(&self, snapshot: &Snapshot, viewer: Viewer<'_>) -> bool {
        snapshot.lists_tool(viewer, self.server(), self.tool())
    }

    /// Lets only those on who see the tool: nobody else learns what it would say of arguments.
    /// Where there are no policies, that is the whole decision.
    pub(super) fn gate(
        &self,
        snapshot: &Snapshot,
        incoming: &Incoming<'_>,
        now: Timestamp,
    ) -> Result<Option<Permit>, Refusal> {
        let unknown = || Denial::ToolNotGranted { tool: incoming.tool.to_owned() };
        if snapshot.policy(&incoming.agent.tenant).is_none() {
            let user = incoming.caller.principal.user.as_ref();
            let (server, tool) = (&self.server().name, self.tool().name());
            let decided = incoming.agent.grants.decide(server, tool, user, now);
            return Ok(Some(decided.map_err(|why| not_granted(why, user, unknown))?));
        }
        let viewer = Viewer::new(incoming.agent, incoming.caller, now);
        if self.visible(snapshot, viewer) { Ok(None) } else { Err(unknown().into()) }
    }
}

impl<'a> Cleared<'a> {
    /// Asks grants and policies about the very arguments that will be sent. `gated` is the permit
    /// of the gate, if that was all there is to ask.
    pub(super) fn decide(
        self,
        gated: Option<Permit>,
        snapshot: &Snapshot,
        incoming: &Incoming<'_>,
        now: Timestamp,
    ) -> Result<Decided<'a>, Refusal> {
        if let Some(permit) = gated {
            return Ok(Decided::Permitted(Permitted::new(self, permit)));
        }
        let (server, tool) = (self.server(), self.tool());
        let user = incoming.caller.principal.user.as_ref();
        let unknown = || Denial::ToolNotGranted { tool: incoming.tool.to_owned() };
        let policy = snapshot.policy(&incoming.agent.tenant).ok_or_else(unknown)?;
        let viewer = Viewer::new(incoming.agent, incoming.caller, now);
        let session = done(policy, viewer, incoming.client);
        let arguments = self.clearance().arguments();
        let circumstances = viewer.circumstances;
        let ask = Ask { circumstances, session: &session, action: Action::Call, arguments };
        match policy.decide(incoming.agent, server, tool, &ask) {
            Verdict::Allowed(permit) => Ok(Decided::Permitted(Permitted::new(self, permit))),
            Verdict::NeedsApproval(need) => Ok(Decided::Asks(Needing::new(self, need))),
            Verdict::Denied(no) => Err(refusal(no, unknown, |why| not_granted(why, user, unknown))),
        }
    }
}

/// What a session did, where its client has one; what the agent did, where not.
fn deeds<'a>(agent: &'a AgentEntry, client: &'a Client) -> &'a Deeds {
    client.live.as_ref().map_or(&agent.load.deeds, |live| &live.deeds)
}

/// What was done so far, where any policy asks.
fn done(policy: &PolicyEntry, viewer: Viewer<'_>, client: &Client) -> SessionFacts {
    if !policy.policies().reads_session() {
        return SessionFacts::default();
    }
    let Viewer { agent, circumstances } = viewer;
    deeds(agent, client).facts(circumstances.user, circumstances.now)
}

/// Notes that a call goes on, for the policies that ask what a session did.
pub(super) fn note_deed(
    snapshot: &Snapshot,
    incoming: &Incoming<'_>,
    server: &ServerEntry,
    tool: &ToolEntry,
    now: Timestamp,
) {
    let policy = snapshot.policy(&incoming.agent.tenant);
    if policy.is_some_and(|policy| policy.policies().reads_session()) {
        let user = incoming.caller.principal.user.as_ref();
        deeds(incoming.agent, incoming.client).note(user, &server.name, tool.tags(), now);
    }
}

/// Decides on what is no tool.
pub(super) fn decide_other(
    snapshot: &Snapshot,
    request: &Request<'_>,
    (server, about): (&ServerEntry, &str),
    now: Timestamp,
) -> Result<Permit, Refusal> {
    let user = request.caller.principal.user.as_ref();
    let unknown = || request.beside.unknown();
    let Some(policy) = snapshot.policy(&request.agent.tenant) else {
        let decided = request.agent.grants.decide_whole(&server.name, user, now);
        return Ok(decided.map_err(|why| not_granted(why, user, unknown))?);
    };
    let (other, action) = match &request.beside {
        Beside::Prompt(_) | Beside::PromptReference(_) => (Other::Prompt(about), Action::Get),
        Beside::Resource(_) | Beside::ResourceReference(_) => {
            (Other::Resource(about), Action::Read)
        }
        Beside::Task(_) | Beside::Other(_) => (Other::Server, Action::Sample),
    };
    let viewer = Viewer::new(request.agent, request.caller, now);
    let session = done(policy, viewer, request.client);
    let arguments = Map::<String, Value>::new();
    let circumstances = viewer.circumstances;
    let ask = Ask { circumstances, session: &session, action, arguments: &arguments };
    match policy.decide_other(request.agent, server, other, &ask) {
        Verdict::Allowed(permit) => Ok(permit),
        // Only calls of tools wait for a human.
        Verdict::NeedsApproval(need) => Err(forbidden(need.rules, None, Vec::new())),
        Verdict::Denied(no) => Err(refusal(no, unknown, |why| not_granted(why, user, unknown))),
    }
}

/// A no of the policies as its agent and its record have it.
fn refusal(
    no: No,
    unknown: impl Fn() -> Denial,
    not_granted: impl FnOnce(NotGranted) -> Denial,
) -> Refusal {
    let No { why, hidden, shadow } = no;
    let mut refusal = match why {
        Why::NotGranted(why) => Refusal { shadow, ..not_granted(why).into() },
        Why::Forbidden { rules, message } => forbidden(rules, message, shadow),
        Why::Undecidable { rules, problem } => {
            let by = named(&rules);
            let denial = Denial::PolicyUndecidable { rules };
            Refusal { denial, by, shadow, detail: Some(problem) }
        }
    };
    if hidden {
        refusal.denial = unknown();
    }
    refusal
}

fn forbidden(rules: Vec<String>, message: Option<String>, shadow: Vec<String>) -> Refusal {
    let by = named(&rules);
    Refusal { denial: Denial::PolicyForbids { rules, message }, by, shadow, detail: None }
}

/// Rules as records name them.
fn named(rules: &[String]) -> Vec<String> {
    rules.iter().map(|rule| format!("policy:{rule}")).collect()
}

/// Whether a viewer may hear of changes of a resource.
pub(crate) fn may_subscribe(
    snapshot: &Snapshot,
    viewer: Viewer<'_>,
    server: &ServerEntry,
    uri: &str,
    unknown: impl Fn() -> Denial,
) -> Result<(), Denial> {
    let Viewer { agent, circumstances } = viewer;
    let (user, now) = (circumstances.user, circumstances.now);
    let Some(policy) = snapshot.policy(&agent.tenant) else {
        let decided = agent.grants.decide_whole(&server.name, user, now);
        return decided.map(|_| ()).map_err(|why| not_granted(why, user, unknown));
    };
    let (session, arguments) = (SessionFacts::default(), Map::<String, Value>::new());
    let action = Action::Subscribe;
    let ask = Ask { circumstances, session: &session, action, arguments: &arguments };
    match policy.decide_other(agent, server, Other::Resource(uri), &ask) {
        Verdict::Allowed(_) => Ok(()),
        Verdict::NeedsApproval(_) => Err(unknown()),
        Verdict::Denied(no) => {
            Err(refusal(no, &unknown, |why| not_granted(why, user, &unknown)).denial)
        }
    }
}
