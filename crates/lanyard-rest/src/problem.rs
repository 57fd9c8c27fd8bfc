//! What is wrong with a file: every problem with its place, and a collector for all of them.

use std::fmt;

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
