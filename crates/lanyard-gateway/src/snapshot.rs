//! The whole configuration as the data plane sees it: immutable, compiled once, shared by all.
//!
//! A call takes one snapshot when it starts and uses it to its end. What takes long (a stream, a
//! slow server) also watches for newer ones, so that a revocation ends it.
//!
//! INVARIANT: a snapshot is complete. Nothing on the path of a call reads a database or compiles
//! a schema.

mod server;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lanyard_core::{
    AgentName, Denial, Principal, ServerName, TenantName, Timestamp, TokenId, ToolName,
};
use lanyard_policy::Grants;
use lanyard_vault::Vault;
use thiserror::Error;

pub use server::{ServerEntry, ServerOptions, ToolEntry};

/// Everything that is configured, compiled.
#[derive(Debug)]
pub struct Snapshot {
    /// Which configuration this is; grows with every change. Records name it.
    pub version: u64,
    /// The sealed secrets.
    pub vault: Arc<Vault>,
    tokens: HashMap<[u8; 32], Arc<Identity>>,
    uids: HashMap<u32, Arc<Identity>>,
    servers: BTreeMap<(TenantName, ServerName), Arc<ServerEntry>>,
    merged: HashMap<(TenantName, String), (ServerName, ToolName)>,
}

/// What a snapshot is made of.
#[derive(Debug)]
pub struct SnapshotParts {
    /// Which configuration this is.
    pub version: u64,
    /// The sealed secrets.
    pub vault: Arc<Vault>,
    /// Token hashes with whom they stand for. Revoked tokens are part of it, so that a record can
    /// say that a revoked token came, and not an unknown one.
    pub tokens: Vec<([u8; 32], Arc<Identity>)>,
    /// User ids that stand for an agent.
    pub uids: Vec<(u32, Arc<Identity>)>,
    /// The servers.
    pub servers: Vec<Arc<ServerEntry>>,
}

/// What a token, or a uid, stands for.
#[derive(Debug)]
pub struct Identity {
    /// The agent.
    pub agent: Arc<AgentEntry>,
    /// The token's id; `None` for a uid.
    pub token: Option<TokenId>,
    /// When the token's time is over.
    pub expires_at: Option<Timestamp>,
    /// Whether the token, or its agent, was revoked.
    pub revoked: bool,
}

impl Identity {
    /// Whether it may be used now.
    pub(crate) fn usable(&self, now: Timestamp) -> Result<(), Denial> {
        if self.revoked {
            return Err(Denial::TokenRevoked);
        }
        match self.expires_at {
            Some(end) if end <= now => Err(Denial::TokenExpired),
            Some(_) | None => Ok(()),
        }
    }
}

/// An agent with all that it may do.
#[derive(Debug)]
pub struct AgentEntry {
    /// Its tenant.
    pub tenant: TenantName,
    /// Its name.
    pub name: AgentName,
    /// What it may call.
    pub grants: Grants,
    /// What it does right now; carried over from one snapshot to the next.
    pub load: Arc<AgentLoad>,
}

impl AgentEntry {
    /// Whether it is the agent that this principal names.
    pub(crate) fn is(&self, principal: &Principal) -> bool {
        self.tenant == principal.tenant && self.name == principal.agent
    }
}

/// How much an agent does right now.
#[derive(Debug, Default)]
pub struct AgentLoad {
    calls: AtomicU64,
    streams: AtomicU64,
}

/// One place among those an agent may take at a time; given back on drop.
#[derive(Debug)]
pub(crate) struct Place {
    load: Arc<AgentLoad>,
    counter: fn(&AgentLoad) -> &AtomicU64,
}

impl AgentLoad {
    /// Takes a place for a call, if fewer than `max` run.
    pub(crate) fn call(self: &Arc<Self>, max: u64) -> Option<Place> {
        self.take(max, |load| &load.calls)
    }

    /// Takes a place for an event stream, if fewer than `max` are open.
    pub(crate) fn stream(self: &Arc<Self>, max: u64) -> Option<Place> {
        self.take(max, |load| &load.streams)
    }

    fn take(self: &Arc<Self>, max: u64, counter: fn(&Self) -> &AtomicU64) -> Option<Place> {
        if counter(self).fetch_add(1, Ordering::Relaxed) >= max {
            counter(self).fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Place { load: Arc::clone(self), counter })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        (self.counter)(&self.load).fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why parts do not make a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SnapshotError {
    /// Two tools would have one name on `/mcp`.
    #[error(
        "on /mcp both {first} and {second} would offer a tool named `{name}`; give one of them another --prefix"
    )]
    Collision {
        /// The name they share.
        name: String,
        /// One server.
        first: ServerName,
        /// The other.
        second: ServerName,
    },
}

