//! The record around a call: opened before anything can happen, closed with what happened.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use lanyard_core::{
    CallFacts, CallRecord, Caller, Decision, Denial, Ending, EndingStatus, Failure, OpenRecord,
    PayloadPart, Record, RecordId, RecordWho, ServerName, Timestamp,
};
use lanyard_policy::limit::Taken;
use lanyard_wire::{InputRequired, Retry};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::value::RawValue;

use super::Outcome;
use super::foreign::Passed;
use super::payload::{self, Keeping, Seal};
use super::rounds;
use super::stages::{Answer, RawAnswer};
use crate::edge::Core;
use crate::edge::client::Client;
use crate::snapshot::Snapshot;

/// What a record is about. Each member is filled where its fact becomes known.
#[derive(Debug)]
pub(super) struct Subject {
    /// The method.
    pub(super) method: &'static str,
    /// The server, where it is known which.
    pub(super) server: Option<ServerName>,
    /// The tool, the prompt or the URI.
    pub(super) about: String,
    /// The keyed digest of the arguments.
    pub(super) digest: Option<String>,
    /// The call that asked for what this one brings.
    pub(super) continues: Option<RecordId>,
    /// The rules that decided it.
    pub(super) by: Vec<String>,
    /// Why it was denied, where the code alone does not say it.
    pub(super) detail: Option<String>,
    /// What it was decided on, and what it will use.
    pub(super) facts: CallFacts,
    /// What is to be kept of it.
    pub(super) keeping: Option<Keeping>,
}

impl Subject {
    /// A request of which no more is known yet.
    pub(super) fn new(method: &'static str, server: Option<ServerName>, about: String) -> Self {
        Self {
            method,
            server,
            about,
            digest: None,
            continues: None,
            by: Vec::new(),
            detail: None,
            facts: CallFacts::default(),
            keeping: None,
        }
    }

    /// The same with the call that asked for what these parameters bring, if they bring an answer.
    /// Only clients of the stateless era answer in that way.
    pub(super) fn after(
        self,
        core: &Core,
        caller: &Caller,
        client: &Client,
        params: Option<&RawValue>,
    ) -> Self {
        let Some(server) = &self.server else { return self };
        if !client.version.is_modern() {
            return self;
        }
        let retry = params.and_then(|params| Retry::read(params.get()));
        let Some(state) = retry.and_then(|retry| retry.request_state()) else { return self };
        let key = rounds::key(&caller.principal, server, Some(state));
        Self { continues: core.rounds.before(key), ..self }
    }
}

/// The most that a record repeats of what is wrong with arguments, in bytes: the names in it are
/// the agent's, and an agent must not choose how large a record is.
const DETAIL_BYTES_MAX: usize = 512;

/// The longest tool name that a record repeats, in bytes: that of [`lanyard_core::ToolName`].
const TOOL_BYTES_MAX: usize = 128;

/// An allowed call whose record is open. Dropping it closes the record: the client went away.
#[derive(Debug)]
pub(super) struct OpenCall<'a> {
    core: &'a Core,
    id: RecordId,
    began: Instant,
    ending: Option<Ending>,
    /// Where something is kept of it.
    seal: Option<Seal>,
    /// What it holds of limits on calls until it ends, whatever its end.
    _places: Taken,
}

impl<'a> OpenCall<'a> {
    /// Opens the record. The call is not made when that fails.
    pub(super) async fn begin(
        core: &'a Core,
        snapshot: &Snapshot,
        caller: &Caller,
        id: &RecordId,
        mut subject: Subject,
        mut places: Taken,
    ) -> Result<Self, Failure> {
        subject.facts.obligations.append(&mut places.obligations());
        let keeping = subject.keeping.take();
        let decision = Decision::Allowed { by: std::mem::take(&mut subject.by) };
        let record = opened(core, snapshot, caller, id, subject, decision);
        let position = match core.append(&record) {
            Ok(position) => position,
            Err(failure) => {
                places.undo();
                return Err(failure);
            }
        };
        let ending = Ending {
            status: EndingStatus::Failed,
            failure: None,
            upstream_status: None,
            upstream_bytes: 0,
            result_bytes: 0,
            masked: 0,
            took_micros: 0,
        };
        // From here on the record is open and will be closed, also when the client goes away
        // while it is being synced.
        let mut open = Self {
            core,
            id: id.clone(),
            began: core.clock.monotonic(),
            ending: Some(ending),
            seal: None,
            _places: places,
        };
        let recorded = async {
            let mut position = position;
            if let Some(keeping) = keeping {
                let (seal, kept_at) = keeping.arguments(core, caller, id).await?;
                (open.seal, position) = (Some(seal), kept_at);
            }
            core.until_durable(position).await
        };
        if let Err(failure) = recorded.await {
            open.fail(&failure);
            return Err(failure);
        }
        Ok(open)
    }

