//! Turns rows into a snapshot, whole or not at all, and puts it in force.
//!
//! What did not change since the last time is taken over: a revoked agent does not cost a second
//! look at every definition.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lanyard_admin::{Compile, Ready, StoredOptions, grants_of, read_definition};
use lanyard_core::{Limits, Origin, SecretName, ServerName, TenantName, ToolName};
use lanyard_gateway::snapshot::{AgentLoad, ServerOptions};
use lanyard_gateway::upstream::{PoolKey, PrivateAllowance, Upstream};
use lanyard_gateway::{AgentEntry, Identity, ServerEntry, Snapshot, SnapshotParts};
use lanyard_store::{AgentRow, Configuration, SecretRow, ServerRow};
use lanyard_vault::{Sealed, SealedVersion, SecretEntry, Vault};
use tokio::sync::watch;

use crate::schemas::GuardSchemas;

/// Compiles configurations and publishes them.
#[derive(Debug)]
pub(crate) struct Compiler {
    limits: Limits,
    snapshots: watch::Sender<Arc<Snapshot>>,
    upstream: Upstream,
    kept: Arc<Mutex<Kept>>,
}

/// What the last configuration was compiled to, for taking over.
#[derive(Debug, Clone, Default)]
struct Kept {
    servers: HashMap<(TenantName, ServerName), (ServerRow, Arc<ServerEntry>)>,
    loads: HashMap<(TenantName, lanyard_core::AgentName), Arc<AgentLoad>>,
}

impl Compiler {
    /// Compiles the first configuration, and gives out where the following ones appear.
    pub(crate) fn start(
        rows: &Configuration,
        vault: Vault,
        upstream: Upstream,
        limits: &Limits,
    ) -> Result<(Self, watch::Receiver<Arc<Snapshot>>), String> {
        let kept = Kept::default();
        let (snapshot, kept) = compile(rows, &vault, &kept, limits)?;
        let (snapshots, receiver) = watch::channel(Arc::new(snapshot));
        let kept = Arc::new(Mutex::new(kept));
        Ok((Self { limits: limits.clone(), snapshots, upstream, kept }, receiver))
    }
}

impl Compile for Compiler {
    fn compile(&self, rows: &Configuration) -> Result<Ready, String> {
        let before = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let vault = Arc::clone(&self.snapshots.borrow().vault);
        let (snapshot, after) = compile(rows, &vault, &before, &self.limits)?;
        let (snapshots, upstream) = (self.snapshots.clone(), self.upstream.clone());
        let kept = Arc::clone(&self.kept);
        Ok(Ready::new(move || {
            // Connections of a server that changed or went are not used again.
            let gone = |key: &PoolKey| {
                let name = (key.tenant.clone(), key.server.clone());
                let entry = |kept: &Kept| kept.servers.get(&name).map(|(row, _)| row.clone());
                entry(&before) != entry(&after)
            };
            upstream.retire(gone);
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = after.clone();
            snapshots.send_replace(Arc::new(snapshot));
        }))
    }
}

fn compile(
    rows: &Configuration,
    vault: &Vault,
    before: &Kept,
    limits: &Limits,
) -> Result<(Snapshot, Kept), String> {
    let mut kept = Kept::default();
    let vault = vault.rebuild(secrets(rows)?).map_err(|error| error.to_string())?;
    let servers = rows
        .servers
        .iter()
        .map(|row| server(row, rows, before, &mut kept, limits))
        .collect::<Result<Vec<_>, String>>()?;
    let mut tokens = Vec::with_capacity(rows.tokens.len());
    let mut uids = Vec::new();
    for row in &rows.agents {
        let agent = agent(row, rows, before, &mut kept)?;
        let revoked = row.revoked_at.is_some();
        for token in rows.tokens.iter().filter(|it| it.agent == row.name && it.tenant == row.tenant)
        {
            let identity = Identity {
                agent: Arc::clone(&agent),
                token: Some(token.id.clone()),
                expires_at: token.expires_at,
                revoked: revoked || token.revoked_at.is_some(),
            };
            tokens.push((token.hash, Arc::new(identity)));
        }
        if let (Some(uid), false) = (row.uid, revoked) {
            let identity = Identity { agent, token: None, expires_at: None, revoked };
            uids.push((uid, Arc::new(identity)));
        }
    }
    let version = rows.version;
    let parts = SnapshotParts { version, vault: Arc::new(vault), tokens, uids, servers };
    let snapshot = Snapshot::build(parts).map_err(|error| error.to_string())?;
    Ok((snapshot, kept))
}

