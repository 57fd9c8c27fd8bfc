//! `/v1/audit`: searching, exporting and proving the records.

use std::sync::PoisonError;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use http::header::CONTENT_TYPE;
use lanyard_core::{AgentName, RecordId, ServerName, TenantName, Timestamp};
use lanyard_store::audit::{self, DecisionFilter, Entry, Filter, Tombstone};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Admin;
use crate::actor::{Owner, Reader};
use crate::asked::{Asked, AskedQuery};
use crate::change::About;
use crate::error::ApiError;
use crate::lines::Lines;

/// How many records a search gives unless asked for more.
const LIMIT: usize = 100;

/// How many it gives at most: they are held in memory. An export has no such limit.
const LIMIT_MAX: usize = 10_000;

/// What is searched for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchQuery {
    /// Of this tenant; of all of them otherwise.
    pub tenant: Option<String>,
    /// Of this agent.
    pub agent: Option<String>,
    /// Of this server.
    pub server: Option<String>,
    /// Of this tool.
    pub tool: Option<String>,
    /// Of this kind.
    pub kind: Option<String>,
    /// Decided so: `allowed` or `denied`.
    pub decision: Option<String>,
    /// From a time (RFC 3339) on, or a span before now such as `7d`.
    pub since: Option<String>,
    /// Before a time.
    pub until: Option<String>,
    /// With this id.
    pub id: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
    /// Every matching record, oldest first, one JSON object a line.
    pub export: bool,
}

impl SearchQuery {
    /// Reads it, for a log without a gateway. The error is one for people.
    pub fn filter(&self, now: Timestamp) -> Result<Filter, String> {
        filter(self, now).map_err(|error| error.message().to_owned())
    }
}

pub(crate) async fn search(
    State(admin): State<Admin>,
    reader: Reader,
    AskedQuery(query): AskedQuery<SearchQuery>,
) -> Result<Response, ApiError> {
    if query.export {
        return export(admin, reader, query).await;
    }
    let records = admin
        .blocking(move |shared| {
            let filter = filter(&query, shared.parts.clock.now())?;
            let found = audit::search(&shared.parts.audit_directory, &filter)
                .map_err(|error| ApiError::internal("the audit log could not be read", &error))?;
            found.into_iter().map(entry_json).collect::<Result<Vec<Value>, ApiError>>()
        })
        .await?;
    Ok(Json(json!({ "records": records })).into_response())
}

fn entry_json(entry: Entry) -> Result<Value, ApiError> {
    let parse = |line: &str| {
        serde_json::from_str::<Value>(line)
            .map_err(|error| ApiError::internal("a record could not be read", &error))
    };
    let mut record = parse(&entry.record)?;
    if let (Some(record), Some(close)) = (record.as_object_mut(), &entry.close) {
        record.insert("closed".to_owned(), parse(close)?);
    }
    Ok(record)
}

/// Reading out the log is itself recorded, and before the first line leaves: somebody took a
/// copy. The lines are sent as they are read, so that a long log does not fill the memory.
async fn export(admin: Admin, reader: Reader, query: SearchQuery) -> Result<Response, ApiError> {
    let (filter, directory) = admin
        .blocking(move |shared| {
            let filter = filter(&query, shared.parts.clock.now())?;
            let about = About { action: "audit.export", subject: "audit".to_owned() };
            shared.note(reader.actor(), about)?;
            Ok((filter, shared.parts.audit_directory.clone()))
        })
        .await?;
    let (lines, body) = Lines::begin();
    admin.shared.parts.tasks.spawn_blocking(move || lines.write(&directory, &filter));
    let mut response = Response::new(Body::new(body));
    let kind = http::HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    Ok(response)
}

fn filter(query: &SearchQuery, now: Timestamp) -> Result<Filter, ApiError> {
    let decision = match query.decision.as_deref() {
        None => None,
        Some("allowed") => Some(DecisionFilter::Allowed),
        Some("denied") => Some(DecisionFilter::Denied),
        Some(_) => return Err(ApiError::invalid("a decision is allowed or denied")),
    };
    let time = |text: &Option<String>| {
        text.as_deref().map(|text| crate::when::parse(text, now)).transpose()
    };
    Ok(Filter {
        tenant: query.tenant.as_deref().map(TenantName::parse).transpose()?,
        agent: query.agent.as_deref().map(AgentName::parse).transpose()?,
        server: query.server.as_deref().map(ServerName::parse).transpose()?,
        tool: query.tool.clone(),
        kind: query.kind.clone(),
        decision,
        since: time(&query.since)?,
        until: time(&query.until)?,
        id: query.id.as_deref().map(RecordId::parse).transpose()?,
        limit: if query.export {
            query.limit
        } else {
            Some(query.limit.unwrap_or(LIMIT).min(LIMIT_MAX))
        },
    })
}

