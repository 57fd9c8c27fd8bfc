//! `/v1/grants` and `/v1/who-can`: which agent may call which tool.

use std::collections::{BTreeSet, HashMap};

use axum::Json;
use axum::extract::{Path, State};
use lanyard_core::{AgentName, ServerName, TenantName, ToolName, UserName};
use lanyard_policy::{Grant, Grants, ToolPattern, UserPattern};
use lanyard_store::{Configuration, GrantRow};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Admin;
use crate::actor::{Owner, Reader};
use crate::agent::{expiry, no_agent};
use crate::asked::Asked;
use crate::change::About;
use crate::described;
use crate::error::ApiError;
use crate::server::find;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutRequest {
    /// Names of tools, or `*` alone.
    allow: Vec<String>,
    #[serde(default)]
    deny: Vec<String>,
    /// Names of users, or `*` alone; for nobody but itself when absent.
    users: Option<Vec<String>>,
    ttl_seconds: Option<u64>,
}

fn shown(row: &GrantRow) -> Value {
    json!({
        "agent": row.agent.as_str(),
        "server": row.server.as_str(),
        "allow": row.allow,
        "deny": row.deny,
        "users": row.users,
        "expires_at": row.expires_at.map(|at| at.to_string()),
        "created_at": row.created_at.to_string(),
    })
}

pub(crate) async fn list(State(admin): State<Admin>, _: Reader) -> Result<Json<Value>, ApiError> {
    let rows = admin.blocking(|shared| shared.rows()).await?;
    let grants: Vec<Value> = rows.grants.iter().map(shown).collect();
    Ok(Json(json!({ "grants": grants })))
}

pub(crate) async fn put(
    State(admin): State<Admin>,
    owner: Owner,
    Path((agent, server)): Path<(String, String)>,
    Asked(request): Asked<PutRequest>,
) -> Result<Json<Value>, ApiError> {
    let agent = AgentName::parse(&agent)?;
    let server = ServerName::parse(&server)?;
    let allow = pattern(&request.allow)?;
    let deny = pattern(&request.deny)?;
    if allow == ToolPattern::none() {
        return Err(ApiError::invalid(
            "a grant allows at least one tool; write --allow '*' for all of them",
        ));
    }
    let users = request.users.as_deref().map(checked_users).transpose()?;
    let about = About { action: "grant.put", subject: format!("grant:{agent}/{server}") };
    let made = admin
        .change(&owner, about, move |shared, change| {
            let rows = shared.rows_with(&server, change)?;
            let known = rows.agents.iter().find(|row| row.name == agent);
            if known.is_none_or(|row| row.revoked_at.is_some()) {
                return Err(no_agent(&agent));
            }
            let tools = shared.names_of(&server, &rows)?;
            if let Some(tools) = &tools {
                check_names(&server, tools, [&allow, &deny])?;
            }
            let now = change.time();
            let row = GrantRow {
                tenant: shared.tenant.clone(),
                agent,
                server,
                allow: words(&allow),
                deny: words(&deny),
                users,
                expires_at: request.ttl_seconds.map(|ttl| expiry(now, ttl)).transpose()?,
                created_at: now,
            };
            change.grant_put(&row)?;
            change.detail("allow", row.allow.join(","));
            change.detail("deny", row.deny.join(","));
            if let Some(users) = &row.users {
                change.detail("users", users.join(","));
            }
            Ok(shown(&row))
        })
        .await?;
    Ok(Json(made))
}

impl crate::state::Shared {
    /// The tools of a server; `None` where they are not known yet.
    pub(crate) fn names_of(
        &self,
        server: &ServerName,
        rows: &Configuration,
    ) -> Result<Option<Vec<ToolName>>, ApiError> {
        let row = find(rows, server)?;
        let described = self.described(row, rows).map_err(ApiError::conflict)?;
        if described.is_set() {
            return Err(ApiError::invalid(format!(
                "`{server}` is a tool set; grant the servers behind it (`lanyard server show {server}` lists them)"
            )));
        }
        Ok(described::tools(&described, row, rows))
    }
}

fn pattern(words: &[String]) -> Result<ToolPattern, ApiError> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    ToolPattern::parse(&words).map_err(|error| ApiError::invalid(error.to_string()))
}

/// Names of users, each once and in order, or `*` alone.
fn checked_users(users: &[String]) -> Result<Vec<String>, ApiError> {
    if users == ["*"] {
        return Ok(users.to_vec());
    }
    if users.is_empty() {
        return Err(ApiError::invalid("name the users, or write `*` for whoever it is"));
    }
    if users.iter().any(|user| user == "*") {
        return Err(ApiError::invalid("`*` means every user and stands alone"));
    }
    let names: Result<BTreeSet<UserName>, _> = users.iter().map(|it| UserName::parse(it)).collect();
    Ok(names?.iter().map(|name| name.as_str().to_owned()).collect())
}

