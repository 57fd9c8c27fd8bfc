//! Which servers an agent command can reach: a gateway's, one endpoint, or those of a file.

use std::path::{Path, PathBuf};

use lanyard_core::ServerName;
use serde_json::Value;

use super::client::{ClientError, Endpoint, fetch_json};
use super::config::read_config;
use super::env::AgentEnv;
use super::issue::{Answerer, Issue};

/// The file that is read where nothing else is named.
pub(super) const DEFAULT_CONFIG: &str = "config/mcporter.json";
/// The gateway that a token is shown to when nothing names another: where `lanyard up` listens.
const DEFAULT_URL: &str = "http://127.0.0.1:7410";
/// Where a gateway says what a token may use.
const AGENT_SERVERS: &str = "/v1/agent/servers";

/// A server as a command reaches it.
#[derive(Debug, Clone)]
pub(super) struct Server {
    /// Its name.
    pub(super) name: String,
    /// What it is.
    pub(super) description: Option<String>,
    /// How it is reached, for people: `HTTP https://host/path`.
    pub(super) transport: String,
    /// Where its entry comes from: a file, or the gateway's address.
    pub(super) source: String,
    /// Who answers for it.
    pub(super) answerer: Answerer,
    /// Where it is; an issue for an entry that cannot be used.
    pub(super) endpoint: Result<Endpoint, Issue>,
    /// Which of its tools the entry shows.
    pub(super) filter: ToolFilter,
}

/// Which tools the caller's own file shows. A convenience, not a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ToolFilter {
    /// Every tool.
    All,
    /// These alone.
    Only(Vec<String>),
    /// All but these.
    Except(Vec<String>),
}

impl ToolFilter {
    /// Whether a tool is shown.
    pub(super) fn shows(&self, tool: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|name| name == tool),
            Self::Except(names) => names.iter().all(|name| name != tool),
        }
    }
}

/// Where servers are looked up.
#[derive(Debug)]
pub(super) enum Directory {
    /// `LANYARD_URL` is the address of a gateway.
    Gateway(Endpoint),
    /// `LANYARD_URL` is one endpoint.
    One(Box<Server>, Naming),
    /// A configuration file.
    File(Vec<Server>),
}

/// How the one server of an endpoint came by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    /// The path names it.
    ByPath,
    /// Nothing does, so that any name means it.
    Free,
}

impl Directory {
    /// Finds out where to look: a file named on the line, then `LANYARD_URL`, then a file that
    /// the environment names, then the default file.
    pub(super) fn open(env: &AgentEnv, config: Option<&Path>) -> Result<Self, Issue> {
        if let Some(path) = config {
            return Self::from_file(path, env);
        }
        if let Some(url) = &env.url {
            return Self::from_url(url, env);
        }
        if let Some(path) = &env.config_path {
            return Self::from_file(path, env);
        }
        let default = PathBuf::from(DEFAULT_CONFIG);
        if default.exists() {
            return Self::from_file(&default, env);
        }
        // Whoever holds a token means a gateway: the one of this machine, unless told otherwise.
        match env.token {
            Some(_) => Self::from_url(DEFAULT_URL, env),
            None => Ok(Self::File(Vec::new())),
        }
    }