    /// Keeps what the agent gets, where that is switched on.
    fn keep(&self, part: PayloadPart, text: impl AsRef<str>) {
        if let Some(seal) = &self.seal {
            seal.answer(self.core, &self.id, part, text.as_ref());
        }
    }

    /// Notes what came from the upstream.
    pub(super) fn received(&mut self, raw: &RawAnswer<'_>) {
        if let Some(ending) = &mut self.ending {
            ending.upstream_status = raw.status();
            ending.upstream_bytes = raw.bytes();
        }
    }

    /// Notes what goes to the agent.
    pub(super) fn screened(&mut self, answer: &Answer) {
        if let Some(ending) = &mut self.ending {
            ending.masked = answer.masked();
            ending.result_bytes = answer.bytes();
        }
        if self.seal.is_some() {
            self.keep(PayloadPart::Result, payload::result_text(answer.result()));
        }
    }

    /// Notes what a server that speaks MCP answered.
    pub(super) fn passed(&mut self, passed: &Passed, masked: u64) {
        if let Some(ending) = &mut self.ending {
            ending.masked = masked;
            ending.upstream_bytes = passed.bytes();
            ending.result_bytes = passed.bytes();
        }
        match passed {
            Passed::Result(text) => self.keep(PayloadPart::Result, text),
            Passed::Error(text) => self.keep(PayloadPart::Error, text),
        }
    }

    /// Notes that the call asked its client for something, if that is how it was answered.
    pub(super) fn asked(&self, caller: &Caller, server: &ServerName, passed: &Passed) {
        let Passed::Result(result) = passed else { return };
        let Some(asked) = InputRequired::read(result) else { return };
        let key = rounds::key(&caller.principal, server, asked.request_state());
        self.core.rounds.note(key, &self.id);
    }

    /// Closes the record of a call that was answered.
    pub(super) fn close(mut self, status: EndingStatus) {
        self.write(status, None);
    }

    /// Closes the record of a call that failed.
    pub(super) fn fail(mut self, failure: &Failure) {
        self.write(EndingStatus::Failed, Some(failure));
    }

    fn write(&mut self, status: EndingStatus, failure: Option<&Failure>) {
        let Some(mut ending) = self.ending.take() else { return };
        ending.status = status;
        ending.failure = failure.map(Failure::code);
        let took = self.core.clock.monotonic().saturating_duration_since(self.began);
        ending.took_micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        tracing::debug!(
            record = %self.id,
            status = status.as_str(),
            failure = ending.failure,
            upstream_status = ending.upstream_status,
            took_micros = ending.took_micros,
            "A call ended."
        );
        let record =
            Record::Closed(CallRecord { id: self.id.clone(), time: self.core.clock.now(), ending });
        // The call has happened: a record that cannot be closed does not change its answer. The
        // log refuses the next call, and the open record tells that this one had no end.
        if let Err(error) = self.core.log.append(&record) {
            tracing::error!(record = %self.id, %error, "The record of a call could not be closed.");
        }
    }
}

impl Drop for OpenCall<'_> {
    fn drop(&mut self) {
        self.write(EndingStatus::Failed, Some(&Failure::Cancelled));
    }
}

/// Denies a call and records that, in one entry that is complete.
pub(super) fn deny(
    core: &Core,
    snapshot: &Snapshot,
    caller: &Caller,
    id: &RecordId,
    mut subject: Subject,
    denial: Denial,
) -> Outcome {
    let decision = denied(&denial, std::mem::take(&mut subject.by), subject.detail.take());
    let record = opened(core, snapshot, caller, id, subject, decision);
    match core.append(&record) {
        Ok(_) => Outcome::Denied(denial),
        Err(failure) => Outcome::Failed(failure),
    }
}

