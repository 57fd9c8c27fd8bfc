//! `/v1/pins`: what servers list that is not what was approved, what differs, and approving it.

use axum::Json;
use axum::extract::{Path, State};
use lanyard_core::ServerName;
use lanyard_mcp::pin;
use lanyard_store::{
    Change, Configuration, DefinitionKind, DefinitionRow, DefinitionState, FactsRow, ServerRow,
};
use ring::digest;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Admin;
use crate::actor::{Owner, Reader};
use crate::asked::{Asked, AskedQuery};
use crate::change::About;
use crate::error::ApiError;
use crate::launch;
use crate::pinning;
use crate::server::find;
use crate::state::Shared;

/// How much of a digest is shown and asked back: as long as anybody needs who cannot choose it.
const DIGEST_BYTES: usize = 16;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// Those that are simply pinned, too.
    #[serde(default)]
    all: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShowQuery {
    /// The one that is asked about; all when absent.
    name: Option<String>,
    #[serde(default)]
    all: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApproveRequest {
    /// What was looked at.
    definitions: Vec<Looked>,
}

/// A definition as it was shown to whoever approves it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Looked {
    kind: String,
    name: String,
    digest: String,
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    _: Reader,
    AskedQuery(query): AskedQuery<ListQuery>,
) -> Result<Json<Value>, ApiError> {
    let rows = admin.blocking(|shared| shared.rows()).await?;
    let listed = rows.definitions.iter().filter(|row| query.all || waits(row)).map(summary);
    let launches = launch::drifts(&rows).map(|row| summary(&row));
    Ok(Json(json!({ "pins": launches.chain(listed).collect::<Vec<_>>() })))
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    _: Reader,
    Path(server): Path<String>,
    AskedQuery(query): AskedQuery<ShowQuery>,
) -> Result<Json<Value>, ApiError> {
    let server = ServerName::parse(&server)?;
    let rows = admin.blocking(|shared| shared.rows()).await?;
    let launch = launch::drift(find(&rows, &server)?, &rows);
    let listed = rows.definitions_of(&admin.shared.tenant, &server);
    let named = |row: &&DefinitionRow| match &query.name {
        Some(name) => row.name == *name,
        None => query.all || waits(row),
    };
    let shown: Vec<Value> = launch.iter().chain(listed).filter(named).map(detailed).collect();
    match &query.name {
        Some(name) if shown.is_empty() => Err(ApiError::not_found(format!(
            "server `{server}` never listed `{name}`; see `lanyard pin list {server} --all`"
        ))),
        Some(_) | None => Ok(Json(json!({ "server": server.as_str(), "pins": shown }))),
    }
}

/// Whether it is not simply what was approved.
fn waits(row: &DefinitionRow) -> bool {
    row.state != DefinitionState::Pinned
}

fn summary(row: &DefinitionRow) -> Value {
    let reason = |it: &lanyard_store::DefinitionReason| json!({ "code": it.code, "text": it.text });
    json!({
        "server": row.server.as_str(),
        "kind": row.kind.as_str(),
        "name": row.name,
        "state": row.state.as_str(),
        "reasons": row.reasons.iter().map(reason).collect::<Vec<_>>(),
        "changed_at": row.changed_at.to_string(),
        "approved_at": row.approved_at.map(|at| at.to_string()),
        "approved_by": row.approved_by,
        "digest": digest_of(row),
    })
}

fn detailed(row: &DefinitionRow) -> Value {
    let mut shown = summary(row);
    let seen = match row.state {
        DefinitionState::Pinned => row.pinned.as_deref(),
        DefinitionState::Reported | DefinitionState::Quarantined => row.seen.as_deref(),
        DefinitionState::Gone => None,
    };
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("pinned".to_owned(), json!(row.pinned));
        shown.insert("seen".to_owned(), json!(seen));
        let diff = pin::diff(row.pinned.as_deref(), seen);
        shown.insert("diff".to_owned(), Value::String(diff));
    }
    shown
}

