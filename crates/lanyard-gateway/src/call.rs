//! The life of a tool call, read straight down: route, gate, clear, decide, record, arm,
//! forward, screen, record.
//!
//! Each stage is a type that only the stage before it can make, so a call that skips one does
//! not compile: `Target` → `Cleared` → `Permitted` → `Armed` → `RawAnswer` → `Answer`. A stage
//! never calls back.
//!
//! INVARIANT: the record of a call is opened before its secrets are, and closed whatever happens
//! afterwards, also when the client goes away in the middle.

mod open;
mod screen;
mod stages;

use std::sync::Arc;

use lanyard_core::{Caller, Decision, Denial, EndingStatus, Failure, RecordId, Timestamp};
use lanyard_rest::ToolResult;

pub(crate) use self::open::RecordIds;
use self::open::{OpenCall, record_denial};
pub(crate) use self::stages::Watched;
use self::stages::{Answer, Armed, Cleared, Permitted, Target};
use crate::edge::Core;
use crate::edge::authn::IdentityKey;
use crate::edge::route::Scope;
use crate::snapshot::{AgentEntry, Snapshot, ToolEntry};

/// The most that a record repeats of what is wrong with arguments, in bytes: the names in it are
/// the agent's, and an agent must not choose how large a record is.
const DETAIL_BYTES_MAX: usize = 512;

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
    /// The tool's name as written.
    pub(crate) tool: &'a str,
    /// The arguments as written.
    pub(crate) arguments: Option<&'a str>,
}

/// How a call ended, with the id of its record.
#[derive(Debug)]
pub(crate) struct Called {
    /// The id of the record.
    pub(crate) record: RecordId,
    /// One of three.
    pub(crate) outcome: Outcome,
}

/// The end of a call, one of three.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The tool's result.
    Answered(ToolResult),
    /// No by decision.
    Denied(Denial),
    /// Somebody's fault.
    Failed(Failure),
}

/// The tool that a call means, if its caller can see it.
pub(crate) fn tool_of<'a>(
    snapshot: &'a Snapshot,
    incoming: &Incoming<'a>,
    now: Timestamp,
) -> Option<&'a ToolEntry> {
    let target = Target::route(snapshot, incoming, now).ok()?;
    target.visible(incoming, now).then(|| target.tool())
}

/// Takes a call from its decision to its end.
pub(crate) async fn run(core: &Core, snapshot: &Arc<Snapshot>, incoming: Incoming<'_>) -> Called {
    let record = core.record_ids.next(core.clock.now());
    let permitted = match decide(core, snapshot, &incoming) {
        Ok(permitted) => permitted,
        Err(refused) => {
            let outcome = match record_denial(core, snapshot, &incoming, &record, &refused) {
                Ok(()) => Outcome::Denied(refused.denial),
                Err(failure) => Outcome::Failed(failure),
            };
            return Called { record, outcome };
        }
    };
    let mut open = match OpenCall::begin(core, snapshot, &incoming, &record, &permitted).await {
        Ok(open) => open,
        Err(failure) => return Called { record, outcome: Outcome::Failed(failure) },
    };
    let outcome = match carry_out(core, snapshot, &incoming, permitted, &mut open).await {
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
    };
    Called { record, outcome }
}

/// A denial with as much as was known of the target when it was made.
#[derive(Debug)]
struct Refused {
    denial: Denial,
    target: Option<(lanyard_core::ServerName, String)>,
}

fn decide<'a>(
    core: &Core,
    snapshot: &'a Snapshot,
    incoming: &Incoming<'a>,
) -> Result<Permitted<'a>, Refused> {
    let now = core.clock.now();
    let target = Target::route(snapshot, incoming, now)
        .map_err(|denial| Refused { denial, target: scope_target(incoming) })?;
    let named = (target.server().name.clone(), target.tool().name().to_string());
    let (target, permit) = target
        .gate(incoming, now)
        .map_err(|denial| Refused { denial, target: Some(named.clone()) })?;
    let cleared = Cleared::new(target, incoming.arguments)
        .map_err(|denial| Refused { denial, target: Some(named) })?;
    Ok(Permitted::new(cleared, permit))
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
    fn decision(&self) -> Decision {
        let detail = match &self.denial {
            Denial::ArgumentsInvalid { problem } => {
                Some(open::cut(problem, DETAIL_BYTES_MAX).to_owned())
            }
            Denial::TokenMissing
            | Denial::TokenUnknown
            | Denial::TokenExpired
            | Denial::TokenRevoked
            | Denial::OriginForeign
            | Denial::HostForeign
            | Denial::ServerUnknown
            | Denial::ServerDisabled
            | Denial::ServerNotGranted
            | Denial::ToolUnknown { tool: _ }
            | Denial::ToolNotGranted { tool: _ } => None,
        };
        Decision::Denied { code: self.denial.code(), detail }
    }
}
