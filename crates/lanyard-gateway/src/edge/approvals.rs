//! Clients of the stateless era and calls that need a person: what they are given to come back with.
//!
//! A call that waits for a person is answered with a state, and its retry waits a while before it is
//! told so again. A call that had its yes, and whose server then asks its client for something, is
//! answered with a state that holds the server's own: so that the client's answer goes on with that
//! call, and needs no yes of its own.
//!
//! INVARIANT: a state gives nothing by itself. The one says that its client knows how to come back;
//! what was approved is looked for anew, by what the call is. The other names a call that may go on,
//! once, which is held to be the same in all that its yes was given for.

use lanyard_core::{Denial, Failure, Limits};
use lanyard_vault::Digester;
use lanyard_wire::{InputRequired, splice};
use serde_json::Value;
use serde_json::value::RawValue;

use super::client::Client;
use super::dispatch;
use super::parked::{Claim, Made};
use super::request::Context;
use super::{Core, route::Scope};
use crate::call::{Called, Handle, Outcome, Passed, UsedYes};

/// What a sealed state begins with, so that nothing else that the gateway seals is taken for one.
const WAITS: &[u8] = b"waits for a person:";
const GOES_ON: &[u8] = b"goes on after a yes:";

/// Where an answer that asks to be asked again names the approval that is waited for.
const APPROVAL: &str = "io.lanyard/approval";

/// What a client came back with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Brought {
    /// No state of this kind.
    Nothing,
    /// It came back for a call that waits: how often by now, and what has to be the same.
    Waited { rounds: u8, claim: Vec<u8> },
    /// It came back with what the server of a call with a yes wants to know: the call, what has to be
    /// the same, and the server's state as it was written.
    GoesOn { handle: Handle, claim: Vec<u8>, state: Option<String> },
}

impl Brought {
    /// Reads a state. `None` for one of another kind.
    pub(super) fn read(content: &[u8]) -> Option<Self> {
        if let Some(content) = content.strip_prefix(WAITS) {
            let (rounds, claim) = content.split_first()?;
            return Some(Self::Waited { rounds: *rounds, claim: claim.to_vec() });
        }
        let (handle, rest) = content.strip_prefix(GOES_ON)?.split_first_chunk()?;
        let mut parts = rest.splitn(2, |byte| *byte == b'\n');
        let (claim, state) = (parts.next()?.to_vec(), parts.next()?);
        let state = (!state.is_empty()).then(|| String::from_utf8(state.to_vec()));
        Some(Self::GoesOn { handle: *handle, claim, state: state.transpose().ok()? })
    }

    /// The state, if it was given for this very request, which may go on where it says so.
    pub(super) fn of(self, claim: &Claim, core: &Core) -> Option<Self> {
        let now = digest(claim, &core.digester);
        let fits = match &self {
            Self::Nothing => true,
            Self::Waited { rounds: _, claim } => *claim == now.as_bytes(),
            Self::GoesOn { handle, claim, state: _ } => {
                *claim == now.as_bytes() && core.continued.has(handle, core.clock.now())
            }
        };
        fits.then_some(self)
    }

    /// Whether the client knows how to come back.
    pub(super) fn is_something(&self) -> bool {
        *self != Self::Nothing
    }

    /// The call that goes on.
    pub(super) fn handle(&self) -> Option<&Handle> {
        match self {
            Self::GoesOn { handle, claim: _, state: _ } => Some(handle),
            Self::Nothing | Self::Waited { .. } => None,
        }
    }

    /// The parameters as the server is to have them, where they are not those that came.
    pub(super) fn params(&self, made: &Made) -> Option<Box<RawValue>> {
        match self {
            Self::Nothing => None,
            Self::Waited { .. } => made.without_state(),
            Self::GoesOn { handle: _, claim: _, state } => made.with_state(state.as_deref()),
        }
    }
}