/// A digest of all that is shown of a definition: who approves it says what was looked at.
fn digest_of(row: &DefinitionRow) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    let parts = [
        Some(row.kind.as_str()),
        Some(row.name.as_str()),
        Some(row.state.as_str()),
        row.pinned.as_deref(),
        row.seen.as_deref(),
    ];
    for part in parts {
        // With its length before it, and one more than that, so that nothing is not empty.
        let length = part.map_or(0, |part| part.len().saturating_add(1));
        context.update(&u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part.unwrap_or_default().as_bytes());
    }
    let bytes = context.finish();
    bytes.as_ref().iter().take(DIGEST_BYTES).map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) async fn approve(
    State(admin): State<Admin>,
    owner: Owner,
    Path(server): Path<String>,
    Asked(request): Asked<ApproveRequest>,
) -> Result<Json<Value>, ApiError> {
    let server = ServerName::parse(&server)?;
    if request.definitions.is_empty() {
        return Err(ApiError::invalid("name what you approve, with the digest that was shown"));
    }
    let about = About { action: "pin.approve", subject: format!("server:{server}") };
    let by = owner.actor().by().name;
    let approved = admin
        .change(&owner, about, move |shared, change| {
            let rows = shared.rows_with(&server, change)?;
            let row = find(&rows, &server)?;
            let looked = &request.definitions;
            looked
                .iter()
                .map(|looked| shared.approve_one(row, looked, &by, &rows, change))
                .collect::<Result<Vec<_>, _>>()
        })
        .await?;
    Ok(Json(json!({ "approved": approved })))
}

impl Shared {
    fn approve_one(
        &self,
        row: &ServerRow,
        looked: &Looked,
        by: &str,
        rows: &Configuration,
        change: &Change<'_>,
    ) -> Result<Value, ApiError> {
        let Looked { kind, name, digest } = looked;
        let kind = DefinitionKind::parse(kind).ok_or_else(|| {
            ApiError::invalid("a kind is tool, prompt, resource, template or server")
        })?;
        let (server, launch) = (&row.name, launch::drift(row, rows));
        let known = rows.definitions_of(&self.tenant, server);
        let found = launch.iter().chain(known).find(|it| it.kind == kind && it.name == *name);
        let found = found.filter(|it| digest_of(it) == *digest).ok_or_else(|| {
            ApiError::conflict(format!(
                "`{name}` is not what it was when you looked; look again with `lanyard pin diff {server} {name}`"
            ))
        })?;
        let done = match found.state {
            _ if launch.as_ref() == Some(found) => {
                launch::approve(row, found, rows, change)?;
                "pinned"
            }
            DefinitionState::Pinned => {
                return Err(ApiError::conflict(format!("`{name}` is approved already")));
            }
            DefinitionState::Gone => {
                change.definition_delete(&self.tenant, server, kind, name)?;
                "forgotten"
            }
            DefinitionState::Reported | DefinitionState::Quarantined => {
                let approved = pinning::approved(found, by, change.time());
                let approved = approved.ok_or_else(|| {
                    ApiError::conflict(format!("there is nothing to approve of `{name}`"))
                })?;
                change.definition_put(&approved)?;
                if kind == DefinitionKind::Server {
                    self.say(server, &approved, change)?;
                }
                "pinned"
            }
        };
        change.detail(&format!("{}:{name}", kind.as_str()), format!("{done} {digest}"));
        Ok(json!({ "kind": kind.as_str(), "name": name, "result": done }))
    }

    /// What a server says of itself is told to agents from now on.
    fn say(
        &self,
        server: &ServerName,
        approved: &DefinitionRow,
        change: &Change<'_>,
    ) -> Result<(), ApiError> {
        let facts = change.facts_of(&self.tenant, server)?;
        if let (Some(facts), Some(said)) = (facts, &approved.pinned) {
            change.facts_put(&FactsRow { facts: said.clone(), ..facts })?;
        }
        Ok(())
    }
}
