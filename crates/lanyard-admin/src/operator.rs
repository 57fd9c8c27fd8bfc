//! `/v1/operators`: the people who administer, by name and role.

use axum::Json;
use axum::extract::{Path, State};
use lanyard_core::OperatorName;
use lanyard_store::{OperatorRow, Role};
use lanyard_vault::{Minted, TokenKind, fill_random, mint};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Admin;
use crate::actor::{Owner, Reader, by_operator};
use crate::asked::Asked;
use crate::change::About;
use crate::error::ApiError;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddRequest {
    name: String,
    role: String,
}

pub(crate) async fn list(State(admin): State<Admin>, _: Reader) -> Result<Json<Value>, ApiError> {
    let operators = admin.blocking(|shared| Ok(shared.parts.store.operators()?)).await?;
    let operators: Vec<Value> = operators
        .iter()
        .map(|row| {
            json!({
                "name": row.name.as_str(),
                "role": row.role.as_str(),
                "token_id": row.token_id.as_str(),
                "begins": row.display_prefix,
                "revoked": row.revoked_at.is_some(),
                "created_at": row.created_at.to_string(),
            })
        })
        .collect();
    Ok(Json(json!({ "operators": operators })))
}

pub(crate) async fn add(
    State(admin): State<Admin>,
    owner: Owner,
    Asked(request): Asked<AddRequest>,
) -> Result<Json<Value>, ApiError> {
    let name = OperatorName::parse(&request.name)?;
    let role: Role = request
        .role
        .parse()
        .map_err(|_| ApiError::invalid("a role is owner, approver or auditor"))?;
    let about = About { action: "operator.add", subject: format!("operator:{name}") };
    let made = admin
        .change(&owner, about, move |_, change| {
            let Minted { plain, hash, id } = mint(TokenKind::Operator, &fill_random)
                .map_err(|error| ApiError::internal("no token can be made", &error))?;
            change.operator_insert(&OperatorRow {
                name: name.clone(),
                role,
                token_id: id.clone(),
                token_hash: hash,
                display_prefix: plain.display_prefix(),
                created_at: change.time(),
                revoked_at: None,
            })?;
            change.detail("role", role.as_str());
            change.detail("token", &id);
            Ok(json!({
                "name": name.as_str(),
                "role": role.as_str(),
                "token": plain.expose(),
                "token_id": id.as_str(),
            }))
        })
        .await?;
    Ok(Json(made))
}

pub(crate) async fn revoke(
    State(admin): State<Admin>,
    owner: Owner,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let name = OperatorName::parse(&name)?;
    let about = About { action: "operator.revoke", subject: format!("operator:{name}") };
    admin
        .change(&owner, about, move |_, change| {
            change.operator_revoke(&name, change.time())?;
            // What they sent out ends with them.
            let ended = change.intakes_delete_by(&by_operator(&name))?;
            if ended > 0 {
                change.detail("intakes_cancelled", ended);
            }
            Ok(())
        })
        .await?;
    Ok(Json(json!({ "revoked": true })))
}
