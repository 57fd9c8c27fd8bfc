//! Turns rows into a snapshot, whole or not at all, and puts it in force.
//!
//! What did not change since the last time is taken over: a revoked agent does not cost a second
//! look at every definition.

mod limits;
mod mcp;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lanyard_admin::{
    ArgumentCredentials, Compile, Ready, Scrub as StoredScrub, StoredOptions, all_grants,
    mcp_tools, policy_source, read_definition,
};
use lanyard_connect::http::{PoolKey, PrivateAllowance, Upstream};
use lanyard_core::{AgentName, Binding, Clock as _, Limits, ServerName, TenantName, UserName};
use lanyard_gateway::snapshot::{
    AgentLoad, Marks, PolicyParts, Recording, Scrub, ServerOptions, ToolMarks, UserCredential,
    UserEntry,
};
use lanyard_gateway::{AgentEntry, Identity, ServerEntry, Snapshot, SnapshotParts};
use lanyard_mcp::UserKey;
use lanyard_policy::limit::{CallLimits, DayUse, LimitScope};
use lanyard_policy::{Grants, Policies};
use lanyard_rest::SetTools;
use lanyard_store::{AgentRow, Configuration, PolicyRow, SecretRow, SecretVersionRow, ServerRow};
use lanyard_vault::{Sealed, SealedVersion, SecretEntry, Unreadable, Vault};
use tokio::sync::watch;

pub(super) use self::limits::Meters;
use crate::clock::SystemClock;
use crate::schemas::GuardSchemas;
use crate::views::GuardViews;

/// What compiling depends on beside the rows.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The limits in force.
    pub(crate) limits: Limits,
    /// Where processes of servers have their directories.
    pub(crate) servers_directory: PathBuf,
    /// What is masked in what servers say that have no setting of their own.
    pub(crate) scrub: Scrub,
}

/// Compiles configurations and publishes them.
#[derive(Debug)]
pub(crate) struct Compiler {
    settings: Settings,
    snapshots: watch::Sender<Arc<Snapshot>>,
    upstream: Upstream,
    kept: Arc<Mutex<Arc<Kept>>>,
}

/// Whose credential it is, and for which server.
type UserPlace = (TenantName, ServerName, UserName);

/// What the last configuration was compiled to, for taking over.
#[derive(Debug, Default)]
struct Kept {
    servers: HashMap<(TenantName, ServerName), KeptServer>,
    loads: HashMap<(TenantName, AgentName), Arc<AgentLoad>>,
    policies: HashMap<TenantName, (PolicyRow, Arc<Policies>)>,
    meters: Meters,
}

/// A server with the rows that it was compiled from.
#[derive(Debug, Clone)]
struct KeptServer {
    row: Arc<ServerRow>,
    listed: Arc<mcp::ListedRows>,
    entry: Arc<ServerEntry>,
}

impl Compiler {
    /// Compiles the first configuration, and gives out where the following ones appear.
    pub(crate) fn start(
        rows: &Configuration,
        vault: Vault,
        upstream: Upstream,
        settings: Settings,
        meters: Meters,
    ) -> Result<(Self, watch::Receiver<Arc<Snapshot>>), String> {
        let kept = Kept { meters, ..Kept::default() };
        let (snapshot, kept) = compile(rows, &vault, &kept, &settings)?;
        let (snapshots, receiver) = watch::channel(Arc::new(snapshot));
        let kept = Arc::new(Mutex::new(Arc::new(kept)));
        Ok((Self { settings, snapshots, upstream, kept }, receiver))
    }

