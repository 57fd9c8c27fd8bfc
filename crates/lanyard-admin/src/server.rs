//! `/v1/servers`: what is there, switched on and off, set and removed.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use lanyard_core::{Limits, Origin, SecretName, ServerName, ToolName};
use lanyard_rest::{Definition, ParseOptions, Parsed, Problem, parse};
use lanyard_store::{Configuration, ServerRow};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Admin;
use crate::actor::{Owner, Reader};
use crate::asked::Asked;
use crate::change::About;
use crate::error::ApiError;
use crate::state::Shared;

/// What an operator sets for a server beside its definition; stored as JSON beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoredOptions {
    /// What stands before its tools' names on `/mcp`; `NAME__` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The longest a call may take, in milliseconds; wins over the definition's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Hosts whose names may lead to private addresses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_private: Vec<String>,
    /// What path-only URLs of the definition start with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// Secrets bound from outside: a key of `server.config` or a scheme's id, with a name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: BTreeMap<String, String>,
    /// Plaintext origins off this machine that secrets may be sent to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub insecure_origins: Vec<String>,
}

/// The longest time limit that can be set for a call, in milliseconds: an hour.
const TIMEOUT_MS_MAX: u64 = 3_600_000;

impl StoredOptions {
    /// Reads what a row holds.
    pub fn read(row: &ServerRow) -> Result<Self, String> {
        serde_json::from_str(&row.options).map_err(|error| format!("options: {error}"))
    }

    /// The options as they are kept: checked, and each thing written in its one normal form.
    pub(crate) fn checked(mut self) -> Result<Self, ApiError> {
        self.prefix = self.prefix.map(|prefix| checked_prefix(&prefix)).transpose()?;
        if self.timeout_ms.is_some_and(|timeout| !(1..=TIMEOUT_MS_MAX).contains(&timeout)) {
            return Err(ApiError::invalid("a timeout is from 1 to 3600000 milliseconds"));
        }
        self.allow_private =
            self.allow_private.iter().map(|host| checked_host(host)).collect::<Result<_, _>>()?;
        for text in &mut self.insecure_origins {
            let origin = Origin::parse(text)
                .map_err(|error| ApiError::invalid(format!("origin `{text}`: {error}")))?;
            *text = origin.to_string();
        }
        Ok(self)
    }

    pub(crate) fn to_json(&self) -> Result<String, ApiError> {
        serde_json::to_string(self).map_err(|error| ApiError::internal("options", &error))
    }

    fn secret_pairs(&self) -> Result<Vec<(String, SecretName)>, ApiError> {
        let pair = |(parameter, name): (&String, &String)| {
            let name = match SecretName::from_reference(name) {
                Some(name) => name,
                None => SecretName::parse(name),
            };
            Ok((parameter.clone(), name?))
        };
        self.secrets.iter().map(pair).collect()
    }
}

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

    fn tools_of(&self, name: &ServerName, rows: &Configuration) -> Option<Vec<ToolName>> {
        let row = rows.servers.iter().find(|row| row.name == *name)?;
        // A tool set is not looked into: it has no tools of its own, and a set of sets is refused.
        let read = read_definition(row, &*self.parts.schemas, &self.parts.limits, &|_| None);
        let definition = read.ok()?;
        Some(definition.tools.into_iter().map(|tool| tool.name).collect())
    }

    /// The definition of a server that is already there: its secrets exist and are bound.
    pub(crate) fn definition(
        &self,
        row: &ServerRow,
        rows: &Configuration,
    ) -> Result<Definition, String> {
        let servers = |name: &ServerName| self.tools_of(name, rows);
        read_definition(row, &*self.parts.schemas, &self.parts.limits, &servers)
    }
}

/// Reads the definition of a stored server again. `servers` gives the tools of other servers, for
/// tool sets.
pub fn read_definition(
    row: &ServerRow,
    schemas: &dyn lanyard_rest::Schemas,
    limits: &Limits,
    servers: &dyn Fn(&ServerName) -> Option<Vec<ToolName>>,
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
            let rows = shared.parts.store.load()?;
            Ok(rows.servers.iter().map(|row| shared.summary(row, &rows)).collect::<Vec<_>>())
        })
        .await?;
    Ok(Json(json!({ "servers": servers })))
}

