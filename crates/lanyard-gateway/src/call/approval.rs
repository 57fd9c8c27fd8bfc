//! A call that a person has to approve: what a yes is bound to, and the wait for it.
//!
//! A wait never gives permission. When something was decided, or the configuration changed, the call
//! is decided anew from the start, with what is in force by then; there the yes is looked for, fits
//! or does not, and is used up.

use std::time::Duration;

use lanyard_core::{Denial, Failure, Limits, RecordId};
use lanyard_guard::{Clearance, shown};
use lanyard_policy::Need;
use lanyard_policy::limit::Taken;
use lanyard_wire::splice;
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::continued::UsedYes;
use super::{Incoming, With, limits};
use crate::approvals::{Standing, WantedYes};
use crate::edge::Core;
use crate::snapshot::{ServerEntry, Snapshot, ToolEntry};

/// A call that needs a yes: decided but for that.
#[derive(Debug)]
pub(super) struct Asking<'a> {
    pub(super) server: &'a ServerEntry,
    pub(super) tool: &'a ToolEntry,
    pub(super) clearance: &'a Clearance,
    pub(super) need: &'a Need,
}

/// What became of a call that needs a yes.
#[derive(Debug)]
pub(super) enum Ruling {
    /// It has one, and has used it up. With it come its places with the limits on calls.
    Yes(UsedYes, Taken),
    /// It has none, or has a no.
    Denied(Denial),
    /// Nobody has decided, and the client may come back for it with a state.
    Waits(Denial),
    /// Something was decided, or what decides was changed: it is to be decided anew.
    Again,
}

/// The patience of a client with a call that waits for a person.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// When the call began.
    pub(crate) since: Instant,
    /// Whether the client came back with a state that says that it waits.
    pub(crate) came_back: bool,
}

/// Looks for a yes, and waits for one as long as the client and the limits let it.
pub(super) async fn settle(
    core: &Core,
    snapshot: &Snapshot,
    incoming: &Incoming<'_>,
    asking: &Asking<'_>,
    record: &RecordId,
    with: With<'_>,
) -> Result<Ruling, Failure> {
    // Both are listened to before anything is looked up, so that nothing in between is missed.
    let mut decisions = core.approvals.decisions();
    let mut snapshots = core.snapshots.clone();
    if snapshots.borrow_and_update().version != snapshot.version {
        return Ok(Ruling::Again);
    }
    // Limits are asked first: a call that they refuse has used up no yes.
    let (server, tool) = (asking.server, asking.tool);
    let places = match limits::take_for_tool(incoming.agent, server, tool, core.clock.now()) {
        Ok(places) => Held(Some(places)),
        Err(denial) => return Ok(Ruling::Denied(denial)),
    };
    let reason = asking.need.reason.clone();
    let wanted = wanted(core, snapshot, incoming, asking, record);
    let binding = wanted.binding.clone();
    let goes_on = with.goes_on.and_then(|it| core.continued.take(it, &binding, wanted.time));
    if let Some(yes) = goes_on {
        return Ok(Ruling::Yes(yes, places.keep()));
    }
    let (id, until, new) = match core.approvals.settle(wanted).await? {
        Standing::Yes(approval) => {
            let yes = UsedYes { approval, binding, rounds: 0 };
            return Ok(Ruling::Yes(yes, places.keep()));
        }
        Standing::No { id, why } => {
            return Ok(Ruling::Denied(Denial::ApprovalRefused { id, why }));
        }
        Standing::Full => {
            let waiting = core.limits.agent_approvals_max;
            return Ok(Ruling::Denied(Denial::ApprovalsFull { reason, waiting }));
        }
        Standing::Pending { id, until, new } => (id, until, new),
    };
    // A call that waits for a person does not run.
    drop(places);
    let denial = Denial::ApprovalNeeded { id: id.clone(), reason };
    let is_modern = incoming.client.version.is_modern();
    if is_modern && new {
        return Ok(Ruling::Waits(denial));
    }
    let left = u64::try_from(until.0.saturating_sub(core.clock.now().0)).unwrap_or(0);
    let patience = asking.server.timeout.saturating_sub(with.patience.since.elapsed());
    let patience = patience.min(Duration::from_micros(left));
    let mut waiting = Waiting { core, with, id: &id, token: progress_token(incoming.params) };
    let decided = tokio::select! {
        () = decided(&mut decisions, &id) => true,
        // Nobody can change the configuration any more when the gateway stops.
        Ok(()) = snapshots.changed() => true,
        () = with.cancel.cancelled() => false,
        () = with.turns.abandoned(), if is_modern => false,
        () = core.stopping() => false,
        () = waiting.report() => false,
        () = tokio::time::sleep(patience) => false,
    };
    Ok(match decided {
        true => Ruling::Again,
        // A client that makes the same call again, and brings no state, does not know of states.
        false if is_modern && with.patience.came_back => Ruling::Waits(denial),
        false => Ruling::Denied(denial),
    })
}

