//! The decision on one request.

use std::collections::BTreeSet;
use std::time::Duration;

use lanyard_core::{ServerName, ToolName};

use super::context::{NoticedBy, Reading, Source};
use super::object::ObjectRules;
use super::plan::{Asked, Judgement, Outcome, Plan, entities};
use super::{Policies, SubjectRules};
use crate::ask::Ask;
use crate::text::expression::{Leaf, Read};
use crate::value::reading::Form;
use crate::{Grants, NotGranted, Permit};

/// What was decided.
#[derive(Debug)]
pub enum Verdict {
    /// Yes.
    Allowed(Permit),
    /// Yes, once a human says so.
    NeedsApproval(Need),
    /// No.
    Denied(No),
}

/// What a human is to say yes to.
#[derive(Debug)]
pub struct Need {
    /// The rules that ask for it, in the order of the text.
    pub rules: Vec<String>,
    /// Why a human is asked: the reasons of the rules.
    pub reason: String,
    /// How long the yes can be used: the shortest of the rules.
    pub ttl: Duration,
    permit: Permit,
}

impl Need {
    /// The permit, now that a human said yes: `approval` is what records call that yes. Whoever
    /// calls this has checked that it was said to this very call, and has used it up.
    pub fn lift(self, approval: &str) -> Permit {
        let Self { rules: _, reason: _, ttl: _, mut permit } = self;
        permit.by.push(format!("approval:{approval}"));
        permit
    }
}

/// A no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct No {
    /// Why.
    pub why: Why,
    /// Whether no arguments at all would be allowed: then it does not exist for the agent.
    pub hidden: bool,
    /// The rules that are in shadow and match.
    pub shadow: Vec<String>,
}

/// Why something is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// No grant allows it, or one denies it, and no policy permits it.
    NotGranted(NotGranted),
    /// Rules forbid it.
    Forbidden {
        /// The rules, in the order of the text.
        rules: Vec<String>,
        /// What the first of them that has a message wants to be said.
        message: Option<String>,
    },
    /// Rules cannot be evaluated.
    Undecidable {
        /// The rules.
        rules: Vec<String>,
        /// What is wrong with the first, without any value.
        problem: String,
    },
}

/// What follows from one reading, the gravest last.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stand {
    Allowed,
    Asks(BTreeSet<usize>),
    Silent,
    Undecidable(Vec<(usize, String)>),
    Forbidden(Vec<usize>),
}

/// Numbers that Cedar cannot hold, in one call. Each doubles the readings.
const BETWEEN_MAX: usize = 4;

impl Policies {
    /// Decides. Grants allow and deny first; policies permit what no grant names, and forbid what
    /// one allows. An error in any rule that is asked is a no.
    pub fn decide(
        &self,
        subject: &SubjectRules,
        object: &ObjectRules,
        grants: &Grants,
        about: (&ServerName, Option<&ToolName>),
        ask: &Ask<'_>,
    ) -> Verdict {
        let (server, tool) = about;
        let (user, now) = (ask.circumstances.user, ask.circumstances.now);
        let granted = grants.grants(server, tool, user, now);
        if granted == Err(NotGranted::Denied) || (granted.is_err() && self.is_empty()) {
            let why = Why::NotGranted(granted.err().unwrap_or(NotGranted::Denied));
            return Verdict::Denied(No { why, hidden: true, shadow: Vec::new() });
        }
        let mut by = Vec::with_capacity(1);
        if granted.is_ok() {
            by.push(grants.by(server));
        }
        if self.is_empty() {
            return Verdict::Allowed(Permit::new(by, server, tool));
        }
        let readings = self.judge(subject, object, ask);
        let shadow = self.shadow(&readings);
        let stands = readings.iter().map(|it| self.stand(it, granted.is_ok()));
        let stand = stands.reduce(|one, other| self.graver(one, other)).unwrap_or(Stand::Silent);
        let permits = readings.iter().flat_map(|it| &it.permits);
        let mut permits: BTreeSet<&usize> = permits.collect();
        permits.retain(|place| self.enforced(**place));
        by.extend(permits.into_iter().map(|place| format!("policy:{}", self.id(*place))));
        let mut permit = Permit::new(by, server, tool);
        permit.shadow.clone_from(&shadow);
        let why = match stand {
            Stand::Allowed => return Verdict::Allowed(permit),
            Stand::Asks(rules) => return Verdict::NeedsApproval(self.need(&rules, permit)),
            Stand::Silent => Why::NotGranted(granted.err().unwrap_or(NotGranted::NotAllowed)),
            Stand::Undecidable(errors) => {
                let rules = errors.iter().map(|(place, _)| self.id(*place)).collect();
                let problem = errors.into_iter().next().map_or_else(String::new, |(_, it)| it);
                Why::Undecidable { rules, problem }
            }
            Stand::Forbidden(rules) => {
                let mut messages = rules.iter().filter_map(|place| self.rules.get(*place));
                let message = messages.find_map(|rule| rule.info.message.clone());
                let rules = rules.iter().map(|place| self.id(*place)).collect();
                Why::Forbidden { rules, message }
            }
        };
        let hidden = !self.may(subject, object, granted.is_ok(), ask.action, &ask.circumstances);
        Verdict::Denied(No { why, hidden, shadow })
    }

