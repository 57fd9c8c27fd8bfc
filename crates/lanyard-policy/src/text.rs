//! Policy text: read, and made into rules. What tools there are is not known here.

pub(crate) mod expression;
pub(crate) mod rule;
pub(crate) mod scope;

use std::collections::BTreeSet;
use std::str::FromStr as _;

use cedar_policy::{Policy, PolicySet};
use miette::Diagnostic;

use self::expression::Literal;
use self::rule::Rule;
use crate::problem::{Place, PolicyProblem};
use crate::value::number;

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
    if let Some((one, other)) = neighbours(&rules) {
        let problem = format!("the decimals {one} and {other} lie next to each other");
        let help = "numbers between them could not be told from either; use one of them";
        problems.push(place.problem(0, None, problem).help(help));
    }
    if problems.is_empty() { Ok(rules) } else { Err(problems) }
}

/// Two decimals of the rules between which nothing lies that Cedar could hold: a number there is
/// read as both, and has to be unlike one of them.
fn neighbours(rules: &[Rule]) -> Option<(String, String)> {
    let conditions = rules.iter().filter_map(|rule| rule.condition.as_ref());
    let literals = conditions
        .flat_map(|condition| condition.tree.parts())
        .flat_map(|(leaf, _)| &leaf.literals);
    let units: BTreeSet<i64> = literals
        .filter_map(|literal| match literal {
            Literal::Decimal(text) => number::units(text),
            Literal::Text(_) | Literal::Whole(_) | Literal::Pattern(_) | Literal::Action(_) => None,
        })
        .collect();
    let next = |one: &&i64| one.checked_add(1).is_some_and(|next| units.contains(&next));
    let one = units.iter().find(next)?;
    Some((number::written(*one), number::written(one.saturating_add(1))))
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
