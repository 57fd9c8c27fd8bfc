//! `/v1/audit/payloads` and `/v1/audit/erase`: what is kept of calls' arguments and answers, opened one
//! call at a time, and destroyed with the key of whom it is about.
//!
//! INVARIANT: whoever opens a payload is on record before it is answered.
//! INVARIANT: an erasure is answered when no byte of the key stands in the database's files any more.

use std::collections::{BTreeMap, HashMap};
use std::sync::PoisonError;

use axum::Json;
use axum::extract::{Path, State};
use lanyard_core::{PayloadSubject, RecordId, Timestamp};
use lanyard_store::SubjectKeyRow;
use lanyard_store::audit::{self, KeptPayload, PayloadFilter};
use lanyard_vault::{PayloadPlace, Sealed, SubjectPlace};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Admin;
use crate::actor::{Opener, Owner, Reader};
use crate::asked::{Asked, AskedQuery};
use crate::change::{About, By, Landing};
use crate::error::ApiError;
use crate::state::Shared;

/// How many calls a list gives unless asked for more: the newest.
const LIMIT: usize = 100;

/// How many it gives at most.
const LIMIT_MAX: usize = 10_000;

/// Which payloads are listed.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// About this subject: `user:NAME` or `agent:NAME`.
    subject: Option<String>,
    /// From a time on.
    since: Option<String>,
    /// Before a time.
    until: Option<String>,
    /// At most so many calls.
    limit: Option<usize>,
}

/// Whose key is destroyed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EraseBody {
    /// `user:NAME` or `agent:NAME`.
    subject: String,
    /// Whether it is only said what would be.
    #[serde(default)]
    dry_run: bool,
}

/// The keys of a tenant by their ids.
struct Keys(HashMap<RecordId, SubjectKeyRow>);

impl Keys {
    /// Why what was sealed under a key cannot be opened any more; `None` where it can.
    fn closed(&self, key: Option<&RecordId>) -> Option<String> {
        match key.map(|key| self.0.get(key)) {
            None => Some("nothing is kept".to_owned()),
            Some(None) => Some("its key is not in this database".to_owned()),
            Some(Some(SubjectKeyRow { erased_at: Some(at), .. })) => {
                Some(format!("erased on {at}"))
            }
            Some(Some(SubjectKeyRow { erased_at: None, .. })) => None,
        }
    }
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    _: Reader,
    AskedQuery(query): AskedQuery<ListQuery>,
) -> Result<Json<Value>, ApiError> {
    let shown = admin
        .blocking(move |shared| {
            let now = shared.parts.clock.now();
            let subject = query.subject.as_deref().map(subject).transpose()?;
            let filter = PayloadFilter {
                since: time(query.since.as_deref(), now)?,
                until: time(query.until.as_deref(), now)?,
                ..shared.payloads_of(subject)
            };
            let limit = query.limit.unwrap_or(LIMIT).min(LIMIT_MAX);
            let keys = shared.subject_keys()?;
            let calls = shared.kept_calls(&filter, limit)?;
            Ok(calls.iter().rev().map(|(_, parts)| call_json(parts, &keys)).collect::<Vec<_>>())
        })
        .await?;
    Ok(Json(json!({ "payloads": shown })))
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    opener: Opener,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let id = RecordId::parse(&id)?;
    let shown = admin
        .blocking(move |shared| {
            let filter = PayloadFilter { call: Some(id.clone()), ..shared.payloads_of(None) };
            let parts = shared.kept_calls(&filter, 1)?.pop_last().map(|(_, parts)| parts);
            let parts = parts.unwrap_or_default();
            let Some(first) = parts.first() else {
                return Err(ApiError::not_found(format!(
                    "nothing is kept of a call `{id}`; see `lanyard audit payloads`"
                )));
            };
            let about = About { action: "payload.read", subject: format!("call:{id}") };
            let detail = [("subject", first.subject.to_string())];
            shared.note_with(opener.actor(), about, detail)?;
            shared.opened_json(&id, &parts)
        })
        .await?;
    Ok(Json(shown))
}

