//! What comes with a server in the same change: the values of its secrets, grants for it, and what
//! it was imported from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use lanyard_core::{AgentName, SecretName, ServerName};
use lanyard_rest::{ParseOptions, parse};
use lanyard_store::{Change, Configuration, GrantRow, ImportRow, SecretRow};
use lanyard_vault::SecretText;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Admin;
use crate::actor::Reader;
use crate::agent::no_agent;
use crate::error::ApiError;
use crate::secret::{refuse_users_own, store_version};
use crate::server::find;
use crate::server_add::AddRequest;
use crate::state::Shared;

/// Values of secrets by their names. Read late, so that a wrong one is told in its own words.
#[derive(Clone, Default, Deserialize)]
#[serde(from = "BTreeMap<String, String>")]
pub(crate) struct SecretValues(Arc<BTreeMap<String, String>>);

impl From<BTreeMap<String, String>> for SecretValues {
    fn from(texts: BTreeMap<String, String>) -> Self {
        Self(Arc::new(texts))
    }
}

impl SecretValues {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn names(&self) -> BTreeSet<SecretName> {
        self.0.keys().filter_map(|name| SecretName::parse(name).ok()).collect()
    }

    fn read(&self) -> Result<Vec<(SecretName, SecretText)>, ApiError> {
        let value = |(name, text): (&String, &String)| {
            // What is no name may be a credential in a wrong place: it is not repeated.
            let name = SecretName::parse(name)
                .map_err(|_| ApiError::invalid("a key of `secret_values` is no secret's name"))?;
            let text = SecretText::from_input(text.as_bytes()).map_err(|error| {
                ApiError::invalid(format!("the value for {}: {error}", name.reference()))
            })?;
            Ok((name, text))
        };
        self.0.iter().map(value).collect()
    }

    /// Rows in which these secrets are there already, for reading a definition that names them.
    pub(crate) fn known_in(&self, mut rows: Configuration, shared: &Shared) -> Configuration {
        for name in self.names() {
            if rows.secrets.iter().all(|row| row.name != name) {
                rows.secrets.push(SecretRow {
                    tenant: shared.tenant.clone(),
                    name,
                    origins: Vec::new(),
                    created_at: shared.parts.clock.now(),
                    version: None,
                });
            }
        }
        rows
    }
}

/// What a definition was imported from.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportedFrom {
    /// `openapi`, `postman`.
    format: String,
    /// The file or URL.
    place: String,
    /// What was chosen of it.
    #[serde(default)]
    options: Map<String, Value>,
    /// The definition as it was imported, before anybody edited it.
    definition: String,
}

impl Shared {
    /// Stores the values that come with a server, before its definition is read: it names them. A
    /// value never takes the place of one that other servers may use.
    pub(crate) fn keep_values(
        &self,
        request: &AddRequest,
        change: &Change<'_>,
    ) -> Result<(), ApiError> {
        let name = match request.name.as_deref() {
            Some(name) if !request.secret_values.is_empty() => name,
            Some(_) | None => return Ok(()),
        };
        let (server, rows) = (ServerName::parse(name)?, self.rows_in(change)?);
        let own = match rows.servers.iter().find(|row| row.name == server) {
            Some(row) => self.described(row, &rows).map(|it| it.secrets()).unwrap_or_default(),
            None => BTreeSet::new(),
        };
        for (secret, text) in request.secret_values.read()? {
            let row = rows.secrets.iter().find(|row| row.name == secret);
            let is_others = if own.contains(&secret) {
                self.is_named_elsewhere(&secret, &server, &rows)
            } else {
                // Also one without a value goes somewhere already, or is about to.
                row.is_some_and(|row| row.version.is_some() || !row.origins.is_empty())
                    || self.is_named_elsewhere(&secret, &server, &rows)
            };
            if is_others {
                return Err(already_there(&secret, &server));
            }
            refuse_users_own(&secret, &rows)?;
            self.secret_exists(&secret, change)?;
            store_version(self, &secret, &text, change)?;
        }
        Ok(())
    }

    /// Whether a server of another name has that secret.
    fn is_named_elsewhere(
        &self,
        secret: &SecretName,
        server: &ServerName,
        rows: &Configuration,
    ) -> bool {
        let others = rows.servers.iter().filter(|row| row.name != *server);
        others
            .filter(|row| {
                row.source.contains(secret.as_str()) || row.options.contains(secret.as_str())
            })
            .any(|row| self.described(row, rows).is_ok_and(|it| it.secrets().contains(secret)))
    }

