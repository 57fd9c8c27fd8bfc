//! `/v1/call-limits`: how many calls an agent, a server, a tool or all of a tenant may have.
//! (`/v1/limits` are the limits of the gateway itself.)

use axum::Json;
use axum::extract::State;
use lanyard_core::{AgentName, ServerName, ToolName};
use lanyard_policy::limit::{LimitScope, LimitTerms, TermsAsked};
use lanyard_store::{Change, Configuration, LimitRow};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Admin;
use crate::actor::{Owner, Reader};
use crate::agent::no_agent;
use crate::asked::{Asked, AskedQuery};
use crate::change::About;
use crate::error::ApiError;
use crate::state::Shared;

/// Whose calls: what is absent is any.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Calls {
    agent: Option<String>,
    server: Option<String>,
    tool: Option<String>,
}

/// The same, and how many. What is absent is not limited.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutRequest {
    agent: Option<String>,
    server: Option<String>,
    tool: Option<String>,
    /// `10/s`, `600/m` or `1000/h`.
    rate: Option<String>,
    burst: Option<u64>,
    concurrency: Option<u64>,
    calls_per_day: Option<u64>,
    cost_per_day: Option<u64>,
}

impl Calls {
    fn scope(&self) -> Result<LimitScope, ApiError> {
        let agent = self.agent.as_deref().map(AgentName::parse).transpose()?;
        let server = self.server.as_deref().map(ServerName::parse).transpose()?;
        let tool = self.tool.as_deref().map(ToolName::parse).transpose()?;
        LimitScope::new(agent, server, tool).map_err(|error| ApiError::invalid(error.to_string()))
    }
}

fn about(action: &'static str, scope: &LimitScope) -> About {
    About { action, subject: format!("call-limit:{scope}") }
}

fn scope_of(row: &LimitRow) -> Result<LimitScope, ApiError> {
    LimitScope::new(row.agent.clone(), row.server.clone(), row.tool.clone())
        .map_err(|error| ApiError::conflict(error.to_string()))
}

impl Shared {
    /// A limit, and what it has counted.
    fn limit_shown(&self, row: &LimitRow) -> Result<Value, ApiError> {
        let scope = scope_of(row)?;
        let (used, running) = self.parts.status.limit_use(&self.tenant, &scope).unwrap_or_default();
        Ok(json!({
            "limit": scope.to_string(),
            "agent": row.agent.as_ref().map(AgentName::as_str),
            "server": row.server.as_ref().map(ServerName::as_str),
            "tool": row.tool.as_ref().map(ToolName::as_str),
            "rate": row.rate,
            "burst": row.burst,
            "concurrency": row.concurrency,
            "calls_per_day": row.calls_per_day,
            "cost_per_day": row.cost_per_day,
            "updated_at": row.updated_at.to_string(),
            "running": running,
            "calls_today": used.calls,
            "cost_today": used.cost,
        }))
    }

    /// Whom and what it names must be there: a limit on nothing is a slip of the pen, and lets
    /// through what somebody thinks is limited.
    fn limit_must_mean_something(
        &self,
        scope: &LimitScope,
        change: &Change<'_>,
    ) -> Result<(), ApiError> {
        let known = |rows: &Configuration, agent: &AgentName| {
            rows.agents.iter().any(|row| row.name == *agent && row.revoked_at.is_none())
        };
        let rows = match scope.server() {
            Some(server) => self.rows_with(server, change)?,
            None => self.rows_in(change)?,
        };
        if let Some(agent) = scope.agent().filter(|agent| !known(&rows, agent)) {
            return Err(no_agent(agent));
        }
        let Some(server) = scope.server() else { return Ok(()) };
        let tools = self.names_of(server, &rows)?;
        let unknown = |tool: &&ToolName| tools.as_ref().is_some_and(|all| !all.contains(tool));
        match scope.tool().filter(unknown) {
            Some(tool) => {
                let tools = tools.unwrap_or_default();
                let known: Vec<&str> = tools.iter().map(ToolName::as_str).collect();
                Err(ApiError::invalid(format!(
                    "server `{server}` has no tool `{tool}`; it has: {}",
                    known.join(", ")
                )))
            }
            None => Ok(()),
        }
    }
}

pub(crate) async fn list(State(admin): State<Admin>, _: Reader) -> Result<Json<Value>, ApiError> {
    let shown = admin
        .blocking(|shared| {
            let rows = shared.rows()?;
            rows.limits.iter().map(|row| shared.limit_shown(row)).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    Ok(Json(json!({ "call_limits": shown })))
}

pub(crate) async fn put(
    State(admin): State<Admin>,
    owner: Owner,
    Asked(request): Asked<PutRequest>,
) -> Result<Json<Value>, ApiError> {
    let PutRequest { agent, server, tool, rate, burst, .. } = request;
    let scope = Calls { agent, server, tool }.scope()?;
    let PutRequest { concurrency, calls_per_day, cost_per_day, .. } = request;
    let rate = rate.as_deref();
    let asked = TermsAsked { rate, burst, concurrency, calls_per_day, cost_per_day };
    let terms = LimitTerms::of(asked).map_err(|error| ApiError::invalid(error.to_string()))?;
    let shown = admin
        .change(&owner, about("call-limit.set", &scope), move |shared, change| {
            shared.limit_must_mean_something(&scope, change)?;
            let row = LimitRow {
                tenant: shared.tenant.clone(),
                agent: scope.agent().cloned(),
                server: scope.server().cloned(),
                tool: scope.tool().cloned(),
                rate: terms.rate().map(|rate| rate.to_string()),
                burst: terms.rate().map(|rate| rate.burst()),
                concurrency,
                calls_per_day,
                cost_per_day,
                updated_at: change.time(),
            };
            change.limit_put(&row)?;
            note(&row, change);
            shared.limit_shown(&row)
        })
        .await?;
    Ok(Json(shown))
}

/// Says in the record how many.
fn note(row: &LimitRow, change: &Change<'_>) {
    if let Some(rate) = &row.rate {
        change.detail("rate", rate);
    }
    let numbers = [
        ("burst", row.burst),
        ("concurrency", row.concurrency),
        ("calls_per_day", row.calls_per_day),
        ("cost_per_day", row.cost_per_day),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            change.detail(name, number);
        }
    }
}

pub(crate) async fn remove(
    State(admin): State<Admin>,
    owner: Owner,
    AskedQuery(calls): AskedQuery<Calls>,
) -> Result<Json<Value>, ApiError> {
    let scope = calls.scope()?;
    let shown = json!({ "removed": scope.to_string() });
    admin
        .change(&owner, about("call-limit.remove", &scope), move |shared, change| {
            let row = LimitRow {
                tenant: shared.tenant.clone(),
                agent: scope.agent().cloned(),
                server: scope.server().cloned(),
                tool: scope.tool().cloned(),
                rate: None,
                burst: None,
                concurrency: None,
                calls_per_day: None,
                cost_per_day: None,
                updated_at: change.time(),
            };
            if change.limit_remove(&row)? {
                return Ok(());
            }
            Err(ApiError::not_found(format!(
                "there is no limit on the calls {scope}; see `lanyard limit list`"
            )))
        })
        .await?;
    Ok(Json(shown))
}

#[cfg(test)]
mod tests;
