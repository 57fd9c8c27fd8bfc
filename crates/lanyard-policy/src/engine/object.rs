//! A tool, a prompt or a resource as the policies see it: which rules can be about it, and whether
//! they make sense for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use cedar_policy::{EntityUid, PolicySet, ValidationMode, Validator};

use super::Policies;
use super::entities::{ObjectEntities, Unbuildable, uid};
use super::plan::Plan;
use super::schema::{SchemaParts, schema, schema_json};
use crate::ask::{Action, Object, ObjectFacts};
use crate::problem::PolicyProblem;
use crate::text::expression::Read;
use crate::text::of_diagnostic;
use crate::text::scope::{Name, Placed};
use crate::value::kind::{self, Field, Kind};

/// An object, held against the policies.
#[derive(Debug)]
pub struct ObjectRules {
    pub(super) entities: Result<ObjectEntities, Unbuildable>,
    pub(super) fields: BTreeMap<String, Field>,
    pub(super) actions: BTreeMap<Action, ActionRules>,
    pub(super) main: Action,
    pub(super) checked: Arc<Checked>,
    pub(super) plans: RwLock<BTreeMap<Action, HashMap<String, Arc<Plan>>>>,
}

/// The rules that can be about one action on an object.
#[derive(Debug)]
pub(super) struct ActionRules {
    pub(super) uid: Result<EntityUid, Unbuildable>,
    /// Places among the rules.
    pub(super) rules: Vec<usize>,
}

/// What the type checker says of an object.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// Rules that make no sense for it, by their place, and why.
    pub(super) broken: BTreeMap<usize, PolicyProblem>,
    /// Rules that can never match it.
    pub(super) idle: BTreeSet<usize>,
}

/// A rule that cannot be evaluated for an object: what it forbids or allows there is not known, so
/// all that it could be about is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleProblem {
    /// The rule.
    pub rule: String,
    /// What is wrong.
    pub problem: PolicyProblem,
}

/// Agents whose plans are kept for one object. Past it all are worked out again.
const PLANS_MAX: usize = 4096;

impl Policies {
    /// An object as the policies see it.
    pub fn object(&self, facts: &ObjectFacts<'_>) -> ObjectRules {
        let object = &facts.object;
        let fields = match object {
            Object::Tool { input_schema, .. } => kind::arguments(input_schema),
            Object::Prompt { .. } | Object::Resource { .. } | Object::Server { .. } => {
                BTreeMap::new()
            }
        };
        let call = call_action(object);
        let entities = ObjectEntities::new(facts, &call);
        let placed = entities.as_ref().ok().map(|it| it.placed.clone());
        let mut actions = BTreeMap::new();
        for action in object.actions() {
            let name = match action {
                Action::Call => call.clone(),
                Action::Read | Action::Get | Action::Subscribe | Action::Sample | Action::List => {
                    Placed { name: group(*action), within: Vec::new() }
                }
            };
            let about = |rule: &crate::text::rule::Rule| {
                rule.action.covers(&name)
                    && placed.as_ref().is_none_or(|placed| rule.resource.covers(placed))
            };
            let rules = (0..).zip(&self.rules).filter(|(_, rule)| about(rule));
            let rules = rules.map(|(place, _)| place).collect();
            actions.insert(*action, ActionRules { uid: uid(&name.name), rules });
        }
        let checked = self.checked(object, &fields, &actions);
        let main = object.main_action();
        ObjectRules { entities, fields, actions, main, checked, plans: RwLock::default() }
    }

    fn checked(
        &self,
        object: &Object<'_>,
        fields: &BTreeMap<String, Field>,
        actions: &BTreeMap<Action, ActionRules>,
    ) -> Arc<Checked> {
        let rules: BTreeSet<usize> = actions.values().flat_map(|it| it.rules.clone()).collect();
        if rules.is_empty() {
            return Arc::default();
        }
        let reads = self.reads(&rules);
        let parts = SchemaParts {
            kind: object.kind(),
            actions: object.actions(),
            fields,
            reads: &reads,
            named: &self.named,
        };
        let key = format!("{rules:?} {}", schema_json(&parts));
        let mut known = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let checked = known.entry(key).or_insert_with(|| {
            let mut checked = self.check(&rules, &parts);
            self.explain_unreadable(fields, &mut checked);
            Arc::new(checked)
        });
        Arc::clone(checked)
    }

    fn reads(&self, rules: &BTreeSet<usize>) -> BTreeSet<Read> {
        let rules = rules.iter().filter_map(|place| self.rules.get(*place));
        rules.flat_map(|rule| rule.reads().cloned()).collect()
    }

