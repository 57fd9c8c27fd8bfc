//! `/v1/user-credentials`: what users themselves hold at a server. Values go in and never come
//! out, and no definition can name them.

use axum::Json;
use axum::extract::{Path, State};
use lanyard_core::{Binding, SecretName, ServerName, UserName};
use lanyard_mcp::{Definition, Transport, UserKey};
use lanyard_store::{Change, Configuration, SecretRow, UserCredentialRow};
use lanyard_vault::SecretText;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Admin;
use crate::actor::{Owner, Reader};
use crate::asked::{Asked, AskedQuery};
use crate::change::About;
use crate::error::ApiError;
use crate::options::ServerKind;
use crate::secret::seal_version;
use crate::server::find;
use crate::state::Shared;

/// What is asked. The value has no `Debug`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetRequest {
    value: String,
    /// `bearer`, `header:NAME` or `env:NAME`; `bearer` for a server at a URL when absent.
    key: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RemoveQuery {
    /// Which one; all of the user's at that server when absent.
    key: Option<String>,
}

fn parse_key(text: &str) -> Result<UserKey, ApiError> {
    UserKey::parse(text).ok_or_else(|| {
        ApiError::invalid("a user's credential belongs to `bearer`, `header:NAME` or `env:NAME`")
    })
}

pub(crate) async fn list(State(admin): State<Admin>, _: Reader) -> Result<Json<Value>, ApiError> {
    let rows = admin.blocking(|shared| shared.rows()).await?;
    let shown: Vec<Value> = rows
        .user_credentials
        .iter()
        .map(|row| {
            json!({
                "server": row.server.as_str(),
                "user": row.user.as_str(),
                "key": row.key,
                "version": row.version,
                "updated_at": row.updated_at.to_string(),
            })
        })
        .collect();
    Ok(Json(json!({ "user_credentials": shown })))
}

pub(crate) async fn set(
    State(admin): State<Admin>,
    owner: Owner,
    Path((server, user)): Path<(String, String)>,
    Asked(request): Asked<SetRequest>,
) -> Result<Json<Value>, ApiError> {
    let (server, user) = (ServerName::parse(&server)?, UserName::parse(&user)?);
    let key = request.key.as_deref().map(parse_key).transpose()?;
    let text = SecretText::from_input(request.value.as_bytes())
        .map_err(|error| ApiError::invalid(error.to_string()))?;
    let subject = format!("user-credential:{server}/{user}");
    let about = About { action: "user-credential.set", subject };
    let shown = admin
        .change(&owner, about, move |shared, change| {
            let rows = shared.rows_in(change)?;
            let (key, places) = place(&server, key, &rows)?;
            let key = key.to_string();
            let places: Vec<String> = places.iter().map(Binding::to_string).collect();
            let secret = shared.secret_of(&server, &user, &key, change)?;
            change.secret_set_origins(&shared.tenant, &secret, &places)?;
            seal_version(shared, &secret, &text, change)?;
            let version = change.user_credential_put(&UserCredentialRow {
                tenant: shared.tenant.clone(),
                server: server.clone(),
                user: user.clone(),
                key: key.clone(),
                secret,
                version: 0,
                updated_at: change.time(),
            })?;
            change.detail("key", &key);
            change.detail("version", version);
            Ok(json!({
                "server": server.as_str(),
                "user": user.as_str(),
                "key": key,
                "version": version,
            }))
        })
        .await?;
    Ok(Json(shown))
}

