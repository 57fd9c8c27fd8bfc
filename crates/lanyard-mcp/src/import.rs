//! The servers that a client of MCP has in its configuration file, as definitions of ours: keys
//! become secrets, and one entry for Lanyard takes the place of what was imported.
//!
//! Each client has a form of its own, and all are dialects of one: a name, and a command with an
//! environment or a URL with headers. So one reader knows every key, and a [`Format`] says where
//! the servers are and what is special. Pure: what a file needs of the world comes in as
//! [`Around`].

mod entry;
mod format;
mod name;
mod reference;
mod rewrite;
mod tree;

use std::collections::BTreeSet;
use std::fmt;

use lanyard_core::{SecretName, ServerName};

pub use format::Format;
pub use rewrite::{Gateway, RewriteError, client_entry, rewrite};

use crate::definition::{Definition, Literal, Transport};
use crate::problem::shown;

/// What a file needs of the world around it.
pub struct Around<'a> {
    /// The value of an environment variable, for the places that cannot hold a secret: the command,
    /// its arguments and directory, the host and path of a URL. Never for a credential.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The directory that relative paths of the file start from: an absolute path.
    pub directory: &'a str,
    /// What is put before every name.
    pub name_prefix: &'a str,
}

impl fmt::Debug for Around<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Around")
            .field("directory", &self.directory)
            .field("name_prefix", &self.name_prefix)
            .finish_non_exhaustive()
    }
}

/// What a file holds.
#[derive(Debug)]
pub struct Imported {
    /// The form it was read in.
    pub format: Format,
    /// The servers that can be added, in the order of the file.
    pub servers: Vec<Found>,
    /// What cannot: of a server, or of the file as a whole.
    pub problems: Vec<ImportProblem>,
    /// What else is to be known of the file.
    pub notes: Vec<String>,
}

/// A server of a file.
#[derive(Debug)]
pub struct Found {
    /// Its name with us: the file's, made valid.
    pub name: ServerName,
    /// Its name in the file.
    pub original_name: String,
    /// The line on which it begins, counted from 1.
    pub line: usize,
    /// What it is, with references where keys stood. A `command` without a slash is a name that is
    /// yet to be looked up on the path.
    pub definition: Definition,
    /// The keys that stood in it.
    pub literals: Vec<Literal>,
    /// The secrets that the file leaves to the environment: an operator sets them.
    pub unset: Vec<Unset>,
    /// Whether the file has it switched on.
    pub enabled: bool,
    /// What the file puts before the names of its tools.
    pub prefix: Option<String>,
    /// How long a call may take, in milliseconds.
    pub timeout_ms: Option<u64>,
    /// What is otherwise than in the file, for the operator.
    pub notes: Vec<String>,
    /// The definition with the keys still in it.
    with_keys: Definition,
}

impl Found {
    /// The definition with the keys where they stood, for whoever moves them into secrets: the
    /// canonical JSON.
    pub fn expose(&self) -> String {
        self.with_keys.to_json()
    }

    /// Puts the path of its program in the place of a name that was looked up.
    pub fn set_command(&mut self, path: &str) {
        for definition in [&mut self.definition, &mut self.with_keys] {
            if let Transport::Stdio(stdio) = &mut definition.transport {
                path.clone_into(&mut stdio.command);
            }
        }
    }
}

/// A secret that the file refers to by the name of a variable, or asks a person for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unset {
    /// The secret.
    pub secret: SecretName,
    /// The variable, or the question's id.
    pub variable: String,
    /// Where it is used: `headers.authorization`, `env.TOKEN`.
    pub place: String,
}

/// Why something of a file is not imported. `Display` is `line: path: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportProblem {
    /// The line, counted from 1.
    pub line: usize,
    /// Where in the file: `mcpServers.github.headers`. Empty for the whole.
    pub path: String,
    /// The name of the server in the file, where it is about one.
    pub server: Option<String>,
    /// What is wrong. It holds no value.
    pub message: String,
}

impl fmt::Display for ImportProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.line)?;
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        formatter.write_str(&self.message)
    }
}

/// Reads a file.
pub fn read(text: &str, format: Format, around: &Around<'_>) -> Imported {
    let mut imported =
        Imported { format, servers: Vec::new(), problems: Vec::new(), notes: Vec::new() };
    let tree = match tree::parse(text, format.language()) {
        Ok(tree) => tree,
        Err(problem) => {
            imported.problems.push(problem);
            return imported;
        }
    };
    let Some((path, servers)) = format.servers_of(&tree) else {
        imported.problems.push(ImportProblem {
            line: 1,
            path: String::new(),
            server: None,
            message: format!("no servers are in it; {} keeps them in `{}`", format, format.place()),
        });
        return imported;
    };
    let mut used = BTreeSet::new();
    imported.notes.extend(format.note(&tree));
    for member in servers.iter().filter(|member| !rewrite::is_entry(member)) {
        let place = format!("{path}.{}", shown(&member.key));
        let reader = entry::Reader::new(format, around, member, &place);
        match reader.read(&mut used) {
            Ok(found) => imported.servers.push(found),
            Err(problems) => imported.problems.extend(problems),
        }
    }
    imported
}

#[cfg(test)]
mod tests;
