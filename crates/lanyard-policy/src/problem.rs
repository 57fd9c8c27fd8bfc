//! What is wrong with a policy, with its place.

use std::fmt;

/// One problem of a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyProblem {
    /// The file as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// The rule, where it is known which.
    pub rule: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// `FILE:LINE:COLUMN: rule `ID`: PROBLEM; HELP`
impl fmt::Display for PolicyProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, rule, problem, help } = self;
        write!(formatter, "{file}:{line}:{column}: ")?;
        if let Some(rule) = rule {
            write!(formatter, "rule `{rule}`: ")?;
        }
        write!(formatter, "{problem}")?;
        match help {
            Some(help) => write!(formatter, "; {help}"),
            None => Ok(()),
        }
    }
}

/// A text with its name, for turning offsets into places.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
}

impl Place<'_> {
    /// Line and column of a byte offset, both from 1.
    pub(crate) fn of(&self, offset: usize) -> (usize, usize) {
        let before = (0..=offset.min(self.text.len())).rev().find_map(|end| self.text.get(..end));
        let before = before.unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        (line, column.saturating_add(1))
    }

    pub(crate) fn problem(
        &self,
        offset: usize,
        rule: Option<&str>,
        problem: impl Into<String>,
    ) -> PolicyProblem {
        let (line, column) = self.of(offset);
        PolicyProblem {
            file: self.file.to_owned(),
            line,
            column,
            rule: rule.map(str::to_owned),
            problem: problem.into(),
            help: None,
        }
    }
}

impl PolicyProblem {
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
