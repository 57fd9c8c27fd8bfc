//! The whole configuration as the data plane sees it: immutable, compiled once, shared by all.
//!
//! A call takes one snapshot when it starts and uses it to its end. What takes long (a stream, a
//! slow server) also watches for newer ones, so that a revocation ends it.
//!
//! INVARIANT: a snapshot is complete. Nothing on the path of a call reads a database or compiles
//! a schema.

mod deeds;
mod marks;
pub(crate) mod mcp;
pub(crate) mod policy;
mod scrub;
mod seen;
mod server;
mod tool;
mod user;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use lanyard_connect::mcp::SessionKey;
use lanyard_core::{
    AgentName, Denial, Principal, SecretName, ServerName, Tags, TenantName, Timestamp, TokenId,
    ToolName, UserName,
};
use lanyard_policy::Grants;
use lanyard_policy::limit::CallLimits;
use lanyard_vault::{Masker, Vault};
use thiserror::Error;

pub(crate) use deeds::Deeds;
pub use marks::{Marks, ToolMarks};
pub use mcp::{Item, McpEntry, McpOptions, McpParts, Wrap};
pub(crate) use policy::{Other, PolicyEntry, Viewer};
pub use policy::{PolicyParts, Recording};
pub use scrub::Scrub;
pub(crate) use seen::Seen;
pub use server::{ServerEntry, ServerOptions};
pub use tool::ToolEntry;
pub use user::{UserCredential, UserEntry};

/// Everything that is configured, compiled.
#[derive(Debug)]
pub struct Snapshot {
    /// Which configuration this is; grows with every change. Records name it.
    pub version: u64,
    /// The sealed secrets.
    pub vault: Arc<Vault>,
    tokens: HashMap<[u8; 32], Arc<Identity>>,
    uids: HashMap<u32, Arc<Identity>>,
    tenants: HashMap<TenantName, Tenant>,
}

/// What one tenant has.
#[derive(Debug, Default)]
struct Tenant {
    servers: BTreeMap<ServerName, Arc<ServerEntry>>,
    /// The servers that refer to the tools of others.
    sets: Vec<ServerName>,
    /// Those that are called with users' own credentials, and were not listed yet.
    unlisted: Vec<ServerName>,
    /// The names of tools on `/mcp`.
    tools: HashMap<String, (ServerName, ToolName)>,
    /// The names of prompts on `/mcp`.
    prompts: HashMap<String, ServerName>,
    /// The resources that are listed, each with the first server that lists it.
    resources: HashMap<String, ServerName>,
    /// What users themselves hold, by server.
    users: HashMap<ServerName, HashMap<UserName, UserEntry>>,
    /// Its policies, if it has any.
    policy: Option<PolicyEntry>,
    /// The agents that may call for users, as far as somebody can still come as one of them.
    agents: HashMap<AgentName, Arc<AgentEntry>>,
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
    /// The policies of the tenants that have any.
    pub policies: Vec<PolicyParts>,
    /// What users themselves hold at which server.
    pub users: Vec<((TenantName, ServerName, UserName), UserEntry)>,
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
    /// How many tools `/mcp` lists for it before it has to search for the others;
    /// `inline_tools_max` when absent.
    pub search_above: Option<u64>,
    /// The teams it is in.
    pub teams: BTreeSet<String>,
    /// What operators say of it, for policies.
    pub tags: Tags,
    /// The limits on calls of its tenant; `None` where there is none.
    pub limits: Option<Arc<CallLimits>>,
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
    /// The tools that search mode lists for its clients without sessions, as server and tool.
    activated: Mutex<BTreeSet<(String, ToolName)>>,
    /// What its clients without sessions were shown.
    pub(crate) seen: Seen,
    /// What its clients without sessions did.
    pub(crate) deeds: Deeds,
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

    /// Lists a tool from now on, in search mode. `true` if it is new.
    pub(crate) fn activate(&self, server: &str, tool: &ToolName) -> bool {
        let mut activated = self.activated.lock().unwrap_or_else(PoisonError::into_inner);
        activated.insert((server.to_owned(), tool.clone()))
    }