/// Where a credential belongs at this server, and all that it is bound to at once: the server, and
/// its origin if it has one. So it goes nowhere new when the server is replaced by another.
fn place(
    name: &ServerName,
    key: Option<UserKey>,
    rows: &Configuration,
) -> Result<(UserKey, Vec<Binding>), ApiError> {
    let row = find(rows, name)?;
    if ServerKind::of(row) != ServerKind::Mcp {
        return Err(ApiError::invalid(format!(
            "`{name}` is a REST API; users' own credentials are for MCP servers"
        )));
    }
    let mut definition = Definition::parse(&row.source).map_err(|_| {
        ApiError::conflict(format!("the definition of `{name}` cannot be read any more"))
    })?;
    let mut places = vec![Binding::Server(name.clone())];
    let key = match (&mut definition.transport, key) {
        (Transport::Stdio(stdio), Some(UserKey::Env(variable))) => {
            stdio.env.retain(|(name, _)| *name != variable);
            stdio.env.push((variable.clone(), lanyard_mcp::Template::default()));
            UserKey::Env(variable)
        }
        (Transport::Stdio(_), _) => {
            return Err(ApiError::invalid(format!(
                "`{name}` is a process; name the variable of its environment with --env NAME"
            )));
        }
        (Transport::Http(_) | Transport::Sse(_), Some(UserKey::Env(_))) => {
            return Err(ApiError::invalid(format!(
                "`{name}` is at a URL and has no environment; use --header NAME"
            )));
        }
        (Transport::Http(remote) | Transport::Sse(remote), key) => {
            places.push(Binding::Origin(remote.origin.clone()));
            let key = key.unwrap_or(UserKey::Bearer);
            if let UserKey::Header(header) = &key {
                remote.headers.retain(|(name, _)| name != header);
                remote.headers.push((header.clone(), lanyard_mcp::Template::default()));
            }
            key
        }
    };
    // What may be a header or a variable is known to whoever reads definitions.
    match Definition::parse(&definition.to_json()) {
        Ok(_) => Ok((key, places)),
        Err(problems) => {
            Err(ApiError::invalid(problems.first().map_or_else(String::new, ToString::to_string)))
        }
    }
}

impl Shared {
    /// The secret that holds this credential, made where there is none yet.
    fn secret_of(
        &self,
        server: &ServerName,
        user: &UserName,
        key: &str,
        change: &Change<'_>,
    ) -> Result<SecretName, ApiError> {
        if let Some(row) = change.user_credential_get(&self.tenant, server, user, key)? {
            return Ok(row.secret);
        }
        let id = (self.parts.record_ids)().as_str().to_ascii_lowercase();
        let name = SecretName::parse(&format!("user-{id}"))?;
        change.secret_put(&SecretRow {
            tenant: self.tenant.clone(),
            name: name.clone(),
            origins: Vec::new(),
            created_at: change.time(),
            version: None,
        })?;
        Ok(name)
    }
}

/// Whether a secret is a user's own credential: then nothing but that may be done with it.
pub(crate) fn is_users_own(name: &SecretName, rows: &Configuration) -> bool {
    rows.user_credentials.iter().any(|row| row.secret == *name)
}

pub(crate) async fn remove(
    State(admin): State<Admin>,
    owner: Owner,
    Path((server, user)): Path<(String, String)>,
    AskedQuery(query): AskedQuery<RemoveQuery>,
) -> Result<Json<Value>, ApiError> {
    let (server, user) = (ServerName::parse(&server)?, UserName::parse(&user)?);
    let key = query.key.as_deref().map(parse_key).transpose()?.map(|key| key.to_string());
    let subject = format!("user-credential:{server}/{user}");
    let about = About { action: "user-credential.remove", subject };
    let keys = admin
        .change(&owner, about, move |shared, change| {
            let rows = shared.rows_in(change)?;
            let mut keys = Vec::new();
            for row in &rows.user_credentials {
                let named = key.as_ref().is_none_or(|key| *key == row.key);
                if row.server == server && row.user == user && named {
                    // The row goes with its secret.
                    change.secret_delete(&shared.tenant, &row.secret)?;
                    change.detail("key", &row.key);
                    keys.push(row.key.clone());
                }
            }
            if keys.is_empty() {
                return Err(ApiError::not_found(format!(
                    "`{user}` has no such credential for server `{server}`; see `lanyard user credential list`"
                )));
            }
            Ok(keys)
        })
        .await?;
    Ok(Json(json!({ "removed": keys })))
}

#[cfg(test)]
mod tests;
