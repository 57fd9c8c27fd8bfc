//! What an agent may use of one server: tools allowed, tools denied, for whom, until a date. Data
//! only; the decision is made in [`crate::Grants`].

use std::collections::BTreeSet;
use std::fmt;

use lanyard_core::{NameError, ServerName, Timestamp, ToolName, UserName};
use thiserror::Error;

/// One grant of an agent: agent x server x tools x users, until a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The server it opens.
    pub server: ServerName,
    /// The tools it allows.
    pub allow: ToolPattern,
    /// The tools it denies, whatever else allows them.
    pub deny: ToolPattern,
    /// The users it may call for. It may always call for itself, which is to name no user.
    pub users: UserPattern,
    /// When it ends; `None` for never. At this very moment it no longer allows.
    pub expires_at: Option<Timestamp>,
}

impl Grant {
    /// Whether its time is over.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| now >= end)
    }
}

/// Which tools: all of them (`*`), or exactly these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolPattern {
    /// Every tool, also those the server gets later. Written `*`.
    All,
    /// Exactly these; an empty set is none.
    Named(BTreeSet<ToolName>),
}

/// Which users: whoever it is (`*`), or exactly these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserPattern {
    /// Every user. Written `*`.
    All,
    /// Exactly these; an empty set is nobody.
    Named(BTreeSet<UserName>),
}

/// Why words do not name tools, or users.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PatternError {
    /// A word is no name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// `*` stands beside names, so that it is unclear which of both was meant.
    #[error("`*` means all of them and stands alone")]
    StarBesideNames,
}

const STAR: &str = "*";

/// The names that words are; `None` for all of them.
fn named<T: Ord>(
    words: &[&str],
    parse: impl Fn(&str) -> Result<T, NameError>,
) -> Result<Option<BTreeSet<T>>, PatternError> {
    if words == [STAR] {
        return Ok(None);
    }
    if words.contains(&STAR) {
        return Err(PatternError::StarBesideNames);
    }
    let names = words.iter().map(|word| parse(word)).collect::<Result<_, _>>()?;
    Ok(Some(names))
}

impl ToolPattern {
    /// No tool at all.
    pub const fn none() -> Self {
        Self::Named(BTreeSet::new())
    }

    /// Reads the words of `--allow` and `--deny`: `*` alone, or names. No word is no tool.
    pub fn parse(words: &[&str]) -> Result<Self, PatternError> {
        Ok(named(words, ToolName::parse)?.map_or(Self::All, Self::Named))
    }

    /// The words that [`ToolPattern::parse`] reads, in order.
    pub fn words(&self) -> Vec<&str> {
        match self {
            Self::All => vec![STAR],
            Self::Named(names) => names.iter().map(ToolName::as_str).collect(),
        }
    }

    /// Whether the tool is among them.
    pub fn matches(&self, tool: &ToolName) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(tool),
        }
    }
}

impl UserPattern {
    /// Nobody: the agent calls for itself alone.
    pub const fn none() -> Self {
        Self::Named(BTreeSet::new())
    }

    /// Reads the words of `--users`: `*` alone, or names. No word is nobody.
    pub fn parse(words: &[&str]) -> Result<Self, PatternError> {
        Ok(named(words, UserName::parse)?.map_or(Self::All, Self::Named))
    }

    /// Whether the user is among them.
    pub fn matches(&self, user: &UserName) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(user),
        }
    }
}

/// `*`, or the names with commas, or nothing.
impl fmt::Display for ToolPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.words().join(","))
    }
}