    fn id(&self, place: usize) -> String {
        self.rules.get(place).map_or_else(String::new, |rule| rule.info.id.clone())
    }

    pub(super) fn enforced(&self, place: usize) -> bool {
        self.rules.get(place).is_none_or(|rule| !rule.info.shadow)
    }

    /// Asks the rules, once for each reading of the arguments.
    pub(super) fn judge(
        &self,
        subject: &SubjectRules,
        object: &ObjectRules,
        ask: &Ask<'_>,
    ) -> Vec<Judgement> {
        let Some(plan) = self.plan(subject, object, ask.action) else {
            let errors = vec![(usize::MAX, "the agent cannot be told to the policies".to_owned())];
            return vec![Judgement { errors, ..Judgement::default() }];
        };
        if plan.live.is_empty() {
            return vec![plan.fixed.clone()];
        }
        let call = Call::new(self, subject, object, &plan, ask);
        let Readings { asked, noticed, complete } = call.readings();
        let mut all: Vec<Judgement> = asked.iter().map(|(_, asked)| call.judged(asked)).collect();
        if !complete {
            all.push(call.all_undecidable("too many of its numbers are not exact"));
        }
        all.extend(call.inexact(&noticed));
        all
    }

    pub(super) fn stand(&self, judgement: &Judgement, granted: bool) -> Stand {
        let enforced = |place: &&usize| self.enforced(**place);
        let asks = |place: &&usize| {
            self.rules.get(**place).is_some_and(|rule| rule.info.approval.is_some())
        };
        let forbids = judgement.forbids.iter().filter(enforced);
        let (asking, plain): (Vec<&usize>, Vec<&usize>) = forbids.partition(asks);
        if !plain.is_empty() {
            return Stand::Forbidden(plain.into_iter().copied().collect());
        }
        let errors = judgement.errors.iter().filter(|(place, _)| self.enforced(*place));
        let errors: Vec<_> = errors.cloned().collect();
        if !errors.is_empty() {
            return Stand::Undecidable(errors);
        }
        if !granted && !judgement.permits.iter().any(|place| self.enforced(*place)) {
            return Stand::Silent;
        }
        if asking.is_empty() {
            Stand::Allowed
        } else {
            Stand::Asks(asking.into_iter().copied().collect())
        }
    }

    /// What follows from both: the graver, and where both ask a human, what both ask for.
    fn graver(&self, one: Stand, other: Stand) -> Stand {
        match (one, other) {
            (Stand::Asks(one), Stand::Asks(other)) => Stand::Asks(&one | &other),
            (one, other) => one.max(other),
        }
    }

    fn need(&self, rules: &BTreeSet<usize>, permit: Permit) -> Need {
        let rules: Vec<_> = rules.iter().filter_map(|place| self.rules.get(*place)).collect();
        let terms = || rules.iter().filter_map(|rule| rule.info.approval.as_ref());
        let reasons: Vec<&str> = terms().map(|it| it.reason.as_str()).collect();
        let (reason, ttl) = (reasons.join("; "), terms().map(|it| it.ttl).min());
        let rules = rules.iter().map(|rule| rule.info.id.clone()).collect();
        Need { rules, reason, ttl: ttl.unwrap_or_default(), permit }
    }

    /// The rules in shadow that match, or cannot be evaluated.
    fn shadow(&self, readings: &[Judgement]) -> Vec<String> {
        let places = readings.iter().flat_map(|it| {
            let errors = it.errors.iter().map(|(place, _)| place);
            it.permits.iter().chain(&it.forbids).chain(errors)
        });
        let places: BTreeSet<usize> = places.copied().filter(|it| !self.enforced(*it)).collect();
        places.into_iter().map(|place| self.id(place)).collect()
    }
}

/// One request with all that its readings share.
pub(super) struct Call<'a> {
    policies: &'a Policies,
    subject: &'a SubjectRules,
    object: &'a ObjectRules,
    plan: &'a Plan,
    source: Source<'a>,
}