/// A denial as its record has it.
fn denied(denial: &Denial, by: Vec<String>, detail: Option<String>) -> Decision {
    let detail = match denial {
        Denial::ArgumentsInvalid { problem } => Some(cut(problem, DETAIL_BYTES_MAX).to_owned()),
        Denial::ArgumentCredential { argument, kind } => {
            Some(cut(&format!("{argument}: {kind}"), DETAIL_BYTES_MAX).to_owned())
        }
        // What allowed the call did not decide it.
        Denial::LimitReached(reached) => {
            let (code, detail) = (denial.code(), Some(reached.which.clone()));
            return Decision::Denied { code, detail, by: vec![reached.limit.clone()] };
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
        | Denial::ToolNotGranted { tool: _ }
        | Denial::ToolChanged { tool: _ }
        | Denial::UserNotGranted { user: _ }
        | Denial::PolicyForbids { .. }
        | Denial::PolicyUndecidable { .. }
        | Denial::PromptUnknown { prompt: _ }
        | Denial::ResourceUnknown { uri: _ }
        | Denial::MethodUnknown { method: _ }
        | Denial::ApprovalsFull { reason: _, waiting: _ } => {
            detail.map(|detail| cut(&detail, DETAIL_BYTES_MAX).to_owned())
        }
        Denial::ApprovalNeeded { id, reason: _ } | Denial::ApprovalRefused { id, why: _ } => {
            Some(format!("approval {id}"))
        }
    };
    Decision::Denied { code: denial.code(), detail, by }
}

fn opened(
    core: &Core,
    snapshot: &Snapshot,
    caller: &Caller,
    id: &RecordId,
    subject: Subject,
    decision: Decision,
) -> Record {
    Record::Opened(Box::new(OpenRecord {
        id: id.clone(),
        time: core.clock.now(),
        who: who(caller),
        method: subject.method,
        server: subject.server,
        tool: Some(cut(&subject.about, TOOL_BYTES_MAX).to_owned()),
        arguments_digest: subject.digest,
        snapshot: snapshot.version,
        decision,
        continues: subject.continues,
        facts: subject.facts,
    }))
}

/// Who stands behind a record.
pub(crate) fn who(caller: &Caller) -> RecordWho {
    RecordWho {
        tenant: caller.principal.tenant.clone(),
        agent: caller.principal.agent.clone(),
        user: caller.principal.user.clone(),
        token: caller.token.clone(),
        peer: caller.peer.to_string(),
    }
}

pub(super) fn cut(text: &str, bytes_max: usize) -> &str {
    let longest = bytes_max.min(text.len());
    (0..=longest).rev().find_map(|end| text.get(..end)).unwrap_or("")
}

/// Makes record ids. Of an id's 80 bits beside the time 40 are drawn once per start and 40 count,
/// so that an id costs no randomness; it has to be unique, not secret.
#[derive(Debug)]
pub(crate) struct RecordIds {
    start: u64,
    count: AtomicU64,
}

const FORTY_BITS: u64 = (1 << 40) - 1;

impl RecordIds {
    /// Ids of one start of the program. `None` when the system has no randomness to give.
    pub(crate) fn new(random: &SystemRandom) -> Option<Self> {
        let mut start = [0_u8; 8];
        random.fill(&mut start).ok()?;
        Some(Self { start: u64::from_be_bytes(start) & FORTY_BITS, count: AtomicU64::new(0) })
    }

    /// The next id.
    pub(crate) fn next(&self, now: Timestamp) -> RecordId {
        let count = self.count.fetch_add(1, Ordering::Relaxed) & FORTY_BITS;
        RecordId::from_parts(now, (u128::from(self.start) << 40) | u128::from(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_sort_by_time() {
        let ids = RecordIds::new(&SystemRandom::new()).unwrap();
        let first = ids.next(Timestamp(1_795_302_341_000_000));
        let second = ids.next(Timestamp(1_795_302_341_000_000));
        let third = ids.next(Timestamp(1_795_302_342_000_000));
        assert_eq!(first.as_str().len(), 26);
        assert!(first < second && second < third, "{first} {second} {third}");
    }

    #[test]
    fn a_long_tool_name_is_cut_at_a_character() {
        assert_eq!(cut("aé", 2), "a");
        assert_eq!(cut("ab", 128), "ab");
    }
}
