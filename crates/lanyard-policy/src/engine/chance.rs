//! Whether something can be allowed at all: what lists go by. Arguments are not known there, so a
//! rule that reads them may come out either way.

use std::collections::BTreeSet;

use super::context::{NoticedBy, Reading, Source};
use super::object::ObjectRules;
use super::outcome::{Possible, possible};
use super::plan::{Asked, Outcome, entities};
use super::{Policies, SubjectRules};
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
        let listed = self.chance(subject, object, true, Action::List, circumstances);
        listed != Chance::Never
            && self.may(subject, object, granted.is_ok(), object.main, circumstances)
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
        match self.chance(subject, object, granted, action, circumstances) {
            Chance::Never => false,
            Chance::Sure => true,
            Chance::Maybe => self.witness(subject, object, granted, action, circumstances),
        }
    }

    pub(super) fn chance(
        &self,
        subject: &SubjectRules,
        object: &ObjectRules,
        granted: bool,
        action: Action,
        circumstances: &Circumstances<'_>,
    ) -> Chance {
        let rules: Vec<(usize, &Rule)> = self
            .applicable(subject, object, action)
            .filter(|(_, rule)| !rule.info.shadow)
            .collect();
        let known = Known::new(self, subject, object, action, circumstances);
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
                    sure &= of == Possible::NO;
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
            (true, true) => Chance::Sure,
            (true, false) => Chance::Maybe,
        }
    }
}

/// A request of which all is known but the arguments and the session.
struct Known {
    asked: Result<Asked, String>,
}

impl Known {
    fn new(
        policies: &Policies,
        subject: &SubjectRules,
        object: &ObjectRules,
        action: Action,
        circumstances: &Circumstances<'_>,
    ) -> Self {
        let nothing = SessionFacts::default();
        let arguments = serde_json::Map::new();
        let ask =
            Ask { circumstances: *circumstances, session: &nothing, action, arguments: &arguments };
        let reads = BTreeSet::from([Read::Time, Read::Client]);
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
            let entities = entities(subject, object, Some(circumstances))?;
            Asked::new(subject, object, action, context, Some(entities))
        });
        Self { asked }
    }

    fn possible(&self, rule: &Rule) -> Possible {
        let Ok(asked) = &self.asked else { return Possible::ERROR };
        let Some(condition) = &rule.condition else { return Possible::YES };
        possible(&condition.tree, &mut |leaf, expression| {
            let open = |read: &Read| read.is_of_arguments() || *read == Read::Session;
            if leaf.reads.iter().any(open) {
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
