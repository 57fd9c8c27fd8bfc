//! `/v1/tenants`: walls that nothing crosses, and the header that says behind which one a request
//! looks.

use axum::Json;
use axum::extract::{Path, State};
use http::HeaderMap;
use lanyard_core::TenantName;
use lanyard_store::TenantRow;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Admin;
use crate::actor::{Owner, Reader};
use crate::asked::Asked;
use crate::change::About;
use crate::error::ApiError;
use crate::state::Shared;

/// Names the tenant that a request is about.
const TENANT: &str = "lanyard-tenant";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddRequest {
    name: String,
}

/// The tenant that a request names, if it names one.
pub(crate) fn named(headers: &HeaderMap) -> Result<Option<TenantName>, ApiError> {
    let mut values = headers.get_all(TENANT).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(ApiError::invalid("the header Lanyard-Tenant stands there twice"));
    }
    let name = value.to_str().unwrap_or_default();
    Ok(Some(TenantName::parse(name)?))
}

/// Fails where the tenant that is asked about was never made.
pub(crate) fn must_exist(shared: &Shared) -> Result<(), ApiError> {
    let tenants = shared.parts.store.tenants()?;
    if tenants.iter().any(|row| row.name == shared.tenant) {
        return Ok(());
    }
    Err(no_tenant(&shared.tenant))
}

pub(crate) fn no_tenant(name: &TenantName) -> ApiError {
    ApiError::not_found(format!("there is no tenant `{name}`; see `lanyard tenant list`"))
}

pub(crate) async fn list(State(admin): State<Admin>, _: Reader) -> Result<Json<Value>, ApiError> {
    let rows = admin.blocking(|shared| Ok(shared.parts.store.load()?)).await?;
    let tenants: Vec<Value> = rows
        .tenants
        .iter()
        .map(|row| {
            json!({
                "name": row.name.as_str(),
                "created_at": (row.created_at.0 != 0).then(|| row.created_at.to_string()),
                "servers": rows.servers.iter().filter(|it| it.tenant == row.name).count(),
                "agents": rows.agents.iter()
                    .filter(|it| it.tenant == row.name && it.revoked_at.is_none())
                    .count(),
            })
        })
        .collect();
    Ok(Json(json!({ "tenants": tenants })))
}

pub(crate) async fn add(
    State(admin): State<Admin>,
    owner: Owner,
    Asked(request): Asked<AddRequest>,
) -> Result<Json<Value>, ApiError> {
    let name = TenantName::parse(&request.name)?;
    let about = About { action: "tenant.add", subject: format!("tenant:{name}") };
    let shown = json!({ "name": name.as_str() });
    admin
        .change(&owner, about, move |_, change| {
            let created_at = change.time();
            Ok(change.tenant_insert(&TenantRow { name, created_at, records_arguments: false })?)
        })
        .await?;
    Ok(Json(shown))
}

pub(crate) async fn remove(
    State(admin): State<Admin>,
    owner: Owner,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let name = TenantName::parse(&name)?;
    if name == TenantName::default_tenant() {
        return Err(ApiError::conflict("the tenant `default` is always there"));
    }
    let about = About { action: "tenant.remove", subject: format!("tenant:{name}") };
    admin.change(&owner, about, move |_, change| Ok(change.tenant_delete(&name)?)).await?;
    Ok(Json(json!({ "removed": true })))
}
