//! Search mode: where an agent may use more tools than a model can look at, `/mcp` lists some of
//! them and a tool that finds the others. A tool that was found, or called by its name, is listed
//! from then on.
//!
//! Which tools are listed depends on names alone: servers by name, tools by name, those that an
//! operator wants listed always before the others. So two agents with the same grants see the same.

use std::sync::Arc;

use lanyard_core::{Limits, ServerName, ToolName};
use lanyard_mcp::search::{Found, Searched, search};
use lanyard_wire::results::{CallResult, Content};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::dispatch::stamp;
use super::list::Shown;
use super::request::Context;
use super::route::Scope;
use crate::snapshot::{ServerEntry, ToolEntry};

/// The name of the tool that finds tools.
pub(super) const SEARCH_TOOL: &str = "mcp_tool_search";

/// How many tools it finds unless asked for another number (as GoClaw).
const RESULTS: usize = 5;

/// The most that can be asked for.
const RESULTS_MAX: u64 = 50;

/// Its definition.
const DEFINITION: &str = r#"{"name":"mcp_tool_search","title":"Find tools","description":"Finds tools that are not listed here. More tools can be used than are listed: describe in a few words what you want to do, and those that fit are named with their schemas. They can be called by name at once.","inputSchema":{"type":"object","properties":{"query":{"type":"string","description":"What the tool should do, in a few words"},"max_results":{"type":"integer","minimum":1,"maximum":50,"default":5,"description":"How many tools to name"}},"required":["query"]},"annotations":{"readOnlyHint":true,"openWorldHint":false}}"#;

/// A tool that a list shows, or the tool that finds the others.
#[derive(Debug)]
pub(super) enum InList<'a> {
    Tool(Shown<'a>),
    Search,
}

impl InList<'_> {
    pub(super) fn to_json(&self, version: lanyard_wire::Version) -> String {
        match self {
            Self::Tool(shown) => shown.to_json(version),
            Self::Search => lanyard_wire::tool_for(version, DEFINITION, None),
        }
    }

    /// The tool with its server; `None` for the one that finds tools, which never changes.
    pub(super) fn offered(&self) -> Option<(&ServerEntry, &ToolEntry)> {
        match self {
            Self::Tool(shown) => Some((shown.offered.server, shown.offered.tool)),
            Self::Search => None,
        }
    }
}

/// How many tools an agent is shown before it has to search.
fn most(context: &Context) -> usize {
    let own = context.identity.agent.search_above;
    Limits::size(own.unwrap_or(context.core.limits.inline_tools_max))
}

/// Whether an endpoint with this many tools is searched.
fn applies(context: &Context, count: usize) -> bool {
    context.scope == Scope::All && count > most(context)
}

/// What a list shows of the tools of an endpoint.
pub(super) fn shown<'a>(
    context: &Context,
    client: &Client,
    tools: Vec<Shown<'a>>,
) -> Vec<InList<'a>> {
    if !applies(context, tools.len()) {
        return tools.into_iter().map(InList::Tool).collect();
    }
    let inline = inline(&tools, most(context));
    let mut list: Vec<InList<'a>> = tools
        .into_iter()
        .zip(inline)
        .filter(|(tool, inline)| *inline || is_active(context, client, tool))
        .map(|(tool, _)| InList::Tool(tool))
        .collect();
    list.push(InList::Search);
    list
}

/// Which tools are listed without having been found.
fn inline(tools: &[Shown<'_>], most: usize) -> Vec<bool> {
    let mut order: Vec<usize> = (0..tools.len()).collect();
    order.sort_by_key(|index| {
        tools.get(*index).map(|shown| {
            let (server, tool) = (shown.offered.server, shown.offered.tool);
            let wanted =
                server.as_mcp().is_some_and(|mcp| mcp.options.inline.contains(tool.name()));
            (!wanted, server.name.as_str(), tool.name().as_str())
        })
    });
    let mut inline = vec![false; tools.len()];
    for index in order.into_iter().take(most) {
        if let Some(flag) = inline.get_mut(index) {
            *flag = true;
        }
    }
    inline
}

fn is_active(context: &Context, client: &Client, shown: &Shown<'_>) -> bool {
    let (server, tool) = (shown.offered.server.name.as_str(), shown.offered.tool.name());
    match &client.live {
        Some(live) => live.is_activated(server, tool),
        None => context.identity.agent.load.is_activated(server, tool),
    }
}

fn activate(context: &Context, client: &Client, server: &ServerName, tool: &ToolName) {
    let new = match &client.live {
        Some(live) => live.activate(server.as_str(), tool),
        None => context.identity.agent.load.activate(server.as_str(), tool),
    };
    if new {
        context.core.activated.notify_waiters();
    }
}

/// A tool was called by its name: in search mode it is listed from now on.
pub(super) fn activate_called(context: &Context, client: &Client, name: &str) {
    if context.scope != Scope::All {
        return;
    }
    let (snapshot, viewer) = (&context.snapshot, context.viewer());
    // Asked for every call, so that counting stops as soon as the answer is known.
    let servers = snapshot.servers_of(viewer).filter(|server| !server.is_set());
    if servers.flat_map(|server| snapshot.tools_of(viewer, server)).nth(most(context)).is_none() {
        return;
    }
    let tenant = &viewer.agent.tenant;
    if let Some((server, tool)) = snapshot.merged(tenant, name)
        && let Some(found) = snapshot.find(tenant, server)
        && found.tool(tool).is_some_and(|tool| snapshot.lists_tool(viewer, found, tool))
    {
        activate(context, client, server, tool);
    }
}

/// What is searched: the servers that an agent sees, and which of their tools it may use.
struct Field<'a> {
    servers: Vec<&'a Arc<ServerEntry>>,
    may_be_found: Vec<Vec<bool>>,
}