    /// What a limit on calls has counted today, and how many of them run.
    pub(crate) fn limit_use(
        &self,
        tenant: &TenantName,
        scope: &LimitScope,
    ) -> Option<(DayUse, u64)> {
        let kept = Arc::clone(&self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        kept.meters.of(tenant, scope).map(|meter| meter.used(SystemClock.now()))
    }

    /// Compiles rows that are not to be put in force.
    pub(crate) fn trial(&self, rows: &Configuration) -> Result<Arc<Snapshot>, String> {
        let before = Arc::clone(&self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        let vault = Arc::clone(&self.snapshots.borrow().vault);
        compile(rows, &vault, &before, &self.settings).map(|(snapshot, _)| Arc::new(snapshot))
    }
}

impl Compile for Compiler {
    fn compile(&self, rows: &Configuration) -> Result<Ready, String> {
        let before = Arc::clone(&self.kept.lock().unwrap_or_else(PoisonError::into_inner));
        let vault = Arc::clone(&self.snapshots.borrow().vault);
        let (snapshot, after) = compile(rows, &vault, &before, &self.settings)?;
        let (snapshots, upstream) = (self.snapshots.clone(), self.upstream.clone());
        let (kept, after) = (Arc::clone(&self.kept), Arc::new(after));
        Ok(Ready::new(move || {
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&after);
            snapshots.send_replace(Arc::new(snapshot));
            // Connections of a server that changed or went are not used again. Only now: a call
            // that began just before could otherwise leave a connection of the old kind behind.
            upstream.retire(|key: &PoolKey| {
                let name = (key.tenant.clone(), key.server.clone());
                let row = |kept: &Kept| kept.servers.get(&name).map(|it| Arc::clone(&it.row));
                row(&before) != row(&after)
            });
        }))
    }

    fn warnings(&self) -> Vec<String> {
        let vault = Arc::clone(&self.snapshots.borrow().vault);
        unreadable(&vault)
    }
}

/// A sentence for each version of a secret that does not open.
fn unreadable(vault: &Vault) -> Vec<String> {
    let warning = |it: &Unreadable| {
        format!(
            "version {} of {} cannot be opened ({}): calls that need it fail; store it again with `lanyard secret set {}`",
            it.version,
            it.name.reference(),
            it.reason,
            it.name
        )
    };
    vault.unreadable().iter().map(warning).collect()
}

fn compile(
    rows: &Configuration,
    vault: &Vault,
    before: &Kept,
    settings: &Settings,
) -> Result<(Snapshot, Kept), String> {
    let mut kept = Kept::default();
    let vault = vault.rebuild(secrets(rows)?).map_err(|error| error.to_string())?;
    let servers = rows
        .servers
        .iter()
        .map(|row| server(row, rows, before, &mut kept, settings))
        .collect::<Result<Vec<_>, String>>()?;
    let mut grants = all_grants(rows)?;
    let (limits, meters) = limits::compile(rows, &before.meters, SystemClock.now())?;
    kept.meters = meters;
    let mut agents = HashMap::with_capacity(rows.agents.len());
    let mut uids = Vec::new();
    for row in &rows.agents {
        let limits = limits.get(&row.tenant).cloned();
        let agent = agent(row, grants.take(&row.tenant, &row.name), limits, before, &mut kept);
        let revoked = row.revoked_at.is_some();
        if let (Some(uid), false) = (row.uid, revoked) {
            let agent = Arc::clone(&agent);
            let identity = Identity { agent, token: None, expires_at: None, revoked };
            uids.push((uid, Arc::new(identity)));
        }
        agents.insert((&row.tenant, &row.name), (agent, revoked));
    }
    let tokens = rows.tokens.iter().filter_map(|token| {
        // The database lets no token outlive its agent's row.
        let (agent, revoked) = agents.get(&(&token.tenant, &token.agent))?;
        let identity = Identity {
            agent: Arc::clone(agent),
            token: Some(token.id.clone()),
            expires_at: token.expires_at,
            revoked: *revoked || token.revoked_at.is_some(),
        };
        Some((token.hash, Arc::new(identity)))
    });
    let tokens = tokens.collect();
    let version = rows.version;
    let (vault, users) = (Arc::new(vault), users(rows)?);
    let policies = policies(rows, before, &mut kept)?;
    let parts = SnapshotParts { version, vault, tokens, uids, servers, policies, users };
    let snapshot = Snapshot::build(parts).map_err(|error| error.to_string())?;
    Ok((snapshot, kept))
}

/// The policies of each tenant that has any. What did not change keeps what it has worked out.
fn policies(
    rows: &Configuration,
    before: &Kept,
    kept: &mut Kept,
) -> Result<Vec<PolicyParts>, String> {
    let mut parsed = Vec::with_capacity(rows.policies.len());
    for row in &rows.policies {
        let same = before.policies.get(&row.tenant).filter(|(known, _)| known == row);
        let policies = match same {
            Some((_, policies)) => Arc::clone(policies),
            None => {
                let policies = Policies::parse(&policy_source(row), Arc::new(GuardViews));
                Arc::new(policies.map_err(|problems| {
                    let first = problems.first().map(ToString::to_string).unwrap_or_default();
                    format!("the policies of tenant {}: {first}", row.tenant)
                })?)
            }
        };
        kept.policies.insert(row.tenant.clone(), (row.clone(), Arc::clone(&policies)));
        let mut tenants = rows.tenants.iter();
        let records = tenants.any(|it| it.name == row.tenant && it.records_arguments);
        let recording = if records { Recording::Read } else { Recording::Digest };
        parsed.push(PolicyParts { tenant: row.tenant.clone(), policies, recording });
    }
    Ok(parsed)
}

/// What users themselves hold, by tenant, server and user.
fn users(rows: &Configuration) -> Result<Vec<(UserPlace, UserEntry)>, String> {
    let mut held: BTreeMap<UserPlace, Vec<UserCredential>> = BTreeMap::new();
    // The rows come in the order of their keys, which is the same each time.
    for row in &rows.user_credentials {
        let key = UserKey::parse(&row.key).ok_or_else(|| {
            format!("the credential {}/{}: `{}` is no place for one", row.server, row.user, row.key)
        })?;
        let place = (row.tenant.clone(), row.server.clone(), row.user.clone());
        held.entry(place).or_default().push(UserCredential {
            key,
            secret: row.secret.clone(),
            version: row.version,
        });
    }
    Ok(held.into_iter().map(|(place, held)| (place, UserEntry::new(held))).collect())
}

fn secrets(rows: &Configuration) -> Result<Vec<SecretEntry>, String> {
    let mut versions: HashMap<_, Vec<&SecretVersionRow>> = HashMap::new();
    for version in &rows.secret_versions {
        versions.entry((&version.tenant, &version.name)).or_default().push(version);
    }
    rows.secrets
        .iter()
        .map(|row| {
            let versions = versions.remove(&(&row.tenant, &row.name)).unwrap_or_default();
            secret(row, versions)
        })
        .collect()
}

fn secret(row: &SecretRow, versions: Vec<&SecretVersionRow>) -> Result<SecretEntry, String> {
    let bound = row
        .origins
        .iter()
        .map(|text| Binding::parse(text).map_err(|error| format!("secret {}: {error}", row.name)))
        .collect::<Result<Vec<Binding>, String>>()?;
    let (current, retained): (Vec<_>, Vec<_>) = versions
        .into_iter()
        .map(|version| SealedVersion {
            number: version.version,
            sealed: Sealed::from_bytes(version.sealed.clone()),
        })
        .partition(|version| Some(version.number) == row.version);
    Ok(SecretEntry {
        tenant: row.tenant.clone(),
        name: row.name.clone(),
        bound,
        current: current.into_iter().next(),
        retained,
    })
}

fn server(
    row: &ServerRow,
    rows: &Configuration,
    before: &Kept,
    kept: &mut Kept,
    settings: &Settings,
) -> Result<Arc<ServerEntry>, String> {
    let key = (row.tenant.clone(), row.name.clone());
    let same = before.servers.get(&key).filter(|it| {
        // A set refers to servers that may have changed; so it is looked at each time.
        *it.row == *row && it.listed.holds(row, rows) && !it.entry.is_set()
    });
    let server = match same {
        Some(same) => same.clone(),
        None => {
            let context = |problem: String| format!("server {}: {problem}", row.name);
            let options = StoredOptions::read(row).map_err(context)?;
            let listed = mcp::ListedRows::of(row, rows);
            let entry = if row.kind == mcp::KIND {
                mcp::compile(row, &options, &listed, settings)
            } else {
                compile_rest(row, &options, rows, &settings.limits)
            };
            let scrub = scrub(&options, settings);
            let entry = entry.map_err(context)?.scrubbed(scrub);
            let takes_credentials = options.argument_credentials == ArgumentCredentials::Pass;
            let entry = entry.keeping_payloads(options.payloads);
            let entry = Arc::new(entry.taking_credentials(takes_credentials));
            KeptServer { row: Arc::new(row.clone()), listed: Arc::new(listed), entry }
        }
    };
    let entry = Arc::clone(&server.entry);
    kept.servers.insert(key, server);
    Ok(entry)
}

fn scrub(options: &StoredOptions, settings: &Settings) -> Scrub {
    match options.scrub {
        Some(StoredScrub::Exact) => Scrub::Exact,
        Some(StoredScrub::Patterns) => Scrub::Patterns,
        None => settings.scrub,
    }
}

fn compile_rest(
    row: &ServerRow,
    options: &StoredOptions,
    rows: &Configuration,
    limits: &Limits,
) -> Result<ServerEntry, String> {
    let servers = |name: &ServerName| tools_of((&row.tenant, name), rows, limits);
    let definition = read_definition(row, &GuardSchemas, limits, &servers)?;
    let options = server_options(row, options, definition.timeout_ms, limits);
    ServerEntry::compile(row.tenant.clone(), definition, &row.source, options)
}

/// What holds for servers of both kinds.
fn server_options(
    row: &ServerRow,
    options: &StoredOptions,
    own_timeout_ms: Option<u64>,
    limits: &Limits,
) -> ServerOptions {
    let timeout = options.timeout_ms.or(own_timeout_ms).unwrap_or(limits.call_ms_max);
    ServerOptions {
        prefix: options.prefix.clone().unwrap_or_else(|| format!("{}__", row.name)),
        timeout: Duration::from_millis(timeout),
        private: PrivateAllowance::of(&options.allow_private),
        enabled: row.enabled,
        marks: marks(options),
    }
}

/// What an operator says of a server and its tools.
fn marks(options: &StoredOptions) -> Marks {
    let tools = options
        .of_tools
        .iter()
        .map(|(name, own)| (name.clone(), ToolMarks { tags: own.tags.clone(), cost: own.cost }));
    Marks { tags: options.tags.clone(), cost: options.cost, tools: tools.collect() }
}

fn tools_of(
    (tenant, name): (&TenantName, &ServerName),
    rows: &Configuration,
    limits: &Limits,
) -> Option<SetTools> {
    if let Some(any) = mcp_tools(name, tenant, rows) {
        return Some(any);
    }
    let row = rows.servers.iter().find(|row| row.tenant == *tenant && row.name == *name)?;
    let definition = read_definition(row, &GuardSchemas, limits, &|_| None).ok()?;
    Some(SetTools::These(definition.tools.into_iter().map(|tool| tool.name).collect()))
}

fn agent(
    row: &AgentRow,
    grants: Grants,
    limits: Option<Arc<CallLimits>>,
    before: &Kept,
    kept: &mut Kept,
) -> Arc<AgentEntry> {
    let key = (row.tenant.clone(), row.name.clone());
    let load = before.loads.get(&key).cloned().unwrap_or_default();
    kept.loads.insert(key, Arc::clone(&load));
    let (tenant, name) = (row.tenant.clone(), row.name.clone());
    let (teams, tags) = (row.teams.iter().map(ToString::to_string).collect(), row.tags.clone());
    let search_above = row.search_above;
    Arc::new(AgentEntry { tenant, name, grants, search_above, teams, tags, limits, load })
}

#[cfg(test)]
mod tests;
