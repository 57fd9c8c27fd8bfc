//! `POST /v1/servers/NAME/test` and `/reconnect`: an MCP server is connected to because somebody
//! asks.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use lanyard_core::ServerName;
use lanyard_mcp::{Catalog, Item};
use lanyard_store::{Configuration, DefinitionRow};
use serde_json::{Value, json};

use crate::Admin;
use crate::actor::Owner;
use crate::change::About;
use crate::error::ApiError;
use crate::launch::{self, launch_is_pinned};
use crate::mcp_add::unlisted;
use crate::options::ServerKind;
use crate::pinning::stored;
use crate::ports::Trial;
use crate::server::find;
use crate::state::Shared;

/// Connects to a server in a conversation of its own and says what it lists. Nothing is stored:
/// what differs from the pins is taken in when the gateway itself lists it.
pub(crate) async fn test(
    State(admin): State<Admin>,
    owner: Owner,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let name = ServerName::parse(&name)?;
    let about = About { action: "server.test", subject: format!("server:{name}") };
    let actor = owner.actor().clone();
    let asked = name.clone();
    let trial = admin
        .blocking(move |shared| {
            let trial = shared.trial(&asked)?;
            shared.note(&actor, about)?;
            Ok(trial)
        })
        .await?;
    let rows = Arc::clone(&trial.rows);
    let listed = admin.verify(trial).await;
    let listed = listed.map_err(|why| unlisted(&format!("`{name}` cannot be listed"), &why, ""))?;
    let known = rows.definitions_of(&admin.shared.tenant, &name);
    Ok(Json(shown(&name, &listed, known)))
}

impl Shared {
    fn trial(&self, name: &ServerName) -> Result<Trial, ApiError> {
        let rows = self.parts.store.load()?;
        self.mcp_row(name, &rows)?;
        let (tenant, server) = (self.tenant.clone(), name.clone());
        Ok(Trial { rows: Arc::new(rows), tenant, server })
    }

    fn mcp_row(&self, name: &ServerName, rows: &Configuration) -> Result<(), ApiError> {
        let own = rows.clone().of_tenant(&self.tenant);
        let row = find(&own, name)?;
        if ServerKind::of(row) != ServerKind::Mcp {
            return Err(ApiError::invalid(format!(
                "`{name}` is a REST API: it is connected to when it is called"
            )));
        }
        if !launch_is_pinned(row, own.facts_of(&row.tenant, &row.name)) {
            return Err(ApiError::conflict(launch::held(row)));
        }
        Ok(())
    }
}

fn shown(name: &ServerName, listed: &Catalog, known: &[DefinitionRow]) -> Value {
    let item = |item: &Item| {
        let row = known.iter().find(|row| row.kind == stored(item.kind) && row.name == item.name);
        let state = match row {
            None => "new",
            Some(row) if row.pinned.as_deref() == Some(item.raw.as_str()) => "pinned",
            Some(row) if row.seen.as_deref() == Some(item.raw.as_str()) => row.state.as_str(),
            Some(_) => "changed",
        };
        json!({ "kind": item.kind.as_str(), "name": item.name, "state": state })
    };
    let facts = listed.facts.as_deref().unwrap_or("null");
    json!({
        "name": name.as_str(),
        "facts": serde_json::from_str::<Value>(facts).unwrap_or(Value::Null),
        "listed": listed.items.iter().map(item).collect::<Vec<_>>(),
    })
}

pub(crate) async fn reconnect(
    State(admin): State<Admin>,
    owner: Owner,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let name = ServerName::parse(&name)?;
    let about = About { action: "server.reconnect", subject: format!("server:{name}") };
    let actor = owner.actor().clone();
    admin
        .blocking(move |shared| {
            shared.mcp_row(&name, &shared.parts.store.load()?)?;
            shared.note(&actor, about)?;
            shared.parts.status.reconnect(&shared.tenant, &name);
            Ok(())
        })
        .await?;
    Ok(Json(json!({ "reconnecting": true })))
}