/// A request in each reading of its arguments.
pub(super) struct Readings {
    pub(super) asked: Vec<(Reading, Result<Asked, String>)>,
    /// What the plain reading showed of the arguments.
    noticed: NoticedBy,
    /// Whether there are no more.
    complete: bool,
}

impl<'a> Call<'a> {
    pub(super) fn new(
        policies: &'a Policies,
        subject: &'a SubjectRules,
        object: &'a ObjectRules,
        plan: &'a Plan,
        ask: &'a Ask<'a>,
    ) -> Self {
        let source = Source {
            ask,
            fields: &object.fields,
            reads: &plan.reads,
            views: &*policies.views,
            zone: &policies.zone,
        };
        Self { policies, subject, object, plan, source }
    }

    pub(super) fn readings(&self) -> Readings {
        let mut noticed = NoticedBy::new();
        let plain = self.asked(&Reading::plain(), &mut noticed);
        let mut asked = vec![(Reading::plain(), plain)];
        let others = others(&noticed);
        let complete = others.is_some();
        asked.extend(others.into_iter().flatten().map(|reading| {
            let again = self.asked(&reading, &mut NoticedBy::new());
            (reading, again)
        }));
        Readings { asked, noticed, complete }
    }

    fn judged(&self, asked: &Result<Asked, String>) -> Judgement {
        let mut judgement = self.plan.fixed.clone();
        for place in &self.plan.live {
            let Some(rule) = self.policies.rules.get(*place) else { continue };
            let outcome = match asked {
                Ok(asked) => asked.outcome(rule),
                Err(problem) => Outcome::Error(problem.clone()),
            };
            judgement.note(*place, rule, outcome);
        }
        judgement
    }

    fn asked(&self, reading: &Reading, noticed: &mut NoticedBy) -> Result<Asked, String> {
        let context = self.source.context(reading, noticed).map_err(|misfit| misfit.0)?;
        let entities = match &self.plan.entities {
            Some(entities) => entities.clone(),
            None => entities(self.subject, self.object, Some(&self.source.ask.circumstances))?,
        };
        let action = self.source.ask.action;
        Asked::new(self.subject, self.object, action, context, Some(entities))
    }

    fn all_undecidable(&self, problem: &str) -> Judgement {
        let errors = self.plan.live.iter().map(|place| (*place, problem.to_owned())).collect();
        Judgement { errors, ..self.plan.fixed.clone() }
    }

    /// Rules that calculate with numbers beyond Cedar's, or compare several that are not exact:
    /// there the neighbours do not stand for the numbers.
    fn inexact(&self, noticed: &NoticedBy) -> Option<Judgement> {
        let cut: BTreeSet<&str> = noticed
            .iter()
            .filter(|(_, it)| it.between || it.beyond)
            .map(|(name, _)| name.as_str())
            .collect();
        if cut.is_empty() {
            return None;
        }
        let unsure = |leaf: &Leaf| {
            let read: BTreeSet<&str> = leaf.reads.iter().filter_map(Read::argument).collect();
            let count = read.intersection(&cut).count();
            count > 1 || (count == 1 && leaf.calculates)
        };
        let mut judgement = Judgement::default();
        for place in &self.plan.live {
            let Some(rule) = self.policies.rules.get(*place) else { continue };
            let mut parts = rule.condition.iter().flat_map(|condition| condition.tree.parts());
            if parts.any(|(leaf, _)| unsure(leaf)) {
                let problem = "it compares or calculates with numbers that are not exact";
                judgement.errors.push((*place, problem.to_owned()));
            }
        }
        (!judgement.errors.is_empty()).then_some(judgement)
    }
}

/// The readings beside the plain one; `None` where they are too many.
fn others(noticed: &NoticedBy) -> Option<Vec<Reading>> {
    if noticed.is_empty() {
        return Some(Vec::new());
    }
    let between: Vec<&String> =
        noticed.iter().filter(|(_, it)| it.between).map(|(name, _)| name).collect();
    if between.len() > BETWEEN_MAX {
        return None;
    }
    let mut forms = vec![Form::Raw];
    if noticed.values().any(|it| it.forms) {
        forms.extend(Form::OTHERS);
    }
    let mut readings = Vec::new();
    for form in forms {
        for choice in 0..1_usize << between.len() {
            let chosen = (0..).zip(&between).filter(|(bit, _)| choice >> bit & 1 == 1);
            let high = chosen.map(|(_, name)| (*name).clone()).collect();
            readings.push(Reading { form, high });
        }
    }
    readings.retain(|reading| *reading != Reading::plain());
    Some(readings)
}
