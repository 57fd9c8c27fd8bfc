//! `/v1/policy`: a tenant's policies, checked, applied, explained and replayed.

mod check;
mod explain;
mod recording;
mod replay;
mod world;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use lanyard_policy::{Effect, Policies, PolicySource, RuleInfo};
use lanyard_store::{Change, PolicyRow};
use ring::digest;
use serde::Deserialize;
use serde_json::{Value, json};

use self::check::Held;
pub(crate) use self::explain::explain;
pub(crate) use self::recording::record;
pub(crate) use self::replay::replay;
use crate::Admin;
use crate::actor::{Owner, Reader};
use crate::asked::Asked;
use crate::change::{About, Landing};
use crate::error::ApiError;
use crate::state::Shared;

/// The longest policy text, in bytes.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// The longest name of a file that is kept, in bytes.
const FILE_BYTES_MAX: usize = 4096;

/// A policy text with what belongs to it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TextRequest {
    text: String,
    #[serde(default = "unnamed")]
    file: String,
    /// As it was when absent; UTC at first.
    zone: Option<String>,
    #[serde(default)]
    shadow: bool,
    #[serde(default)]
    dry_run: bool,
}

fn unnamed() -> String {
    "policy".to_owned()
}

/// The source of a stored version.
pub fn policy_source(row: &PolicyRow) -> PolicySource<'_> {
    PolicySource {
        file: &row.file_name,
        text: &row.text,
        version: row.version,
        zone: &row.zone,
        shadow: row.shadow,
    }
}

impl TextRequest {
    /// Reads the policies, or tells all that is wrong with them.
    fn parse(&self, zone: &str, shared: &Shared) -> Result<Policies, ApiError> {
        if self.text.len() > TEXT_BYTES_MAX || self.file.len() > FILE_BYTES_MAX {
            return Err(ApiError::invalid(
                "a policy text has 1 MiB at most, a file's name 4096 bytes",
            ));
        }
        let source = PolicySource {
            file: &self.file,
            text: &self.text,
            version: 0,
            zone,
            shadow: self.shadow,
        };
        Policies::parse(&source, Arc::clone(&shared.parts.views))
            .map_err(|problems| ApiError::policy(&problems))
    }
}

impl Shared {
    /// The policies in force; none where nothing was applied.
    fn policies(&self, rows: &[PolicyRow]) -> Result<Policies, ApiError> {
        let Some(row) = rows.iter().find(|row| row.tenant == self.tenant) else {
            return Ok(Policies::none());
        };
        Policies::parse(&policy_source(row), Arc::clone(&self.parts.views))
            .map_err(|problems| ApiError::policy(&problems))
    }
}

pub(crate) async fn show(State(admin): State<Admin>, _: Reader) -> Result<Json<Value>, ApiError> {
    let shown = admin
        .blocking(|shared| {
            let newest = shared.parts.store.policies(&shared.tenant)?.into_iter().next();
            let mut shown = newest.map_or_else(|| Ok(nothing()), |row| shared.detailed(&row))?;
            if let Some(shown) = shown.as_object_mut() {
                shown.insert("records_arguments".to_owned(), json!(shared.records_arguments()?));
            }
            Ok(shown)
        })
        .await?;
    Ok(Json(shown))
}

fn nothing() -> Value {
    json!({ "version": 0, "text": "", "rules": [] })
}

impl Shared {
    fn detailed(&self, row: &PolicyRow) -> Result<Value, ApiError> {
        let mut shown = summary(row);
        // What was once applied can be read, unless it is of a version that could do more.
        let policies = Policies::parse(&policy_source(row), Arc::clone(&self.parts.views)).ok();
        let rules: Option<Vec<Value>> = policies.map(|it| it.rules().map(rule_json).collect());
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("text".to_owned(), json!(row.text));
            shown.insert("rules".to_owned(), json!(rules));
        }
        Ok(shown)
    }
}

fn summary(row: &PolicyRow) -> Value {
    json!({
        "version": row.version,
        "file": row.file_name,
        "zone": row.zone,
        "shadow": row.shadow,
        "digest": digest_of(&row.text),
        "bytes": row.text.len(),
        "applied_at": row.applied_at.to_string(),
        "applied_by": row.applied_by,
    })
}

fn rule_json(rule: &RuleInfo) -> Value {
    json!({
        "id": rule.id,
        "effect": match rule.effect { Effect::Permit => "permit", Effect::Forbid => "forbid" },
        "shadow": rule.shadow,
        "approval": rule.approval.as_ref().map(|it| it.reason.as_str()),
        "message": rule.message,
        "line": rule.line,
    })
}

fn digest_of(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) async fn versions(
    State(admin): State<Admin>,
    _: Reader,
) -> Result<Json<Value>, ApiError> {
    let rows = admin.blocking(|shared| Ok(shared.parts.store.policies(&shared.tenant)?)).await?;
    Ok(Json(json!({ "versions": rows.iter().map(summary).collect::<Vec<_>>() })))
}

