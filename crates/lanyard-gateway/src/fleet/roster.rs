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

    /// The server that a call means; `None` where it is another one by now. A call may have a
    /// newer configuration than the fleet took over so far: then the server is added, and what
    /// the next configuration says about it holds.
    pub(super) fn find_or_add(
        &self,
        member: &Arc<Member>,
        make: impl FnOnce() -> Server,
    ) -> Option<Arc<Server>> {
        let target = &member.target;
        match self.find(&target.tenant, &target.server) {
            Some(server) if server.is_same(member) => return Some(server),
            // Which of two is the newer one is not known; the fleet's own is the one that counts.
            Some(_) => return None,
            None => {}
        }
        let mut tenants = self.servers.write().unwrap_or_else(PoisonError::into_inner);
        let servers = tenants.entry(target.tenant.clone()).or_default();
        let entry = servers.entry(target.server.clone()).or_insert_with(|| Entry::new(make()));
        entry.server.is_same(member).then(|| Arc::clone(&entry.server))
    }
}