impl Snapshot {
    /// Puts the parts together, or says why they do not fit.
    pub fn build(parts: SnapshotParts) -> Result<Self, SnapshotError> {
        let mut merged: HashMap<(TenantName, String), (ServerName, ToolName)> = HashMap::new();
        for server in parts.servers.iter() {
            for tool in server.tools() {
                let name = server.prefixed(tool.name());
                let target = (server.name.clone(), tool.name().clone());
                if let Some((first, _)) = merged.insert((server.tenant.clone(), name), target) {
                    return Err(SnapshotError::Collision {
                        name: server.prefixed(tool.name()),
                        first,
                        second: server.name.clone(),
                    });
                }
            }
        }
        Ok(Self {
            version: parts.version,
            vault: parts.vault,
            tokens: parts.tokens.into_iter().collect(),
            uids: parts.uids.into_iter().collect(),
            servers: parts
                .servers
                .into_iter()
                .map(|server| ((server.tenant.clone(), server.name.clone()), server))
                .collect(),
            merged,
        })
    }

    /// Whom a token stands for, by its hash.
    pub(crate) fn by_token(
        &self,
        hash: &[u8; 32],
        now: Timestamp,
    ) -> Result<&Arc<Identity>, Denial> {
        let identity = self.tokens.get(hash).ok_or(Denial::TokenUnknown)?;
        identity.usable(now).map(|()| identity)
    }

    /// Whom a user id stands for.
    pub(crate) fn by_uid(&self, uid: u32, now: Timestamp) -> Result<&Arc<Identity>, Denial> {
        let identity = self.uids.get(&uid).ok_or(Denial::TokenMissing)?;
        identity.usable(now).map(|()| identity)
    }

    /// A server, if it exists, is switched on, and something of it is granted to the agent.
    pub(crate) fn server(
        &self,
        agent: &AgentEntry,
        name: &ServerName,
        now: Timestamp,
    ) -> Result<&Arc<ServerEntry>, Denial> {
        let server = self.find(&agent.tenant, name).ok_or(Denial::ServerUnknown)?;
        if !server.enabled {
            return Err(Denial::ServerDisabled);
        }
        if self.sees(agent, server, now) { Ok(server) } else { Err(Denial::ServerNotGranted) }
    }

    /// The servers that an agent sees, by name.
    pub(crate) fn servers_of<'a>(
        &'a self,
        agent: &'a AgentEntry,
        now: Timestamp,
    ) -> impl Iterator<Item = &'a Arc<ServerEntry>> {
        self.servers.values().filter(move |server| {
            server.tenant == agent.tenant && server.enabled && self.sees(agent, server, now)
        })
    }

    /// The tools of a server that an agent may call, in the definition's order: for a tool set,
    /// those of the servers behind it.
    pub(crate) fn tools_of<'a>(
        &'a self,
        agent: &'a AgentEntry,
        server: &'a ServerEntry,
        now: Timestamp,
    ) -> impl Iterator<Item = Offered<'a>> {
        let own = server.tools().iter().map(move |tool| Offered {
            listed_as: tool.name().as_str(),
            server,
            tool,
        });
        let borrowed = server.set_entries().iter().filter_map(move |entry| {
            let target = self.find(&server.tenant, &entry.server).filter(|it| it.enabled)?;
            let tool = target.tool(&entry.tool)?;
            Some(Offered { listed_as: entry.listed.as_str(), server: target, tool })
        });
        own.chain(borrowed).filter(move |offered| {
            agent.grants.decide(&offered.server.name, offered.tool.name(), now).is_ok()
        })
    }

    /// Which server and tool a name on `/mcp` means.
    pub(crate) fn merged(
        &self,
        tenant: &TenantName,
        name: &str,
    ) -> Option<&(ServerName, ToolName)> {
        self.merged.get(&(tenant.clone(), name.to_owned()))
    }

    /// A server by name, whatever anybody may see of it.
    pub(crate) fn find(&self, tenant: &TenantName, name: &ServerName) -> Option<&Arc<ServerEntry>> {
        self.servers.get(&(tenant.clone(), name.clone()))
    }

    fn sees(&self, agent: &AgentEntry, server: &ServerEntry, now: Timestamp) -> bool {
        self.tools_of(agent, server, now).next().is_some()
    }
}

/// A tool as an agent may call it through one endpoint.
#[derive(Debug)]
pub(crate) struct Offered<'a> {
    /// Its name on the server's own endpoint.
    pub(crate) listed_as: &'a str,
    /// The server that carries it out.
    pub(crate) server: &'a ServerEntry,
    /// The tool.
    pub(crate) tool: &'a ToolEntry,
}
