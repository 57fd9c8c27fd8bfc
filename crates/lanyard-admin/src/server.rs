//! `/v1/servers`: what is there, switched on and off, set and removed.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use lanyard_core::{Limits, Origin, SecretName, ServerName, TenantName};
use lanyard_rest::{Definition, ParseOptions, Parsed, Problem, SetTools, parse};
use lanyard_store::{Configuration, DefinitionKind, DefinitionRow, DefinitionState, ServerRow};
use serde_json::{Map, Value, json};

use crate::Admin;
use crate::actor::{Owner, Reader};
use crate::asked::Asked;
use crate::change::About;
use crate::described::{self, Described};
use crate::error::ApiError;
use crate::launch;
use crate::options::{ServerKind, StoredOptions, apply};
use crate::ports::{ServerProcess, ServerStatus};
use crate::state::Shared;

impl Shared {
    /// Reads a definition as it stands among the other rows.
    pub(crate) fn parse(
        &self,
        name: Option<&ServerName>,
        (file, source): (&str, &str),
        options: &StoredOptions,
        rows: &Configuration,
    ) -> Result<Parsed, ApiError> {
        let pairs = options.secret_pairs()?;
        let known = |name: &SecretName| rows.secrets.iter().any(|row| row.name == *name);
        let servers = |name: &ServerName| self.tools_of(name, rows);
        let options = ParseOptions {
            name,
            base_url: options.base_url.as_deref(),
            secrets: &pairs,
            secret_known: &known,
            schemas: &*self.parts.schemas,
            limits: &self.parts.limits,
            servers: &servers,
        };
        parse(file, source, &options).map_err(ApiError::definition)
    }

    /// What a new set may name: what a server that speaks MCP lists as far as that is known.
    fn tools_of(&self, name: &ServerName, rows: &Configuration) -> Option<SetTools> {
        let row = rows.servers.iter().find(|row| row.name == *name)?;
        if ServerKind::of(row) == ServerKind::Mcp {
            let known = described::listed_tools(row, rows);
            return Some(known.map_or(SetTools::Any, SetTools::These));
        }
        // A tool set is not looked into: it has no tools of its own, and a set of sets is refused.
        let read = read_definition(row, &*self.parts.schemas, &self.parts.limits, &|_| None);
        let definition = read.ok()?;
        Some(SetTools::These(definition.tools.into_iter().map(|tool| tool.name).collect()))
    }

    /// The definition of a REST API that is already there: its secrets exist and are bound.
    pub(crate) fn rest_definition(
        &self,
        row: &ServerRow,
        rows: &Configuration,
    ) -> Result<Definition, String> {
        let servers = |name: &ServerName| match mcp_tools(name, &row.tenant, rows) {
            Some(any) => Some(any),
            None => self.tools_of(name, rows),
        };
        read_definition(row, &*self.parts.schemas, &self.parts.limits, &servers)
    }
}

/// What a set that is there already names of a server that speaks MCP; `None` where it is another
/// server. What it lists may have changed since, and that breaks nothing here.
pub fn mcp_tools(name: &ServerName, tenant: &TenantName, rows: &Configuration) -> Option<SetTools> {
    let row = rows.servers.iter().find(|row| row.name == *name && row.tenant == *tenant)?;
    (ServerKind::of(row) == ServerKind::Mcp).then_some(SetTools::Any)
}

/// Reads the definition of a stored server again. `servers` gives the tools of other servers, for
/// tool sets.
pub fn read_definition(
    row: &ServerRow,
    schemas: &dyn lanyard_rest::Schemas,
    limits: &Limits,
    servers: &dyn Fn(&ServerName) -> Option<SetTools>,
) -> Result<Definition, String> {
    let stored = StoredOptions::read(row)?;
    let pairs = stored.secret_pairs().map_err(|_| "a secret's name is damaged".to_owned())?;
    let options = ParseOptions {
        name: Some(&row.name),
        base_url: stored.base_url.as_deref(),
        secrets: &pairs,
        secret_known: &|_| true,
        schemas,
        limits,
        servers,
    };
    match parse(&row.file_name, &row.source, &options) {
        Ok(parsed) => Ok(parsed.definition),
        Err(problems) => {
            Err(problems.first().map_or_else(|| "unreadable".to_owned(), Problem::to_string))
        }
    }
}

