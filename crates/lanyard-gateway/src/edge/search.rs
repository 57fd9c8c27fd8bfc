//! Search mode: where an agent may use more tools than a model can look at, `/mcp` lists some of
//! them and a tool that finds the others. A tool that was found, or called by its name, is listed
//! from then on.
//!
//! Which tools are listed depends on names alone: servers by name, tools by name, those that an
//! operator wants listed always before the others. So two agents with the same grants see the same.

use lanyard_core::Limits;
use lanyard_mcp::search::{Entry, Index};
use lanyard_wire::results::{CallResult, Content};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::dispatch::stamp;
use super::list::{self, Shown};
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

/// Whether an endpoint with this many tools is searched.
fn applies(context: &Context, count: usize) -> bool {
    let most = Limits::size(context.core.limits.inline_tools_max);
    context.scope == Scope::All && count > most
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
    let most = Limits::size(context.core.limits.inline_tools_max);
    let inline = inline(&tools, most);
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

fn activate(context: &Context, client: &Client, shown: &Shown<'_>) {
    let (server, tool) = (shown.offered.server.name.as_str(), shown.offered.tool.name());
    let new = match &client.live {
        Some(live) => live.activate(server, tool),
        None => context.identity.agent.load.activate(server, tool),
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
    let now = context.core.clock.now();
    let (snapshot, agent) = (&context.snapshot, &context.identity.agent);
    // Asked for every call, so that counting stops as soon as the answer is known.
    let most = Limits::size(context.core.limits.inline_tools_max);
    let servers = snapshot.servers_of(agent, now).filter(|server| !server.is_set());
    if servers.flat_map(|server| snapshot.tools_of(agent, server, now)).nth(most).is_none() {
        return;
    }
    let tools = list::tools(snapshot, agent, &context.scope, now);
    if let Some(shown) = tools.iter().find(|shown| shown.name == name) {
        activate(context, client, shown);
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
    let now = context.core.clock.now();
    let agent = &context.identity.agent;
    let tools = list::tools(&context.snapshot, agent, &context.scope, now);
    if !applies(context, tools.len()) {
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
    let descriptions: Vec<String> =
        tools.iter().map(|shown| shown.offered.tool.description()).collect();
    let entries = tools.iter().zip(&descriptions).map(|(shown, description)| Entry {
        exposed: &shown.name,
        original: shown.offered.tool.name().as_str(),
        server: shown.offered.server.name.as_str(),
        description,
    });
    let index = Index::build(entries);
    let found: Vec<(&Shown<'_>, &String)> = index
        .search(query, most)
        .into_iter()
        .filter_map(|at| tools.get(at).zip(descriptions.get(at)))
        .collect();
    if found.is_empty() {
        let text = format!(
            "No MCP tools found matching: {}. Go on with the tools that are listed, or describe it in other words.",
            Value::from(query)
        );
        let content = vec![Content::Text(text.into())];
        return Some(CallResult { content, structured: None, is_error: false }.to_json(stamp));
    }
    let offered = found.iter().map(|(shown, _)| (shown.offered.server, shown.offered.tool));
    client.seen(agent).note(offered);
    for (shown, _) in &found {
        activate(context, client, shown);
    }
    let tools: Vec<Value> = found
        .iter()
        .map(|(shown, description)| {
            let schema = serde_json::from_str(shown.offered.tool.input_schema());
            json!({
                "name": shown.name,
                "original_name": shown.offered.tool.name().as_str(),
                "server": shown.offered.server.name.as_str(),
                "description": description,
                "inputSchema": schema.unwrap_or(Value::Null),
            })
        })
        .collect();
    let structured = json!({ "count": tools.len(), "tools": tools }).to_string();
    let text = format!("{structured}\nThese tools are active now and can be called by name.");
    let content = vec![Content::Text(text.into())];
    let structured = Some(structured.into());
    Some(CallResult { content, structured, is_error: false }.to_json(stamp))
}
