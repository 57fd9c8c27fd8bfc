//! What a policy text would have said of recorded calls. The same question is asked once: a day has many
//! calls that differ in nothing that a rule reads.

use std::collections::{BTreeSet, HashMap};

use lanyard_core::{ServerName, ToolName};
use lanyard_policy::{
    Action, Circumstances, Grants, Moment, NotGranted, ObjectRules, Policies, Prospect, Recorded,
    SubjectRules, Transport,
};
use lanyard_store::Configuration;

use super::call::{Kept, RecordedCall};
use crate::error::ApiError;
use crate::grant::all_grants;
use crate::policy::check::at;
use crate::policy::world::subject;
use crate::state::Shared;

/// How many answers are remembered, and the longest question for which one is, in bytes.
const ANSWERS_MAX: usize = 50_000;
const QUESTION_BYTES_MAX: usize = 512;

/// Who there is and what, held against a policy text.
pub(super) struct Foresight {
    policies: Policies,
    agents: HashMap<String, Subject>,
    /// By server and tool.
    tools: HashMap<String, HashMap<String, Tool>>,
    answers: HashMap<Question, Prospect>,
}

struct Subject {
    number: usize,
    rules: SubjectRules,
    grants: Grants,
}

struct Tool {
    number: usize,
    server: ServerName,
    name: ToolName,
    rules: ObjectRules,
    /// The arguments that rules read.
    reads: BTreeSet<String>,
}

/// A question that has one answer whenever it is asked: agent and tool by their numbers, what the
/// grants say, and what is known of the arguments that rules read.
type Question = (usize, usize, Granted, String);

/// What the grants say, as far as it makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Granted {
    Yes,
    No,
    Denied,
}

impl Foresight {
    pub(super) fn new(
        shared: &Shared,
        policies: Policies,
        rows: &Configuration,
    ) -> Result<Self, ApiError> {
        let mut grants = all_grants(rows).map_err(ApiError::conflict)?;
        let active = rows.agents.iter().filter(|row| row.revoked_at.is_none());
        let agents = (0..).zip(active).map(|(number, row)| {
            let grants = grants.take(&row.tenant, &row.name);
            let rules = subject(&policies, row);
            (row.name.to_string(), Subject { number, rules, grants })
        });
        let agents = agents.collect();
        let mut tools: HashMap<String, HashMap<String, Tool>> = HashMap::new();
        for (number, thing) in (0..).zip(shared.things(rows)) {
            if let (server, Some(name)) = thing.about() {
                let rules = thing.rules(&policies, &shared.tenant);
                let reads = rules.arguments_read(&policies, Action::Call);
                let (own, name) = (server.clone(), name.clone());
                let tool = Tool { number, server: own, name, rules, reads };
                let of_server = tools.entry(server.to_string()).or_default();
                of_server.insert(tool.name.to_string(), tool);
            }
        }
        Ok(Self { policies, agents, tools, answers: HashMap::new() })
    }

    /// What would be decided; none where agent or tool are not there any more.
    pub(super) fn of(&mut self, call: &RecordedCall<'_>) -> Option<Prospect> {
        let subject = self.agents.get(&*call.agent)?;
        let tool = self.tools.get(&*call.server)?.get(&*call.tool)?;
        let kept = match tool.reads.is_empty() {
            true => Kept::default(),
            false => Kept::read(call.attributes),
        };
        let asked = || asked(&self.policies, (subject, tool), call, &kept);
        if !self.policies.repeats(&subject.rules, &tool.rules, Action::Call) {
            return Some(asked());
        }
        let known = kept.said_of(&tool.reads);
        if known.len() > QUESTION_BYTES_MAX {
            return Some(asked());
        }
        let question = (subject.number, tool.number, granted(subject, tool, call), known);
        if let Some(answer) = self.answers.get(&question) {
            return Some(*answer);
        }
        let answer = asked();
        if self.answers.len() >= ANSWERS_MAX {
            self.answers.clear();
        }
        self.answers.insert(question, answer);
        Some(answer)
    }
}

fn granted(subject: &Subject, tool: &Tool, call: &RecordedCall<'_>) -> Granted {
    match subject.grants.decide(&tool.server, &tool.name, call.user.as_ref(), call.time) {
        Ok(_) => Granted::Yes,
        Err(NotGranted::Denied) => Granted::Denied,
        Err(_) => Granted::No,
    }
}

fn asked(
    policies: &Policies,
    (subject, tool): (&Subject, &Tool),
    call: &RecordedCall<'_>,
    kept: &Kept,
) -> Prospect {
    let peer = call.peer.unwrap_or(at(call.time).peer);
    let circumstances = Circumstances {
        user: call.user.as_ref(),
        token: call.token.as_ref(),
        peer,
        transport: Transport::of(peer),
        now: call.time,
    };
    let recorded = Recorded {
        circumstances,
        moment: Moment::Known,
        action: Action::Call,
        arguments: &kept.args,
        known: &kept.known(),
    };
    let about = (&tool.server, Some(&tool.name));
    policies.foresee(&subject.rules, &tool.rules, &subject.grants, about, &recorded)
}