pub(crate) async fn list(State(admin): State<Admin>, _: Reader) -> Result<Json<Value>, ApiError> {
    let servers = admin
        .blocking(|shared| {
            let rows = shared.rows()?;
            Ok(rows.servers.iter().map(|row| shared.summary(row, &rows)).collect::<Vec<_>>())
        })
        .await?;
    Ok(Json(json!({ "servers": servers })))
}

impl Shared {
    fn summary(&self, row: &ServerRow, rows: &Configuration) -> Value {
        let described = self.described(row, rows);
        let known = described.as_ref().ok();
        let listed = rows.definitions_of(&row.tenant, &row.name);
        let secrets: Vec<Value> = known
            .map(|it| it.secrets().iter().map(|name| secret_state(name, rows)).collect())
            .unwrap_or_default();
        let is_held = launch::drift(row, rows).is_some();
        let waiting = listed.iter().filter(|it| it.state != DefinitionState::Pinned).count();
        json!({
            "name": row.name.as_str(),
            "kind": row.kind,
            "transport": known.and_then(Described::transport),
            "isolation": known.and_then(Described::isolation),
            "description": known.and_then(Described::description),
            "enabled": row.enabled,
            "verified": row.verified,
            "prefix": prefix_of(row),
            "tools": known.map_or(0, |it| tool_count(it, row, listed)),
            "waiting": waiting.saturating_add(usize::from(is_held)),
            "quarantined": is_held,
            "origins": known.map(Described::origins).unwrap_or_default(),
            "secrets": secrets,
            "file": row.file_name,
            "version": row.version,
            "created_at": row.created_at.to_string(),
            "updated_at": row.updated_at.to_string(),
            "problem": described.err().or_else(|| is_held.then(|| launch::held(row))),
            "status": self.status_of(row).map(|status| status_json(&status)),
        })
    }

    fn status_of(&self, row: &ServerRow) -> Option<ServerStatus> {
        match ServerKind::of(row) {
            ServerKind::Rest => None,
            ServerKind::Mcp => self.parts.status.status(&row.tenant, &row.name),
        }
    }
}

/// What stands before the names of a server's tools on `/mcp`.
pub(crate) fn prefix_of(row: &ServerRow) -> String {
    let options = StoredOptions::read(row).ok();
    options.and_then(|it| it.prefix).unwrap_or_else(|| format!("{}__", row.name))
}

/// How many tools can be called.
fn tool_count(described: &Described, row: &ServerRow, listed: &[DefinitionRow]) -> usize {
    match described {
        Described::Rest(it) => {
            it.tools.len().max(it.set.as_ref().map_or(0, |set| set.entries.len()))
        }
        Described::Mcp(_) => {
            let options = StoredOptions::read(row).unwrap_or_default();
            let tools = listed.iter().filter(|it| it.kind == DefinitionKind::Tool);
            tools.filter(|it| is_in_use(it.state) && options.offers(&it.name)).count()
        }
    }
}

/// Whether a definition is listed and can be used.
fn is_in_use(state: DefinitionState) -> bool {
    match state {
        DefinitionState::Pinned | DefinitionState::Reported => true,
        DefinitionState::Quarantined | DefinitionState::Gone => false,
    }
}

fn process_json(process: &ServerProcess) -> Value {
    let principal = process.principal.as_ref();
    json!({
        "pid": process.pid,
        "agent": principal.map(|it| it.agent.as_str()),
        "user": principal.and_then(|it| it.user.as_ref()).map(|user| user.as_str()),
        "trial": process.trial,
        "since": process.since.to_string(),
        "exit": process.exit,
        "stderr": process.stderr,
    })
}

