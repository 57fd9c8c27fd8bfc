//! `/v1/approvals`: calls that wait for a human's yes, and the operators who say yes or no.
//!
//! INVARIANT: nobody decides a call but a named operator with a token who is neither the agent that
//! made it nor the user it was made for. The data directory's owner is not enough.

pub(crate) mod page;
mod void;

use axum::Json;
use axum::extract::{Path, State};
use lanyard_core::{OperatorName, RecordId, Timestamp};
use lanyard_store::{ApprovalDecision, ApprovalOutcome, ApprovalRow, ApprovalState};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Admin;
use crate::actor::{Approver, Reader};
use crate::asked::{Asked, AskedQuery};
use crate::change::About;
use crate::error::ApiError;
use crate::state::Shared;

use self::void::{Judged, VOID};

/// The most that an operator says about a decision, in bytes. The agent is told it.
const WHY_BYTES_MAX: usize = 500;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// One state, or `all`; what waits, and what did until it was void, when absent.
    state: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DecideRequest {
    reason: Option<String>,
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    _: Reader,
    AskedQuery(query): AskedQuery<ListQuery>,
) -> Result<Json<Value>, ApiError> {
    let wanted = Wanted::read(query.state.as_deref())?;
    let shown = admin
        .blocking(move |shared| {
            let now = shared.parts.clock.now();
            let rows = shared.judged(shared.parts.store.approvals(&shared.tenant)?, now)?;
            Ok(rows.iter().filter(|it| wanted.fits(it)).map(judged_json).collect::<Vec<_>>())
        })
        .await?;
    Ok(Json(json!({ "approvals": shown })))
}

/// Which requests are listed.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    /// Those that wait, and those that did until they were void.
    Open,
    All,
    Void,
    Of(ApprovalState),
}

impl Wanted {
    fn read(state: Option<&str>) -> Result<Self, ApiError> {
        Ok(match state {
            None => Self::Open,
            Some("all") => Self::All,
            Some(VOID) => Self::Void,
            Some(text) => Self::Of(ApprovalState::parse(text).ok_or_else(|| {
                ApiError::invalid("a state is pending, allowed, denied, used, expired, void or all")
            })?),
        })
    }

    fn fits(self, judged: &Judged) -> bool {
        match self {
            Self::Open => judged.state == ApprovalState::Pending,
            Self::All => true,
            Self::Void => judged.void.is_some(),
            Self::Of(state) => judged.state == state && judged.void.is_none(),
        }
    }
}

pub(crate) async fn show(
    State(admin): State<Admin>,
    _: Reader,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let id = RecordId::parse(&id)?;
    let shown = admin
        .blocking(move |shared| {
            let judged = shared.judged_one(&id)?;
            let mut shown = judged_json(&judged);
            if judged.state == ApprovalState::Pending
                && let Some(members) = shown.as_object_mut()
            {
                members.insert("arguments".to_owned(), shared.arguments_of(&judged.row));
            }
            Ok(shown)
        })
        .await?;
    Ok(Json(shown))
}

pub(crate) async fn allow(
    State(admin): State<Admin>,
    approver: Approver,
    Path(id): Path<String>,
    Asked(request): Asked<DecideRequest>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(judged_json(&admin.decide(approver, &id, request, true).await?)))
}

pub(crate) async fn deny(
    State(admin): State<Admin>,
    approver: Approver,
    Path(id): Path<String>,
    Asked(request): Asked<DecideRequest>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(judged_json(&admin.decide(approver, &id, request, false).await?)))
}

impl Admin {
    async fn decide(
        &self,
        approver: Approver,
        id: &str,
        request: DecideRequest,
        allow: bool,
    ) -> Result<Judged, ApiError> {
        let id = RecordId::parse(id)?;
        let why = request.reason.filter(|text| !text.is_empty());
        if let Some(text) = &why
            && (text.len() > WHY_BYTES_MAX || text.chars().any(char::is_control))
        {
            return Err(ApiError::invalid(format!(
                "a reason is one line of at most {WHY_BYTES_MAX} bytes"
            )));
        }
        self.blocking(move |shared| shared.decide(&approver, &id, why, allow)).await
    }
}

impl Shared {
    /// One request as it is now.
    fn judged_one(&self, id: &RecordId) -> Result<Judged, ApiError> {
        let found = self.parts.store.approval(&self.tenant, id)?;
        let judged = self.judged(found.into_iter().collect(), self.parts.clock.now())?;
        judged.into_iter().next().ok_or_else(|| {
            ApiError::not_found(format!("there is no approval `{id}`; see `lanyard approve list`"))
        })
    }

