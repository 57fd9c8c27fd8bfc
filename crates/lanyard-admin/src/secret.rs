//! `/v1/secrets`: values go in and never come out.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, State};
use lanyard_core::{Binding, Origin, Scheme, SecretName, ServerName};
use lanyard_store::{Change, Configuration, SecretRow, SecretVersionRow};
use lanyard_vault::{SecretPlace, SecretText};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Admin;
use crate::actor::{Owner, Reader};
use crate::asked::Asked;
use crate::change::About;
use crate::error::ApiError;
use crate::state::Shared;
use crate::user_credential::is_users_own;

/// What is asked. The value has no `Debug`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetRequest {
    value: Option<String>,
    /// Where it may go, beside where it may already: origins, or `server:NAME` for a process.
    #[serde(default)]
    origins: Vec<String>,
    /// Origins of plaintext off this machine that are accepted.
    #[serde(default)]
    insecure_origins: Vec<String>,
    /// Refuse to make a new secret: a rotation is for one that is there.
    #[serde(default)]
    rotate: bool,
}

pub(crate) async fn list(State(admin): State<Admin>, _: Reader) -> Result<Json<Value>, ApiError> {
    let rows = admin.blocking(|shared| shared.rows()).await?;
    // What users hold themselves is listed as theirs: see `/v1/user-credentials`.
    let secrets: Vec<Value> = rows
        .secrets
        .iter()
        .filter(|row| !is_users_own(&row.name, &rows))
        .map(|row| {
            json!({
                "name": row.name.as_str(),
                "reference": row.name.reference(),
                "set": row.version.is_some(),
                "version": row.version,
                "origins": row.origins,
                "created_at": row.created_at.to_string(),
            })
        })
        .collect();
    Ok(Json(json!({ "secrets": secrets })))
}

pub(crate) async fn set(
    State(admin): State<Admin>,
    owner: Owner,
    Path(name): Path<String>,
    Asked(request): Asked<SetRequest>,
) -> Result<Json<Value>, ApiError> {
    let name = SecretName::parse(&name)?;
    let SetRequest { value, origins, insecure_origins, rotate } = request;
    let origins = checked_places(&origins, &insecure_origins)?;
    let text = value
        .map(|value| SecretText::from_input(value.as_bytes()))
        .transpose()
        .map_err(|error| ApiError::invalid(error.to_string()))?;
    if text.is_none() && origins.is_empty() {
        return Err(ApiError::invalid("give a value, an --origin, or both"));
    }
    let action = if rotate { "secret.rotate" } else { "secret.set" };
    let about = About { action, subject: format!("secret:{name}") };
    let shown = admin
        .change(&owner, about, move |shared, change| {
            refuse_users_own(&name, &shared.rows_in(change)?)?;
            let row = shared.secret_widened(&name, &origins, rotate, change)?;
            let version = match text {
                Some(text) => Some(store_version(shared, &name, &text, change)?),
                None => row.version,
            };
            Ok(json!({
                "name": name.as_str(),
                "reference": name.reference(),
                "set": version.is_some(),
                "version": version,
                "origins": row.origins,
            }))
        })
        .await?;
    Ok(Json(shown))
}

pub(crate) fn refuse_users_own(name: &SecretName, rows: &Configuration) -> Result<(), ApiError> {
    if is_users_own(name, rows) {
        return Err(ApiError::conflict(format!(
            "{} is a user's own credential; see `lanyard user credential list`",
            name.reference()
        )));
    }
    Ok(())
}

impl Shared {
    /// Makes a secret without a value where there is none of that name.
    pub(crate) fn secret_exists(
        &self,
        name: &SecretName,
        change: &Change<'_>,
    ) -> Result<(), ApiError> {
        if change.secret_get(&self.tenant, name)?.is_none() {
            self.secret_row(name, false, change)?;
            change.detail("secret_unset", name);
        }
        Ok(())
    }

    /// A secret that may go to these places too, beside where it may already; made where there is
    /// none of that name.
    pub(crate) fn secret_widened(
        &self,
        name: &SecretName,
        places: &[String],
        must_exist: bool,
        change: &Change<'_>,
    ) -> Result<SecretRow, ApiError> {
        let mut row = self.secret_row(name, must_exist, change)?;
        for place in places {
            if !row.origins.contains(place) {
                row.origins.push(place.clone());
            }
        }
        change.secret_set_origins(&self.tenant, name, &row.origins)?;
        change.detail("origins", row.origins.join(" "));
        Ok(row)
    }

    /// Keeps a credential that stood in a definition.
    pub(crate) fn store_literal(
        &self,
        name: &SecretName,
        value: &str,
        place: &str,
        change: &Change<'_>,
    ) -> Result<(), ApiError> {
        self.secret_exists(name, change)?;
        let text = SecretText::from_input(value.as_bytes())
            .map_err(|error| ApiError::invalid(format!("the credential {place}: {error}")))?;
        store_version(self, name, &text, change)?;
        Ok(())
    }

