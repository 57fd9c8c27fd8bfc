//! What a caller sees: the tools of an endpoint, and the servers its token may use.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use http::StatusCode;
use lanyard_core::Timestamp;
use lanyard_wire::WireError;
use lanyard_wire::results::{Stamp, ToolEntry, ToolsList};
use serde_json::json;

use super::dispatch::TTL_MS;

use super::reply::{self, Reply};
use super::request::Context;
use super::route::Scope;
use crate::snapshot::{AgentEntry, Offered, Snapshot};

/// What a cursor begins with. A cursor is opaque to clients; this one counts tools.
const CURSOR_PREFIX: &str = "tools-";

/// The tools of an endpoint, under the names it gives them: servers by name, the tools of each
/// in its definition's order.
fn tools<'a>(
    snapshot: &'a Snapshot,
    agent: &'a AgentEntry,
    scope: &Scope,
    now: Timestamp,
) -> Vec<ToolEntry<'a>> {
    let item = |name: String, offered: Offered<'a>| ToolEntry {
        name: name.into(),
        title: None,
        description: Some(offered.tool.tool.description.as_str().into()),
        input_schema: offered.tool.input_schema_json.as_str().into(),
        output_schema: offered.tool.output_schema_json.as_deref().map(Into::into),
        annotations: None,
    };
    match scope {
        Scope::All => snapshot
            .servers_of(agent, now)
            .filter(|server| !server.is_set())
            .flat_map(|server| {
                snapshot
                    .tools_of(agent, server, now)
                    .map(move |offered| item(server.prefixed(offered.tool.name()), offered))
            })
            .collect(),
        Scope::One(name) => match snapshot.server(agent, name, now) {
            Ok(server) => snapshot
                .tools_of(agent, server, now)
                .map(|offered| item(offered.listed_as.to_owned(), offered))
                .collect(),
            Err(_) => Vec::new(),
        },
    }
}

/// One page of the tools of an endpoint.
pub(super) fn page(
    context: &Context,
    stamp: Stamp<'_>,
    cursor: Option<&str>,
) -> Result<String, WireError> {
    let start = match cursor {
        None => 0,
        Some(cursor) => cursor
            .strip_prefix(CURSOR_PREFIX)
            .and_then(|count| count.parse::<usize>().ok())
            .ok_or_else(|| WireError::invalid_params("the cursor is not one of this list"))?,
    };
    let now = context.core.clock.now();
    let all = tools(&context.snapshot, &context.identity.agent, &context.scope, now);
    let most = lanyard_core::Limits::size(context.core.limits.list_page_tools_max);
    let end = start.saturating_add(most);
    let next_cursor = (end < all.len()).then(|| format!("{CURSOR_PREFIX}{end}"));
    let tools = all.get(start..end.min(all.len())).unwrap_or_default();
    let page = ToolsList { tools, next_cursor: next_cursor.as_deref(), ttl_ms: TTL_MS };
    Ok(page.to_json(stamp))
}

/// A number that changes when the list of an endpoint does.
pub(super) fn fingerprint(
    snapshot: &Snapshot,
    agent: &AgentEntry,
    scope: &Scope,
    now: Timestamp,
) -> u64 {
    let mut hasher = DefaultHasher::new();
    for tool in tools(snapshot, agent, scope, now) {
        tool.name.hash(&mut hasher);
        tool.description.hash(&mut hasher);
        tool.input_schema.hash(&mut hasher);
        tool.output_schema.hash(&mut hasher);
    }
    hasher.finish()
}

/// `GET /v1/agent/servers`: what this token may use.
pub(super) fn agent_servers(context: &Context) -> Reply {
    let now = context.core.clock.now();
    let agent = &context.identity.agent;
    let servers: Vec<_> = context
        .snapshot
        .servers_of(agent, now)
        .map(|server| {
            json!({
                "name": server.name.as_str(),
                "description": server.description,
                "url": format!("/servers/{}/mcp", server.name),
                "tools": context.snapshot.tools_of(agent, server, now).count(),
            })
        })
        .collect();
    let body = json!({ "agent": agent.name.as_str(), "servers": servers });
    reply::json(StatusCode::OK, body.to_string())
}
