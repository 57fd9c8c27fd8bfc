//! The life of a tool call, read straight down: route, gate, clear, decide, record, arm,
//! forward, screen, record.
//!
//! Each stage is a type that only the stage before it can make, so a call that skips one does
//! not compile: `Target` → `Cleared` → `Permitted` → `Armed` → `RawAnswer` → `Answer`. A stage
//! never calls back.
//!
//! INVARIANT: the record of a call is opened before its secrets are, and closed whatever happens
//! afterwards, also when the client goes away in the middle.

mod approval;
mod beside;
mod continued;
mod credentials;
mod decide;
mod facts;
mod foreign;
mod limits;
mod open;
mod passage;
mod payload;
pub(crate) mod probe;
mod recorded;
mod rounds;
mod screen;
mod stages;
mod turn;

use std::sync::Arc;

use lanyard_core::{CallFacts, Caller, Denial, EndingStatus, Failure, RecordId, Timestamp};
use lanyard_policy::limit::Taken;
use lanyard_rest::ToolResult;
use serde_json::value::RawValue;
use tokio_util::sync::CancellationToken;

pub(crate) use self::approval::Patience;
use self::approval::Ruling;
pub(crate) use self::beside::{Beside, Request, run_beside};
pub(crate) use self::continued::{Continued, Handle, UsedYes};
pub(crate) use self::credentials::ServerCredentials;
pub(crate) use self::decide::may_subscribe;
use self::decide::{Decided, Refusal, note_deed};
pub(crate) use self::facts::{TRACEPARENT, TraceId};
use self::foreign::Conversation;
pub(crate) use self::foreign::{Guest, Passed, session_key};
pub(crate) use self::open::RecordIds;
use self::open::{OpenCall, Subject, deny};
use self::passage::Passage;
pub(crate) use self::rounds::Rounds;
use self::screen::Screen;
pub(crate) use self::screen::Tails;
pub(crate) use self::stages::Watched;
use self::stages::{Answer, Armed, Cleared, Needing, Permitted, Target};
pub(crate) use self::turn::{Question, Turn, Turns};
use crate::edge::Core;
use crate::edge::authn::IdentityKey;
use crate::edge::client::Client;
use crate::edge::route::Scope;
use crate::snapshot::{AgentEntry, ServerEntry, Snapshot, ToolEntry, Viewer};

/// A call as the edge hands it over: authenticated, decoded, not yet decided.
#[derive(Debug)]
pub(crate) struct Incoming<'a> {
    /// Who calls.
    pub(crate) caller: &'a Caller,
    /// How the caller was recognised, so that a revocation can be noticed while the call runs.
    pub(crate) key: &'a IdentityKey,
    /// What the caller may do.
    pub(crate) agent: &'a AgentEntry,
    /// The endpoint it came through.
    pub(crate) scope: &'a Scope,
    /// The client at the other end.
    pub(crate) client: &'a Client,
    /// The trace that its request's head names.
    pub(crate) trace: Option<&'a TraceId>,
    /// The tool's name as written.
    pub(crate) tool: &'a str,
    /// The arguments as written.
    pub(crate) arguments: Option<&'a str>,
    /// All of the parameters as written.
    pub(crate) params: Option<&'a RawValue>,
}

/// What a request runs with that may be carried out by a server that speaks MCP.
#[derive(Debug, Clone, Copy)]
pub(crate) struct With<'a> {
    /// Where to say what comes before the answer.
    pub(crate) turns: &'a Turns,
    /// Cancelled when the client no longer wants the answer.
    pub(crate) cancel: &'a CancellationToken,
    /// How long it waits for a person.
    pub(crate) patience: Patience,
    /// The call with a yes that it goes on with.
    pub(crate) goes_on: Option<&'a Handle>,
}

