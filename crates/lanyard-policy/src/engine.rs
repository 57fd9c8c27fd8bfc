//! Policies put to work. What is known beforehand is done beforehand: a policy set is read once, a
//! tool is held against it once, and for an agent and a tool it is worked out once which rules are
//! left to ask. A call asks only those.
//!
//! Every condition is evaluated by Cedar's own evaluator. What is ours is which of them are asked
//! (heads are compared here), in which readings of the arguments, and what follows: an error is a
//! no, where Cedar's own authorizer would leave the rule out.

mod candidates;
mod chance;
mod context;
mod decide;
mod entities;
mod explain;
mod foresee;
mod glance;
mod object;
mod outcome;
mod plan;
mod schema;
mod witness;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use jiff::tz::TimeZone;

pub use self::decide::{Need, No, Verdict, Why};
use self::entities::SubjectEntity;
pub use self::explain::{Explanation, RuleExplanation, Said};
pub use self::foresee::{Moment, Prospect, Recorded};
use self::object::Checked;
pub use self::object::{ObjectRules, RuleProblem};
use crate::ask::SubjectFacts;
use crate::problem::{Place, PolicyProblem};
use crate::text::expression::{Literal, Read};
use crate::text::rule::{Effect, Rule, RuleInfo};
use crate::text::scope::Name;
use crate::views::{NoViews, Views};

/// One tenant's policies.
#[derive(Debug)]
pub struct Policies {
    version: u64,
    file: String,
    text: String,
    rules: Vec<Rule>,
    zone: TimeZone,
    views: Arc<dyn Views>,
    reads_session: bool,
    /// The actions that rules name beside the groups: the type checker has to know them.
    named: BTreeSet<String>,
    /// What was checked, so that tools that look alike to the rules are checked once.
    checked: Mutex<HashMap<String, Arc<Checked>>>,
}

/// A policy text and what belongs to it.
#[derive(Debug, Clone, Copy)]
pub struct PolicySource<'a> {
    /// How the file is called, for messages.
    pub file: &'a str,
    /// The text.
    pub text: &'a str,
    /// Which version it is; records name it.
    pub version: u64,
    /// The time zone of `context.time`, by its IANA name: `Europe/Berlin`.
    pub zone: &'a str,
    /// Whether all of it is decided and recorded, and not enforced.
    pub shadow: bool,
}

/// The agent as the policies see it.
#[derive(Debug)]
pub struct SubjectRules {
    entity: Option<SubjectEntity>,
    /// Of each rule, whether its head covers the agent.
    covered: Vec<bool>,
}

impl Policies {
    /// No policies: grants alone decide.
    pub fn none() -> Self {
        Self {
            version: 0,
            file: String::new(),
            text: String::new(),
            rules: Vec::new(),
            zone: TimeZone::UTC,
            views: Arc::new(NoViews),
            reads_session: false,
            named: BTreeSet::new(),
            checked: Mutex::default(),
        }
    }

    /// Reads a policy text. All that is wrong with it, as far as that can be told without knowing
    /// the tools, comes at once.
    pub fn parse(
        source: &PolicySource<'_>,
        views: Arc<dyn Views>,
    ) -> Result<Self, Vec<PolicyProblem>> {
        let place = Place { file: source.file, text: source.text };
        let zone = TimeZone::get(source.zone).map_err(|_| {
            let problem = format!("`{}` is no time zone", source.zone);
            vec![place.problem(0, None, problem).help("write its IANA name: Europe/Berlin")]
        })?;
        let rules = crate::text::read(source.file, source.text, source.shadow)?;
        let named = rules.iter().flat_map(named_actions).collect();
        let reads_session = rules.iter().flat_map(Rule::reads).any(|it| *it == Read::Session);
        let policies = Self {
            reads_session,
            version: source.version,
            file: source.file.to_owned(),
            text: source.text.to_owned(),
            rules,
            zone,
            views,
            named,
            checked: Mutex::default(),
        };
        let problems = policies.check_apart();
        if problems.is_empty() { Ok(policies) } else { Err(problems) }
    }

    /// Which version of the tenant's policies this is; 0 without any.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The rules, in the order of the text.
    pub fn rules(&self) -> impl Iterator<Item = &RuleInfo> {
        self.rules.iter().map(|rule| &rule.info)
    }

    /// Whether there is nothing to ask.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether something may be allowed that no grant names.
    pub fn permits_anything(&self) -> bool {
        self.rules.iter().any(|rule| rule.info.effect == Effect::Permit && !rule.info.shadow)
    }

    /// Whether any rule asks what a session did.
    pub fn reads_session(&self) -> bool {
        self.reads_session
    }

    /// An agent as the policies see it.
    pub fn subject(&self, facts: &SubjectFacts<'_>) -> SubjectRules {
        // An entity that cannot be built leaves nobody to decide about, which is a no.
        let entity = SubjectEntity::new(facts).ok();
        let covers = |rule: &Rule| {
            entity.as_ref().is_none_or(|entity| rule.principal.covers(&entity.placed))
        };
        let covered = self.rules.iter().map(covers).collect();
        SubjectRules { entity, covered }
    }

    fn place(&self) -> Place<'_> {
        Place { file: &self.file, text: &self.text }
    }
}

/// The actions of single tools that a rule names.
fn named_actions(rule: &Rule) -> BTreeSet<String> {
    let in_head = rule.action.names().iter().map(|Name { kind: _, id }| id.clone());
    let parts = rule.condition.iter().flat_map(|condition| condition.tree.parts());
    let literals = parts.flat_map(|(leaf, _)| &leaf.literals);
    let in_body = literals.filter_map(|literal| match literal {
        Literal::Action(id) => Some(id.clone()),
        Literal::Text(_) | Literal::Whole(_) | Literal::Decimal(_) | Literal::Pattern(_) => None,
    });
    in_head.chain(in_body).filter(|id| id.starts_with("call:")).collect()
}

#[cfg(test)]
mod tests;
