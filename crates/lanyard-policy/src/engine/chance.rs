//! Whether something can be allowed at all: what lists go by. Arguments are not known there, so a
//! rule that reads them may come out either way.

use std::collections::BTreeSet;

use serde_json::Map;

use super::context::{NoticedBy, Reading, Source};
use super::object::ObjectRules;
use super::outcome::{Possible, possible};
use super::plan::{Asked, Outcome, entities};
use super::{Moment, Policies, Recorded, SubjectRules};
use crate::Grants;
use crate::ask::{Action, Ask, Circumstances, SessionFacts};
use crate::text::expression::Read;
use crate::text::rule::{Effect, Rule};
use lanyard_core::{ServerName, ToolName};

/// Whether something can be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chance {
    /// Whatever the arguments are, it is not.
    Never,
    /// It depends on the arguments, or on what the session did.
    Maybe,
    /// Whatever the arguments are, a human is asked.
    Asks,
    /// Whatever the arguments are, it is.
    Sure,
}

impl Policies {
    /// Whether a list shows it: unless no arguments at all would be allowed. It is no permission.
    /// For whom the agent calls makes no difference to what its grants show it.
    pub fn lists(
        &self,
        subject: &SubjectRules,
        object: &ObjectRules,
        grants: &Grants,
        about: (&ServerName, Option<&ToolName>),
        circumstances: &Circumstances<'_>,
    ) -> bool {
        let (server, tool) = about;
        let granted = grants.grants(server, tool, None, circumstances.now);
        if granted == Err(crate::NotGranted::Denied) {
            return false;
        }
        if self.is_empty() {
            return granted.is_ok();
        }
        self.may_be_listed(subject, object, circumstances)
            && self.may(subject, object, granted.is_ok(), object.main, circumstances)
    }

    /// Whether no rule about lists keeps it off them. Most texts have none.
    fn may_be_listed(
        &self,
        subject: &SubjectRules,
        object: &ObjectRules,
        circumstances: &Circumstances<'_>,
    ) -> bool {
        let Some(plan) = self.plan(subject, object, Action::List) else { return false };
        let when = (Moment::Known, circumstances);
        plan.may.recall(true, &plan.reads, circumstances, || {
            self.chance_of_any(subject, object, true, Action::List, when) != Chance::Never
        })
    }

    /// Whether there is any time, any connection and any arguments with which it would be allowed
    /// by the grants of this time: what a check goes by, which must not say another thing at night.
    pub fn reaches(
        &self,
        subject: &SubjectRules,
        object: &ObjectRules,
        grants: &Grants,
        about: (&ServerName, Option<&ToolName>),
        circumstances: &Circumstances<'_>,
    ) -> bool {
        let (server, tool) = about;
        let granted = grants.grants(server, tool, None, circumstances.now);
        if granted == Err(crate::NotGranted::Denied) {
            return false;
        }
        let (granted, when) = (granted.is_ok(), (Moment::Any, circumstances));
        if self.is_empty() {
            return granted;
        }
        let listed = self.chance_of_any(subject, object, true, Action::List, when);
        listed != Chance::Never && self.is_open(subject, object, granted, object.main, when)
    }

    /// Whether some arguments would be allowed.
    pub(super) fn may(
        &self,
        subject: &SubjectRules,
        object: &ObjectRules,
        granted: bool,
        action: Action,
        circumstances: &Circumstances<'_>,
    ) -> bool {
        let plan = self.plan(subject, object, action);
        let when = (Moment::Known, circumstances);
        let seen = || self.is_open(subject, object, granted, action, when);
        match plan {
            Some(plan) => plan.may.recall(granted, &plan.reads, circumstances, seen),
            None => seen(),
        }
    }

