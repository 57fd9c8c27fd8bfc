//! Whether records keep the arguments that policies read: so that `policy replay` can decide on them,
//! and what they hold stays in the log.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Admin;
use crate::actor::Owner;
use crate::asked::Asked;
use crate::change::{About, Landing};
use crate::error::ApiError;
use crate::state::Shared;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordRequest {
    arguments: bool,
}

/// Switches it on or off, from the next call on.
pub(crate) async fn record(
    State(admin): State<Admin>,
    owner: Owner,
    Asked(request): Asked<RecordRequest>,
) -> Result<Json<Value>, ApiError> {
    let about = About { action: "policy.record", subject: "policy".to_owned() };
    let RecordRequest { arguments } = request;
    let shown = admin
        .change_if(&owner, about, move |shared, change| {
            let changed = change.tenant_records_arguments(&shared.tenant, arguments)?;
            change.detail("arguments", arguments);
            let shown = json!({ "arguments": arguments, "changed": changed });
            Ok(if changed { Landing::Keep(shown) } else { Landing::Undo(shown) })
        })
        .await?;
    Ok(Json(shown))
}

impl Shared {
    /// Whether records keep what policies read.
    pub(super) fn records_arguments(&self) -> Result<bool, ApiError> {
        let tenants = self.parts.store.tenants()?;
        Ok(tenants.iter().any(|row| row.name == self.tenant && row.records_arguments))
    }
}
