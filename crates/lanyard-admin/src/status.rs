//! Health, status, limits: what an operator and a supervisor ask first.

use axum::Json;
use axum::extract::State;
use lanyard_core::{Limit, Limits, Timestamp};
use lanyard_store::DefinitionState;
use serde_json::{Value, json};

use crate::Admin;
use crate::actor::Reader;
use crate::error::ApiError;
use crate::launch;
use crate::options::StoredOptions;
use crate::user_credential::is_users_own;

/// The process lives. Needs no token and says nothing else.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// Calls can be carried out: the log takes records.
pub(crate) async fn readyz(State(admin): State<Admin>) -> Result<&'static str, ApiError> {
    match admin.shared.parts.log.health() {
        Ok(()) => Ok("ready\n"),
        Err(error) => Err(ApiError::unavailable(format!("no call can be recorded: {error}"))),
    }
}

pub(crate) async fn limits(State(admin): State<Admin>, _: Reader) -> Json<Value> {
    Json(limits_json(&admin.shared.parts.limits))
}

/// Every limit as JSON, the same from a running gateway and from the command alone.
pub fn limits_json(limits: &Limits) -> Value {
    let row = |row: &Limit| {
        json!({
            "name": row.name,
            "value": row.value,
            "unit": row.unit.as_str(),
            "meaning": row.meaning,
        })
    };
    json!({ "limits": limits.rows().iter().map(row).collect::<Vec<Value>>() })
}

/// What `lanyard doctor` builds on: where the gateway listens, and what is weak or unused.
pub(crate) async fn status(State(admin): State<Admin>, _: Reader) -> Result<Json<Value>, ApiError> {
    let shown = admin
        .blocking(|shared| {
            let rows = shared.rows()?;
            let now = shared.parts.clock.now();
            let head = shared.parts.log.head();
            Ok(json!({
                "about": shared.parts.about,
                "configuration": rows.version,
                "audit": { "records": head.size, "takes_records": shared.parts.log.health().is_ok() },
                "agents": rows.agents.iter().filter(|row| row.revoked_at.is_none()).count(),
                "servers": rows.servers.len(),
                "secrets": rows.secrets.iter().filter(|row| !is_users_own(&row.name, &rows)).count(),
                "user_credentials": rows.user_credentials.len(),
                "grants": rows.grants.len(),
                "findings": findings(shared, &rows, now),
            }))
        })
        .await?;
    Ok(Json(shown))
}

fn findings(
    shared: &crate::state::Shared,
    rows: &lanyard_store::Configuration,
    now: Timestamp,
) -> Vec<String> {
    const A_WEEK: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 60 * 60);
    let mut findings = shared.parts.compiler.warnings();
    if rows.operators.iter().all(|row| row.revoked_at.is_some()) {
        findings.push(
            "no named operator: everything is done as the data directory's owner; `lanyard operator add NAME --role owner`"
                .to_owned(),
        );
    }
    let mut used = std::collections::BTreeSet::new();
    for row in &rows.servers {
        let mut is_set = false;
        match shared.described(row, rows) {
            Ok(described) => {
                used.extend(described.secrets());
                is_set = described.is_set();
            }
            Err(problem) => findings.push(format!("server {} does not load: {problem}", row.name)),
        }
        if StoredOptions::read(row).is_ok_and(|options| options.payloads) {
            findings.push(format!(
                "server {} keeps the arguments and answers of calls, sealed; `lanyard audit payloads`",
                row.name
            ));
        }
        // A tool set is not granted itself: the servers behind it are.
        if !is_set && !rows.grants.iter().any(|grant| grant.server == row.name) {
            findings.push(format!("server {} is granted to nobody", row.name));
        }
    }
    findings.extend(pins(rows));
    findings.extend(shared.policy_findings(rows));
    // What users hold themselves is set when it is made, and named by nobody.
    for row in rows.secrets.iter().filter(|row| !is_users_own(&row.name, rows)) {
        let name = row.name.reference();
        if row.version.is_none() {
            findings.push(format!("{name} is not set: calls that need it fail"));
        }
        if row.origins.is_empty() {
            findings.push(format!("{name} is bound to no origin: it cannot be used"));
        }
        if !used.contains(&row.name) {
            findings.push(format!("{name} is used by no server"));
        }
    }
    for row in rows.tokens.iter().filter(|row| row.revoked_at.is_none()) {
        match row.expires_at {
            Some(at) if at <= now => {
                findings.push(format!("the token {} of agent {} has expired", row.id, row.agent));
            }
            Some(at) if at <= now.plus(A_WEEK) => findings
                .push(format!("the token {} of agent {} expires at {at}", row.id, row.agent)),
            Some(_) | None => {}
        }
    }
    findings
}

/// What waits for somebody to look at it.
fn pins(rows: &lanyard_store::Configuration) -> Vec<String> {
    let mut findings = Vec::new();
    for row in &rows.servers {
        let listed = rows.definitions_of(&row.tenant, &row.name);
        let waiting = listed.iter().filter(|it| it.state != DefinitionState::Pinned).count();
        if waiting > 0 {
            findings.push(format!(
                "server {}: {waiting} definitions differ from what was approved; `lanyard pin diff {}`",
                row.name, row.name
            ));
        }
        if launch::drift(row, rows).is_some() {
            findings.push(launch::held(row));
        }
    }
    findings
}

pub(crate) async fn nothing_here() -> ApiError {
    ApiError::not_found("there is no such route")
}
