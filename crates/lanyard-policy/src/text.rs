//! Policy text: read, and made into rules. What tools there are is not known here.

pub(crate) mod expression;
pub(crate) mod rule;
pub(crate) mod scope;

use std::collections::BTreeSet;
use std::str::FromStr as _;

use cedar_policy::{Policy, PolicySet};
use miette::Diagnostic;

use self::rule::Rule;
use crate::problem::{Place, PolicyProblem};

/// The longest policy text, in bytes.
const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// Reads a policy text. All that is wrong comes at once.
pub(crate) fn read(file: &str, text: &str, shadow: bool) -> Result<Vec<Rule>, Vec<PolicyProblem>> {
    let place = Place { file, text };
    if text.len() > TEXT_BYTES_MAX {
        let problem = format!("the text is longer than {TEXT_BYTES_MAX} bytes");
        return Err(vec![place.problem(0, None, problem)]);
    }
    let set = PolicySet::from_str(text).map_err(|errors| {
        errors.iter().map(|error| of_diagnostic(place, None, error)).collect::<Vec<_>>()
    })?;
    let mut problems = Vec::new();
    if set.templates().next().is_some() {
        problems.push(place.problem(
            0,
            None,
            "templates are not used here: write the entity itself",
        ));
    }
    let mut rules = Vec::new();
    let mut ids = BTreeSet::new();
    let mut from = 0;
    for policy in in_order(&set) {
        let offset = offset_of(text, &mut from, policy);
        let (line, _) = place.of(offset);
        let id = policy.annotation("id");
        match Rule::read(policy, line, shadow) {
            Ok(rule) => {
                if !ids.insert(rule.info.id.clone()) {
                    problems.push(place.problem(offset, id, "another rule has the same @id"));
                }
                rules.push(rule);
            }
            Err(faults) => problems.extend(faults.into_iter().map(|(problem, help)| {
                let problem = place.problem(offset, id, problem);
                PolicyProblem { help, ..problem }
            })),
        }
    }
    if problems.is_empty() { Ok(rules) } else { Err(problems) }
}

/// The policies as they stand in the text: Cedar numbers them, and gives them out in any order.
fn in_order(set: &PolicySet) -> Vec<&Policy> {
    let mut policies: Vec<&Policy> = set.policies().collect();
    policies.sort_by_key(|policy| {
        let id: &str = policy.id().as_ref();
        id.trim_start_matches("policy").parse::<usize>().unwrap_or(usize::MAX)
    });
    policies
}

/// Where a policy begins, looked for behind the one before.
fn offset_of(text: &str, from: &mut usize, policy: &Policy) -> usize {
    let own = policy.to_cedar().unwrap_or_default();
    let rest = text.get(*from..).unwrap_or_default();
    let offset = from.saturating_add(rest.find(own.as_str()).unwrap_or(0));
    *from = offset.saturating_add(own.len());
    offset
}

/// What Cedar says is wrong, at the place that it names.
pub(crate) fn of_diagnostic(
    place: Place<'_>,
    rule: Option<&str>,
    error: &dyn Diagnostic,
) -> PolicyProblem {
    let label = error.labels().and_then(|mut labels| labels.next());
    let offset = label.map_or(0, |label| label.offset());
    let text = error.to_string();
    // Cedar numbers the rules of a text; here they have names.
    let text = match text.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, ")) {
        Some((_, rest)) => rest.to_owned(),
        None => text,
    };
    let problem = place.problem(offset, rule, text);
    match error.help() {
        Some(help) => problem.help(help.to_string()),
        None => problem,
    }
}
