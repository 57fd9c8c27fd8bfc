//! The servers of the newest configuration, by tenant and name.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use lanyard_core::{ServerName, TenantName};

use super::Member;
use super::server::Server;

/// The servers of the newest configuration.
#[derive(Debug, Default)]
pub(super) struct Roster {
    servers: RwLock<HashMap<TenantName, HashMap<ServerName, Entry>>>,
}

#[derive(Debug)]
struct Entry {
    server: Arc<Server>,
    /// Whether its task was started, where it is to have one.
    begun: bool,
    /// Whether the configuration that is being taken over holds it.
    wanted: bool,
}

impl Entry {
    fn new(server: Server) -> Self {
        Self { server: Arc::new(server), begun: false, wanted: true }
    }
}

/// What a new configuration changed.
#[derive(Debug, Default)]
pub(super) struct Change {
    /// They went, or are another server now.
    pub(super) ended: Vec<Arc<Server>>,
    /// They need a task.
    pub(super) to_keep: Vec<Arc<Server>>,
}

impl Roster {
    /// Takes over a new configuration. What did not change goes on untouched.
    pub(super) fn replace(
        &self,
        members: &[Arc<Member>],
        make: impl Fn(&Arc<Member>) -> Server,
    ) -> Change {
        let mut change = Change::default();
        let mut tenants = self.servers.write().unwrap_or_else(PoisonError::into_inner);
        for entry in tenants.values_mut().flat_map(HashMap::values_mut) {
            entry.wanted = false;
        }
        for member in members {
            let target = &member.target;
            let servers = tenants.entry(target.tenant.clone()).or_default();
            let entry = servers
                .entry(target.server.clone())
                .and_modify(|entry| {
                    if !entry.server.is_same(member) {
                        let old = std::mem::replace(entry, Entry::new(make(member)));
                        change.ended.push(old.server);
                    }
                    entry.server.look_again();
                })
                .or_insert_with(|| Entry::new(make(member)));
            entry.wanted = true;
            if !entry.begun && entry.server.is_kept() {
                entry.begun = true;
                change.to_keep.push(Arc::clone(&entry.server));
            }
        }
        tenants.retain(|_, servers| {
            servers.retain(|_, entry| {
                if !entry.wanted {
                    change.ended.push(Arc::clone(&entry.server));
                }
                entry.wanted
            });
            !servers.is_empty()
        });
        change
    }

    /// A server by name.
    pub(super) fn find(&self, tenant: &TenantName, name: &ServerName) -> Option<Arc<Server>> {
        let tenants = self.servers.read().unwrap_or_else(PoisonError::into_inner);
        tenants.get(tenant)?.get(name).map(|entry| Arc::clone(&entry.server))
    }

    /// The server that a call means. A call may have a newer configuration than the fleet has taken
    /// over so far: then its server is taken over at once, and begins with the rest of the
    /// configuration. A call with an older one finds that its server is another by now.
    pub(super) fn meant(
        &self,
        member: &Arc<Member>,
        make: impl FnOnce() -> Server,
    ) -> Result<Meant, Outdated> {
        let target = &member.target;
        if let Some(server) = self.find(&target.tenant, &target.server)
            && server.is_same(member)
        {
            return Ok(Meant { server, ended: None });
        }
        let mut tenants = self.servers.write().unwrap_or_else(PoisonError::into_inner);
        let servers = tenants.entry(target.tenant.clone()).or_default();
        let ended = match servers.get(&target.server) {
            Some(entry) if entry.server.is_same(member) => {
                return Ok(Meant { server: Arc::clone(&entry.server), ended: None });
            }
            Some(entry) if entry.server.is_newer_than(member) => return Err(Outdated),
            Some(_) | None => {
                servers.insert(target.server.clone(), Entry::new(make())).map(|old| old.server)
            }
        };
        let server = servers.get(&target.server).map(|entry| Arc::clone(&entry.server));
        server.map(|server| Meant { server, ended }).ok_or(Outdated)
    }
}

/// The server that a call means.
#[derive(Debug)]
pub(super) struct Meant {
    pub(super) server: Arc<Server>,
    /// What it was before.
    pub(super) ended: Option<Arc<Server>>,
}

/// The server is another one by now.
#[derive(Debug)]
pub(super) struct Outdated;