    /// Asks Cedar's type checker about each rule by itself: a problem of one says nothing of another.
    fn check(&self, rules: &BTreeSet<usize>, parts: &SchemaParts<'_>) -> Checked {
        let mut checked = Checked::default();
        let schema = match schema(parts) {
            Ok(schema) => schema,
            Err(error) => {
                for place in rules {
                    let problem = self.place().problem(0, None, error.to_string());
                    checked.broken.insert(*place, problem);
                }
                return checked;
            }
        };
        let validator = Validator::new(schema);
        for place in rules {
            let Some(rule) = self.rules.get(*place) else { continue };
            let Ok(set) = PolicySet::from_policies([rule.policy.clone()]) else { continue };
            let result = validator.validate(&set, ValidationMode::Strict);
            let id = rule.info.id.as_str();
            if let Some(error) = result.validation_errors().next() {
                checked.broken.insert(*place, of_diagnostic(self.place(), Some(id), error));
            }
            let never = result.validation_warnings().any(|warning| {
                matches!(warning, cedar_policy::ValidationWarning::ImpossiblePolicy(_))
            });
            if never {
                checked.idle.insert(*place);
            }
        }
        checked
    }

    /// Says why an argument cannot be read, where that is what the type checker stumbled over.
    fn explain_unreadable(&self, fields: &BTreeMap<String, Field>, checked: &mut Checked) {
        for (place, problem) in &mut checked.broken {
            let Some(rule) = self.rules.get(*place) else { continue };
            for name in rule.reads().filter_map(Read::argument) {
                if let Some(Field { kind: Kind::Unreadable(why), .. }) = fields.get(name) {
                    problem.help = Some(format!("a policy cannot read `{name}` here: {why}"));
                }
            }
        }
    }

    /// What can be told of the rules without knowing any tool: those that read no argument make
    /// sense everywhere, or nowhere.
    pub(super) fn check_apart(&self) -> Vec<PolicyProblem> {
        let apart = |rule: &crate::text::rule::Rule| !rule.reads().any(Read::is_of_arguments);
        let rules: BTreeSet<usize> = (0..)
            .zip(&self.rules)
            .filter(|(_, rule)| apart(rule))
            .map(|(place, _)| place)
            .collect();
        let (fields, reads) = (BTreeMap::new(), self.reads(&rules));
        let mut problems: BTreeMap<usize, Vec<Option<PolicyProblem>>> = BTreeMap::new();
        let kinds: [(&'static str, &[Action]); 4] = [
            ("Tool", &[Action::Call, Action::List]),
            ("Prompt", &[Action::Get, Action::List]),
            ("Resource", &[Action::Read, Action::Subscribe, Action::List]),
            ("Server", &[Action::Sample]),
        ];
        for (kind, actions) in kinds {
            let named = &self.named;
            let parts = SchemaParts { kind, actions, fields: &fields, reads: &reads, named };
            let checked = self.check(&rules, &parts);
            for place in &rules {
                // A rule that can never match a kind is not for it.
                if !checked.idle.contains(place) {
                    let problem = checked.broken.get(place).cloned();
                    problems.entry(*place).or_default().push(problem);
                }
            }
        }
        // A rule for one kind makes no sense for others, and need not.
        let everywhere = problems.into_values().filter(|of| of.iter().all(Option::is_some));
        everywhere.filter_map(|of| of.into_iter().flatten().next()).collect()
    }
}

impl ObjectRules {
    /// The rules that cannot be evaluated for this object.
    pub fn problems(&self, policies: &Policies) -> Vec<RuleProblem> {
        let broken = self.checked.broken.iter().filter_map(|(place, problem)| {
            let rule = policies.rules.get(*place)?;
            Some(RuleProblem { rule: rule.info.id.clone(), problem: problem.clone() })
        });
        broken.collect()
    }

    /// The rules that can match this object.
    pub fn matching<'a>(&'a self, policies: &'a Policies) -> BTreeSet<&'a str> {
        let all = self.actions.values().flat_map(|action| &action.rules);
        let live = all.filter(|place| !self.checked.idle.contains(place));
        live.filter_map(|place| policies.rules.get(*place)).map(|it| it.info.id.as_str()).collect()
    }

    pub(super) fn plan(
        &self,
        agent: &str,
        action: Action,
        make: impl FnOnce() -> Plan,
    ) -> Arc<Plan> {
        let plans = self.plans.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = plans.get(&action).and_then(|of| of.get(agent)) {
            return Arc::clone(plan);
        }
        drop(plans);
        let plan = Arc::new(make());
        let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
        let of_action = plans.entry(action).or_default();
        if of_action.len() >= PLANS_MAX {
            of_action.clear();
        }
        of_action.insert(agent.to_owned(), Arc::clone(&plan));
        plan
    }
}

fn group(action: Action) -> Name {
    Name::new("Action", action.as_str())
}

/// The action of calling this very tool.
fn call_action(object: &Object<'_>) -> Placed {
    let id = format!("call:{}", object.id());
    Placed { name: Name::new("Action", id), within: vec![group(Action::Call)] }
}