pub(crate) async fn version(
    State(admin): State<Admin>,
    _: Reader,
    Path(version): Path<u64>,
) -> Result<Json<Value>, ApiError> {
    let shown = admin
        .blocking(move |shared| {
            let rows = shared.parts.store.policies(&shared.tenant)?;
            let row = rows.iter().find(|row| row.version == version);
            let row = row.ok_or_else(|| {
                ApiError::not_found(format!(
                    "there is no version {version} of the policies; see `lanyard policy versions`"
                ))
            })?;
            shared.detailed(row)
        })
        .await?;
    Ok(Json(shown))
}

/// Looks at a text with all that is there, and changes nothing.
pub(crate) async fn check(
    State(admin): State<Admin>,
    _: Reader,
    Asked(request): Asked<TextRequest>,
) -> Result<Json<Value>, ApiError> {
    let checked = admin
        .blocking(move |shared| {
            let newest = shared.parts.store.policies(&shared.tenant)?.into_iter().next();
            let policies = request.parse(request.zone(newest.as_ref()), shared)?;
            let rows = shared.rows()?;
            shared.checked(&policies, &rows)
        })
        .await?;
    Ok(Json(checked))
}

/// Looks in the same way at the policies that are in force: what fitted when it was applied need
/// not fit what came since.
pub(crate) async fn check_in_force(
    State(admin): State<Admin>,
    _: Reader,
) -> Result<Json<Value>, ApiError> {
    let checked = admin
        .blocking(|shared| {
            let rows = shared.rows()?;
            shared.checked(&shared.policies(&rows.policies)?, &rows)
        })
        .await?;
    Ok(Json(checked))
}

/// Puts a text in force as a whole: the next version. The same text is no change. What could not be
/// evaluated for a tool that is there is refused: it would stop every call of that tool.
pub(crate) async fn apply(
    State(admin): State<Admin>,
    owner: Owner,
    Asked(request): Asked<TextRequest>,
) -> Result<Json<Value>, ApiError> {
    let about = About { action: "policy.apply", subject: "policy".to_owned() };
    let by = owner.actor().by().name;
    let applied = admin
        .change_if(&owner, about, move |shared, change| {
            let before = change.policy_newest(&shared.tenant)?;
            let zone = request.zone(before.as_ref()).to_owned();
            let policies = request.parse(&zone, shared)?;
            let rows = change.configuration()?.of_tenant(&shared.tenant);
            let misfits = Held::new(shared, &policies, &rows).misfits(&policies);
            if !misfits.is_empty() {
                return Err(ApiError::policy(&misfits));
            }
            let is_same = before.as_ref().is_some_and(|row| request.is(&zone, row));
            let (version, rules) = match before.filter(|_| is_same) {
                Some(row) => (row.version, policies.rules().count()),
                None => put(shared, (&request, &zone), &policies, (&by, change))?,
            };
            let made = json!({
                "version": version,
                "rules": rules,
                "digest": digest_of(&request.text),
                "shadow": request.shadow,
                "zone": zone,
                "changed": !is_same,
                "dry_run": request.dry_run,
            });
            let keeps = !is_same && !request.dry_run;
            Ok(if keeps { Landing::Keep(made) } else { Landing::Undo(made) })
        })
        .await?;
    Ok(Json(applied))
}

impl TextRequest {
    /// A text that is applied again without a zone keeps the zone: its hours would move otherwise.
    fn zone<'a>(&'a self, newest: Option<&'a PolicyRow>) -> &'a str {
        let before = newest.map(|row| row.zone.as_str());
        self.zone.as_deref().or(before).unwrap_or("UTC")
    }

    fn is(&self, zone: &str, row: &PolicyRow) -> bool {
        (self.text.as_str(), zone, self.shadow)
            == (row.text.as_str(), row.zone.as_str(), row.shadow)
    }
}

fn put(
    shared: &Shared,
    (request, zone): (&TextRequest, &str),
    policies: &Policies,
    (by, change): (&str, &Change<'_>),
) -> Result<(u64, usize), ApiError> {
    let version = change.policy_apply(&PolicyRow {
        tenant: shared.tenant.clone(),
        version: 0,
        text: request.text.clone(),
        file_name: request.file.clone(),
        zone: zone.to_owned(),
        shadow: request.shadow,
        applied_at: change.time(),
        applied_by: by.to_owned(),
    })?;
    let rules = policies.rules().count();
    change.detail("version", version);
    change.detail("rules", rules);
    change.detail("digest", digest_of(&request.text));
    change.detail("zone", zone);
    change.detail("shadow", request.shadow);
    Ok((version, rules))
}

#[cfg(test)]
mod tests;
