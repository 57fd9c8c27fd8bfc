//! A call asks for its yes: found and used up, found to be refused, or asked for.

use lanyard_core::{ChangeRecord, OperatorName, RecordId, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{ApprovalRow, ApprovalState, COLUMNS, TIME, begin, end};
use crate::{Store, StoreError, outbox};

/// What a call asks with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedApproval {
    /// The request as it is made if there is none; its id is that of `record`.
    pub row: ApprovalRow,
    /// The record of the request, if it is made. Its detail is completed here.
    pub record: ChangeRecord,
    /// The record of the call, which will use the yes.
    pub call: RecordId,
    /// How many requests of one agent may wait at a time.
    pub pending_max: u64,
}

/// How it stands with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalStanding {
    /// A yes fitted, and is used up by this call.
    Used(RecordId),
    /// A no fits.
    Refused {
        /// The request.
        id: RecordId,
        /// What the operator said about it.
        why: Option<String>,
    },
    /// Nobody has decided.
    Pending {
        /// The request.
        id: RecordId,
        /// How long it waits.
        until: Timestamp,
        /// Whether it was made now.
        new: bool,
    },
    /// As many of the agent's requests wait as may.
    Full,
}

impl Store {
    /// Looks for what was decided of exactly this call: a yes is used up, a no is told; where there
    /// is neither, the request that waits is found, or made. All of it is one transaction.
    pub fn approval_settle(
        &self,
        wanted: &WantedApproval,
        ids: &dyn Fn() -> RecordId,
    ) -> Result<ApprovalStanding, StoreError> {
        let mut connection = self.connection();
        let transaction = begin(&mut connection)?;
        let standing = settle(&transaction, wanted, ids)?;
        transaction.commit()?;
        Ok(standing)
    }
}

fn settle(
    connection: &Connection,
    wanted: &WantedApproval,
    ids: &dyn Fn() -> RecordId,
) -> Result<ApprovalStanding, StoreError> {
    let now = wanted.record.time;
    if let Some(row) = live(connection, wanted)? {
        let lost = lost(connection, &row, now)?;
        match (lost, row.state) {
            (Some(why), _) => end(connection, &row, why, ids(), now)?,
            (None, ApprovalState::Allowed) => {
                let used = connection.execute(
                    "UPDATE approvals SET state = 'used', used_at = ?2, used_by = ?3
                     WHERE id = ?1 AND state = 'allowed'",
                    params![row.id.as_str(), now.0, wanted.call.as_str()],
                )?;
                if used == 1 {
                    return Ok(ApprovalStanding::Used(row.id));
                }
            }
            (
                None,
                ApprovalState::Pending
                | ApprovalState::Denied
                | ApprovalState::Used
                | ApprovalState::Expired,
            ) => {
                let ApprovalRow { id, expires_at: until, .. } = row;
                return Ok(ApprovalStanding::Pending { id, until, new: false });
            }
        }
    }
    if let Some((id, why)) = refusal(connection, wanted)? {
        return Ok(ApprovalStanding::Refused { id, why });
    }
    ask(connection, wanted)
}

/// The request or the yes that stands for exactly this call. There is one at most.
fn live(
    connection: &Connection,
    wanted: &WantedApproval,
) -> Result<Option<ApprovalRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM approvals
         WHERE tenant = ?1 AND binding = ?2 AND state IN ('pending', 'allowed')"
    );
    let keys = params![wanted.row.tenant.as_str(), wanted.row.binding];
    Ok(connection.query_row(&sql, keys, ApprovalRow::read).optional()?)
}

/// Why a request or a yes counts no more: its time, another agent of the same name, or an operator
/// who is one no longer.
fn lost(
    connection: &Connection,
    row: &ApprovalRow,
    now: Timestamp,
) -> Result<Option<&'static str>, StoreError> {
    if row.expires_at <= now {
        return Ok(Some(TIME));
    }
    let same_agent: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM agents WHERE tenant = ?1 AND name = ?2
             AND revoked_at IS NULL AND created_at <= ?3)",
        params![row.tenant.as_str(), row.agent.as_str(), row.asked_at.0],
        |row| row.get(0),
    )?;
    if !same_agent {
        return Ok(Some("the agent is another one"));
    }
    let Some((by, at)) = row.decided_by.as_ref().zip(row.decided_at) else { return Ok(None) };
    let same_operator: bool = connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM operators WHERE name = ?1 AND revoked_at IS NULL
             AND role IN ('owner', 'approver') AND created_at <= ?2)",
        params![OperatorName::as_str(by), at.0],
        |row| row.get(0),
    )?;
    Ok((!same_operator).then_some("the operator who decided was revoked"))
}

/// A no that still holds.
fn refusal(
    connection: &Connection,
    wanted: &WantedApproval,
) -> Result<Option<(RecordId, Option<String>)>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM approvals
         WHERE tenant = ?1 AND binding = ?2 AND state = 'denied' AND expires_at > ?3
         ORDER BY decided_at DESC LIMIT 1"
    );
    let keys = params![wanted.row.tenant.as_str(), wanted.row.binding, wanted.record.time.0];
    let row = connection.query_row(&sql, keys, ApprovalRow::read).optional()?;
    Ok(row.map(|row| (row.id, row.decided_why)))
}

/// Makes a request, if the agent may have one more.
fn ask(connection: &Connection, wanted: &WantedApproval) -> Result<ApprovalStanding, StoreError> {
    let WantedApproval { row, record, call: _, pending_max } = wanted;
    let waiting: i64 = connection.query_row(
        "SELECT count(*) FROM approvals
         WHERE tenant = ?1 AND agent = ?2 AND state = 'pending' AND expires_at > ?3",
        params![row.tenant.as_str(), row.agent.as_str(), record.time.0],
        |row| row.get(0),
    )?;
    if u64::try_from(waiting).unwrap_or(u64::MAX) >= *pending_max {
        return Ok(ApprovalStanding::Full);
    }
    row.insert(connection)?;
    let mut detail = row.detail();
    detail.push(("reason".to_owned(), row.reason.clone()));
    detail.push(("expires_at".to_owned(), row.expires_at.to_string()));
    outbox::insert(connection, &ChangeRecord { detail, ..record.clone() })?;
    Ok(ApprovalStanding::Pending { id: row.id.clone(), until: row.expires_at, new: true })
}