fn status_json(status: &ServerStatus) -> Value {
    json!({
        "state": status.state,
        "since": status.since.to_string(),
        "last_error": status.last_error,
        "attempt": status.attempt,
        "next_attempt_at": status.next_attempt_at.map(|at| at.to_string()),
        "sessions": status.sessions,
        "calls": status.calls,
        "failures": status.failures,
        "p50_micros": status.p50_micros,
        "p99_micros": status.p99_micros,
    })
}

pub(crate) fn secret_state(name: &SecretName, rows: &Configuration) -> Value {
    let row = rows.secrets.iter().find(|row| row.name == *name);
    json!({
        "name": name.as_str(),
        "set": row.is_some_and(|row| row.version.is_some()),
        "origins": row.map(|row| row.origins.clone()).unwrap_or_default(),
    })
}

pub(crate) fn tool_json(definition: &Definition) -> Vec<Value> {
    definition
        .tools
        .iter()
        .map(|tool| {
            json!({
                "name": tool.name.as_str(),
                "description": tool.description,
                "method": tool.method(),
                "origin": tool.origin().map(Origin::to_string),
                "secrets": tool.secrets().iter().map(SecretName::as_str).collect::<Vec<_>>(),
                "input_schema": tool.input_schema,
                "output_schema": tool.output_schema,
            })
        })
        .collect()
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    _: Reader,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let name = ServerName::parse(&name)?;
    let shown = admin
        .blocking(move |shared| {
            let rows = shared.rows()?;
            let row = find(&rows, &name)?;
            let mut shown = shared.summary(row, &rows);
            if let Some(shown) = shown.as_object_mut() {
                shown.extend(shared.details(row, &rows));
            }
            Ok(shown)
        })
        .await?;
    Ok(Json(shown))
}

impl Shared {
    /// What is shown of one server alone.
    fn details(&self, row: &ServerRow, rows: &Configuration) -> Map<String, Value> {
        let mut shown = Map::new();
        let mut put = |key: &str, value: Value| shown.insert(key.to_owned(), value);
        let json = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        put("options", json(&row.options));
        match self.described(row, rows) {
            Ok(Described::Rest(definition)) => {
                put("tool_set", json!(set_names(&definition)));
                put("tool_details", Value::Array(tool_json(&definition)));
                put("source", Value::String(row.source.clone()));
            }
            Ok(Described::Mcp(_)) => {
                let listed = rows.definitions_of(&row.tenant, &row.name);
                let of = |kind| listed.iter().filter(move |it| it.kind == kind);
                put("definition", json(&row.source));
                let options = StoredOptions::read(row).unwrap_or_default();
                let tool = |it| offered_json(it, &options);
                put("tool_details", of(DefinitionKind::Tool).map(tool).collect());
                put("prompts", of(DefinitionKind::Prompt).map(listed_json).collect());
                put("resources", of(DefinitionKind::Resource).map(listed_json).collect());
                put("templates", of(DefinitionKind::Template).map(listed_json).collect());
                let facts = rows.facts_of(&row.tenant, &row.name);
                put("facts", facts.map_or(Value::Null, |it| json(&it.facts)));
                put("seen_at", json!(facts.map(|it| it.seen_at.to_string())));
                let processes = self.status_of(row).map(|it| it.processes).unwrap_or_default();
                put("processes", processes.iter().map(process_json).collect());
            }
            Err(_) => {}
        }
        shown
    }
}

pub(crate) fn set_names(definition: &Definition) -> Option<Vec<&str>> {
    let set = definition.set.as_ref()?;
    Some(set.entries.iter().map(|it| it.listed.as_str()).collect())
}