pub(crate) async fn key(State(admin): State<Admin>, _: Reader) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "key": admin.shared.parts.log.key().to_string() })))
}

/// What the log is held against beside its own checkpoints.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VerifyBody {
    /// A checkpoint that was kept elsewhere: the text of a signed note.
    against: Option<String>,
}

/// The newest checkpoint, for somebody to keep elsewhere.
pub(crate) async fn witness(
    State(admin): State<Admin>,
    _: Reader,
) -> Result<Json<Value>, ApiError> {
    let note = admin
        .blocking(|shared| {
            let failed = |error| ApiError::internal("the audit log could not be synced", &error);
            shared.parts.log.witness().map_err(failed)
        })
        .await?;
    Ok(Json(json!({ "checkpoint": note })))
}

/// Proves the log as it is on disk now, up to what was written when the request came.
pub(crate) async fn verify(
    State(admin): State<Admin>,
    _: Reader,
    Asked(body): Asked<VerifyBody>,
) -> Result<Json<Value>, ApiError> {
    let shown = admin
        .blocking(move |shared| {
            let log = &shared.parts.log;
            log.wait_synced_all()
                .map_err(|error| ApiError::internal("the audit log could not be synced", &error))?;
            let (directory, against) = (&shared.parts.audit_directory, body.against.as_deref());
            Ok(verdict_json(audit::verify_against(directory, log.key(), against)))
        })
        .await?;
    Ok(Json(shown))
}

/// What is to be removed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PruneBody {
    /// Segments whose records are all older: a time (RFC 3339), or a span before now.
    before: String,
    /// Whether it is only said.
    #[serde(default)]
    dry_run: bool,
}

/// Removes old segments. The record of it is written first: what removes records is on record.
pub(crate) async fn prune(
    State(admin): State<Admin>,
    owner: Owner,
    Asked(body): Asked<PruneBody>,
) -> Result<Json<Value>, ApiError> {
    let shown = admin
        .blocking(move |shared| {
            let failed = |error| ApiError::internal("the audit log could not be pruned", &error);
            let before = crate::when::parse(&body.before, shared.parts.clock.now())?;
            let log = &shared.parts.log;
            let _one = shared.one_change.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(prunable) = log.prunable(before).map_err(failed)? else {
                return Ok(json!({ "removed": null }));
            };
            if body.dry_run {
                return Ok(json!({ "would_remove": tombstone_json(prunable.tombstone()) }));
            }
            let stone = prunable.tombstone();
            let detail = [
                ("records", format!("{}-{}", stone.first, stone.last)),
                ("segments", format!("{}-{}", stone.first_segment, stone.last_segment)),
                ("from", stone.from.clone()),
                ("until", stone.until.clone()),
            ];
            let about = About { action: "audit.prune", subject: "audit".to_owned() };
            shared.note_with(owner.actor(), about, detail)?;
            // The start holds the log against this, so it must not lie in what is removed.
            log.wait_synced_all().map_err(failed)?;
            shared.parts.store.log_head_set(&log.head())?;
            let stone = log.prune(prunable, &owner.actor().by().name).map_err(failed)?;
            Ok(json!({ "removed": tombstone_json(&stone) }))
        })
        .await?;
    Ok(Json(shown))
}

fn tombstone_json(stone: &Tombstone) -> Value {
    json!({
        "segments": [stone.first_segment, stone.last_segment],
        "records": [stone.first, stone.last],
        "count": stone.count,
        "from": stone.from,
        "until": stone.until,
        "time": stone.time,
        "by": stone.by,
    })
}

/// A verdict as JSON, the same for a living log and for a copy.
pub fn verdict_json(verdict: Result<audit::Report, Vec<audit::Finding>>) -> Value {
    match verdict {
        Ok(report) => json!({
            "holds": true,
            "log": report.log,
            "records": report.records,
            "segments": report.segments,
            "first_time": report.first_time,
            "last_time": report.last_time,
            "open_calls": report.open_calls,
            "unsigned": report.unsigned,
            "torn_bytes": report.torn_bytes,
            "grew_since": report.witnessed,
            "removed": report.removed.iter().map(tombstone_json).collect::<Vec<_>>(),
        }),
        Err(findings) => {
            let findings: Vec<Value> = findings
                .iter()
                .map(|it| json!({ "file": it.file, "line": it.line, "problem": it.problem }))
                .collect();
            json!({ "holds": false, "findings": findings })
        }
    }
}