/// Places with the limits on calls that are given back, as if they had never been taken, unless the
/// call is made.
#[derive(Debug)]
struct Held(Option<Taken>);

impl Held {
    fn keep(mut self) -> Taken {
        self.0.take().unwrap_or(Taken::none())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(places) = self.0.take() {
            places.undo();
        }
    }
}

/// What is asked for, with what a yes to it is bound to.
fn wanted(
    core: &Core,
    snapshot: &Snapshot,
    incoming: &Incoming<'_>,
    asking: &Asking<'_>,
    record: &RecordId,
) -> WantedYes {
    let Asking { server, tool, clearance, need } = asking;
    let policy = snapshot.policy(&server.tenant).map_or(0, |it| it.policies().version());
    let principal = &incoming.caller.principal;
    let arguments_digest = core.digester.digest(&clearance.canonical());
    let pin = tool.pin().to_owned();
    let generation = server.as_mcp().map(|mcp| mcp.target.generation);
    let bound = json!([
        "approval",
        principal.tenant.as_str(),
        principal.agent.as_str(),
        principal.user.as_ref().map(|user| user.as_str()),
        server.name.as_str(),
        generation,
        tool.name().as_str(),
        arguments_digest,
        pin,
        policy,
        need.rules,
    ]);
    let now = core.clock.now();
    let schema = serde_json::from_str(tool.input_schema()).unwrap_or_default();
    let shown = shown(&schema, clearance.arguments()).to_string();
    let masker = snapshot.masker_of_arguments(server, principal.user.as_ref());
    WantedYes {
        id: core.record_ids.next(now),
        call: record.clone(),
        time: now,
        principal: principal.clone(),
        peer: incoming.caller.peer.to_string(),
        server: server.name.clone(),
        tool: tool.name().to_string(),
        arguments_digest,
        pin,
        policy,
        rules: need.rules.clone(),
        reason: need.reason.clone(),
        binding: core.digester.digest(&bound.to_string()),
        shown: masker.mask_json(&shown).0.into_owned(),
        ttl: need.ttl.min(Limits::span(core.limits.approval_ms_max)),
    }
}

/// Ready when this request was decided, as far as one can know.
async fn decided(decisions: &mut Receiver<RecordId>, id: &RecordId) {
    loop {
        match decisions.recv().await {
            Ok(other) if other != *id => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            // Nobody decides any more: the gateway is stopping.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// A call while it waits.
struct Waiting<'a> {
    core: &'a Core,
    with: With<'a>,
    id: &'a RecordId,
    /// Under which token the client wants progress, raw JSON.
    token: Option<&'a str>,
}

impl Waiting<'_> {
    /// Reports that the call still waits, over and over.
    async fn report(&mut self) {
        let Some(token) = self.token else { return std::future::pending().await };
        let message =
            format!("waiting for a person to approve it: pending approval ID: {}", self.id);
        let message = serde_json::Value::from(message);
        let every = Limits::span(self.core.limits.approval_progress_ms);
        // Small, so that what the server reports later is more.
        for count in 1_u32.. {
            self.with.turns.say(format!(
                r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":0.{count:06},"message":{message}}}}}"#
            ))
            .await;
            tokio::time::sleep(every).await;
        }
    }
}

fn progress_token(params: Option<&RawValue>) -> Option<&str> {
    let token = splice::member(params?.get(), &["_meta", "progressToken"])?.get();
    // Text or a number: anything else is no token.
    token.starts_with(|first: char| matches!(first, '"' | '-' | '0'..='9')).then_some(token)
}
