//! What is questionable about policies, given the tools and agents that are there.

use std::collections::{BTreeMap, BTreeSet};

use lanyard_core::{Peer, Timestamp};
use lanyard_policy::{Circumstances, Effect, Grants, Policies, SubjectRules, Transport};
use lanyard_store::Configuration;
use serde_json::{Value, json};

use super::rule_json;
use super::world::{Thing, What, subject};
use crate::error::ApiError;
use crate::grant::all_grants;
use crate::state::Shared;

/// The most findings of one kind that are told one by one.
const SHOWN_MAX: usize = 50;

impl Shared {
    /// Compiles the policies for everything that is there, and says what is odd about it.
    pub(super) fn checked(
        &self,
        policies: &Policies,
        rows: &Configuration,
    ) -> Result<Value, ApiError> {
        let things = self.things(rows);
        let mut matching = BTreeSet::new();
        let mut broken: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        let mut unreachable = Vec::new();
        let agents = agents(policies, rows)?;
        let now = self.parts.clock.now();
        for thing in &things {
            let object = thing.rules(policies, &self.tenant);
            matching.extend(object.matching(policies).into_iter().map(str::to_owned));
            for problem in object.problems(policies) {
                let what = problem.problem.to_string();
                broken.entry((problem.rule, what)).or_default().push(thing.shown());
            }
            let is_tool = matches!(thing.what, What::Tool { .. });
            let shown = |(subject, grants): &(SubjectRules, Grants)| {
                policies.lists(subject, &object, grants, thing.about(), &at(now))
            };
            if is_tool && !agents.is_empty() && !agents.iter().any(shown) {
                unreachable.push(thing.shown());
            }
        }
        let mut findings = Vec::new();
        for ((rule, problem), of) in broken {
            let message =
                format!("cannot be evaluated for {}: {problem}; it stops their calls", some(&of));
            findings.push(finding("error", Some(&rule), &message));
        }
        for rule in policies.rules().filter(|rule| !matching.contains(&rule.id)) {
            let message = match rule.effect {
                Effect::Permit => "matches nothing that is there: it permits nothing",
                Effect::Forbid => "matches nothing that is there: it forbids nothing",
            };
            findings.push(finding("warning", Some(&rule.id), message));
        }
        if !unreachable.is_empty() {
            let message = format!(
                "no agent can call {} now: no grant and no policy allows it, or it is forbidden whatever the arguments are",
                some(&unreachable)
            );
            findings.push(finding("warning", None, &message));
        }
        Ok(json!({
            "rules": policies.rules().map(rule_json).collect::<Vec<_>>(),
            "tools": things.iter().filter(|it| is_tool(it)).count(),
            "agents": agents.len(),
            "findings": findings,
        }))
    }
}

fn is_tool(thing: &Thing) -> bool {
    matches!(thing.what, What::Tool { .. })
}

/// Some things by name, and how many more there are.
fn some(names: &[String]) -> String {
    let shown = names.iter().take(SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN_MAX) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn finding(severity: &str, rule: Option<&str>, message: &str) -> Value {
    json!({ "severity": severity, "rule": rule, "message": message })
}

/// The agents that are not revoked, with their grants.
pub(super) fn agents(
    policies: &Policies,
    rows: &Configuration,
) -> Result<Vec<(SubjectRules, Grants)>, ApiError> {
    let mut grants = all_grants(rows).map_err(ApiError::conflict)?;
    let active = rows.agents.iter().filter(|row| row.revoked_at.is_none());
    Ok(active.map(|row| (subject(policies, row), grants.take(&row.tenant, &row.name))).collect())
}

/// Nobody in particular, from this machine.
pub(super) fn at(now: Timestamp) -> Circumstances<'static> {
    Circumstances {
        user: None,
        token: None,
        peer: Peer::Unix { uid: 0, pid: None },
        transport: Transport::Unix,
        now,
    }
}
