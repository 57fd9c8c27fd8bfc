//! Reads the entry of one server, whichever client it was written for.

mod process;
mod remote;

use std::collections::{BTreeMap, BTreeSet};

use lanyard_core::credential::names_credential;
use lanyard_core::{SecretName, ServerName};
use serde_json::{Map, json};

use super::name::server_name;
use super::reference::{Piece, split};
use super::tree::{Member, Node, Value};
use super::{Around, Format, Found, ImportProblem, Unset};
use crate::definition::literals::secret_name;
use crate::definition::{Definition, Part, Template, Transport};
use crate::problem::shown;

/// Keys that are read.
const READ: &[&str] = &[
    "args",
    "baseUrl",
    "base_url",
    "bearerToken",
    "bearerTokenEnv",
    "bearer_token",
    "bearer_token_env",
    "bearer_token_env_var",
    "command",
    "cwd",
    "description",
    "disabled",
    "enabled",
    "env",
    "env_http_headers",
    "env_vars",
    "environment",
    "executable",
    "headers",
    "httpUrl",
    "http_headers",
    "serverUrl",
    "server_url",
    "timeout_sec",
    "tool_prefix",
    "tool_timeout_sec",
    "transport",
    "type",
    "url",
    "workingDirectory",
];

/// Keys that mean something to their client alone.
const OF_THE_CLIENT: &[&str] = &[
    "$schema",
    "alwaysAllow",
    "autoApprove",
    "chromeDevtoolsRelay",
    "dev",
    "display_name",
    "gallery",
    "httpFetch",
    "icon",
    "lifecycle",
    "logging",
    "name",
    "protocolVersion",
    "startup_timeout_ms",
    "startup_timeout_sec",
    "title",
    "trust",
    "version",
];

/// Keys that choose tools.
const TOOL_FILTERS: &[&str] = &[
    "allowedTools",
    "allowed_tools",
    "blockedTools",
    "blocked_tools",
    "disabledTools",
    "disabled_tools",
    "enabled_tools",
    "excludeTools",
    "includeTools",
    "tools",
];

/// Beginnings of keys that are about logging in.
const LOGINS: &[&str] =
    &["auth", "client", "oauth", "refresh", "required_scopes", "scopes", "tokenCache"];

