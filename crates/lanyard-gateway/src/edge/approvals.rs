//! Clients of the stateless era and calls that wait for a person: the client is told to come back with
//! a state, and its retry waits a while before it is told so again.
//!
//! INVARIANT: the state gives nothing. It says that its client knows how to come back; what was
//! approved is looked for anew, by what the call is.

use lanyard_core::Denial;
use lanyard_vault::Digester;
use lanyard_wire::splice;

use super::client::Client;
use super::dispatch;
use super::parked::{Claim, Made};
use super::request::Context;
use super::{Core, route::Scope};
use crate::call::{Called, Outcome, Passed};

/// What a sealed state begins with, so that nothing else that the gateway seals is taken for one.
const MARK: &[u8] = b"waits for a person:";

/// Where an answer that asks to be asked again names the approval that is waited for.
const APPROVAL: &str = "io.lanyard/approval";

/// A state that a client brought back: how often it has come by now, and a digest of what has to be
/// the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waited {
    rounds: u8,
    claim: Vec<u8>,
}

impl Waited {
    /// Reads a state. `None` for one of another kind.
    pub(super) fn read(content: &[u8]) -> Option<Self> {
        let (rounds, claim) = content.strip_prefix(MARK)?.split_first()?;
        Some(Self { rounds: *rounds, claim: claim.to_vec() })
    }

    /// The state, if it was given for this very request.
    pub(super) fn of(self, claim: &Claim, core: &Core) -> Option<Self> {
        (self.claim == digest(claim, &core.digester).as_bytes()).then_some(self)
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
    waited: Option<Waited>,
    called: Called,
) -> Called {
    let (denial, approval) = match called.outcome {
        Outcome::Waits(Denial::ApprovalNeeded { id, reason }) => {
            (Denial::ApprovalNeeded { id: id.clone(), reason }, id)
        }
        Outcome::Waits(_)
        | Outcome::Answered(_)
        | Outcome::Passed(_)
        | Outcome::Denied(_)
        | Outcome::Failed(_)
        | Outcome::Undecided => return called,
    };
    let rounds = waited.map_or(0, |waited| waited.rounds).saturating_add(1);
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
    core.sessions.seal(&[MARK, &[rounds], claim.as_bytes()].concat())
}
