//! What is asked of the policies: who wants to do what, with what, from where.

use std::collections::{BTreeMap, BTreeSet};

use lanyard_core::{
    AgentName, Peer, ServerName, TenantName, Timestamp, TokenId, ToolName, UserName,
};
use serde_json::{Map, Value};

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Call a tool.
    Call,
    /// Read a resource.
    Read,
    /// Get a prompt.
    Get,
    /// Hear of changes of a resource.
    Subscribe,
    /// Let a server ask the agent's model.
    Sample,
    /// See it in a list.
    List,
}

impl Action {
    /// The word of the policy file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Read => "read",
            Self::Get => "get",
            Self::Subscribe => "subscribe",
            Self::Sample => "sample",
            Self::List => "list",
        }
    }

    pub(crate) const ALL: [Self; 6] =
        [Self::Call, Self::Read, Self::Get, Self::Subscribe, Self::Sample, Self::List];
}

/// How a client reached the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// HTTP over TCP.
    Http,
    /// A Unix socket.
    Unix,
}

impl Transport {
    /// The transport of a connection.
    pub fn of(peer: Peer) -> Self {
        match peer {
            Peer::Tcp(_) => Self::Http,
            Peer::Unix { .. } => Self::Unix,
        }
    }

    /// The word that a policy sees.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Unix => "unix",
        }
    }
}

/// Who asks, when and from where: what is known also when a list is made.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The user that the agent acts for.
    pub user: Option<&'a UserName>,
    /// The token that was shown.
    pub token: Option<&'a TokenId>,
    /// The other end of the connection.
    pub peer: Peer,
    /// How it got here.
    pub transport: Transport,
    /// When.
    pub now: Timestamp,
}

/// What a session has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFacts {
    /// The servers that it called.
    pub servers: BTreeSet<String>,
    /// The labels of what it called.
    pub labels: BTreeSet<String>,
    /// How many calls it made.
    pub calls: i64,
}

/// One request, to be decided.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// Who, when and from where.
    pub circumstances: Circumstances<'a>,
    /// What its session did before.
    pub session: &'a SessionFacts,
    /// What it wants.
    pub action: Action,
    /// With which arguments: those that will be sent.
    pub arguments: &'a Map<String, Value>,
}

/// An agent, as far as policies know it.
#[derive(Debug, Clone, Copy)]
pub struct SubjectFacts<'a> {
    /// Its tenant.
    pub tenant: &'a TenantName,
    /// Its name.
    pub agent: &'a AgentName,
    /// The teams it is in.
    pub teams: &'a BTreeSet<String>,
    /// Its tags.
    pub tags: &'a BTreeMap<String, String>,
}

/// What a tool says of itself, or what its method says of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Hints {
    /// It changes nothing.
    pub read_only: Option<bool>,
    /// It may destroy something.
    pub destructive: Option<bool>,
    /// Twice is the same as once.
    pub idempotent: Option<bool>,
    /// It reaches beyond its server.
    pub open_world: Option<bool>,
}

impl Hints {
    /// What the method of a request says (RFC 9110, 9.2.1 and 9.2.2); `None` where none is sent.
    pub fn of_method(method: Option<&str>) -> Self {
        let safe = method.is_none_or(|method| matches!(method, "GET" | "HEAD" | "OPTIONS"));
        Self {
            read_only: Some(safe),
            destructive: safe.then_some(false),
            idempotent: Some(safe || matches!(method, Some("PUT" | "DELETE"))),
            open_world: None,
        }
    }

    /// What the `annotations` of a tool's definition say. What is no boolean says nothing.
    pub fn of_annotations(annotations: Option<&Value>) -> Self {
        let said = |name: &str| annotations?.get(name)?.as_bool();
        Self {
            read_only: said("readOnlyHint"),
            destructive: said("destructiveHint"),
            idempotent: said("idempotentHint"),
            open_world: said("openWorldHint"),
        }
    }

    /// The `annotations` that say the same; `None` where nothing is said.
    pub fn to_annotations(self) -> Option<Value> {
        let said = [
            ("readOnlyHint", self.read_only),
            ("destructiveHint", self.destructive),
            ("idempotentHint", self.idempotent),
            ("openWorldHint", self.open_world),
        ];
        let said = said.into_iter().filter_map(|(name, it)| Some((name.to_owned(), it?.into())));
        let said: Map<String, Value> = said.collect();
        (!said.is_empty()).then_some(Value::Object(said))
    }
}

/// What is asked about.
#[derive(Debug, Clone, Copy)]
pub enum Object<'a> {
    /// A tool of a server.
    Tool {
        /// The server.
        server: &'a ServerName,
        /// Its own name for the tool.
        tool: &'a ToolName,
        /// What it says of itself.
        hints: Hints,
        /// The schema of its arguments.
        input_schema: &'a Value,
    },
    /// A prompt of a server.
    Prompt {
        /// The server.
        server: &'a ServerName,
        /// Its own name for the prompt.
        name: &'a str,
    },
    /// A resource of a server.
    Resource {
        /// The server.
        server: &'a ServerName,
        /// The URI.
        uri: &'a str,
    },
    /// A server itself.
    Server {
        /// The server.
        server: &'a ServerName,
    },
}

impl<'a> Object<'a> {
    /// The server that it belongs to.
    pub fn server(&self) -> &'a ServerName {
        match self {
            Self::Tool { server, .. }
            | Self::Prompt { server, .. }
            | Self::Resource { server, .. }
            | Self::Server { server } => server,
        }
    }

    /// What can be done with it.
    pub(crate) fn actions(&self) -> &'static [Action] {
        match self {
            Self::Tool { .. } => &[Action::Call, Action::List],
            Self::Prompt { .. } => &[Action::Get, Action::List],
            Self::Resource { .. } => &[Action::Read, Action::Subscribe, Action::List],
            Self::Server { .. } => &[Action::Sample],
        }
    }

    /// What stands for being of use in a list: if it can never be done, it is not listed.
    pub(crate) fn main_action(&self) -> Action {
        match self {
            Self::Tool { .. } => Action::Call,
            Self::Prompt { .. } => Action::Get,
            Self::Resource { .. } => Action::Read,
            Self::Server { .. } => Action::Sample,
        }
    }

    /// The type of its entity.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Tool { .. } => "Tool",
            Self::Prompt { .. } => "Prompt",
            Self::Resource { .. } => "Resource",
            Self::Server { .. } => "Server",
        }
    }

    /// The id of its entity.
    pub(crate) fn id(&self) -> String {
        match self {
            Self::Tool { server, tool, .. } => format!("{server}/{tool}"),
            Self::Prompt { server, name } => format!("{server}/{name}"),
            Self::Resource { server, uri } => format!("{server}/{uri}"),
            Self::Server { server } => server.to_string(),
        }
    }
}

/// What is asked about, with what an operator said of it.
#[derive(Debug, Clone, Copy)]
pub struct ObjectFacts<'a> {
    /// Its tenant.
    pub tenant: &'a TenantName,
    /// What it is.
    pub object: Object<'a>,
    /// Its tags, those of its server included.
    pub tags: &'a BTreeMap<String, String>,
}
