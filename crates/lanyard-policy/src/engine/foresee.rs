//! What would be decided where only part of a call is known: for replaying records, which hold no
//! arguments, or only those that policies read.

use std::collections::BTreeSet;

use lanyard_core::{ServerName, ToolName};
use serde_json::{Map, Value};

use super::chance::Chance;
use super::decide::Stand;
use super::object::ObjectRules;
use super::{Policies, SubjectRules};
use crate::ask::{Action, Ask, Circumstances, SessionFacts};
use crate::text::expression::Read;
use crate::{Grants, NotGranted};

/// A call as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct Recorded<'a> {
    /// Who, when and from where.
    pub circumstances: Circumstances<'a>,
    /// What of it is known.
    pub moment: Moment,
    /// What was wanted.
    pub action: Action,
    /// The arguments that are known: of the names in `known`, those that were there.
    pub arguments: &'a Map<String, Value>,
    /// The names of the arguments that are known, there or not.
    pub known: &'a BTreeSet<String>,
}

/// Whether time, connection and caller are those of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// They are known.
    Known,
    /// It is asked about every time and every connection, for an agent that acts for anybody.
    Any,
}

/// What would be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Prospect {
    /// Yes.
    Allowed,
    /// Yes, once a human says so.
    Asks,
    /// No.
    Denied,
    /// It depends on what is not known.
    Undecidable,
}

impl Prospect {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Asks => "needs approval",
            Self::Denied => "denied",
            Self::Undecidable => "undecidable",
        }
    }
}

impl Recorded<'_> {
    /// Whether it is known what an expression reads there.
    pub(super) fn knows(&self, read: &Read) -> bool {
        match self.moment {
            Moment::Any if read.is_of_moment() => false,
            Moment::Any | Moment::Known => read.is_known(self.known),
        }
    }
}

impl Policies {
    /// What would be decided on a recorded call.
    pub fn foresee(
        &self,
        subject: &SubjectRules,
        object: &ObjectRules,
        grants: &Grants,
        about: (&ServerName, Option<&ToolName>),
        recorded: &Recorded<'_>,
    ) -> Prospect {
        let (server, tool) = about;
        let Recorded { circumstances, moment: _, action, arguments, known: _ } = recorded;
        let granted = grants.grants(server, tool, circumstances.user, circumstances.now);
        if granted == Err(NotGranted::Denied) || (granted.is_err() && self.is_empty()) {
            return Prospect::Denied;
        }
        let granted = granted.is_ok();
        let mut rules = self.applicable(subject, object, *action);
        if rules.all(|(_, rule)| rule.reads().all(|read| recorded.knows(read))) {
            let session = SessionFacts::default();
            let (circumstances, action) = (*circumstances, *action);
            let ask = Ask { circumstances, session: &session, action, arguments };
            let readings = self.judge(subject, object, &ask);
            let stands = readings.iter().map(|it| self.stand(it, granted));
            return match stands.max() {
                Some(Stand::Allowed) => Prospect::Allowed,
                Some(Stand::Asks(_)) => Prospect::Asks,
                Some(Stand::Silent | Stand::Undecidable(_) | Stand::Forbidden(_)) | None => {
                    Prospect::Denied
                }
            };
        }
        match self.chance(subject, object, granted, recorded) {
            Chance::Never => Prospect::Denied,
            Chance::Sure => Prospect::Allowed,
            Chance::Asks => Prospect::Asks,
            Chance::Maybe => Prospect::Undecidable,
        }
    }
}

impl Policies {
    /// Whether the same is said of the same arguments and the same grant, whenever and from wherever
    /// they come: then it need not be asked twice.
    pub fn repeats(&self, subject: &SubjectRules, object: &ObjectRules, action: Action) -> bool {
        let mut rules = self.applicable(subject, object, action);
        !rules.any(|(_, rule)| rule.reads().any(Read::is_of_moment))
    }
}

impl ObjectRules {
    /// The arguments that rules read here: what has to be kept of a call so that it can be decided
    /// again.
    pub fn arguments_read(&self, policies: &Policies, action: Action) -> BTreeSet<String> {
        let rules = self.actions.get(&action).map_or(&[][..], |it| it.rules.as_slice());
        let rules = rules.iter().filter_map(|place| policies.rules.get(*place));
        rules.flat_map(|rule| rule.reads()).filter_map(Read::argument).map(str::to_owned).collect()
    }
}