/// How a call ended, with the id of its record.
#[derive(Debug)]
pub(crate) struct Called {
    /// The id of the record.
    pub(crate) record: RecordId,
    /// One of four.
    pub(crate) outcome: Outcome,
    /// Whether a tool was called: then a failure is a result that says so.
    pub(crate) is_tool: bool,
    /// The yes that it used up, where it was passed on: its server may want to know more.
    pub(crate) yes: Option<UsedYes>,
}

impl With<'_> {
    /// Ready when the client no longer wants the answer: it says so, or, in the stateless era, goes
    /// away.
    async fn given_up(&self, client: &Client) {
        tokio::select! {
            () = self.cancel.cancelled() => {}
            () = self.turns.abandoned(), if client.version.is_modern() => {}
        }
    }
}

impl Called {
    /// Whether it has to be decided anew: nothing happened, and nothing was recorded.
    pub(crate) fn is_undecided(&self) -> bool {
        matches!(self.outcome, Outcome::Undecided)
    }

    /// The same, given up.
    pub(crate) fn cancelled(self) -> Self {
        Self { outcome: Outcome::Failed(Failure::Cancelled), ..self }
    }
}

/// The end of a call, one of four; or none yet.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The tool's result.
    Answered(ToolResult),
    /// What a server that speaks MCP answered.
    Passed(Passed),
    /// No by decision.
    Denied(Denial),
    /// Somebody's fault.
    Failed(Failure),
    /// Denied, until a person decides: the client may come back for it with a state.
    Waits(Denial),
    /// It has to be decided anew: a person decided meanwhile, or it needs one, which takes a client
    /// that is attended.
    Undecided,
}

/// The tool that a call means, if its caller can see it.
pub(crate) fn tool_of<'a>(
    snapshot: &'a Snapshot,
    incoming: &Incoming<'a>,
    now: Timestamp,
) -> Option<&'a ToolEntry> {
    let target = Target::route(snapshot, incoming, now).ok()?;
    let viewer = Viewer::new(incoming.agent, incoming.caller, now);
    target.visible(snapshot, viewer).then(|| target.tool())
}

/// Takes a call from its decision to its end. `with` is needed where the tool belongs to a server
/// that speaks MCP.
pub(crate) async fn run(
    core: &Core,
    snapshot: &Arc<Snapshot>,
    incoming: Incoming<'_>,
    with: Option<With<'_>>,
) -> Called {
    let record = core.record_ids.next(core.clock.now());
    let called = |outcome| Called { record: record.clone(), outcome, is_tool: true, yes: None };
    let (permitted, places) = match decided(core, snapshot, &incoming) {
        Ok(Decided::Permitted(permitted)) => (permitted, None),
        Ok(Decided::Asks(needing)) => {
            match approve(core, snapshot, &incoming, needing, &record, with).await {
                Ok((permitted, places)) => (permitted, Some(places)),
                Err(outcome) => return called(outcome),
            }
        }
        Err(refused) => {
            let (subject, denial) = refused.into_subject(&incoming);
            return called(deny(core, snapshot, incoming.caller, &record, subject, denial));
        }
    };
    let subject = permitted.subject(core, snapshot, &incoming);
    // Nothing that is carried out here asks its client for anything.
    let subject = match with {
        Some(_) => subject.after(core, incoming.caller, incoming.client, incoming.params),
        None => subject,
    };
    let (server, tool) = (permitted.server(), permitted.tool());
    let now = core.clock.now();
    let places =
        places.map_or_else(|| limits::take_for_tool(incoming.agent, server, tool, now), Ok);
    let places = match places {
        Ok(places) => places,
        Err(denial) => {
            return called(deny(core, snapshot, incoming.caller, &record, subject, denial));
        }
    };
    note_deed(snapshot, &incoming, server, tool, now);
    let open = OpenCall::begin(core, snapshot, incoming.caller, &record, subject, places).await;
    let mut open = match open {
        Ok(open) => open,
        Err(failure) => return called(Outcome::Failed(failure)),
    };
    if let Some(passage) = permitted.passage(&incoming) {
        let watched = permitted.watched(&incoming);
        let Some(with) = with else {
            open.fail(&Failure::Bug);
            return called(Outcome::Failed(Failure::Bug));
        };
        let passing = Passing { caller: incoming.caller, client: incoming.client, watched, with };
        let yes = permitted.yes().cloned();
        let outcome = pass_on(core, snapshot, passing, passage, open).await;
        return Called { yes, ..called(outcome) };
    }
    let carried = carry_out(core, snapshot, &incoming, permitted, &mut open);
    let carried = match with {
        // A task of its own does not end with its client by itself.
        Some(with) => tokio::select! {
            biased;
            () = with.given_up(incoming.client) => Err(Failure::Cancelled),
            carried = carried => carried,
        },
        None => carried.await,
    };
    called(closed(open, carried))
}

