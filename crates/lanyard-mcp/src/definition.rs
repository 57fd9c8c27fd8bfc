//! An MCP server as it is configured: a process, or a URL.
//!
//! The stored form is canonical JSON: members in one order, absent ones left out.

use std::collections::BTreeSet;
use std::fmt;

use lanyard_core::{Origin, SecretName};
use serde_json::{Map, Value, json};

use crate::Problem;

pub(crate) mod credential;
pub(crate) mod literals;
mod read;
pub(crate) mod rules;
mod template;

pub use literals::{Literal, LiteralValue};
pub use template::{Part, Template, TemplateError};

/// An MCP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// What it is, for people.
    pub description: Option<String>,
    /// How it is reached.
    pub transport: Transport,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// A process of ours, over its standard input and output.
    Stdio(Stdio),
    /// Streamable HTTP. Whether the server is of an older kind is found out.
    Http(Remote),
    /// HTTP+SSE of 2024-11-05, where it is known to be that.
    Sse(Remote),
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stdio {
    /// The program: an absolute path.
    pub command: String,
    /// Its arguments, without the program's own name.
    pub args: Vec<String>,
    /// Its environment, in the order in which it was written; there is no other.
    pub env: Vec<(String, Template)>,
    /// Where it starts; a directory of its own when absent.
    pub cwd: Option<String>,
}

/// A URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Remote {
    /// Scheme, host and port.
    pub origin: Origin,
    /// Path and query, encoded, beginning with `/`; without the parts of `query`.
    pub target: String,
    /// Headers that are sent with each request, names in lower case.
    pub headers: Vec<(String, Template)>,
    /// Added to the query of each request.
    pub query: Vec<(String, Template)>,
}

impl Definition {
    /// Reads the canonical JSON, or says everything that is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Vec<Problem>> {
        read::definition(text)
    }

    /// The canonical JSON: what is stored, and what [`Definition::parse`] reads back.
    pub fn to_json(&self) -> String {
        let mut members = Map::new();
        members.insert("type".to_owned(), json!(self.transport.name()));
        match &self.transport {
            Transport::Stdio(stdio) => {
                members.insert("command".to_owned(), json!(stdio.command));
                insert_unless(&mut members, "args", stdio.args.is_empty(), json!(stdio.args));
                insert_pairs(&mut members, "env", &stdio.env);
            }
            Transport::Http(remote) | Transport::Sse(remote) => {
                members.insert("url".to_owned(), json!(remote.url()));
                insert_pairs(&mut members, "headers", &remote.headers);
                insert_pairs(&mut members, "query", &remote.query);
            }
        }
        if let Transport::Stdio(Stdio { cwd: Some(cwd), .. }) = &self.transport {
            members.insert("cwd".to_owned(), json!(cwd));
        }
        if let Some(description) = &self.description {
            members.insert("description".to_owned(), json!(description));
        }
        Value::Object(members).to_string()
    }

    /// Where its requests go. None for a process: what it talks to is its own affair.
    pub fn origins(&self) -> Vec<Origin> {
        match &self.transport {
            Transport::Stdio(_) => Vec::new(),
            Transport::Http(remote) | Transport::Sse(remote) => vec![remote.origin.clone()],
        }
    }

    /// Every secret that it names.
    pub fn secrets(&self) -> BTreeSet<SecretName> {
        self.templates().flat_map(Template::secrets).cloned().collect()
    }

    /// Every place that may name a secret.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let (first, second) = match &self.transport {
            Transport::Stdio(stdio) => (stdio.env.as_slice(), [].as_slice()),
            Transport::Http(remote) | Transport::Sse(remote) => {
                (remote.headers.as_slice(), remote.query.as_slice())
            }
        };
        first.iter().chain(second).map(|(_, template)| template)
    }

    /// What the pin of the server itself covers, as JSON: what runs and what it is told, or where
    /// requests go and under which names they carry credentials. Values are left out, so that a
    /// rotated secret is no drift.
    pub fn pinned_text(&self) -> String {
        let mut members = Map::new();
        members.insert("type".to_owned(), json!(self.transport.name()));
        match &self.transport {
            Transport::Stdio(stdio) => {
                members.insert("command".to_owned(), json!(stdio.command));
                members.insert("args".to_owned(), json!(stdio.args));
                members.insert("env".to_owned(), json!(sorted_names(&stdio.env)));
                if let Some(cwd) = &stdio.cwd {
                    members.insert("cwd".to_owned(), json!(cwd));
                }
            }
            Transport::Http(remote) | Transport::Sse(remote) => {
                members.insert("url".to_owned(), json!(remote.url_without_values()));
                members.insert("headers".to_owned(), json!(sorted_names(&remote.headers)));
                members.insert("query".to_owned(), json!(sorted_names(&remote.query)));
            }
        }
        Value::Object(members).to_string()
    }
}

/// The canonical JSON. It may hold literal credentials until they were taken out.
impl fmt::Display for Definition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_json())
    }
}

fn insert_unless(members: &mut Map<String, Value>, key: &str, left_out: bool, value: Value) {
    if !left_out {
        members.insert(key.to_owned(), value);
    }
}

fn insert_pairs(members: &mut Map<String, Value>, key: &str, pairs: &[(String, Template)]) {
    let object: Map<String, Value> =
        pairs.iter().map(|(name, template)| (name.clone(), json!(template.to_string()))).collect();
    insert_unless(members, key, pairs.is_empty(), Value::Object(object));
}

fn sorted_names(pairs: &[(String, Template)]) -> BTreeSet<&str> {
    pairs.iter().map(|(name, _)| name.as_str()).collect()
}

impl Transport {
    /// The word for it in the stored form: `stdio`, `http` or `sse`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Stdio(_) => "stdio",
            Self::Http(_) => "http",
            Self::Sse(_) => "sse",
        }
    }
}

impl Remote {
    /// Reads an absolute URL: `http` or `https`, no user, no fragment.
    pub fn parse_url(url: &str) -> Result<Self, String> {
        let (origin, target) = rules::url(url)?;
        Ok(Self { origin, target, headers: Vec::new(), query: Vec::new() })
    }

    /// The URL as it was written, in normal form, without the parts of `query`.
    pub fn url(&self) -> String {
        format!("{}{}", self.origin, self.target)
    }

    /// Path and query of a request: the target, and the parts of `query` behind it, encoded.
    pub fn render_target<E>(
        &self,
        open: &dyn Fn(&SecretName) -> Result<String, E>,
    ) -> Result<String, E> {
        let mut out = self.target.clone();
        for (name, template) in &self.query {
            let last = out.chars().next_back();
            match out.contains('?') {
                false => out.push('?'),
                true if matches!(last, Some('?' | '&')) => {}
                true => out.push('&'),
            }
            rules::push_encoded(&mut out, name);
            out.push('=');
            rules::push_encoded(&mut out, &template.render(open)?);
        }
        Ok(out)
    }

    /// The URL with only the names of its query: a value may be a credential.
    fn url_without_values(&self) -> String {
        let (path, query) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let names: Vec<&str> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').map_or(pair, |(name, _)| name))
            .collect();
        let mark = if names.is_empty() { "" } else { "?" };
        format!("{}{path}{mark}{}", self.origin, names.join("&"))
    }
}

/// Without the values of the query.
impl fmt::Debug for Remote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Remote")
            .field("url", &self.url_without_values())
            .field("headers", &self.headers)
            .field("query", &self.query)
            .finish()
    }
}

#[cfg(test)]
mod tests;