/// Reads one entry.
pub(super) struct Reader<'a> {
    format: Format,
    around: &'a Around<'a>,
    member: &'a Member,
    /// Where it is, for problems.
    place: &'a str,
    server: Option<ServerName>,
    problems: Vec<ImportProblem>,
    notes: Vec<String>,
    unset: Vec<Unset>,
    secrets: BTreeSet<SecretName>,
    /// The secrets that stand for variables.
    variables: BTreeMap<String, SecretName>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        format: Format,
        around: &'a Around<'a>,
        member: &'a Member,
        place: &'a str,
    ) -> Self {
        Self {
            format,
            around,
            member,
            place,
            server: None,
            problems: Vec::new(),
            notes: Vec::new(),
            unset: Vec::new(),
            secrets: BTreeSet::new(),
            variables: BTreeMap::new(),
        }
    }

    /// The server, or all that is wrong with its entry.
    pub(super) fn read(
        mut self,
        used: &mut BTreeSet<ServerName>,
    ) -> Result<Found, Vec<ImportProblem>> {
        let node = &self.member.node;
        let name = server_name(self.around.name_prefix, &self.member.key, used);
        let (Some(members), Some(name)) = (node.members(), name) else {
            self.problem("", "is no object with a command or a URL");
            return Err(self.problems);
        };
        self.server = Some(name.clone());
        self.look_over(members);
        let definition = self.definition(node);
        let prefix = self.text_of(node, &["tool_prefix"]);
        // Without one, GoClaw shows tools under their own names.
        let prefix = (self.format == Format::Goclaw).then(|| prefix.unwrap_or_default());
        let timeout_ms = self.timeout_ms(node);
        let Some(mut definition) = definition.filter(|_| self.problems.is_empty()) else {
            return Err(self.problems);
        };
        let with_keys = definition.clone();
        let literals = definition.literals(&name);
        drop(definition.take_literals(&name));
        self.notes.extend(definition.exposed().iter().map(ToString::to_string));
        Ok(Found {
            name,
            original_name: self.member.key.clone(),
            line: node.line,
            enabled: !is(node, "disabled", true) && !is(node, "enabled", false),
            definition,
            literals,
            unset: self.unset,
            prefix,
            timeout_ms,
            notes: self.notes,
            with_keys,
        })
    }

    /// Says what of an entry is not taken over.
    fn look_over(&mut self, members: &[Member]) {
        let has = |known: &[&str], key: &str| known.contains(&key);
        for Member { key, node } in members {
            let note = if has(READ, key) || has(OF_THE_CLIENT, key) || node.value == Value::Null {
                continue;
            } else if has(TOOL_FILTERS, key) {
                "is not taken over: grants say which tools an agent may call"
            } else if LOGINS.iter().any(|start| key.starts_with(start)) {
                "is not taken over: what its login yields must be put into `headers`"
            } else if key == "envFile" {
                "is not read: what it sets must be put into `env`"
            } else {
                "is not known here and not taken over"
            };
            self.notes.push(format!("{}: {note}", shown(key)));
        }
    }

    fn definition(&mut self, node: &Node) -> Option<Definition> {
        let url = self
            .text_of(node, &["url", "baseUrl", "base_url", "serverUrl", "server_url", "httpUrl"]);
        let has_command = node.get("command").or_else(|| node.get("executable")).is_some();
        let kind = self.kind(node, url.is_some(), has_command)?;
        let mut members = Map::new();
        members.insert("type".to_owned(), json!(kind));
        if let Some(description) = self.text_of(node, &["description"]) {
            members.insert("description".to_owned(), json!(description));
        }
        if kind == "stdio" {
            let command = self.process(node, &mut members)?;
            let mut definition = self.parsed(&members)?;
            if let Transport::Stdio(stdio) = &mut definition.transport {
                stdio.command = command;
            }
            return Some(definition);
        }
        self.remote(node, &url.unwrap_or_default(), &mut members)?;
        self.parsed(&members)
    }

    /// Reads our own form of it, which knows what may stand where.
    fn parsed(&mut self, members: &Map<String, serde_json::Value>) -> Option<Definition> {
        match Definition::parse(&json!(members).to_string()) {
            Ok(definition) => Some(definition),
            Err(problems) => {
                for problem in problems {
                    self.problem(&problem.path, problem.message);
                }
                None
            }
        }
    }

    /// How the server is reached: as the entry says, or as what it has tells.
    fn kind(&mut self, node: &Node, has_url: bool, has_command: bool) -> Option<&'static str> {
        let said = self.text_of(node, &["type", "transport"]);
        let said = match said.as_deref() {
            None => None,
            Some("sse") => Some("sse"),
            Some("stdio" | "local") => Some("stdio"),
            Some(
                "http" | "remote" | "streamable" | "streamable-http" | "streamable_http"
                | "streamableHttp",
            ) => Some("http"),
            Some(other) => {
                let message = format!("`{}` is no transport that Lanyard speaks", shown(other));
                self.problem("type", message);
                return None;
            }
        };
        match (said, has_url, has_command) {
            (Some("stdio"), _, true) | (None, false, true) => Some("stdio"),
            (Some("sse"), true, _) => Some("sse"),
            (_, true, _) => Some("http"),
            (Some("http" | "sse"), false, _) => {
                self.problem("", "has no `url`");
                None
            }
            (_, false, _) => {
                self.problem("", "has neither a `command` nor a `url`");
                None
            }
        }
    }

    fn timeout_ms(&mut self, node: &Node) -> Option<u64> {
        let key = if self.format == Format::Codex { "tool_timeout_sec" } else { "timeout_sec" };
        let Value::Number(seconds) = &node.get(key)?.value else {
            self.notes.push(format!("{key}: is no number and not taken over"));
            return None;
        };
        let seconds: f64 = seconds.parse().ok()?;
        let span = std::time::Duration::try_from_secs_f64(seconds).ok()?;
        u64::try_from(span.as_millis()).ok().filter(|millis| *millis > 0)
    }

    /// The first of these members that is a text.
    fn text_of(&mut self, node: &Node, keys: &[&str]) -> Option<String> {
        let (key, found) = keys.iter().find_map(|key| Some((key, node.get(key)?)))?;
        match found.text() {
            Some(text) => Some(text.to_owned()),
            None if found.value == Value::Null => None,
            None => {
                self.problem(key, "must be a text");
                None
            }
        }
    }

    /// The pairs of an object whose values are texts, numbers or switches.
    fn pairs(&mut self, node: &Node, key: &str) -> Vec<(String, String)> {
        let Some(found) = node.get(key).filter(|found| found.value != Value::Null) else {
            return Vec::new();
        };
        let Some(members) = found.members() else {
            self.problem(key, "must be an object");
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for member in members {
            match scalar(&member.node) {
                Some(text) => pairs.push((member.key.clone(), text)),
                None => self.problem(&format!("{key}.{}", shown(&member.key)), "must be a text"),
            }
        }
        pairs
    }

    /// The elements of a list of texts.
    fn texts(&mut self, node: &Node, key: &str) -> Vec<String> {
        let found = node.get(key).map(|found| &found.value);
        let Some(Value::Array(elements)) = found else {
            if found.is_some_and(|value| *value != Value::Null) {
                self.problem(key, "must be a list");
            }
            return Vec::new();
        };
        let mut texts = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            match scalar(element) {
                Some(text) => texts.push(text),
                None => self.problem(&format!("{key}[{index}]"), "must be a text"),
            }
        }
        texts
    }

    /// A text that may hold secrets, with references to ours in the place of those to variables.
    fn template(&mut self, place: &str, text: &str) -> Option<String> {
        if text.contains(SecretName::REFERENCE_PREFIX) {
            self.problem(place, "names a secret of Lanyard; a file that is imported cannot");
            return None;
        }
        let mut template = Template::default();
        for piece in split(text) {
            let part = match piece {
                Piece::Text(text) => Part::Text(text.to_owned()),
                Piece::Variable { name, default: None } | Piece::Input(name) => {
                    Part::Secret(self.secret_for(name, place)?)
                }
                Piece::Variable { name, default: Some(default) } => {
                    self.notes.push(format!(
                        "{place}: the file's default is used, whatever {name} is set to"
                    ));
                    Part::Text(default.to_owned())
                }
                Piece::Builtin(name) => Part::Text(self.builtin(place, name)?),
            };
            template.parts.push(part);
        }
        let written = template.to_string();
        let read = Template::parse(&written).map(|read| read.render(&|_| Ok::<_, ()>("x".into())));
        if read != Ok(template.render(&|_| Ok::<_, ()>("x".into()))) {
            self.problem(place, "has a letter or digit right behind a reference");
            return None;
        }
        Some(written)
    }

    /// A text that cannot hold a secret, with what the variables in it are set to.
    fn plain(&mut self, place: &str, text: &str) -> Option<String> {
        let mut plain = String::with_capacity(text.len());
        for piece in split(text) {
            match piece {
                Piece::Text(text) => plain.push_str(text),
                Piece::Builtin(name) => plain.push_str(&self.builtin(place, name)?),
                Piece::Input(id) => {
                    let message = format!("asks for the input `{}`; write its value", shown(id));
                    self.problem(place, message);
                    return None;
                }
                Piece::Variable { name, default: _ } if names_credential(name) => {
                    let message = format!(
                        "{name} sounds like a credential, which cannot stand here: others could \
                         read it; use `env` or `headers` if the server allows it"
                    );
                    self.problem(place, message);
                    return None;
                }
                Piece::Variable { name, default } => {
                    let value = (self.around.variable)(name).or_else(|| default.map(str::to_owned));
                    let Some(value) = value else {
                        self.problem(place, format!("the variable {name} is not set"));
                        return None;
                    };
                    plain.push_str(&value);
                }
            }
        }
        Some(plain)
    }

    /// What a client knows by itself.
    fn builtin(&mut self, place: &str, name: &str) -> Option<String> {
        let value = match name {
            "userHome" => (self.around.variable)("HOME"),
            "pathSeparator" | "/" => Some("/".to_owned()),
            "workspaceFolderBasename" => {
                self.around.directory.rsplit('/').next().map(str::to_owned)
            }
            _ => Some(self.around.directory.to_owned()),
        };
        if value.is_none() {
            self.problem(place, format!("`{}` is not known here", shown(name)));
        }
        value
    }

    /// The secret that stands for a variable, the same wherever the entry names it.
    fn secret_for(&mut self, variable: &str, place: &str) -> Option<SecretName> {
        if let Some(secret) = self.variables.get(variable) {
            return Some(secret.clone());
        }
        let server = self.server.clone()?;
        let Some(secret) = secret_name(&server, variable, &mut self.secrets) else {
            self.problem(place, "no secret can be named after its variable");
            return None;
        };
        self.variables.insert(variable.to_owned(), secret.clone());
        self.unset.push(Unset {
            secret: secret.clone(),
            variable: variable.to_owned(),
            place: place.to_owned(),
        });
        Some(secret)
    }

    /// A problem at a place inside the entry.
    fn problem(&mut self, place: &str, message: impl Into<String>) {
        let dot = if place.is_empty() { "" } else { "." };
        let key = place.split(['.', '[']).next().unwrap_or("");
        let line = self.member.node.get(key).map_or(self.member.node.line, |node| node.line);
        self.problems.push(ImportProblem {
            line,
            path: format!("{}{dot}{place}", self.place),
            server: Some(self.member.key.clone()),
            message: message.into(),
        });
    }
}

fn is(node: &Node, key: &str, wanted: bool) -> bool {
    node.get(key).is_some_and(|node| node.value == Value::Bool(wanted))
}

/// A text; a number or a switch as it is written.
fn scalar(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) | Value::Number(text) => Some(text.clone()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Object(_) | Value::Array(_) | Value::Null => None,
    }
}
