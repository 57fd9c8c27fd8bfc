//! A decision in words: what each rule said, and because of which of its parts.

use std::fmt;

use lanyard_core::{ServerName, ToolName};

use super::context::Reading;
use super::decide::{Call, Verdict};
use super::object::ObjectRules;
use super::outcome::{Possible, possible};
use super::plan::{Asked, Outcome};
use super::{Policies, SubjectRules};
use crate::Grants;
use crate::ask::Ask;
use crate::text::rule::{Rule, RuleInfo};
use crate::value::reading::Form;

/// A decision with its reasons.
#[derive(Debug)]
pub struct Explanation {
    /// What is decided.
    pub verdict: Verdict,
    /// What the agent's grants say: `None` where one allows it.
    pub grant: Option<crate::NotGranted>,
    /// Every rule, in the order of the text.
    pub rules: Vec<RuleExplanation>,
}

/// What one rule said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleExplanation {
    /// The rule.
    pub rule: RuleInfo,
    /// What came of it.
    pub said: Said,
    /// Its parts that were looked at, with what came of each, in words.
    pub because: Vec<String>,
    /// The reading of the arguments in which it came, if not as they stand.
    pub reading: Option<&'static str>,
}

/// What came of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It matches.
    Matches,
    /// Its condition does not hold.
    DoesNotHold,
    /// It is about other agents.
    OtherAgent,
    /// It is about other actions, or other things.
    OtherThing,
    /// It cannot be evaluated, and why.
    CannotBeEvaluated(String),
}

impl fmt::Display for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Matches => formatter.write_str("matches"),
            Self::DoesNotHold => formatter.write_str("does not match: its condition does not hold"),
            Self::OtherAgent => formatter.write_str("is not about this agent"),
            Self::OtherThing => formatter.write_str("is not about this"),
            Self::CannotBeEvaluated(why) => write!(formatter, "cannot be evaluated: {why}"),
        }
    }
}

impl Policies {
    /// Decides, and says why.
    pub fn explain(
        &self,
        subject: &SubjectRules,
        object: &ObjectRules,
        grants: &Grants,
        about: (&ServerName, Option<&ToolName>),
        ask: &Ask<'_>,
    ) -> Explanation {
        let verdict = self.decide(subject, object, grants, about, ask);
        let (user, now) = (ask.circumstances.user, ask.circumstances.now);
        let grant = grants.grants(about.0, about.1, user, now).err();
        let asked = self.all_readings(subject, object, ask);
        let covered = object.actions.get(&ask.action).map_or(&[][..], |it| it.rules.as_slice());
        let rules = (0..).zip(&self.rules).map(|(place, rule)| {
            let plain = |said| RuleExplanation {
                rule: rule.info.clone(),
                said,
                because: Vec::new(),
                reading: None,
            };
            if !covered.contains(&place) {
                plain(Said::OtherThing)
            } else if subject.covered.get(place) == Some(&false) {
                plain(Said::OtherAgent)
            } else if let Some(problem) = object.checked.broken.get(&place) {
                plain(Said::CannotBeEvaluated(problem.to_string()))
            } else {
                explained(rule, &asked)
            }
        });
        Explanation { verdict, grant, rules: rules.collect() }
    }

    /// The request in each reading of its arguments.
    fn all_readings(
        &self,
        subject: &SubjectRules,
        object: &ObjectRules,
        ask: &Ask<'_>,
    ) -> Vec<(Reading, Result<Asked, String>)> {
        let plan = self.make_plan(subject, object, ask.action);
        Call::new(self, subject, object, &plan, ask).readings().asked
    }
}

/// What a rule said: in the first reading in which it is more than silent.
fn explained(rule: &Rule, asked: &[(Reading, Result<Asked, String>)]) -> RuleExplanation {
    let mut last = None;
    for (reading, asked) in asked {
        let (said, because) = match asked {
            Ok(asked) => one(rule, asked),
            Err(problem) => (Said::CannotBeEvaluated(problem.clone()), Vec::new()),
        };
        let silent = said == Said::DoesNotHold;
        let explanation =
            RuleExplanation { rule: rule.info.clone(), said, because, reading: name(reading) };
        if !silent {
            return explanation;
        }
        last.get_or_insert(explanation);
    }
    last.unwrap_or_else(|| RuleExplanation {
        rule: rule.info.clone(),
        said: Said::DoesNotHold,
        because: Vec::new(),
        reading: None,
    })
}

fn name(reading: &Reading) -> Option<&'static str> {
    match (reading.form, reading.high.is_empty()) {
        (Form::Raw, true) => None,
        (Form::Raw, false) => Some("with numbers at the next that Cedar can hold"),
        (Form::Nfc, _) => Some("with its texts composed (NFC)"),
        (Form::Nfkc, _) => Some("with its texts in their plain characters (NFKC)"),
    }
}

fn one(rule: &Rule, asked: &Asked) -> (Said, Vec<String>) {
    let said = match asked.outcome(rule) {
        Outcome::Matches => Said::Matches,
        Outcome::Not => Said::DoesNotHold,
        Outcome::Error(problem) => Said::CannotBeEvaluated(problem),
    };
    let mut because = Vec::new();
    if let Some(condition) = &rule.condition {
        possible(&condition.tree, &mut |leaf, expression| {
            let (word, of) = match asked.evaluate(expression) {
                Outcome::Matches => ("true", Possible::YES),
                Outcome::Not => ("false", Possible::NO),
                Outcome::Error(_) => ("not to be evaluated", Possible::ERROR),
            };
            because.push(format!("`{}` is {word}", leaf.text));
            of
        });
    }
    (said, because)
}
