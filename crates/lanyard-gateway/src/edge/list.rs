//! What a caller sees: the tools, prompts and resources of an endpoint, and the servers its token
//! may use. All of it comes from the configuration, so that a server that is down takes nothing
//! away from a list, and every list is the same for the same configuration.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use http::StatusCode;
use lanyard_core::Limits;
use lanyard_wire::results::{RawList, ToolEntry as ListedTool};
use lanyard_wire::{ChangedList, Version, WireError, prompt_for, tool_for};
use serde_json::json;

use super::changes::PerList;
use super::client::Client;
use super::dispatch::{TTL_MS, stamp};
use super::reply::{self, Reply};
use super::request::Context;
use super::route::Scope;
use super::search;
use crate::snapshot::{Offered, Other, ServerEntry, Snapshot, Viewer};

/// A kind of list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    Tools,
    Prompts,
    Resources,
    Templates,
}

impl Listed {
    /// The member that holds the list, which is also what its cursors begin with. A cursor is
    /// opaque to clients; these count.
    fn key(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
        }
    }
}

/// A tool as an endpoint lists it.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    /// The name it has there.
    pub(super) name: String,
    pub(super) offered: Offered<'a>,
}

impl Shown<'_> {
    /// The tool as a version knows it.
    pub(super) fn to_json(&self, version: Version) -> String {
        let tool = self.offered.tool;
        match (tool.as_mcp(), tool.as_rest()) {
            (Some(definition), _) => {
                let renamed = (self.name != tool.name().as_str()).then_some(self.name.as_str());
                tool_for(version, definition, renamed)
            }
            (None, Some(rest)) => ListedTool {
                name: self.name.as_str().into(),
                title: None,
                description: Some(rest.tool.description.as_str().into()),
                input_schema: rest.input_schema_json.as_str().into(),
                output_schema: rest.output_schema_json.as_deref().map(Into::into),
                annotations: tool.hints().to_annotations().map(|it| it.to_string().into()),
            }
            .to_json(version),
            (None, None) => String::new(),
        }
    }
}

/// The tools of an endpoint, under the names it gives them: servers by name, the tools of each
/// in its definition's order.
pub(super) fn tools<'a>(
    snapshot: &'a Snapshot,
    viewer: Viewer<'a>,
    scope: &Scope,
) -> Vec<Shown<'a>> {
    match scope {
        Scope::All => snapshot
            .servers_of(viewer)
            .filter(|server| !server.is_set())
            .flat_map(|server| {
                snapshot.tools_of(viewer, server).map(move |offered| Shown {
                    name: server.prefixed(offered.tool.name().as_str()),
                    offered,
                })
            })
            .collect(),
        Scope::One(name) => match snapshot.server(viewer, name) {
            Ok(server) => snapshot
                .tools_of(viewer, server)
                .map(|offered| Shown { name: offered.listed_as.to_owned(), offered })
                .collect(),
            Err(_) => Vec::new(),
        },
    }
}

/// The servers whose prompts and resources an endpoint shows.
pub(super) fn whole_servers<'a>(
    snapshot: &'a Snapshot,
    viewer: Viewer<'a>,
    scope: &Scope,
) -> Vec<&'a Arc<ServerEntry>> {
    let whole = |server: &&Arc<ServerEntry>| snapshot.lists_whole(viewer, server);
    servers(snapshot, viewer, scope).into_iter().filter(whole).collect()
}

/// The servers that an endpoint shows anything of.
fn servers<'a>(
    snapshot: &'a Snapshot,
    viewer: Viewer<'a>,
    scope: &Scope,
) -> Vec<&'a Arc<ServerEntry>> {
    match scope {
        Scope::All => snapshot.servers_of(viewer).collect(),
        Scope::One(name) => snapshot.server(viewer, name).ok().into_iter().collect(),
    }
}