/// Who and what has to be the same, in one text.
fn digest(claim: &Claim, digester: &Digester) -> String {
    let Claim { principal, scope, request } = claim;
    let user = principal.user.as_ref().map_or("", |user| user.as_str());
    let scope = match scope {
        Scope::All => "",
        Scope::One(server) => server.as_str(),
    };
    // No name has a line break in it.
    let (tenant, agent) = (&principal.tenant, &principal.agent);
    digester.digest(&format!("{tenant}\n{agent}\n{user}\n{scope}\n{request}"))
}

/// What a client is told of a call that ended, or waits for a person.
pub(super) fn told(
    context: &Context,
    client: &Client,
    made: &Made,
    brought: &Brought,
    called: Called,
) -> Called {
    if let Brought::GoesOn { handle, claim: _, state: _ } = brought
        && !matches!(called.outcome, Outcome::Denied(Denial::LimitReached(_)))
    {
        // Whatever became of it: there is no second answer to what the server asked.
        context.core.continued.forget(handle);
    }
    let (denial, approval) = match called.outcome {
        Outcome::Waits(Denial::ApprovalNeeded { id, reason }) => {
            (Denial::ApprovalNeeded { id: id.clone(), reason }, id)
        }
        Outcome::Passed(Passed::Result(result)) => {
            let outcome = asked_back(context, made, called.yes.as_ref(), result);
            return Called { outcome, ..called };
        }
        Outcome::Waits(_)
        | Outcome::Answered(_)
        | Outcome::Passed(Passed::Error(_))
        | Outcome::Denied(_)
        | Outcome::Failed(_)
        | Outcome::Undecided => return called,
    };
    let rounds = match brought {
        Brought::Waited { rounds, claim: _ } => rounds.saturating_add(1),
        Brought::Nothing | Brought::GoesOn { .. } => 1,
    };
    let outcome = match state(context, made, rounds) {
        Some(state) => {
            let stamp = dispatch::stamp(client.version);
            let result = lanyard_wire::input_required_result(stamp, &[], Some(&state));
            let named = format!("\"{approval}\"");
            let named = splice::set_member(&result, &["_meta", APPROVAL], &named);
            Outcome::Passed(Passed::Result(named.unwrap_or(result)))
        }
        None => Outcome::Denied(denial),
    };
    Called { outcome, ..called }
}

/// The state for the next time; `None` when the client came so often that it would give up, and is
/// better told in words.
fn state(context: &Context, made: &Made, rounds: u8) -> Option<String> {
    let core = &context.core;
    if u64::from(rounds) >= core.limits.input_rounds_max {
        return None;
    }
    let claim = digest(&made.claim(context), &core.digester);
    core.sessions.seal(&[WAITS, &[rounds], claim.as_bytes()].concat())
}

/// What a server answered. Where it asks a client of the stateless era for something during a call
/// with a yes, the client is given a state that lets that call go on.
fn asked_back(context: &Context, made: &Made, yes: Option<&UsedYes>, result: String) -> Outcome {
    let asked = yes.zip(InputRequired::read(&result));
    let Some((yes, asked)) = asked else { return Outcome::Passed(Passed::Result(result)) };
    let core = &context.core;
    if u64::from(yes.rounds) >= core.limits.input_rounds_max {
        let problem = format!("it asked more than {} times", core.limits.input_rounds_max);
        return Outcome::Failed(Failure::ClientUnable { problem });
    }
    let yes = UsedYes { rounds: yes.rounds.saturating_add(1), ..yes.clone() };
    let until = core.clock.now().plus(Limits::span(core.limits.input_wait_ms_max));
    let given = core.continued.hold(yes, until).and_then(|handle| {
        let claim = digest(&made.claim(context), &core.digester);
        let state = asked.request_state().unwrap_or_default();
        let parts: [&[u8]; 5] = [GOES_ON, &handle, claim.as_bytes(), b"\n", state.as_bytes()];
        let sealed = Value::from(core.sessions.seal(&parts.concat())?).to_string();
        splice::set_member(&result, &["requestState"], &sealed)
    });
    match given {
        Some(result) => Outcome::Passed(Passed::Result(result)),
        None => Outcome::Failed(Failure::Bug),
    }
}