/// A tool that was found.
#[derive(Clone, Copy)]
struct Hit<'a> {
    server: &'a ServerEntry,
    tool: &'a ToolEntry,
}

impl<'a> Field<'a> {
    fn of(context: &'a Context) -> Self {
        let (snapshot, viewer) = (&context.snapshot, context.viewer());
        let servers: Vec<&Arc<ServerEntry>> =
            snapshot.servers_of(viewer).filter(|server| !server.is_set()).collect();
        let may = |server: &&Arc<ServerEntry>| {
            let tools = server.tools().iter();
            tools.map(|tool| snapshot.lists_tool(viewer, server, tool)).collect()
        };
        Self { may_be_found: servers.iter().map(may).collect(), servers }
    }

    /// How many tools it has.
    fn count(&self) -> usize {
        self.may_be_found.iter().flatten().filter(|may| **may).count()
    }

    fn search(self, query: &str, most: usize) -> Vec<Hit<'a>> {
        let Self { servers, may_be_found } = self;
        let searched: Vec<Searched<'_>> = servers
            .iter()
            .zip(may_be_found)
            .map(|(server, may_be_found)| Searched { index: server.words(), may_be_found })
            .collect();
        let hit = |found: Found| {
            let server: &'a ServerEntry = servers.get(found.server)?;
            Some(Hit { server, tool: server.tools().get(found.tool)? })
        };
        let name = |found| hit(found).map_or_else(String::new, Hit::exposed);
        search(&searched, query, most, name).into_iter().filter_map(hit).collect()
    }
}

impl Hit<'_> {
    /// The name under which it is called.
    fn exposed(self) -> String {
        self.server.prefixed(self.tool.name().as_str())
    }

    fn to_json(self) -> Value {
        let schema = serde_json::from_str(self.tool.input_schema());
        json!({
            "name": self.exposed(),
            "original_name": self.tool.name().as_str(),
            "server": self.server.name.as_str(),
            "description": self.tool.description(),
            "inputSchema": schema.unwrap_or(Value::Null),
        })
    }
}

/// The answer of the tool that finds tools; `None` where another tool is called, or this endpoint
/// has no such tool.
pub(super) fn answer(
    context: &Context,
    client: &Client,
    name: &str,
    arguments: Option<&RawValue>,
) -> Option<String> {
    if name != SEARCH_TOOL || context.scope != Scope::All {
        return None;
    }
    let field = Field::of(context);
    if !applies(context, field.count()) {
        return None;
    }
    let arguments: Map<String, Value> =
        arguments.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default();
    let query = arguments.get("query").and_then(Value::as_str).map_or("", str::trim);
    let stamp = stamp(client.version);
    if query.is_empty() {
        return Some(CallResult::error("query parameter is required").to_json(stamp));
    }
    let most = arguments.get("max_results").and_then(Value::as_u64);
    let most = most.map_or(RESULTS, |most| Limits::size(most.clamp(1, RESULTS_MAX)));
    let found = field.search(query, most);
    if found.is_empty() {
        let text = format!(
            "No MCP tools found matching: {}. Go on with the tools that are listed, or describe it in other words.",
            Value::from(query)
        );
        let content = vec![Content::Text(text.into())];
        return Some(CallResult { content, structured: None, is_error: false }.to_json(stamp));
    }
    let offered = found.iter().map(|hit| (hit.server, hit.tool));
    client.seen(&context.identity.agent).note(offered);
    for hit in &found {
        activate(context, client, &hit.server.name, hit.tool.name());
    }
    let tools: Vec<Value> = found.into_iter().map(Hit::to_json).collect();
    let structured = json!({ "count": tools.len(), "tools": tools }).to_string();
    let text = format!("{structured}\nThese tools are active now and can be called by name.");
    let content = vec![Content::Text(text.into())];
    let structured = Some(structured.into());
    Some(CallResult { content, structured, is_error: false }.to_json(stamp))
}