impl Shared {
    fn summary(&self, row: &ServerRow, rows: &Configuration) -> Value {
        let definition = self.definition(row, rows);
        let (description, tools, origins, secrets) = match &definition {
            Ok(it) => (
                it.description.clone(),
                it.tools.len().max(it.set.as_ref().map_or(0, |set| set.entries.len())),
                it.origins().iter().map(Origin::to_string).collect::<Vec<_>>(),
                it.secrets().iter().map(|name| secret_state(name, rows)).collect::<Vec<_>>(),
            ),
            Err(_) => (None, 0, Vec::new(), Vec::new()),
        };
        let prefix = StoredOptions::read(row)
            .ok()
            .and_then(|options| options.prefix)
            .unwrap_or_else(|| format!("{}__", row.name));
        json!({
            "name": row.name.as_str(),
            "kind": row.kind,
            "description": description,
            "enabled": row.enabled,
            "verified": row.verified,
            "prefix": prefix,
            "tools": tools,
            "origins": origins,
            "secrets": secrets,
            "file": row.file_name,
            "version": row.version,
            "created_at": row.created_at.to_string(),
            "updated_at": row.updated_at.to_string(),
            "problem": definition.err(),
        })
    }
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
            let rows = shared.parts.store.load()?;
            let row = find(&rows, &name)?;
            let mut shown = shared.summary(row, &rows);
            let definition = shared.definition(row, &rows);
            if let (Some(shown), Ok(definition)) = (shown.as_object_mut(), definition) {
                let set = definition.set.as_ref().map(|set| {
                    set.entries.iter().map(|it| it.listed.as_str().to_owned()).collect::<Vec<_>>()
                });
                shown.insert("tool_set".to_owned(), json!(set));
                shown.insert("tool_details".to_owned(), Value::Array(tool_json(&definition)));
                shown.insert("source".to_owned(), Value::String(row.source.clone()));
                let options: Value = serde_json::from_str(&row.options).unwrap_or(Value::Null);
                shown.insert("options".to_owned(), options);
            }
            Ok(shown)
        })
        .await?;
    Ok(Json(shown))
}

fn find<'a>(rows: &'a Configuration, name: &ServerName) -> Result<&'a ServerRow, ApiError> {
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

/// `server set`: keys with values as text; an empty value takes a setting back to its default.
pub(crate) async fn set(
    State(admin): State<Admin>,
    owner: Owner,
    Path(name): Path<String>,
    Asked(pairs): Asked<BTreeMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    let name = ServerName::parse(&name)?;
    let about = About { action: "server.set", subject: format!("server:{name}") };
    let options = admin
        .change(&owner, about, move |shared, change| {
            let mut row =
                change.server_get(&shared.tenant, &name)?.ok_or_else(|| no_server(&name))?;
            let mut options = StoredOptions::read(&row).map_err(ApiError::conflict)?;
            for (key, value) in &pairs {
                apply(&mut options, key, value)?;
                change.detail(key, value);
            }
            row.options = options.to_json()?;
            row.updated_at = change.time();
            change.server_put(&row)?;
            serde_json::to_value(&options).map_err(|error| ApiError::internal("options", &error))
        })
        .await?;
    Ok(Json(options))
}

fn apply(options: &mut StoredOptions, key: &str, value: &str) -> Result<(), ApiError> {
    match key {
        // An empty prefix is a prefix: none. The word `default` takes it back.
        "prefix" => {
            options.prefix = (value != "default").then(|| checked_prefix(value)).transpose()?;
        }
        "timeout" => {
            options.timeout_ms = match value {
                "" => None,
                value => Some(seconds(value)?),
            };
        }
        "allow_private" => {
            options.allow_private = value
                .split(',')
                .map(str::trim)
                .filter(|it| !it.is_empty())
                .map(str::to_owned)
                .collect();
            options.allow_private = options
                .allow_private
                .iter()
                .map(|host| checked_host(host))
                .collect::<Result<_, _>>()?;
        }
        _ => {
            return Err(ApiError::invalid(format!(
                "`{key}` cannot be set; what can: prefix, timeout (seconds), allow_private (hosts, comma-separated)"
            )));
        }
    }
    Ok(())
}

/// Seconds, with a fraction if need be, as milliseconds.
pub(crate) fn seconds(value: &str) -> Result<u64, ApiError> {
    let wrong = || ApiError::invalid("timeout is a number of seconds from 0.001 to 3600");
    let seconds: f64 = value.strip_suffix('s').unwrap_or(value).parse().map_err(|_| wrong())?;
    if !(0.001..=3600.0).contains(&seconds) {
        return Err(wrong());
    }
    let span = std::time::Duration::from_secs_f64(seconds);
    u64::try_from(span.as_millis()).map_err(|_| wrong())
}

/// A host as URLs write it: a name or an address, without a scheme, a port or a path.
fn checked_host(text: &str) -> Result<String, ApiError> {
    let wrong = || {
        ApiError::invalid(format!(
            "`{text}` is no host; write its name or address alone, without https:// and without a port"
        ))
    };
    let origin = Origin::parse(&format!("https://{text}")).map_err(|_| wrong())?;
    // With a port that was written, even the default one, the text is not the host alone.
    let bare = text.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(text);
    let bare = bare.strip_suffix('.').unwrap_or(bare);
    let host = origin.host();
    let host = host.strip_suffix('.').unwrap_or(host);
    let same = host.eq_ignore_ascii_case(bare) || !bare.contains(':');
    if same { Ok(host.to_owned()) } else { Err(wrong()) }
}

/// A prefix is part of tool names, so it has their characters.
pub(crate) fn checked_prefix(prefix: &str) -> Result<String, ApiError> {
    if !prefix.is_empty() && ToolName::parse(prefix).is_err() {
        return Err(ApiError::invalid(
            "a prefix has only letters, digits, `_`, `-`, `.` and `/`, and may be empty",
        ));
    }
    Ok(prefix.to_owned())
}

#[cfg(test)]
mod tests;
