//! Looks for arguments that would be allowed, where it depends on them: a tool is not listed that
//! none would get through.
//!
//! Those are tried that make a difference to the rules: the values that they name and those beside
//! them. Where rules do nothing but hold single arguments against values, there is nothing else to
//! try; where they do more, finding none proves nothing, and the tool is shown.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::candidates::{Candidates, candidates};
use super::chance::Chance;
use super::decide::Stand;
use super::object::ObjectRules;
use super::{Moment, Policies, Recorded, SubjectRules};
use crate::ask::{Action, Ask, Circumstances, SessionFacts};
use crate::text::expression::{Leaf, Literal, Read};

/// How many steps are taken. Past it the tool is shown.
const TRIES_MAX: usize = 5_000;

impl Policies {
    /// Whether some arguments would be allowed, as far as that can be told.
    pub(super) fn witness(
        &self,
        subject: &SubjectRules,
        object: &ObjectRules,
        granted: bool,
        action: Action,
        (moment, circumstances): (Moment, &Circumstances<'_>),
    ) -> bool {
        let Some(search) = self.search(subject, object, action) else { return true };
        // What was not tried may be allowed.
        if !search.complete {
            return true;
        }
        let whole =
            Whole { policies: self, subject, object, granted, action, moment, circumstances };
        search.sessions.iter().any(|session| {
            let mut walk = Walk { whole, session, tries: TRIES_MAX };
            let found = walk.walk(&search.arguments, &mut Map::new(), &mut BTreeSet::new());
            found || walk.tries == 0
        })
    }

    /// What to try; `None` where rules ask for what cannot be tried.
    fn search(
        &self,
        subject: &SubjectRules,
        object: &ObjectRules,
        action: Action,
    ) -> Option<Search> {
        let rules: Vec<_> = self
            .applicable(subject, object, action)
            .filter(|(_, rule)| !rule.info.shadow)
            .map(|(_, rule)| rule)
            .collect();
        let leaves: Vec<&Leaf> = rules
            .iter()
            .flat_map(|rule| &rule.condition)
            .flat_map(|condition| condition.tree.parts())
            .map(|(leaf, _)| leaf)
            .collect();
        let open = |leaf: &&&Leaf| {
            leaf.reads.iter().any(|read| read.is_of_arguments() || *read == Read::Session)
        };
        let mut search =
            Search { arguments: Vec::new(), sessions: sessions(&leaves), complete: true };
        search.complete = leaves.iter().filter(open).all(|leaf| leaf.simple);
        let mut by_argument: BTreeMap<&str, Vec<&Leaf>> = BTreeMap::new();
        for leaf in leaves.iter().filter(open) {
            for name in leaf.reads.iter().filter_map(Read::argument) {
                by_argument.entry(name).or_default().push(leaf);
            }
        }
        for (name, field) in &object.fields {
            let reading = by_argument.remove(name.as_str()).unwrap_or_default();
            if reading.is_empty() && !field.required {
                continue;
            }
            let Candidates { values, complete } = candidates(field, &reading);
            search.complete &= complete || reading.is_empty();
            search.arguments.push((name.clone(), values));
        }
        (!leaves.is_empty()).then_some(search)
    }
}

/// What is tried.
struct Search {
    /// Of each argument the values, `None` for its absence.
    arguments: Vec<(String, Vec<Option<Value>>)>,
    sessions: Vec<SessionFacts>,
    /// Whether that is all that makes a difference.
    complete: bool,
}

/// Sessions that make a difference: one that did nothing, and one that did all that is named.
fn sessions(leaves: &[&Leaf]) -> Vec<SessionFacts> {
    let mut all = vec![SessionFacts::default()];
    let reading: Vec<&&Leaf> =
        leaves.iter().filter(|leaf| leaf.reads.contains(&Read::Session)).collect();
    if reading.is_empty() {
        return all;
    }
    let mut everything = SessionFacts { calls: 1, ..SessionFacts::default() };
    for literal in reading.iter().flat_map(|leaf| &leaf.literals) {
        match literal {
            Literal::Text(text) => {
                everything.servers.insert(text.clone());
                everything.labels.insert(text.clone());
            }
            Literal::Whole(whole) => {
                everything.calls = everything.calls.max(whole.saturating_add(1));
            }
            Literal::Decimal(_) | Literal::Pattern(_) | Literal::Action(_) => {}
        }
    }
    all.push(everything);
    all
}

/// What is the same in all tries.
#[derive(Clone, Copy)]
struct Whole<'a> {
    policies: &'a Policies,
    subject: &'a SubjectRules,
    object: &'a ObjectRules,
    granted: bool,
    action: Action,
    moment: Moment,
    circumstances: &'a Circumstances<'a>,
}

/// Goes through the values of one argument after the other, and turns back where nothing that
/// follows could be allowed.
struct Walk<'a> {
    whole: Whole<'a>,
    session: &'a SessionFacts,
    tries: usize,
}

impl Walk<'_> {
    fn walk(
        &mut self,
        rest: &[(String, Vec<Option<Value>>)],
        arguments: &mut Map<String, Value>,
        known: &mut BTreeSet<String>,
    ) -> bool {
        let Some(tries) = self.tries.checked_sub(1) else { return false };
        self.tries = tries;
        let Some(((name, values), rest)) = rest.split_first() else {
            return match self.whole.moment {
                Moment::Known => self.is_allowed(arguments),
                // At some time, over some connection: what these arguments leave open.
                Moment::Any => self.chance(arguments, known) != Chance::Never,
            };
        };
        if self.chance(arguments, known) == Chance::Never {
            return false;
        }
        known.insert(name.clone());
        let found = values.iter().any(|value| {
            match value {
                Some(value) => arguments.insert(name.clone(), value.clone()),
                None => arguments.remove(name),
            };
            self.walk(rest, arguments, known)
        });
        arguments.remove(name);
        known.remove(name);
        found
    }

    fn chance(&self, arguments: &Map<String, Value>, known: &BTreeSet<String>) -> Chance {
        let Whole { policies, subject, object, granted, action, moment, circumstances } =
            self.whole;
        let recorded = Recorded { circumstances: *circumstances, moment, action, arguments, known };
        policies.chance(subject, object, granted, &recorded)
    }

    fn is_allowed(&self, arguments: &Map<String, Value>) -> bool {
        let Whole { policies, subject, object, granted, action, moment: _, circumstances } =
            self.whole;
        let ask = Ask { circumstances: *circumstances, session: self.session, action, arguments };
        let readings = policies.judge(subject, object, &ask);
        let stands = readings.iter().map(|it| policies.stand(it, granted));
        stands.max().is_some_and(|stand| matches!(stand, Stand::Allowed | Stand::Asks(_)))
    }
}
