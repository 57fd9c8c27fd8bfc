//! Whose calls a limit counts, and how a record names what a call took.

use std::fmt;

use lanyard_core::{AgentName, ServerName, ToolName};
use thiserror::Error;

/// Whose calls a limit of a tenant counts: those of an agent, to a server, to one of its tools, or
/// any. What is absent is any; all that fit share one count.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LimitScope {
    pub(super) agent: Option<AgentName>,
    pub(super) server: Option<ServerName>,
    pub(super) tool: Option<ToolName>,
}

/// Why something is no scope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a tool is one of a server: name the server too")]
pub struct ScopeError;

impl LimitScope {
    /// A scope, unless it names a tool of no server.
    pub fn new(
        agent: Option<AgentName>,
        server: Option<ServerName>,
        tool: Option<ToolName>,
    ) -> Result<Self, ScopeError> {
        match (&server, &tool) {
            (None, Some(_)) => Err(ScopeError),
            (Some(_), _) | (None, None) => Ok(Self { agent, server, tool }),
        }
    }

    /// The agent, unless any.
    pub fn agent(&self) -> Option<&AgentName> {
        self.agent.as_ref()
    }

    /// The server, unless any.
    pub fn server(&self) -> Option<&ServerName> {
        self.server.as_ref()
    }

    /// The tool, unless any.
    pub fn tool(&self) -> Option<&ToolName> {
        self.tool.as_ref()
    }

    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (agent, rest) = text.split_once('/')?;
        // A tool's name may hold a slash, and no other does.
        let (server, tool) = rest.split_once('/')?;
        let named = |text: &str| (text != "*").then(|| text.to_owned());
        let agent = named(agent).map(|it| AgentName::parse(&it)).transpose().ok()?;
        let server = named(server).map(|it| ServerName::parse(&it)).transpose().ok()?;
        let tool = named(tool).map(|it| ToolName::parse(&it)).transpose().ok()?;
        Self::new(agent, server, tool).ok()
    }

    /// The limit as a record names it: `limit:alice/billing/*`.
    pub fn obligation(&self) -> String {
        format!("{}{self}", Obliged::LIMIT)
    }

    /// Whose calls it counts, in words that an agent may read: it names nobody.
    pub(super) fn words(&self) -> &'static str {
        match (&self.agent, &self.server, &self.tool) {
            (None, None, _) => "of all agents together",
            (None, Some(_), None) => "to this server, of all agents together",
            (None, Some(_), Some(_)) => "to this tool, of all agents together",
            (Some(_), None, _) => "of this agent",
            (Some(_), Some(_), None) => "of this agent to this server",
            (Some(_), Some(_), Some(_)) => "of this agent to this tool",
        }
    }
}

/// `AGENT/SERVER/TOOL`, each `*` where it is any.
impl fmt::Display for LimitScope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let agent = self.agent.as_ref().map_or("*", AgentName::as_str);
        let server = self.server.as_ref().map_or("*", ServerName::as_str);
        let tool = self.tool.as_ref().map_or("*", ToolName::as_str);
        write!(formatter, "{agent}/{server}/{tool}")
    }
}

/// What a call took, as its opening record names it: `limit:alice/billing/*` for each limit, and
/// `cost:5` where it costs other than 1. What a day has used is read from these again when the
/// gateway starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obliged {
    /// The limits.
    pub limits: Vec<LimitScope>,
    /// What the call cost.
    pub cost: u64,
}

impl Obliged {
    const LIMIT: &str = "limit:";
    const COST: &str = "cost:";

    /// The texts that a record holds; none for a call that nothing limits.
    pub fn texts(limits: &[&LimitScope], cost: u64) -> Vec<String> {
        let mut texts: Vec<String> = limits.iter().map(|scope| scope.obligation()).collect();
        if !texts.is_empty() && cost != 1 {
            texts.push(format!("{}{cost}", Self::COST));
        }
        texts
    }

    /// Reads such texts; those of other obligations are passed over. `None` where one of these
    /// cannot be read.
    pub fn read(texts: &[impl AsRef<str>]) -> Option<Self> {
        let mut obliged = Self { limits: Vec::new(), cost: 1 };
        for text in texts.iter().map(AsRef::as_ref) {
            if let Some(scope) = text.strip_prefix(Self::LIMIT) {
                obliged.limits.push(LimitScope::parse(scope)?);
            } else if let Some(cost) = text.strip_prefix(Self::COST) {
                obliged.cost = cost.parse().ok()?;
            }
        }
        Some(obliged)
    }
}