pub(crate) async fn erase(
    State(admin): State<Admin>,
    owner: Owner,
    Asked(body): Asked<EraseBody>,
) -> Result<Json<Value>, ApiError> {
    let subject = subject(&body.subject)?;
    if body.dry_run {
        let shown = admin.blocking(move |shared| {
            let (payloads, calls) = shared.readable(&subject, &shared.subject_keys()?)?;
            Ok(json!({ "subject": subject.to_string(), "payloads": payloads, "calls": calls }))
        });
        return Ok(Json(shown.await?));
    }
    let by = owner.actor().by();
    // All of it in one piece, which runs to its end also when whoever asked goes away.
    let shown = admin.blocking(move |shared| shared.erase(by, &subject)).await?;
    Ok(Json(shown))
}

fn subject(text: &str) -> Result<PayloadSubject, ApiError> {
    text.parse().map_err(|error| ApiError::invalid(format!("`{text}`: {error}")))
}

fn time(text: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, ApiError> {
    text.map(|text| crate::when::parse(text, now)).transpose()
}

/// The parts of one call.
type Parts = Vec<KeptPayload>;

impl Shared {
    fn erase(&self, by: By, subject: &PayloadSubject) -> Result<Value, ApiError> {
        let about = About { action: "payloads.erase", subject: subject.to_string() };
        let before = self.parts.store.subject_keys(&self.tenant)?;
        let (payloads, calls) = self.land(by, about, |shared, change| {
            let Some(key) = change.subject_key_erase(&shared.tenant, subject)? else {
                return Err(nothing_to_erase(subject, &before));
            };
            // Counted from the log, and not through the database, which this change holds.
            let under = |it: &KeptPayload| it.key.as_ref() == Some(&key);
            let counted = shared.sealed_under(subject, under)?;
            change.detail("key", &key);
            change.detail("payloads", counted.0);
            change.detail("calls", counted.1);
            Ok(Landing::Keep(counted))
        })?;
        (self.parts.forget_subject)(&self.tenant, subject);
        let _one = self.one_change.lock().unwrap_or_else(PoisonError::into_inner);
        self.parts.store.overwrite().map_err(|error| {
            ApiError::internal(
                "the key is erased, and its bytes could not be overwritten on the disk; the next start tries that again",
                &error,
            )
        })?;
        Ok(json!({ "subject": subject.to_string(), "payloads": payloads, "calls": calls }))
    }

    fn payloads_of(&self, subject: Option<PayloadSubject>) -> PayloadFilter {
        let tenant = self.tenant.clone();
        PayloadFilter { tenant, subject, call: None, since: None, until: None }
    }

    fn subject_keys(&self) -> Result<Keys, ApiError> {
        let rows = self.parts.store.subject_keys(&self.tenant)?;
        Ok(Keys(rows.into_iter().map(|row| (row.id.clone(), row)).collect()))
    }

    /// The newest calls of which something is kept, by their ids, which sort by time.
    fn kept_calls(
        &self,
        filter: &PayloadFilter,
        limit: usize,
    ) -> Result<BTreeMap<RecordId, Parts>, ApiError> {
        let mut calls: BTreeMap<RecordId, Parts> = BTreeMap::new();
        audit::payloads(&self.parts.audit_directory, filter, |payload| {
            calls.entry(payload.call.clone()).or_default().push(payload);
            if calls.len() > limit {
                calls.pop_first();
            }
        })
        .map_err(|error| unread(&error))?;
        Ok(calls)
    }

    /// How many payloads of a subject can be read, and of how many calls.
    fn readable(&self, subject: &PayloadSubject, keys: &Keys) -> Result<(u64, u64), ApiError> {
        self.sealed_under(subject, |payload| keys.closed(payload.key.as_ref()).is_none())
    }

    fn sealed_under(
        &self,
        subject: &PayloadSubject,
        counts: impl Fn(&KeptPayload) -> bool,
    ) -> Result<(u64, u64), ApiError> {
        let filter = self.payloads_of(Some(subject.clone()));
        let (mut payloads, mut calls) = (0_u64, std::collections::HashSet::new());
        audit::payloads(&self.parts.audit_directory, &filter, |payload| {
            if counts(&payload) {
                payloads = payloads.saturating_add(1);
                calls.insert(payload.call);
            }
        })
        .map_err(|error| unread(&error))?;
        Ok((payloads, u64::try_from(calls.len()).unwrap_or(u64::MAX)))
    }

    /// A call with what is kept of it, opened as far as it opens.
    fn opened_json(&self, id: &RecordId, parts: &[KeptPayload]) -> Result<Value, ApiError> {
        let keys = self.subject_keys()?;
        let mut shown = Map::new();
        shown.insert("call".to_owned(), json!(id.as_str()));
        for part in parts {
            shown.insert("subject".to_owned(), json!(part.subject.to_string()));
            let opened = match keys.closed(part.key.as_ref()) {
                Some(closed) => json!({ "unreadable": part.lost.clone().unwrap_or(closed) }),
                None => self.open_payload(part, &keys)?,
            };
            shown.insert(part.part.as_str().to_owned(), opened);
        }
        Ok(Value::Object(shown))
    }

    fn open_payload(&self, payload: &KeptPayload, keys: &Keys) -> Result<Value, ApiError> {
        let KeptPayload { call, subject, part, .. } = payload;
        let (tenant, part) = (&self.tenant, *part);
        let row = payload.key.as_ref().and_then(|key| keys.0.get(key));
        let Some((row, wrapped)) = row.and_then(|row| Some((row, row.wrapped.clone()?))) else {
            return Ok(json!({ "unreadable": "its key is gone" }));
        };
        let place = SubjectPlace { tenant, subject, key: &row.id };
        let key = self.parts.master.open_subject_key(&place, &Sealed::from_bytes(wrapped));
        let place = PayloadPlace { tenant, subject, call, part };
        let text = key.and_then(|key| key.open(&place, &payload.sealed)).map_err(|error| {
            ApiError::internal("what is kept of the call does not open", &error)
        })?;
        let is_whole = payload.kept_bytes == payload.bytes;
        Ok(match serde_json::from_str::<Value>(&text).ok().filter(|_| is_whole) {
            Some(json) => json!({ "bytes": payload.bytes, "json": json }),
            None => {
                let cut = format!("cut at {} bytes of {}", payload.kept_bytes, payload.bytes);
                json!({ "bytes": payload.bytes, "text": text, "cut": cut })
            }
        })
    }
}

fn nothing_to_erase(subject: &PayloadSubject, keys: &[SubjectKeyRow]) -> ApiError {
    let last =
        keys.iter().filter(|row| row.subject == *subject).filter_map(|row| row.erased_at).max();
    ApiError::not_found(match last {
        Some(at) => format!("the key of {subject} was erased on {at}, and nothing was kept since"),
        None => format!("nothing was ever kept of {subject}; see `lanyard audit payloads`"),
    })
}

fn unread(error: &audit::LogError) -> ApiError {
    ApiError::internal("the audit log could not be read", error)
}

/// What is kept of one call, unopened.
fn call_json(parts: &[KeptPayload], keys: &Keys) -> Value {
    let mut shown = Map::new();
    let mut closed = None;
    for part in parts {
        shown.insert("call".to_owned(), json!(part.call.as_str()));
        shown.insert("time".to_owned(), json!(part.time));
        shown.insert("subject".to_owned(), json!(part.subject.to_string()));
        let mut told = json!({ "bytes": part.bytes, "kept_bytes": part.kept_bytes });
        if let (Some(lost), Some(told)) = (&part.lost, told.as_object_mut()) {
            told.insert("lost".to_owned(), json!(lost));
        }
        shown.insert(part.part.as_str().to_owned(), told);
        let is_lost = part.lost.is_some();
        closed = closed.or_else(|| keys.closed(part.key.as_ref()).filter(|_| !is_lost));
    }
    shown.insert("state".to_owned(), json!(closed.unwrap_or_else(|| "readable".to_owned())));
    Value::Object(shown)
}