/// The prompts, resources or templates of an endpoint, each raw JSON.
fn items(
    snapshot: &Snapshot,
    viewer: Viewer<'_>,
    scope: &Scope,
    listed: Listed,
    version: Version,
) -> Vec<String> {
    let mut items = Vec::new();
    for server in servers(snapshot, viewer, scope) {
        let Some(mcp) = server.as_mcp() else { continue };
        let merged = *scope == Scope::All;
        match listed {
            Listed::Tools => {}
            Listed::Prompts => items.extend(
                mcp.prompts
                    .iter()
                    .filter(|prompt| {
                        snapshot.lists_other(viewer, server, Other::Prompt(&prompt.name))
                    })
                    .map(|prompt| {
                        let name = merged.then(|| server.prefixed(&prompt.name));
                        prompt_for(version, &prompt.raw, name.as_deref())
                    }),
            ),
            Listed::Resources => {
                let shown = mcp
                    .resources
                    .iter()
                    .filter(|resource| !merged || snapshot.lists_resource(server, &resource.name))
                    .filter(|resource| {
                        snapshot.lists_other(viewer, server, Other::Resource(&resource.name))
                    });
                items.extend(shown.map(|resource| resource.raw.clone()));
            }
            // What a template leads to is decided when it is read.
            Listed::Templates if snapshot.lists_whole(viewer, server) => {
                items.extend(mcp.templates.iter().map(|template| template.item.raw.clone()));
            }
            Listed::Templates => {}
        }
    }
    items
}

/// One page of a list of an endpoint.
pub(super) fn page(
    context: &Context,
    client: &Client,
    listed: Listed,
    cursor: Option<&str>,
) -> Result<String, WireError> {
    let key = listed.key();
    let start = match cursor {
        None => 0,
        Some(cursor) => cursor
            .strip_prefix(key)
            .and_then(|rest| rest.strip_prefix('-'))
            .and_then(|count| count.parse::<usize>().ok())
            .ok_or_else(|| WireError::invalid_params("the cursor is not one of this list"))?,
    };
    let (snapshot, agent, viewer) = (&context.snapshot, &context.identity.agent, context.viewer());
    let most = Limits::size(context.core.limits.list_page_tools_max);
    let end = start.saturating_add(most);
    let (members, more): (Vec<String>, bool) = if listed == Listed::Tools {
        let all = search::shown(context, client, tools(snapshot, viewer, &context.scope));
        let page = all.get(start..end.min(all.len())).unwrap_or_default();
        client.seen(agent).note(page.iter().filter_map(search::InList::offered));
        let members = page.iter().map(|tool| tool.to_json(client.version));
        (members.collect(), end < all.len())
    } else {
        let all = items(snapshot, viewer, &context.scope, listed, client.version);
        let more = end < all.len();
        (all.into_iter().skip(start).take(most).collect(), more)
    };
    let next_cursor = more.then(|| format!("{key}-{end}"));
    let list = RawList { key, next_cursor: next_cursor.as_deref(), ttl_ms: TTL_MS };
    Ok(list.to_json(stamp(client.version), members))
}

/// Numbers that change when a list of an endpoint does.
pub(super) fn fingerprint(context: &Context, client: &Client) -> PerList<u64> {
    let (snapshot, viewer, scope) = (&context.snapshot, context.viewer(), &context.scope);
    PerList::new(|list| {
        let mut hasher = DefaultHasher::new();
        let listed: &[Listed] = match list {
            ChangedList::Tools => {
                let tools = search::shown(context, client, tools(snapshot, viewer, scope));
                for shown in tools {
                    if let search::InList::Tool(shown) = shown {
                        shown.name.hash(&mut hasher);
                        shown.offered.tool.fingerprint().hash(&mut hasher);
                    }
                }
                &[]
            }
            ChangedList::Prompts => &[Listed::Prompts],
            ChangedList::Resources => &[Listed::Resources, Listed::Templates],
        };
        for listed in listed {
            items(snapshot, viewer, scope, *listed, client.version).hash(&mut hasher);
        }
        hasher.finish()
    })
}

/// `GET /v1/agent/servers`: what this token may use.
pub(super) fn agent_servers(context: &Context) -> Reply {
    let viewer = context.viewer();
    let agent = viewer.agent;
    let servers: Vec<_> = context
        .snapshot
        .servers_of(viewer)
        .map(|server| {
            json!({
                "name": server.name.as_str(),
                "description": server.description,
                "url": format!("/servers/{}/mcp", server.name),
                "tools": context.snapshot.tools_of(viewer, server).count(),
            })
        })
        .collect();
    let body = json!({ "agent": agent.name.as_str(), "servers": servers });
    reply::json(StatusCode::OK, body.to_string())
}