/// Closes the record of a call that was carried out here.
fn closed(open: OpenCall<'_>, carried: Result<Answer, Failure>) -> Outcome {
    match carried {
        Ok(answer) => {
            let result = answer.into_result();
            open.close(match result.is_error {
                true => EndingStatus::AnsweredError,
                false => EndingStatus::Answered,
            });
            Outcome::Answered(result)
        }
        Err(failure) => {
            open.fail(&failure);
            Outcome::Failed(failure)
        }
    }
}

/// Looks for the yes that a call needs, and waits for one. With it come its places with the limits
/// on calls. The error is how the call ends instead.
async fn approve<'a>(
    core: &Core,
    snapshot: &Snapshot,
    incoming: &Incoming<'_>,
    needing: Needing<'a>,
    record: &RecordId,
    with: Option<With<'_>>,
) -> Result<(Permitted<'a>, Taken), Outcome> {
    let Some(with) = with else { return Err(Outcome::Undecided) };
    let asking = needing.asking();
    let ruling = approval::settle(core, snapshot, incoming, &asking, record, with).await;
    let (denial, waits) = match ruling.map_err(Outcome::Failed)? {
        Ruling::Yes(yes, places) => return Ok((needing.lift(yes), places)),
        Ruling::Again => return Err(Outcome::Undecided),
        Ruling::Denied(denial) => (denial, false),
        Ruling::Waits(denial) => (denial, true),
    };
    let subject = needing.subject(core, snapshot, incoming);
    let outcome = deny(core, snapshot, incoming.caller, record, subject, denial.clone());
    let recorded = matches!(outcome, Outcome::Denied(_));
    Err(if recorded && waits { Outcome::Waits(denial) } else { outcome })
}

/// The surroundings of a request that is passed on.
struct Passing<'a> {
    caller: &'a Caller,
    client: &'a Client,
    watched: Watched,
    with: With<'a>,
}

/// Passes a request on to its server, until it answers, or nobody wants the answer any more.
async fn pass_on(
    core: &Core,
    snapshot: &Snapshot,
    passing: Passing<'_>,
    passage: Passage<'_>,
    mut open: OpenCall<'_>,
) -> Outcome {
    let Passing { caller, client, watched, with } = passing;
    let server = &passage.server.name;
    let screen = Screen::new(core, snapshot, &passage, caller.principal.user.as_ref());
    let conversation = Conversation { core, caller, client, turns: with.turns, passage, screen };
    let outcome = tokio::select! {
        biased;
        () = core.until_revoked(snapshot.version, &watched) => Err(Failure::Cancelled),
        () = with.given_up(client) => Err(Failure::Cancelled),
        outcome = Box::pin(conversation.carry()) => outcome,
    };
    match outcome {
        Ok((passed, masked)) => {
            open.passed(&passed, masked);
            if client.version.is_modern() {
                open.asked(caller, server, &passed);
            }
            open.close(match passed.is_error() {
                true => EndingStatus::AnsweredError,
                false => EndingStatus::Answered,
            });
            Outcome::Passed(passed)
        }
        Err(failure) => {
            open.fail(&failure);
            Outcome::Failed(failure)
        }
    }
}

