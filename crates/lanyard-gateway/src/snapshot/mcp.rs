//! What a server that speaks MCP is beyond its tools: how it is reached, what it said of itself,
//! and its prompts and resources.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use lanyard_connect::mcp::{Credentials, ServerFacts, Target};
use lanyard_core::ToolName;
use lanyard_mcp::uri::UriTemplate;

use crate::fleet::{Keep, Member};

/// A server that speaks MCP.
#[derive(Debug)]
pub struct McpEntry {
    pub(crate) target: Arc<Target>,
    pub(crate) options: McpOptions,
    /// What it said when it was last greeted; `None` until it was.
    pub(crate) facts: Option<ServerFacts>,
    pub(crate) prompts: Vec<Item>,
    pub(crate) resources: Vec<Item>,
    pub(crate) templates: Vec<TemplateItem>,
    member: OnceLock<Arc<Member>>,
}

/// What an operator sets for a server that speaks MCP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpOptions {
    /// Whether its results are marked as untrusted; by the endpoint where it is `None`.
    pub wrap: Option<Wrap>,
    /// How long it is kept while nobody uses it.
    pub keep: Keep,
    /// How many calls it gets at a time.
    pub concurrency: usize,
    /// Whether each user has credentials of their own for it.
    pub per_user: bool,
    /// Tools that search mode always lists.
    pub inline: BTreeSet<ToolName>,
}

/// Whether results are marked as untrusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrap {
    /// Marked, with a boundary that nobody can guess.
    On,
    /// Marked, in the documented form to the byte.
    Exact,
    /// As they came.
    Off,
}

/// A prompt or a resource, as its server described it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The prompt's name, or the resource's URI.
    pub name: String,
    /// The description: a raw JSON object.
    pub raw: String,
}

/// A resource template.
#[derive(Debug)]
pub(crate) struct TemplateItem {
    pub(crate) item: Item,
    /// `None` where it cannot be read: it is listed and leads nowhere.
    pub(crate) pattern: Option<UriTemplate>,
}

/// What an entry is made of.
#[derive(Debug)]
pub struct McpParts {
    /// How it is reached.
    pub target: Arc<Target>,
    /// What was set for it.
    pub options: McpOptions,
    /// What it said of itself.
    pub facts: Option<ServerFacts>,
    /// Its prompts, in its order.
    pub prompts: Vec<Item>,
    /// Its resources, in its order.
    pub resources: Vec<Item>,
    /// Its resource templates, in its order.
    pub templates: Vec<Item>,
}

impl McpEntry {
    /// Puts the parts together.
    pub fn new(parts: McpParts) -> Self {
        let templates = parts
            .templates
            .into_iter()
            .map(|item| TemplateItem { pattern: UriTemplate::parse(&item.name).ok(), item })
            .collect();
        Self {
            target: parts.target,
            options: parts.options,
            facts: parts.facts,
            prompts: parts.prompts,
            resources: parts.resources,
            templates,
            member: OnceLock::new(),
        }
    }

    /// The server as the fleet knows it, made when it is first asked for.
    pub(crate) fn member(
        &self,
        credentials: impl FnOnce(&Arc<Target>) -> Arc<dyn Credentials>,
    ) -> Arc<Member> {
        let member = self.member.get_or_init(|| {
            Arc::new(Member {
                target: Arc::clone(&self.target),
                credentials: credentials(&self.target),
                keep: self.options.keep,
                concurrency: self.options.concurrency,
                enabled: true,
                per_user: self.options.per_user,
            })
        });
        Arc::clone(member)
    }

    /// Whether a resource of this URI is listed, or one of the templates fits it.
    pub(crate) fn owns(&self, uri: &str) -> bool {
        self.resources.iter().any(|resource| resource.name == uri)
            || self.templates.iter().any(|template| {
                template.pattern.as_ref().is_some_and(|pattern| pattern.matches(uri))
            })
    }
}
