//! A request that a server which speaks MCP will carry out: decided, and written as far as it can be
//! without knowing which version the server speaks.

use lanyard_core::{Denial, Timestamp};
use lanyard_policy::Permit;
use lanyard_wire::translate;
use serde_json::value::RawValue;

use super::decide::{Refusal, decide_other};
use super::stages::{Permitted, Watched};
use super::{Beside, Incoming, Request};
use crate::edge::route::Scope;
use crate::snapshot::{McpEntry, ServerEntry, Snapshot, Viewer, Wrap};

/// A request on its way to a server. Only a decision makes one: [`Permitted`] for a tool, or
/// [`Allowed`] for what is no tool.
#[derive(Debug)]
pub(super) struct Passage<'a> {
    pub(super) server: &'a ServerEntry,
    pub(super) mcp: &'a McpEntry,
    pub(super) method: &'a str,
    /// The client's parameters with the names that the server knows.
    pub(super) params: Option<String>,
    /// The headers that repeat arguments.
    pub(super) param_headers: Vec<(String, String)>,
    /// What it is about, for people: a tool's own name, a URI.
    pub(super) about: String,
    pub(super) wrap: Wrap,
}

impl<'a> Permitted<'a> {
    /// The way of a call to a server that speaks MCP; `None` for one that Lanyard carries out
    /// itself. The parameters go as they came, but for the tool's name, and for arguments that
    /// were taken out.
    pub(super) fn passage(&self, incoming: &Incoming<'a>) -> Option<Passage<'a>> {
        let (server, tool) = (self.server(), self.tool());
        let mcp = server.as_mcp()?;
        let mut params = incoming.params.map(RawValue::get).unwrap_or("{}").to_owned();
        let own = tool.name().as_str();
        if own != incoming.tool {
            params = translate::with_name(&params, own).unwrap_or(params);
        }
        if !self.clearance().stripped().is_empty() {
            let arguments = serde_json::to_string(self.clearance().arguments()).unwrap_or_default();
            params = translate::with_arguments(&params, &arguments).unwrap_or(params);
        }
        let arguments = lanyard_wire::splice::member(&params, &["arguments"]);
        let param_headers =
            tool.mirrored().map(|mirrored| mirrored.headers(arguments)).unwrap_or_default();
        Some(Passage {
            server,
            mcp,
            method: "tools/call",
            param_headers,
            about: own.to_owned(),
            wrap: wrap(mcp, incoming.scope),
            params: Some(params),
        })
    }
}

/// What is no tool, and the server that it leads to.
#[derive(Debug)]
pub(super) struct Found<'a> {
    server: &'a ServerEntry,
    mcp: &'a McpEntry,
    /// The parameters with the names that the server knows.
    params: Option<String>,
    about: String,
}

/// What is no tool, decided.
#[derive(Debug)]
pub(super) struct Allowed<'a> {
    found: Found<'a>,
    permit: Permit,
}

impl<'a> Found<'a> {
    /// Finds what the caller means. Whether it may is asked next.
    pub(super) fn route(
        snapshot: &'a Snapshot,
        request: &Request<'a>,
        now: Timestamp,
    ) -> Result<Self, Denial> {
        let params = request.params.map(|raw| raw.get().to_owned());
        let (server, about, params) = match request.scope {
            Scope::One(name) => {
                let viewer = Viewer::new(request.agent, request.caller, now);
                let server = snapshot.server(viewer, name)?;
                (server, request.beside.about(), params)
            }
            Scope::All => merged(snapshot, request, params, now)?,
        };
        let mcp = server.as_mcp().ok_or_else(|| request.beside.unknown())?;
        Ok(Self { server, mcp, params, about })
    }

    /// Asks grants and policies.
    pub(super) fn decide(
        self,
        snapshot: &Snapshot,
        request: &Request<'_>,
        now: Timestamp,
    ) -> Result<Allowed<'a>, Refusal> {
        let permit = decide_other(snapshot, request, (self.server, &self.about), now)?;
        Ok(Allowed { found: self, permit })
    }

    pub(super) fn server(&self) -> &'a ServerEntry {
        self.server
    }
}

/// The server behind a name or URI on `/mcp`.
fn merged<'a>(
    snapshot: &'a Snapshot,
    request: &Request<'a>,
    params: Option<String>,
    now: Timestamp,
) -> Result<(&'a std::sync::Arc<ServerEntry>, String, Option<String>), Denial> {
    let unknown = || request.beside.unknown();
    let tenant = &request.agent.tenant;
    match &request.beside {
        Beside::Prompt(name) => {
            let (server, own) = snapshot.merged_prompt(tenant, name).ok_or_else(unknown)?;
            let params = params.map(|it| translate::with_name(&it, own).unwrap_or(it));
            Ok((server, own.to_owned(), params))
        }
        Beside::PromptReference(name) => {
            let (server, own) = snapshot.merged_prompt(tenant, name).ok_or_else(unknown)?;
            let quoted = serde_json::Value::from(own).to_string();
            let renamed = |it: String| {
                lanyard_wire::splice::set_member(&it, &["ref", "name"], &quoted).unwrap_or(it)
            };
            Ok((server, own.to_owned(), params.map(renamed)))
        }
        Beside::Resource(uri) | Beside::ResourceReference(uri) => {
            let viewer = Viewer::new(request.agent, request.caller, now);
            let listed = |server: &&std::sync::Arc<ServerEntry>| {
                server.as_mcp().is_some_and(|mcp| {
                    mcp.templates.iter().any(|template| template.item.name == *uri)
                })
            };
            let server = snapshot
                .owner_of(viewer, uri)
                .or_else(|| snapshot.servers_of(viewer).find(listed))
                .ok_or_else(unknown)?;
            Ok((server, uri.to_string(), params))
        }
        Beside::Task(id) => {
            let owner = request.task_owner.as_ref().ok_or_else(unknown)?;
            let server =
                snapshot.find(tenant, owner).filter(|it| it.enabled).ok_or_else(unknown)?;
            Ok((server, id.to_string(), params))
        }
        Beside::Other(_) => Err(unknown()),
    }
}

impl<'a> Allowed<'a> {
    /// What allows it.
    pub(super) fn by(&self) -> &[String] {
        &self.permit.by
    }

    /// The rules in shadow that match.
    pub(super) fn shadow(&self) -> &[String] {
        &self.permit.shadow
    }

    pub(super) fn about(&self) -> &str {
        &self.found.about
    }

    pub(super) fn server(&self) -> &'a ServerEntry {
        self.found.server
    }

    /// What a revocation would have to take away to end the request.
    pub(super) fn watched(&self, request: &Request<'_>) -> Watched {
        Watched {
            key: request.key.clone(),
            caller: request.caller.clone(),
            server: self.found.server.name.clone(),
            tool: None,
        }
    }

    /// Its way to the server.
    pub(super) fn passage(self, request: &Request<'a>) -> Passage<'a> {
        let Found { server, mcp, params, about } = self.found;
        Passage {
            server,
            mcp,
            method: request.method,
            params,
            param_headers: Vec::new(),
            about,
            wrap: wrap(mcp, request.scope),
        }
    }
}

/// Whether results are marked: as the operator says, else on the endpoint where an agent meets many
/// servers at once, and not on the one that passes a single server on.
fn wrap(mcp: &McpEntry, scope: &Scope) -> Wrap {
    mcp.options.wrap.unwrap_or(match scope {
        Scope::All => Wrap::On,
        Scope::One(_) => Wrap::Off,
    })
}