    /// Lets agents call all tools of a server that was just put.
    pub(crate) fn grant_all(
        &self,
        agents: &[String],
        server: &ServerName,
        change: &Change<'_>,
    ) -> Result<(), ApiError> {
        if agents.is_empty() {
            return Ok(());
        }
        let rows = self.rows_with(server, change)?;
        // A tool set takes no grant of its own.
        self.names_of(server, &rows)?;
        for agent in agents {
            let agent = AgentName::parse(agent)?;
            let known = rows.agents.iter().find(|row| row.name == agent);
            if known.is_none_or(|row| row.revoked_at.is_some()) {
                return Err(no_agent(&agent));
            }
            let before = rows.grants.iter().find(|row| row.agent == agent && row.server == *server);
            if before.is_some_and(|row| !is_all(row)) {
                return Err(ApiError::conflict(format!(
                    "{agent} has another grant for `{server}` already; change that with `lanyard grant {agent} {server} --allow '*'`, or leave {agent} out here"
                )));
            }
            if before.is_some() {
                continue;
            }
            change.grant_put(&GrantRow {
                tenant: self.tenant.clone(),
                agent,
                server: server.clone(),
                allow: vec!["*".to_owned()],
                deny: Vec::new(),
                users: None,
                expires_at: None,
                created_at: change.time(),
            })?;
        }
        change.detail("granted", agents.join(","));
        Ok(())
    }

    /// Keeps what a server was imported from.
    pub(crate) fn keep_import(
        &self,
        imported: Option<ImportedFrom>,
        server: &ServerName,
        base_url: Option<String>,
        change: &Change<'_>,
    ) -> Result<(), ApiError> {
        let Some(ImportedFrom { format, place, options, definition }) = imported else {
            return Ok(());
        };
        let read = ParseOptions {
            name: Some(server),
            base_url: base_url.as_deref(),
            secrets: &[],
            secret_known: &|_| true,
            schemas: &*self.parts.schemas,
            limits: &self.parts.limits,
            servers: &|_| None,
        };
        let parsed = parse("imported", &definition, &read).map_err(ApiError::definition)?;
        // It is kept as it is, and not in the vault.
        if let Some(literal) = parsed.literals.first() {
            return Err(ApiError::invalid(format!(
                "line {} of what was imported holds a credential: leave it empty there, or write secret://NAME",
                literal.line
            )));
        }
        change.detail("imported", format!("{format} {place}"));
        Ok(change.import_put(&ImportRow {
            tenant: self.tenant.clone(),
            server: server.clone(),
            format,
            place,
            options: Value::Object(options).to_string(),
            definition,
            imported_at: change.time(),
        })?)
    }
}

/// Whether a grant is for everything and has no end.
fn is_all(row: &GrantRow) -> bool {
    row.allow == ["*"] && row.deny.is_empty() && row.users.is_none() && row.expires_at.is_none()
}

fn already_there(secret: &SecretName, server: &ServerName) -> ApiError {
    let reference = secret.reference();
    ApiError::conflict(format!(
        "{reference} is there already, and not for `{server}` alone: name it with --secret PARAM={reference} if it is the one that is meant, or choose another name for the server; one that nothing uses goes with `lanyard secret rm {secret}`"
    ))
}

/// What a server was imported from, with its definition as it is now.
pub(crate) async fn import(
    State(admin): State<Admin>,
    _: Reader,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let name = ServerName::parse(&name)?;
    let shown = admin
        .blocking(move |shared| {
            let rows = shared.rows()?;
            let server = find(&rows, &name)?;
            let row = shared.parts.store.import_of(&shared.tenant, &name)?;
            Ok(json!({
                "server": name.as_str(),
                "kind": server.kind,
                "version": server.version,
                "definition": server.source,
                "options": serde_json::from_str::<Value>(&server.options).unwrap_or_default(),
                "imported": row.map(|row| json!({
                    "format": row.format,
                    "place": row.place,
                    "options": serde_json::from_str::<Value>(&row.options).unwrap_or_default(),
                    "definition": row.definition,
                    "at": row.imported_at.to_string(),
                })),
            }))
        })
        .await?;
    Ok(Json(shown))
}

#[cfg(test)]
mod tests;