    /// Lets a secret go to these places too.
    pub(crate) fn bind(
        &self,
        name: &SecretName,
        places: &BTreeSet<Binding>,
        change: &Change<'_>,
    ) -> Result<(), ApiError> {
        let Some(row) = change.secret_get(&self.tenant, name)? else { return Ok(()) };
        let mut all: BTreeSet<String> = row.origins.into_iter().collect();
        all.extend(places.iter().map(Binding::to_string));
        let all: Vec<String> = all.into_iter().collect();
        change.detail(&format!("secret_bound:{name}"), all.join(" "));
        Ok(change.secret_set_origins(&self.tenant, name, &all)?)
    }

    /// Takes back every binding to a server: another one of that name gets nothing by it. Links for
    /// these secrets end too: the same name may be bound again in this very change, for another
    /// program than the one that whoever holds the link was asked for.
    pub(crate) fn release(
        &self,
        server: &ServerName,
        rows: &Configuration,
        change: &Change<'_>,
    ) -> Result<(), ApiError> {
        let place = Binding::Server(server.clone()).to_string();
        for row in rows.secrets.iter().filter(|row| row.origins.contains(&place)) {
            let left: Vec<String> =
                row.origins.iter().filter(|it| **it != place).cloned().collect();
            change.secret_set_origins(&self.tenant, &row.name, &left)?;
            change.detail(&format!("secret_released:{}", row.name), &place);
            let ended = change.intakes_delete_of(&self.tenant, &row.name)?;
            if ended > 0 {
                change.detail(&format!("intakes_cancelled:{}", row.name), ended);
            }
        }
        Ok(())
    }

    fn secret_row(
        &self,
        name: &SecretName,
        must_exist: bool,
        change: &Change<'_>,
    ) -> Result<SecretRow, ApiError> {
        if let Some(row) = change.secret_get(&self.tenant, name)? {
            return Ok(row);
        }
        if must_exist {
            return Err(ApiError::not_found(format!(
                "there is no secret `{name}` to rotate; make it with `lanyard secret set {name}`"
            )));
        }
        let row = SecretRow {
            tenant: self.tenant.clone(),
            name: name.clone(),
            origins: Vec::new(),
            created_at: change.time(),
            version: None,
        };
        change.secret_put(&row)?;
        Ok(row)
    }
}

/// Seals a value as the next version of a secret, and has the record say so.
pub(crate) fn store_version(
    shared: &Shared,
    name: &SecretName,
    text: &SecretText,
    change: &Change<'_>,
) -> Result<u32, ApiError> {
    let version = seal_version(shared, name, text, change)?;
    change.detail(&format!("secret_version:{name}"), version);
    Ok(version)
}

/// Seals a value as the next version of a secret. Older versions are kept, retired: an answer
/// that still holds one is masked.
pub(crate) fn seal_version(
    shared: &Shared,
    name: &SecretName,
    text: &SecretText,
    change: &Change<'_>,
) -> Result<u32, ApiError> {
    let version = change.secret_version_next(&shared.tenant, name)?;
    let place = SecretPlace { tenant: &shared.tenant, name, version };
    let sealed = shared
        .parts
        .master
        .seal(&place, text)
        .map_err(|error| ApiError::internal("the secret could not be sealed", &error))?;
    let now = change.time();
    change.secret_version_insert(&SecretVersionRow {
        tenant: shared.tenant.clone(),
        name: name.clone(),
        version,
        sealed: sealed.as_bytes().to_vec(),
        created_at: now,
        retired_at: None,
    })?;
    change.secret_versions_retire_older(&shared.tenant, name, version, now)?;
    Ok(version)
}

/// Where a secret may go, each in its one normal form: origins, and servers as `server:NAME`.
pub(crate) fn checked_places(
    places: &[String],
    insecure: &[String],
) -> Result<Vec<String>, ApiError> {
    places.iter().map(|text| checked_place(text, insecure)).collect()
}

fn checked_place(text: &str, insecure: &[String]) -> Result<String, ApiError> {
    let binding = Binding::parse(text)
        .map_err(|error| ApiError::invalid(format!("origin `{text}`: {error}")))?;
    if let Binding::Origin(origin) = &binding {
        let accepts = |text: &String| Origin::parse(text).is_ok_and(|it| it == *origin);
        let open = origin.scheme() == Scheme::Http && !origin.is_loopback();
        if open && !insecure.iter().any(accepts) {
            return Err(ApiError::invalid(format!(
                "the secret would travel to {origin} unencrypted; use https, or accept it with --insecure-origin {origin}"
            )));
        }
    }
    Ok(binding.to_string())
}

pub(crate) async fn remove(
    State(admin): State<Admin>,
    owner: Owner,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let name = SecretName::parse(&name)?;
    let about = About { action: "secret.remove", subject: format!("secret:{name}") };
    admin
        .change(&owner, about, move |shared, change| {
            let rows = shared.rows_in(change)?;
            refuse_users_own(&name, &rows)?;
            for row in &rows.servers {
                // A definition that cannot be read may use anything.
                let uses =
                    shared.described(row, &rows).map_or(true, |it| it.secrets().contains(&name));
                if uses {
                    return Err(ApiError::conflict(format!(
                        "server `{}` uses {}; remove the server first",
                        row.name,
                        name.reference()
                    )));
                }
            }
            Ok(change.secret_delete(&shared.tenant, &name)?)
        })
        .await?;
    Ok(Json(json!({ "removed": true })))
}

#[cfg(test)]
mod tests;