    /// Whether something could be allowed at a moment, found out anew.
    fn is_open(
        &self,
        subject: &SubjectRules,
        object: &ObjectRules,
        granted: bool,
        action: Action,
        when: (Moment, &Circumstances<'_>),
    ) -> bool {
        match self.chance_of_any(subject, object, granted, action, when) {
            Chance::Never => false,
            Chance::Sure | Chance::Asks => true,
            Chance::Maybe => self.witness(subject, object, granted, action, when),
        }
    }

    /// The chance where nothing is known of the arguments, nor of the session.
    fn chance_of_any(
        &self,
        subject: &SubjectRules,
        object: &ObjectRules,
        granted: bool,
        action: Action,
        (moment, circumstances): (Moment, &Circumstances<'_>),
    ) -> Chance {
        let recorded = Recorded {
            circumstances: *circumstances,
            moment,
            action,
            arguments: &Map::new(),
            known: &BTreeSet::new(),
        };
        self.chance(subject, object, granted, &recorded)
    }

    pub(super) fn chance(
        &self,
        subject: &SubjectRules,
        object: &ObjectRules,
        granted: bool,
        recorded: &Recorded<'_>,
    ) -> Chance {
        let rules: Vec<(usize, &Rule)> = self
            .applicable(subject, object, recorded.action)
            .filter(|(_, rule)| !rule.info.shadow)
            .collect();
        let known = Known::new(self, subject, object, recorded, &rules);
        let mut asks = false;
        let (mut sure, mut permitted, mut surely_permitted) = (true, granted, granted);
        for (place, rule) in rules {
            let of = match object.checked.broken.contains_key(&place) {
                true => Possible::ERROR,
                false => known.possible(rule),
            };
            match rule.info.effect {
                Effect::Permit => {
                    permitted |= of.yes;
                    surely_permitted |= of == Possible::YES;
                    sure &= !of.error;
                    if !of.yes && !of.no {
                        return Chance::Never;
                    }
                }
                // A human's yes lifts the one, and nothing the other.
                Effect::Forbid if rule.info.approval.is_some() => {
                    sure &= of == Possible::NO || of == Possible::YES;
                    asks |= of == Possible::YES;
                    if !of.yes && !of.no {
                        return Chance::Never;
                    }
                }
                Effect::Forbid => {
                    sure &= of == Possible::NO;
                    if !of.no {
                        return Chance::Never;
                    }
                }
            }
        }
        match (permitted, sure && surely_permitted) {
            (false, _) => Chance::Never,
            (true, true) if asks => Chance::Asks,
            (true, true) => Chance::Sure,
            (true, false) => Chance::Maybe,
        }
    }
}

/// A request of which a part is known.
struct Known<'a> {
    asked: Result<Asked, String>,
    recorded: Recorded<'a>,
}

impl<'a> Known<'a> {
    fn new(
        policies: &Policies,
        subject: &SubjectRules,
        object: &ObjectRules,
        recorded: &Recorded<'a>,
        rules: &[(usize, &Rule)],
    ) -> Self {
        let session = SessionFacts::default();
        let Recorded { circumstances, moment: _, action, arguments, known: _ } = *recorded;
        let ask = Ask { circumstances, session: &session, action, arguments };
        let reads = rules.iter().flat_map(|(_, rule)| rule.reads());
        let reads: BTreeSet<Read> = reads.filter(|read| recorded.knows(read)).cloned().collect();
        let source = Source {
            ask: &ask,
            fields: &object.fields,
            reads: &reads,
            views: &*policies.views,
            zone: &policies.zone,
        };
        let mut noticed = NoticedBy::new();
        let context = source.context(&Reading::plain(), &mut noticed).map_err(|it| it.0);
        let asked = context.and_then(|context| {
            let ready = policies.plan(subject, object, action);
            let entities = match ready.and_then(|plan| plan.entities.clone()) {
                Some(entities) => entities,
                None => entities(subject, object, Some(&circumstances))?,
            };
            Asked::new(subject, object, action, context, Some(entities))
        });
        // What has several readings is not known well enough here.
        let asked = if noticed.is_empty() { asked } else { Err("it has several readings".into()) };
        Self { asked, recorded: *recorded }
    }

    fn possible(&self, rule: &Rule) -> Possible {
        let Some(condition) = &rule.condition else { return Possible::YES };
        let Ok(asked) = &self.asked else { return Possible::ANY };
        possible(&condition.tree, &mut |leaf, expression| {
            if !leaf.reads.iter().all(|read| self.recorded.knows(read)) {
                return Possible::ANY;
            }
            match asked.evaluate(expression) {
                Outcome::Matches => Possible::YES,
                Outcome::Not => Possible::NO,
                Outcome::Error(_) => Possible::ERROR,
            }
        })
    }
}