fn words(pattern: &ToolPattern) -> Vec<String> {
    pattern.words().into_iter().map(str::to_owned).collect()
}

/// A grant for a tool that does not exist is a slip of the pen, and would be a surprise on the
/// day the tool comes.
fn check_names(
    server: &ServerName,
    tools: &[ToolName],
    patterns: [&ToolPattern; 2],
) -> Result<(), ApiError> {
    for pattern in patterns {
        let ToolPattern::Named(names) = pattern else { continue };
        if let Some(unknown) = names.iter().find(|name| !tools.contains(name)) {
            let known: Vec<&str> = tools.iter().map(ToolName::as_str).collect();
            return Err(ApiError::invalid(format!(
                "server `{server}` has no tool `{unknown}`; it has: {}",
                known.join(", ")
            )));
        }
    }
    Ok(())
}

pub(crate) async fn revoke(
    State(admin): State<Admin>,
    owner: Owner,
    Path((agent, server)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let agent = AgentName::parse(&agent)?;
    let server = ServerName::parse(&server)?;
    let about = About { action: "grant.revoke", subject: format!("grant:{agent}/{server}") };
    admin
        .change(&owner, about, move |shared, change| {
            Ok(change.grant_delete(&shared.tenant, &agent, &server)?)
        })
        .await?;
    Ok(Json(json!({ "revoked": true })))
}

pub(crate) async fn revoke_all(
    State(admin): State<Admin>,
    owner: Owner,
    Path(agent): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let agent = AgentName::parse(&agent)?;
    let about = About { action: "grant.revoke_all", subject: format!("agent:{agent}") };
    let count = admin
        .change(&owner, about, move |shared, change| {
            if change.agent_get(&shared.tenant, &agent)?.is_none() {
                return Err(no_agent(&agent));
            }
            Ok(change.grants_delete_for_agent(&shared.tenant, &agent)?)
        })
        .await?;
    Ok(Json(json!({ "revoked": true, "grants": count })))
}

/// Every agent's grants, as calls are decided by them.
#[derive(Debug, Default)]
pub struct AllGrants(HashMap<(TenantName, AgentName), Vec<Grant>>);

impl AllGrants {
    /// Takes out the grants of one agent; it has none where none was given.
    pub fn take(&mut self, tenant: &TenantName, agent: &AgentName) -> Grants {
        let grants = self.0.remove(&(tenant.clone(), agent.clone())).unwrap_or_default();
        Grants::new(agent.clone(), grants)
    }
}

/// Reads the grants of all agents in one pass.
pub fn all_grants(rows: &Configuration) -> Result<AllGrants, String> {
    let mut all: HashMap<(TenantName, AgentName), Vec<Grant>> = HashMap::new();
    for row in &rows.grants {
        let pattern = |words: &[String]| {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            ToolPattern::parse(&words)
                .map_err(|error| format!("the grant {}/{}: {error}", row.agent, row.server))
        };
        let grant = Grant {
            server: row.server.clone(),
            allow: pattern(&row.allow)?,
            deny: pattern(&row.deny)?,
            users: users(row)?,
            expires_at: row.expires_at,
        };
        all.entry((row.tenant.clone(), row.agent.clone())).or_default().push(grant);
    }
    Ok(AllGrants(all))
}

/// For whom a grant lets its agent call.
fn users(row: &GrantRow) -> Result<UserPattern, String> {
    let words: Vec<&str> = row.users.iter().flatten().map(String::as_str).collect();
    UserPattern::parse(&words)
        .map_err(|error| format!("the grant {}/{}: {error}", row.agent, row.server))
}

pub(crate) async fn who_can(
    State(admin): State<Admin>,
    _: Reader,
    Path((server, tool)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let server = ServerName::parse(&server)?;
    let tool = ToolName::parse(&tool)?;
    let agents = admin
        .blocking(move |shared| {
            let rows = shared.rows()?;
            let tools = shared.names_of(&server, &rows)?;
            if !tools.is_some_and(|tools| tools.contains(&tool)) {
                return Err(ApiError::not_found(format!("server `{server}` has no tool `{tool}`")));
            }
            // A server that is switched off takes no call, whatever is granted.
            let enabled = rows.servers.iter().any(|row| row.name == server && row.enabled);
            let mut grants = all_grants(&rows).map_err(ApiError::conflict)?;
            let grants: Vec<Grants> = rows
                .agents
                .iter()
                .filter(|row| enabled && row.revoked_at.is_none())
                .map(|row| grants.take(&row.tenant, &row.name))
                .collect();
            let now = shared.parts.clock.now();
            Ok(lanyard_policy::who_can(&mut grants.iter(), &server, &tool, now))
        })
        .await?;
    let agents: Vec<&str> = agents.iter().map(AgentName::as_str).collect();
    Ok(Json(json!({ "agents": agents })))
}