    /// Whether search mode lists a tool.
    pub(crate) fn is_activated(&self, server: &str, tool: &ToolName) -> bool {
        let activated = self.activated.lock().unwrap_or_else(PoisonError::into_inner);
        activated.contains(&(server.to_owned(), tool.clone()))
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

impl Tenant {
    /// Adds a server. Of two that would offer a tool or a prompt under one name neither gives way:
    /// an operator has to say which of them is meant.
    fn add(&mut self, server: Arc<ServerEntry>) -> Result<(), SnapshotError> {
        let collision = |name: String, first: ServerName| SnapshotError::Collision {
            name,
            first,
            second: server.name.clone(),
        };
        for tool in server.tools() {
            let name = server.prefixed(tool.name().as_str());
            let target = (server.name.clone(), tool.name().clone());
            if let Some((first, _)) = self.tools.insert(name.clone(), target) {
                return Err(collision(name, first));
            }
        }
        for prompt in server.as_mcp().iter().flat_map(|mcp| &mcp.prompts) {
            let name = server.prefixed(&prompt.name);
            if let Some(first) = self.prompts.insert(name.clone(), server.name.clone()) {
                return Err(collision(name, first));
            }
        }
        for resource in server.as_mcp().iter().flat_map(|mcp| &mcp.resources) {
            // A list of resources changes while its server runs, without anybody's approval. So a
            // server that comes to list what is another's gets nothing by it.
            let owner = self.resources.entry(resource.name.clone());
            let owner = owner.or_insert_with(|| server.name.clone());
            if *owner != server.name {
                tracing::warn!(
                    uri = resource.name,
                    owner = %owner,
                    server = %server.name,
                    "mcp.resource.collision: the resource stays with the server that had it first."
                );
            }
        }
        let is_unlisted = |mcp: &McpEntry| mcp.options.per_user && mcp.facts.is_none();
        if server.enabled && server.as_mcp().is_some_and(is_unlisted) {
            self.unlisted.push(server.name.clone());
        }
        if server.is_set() {
            self.sets.push(server.name.clone());
        }
        self.servers.insert(server.name.clone(), server);
        Ok(())
    }
}

impl Snapshot {
    /// Puts the parts together, or says why they do not fit.
    pub fn build(parts: SnapshotParts) -> Result<Self, SnapshotError> {
        let mut tenants: HashMap<TenantName, Tenant> = HashMap::new();
        let mut servers = parts.servers;
        servers.sort_by(|left, right| left.name.cmp(&right.name));
        for server in servers {
            tenants.entry(server.tenant.clone()).or_default().add(server)?;
        }
        let identities = parts.tokens.iter().map(|(_, identity)| identity);
        for identity in identities.chain(parts.uids.iter().map(|(_, identity)| identity)) {
            let agent = &identity.agent;
            if !identity.revoked && agent.grants.names_users() {
                let agents = &mut tenants.entry(agent.tenant.clone()).or_default().agents;
                agents.insert(agent.name.clone(), Arc::clone(agent));
            }
        }
        for parts in parts.policies.into_iter().filter(|it| !it.policies.is_empty()) {
            let PolicyParts { tenant, policies, recording } = parts;
            let policy = PolicyEntry::new(policies, recording);
            tenants.entry(tenant).or_default().policy = Some(policy);
        }
        for ((tenant, server, user), entry) in parts.users {
            let users = &mut tenants.entry(tenant).or_default().users;
            users.entry(server).or_default().insert(user, entry);
        }
        Ok(Self {
            version: parts.version,
            vault: parts.vault,
            tokens: parts.tokens.into_iter().collect(),
            uids: parts.uids.into_iter().collect(),
            tenants,
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
        viewer: Viewer<'_>,
        name: &ServerName,
    ) -> Result<&Arc<ServerEntry>, Denial> {
        let server = self.find(&viewer.agent.tenant, name).ok_or(Denial::ServerUnknown)?;
        if !server.enabled {
            return Err(Denial::ServerDisabled);
        }
        if self.sees(viewer, server) { Ok(server) } else { Err(Denial::ServerNotGranted) }
    }

    /// The servers that a viewer sees, by name. It costs as much as the agent has grants, however
    /// many servers there are, unless a policy may open others.
    pub(crate) fn servers_of<'a>(
        &'a self,
        viewer: Viewer<'a>,
    ) -> impl Iterator<Item = &'a Arc<ServerEntry>> {
        let agent = viewer.agent;
        let tenant = self.tenants.get(&agent.tenant);
        let sets = tenant.map_or(&[][..], |tenant| &tenant.sets);
        let open = tenant.filter(|tenant| {
            tenant.policy.as_ref().is_some_and(|policy| policy.policies().permits_anything())
        });
        let others = open.into_iter().flat_map(|tenant| tenant.servers.keys());
        let granted = agent.grants.servers(viewer.circumstances.now);
        let mut names: Vec<&ServerName> = granted.chain(sets).chain(others).collect();
        names.sort_unstable();
        names.dedup();
        let found = names.into_iter().filter_map(move |name| tenant?.servers.get(name));
        found.filter(move |server| server.enabled && self.sees(viewer, server))
    }

    /// Every server that speaks MCP, of every tenant.
    pub(crate) fn mcp_servers(&self) -> impl Iterator<Item = (&ServerEntry, &McpEntry)> {
        let servers = self.tenants.values().flat_map(|tenant| tenant.servers.values());
        servers.filter_map(|server| server.as_mcp().map(|mcp| (&**server, mcp)))
    }

    /// The tools of a server that an agent may call, in the definition's order: for a tool set,
    /// those of the servers behind it.
    pub(crate) fn tools_of<'a>(
        &'a self,
        viewer: Viewer<'a>,
        server: &'a ServerEntry,
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
        own.chain(borrowed)
            .filter(move |offered| self.lists_tool(viewer, offered.server, offered.tool))
    }

    /// Which server and tool a name on `/mcp` means.
    pub(crate) fn merged(
        &self,
        tenant: &TenantName,
        name: &str,
    ) -> Option<&(ServerName, ToolName)> {
        self.tenants.get(tenant)?.tools.get(name)
    }

    /// Which server a prompt's name on `/mcp` means, with the prompt's own name.
    pub(crate) fn merged_prompt<'a>(
        &self,
        tenant: &TenantName,
        name: &'a str,
    ) -> Option<(&Arc<ServerEntry>, &'a str)> {
        let tenant = self.tenants.get(tenant)?;
        let server = tenant.servers.get(tenant.prompts.get(name)?)?;
        Some((server, name.strip_prefix(server.prefix.as_str())?))
    }