/// A denial with as much as was known of the target when it was made.
#[derive(Debug)]
struct Refused {
    denial: Denial,
    target: Option<(lanyard_core::ServerName, String)>,
    by: Vec<String>,
    detail: Option<String>,
    facts: CallFacts,
}

fn decided<'a>(
    core: &Core,
    snapshot: &'a Snapshot,
    incoming: &Incoming<'a>,
) -> Result<Decided<'a>, Box<Refused>> {
    let now = core.clock.now();
    let target = Target::route(snapshot, incoming, now).map_err(|denial| {
        Box::new(Refused {
            denial,
            target: scope_target(incoming),
            by: Vec::new(),
            detail: None,
            facts: CallFacts::default(),
        })
    })?;
    let (server, tool) = (target.server(), target.tool());
    let refused = |refusal: Refusal| Box::new(Refused::of(refusal, snapshot, server, tool));
    let gated = target.gate(snapshot, incoming, now).map_err(refused)?;
    if !incoming.client.seen(incoming.agent).is_current(server, tool) {
        let changed = Denial::ToolChanged { tool: incoming.tool.to_owned() };
        return Err(refused(changed.into()));
    }
    let cleared =
        Cleared::new(target, incoming.arguments).map_err(|denial| refused(denial.into()))?;
    let cleared = cleared.noted(snapshot);
    let attributes = cleared.attributes().map(str::to_owned);
    cleared.decide(gated, snapshot, incoming, now).map_err(|refusal| {
        let mut refused = refused(refusal);
        refused.facts.attributes = attributes;
        refused
    })
}

/// The server and tool as the caller addressed them, for the record of a call that leads nowhere.
fn scope_target(incoming: &Incoming<'_>) -> Option<(lanyard_core::ServerName, String)> {
    match incoming.scope {
        Scope::All => None,
        Scope::One(server) => Some((server.clone(), incoming.tool.to_owned())),
    }
}

async fn carry_out(
    core: &Core,
    snapshot: &Snapshot,
    incoming: &Incoming<'_>,
    permitted: Permitted<'_>,
    open: &mut OpenCall<'_>,
) -> Result<Answer, Failure> {
    let watched = permitted.watched(incoming);
    let armed = Armed::new(permitted, snapshot)?;
    let raw = tokio::select! {
        biased;
        // Asked first, so that what was revoked since the decision is not even sent.
        () = core.until_revoked(snapshot.version, &watched) => return Err(Failure::Cancelled),
        raw = armed.forward(core, incoming.caller) => raw?,
    };
    open.received(&raw);
    let answer = raw.screen(core)?;
    open.screened(&answer);
    Ok(answer)
}

impl Refused {
    fn of(refusal: Refusal, snapshot: &Snapshot, server: &ServerEntry, tool: &ToolEntry) -> Self {
        let Refusal { denial, by, shadow, detail } = refusal;
        let facts = CallFacts {
            pin: Some(tool.pin().to_owned()),
            policy: snapshot.policy(&server.tenant).map(|policy| policy.policies().version()),
            shadow,
            ..CallFacts::default()
        };
        let target = Some((server.name.clone(), tool.name().to_string()));
        Self { denial, target, by, detail, facts }
    }

    fn into_subject(self, incoming: &Incoming<'_>) -> (Subject, Denial) {
        let Self { denial, target, by, detail, facts } = self;
        let (server, tool) = match target {
            Some((server, tool)) => (Some(server), tool),
            None => (None, incoming.tool.to_owned()),
        };
        let subject = Subject { by, detail, facts, ..Subject::new("tools/call", server, tool) };
        (subject.told(incoming.client, incoming.trace, incoming.params), denial)
    }
}
