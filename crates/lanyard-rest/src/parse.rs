//! From the text of a file to a checked definition.

use std::fmt;

use lanyard_core::{Limits, SecretName, ServerName, ToolName};
use serde_json::Value;

use crate::{Parsed, Problem, Severity};

/// The judge of JSON Schemas. Another crate offers it: this one does not know how.
pub trait Schemas {
    /// Whether a document is a JSON Schema that can be used.
    fn check_schema(&self, schema: &Value) -> Result<(), String>;

    /// Whether a value satisfies a schema.
    fn check_value(&self, schema: &Value, value: &Value) -> Result<(), String>;
}

/// What a file is read with.
#[derive(Clone, Copy)]
pub struct ParseOptions<'a> {
    /// The server's name given to the command; it wins over the file's.
    pub name: Option<&'a ServerName>,
    /// What path-only URLs start with; it wins over the file's `server.baseUrl`.
    pub base_url: Option<&'a str>,
    /// Secrets bound from outside: a key of `server.config` or the id of a security scheme.
    pub secrets: &'a [(String, SecretName)],
    /// Whether a secret exists (set or not) or will be made.
    pub secret_known: &'a dyn Fn(&SecretName) -> bool,
    /// The judge of JSON Schemas.
    pub schemas: &'a dyn Schemas,
    /// The limits in force.
    pub limits: &'a Limits,
    /// The tools of another server, for sets. `None` if there is no such server.
    pub servers: &'a dyn Fn(&ServerName) -> Option<Vec<ToolName>>,
}

impl fmt::Debug for ParseOptions<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ParseOptions").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Reads a file: all its problems at once, or the server it describes. `file` is only the name
/// that problems carry.
pub fn parse(
    file: &str,
    _text: &str,
    _options: &ParseOptions<'_>,
) -> Result<Parsed, Vec<Problem>> {
    Err(vec![Problem {
        file: file.to_owned(),
        line: 1,
        column: 1,
        path: String::new(),
        message: String::new(),
        severity: Severity::Error,
    }])
}
