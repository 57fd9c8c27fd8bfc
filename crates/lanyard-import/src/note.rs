//! What is told beside a draft.

use std::fmt;

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; calls are as the description says.
    Info,
    /// Something could not be expressed: calls can differ from the description.
    Warning,
    /// An operation, or the line of one, was left out.
    Skipped,
}

/// One thing that a draft does not say as its source did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where in the source: a JSON pointer (`#/paths/~1pets/get`), or a line.
    pub place: String,
    /// How much it matters.
    pub severity: Severity,
    /// What it is, and what to do about it where there is something.
    pub text: String,
}

impl Note {
    /// A note of severity [`Severity::Info`].
    pub fn info(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.into(), severity: Severity::Info, text: text.into() }
    }

    /// A note of severity [`Severity::Warning`].
    pub fn warning(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.into(), severity: Severity::Warning, text: text.into() }
    }

    /// A note of severity [`Severity::Skipped`].
    pub fn skipped(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.into(), severity: Severity::Skipped, text: text.into() }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Info => "note",
            Severity::Warning => "warning",
            Severity::Skipped => "left out",
        };
        write!(formatter, "{}: {severity}: {}", self.place, self.text)
    }
}