    fn from_file(path: &Path, env: &AgentEnv) -> Result<Self, Issue> {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let shown = absolute.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|problem| Issue::other(format!("cannot read {shown}: {problem}")))?;
        read_config(&text, &shown, env).map(Self::File)
    }

    fn from_url(url: &str, env: &AgentEnv) -> Result<Self, Issue> {
        let endpoint = endpoint_at(url, env)?;
        if endpoint.is_base() {
            return Ok(Self::Gateway(endpoint));
        }
        let (name, naming) = match name_in_path(endpoint.path()) {
            Some(name) => (name.to_owned(), Naming::ByPath),
            None => (name_of_place(&endpoint), Naming::Free),
        };
        Ok(Self::One(Box::new(gateway_server(&name, None, endpoint)), naming))
    }

    /// Every server. A gateway is asked.
    pub(super) async fn servers(&self) -> Result<Vec<Server>, Issue> {
        let base = match self {
            Self::Gateway(base) => base,
            Self::One(server, _naming) => return Ok(vec![(**server).clone()]),
            Self::File(servers) => return Ok(servers.clone()),
        };
        let answer = fetch_json(base.with_path(AGENT_SERVERS)).await;
        let answer = answer.map_err(|problem| Issue::from_client(&problem, Answerer::Server))?;
        let listed = answer.get("servers").and_then(Value::as_array).into_iter().flatten();
        Ok(listed.filter_map(|entry| listed_server(entry, base)).collect())
    }

    /// The server of a name. A gateway is not asked: its endpoint answers for itself.
    /// `None` where the directory knows that there is no such server.
    pub(super) fn server(&self, name: &str) -> Option<Server> {
        match self {
            Self::Gateway(base) => {
                let name = ServerName::parse(name).ok()?;
                let path = format!("/servers/{name}/mcp");
                Some(gateway_server(name.as_str(), None, base.with_path(&path)))
            }
            Self::One(server, Naming::Free) => {
                Some(Server { name: name.to_owned(), ..(**server).clone() })
            }
            Self::One(server, Naming::ByPath) => (server.name == name).then(|| (**server).clone()),
            Self::File(servers) => servers.iter().find(|server| server.name == name).cloned(),
        }
    }
}

/// What `LANYARD_URL` names: a gateway, or one endpoint; the gateway of this machine where it is
/// not set. The token goes with it.
pub(super) fn gateway_or_endpoint(env: &AgentEnv) -> Result<Endpoint, Issue> {
    endpoint_at(env.url.as_deref().unwrap_or(DEFAULT_URL), env)
}

fn endpoint_at(url: &str, env: &AgentEnv) -> Result<Endpoint, Issue> {
    let unusable = |problem: ClientError| Issue::other(format!("LANYARD_URL: {problem}"));
    let endpoint = Endpoint::parse(url).map_err(unusable)?;
    match &env.token {
        Some(token) => endpoint
            .with_bearer(token.expose())
            .map_err(|_| Issue::other("LANYARD_TOKEN holds characters that no header can")),
        None => Ok(endpoint),
    }
}

fn listed_server(entry: &Value, base: &Endpoint) -> Option<Server> {
    let name = entry.get("name")?.as_str()?;
    // Only a path is taken, so that a listing cannot send the token elsewhere.
    let path = entry.get("url")?.as_str()?;
    let description = entry.get("description").and_then(Value::as_str).filter(|it| !it.is_empty());
    path.starts_with('/').then(|| gateway_server(name, description, base.with_path(path)))
}

fn gateway_server(name: &str, description: Option<&str>, endpoint: Endpoint) -> Server {
    Server {
        name: name.to_owned(),
        description: description.map(str::to_owned),
        transport: endpoint.to_string(),
        source: endpoint.place_text(),
        answerer: Answerer::Gateway,
        endpoint: Ok(endpoint),
        filter: ToolFilter::All,
    }
}

/// The name in `/servers/NAME/mcp` and in the other forms that a gateway serves.
pub(super) fn name_in_path(path: &str) -> Option<&str> {
    let path = path.split('?').next().unwrap_or_default();
    let segments = path.split('/').filter(|segment| !segment.is_empty()).collect::<Vec<_>>();
    match segments.as_slice() {
        [.., "servers" | "mcp-servers", name, "mcp" | "sse"]
        | [.., "mcp-servers" | "mcp", name] => Some(name),
        _ => None,
    }
}

/// `http://127.0.0.1:3901/mcp` is `127-0-0-1-mcp`.
fn name_of_place(endpoint: &Endpoint) -> String {
    let path = endpoint.path().split('?').next().unwrap_or_default();
    let text = format!("{}{path}", endpoint.host().unwrap_or("socket"));
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests;
