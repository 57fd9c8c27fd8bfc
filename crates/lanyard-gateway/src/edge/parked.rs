//! Calls that wait for a client of the stateless era to come back with what their server asked for.
//!
//! The client is told `input_required` with a state that names the call. The state is sealed, and
//! it opens the call only for the principal that made it, through the same endpoint, with the same
//! request: what it names is a handle, and no credential.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use lanyard_core::{Principal, Timestamp};
use lanyard_wire::splice;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::request::Context;
use super::route::Scope;
use crate::call::{Question, Turn};

/// Whose call it is and which: what has to be the same when the client comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) principal: Principal,
    pub(super) scope: Scope,
    /// A digest of the request without what changes when it is repeated.
    pub(super) request: String,
}

/// A request as it was made, for as long as anything may be asked back about it.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) method: String,
    pub(super) params: Option<Box<RawValue>>,
}

impl Made {
    /// The parameters without what a client brings when it comes back.
    pub(super) fn without_state(&self) -> Option<Box<RawValue>> {
        let params = self.params.as_deref()?.get();
        let bare = splice::remove_members(params, &[], &["requestState", "inputResponses"])?;
        RawValue::from_string(bare).ok()
    }

    /// The parameters with this state in the place of the one that the client brings back.
    pub(super) fn with_state(&self, state: Option<&str>) -> Option<Box<RawValue>> {
        let params = self.params.as_deref()?.get();
        let params = match state {
            Some(state) => splice::set_member(params, &["requestState"], state)?,
            None => splice::remove_members(params, &[], &["requestState"])?,
        };
        RawValue::from_string(params).ok()
    }

    /// What has to be the same when the client repeats it with an answer.
    pub(super) fn claim(&self, context: &Context) -> Claim {
        let params = self.params.as_ref().and_then(|raw| serde_json::from_str(raw.get()).ok());
        let mut params: Value = params.unwrap_or_default();
        if let Some(members) = params.as_object_mut() {
            members.retain(|key, _| {
                !matches!(key.as_str(), "_meta" | "inputResponses" | "requestState")
            });
            members.sort_keys();
        }
        let text = format!("{} {params}", self.method);
        Claim {
            principal: context.caller.principal.clone(),
            scope: context.scope.clone(),
            request: context.core.digester.digest(&text),
        }
    }
}

/// A call that waits.
#[derive(Debug)]
pub(super) struct ParkedCall {
    pub(super) claim: Claim,
    pub(super) question: Question,
    pub(super) turns: mpsc::Receiver<Turn>,
    /// When it is given up, which ends the call.
    pub(super) until: Timestamp,
}

/// The calls that wait.
#[derive(Debug, Default)]
pub(crate) struct Parked {
    calls: Mutex<HashMap<[u8; 16], ParkedCall>>,
}

/// How many calls may wait at a time. Past it the one that has waited longest is given up.
const PARKED_MAX: usize = 1000;

/// What a sealed state begins with, so that nothing else that the gateway seals is taken for one.
const MARK: &[u8] = b"parked call:";

impl Parked {
    /// Parks a call. Gives what its state seals; `None` when the system has no randomness to give.
    pub(super) fn park(&self, call: ParkedCall, now: Timestamp) -> Option<Vec<u8>> {
        let mut id = [0_u8; 16];
        SystemRandom::new().fill(&mut id).ok()?;
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.retain(|_, call| now < call.until);
        if calls.len() >= PARKED_MAX
            && let Some(oldest) = calls.iter().min_by_key(|(_, call)| call.until).map(|it| *it.0)
        {
            calls.remove(&oldest);
        }
        calls.insert(id, call);
        Some([MARK, &id].concat())
    }

    /// Whether a sealed state names a call that was parked here, still there or not.
    pub(super) fn is_state(content: &[u8]) -> bool {
        content.starts_with(MARK)
    }

    /// Takes a call back, if it is there and the claim is the one it was parked with.
    pub(super) fn take(&self, content: &[u8], claim: &Claim, now: Timestamp) -> Option<ParkedCall> {
        let id: [u8; 16] = content.strip_prefix(MARK)?.try_into().ok()?;
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let call = calls.get(&id)?;
        if call.claim != *claim || call.until <= now {
            return None;
        }
        calls.remove(&id)
    }

    /// Gives up what has waited too long.
    pub(super) fn sweep(&self, now: Timestamp) {
        self.calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|_, call| now < call.until);
    }
}
