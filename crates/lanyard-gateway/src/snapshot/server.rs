//! One server, compiled: what it offers, and how it is reached.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use lanyard_connect::http::PrivateAllowance;
use lanyard_core::{SecretName, ServerName, Tags, TenantName, ToolName};
use lanyard_mcp::search::{Entry, Index};
use lanyard_rest::{Definition, SetEntry};

use super::marks::{COST, Marks};
use super::mcp::McpEntry;
use super::scrub::Scrub;
use super::tool::{ToolEntry, digest_hex};

/// What an operator sets for a server beside its definition.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// What stands before its tools' names on `/mcp`.
    pub prefix: String,
    /// The longest a call may take.
    pub timeout: Duration,
    /// Hosts whose names may lead to private addresses.
    pub private: PrivateAllowance,
    /// Whether it takes calls.
    pub enabled: bool,
    /// What it and its tools are tagged with, and cost.
    pub marks: Marks,
}

/// A server with all that a call needs of it.
#[derive(Debug)]
pub struct ServerEntry {
    /// Its tenant.
    pub tenant: TenantName,
    /// Its name.
    pub name: ServerName,
    /// What it is, in the definition's words.
    pub description: Option<String>,
    /// Whether it takes calls.
    pub enabled: bool,
    /// What operators say of it, for policies.
    pub tags: Tags,
    /// What a call of it costs that is no call of a tool, in units of cost.
    pub cost: u64,
    pub(crate) prefix: String,
    pub(crate) timeout: Duration,
    pub(crate) private: PrivateAllowance,
    scrub: Scrub,
    payloads: bool,
    /// Whether arguments of its tools may hold credentials.
    takes_credentials: bool,
    tools: Vec<ToolEntry>,
    by_name: HashMap<ToolName, usize>,
    secrets: Vec<SecretName>,
    kind: Kind,
    /// The words of its tools, counted when they are first searched.
    words: OnceLock<Index>,
}

/// What a server is.
#[derive(Debug)]
enum Kind {
    /// A REST API: its tools are described in its definition.
    Rest,
    /// It has no tools of its own, but refers to those of others.
    Set(Vec<SetEntry>),
    /// It speaks MCP itself.
    Mcp(Box<McpEntry>),
}

impl ServerEntry {
    /// The same server, with this masked in what it says.
    #[must_use]
    pub fn scrubbed(self, scrub: Scrub) -> Self {
        Self { scrub, ..self }
    }

    /// The same server, with the arguments and answers of its calls kept.
    #[must_use]
    pub fn keeping_payloads(self, payloads: bool) -> Self {
        Self { payloads, ..self }
    }

    /// Whether the arguments and answers of its calls are kept.
    pub(crate) fn keeps_payloads(&self) -> bool {
        self.payloads
    }

    /// The same server, with tools that take credentials as data.
    #[must_use]
    pub fn taking_credentials(self, takes_credentials: bool) -> Self {
        Self { takes_credentials, ..self }
    }

    /// Whether arguments of its tools may hold credentials.
    pub(crate) fn takes_credentials(&self) -> bool {
        self.takes_credentials
    }

    /// What is masked in what it says.
    pub(super) fn scrub(&self) -> Scrub {
        self.scrub
    }

    /// Compiles the definition of a REST API, which was read from `source`. The error names the
    /// tool whose schema does not compile.
    pub fn compile(
        tenant: TenantName,
        definition: Definition,
        source: &str,
        options: ServerOptions,
    ) -> Result<Self, String> {
        let pin = digest_hex(source);
        let secrets = definition.secrets().iter().cloned().collect();
        let tools = definition
            .tools
            .into_iter()
            .map(|tool| ToolEntry::rest(tool, &pin))
            .collect::<Result<Vec<_>, _>>()?;
        let kind = definition.set.map_or(Kind::Rest, |set| Kind::Set(set.entries));
        let (name, description) = (definition.name, definition.description);
        Ok(Self::new((tenant, name), description, options, tools, secrets, kind))
    }

    /// A server that speaks MCP, with the tools that were approved of it.
    pub fn mcp(
        tenant: TenantName,
        name: ServerName,
        options: ServerOptions,
        tools: Vec<ToolEntry>,
        mcp: McpEntry,
    ) -> Self {
        let description = mcp.target.definition.description.clone();
        let secrets = mcp.target.definition.secrets().into_iter().collect();
        let kind = Kind::Mcp(Box::new(mcp));
        Self::new((tenant, name), description, options, tools, secrets, kind)
    }

    fn new(
        (tenant, name): (TenantName, ServerName),
        description: Option<String>,
        options: ServerOptions,
        mut tools: Vec<ToolEntry>,
        secrets: Vec<SecretName>,
        kind: Kind,
    ) -> Self {
        for tool in &mut tools {
            let (tags, cost) = options.marks.of_tool(tool.name().as_str());
            tool.mark(tags, cost);
        }
        let by_name =
            tools.iter().enumerate().map(|(index, tool)| (tool.name().clone(), index)).collect();
        Self {
            tenant,
            name,
            description,
            enabled: options.enabled,
            tags: options.marks.tags,
            cost: options.marks.cost.unwrap_or(COST),
            prefix: options.prefix,
            timeout: options.timeout,
            private: options.private,
            scrub: Scrub::Exact,
            payloads: false,
            takes_credentials: false,
            tools,
            by_name,
            secrets,
            kind,
            words: OnceLock::new(),
        }
    }

    /// The words of its tools. Counted once for as long as the server does not change, whatever
    /// else does: of 1,000 servers that costs more than a search in them.
    pub(crate) fn words(&self) -> &Index {
        self.words.get_or_init(|| {
            let descriptions: Vec<String> = self.tools.iter().map(ToolEntry::description).collect();
            let tools = self.tools.iter().zip(&descriptions);
            let entries =
                tools.map(|(tool, description)| Entry { name: tool.name().as_str(), description });
            Index::build(self.name.as_str(), entries)
        })
    }

    /// The tools it offers, in the definition's order.
    pub fn tools(&self) -> &[ToolEntry] {
        &self.tools
    }

    /// One tool by its own name.
    pub fn tool(&self, name: &ToolName) -> Option<&ToolEntry> {
        self.by_name.get(name).and_then(|index| self.tools.get(*index))
    }

    /// A tool's, or prompt's, name on `/mcp`.
    pub(crate) fn prefixed(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Whether it has no tools of its own, but refers to those of others.
    pub fn is_set(&self) -> bool {
        match self.kind {
            Kind::Set(_) => true,
            Kind::Rest | Kind::Mcp(_) => false,
        }
    }

    /// What a server that speaks MCP is beyond its tools.
    pub fn as_mcp(&self) -> Option<&McpEntry> {
        match &self.kind {
            Kind::Mcp(mcp) => Some(mcp),
            Kind::Rest | Kind::Set(_) => None,
        }
    }

    /// Every secret that its definition names. What one tool sends, another may bring back; so all
    /// of them are masked in every answer.
    pub(crate) fn secrets(&self) -> &[SecretName] {
        &self.secrets
    }

    /// What a tool set refers to; empty for a server with tools of its own.
    pub(crate) fn set_entries(&self) -> &[SetEntry] {
        match &self.kind {
            Kind::Set(entries) => entries,
            Kind::Rest | Kind::Mcp(_) => &[],
        }
    }
}