fn secrets(rows: &Configuration) -> Result<Vec<SecretEntry>, String> {
    rows.secrets.iter().map(|row| secret(row, rows)).collect()
}

fn secret(row: &SecretRow, rows: &Configuration) -> Result<SecretEntry, String> {
    let origins = row
        .origins
        .iter()
        .map(|text| Origin::parse(text).map_err(|error| format!("secret {}: {error}", row.name)))
        .collect::<Result<Vec<Origin>, String>>()?;
    let of_this = |name: &SecretName, tenant: &TenantName| *name == row.name && *tenant == row.tenant;
    let (current, retained): (Vec<_>, Vec<_>) = rows
        .secret_versions
        .iter()
        .filter(|version| of_this(&version.name, &version.tenant))
        .map(|version| SealedVersion {
            number: version.version,
            sealed: Sealed::from_bytes(version.sealed.clone()),
        })
        .partition(|version| Some(version.number) == row.version);
    Ok(SecretEntry {
        tenant: row.tenant.clone(),
        name: row.name.clone(),
        origins,
        current: current.into_iter().next(),
        retained,
    })
}

fn server(
    row: &ServerRow,
    rows: &Configuration,
    before: &Kept,
    kept: &mut Kept,
    limits: &Limits,
) -> Result<Arc<ServerEntry>, String> {
    let key = (row.tenant.clone(), row.name.clone());
    let entry = match before.servers.get(&key) {
        // A set refers to servers that may have changed; so it is looked at each time.
        Some((same, entry)) if same == row && !entry.is_set() => Arc::clone(entry),
        Some(_) | None => Arc::new(compile_server(row, rows, limits)?),
    };
    kept.servers.insert(key, (row.clone(), Arc::clone(&entry)));
    Ok(entry)
}

fn compile_server(
    row: &ServerRow,
    rows: &Configuration,
    limits: &Limits,
) -> Result<ServerEntry, String> {
    let context = |problem: String| format!("server {}: {problem}", row.name);
    let options = StoredOptions::read(row).map_err(context)?;
    let servers = |name: &ServerName| tools_of(name, rows, limits);
    let definition = read_definition(row, &GuardSchemas, limits, &servers).map_err(context)?;
    let timeout = options.timeout_ms.or(definition.timeout_ms).unwrap_or(limits.call_ms_max);
    let options = ServerOptions {
        prefix: options.prefix.unwrap_or_else(|| format!("{}__", row.name)),
        timeout: Duration::from_millis(timeout),
        private: PrivateAllowance::of(&options.allow_private),
        enabled: row.enabled,
    };
    ServerEntry::compile(row.tenant.clone(), definition, options).map_err(context)
}

fn tools_of(name: &ServerName, rows: &Configuration, limits: &Limits) -> Option<Vec<ToolName>> {
    let row = rows.servers.iter().find(|row| row.name == *name)?;
    let definition = read_definition(row, &GuardSchemas, limits, &|_| None).ok()?;
    Some(definition.tools.into_iter().map(|tool| tool.name).collect())
}

fn agent(
    row: &AgentRow,
    rows: &Configuration,
    before: &Kept,
    kept: &mut Kept,
) -> Result<Arc<AgentEntry>, String> {
    let key = (row.tenant.clone(), row.name.clone());
    let load = before.loads.get(&key).cloned().unwrap_or_default();
    kept.loads.insert(key, Arc::clone(&load));
    Ok(Arc::new(AgentEntry {
        tenant: row.tenant.clone(),
        name: row.name.clone(),
        grants: grants_of(rows, &row.name)?,
        load,
    }))
}
