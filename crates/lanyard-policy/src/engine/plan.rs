//! What is left to ask when an agent does something with an object: worked out once for the two of
//! them. Rules that read nothing of a call are answered here for good.

use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::{Context, Entities, EvalResult, Request, eval_expression};

use super::glance::Glances;
use super::object::ObjectRules;
use super::{Policies, SubjectRules};
use crate::ask::{Action, Circumstances};
use crate::text::expression::Read;
use crate::text::rule::{Effect, Rule};

/// What is left to ask.
#[derive(Debug)]
pub(super) struct Plan {
    /// What came out of the rules that read nothing of a call.
    pub(super) fixed: Judgement,
    /// The others, by their places.
    pub(super) live: Vec<usize>,
    /// What they read.
    pub(super) reads: BTreeSet<Read>,
    /// The entities, where they are the same in every call.
    pub(super) entities: Option<Entities>,
    /// Whether some arguments would be allowed.
    pub(super) may: Glances,
}

/// What came out of rules, each by its place.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) permits: Vec<usize>,
    pub(super) forbids: Vec<usize>,
    pub(super) errors: Vec<(usize, String)>,
}

/// What comes out of one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Matches,
    Not,
    Error(String),
}

impl Judgement {
    pub(super) fn note(&mut self, place: usize, rule: &Rule, outcome: Outcome) {
        match (outcome, rule.info.effect) {
            (Outcome::Matches, Effect::Permit) => self.permits.push(place),
            (Outcome::Matches, Effect::Forbid) => self.forbids.push(place),
            (Outcome::Not, _) => {}
            (Outcome::Error(problem), _) => self.errors.push((place, problem)),
        }
    }
}

impl Policies {
    /// The rules that can be about this agent, this action and this object.
    pub(super) fn applicable<'a>(
        &'a self,
        subject: &'a SubjectRules,
        object: &'a ObjectRules,
        action: Action,
    ) -> impl Iterator<Item = (usize, &'a Rule)> {
        let rules = object.actions.get(&action).map_or(&[][..], |it| it.rules.as_slice());
        let covered = |place: &&usize| subject.covered.get(**place).copied().unwrap_or(true);
        rules.iter().filter(covered).filter_map(|place| Some((*place, self.rules.get(*place)?)))
    }

    /// What is left to ask; `None` where the agent cannot be told to the policies.
    pub(super) fn plan(
        &self,
        subject: &SubjectRules,
        object: &ObjectRules,
        action: Action,
    ) -> Option<Arc<Plan>> {
        let agent = &subject.entity.as_ref()?.placed.name.id;
        Some(object.plan(agent, action, || self.make_plan(subject, object, action)))
    }

    pub(super) fn make_plan(
        &self,
        subject: &SubjectRules,
        object: &ObjectRules,
        action: Action,
    ) -> Plan {
        let mut plan = Plan {
            fixed: Judgement::default(),
            live: Vec::new(),
            reads: BTreeSet::new(),
            entities: None,
            may: Glances::default(),
        };
        let mut fixed = Vec::new();
        for (place, rule) in self.applicable(subject, object, action) {
            if let Some(problem) = object.checked.broken.get(&place) {
                plan.fixed.errors.push((place, problem.to_string()));
            } else if rule.reads().next().is_none() {
                fixed.push((place, rule));
            } else {
                plan.live.push(place);
                plan.reads.extend(rule.reads().cloned());
            }
        }
        if !fixed.is_empty() {
            let asked = Asked::new(subject, object, action, Context::empty(), None);
            for (place, rule) in fixed {
                let outcome = match &asked {
                    Ok(asked) => asked.outcome(rule),
                    Err(problem) => Outcome::Error(problem.clone()),
                };
                plan.fixed.note(place, rule, outcome);
            }
        }
        if !plan.live.is_empty() && !plan.reads.contains(&Read::Caller) {
            plan.entities = entities(subject, object, None).ok();
        }
        plan
    }
}

/// All entities of a request.
pub(super) fn entities(
    subject: &SubjectRules,
    object: &ObjectRules,
    in_call: Option<&Circumstances<'_>>,
) -> Result<Entities, String> {
    let agent = subject.entity.as_ref().ok_or("the agent cannot be told to the policies")?;
    let fixed = object.entities.as_ref().map_err(|error| error.0.clone())?;
    let agent = agent.entity(in_call).map_err(|error| error.0)?;
    fixed.with(agent).map_err(|error| error.0)
}

/// A request as Cedar takes it, in one reading.
#[derive(Debug)]
pub(super) struct Asked {
    request: Request,
    entities: Entities,
}

impl Asked {
    pub(super) fn new(
        subject: &SubjectRules,
        object: &ObjectRules,
        action: Action,
        context: Context,
        ready: Option<Entities>,
    ) -> Result<Self, String> {
        let entities = match ready {
            Some(entities) => entities,
            None => entities(subject, object, None)?,
        };
        let agent = subject.entity.as_ref().ok_or("the agent cannot be told to the policies")?;
        let about = object.entities.as_ref().map_err(|error| error.0.clone())?;
        let action = object.actions.get(&action).ok_or("it is not done with such things")?;
        let action = action.uid.clone().map_err(|error| error.0)?;
        let (agent, about) = (agent.uid.clone(), about.uid.clone());
        let request = Request::new(agent, action, about, context, None);
        Ok(Self { request: request.map_err(|error| error.to_string())?, entities })
    }

    #[cfg(test)]
    pub(super) fn request(&self) -> &Request {
        &self.request
    }

    #[cfg(test)]
    pub(super) fn entities(&self) -> &Entities {
        &self.entities
    }

    /// Evaluates the condition of a rule.
    pub(super) fn outcome(&self, rule: &Rule) -> Outcome {
        match &rule.condition {
            None => Outcome::Matches,
            Some(condition) => self.evaluate(&condition.whole),
        }
    }

    /// Evaluates an expression that is true or false.
    pub(super) fn evaluate(&self, expression: &cedar_policy::Expression) -> Outcome {
        match eval_expression(&self.request, &self.entities, expression) {
            Ok(EvalResult::Bool(true)) => Outcome::Matches,
            Ok(EvalResult::Bool(false)) => Outcome::Not,
            Ok(_) => Outcome::Error("a condition is neither true nor false".to_owned()),
            Err(error) => Outcome::Error(error.to_string()),
        }
    }
}
