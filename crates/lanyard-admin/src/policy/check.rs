//! What is questionable about policies, given the tools and agents that are there.

use std::collections::BTreeSet;

use lanyard_core::{Peer, Timestamp};
use lanyard_policy::{
    Circumstances, Effect, Grants, ObjectRules, Policies, PolicyProblem, RuleInfo, RuleProblem,
    SubjectRules, Transport,
};
use lanyard_store::Configuration;
use serde_json::{Value, json};

use super::rule_json;
use super::world::{Thing, What, subject};
use crate::error::ApiError;
use crate::grant::all_grants;
use crate::state::Shared;

/// The most findings of one kind that are told one by one.
const SHOWN_MAX: usize = 50;

/// Everything that can be used, held against policies.
pub(super) struct Held {
    things: Vec<(Thing, ObjectRules)>,
}

impl Held {
    /// Compiles the policies for everything that is there.
    pub(super) fn new(shared: &Shared, policies: &Policies, rows: &Configuration) -> Self {
        let things = shared.things(rows).into_iter().map(|thing| {
            let rules = thing.rules(policies, &shared.tenant);
            (thing, rules)
        });
        Self { things: things.collect() }
    }

    /// The rules that cannot be evaluated for something that is there, each with its place.
    pub(super) fn misfits(&self, policies: &Policies) -> Vec<PolicyProblem> {
        let mut found: Vec<(PolicyProblem, Vec<String>)> = Vec::new();
        for (thing, object) in &self.things {
            for RuleProblem { rule: _, problem } in object.problems(policies) {
                match found.iter_mut().find(|(known, _)| *known == problem) {
                    Some((_, of)) => of.push(thing.shown()),
                    None => found.push((problem, vec![thing.shown()])),
                }
            }
        }
        found.sort_by_key(|(problem, _)| (problem.line, problem.column));
        found.into_iter().map(|(problem, of)| misfit(problem, &of)).collect()
    }

    /// The tools that none of these agents could ever call.
    fn unreachable(
        &self,
        policies: &Policies,
        agents: &[(SubjectRules, Grants)],
        now: Timestamp,
    ) -> Vec<String> {
        let reached = |(thing, object): &&(Thing, ObjectRules)| {
            agents.iter().any(|(subject, grants)| {
                policies.reaches(subject, object, grants, thing.about(), &at(now))
            })
        };
        let tools = self.things.iter().filter(|(thing, _)| is_tool(thing));
        tools.filter(|it| !reached(it)).map(|(thing, _)| thing.shown()).collect()
    }

    /// The rules that match nothing that is there.
    fn idle<'a>(&self, policies: &'a Policies) -> impl Iterator<Item = &'a RuleInfo> {
        let matching: BTreeSet<String> = self
            .things
            .iter()
            .flat_map(|(_, object)| object.matching(policies).into_iter().map(str::to_owned))
            .collect();
        policies.rules().filter(move |rule| !matching.contains(&rule.id))
    }
}

/// What to do about a rule that cannot be evaluated, where the type checker does not say it.
const FIT: &str =
    "write it by the types of the tool's schema, or name in its head the tools that it is for";

/// A problem of a rule as it is told: for what, what follows, and what to do.
fn misfit(problem: PolicyProblem, of: &[String]) -> PolicyProblem {
    let PolicyProblem { file, line, column, rule, problem, help } = problem;
    let problem =
        format!("it cannot be evaluated for {} and stops every call there: {problem}", some(of));
    let help = help.map_or_else(|| FIT.to_owned(), |help| format!("{help}; {FIT}"));
    PolicyProblem { file, line, column, rule, problem, help: Some(help) }
}

impl Shared {
    /// What an operator should know of the policies in force without asking.
    pub(crate) fn policy_findings(&self, rows: &Configuration) -> Vec<String> {
        let mut tenants = rows.tenants.iter();
        let records = tenants.any(|row| row.name == self.tenant && row.records_arguments);
        let recorded = "records keep the arguments that policies read; `lanyard policy record off`";
        let recorded = records.then(|| recorded.to_owned());
        recorded.into_iter().chain(self.misfit_finding(rows)).collect()
    }

    fn misfit_finding(&self, rows: &Configuration) -> Option<String> {
        let policies = match self.policies(&rows.policies) {
            Ok(policies) if policies.is_empty() => return None,
            Ok(policies) => policies,
            Err(error) => return Some(format!("policies: {}", error.message())),
        };
        let count = Held::new(self, &policies, rows).misfits(&policies).len();
        let some = || {
            format!(
                "{count} rules of the policies stop calls that they cannot be evaluated for; `lanyard policy check`"
            )
        };
        (count > 0).then(some)
    }

    /// Says what is wrong or odd about policies, given what is there.
    pub(super) fn checked(
        &self,
        policies: &Policies,
        rows: &Configuration,
    ) -> Result<Value, ApiError> {
        let held = Held::new(self, policies, rows);
        let agents = agents(policies, rows)?;
        let mut findings: Vec<Value> = held.misfits(policies).iter().map(error).collect();
        for rule in held.idle(policies) {
            let message = match rule.effect {
                Effect::Permit => "matches nothing that is there: it permits nothing",
                Effect::Forbid => "matches nothing that is there: it forbids nothing",
            };
            findings.push(warning(Some(&rule.id), message));
        }
        if !agents.is_empty() {
            let unreachable = held.unreachable(policies, &agents, self.parts.clock.now());
            if !unreachable.is_empty() {
                let message = format!(
                    "no agent can call {}: no grant and no policy allows it, or it is forbidden whatever the arguments are",
                    some(&unreachable)
                );
                findings.push(warning(None, &message));
            }
        }
        Ok(json!({
            "version": policies.version(),
            "rules": policies.rules().map(rule_json).collect::<Vec<_>>(),
            "tools": held.things.iter().filter(|(thing, _)| is_tool(thing)).count(),
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

fn error(problem: &PolicyProblem) -> Value {
    let mut shown = crate::error::policy_problem_json(problem);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("rule".to_owned(), json!(problem.rule));
    }
    shown
}

fn warning(rule: Option<&str>, message: &str) -> Value {
    json!({ "severity": "warning", "rule": rule, "message": message })
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