/// A definition of an MCP server: as it is listed, else as it was seen.
pub(crate) fn listed_json(row: &DefinitionRow) -> Value {
    let raw = row.pinned.as_deref().or(row.seen.as_deref()).unwrap_or("{}");
    let object: Value = serde_json::from_str(raw).unwrap_or(Value::Null);
    let member = |key: &str| object.get(key).cloned().unwrap_or(Value::Null);
    json!({
        "name": row.name,
        "description": member("description"),
        "state": row.state.as_str(),
        "reasons": row.reasons.iter().map(|it| it.text.as_str()).collect::<Vec<_>>(),
        "input_schema": member("inputSchema"),
        "output_schema": member("outputSchema"),
        "annotations": member("annotations"),
    })
}

/// The same of a tool, and whether the operator lets it be seen.
fn offered_json(row: &DefinitionRow, options: &StoredOptions) -> Value {
    let mut shown = listed_json(row);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("offered".to_owned(), json!(options.offers(&row.name)));
    }
    shown
}

pub(crate) fn find<'a>(
    rows: &'a Configuration,
    name: &ServerName,
) -> Result<&'a ServerRow, ApiError> {
    rows.servers.iter().find(|row| row.name == *name).ok_or_else(|| no_server(name))
}

pub(crate) fn no_server(name: &ServerName) -> ApiError {
    ApiError::not_found(format!("there is no server `{name}`; see `lanyard server list`"))
}

pub(crate) async fn remove(
    State(admin): State<Admin>,
    owner: Owner,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let name = ServerName::parse(&name)?;
    let about = About { action: "server.remove", subject: format!("server:{name}") };
    admin
        .change(&owner, about, move |shared, change| {
            let rows = shared.rows_in(change)?;
            shared.release(&name, &rows, change)?;
            // What users hold for it goes with it, values and all.
            for row in rows.user_credentials.iter().filter(|row| row.server == name) {
                change.secret_delete(&shared.tenant, &row.secret)?;
            }
            Ok(change.server_delete(&shared.tenant, &name)?)
        })
        .await?;
    Ok(Json(json!({ "removed": true })))
}

pub(crate) async fn enable(
    state: State<Admin>,
    owner: Owner,
    path: Path<String>,
) -> Result<Json<Value>, ApiError> {
    switch(state, owner, path, true).await
}

pub(crate) async fn disable(
    state: State<Admin>,
    owner: Owner,
    path: Path<String>,
) -> Result<Json<Value>, ApiError> {
    switch(state, owner, path, false).await
}

async fn switch(
    State(admin): State<Admin>,
    owner: Owner,
    Path(name): Path<String>,
    enabled: bool,
) -> Result<Json<Value>, ApiError> {
    let name = ServerName::parse(&name)?;
    let action = if enabled { "server.enable" } else { "server.disable" };
    let about = About { action, subject: format!("server:{name}") };
    admin
        .change(&owner, about, move |shared, change| {
            Ok(change.server_set_enabled(&shared.tenant, &name, enabled)?)
        })
        .await?;
    Ok(Json(json!({ "enabled": enabled })))
}

/// `server set`: keys with values as text; null, an empty value or `default` takes a setting back.
pub(crate) async fn set(
    State(admin): State<Admin>,
    owner: Owner,
    Path(name): Path<String>,
    Asked(pairs): Asked<BTreeMap<String, Option<String>>>,
) -> Result<Json<Value>, ApiError> {
    let name = ServerName::parse(&name)?;
    let about = About { action: "server.set", subject: format!("server:{name}") };
    let options = admin
        .change(&owner, about, move |shared, change| {
            let mut row =
                change.server_get(&shared.tenant, &name)?.ok_or_else(|| no_server(&name))?;
            let mut options = StoredOptions::read(&row).map_err(ApiError::conflict)?;
            for (key, value) in &pairs {
                apply(&mut options, ServerKind::of(&row), key, value.as_deref())?;
                change.detail(key, value.as_deref().unwrap_or("default"));
            }
            row.options = options.to_json()?;
            row.updated_at = change.time();
            change.server_put(&row)?;
            serde_json::to_value(&options).map_err(|error| ApiError::internal("options", &error))
        })
        .await?;
    Ok(Json(options))
}
