//! What an endpoint says of itself when a client greets it.
//!
//! The endpoint of one server that speaks MCP speaks with that server's voice: its identity, its
//! capabilities, its instructions. `/mcp` speaks for Lanyard, and can what any of the servers behind
//! it can.

use lanyard_wire::results::{
    Capabilities, DiscoverResult, InitializeResult, Lists, RawDiscover, RawInitialize,
};
use lanyard_wire::{Version, capabilities_for, merged_capabilities};

use super::dispatch::{LANYARD, TTL_MS, stamp};
use super::list;
use super::request::Context;
use super::route::Scope;

/// What Lanyard offers where only REST servers stand behind an endpoint: tools, whose lists change
/// with grants. REST servers have no prompts and no resources; their lists are empty, which says so
/// to clients that ask for all three whatever a server declares.
const REST: Capabilities =
    Capabilities { prompts: Lists::Quiet, resources: Lists::Quiet, ..Capabilities::TOOLS };

/// What a server of tools alone can do.
const TOOLS: &str = r#"{"tools":{"listChanged":true}}"#;

/// What an endpoint says of itself.
#[derive(Debug)]
pub(super) enum Offer {
    /// Only REST servers stand behind it.
    Rest { instructions: Option<String> },
    /// At least one server that speaks MCP stands behind it.
    Mcp {
        /// Raw JSON, and the version they are written for; the client's where it is `None`.
        capabilities: String,
        writer: Option<Version>,
        /// Raw JSON; Lanyard's own where there are several servers.
        info: Option<String>,
        instructions: Option<String>,
    },
}

/// What the endpoint of a request says of itself.
pub(super) fn of(context: &Context) -> Offer {
    let viewer = context.viewer();
    match &context.scope {
        Scope::One(name) => {
            let Ok(server) = context.snapshot.server(viewer, name) else {
                return Offer::Rest { instructions: None };
            };
            let Some(mcp) = server.as_mcp() else {
                return Offer::Rest { instructions: server.description.clone() };
            };
            let facts = mcp.facts.as_ref();
            let whole = context.snapshot.lists_whole(viewer, server);
            Offer::Mcp {
                // Who may use some of its tools meets a server of tools alone.
                capabilities: match facts {
                    Some(facts) if whole => facts.capabilities.clone(),
                    Some(_) | None => TOOLS.to_owned(),
                },
                writer: facts.map(|facts| facts.version),
                info: facts.map(|facts| facts.info.clone()),
                instructions: facts
                    .and_then(|facts| facts.instructions.clone())
                    .or_else(|| server.description.clone()),
            }
        }
        Scope::All => {
            let whole = list::whole_servers(&context.snapshot, viewer, &context.scope);
            let facts = whole.iter().filter_map(|server| server.as_mcp()?.facts.as_ref());
            let raw: Vec<&str> = facts.map(|facts| facts.capabilities.as_str()).collect();
            if raw.is_empty() {
                return Offer::Rest { instructions: None };
            }
            let capabilities = merged_capabilities(&raw);
            Offer::Mcp { capabilities, writer: None, info: None, instructions: None }
        }
    }
}

impl Offer {
    /// The answer to `initialize`.
    pub(super) fn initialize(self, version: Version) -> String {
        match self {
            Self::Rest { instructions } => {
                let instructions = instructions.map(Into::into);
                InitializeResult { capabilities: REST, instructions }.to_json(stamp(version))
            }
            Self::Mcp { capabilities, writer, info, instructions } => RawInitialize {
                version,
                capabilities: &capabilities_for(version, writer.unwrap_or(version), &capabilities),
                server_info: &info.unwrap_or_else(|| LANYARD.to_json(version)),
                instructions: instructions.as_deref(),
            }
            .to_json(),
        }
    }

    /// The answer to `server/discover`.
    pub(super) fn discover(self, version: Version) -> String {
        match self {
            Self::Rest { instructions } => {
                let instructions = instructions.map(Into::into);
                DiscoverResult { capabilities: REST, instructions, ttl_ms: TTL_MS }
                    .to_json(stamp(version))
            }
            Self::Mcp { capabilities, writer, info, instructions } => RawDiscover {
                capabilities: &capabilities_for(version, writer.unwrap_or(version), &capabilities),
                server_info: &info.unwrap_or_else(|| LANYARD.to_json(version)),
                instructions: instructions.as_deref(),
                ttl_ms: TTL_MS,
            }
            .to_json(),
        }
    }
}