    /// Whether a server lists this resource on `/mcp`, where each belongs to one server.
    pub(crate) fn lists_resource(&self, server: &ServerEntry, uri: &str) -> bool {
        let tenant = self.tenants.get(&server.tenant);
        tenant.and_then(|tenant| tenant.resources.get(uri)).is_some_and(|it| *it == server.name)
    }

    /// Which of the servers that an agent sees as a whole a resource belongs to: the one that lists
    /// it, else the first with a template that fits.
    pub(crate) fn owner_of<'a>(
        &'a self,
        viewer: Viewer<'a>,
        uri: &str,
    ) -> Option<&'a Arc<ServerEntry>> {
        let tenant = self.tenants.get(&viewer.agent.tenant)?;
        let open = |server: &&Arc<ServerEntry>| {
            server.enabled
                && server.as_mcp().is_some()
                && self.lists_other(viewer, server, Other::Resource(uri))
        };
        let listed = tenant.resources.get(uri).and_then(|name| tenant.servers.get(name));
        listed.filter(open).or_else(|| {
            let mut seen = self.servers_of(viewer).filter(open);
            seen.find(|server| server.as_mcp().is_some_and(|mcp| mcp.owns(uri)))
        })
    }

    /// A server by name, whatever anybody may see of it.
    pub(crate) fn find(&self, tenant: &TenantName, name: &ServerName) -> Option<&Arc<ServerEntry>> {
        self.tenants.get(tenant)?.servers.get(name)
    }

    /// The servers that are called with users' own credentials, and were not listed yet.
    pub(crate) fn unlisted(&self, tenant: &TenantName) -> &[ServerName] {
        self.tenants.get(tenant).map_or(&[], |tenant| &tenant.unlisted)
    }

    /// What a user holds at a server, if anything.
    pub(crate) fn user(
        &self,
        tenant: &TenantName,
        server: &ServerName,
        user: &UserName,
    ) -> Option<&UserEntry> {
        self.tenants.get(tenant)?.users.get(server)?.get(user)
    }

    /// The state of what a user holds at a server, as the keys of sessions have it; 0 where that is
    /// nothing.
    pub(crate) fn credential(
        &self,
        tenant: &TenantName,
        server: &ServerName,
        user: Option<&UserName>,
    ) -> u64 {
        user.and_then(|user| self.user(tenant, server, user)).map_or(0, UserEntry::state)
    }

    /// Whether a session that was begun by an earlier configuration is to end: it speaks for a user
    /// who holds something else by now, or for whom its agent may not call any more.
    pub(crate) fn ends(&self, key: &SessionKey, now: Timestamp) -> bool {
        let Some(principal) = &key.principal else { return false };
        let Some(user) = &principal.user else { return false };
        let agents = self.tenants.get(&key.tenant).map(|tenant| &tenant.agents);
        let agent = agents.and_then(|agents| agents.get(&principal.agent));
        let may = agent.is_some_and(|agent| agent.grants.calls_for(&key.server, user, now));
        !may || self.credential(&key.tenant, &key.server, Some(user)) != key.credential
    }

    /// What masks the credentials that a call to a server may carry: the server's, and the user's.
    pub(crate) fn masker(&self, server: &ServerEntry, user: Option<&UserName>) -> Masker {
        match user.and_then(|user| self.user(&server.tenant, &server.name, user)) {
            Some(user) => self.masker_of(server, &[user]),
            None => self.masker_of(server, &[]),
        }
    }

    /// What masks the user's own credentials.
    pub(crate) fn own_masker(
        &self,
        tenant: &TenantName,
        server: &ServerName,
        user: &UserName,
    ) -> Masker {
        let held = self.user(tenant, server, user).map_or(&[][..], UserEntry::credentials);
        let secrets: Vec<SecretName> = held.iter().map(|it| it.secret.clone()).collect();
        self.vault.masker(tenant, &secrets)
    }

    /// What masks every credential that a server is given, whoever it is called for.
    pub(crate) fn masker_of_all(&self, server: &ServerEntry) -> Masker {
        let tenant = self.tenants.get(&server.tenant);
        let users = tenant.and_then(|tenant| tenant.users.get(&server.name));
        let users: Vec<&UserEntry> = users.into_iter().flat_map(HashMap::values).collect();
        self.masker_of(server, &users)
    }

    /// What finds credentials in arguments that are to be recorded.
    pub(crate) fn masker_of_attributes(&self, server: &ServerEntry) -> Masker {
        scrub::kept(self.masker_of_all(server))
    }

    /// What masks credentials in the arguments of a call that are to be kept or shown.
    pub(crate) fn masker_of_arguments(
        &self,
        server: &ServerEntry,
        user: Option<&UserName>,
    ) -> Masker {
        scrub::kept(self.masker(server, user))
    }

    fn masker_of(&self, server: &ServerEntry, users: &[&UserEntry]) -> Masker {
        let own = users.iter().flat_map(|user| user.credentials()).map(|it| &it.secret);
        let secrets: Vec<SecretName> = server.secrets().iter().chain(own).cloned().collect();
        server.scrub().and(self.vault.masker(&server.tenant, &secrets))
    }

    /// Whether anything of a server is there for a viewer.
    fn sees(&self, viewer: Viewer<'_>, server: &ServerEntry) -> bool {
        self.lists_whole(viewer, server)
            || self.tools_of(viewer, server).next().is_some()
            || server.as_mcp().is_some_and(|mcp| {
                let policies = self.policy(&server.tenant).is_some();
                let named = |other| policies && self.lists_other(viewer, server, other);
                mcp.prompts.iter().any(|it| named(Other::Prompt(&it.name)))
                    || mcp.resources.iter().any(|it| named(Other::Resource(&it.name)))
            })
    }

    /// A tenant's policies, if it has any.
    pub(crate) fn policy(&self, tenant: &TenantName) -> Option<&PolicyEntry> {
        self.tenants.get(tenant)?.policy.as_ref()
    }

    /// Whether a list shows a tool. It is no permission.
    pub(crate) fn lists_tool(
        &self,
        viewer: Viewer<'_>,
        server: &ServerEntry,
        tool: &ToolEntry,
    ) -> bool {
        let Viewer { agent, circumstances } = viewer;
        match self.policy(&server.tenant) {
            Some(policy) => policy.lists(viewer, server, tool),
            None => agent.grants.lists(&server.name, tool.name(), circumstances.now),
        }
    }

    /// Whether a list shows a prompt or a resource of a server that speaks MCP.
    pub(crate) fn lists_other(
        &self,
        viewer: Viewer<'_>,
        server: &ServerEntry,
        other: Other<'_>,
    ) -> bool {
        let Viewer { agent, circumstances } = viewer;
        match self.policy(&server.tenant) {
            Some(policy) => policy.lists_other(viewer, server, other),
            None => agent.grants.lists_whole(&server.name, circumstances.now),
        }
    }

    /// Whether what a server has beside tools is there for a viewer as a whole.
    pub(crate) fn lists_whole(&self, viewer: Viewer<'_>, server: &ServerEntry) -> bool {
        server.as_mcp().is_some() && self.lists_other(viewer, server, Other::Server)
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
