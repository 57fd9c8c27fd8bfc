//! What is kept of a call's arguments and of its answer, where an operator switched that on: sealed
//! under a key of the person or agent that it is about.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::{AgentName, NameError, Principal, RecordId, TenantName, Timestamp, UserName};

/// Whom a payload is about: the user that a call is for, else the agent. Written `user:NAME` or
/// `agent:NAME`; one of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PayloadSubject {
    /// The call is for this user.
    User(UserName),
    /// The call is for nobody but the agent itself.
    Agent(AgentName),
}

impl PayloadSubject {
    /// Whom the calls of a principal are about.
    pub fn of(principal: &Principal) -> Self {
        match &principal.user {
            Some(user) => Self::User(user.clone()),
            None => Self::Agent(principal.agent.clone()),
        }
    }
}

impl fmt::Display for PayloadSubject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(formatter, "user:{name}"),
            Self::Agent(name) => write!(formatter, "agent:{name}"),
        }
    }
}

/// Why a text names no subject of payloads.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PayloadSubjectError {
    /// It says neither.
    #[error("a subject is written user:NAME or agent:NAME")]
    Form,
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl FromStr for PayloadSubject {
    type Err = PayloadSubjectError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            Some(("user", name)) => Ok(Self::User(UserName::parse(name)?)),
            Some(("agent", name)) => Ok(Self::Agent(AgentName::parse(name)?)),
            Some(_) | None => Err(PayloadSubjectError::Form),
        }
    }
}

/// Which part of a call a payload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PayloadPart {
    /// The arguments as they were sent.
    Arguments,
    /// The result as the agent got it.
    Result,
    /// The protocol's error as the agent got it, in the place of a result.
    Error,
}

impl PayloadPart {
    /// Every part.
    pub const ALL: [Self; 3] = [Self::Arguments, Self::Result, Self::Error];

    /// The word that records hold.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arguments => "arguments",
            Self::Result => "result",
            Self::Error => "error",
        }
    }

    /// The part of this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.as_str() == text)
    }
}

/// A payload on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadRecord {
    /// The id of the call.
    pub id: RecordId,
    /// When it was sealed.
    pub time: Timestamp,
    /// The tenant.
    pub tenant: TenantName,
    /// Whom it is about.
    pub subject: PayloadSubject,
    /// Which part of the call it is.
    pub part: PayloadPart,
    /// Its size, before it was cut.
    pub bytes: u64,
    /// What is kept.
    pub kept: PayloadKept,
}

/// What is kept of a payload.
#[derive(Clone, PartialEq, Eq)]
pub enum PayloadKept {
    /// So many bytes from its beginning, sealed.
    Sealed {
        /// The key, by its id.
        key: RecordId,
        /// How many bytes it is when opened.
        kept_bytes: u64,
        /// The sealed bytes.
        sealed: Vec<u8>,
    },
    /// Nothing, and why.
    Lost {
        /// In a word.
        why: &'static str,
    },
}

impl fmt::Debug for PayloadKept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sealed { key, kept_bytes, sealed: _ } => {
                write!(formatter, "Sealed({kept_bytes} bytes under {key})")
            }
            Self::Lost { why } => write!(formatter, "Lost({why})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_read_as_it_is_written() {
        for text in ["user:ann@example.com", "agent:alice"] {
            assert_eq!(text.parse::<PayloadSubject>().unwrap().to_string(), text);
        }
        for bad in ["", "ann", "user:", "agent:a b", "User:ann", "team:x", "user:a:b"] {
            assert!(bad.parse::<PayloadSubject>().is_err(), "{bad}");
        }
    }
}
