//! Why an operator command failed: one line for people, one exit code for scripts.

use serde_json::Value;

use crate::agent::{Exit, IssueKind};

/// A failed command.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: IssueKind,
    message: String,
    problems: Vec<Value>,
}

impl Failure {
    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { kind: IssueKind::Usage, message: message.into(), problems: Vec::new() }
    }

    /// Anything without a kind of its own.
    pub(crate) fn other(message: impl Into<String>) -> Self {
        Self { kind: IssueKind::Other, message: message.into(), problems: Vec::new() }
    }

    /// Nobody answers.
    pub(crate) fn offline(message: impl Into<String>) -> Self {
        Self { kind: IssueKind::Offline, message: message.into(), problems: Vec::new() }
    }

    /// The answer makes no sense.
    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self { kind: IssueKind::Protocol, message: message.into(), problems: Vec::new() }
    }

    /// The gateway said no.
    pub(crate) fn refused(status: u16, message: String, problems: Vec<Value>) -> Self {
        let kind = match status {
            401 => IssueKind::Auth,
            403 => IssueKind::Denied,
            404 | 409 | 422 => IssueKind::Other,
            _ => IssueKind::Http,
        };
        Self { kind, message, problems }
    }

    /// Problems of a definition, found without a gateway.
    pub(crate) fn definition(message: impl Into<String>, lines: Vec<String>) -> Self {
        let problems = lines.into_iter().map(Value::String).collect();
        Self { kind: IssueKind::Other, message: message.into(), problems }
    }

    /// The same, with its problems in what is called that.
    pub(crate) fn at(mut self, file: &str) -> Self {
        for problem in &mut self.problems {
            if let Some(place) = problem.get_mut("file") {
                *place = Value::from(file);
            }
        }
        self
    }

    /// The lines for stderr: every problem with its place, then what follows from them.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.problems.iter().map(problem_line).collect();
        lines.push(format!("[lanyard] {}", self.message));
        lines
    }

    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        Exit::Failure(self.kind)
    }
}

/// A problem as `file:line:column: path: message`.
pub(crate) fn problem_line(problem: &Value) -> String {
    if let Value::String(line) = problem {
        return line.clone();
    }
    let text = |key: &str| crate::output::text(problem, key);
    let path = match text("path") {
        path if path.is_empty() => String::new(),
        path => format!("{path}: "),
    };
    let word = if text("severity") == "warning" { "warning: " } else { "" };
    let place = match text("line") {
        line if line.is_empty() => text("file"),
        line => format!("{}:{line}:{}", text("file"), text("column")),
    };
    format!("{place}: {path}{word}{}", text("message"))
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::other(error.to_string())
    }
}
