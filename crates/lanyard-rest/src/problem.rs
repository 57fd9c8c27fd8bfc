//! What is wrong with a file: every problem with its place, and a collector for all of them.

use std::fmt;

use crate::yaml::Mark;

/// Whether a problem stops the file from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file works; something in it does nothing or may surprise.
    Warning,
}

/// One thing that is wrong with a file. `Display` is `file:line:column: path: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The name of the file as it was given.
    pub file: String,
    /// The line, counted from 1.
    pub line: u32,
    /// The column in characters, counted from 1.
    pub column: u32,
    /// Where in the document: `tools[0].args[2].type`. Empty for the document as a whole.
    pub path: String,
    /// What is wrong and, where there is a near name, what may have been meant.
    pub message: String,
    /// Whether the file can be used all the same.
    pub severity: Severity,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        match self.severity {
            Severity::Error => {}
            Severity::Warning => formatter.write_str("warning: ")?,
        }
        formatter.write_str(&self.message)
    }
}

/// Collects the problems of one file. Nothing stops at the first.
#[derive(Debug)]
pub(crate) struct Problems {
    file: String,
    list: Vec<Problem>,
}

impl Problems {
    pub(crate) fn new(file: &str) -> Self {
        Self { file: file.to_owned(), list: Vec::new() }
    }

    pub(crate) fn error(&mut self, mark: Mark, path: &str, message: impl Into<String>) {
        self.push(mark, path, message.into(), Severity::Error);
    }

    pub(crate) fn warn(&mut self, mark: Mark, path: &str, message: impl Into<String>) {
        self.push(mark, path, message.into(), Severity::Warning);
    }

    fn push(&mut self, mark: Mark, path: &str, message: String, severity: Severity) {
        let problem = self.one(mark, message);
        self.list.push(Problem { path: path.to_owned(), severity, ..problem });
    }

    /// An error of the document as a whole, not collected.
    pub(crate) fn one(&self, mark: Mark, message: String) -> Problem {
        Problem {
            file: self.file.clone(),
            line: mark.line.max(1),
            column: mark.column.max(1),
            path: String::new(),
            message,
            severity: Severity::Error,
        }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.list.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// All of them in the order of the file.
    pub(crate) fn into_sorted(self) -> Vec<Problem> {
        let mut list = self.list;
        list.sort_by_key(|problem| (problem.line, problem.column));
        list.dedup();
        list
    }
}

/// The known name that a wrong one was most likely meant to be: equal but for case and
/// separators, or at most a third of its characters away.
pub(crate) fn nearest<'a>(
    given: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let plain = |text: &str| -> Vec<char> {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let wanted = plain(given);
    if wanted.is_empty() || wanted.len() > 64 {
        return None;
    }
    known
        .into_iter()
        .map(|name| (distance(&wanted, &plain(name)), name))
        .filter(|(distance, _)| distance.saturating_mul(3) <= wanted.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// What follows a message about an unknown name: `; did you mean ...?`, or nothing.
#[expect(single_use_lifetimes, reason = "an anonymous lifetime is not stable in this place")]
pub fn suggestion<'k>(given: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    nearest(given, known).map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// How many characters must be put in, taken out, changed or swapped with their neighbour.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    let mut previous = None;
    for (row, a) in left.iter().enumerate() {
        let mut current = vec![row.saturating_add(1)];
        let mut last = None;
        for (column, b) in right.iter().enumerate() {
            let at = |list: &[usize], index: usize| list.get(index).copied().unwrap_or(usize::MAX);
            let changed = at(&above, column).saturating_add(usize::from(a != b));
            let removed = at(&above, column.saturating_add(1)).saturating_add(1);
            let added = at(&current, column).saturating_add(1);
            let mut best = changed.min(removed).min(added);
            if previous == Some(b) && last == Some(a) && column > 0 {
                best = best.min(at(&before, column.saturating_sub(1)).saturating_add(1));
            }
            current.push(best);
            last = Some(b);
        }
        before = std::mem::replace(&mut above, current);
        previous = Some(a);
    }
    above.last().copied().unwrap_or(0)
}