    /// What an approver may see of the arguments.
    fn arguments_of(&self, row: &ApprovalRow) -> Value {
        let sealed = row.arguments.as_deref().unwrap_or_default();
        let opened = self.parts.master.approval_sealer().open(&seal_place(row), sealed);
        let shown = opened.and_then(|text| serde_json::from_str(&text).ok());
        shown.unwrap_or_else(|| Value::from("(they cannot be opened with this key file)"))
    }

    fn decide(
        &self,
        approver: &Approver,
        id: &RecordId,
        why: Option<String>,
        allow: bool,
    ) -> Result<Judged, ApiError> {
        let Judged { row, state: before, void } = self.judged_one(id)?;
        not_the_caller(approver.name(), &row)?;
        if let (ApprovalState::Pending, Some(why)) = (before, void) {
            return Err(ApiError::conflict(format!(
                "it can no longer be decided: {why}; when the agent calls again, there is a new one"
            )));
        }
        let action = if allow { "approval.allow" } else { "approval.deny" };
        let about = About { action, subject: row.subject() };
        let record = self.record(approver.actor().by(), about);
        let now = record.time;
        let decision = ApprovalDecision { allow, by: approver.name().clone(), why };
        let row = match self.parts.store.approval_decide(id, &decision, record)? {
            ApprovalOutcome::Decided(row) => row,
            ApprovalOutcome::Closed(row) => return Err(closed(&row, now)),
        };
        if let Err(error) = self.drain_outbox() {
            // As with a change: it holds, and its record is safe in the database.
            tracing::error!(%error, "The record of a decision is not in the log yet.");
        }
        (self.parts.decided)(id);
        Ok(Judged { state: state(&row, now), row, void: None })
    }
}

/// What is sealed for a request opens for no other.
fn seal_place(row: &ApprovalRow) -> String {
    format!("{}/{}", row.tenant, row.id)
}

/// Nobody says yes to their own call. Names of users may have capitals; those of operators have none.
fn not_the_caller(name: &OperatorName, row: &ApprovalRow) -> Result<(), ApiError> {
    let is = |other: &str| other.eq_ignore_ascii_case(name.as_str());
    let whose = if is(row.agent.as_str()) {
        "the agent that made this call"
    } else if row.user.as_ref().is_some_and(|user| is(user.as_str())) {
        "the user whom this call is for"
    } else {
        return Ok(());
    };
    Err(ApiError::forbidden(format!("`{name}` is {whose}; somebody else has to decide it")))
}

/// The answer to a decision that came too late.
fn closed(row: &ApprovalRow, now: Timestamp) -> ApiError {
    let by = row.decided_by.as_ref().map_or("nobody", OperatorName::as_str);
    let at = row.decided_at.map(|at| at.to_string()).unwrap_or_default();
    ApiError::conflict(match state(row, now) {
        ApprovalState::Denied => format!("it was denied by {by} at {at}"),
        ApprovalState::Allowed => format!("it was allowed by {by} at {at}"),
        ApprovalState::Used => format!("it was allowed by {by} at {at}, and is used up"),
        ApprovalState::Expired | ApprovalState::Pending => {
            "its time has ended; when the agent calls again, there is a new one".to_owned()
        }
    })
}

/// The state as it is now: time ends what no task has ended yet.
fn state(row: &ApprovalRow, now: Timestamp) -> ApprovalState {
    match row.state {
        ApprovalState::Pending | ApprovalState::Allowed if row.expires_at <= now => {
            ApprovalState::Expired
        }
        state @ (ApprovalState::Pending
        | ApprovalState::Allowed
        | ApprovalState::Denied
        | ApprovalState::Used
        | ApprovalState::Expired) => state,
    }
}

fn judged_json(judged: &Judged) -> Value {
    let Judged { row, state: _, void } = judged;
    json!({
        "id": row.id.as_str(),
        "state": judged.word(),
        "void_reason": void,
        "agent": row.agent.as_str(),
        "user": row.user.as_ref().map(|user| user.as_str()),
        "server": row.server.as_str(),
        "tool": row.tool,
        "rules": row.rules,
        "reason": row.reason,
        "policy_version": row.policy,
        "arguments_digest": row.arguments_digest,
        "pin": row.pin,
        "asked_at": row.asked_at.to_string(),
        "expires_at": row.expires_at.to_string(),
        "decided_at": row.decided_at.map(|at| at.to_string()),
        "decided_by": row.decided_by.as_ref().map(OperatorName::as_str),
        "decided_reason": row.decided_why,
        "used_at": row.used_at.map(|at| at.to_string()),
        "used_by": row.used_by.as_ref().map(RecordId::as_str),
    })
}

#[cfg(test)]
mod tests;
