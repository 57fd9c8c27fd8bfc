//! Calls that wait for a human's yes, and what became of them.
//!
//! A row is bound to one exact call by its `binding`: a keyed digest of everything that has to be
//! the same when the yes is used. What is looked for is that digest and nothing else, so that a
//! call which differs in anything finds no row.
//!
//! INVARIANT: a yes is used up by the transaction that finds it, and by one only.
//! INVARIANT: what an approver was shown of the arguments is sealed, and destroyed with the decision.

mod settle;

use lanyard_core::{
    AgentName, ChangeRecord, OperatorName, RecordId, ServerName, TenantName, Timestamp, UserName,
};
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, TransactionBehavior, params};

pub use self::settle::{ApprovalStanding, WantedApproval};
use crate::{Store, StoreError, column, outbox};

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApprovalState {
    /// Nobody has decided.
    Pending,
    /// A yes that no call has used.
    Allowed,
    /// A no.
    Denied,
    /// A yes that a call has used.
    Used,
    /// Its time ended before it was decided or used, or it lost what it rested on.
    Expired,
}

impl ApprovalState {
    /// Every state.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Allowed, Self::Denied, Self::Used, Self::Expired];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Used => "used",
            Self::Expired => "expired",
        }
    }

    /// The state of this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A call that needs a human's yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRow {
    /// The id: that of the record of the request.
    pub id: RecordId,
    /// The tenant.
    pub tenant: TenantName,
    /// Who calls.
    pub agent: AgentName,
    /// For whom.
    pub user: Option<UserName>,
    /// The server.
    pub server: ServerName,
    /// The tool, as its server names it.
    pub tool: String,
    /// Keyed digest of the arguments that will be sent.
    pub arguments_digest: String,
    /// Digest of the tool's definition, as it was in force.
    pub pin: String,
    /// The version of the policy that asked.
    pub policy: u64,
    /// The rules that asked.
    pub rules: Vec<String>,
    /// Why, in the policy's words.
    pub reason: String,
    /// Keyed digest of all that has to be the same.
    pub binding: String,
    /// What an approver is shown of the arguments, sealed; `None` once it is destroyed.
    pub arguments: Option<Vec<u8>>,
    /// How long a request waits for a decision, and a decision for its call, in milliseconds.
    pub ttl_ms: u64,
    /// What became of it.
    pub state: ApprovalState,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When the request or the decision ends.
    pub expires_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// Who decided.
    pub decided_by: Option<OperatorName>,
    /// What they said about it.
    pub decided_why: Option<String>,
    /// When it was used.
    pub used_at: Option<Timestamp>,
    /// The record of the call that used it.
    pub used_by: Option<RecordId>,
}

const COLUMNS: &str = "id, tenant, agent, user, server, tool, arguments_digest, pin, policy, rules,
    reason, binding, arguments, ttl_ms, state, asked_at, expires_at, decided_at, decided_by,
    decided_why, used_at, used_by";

/// How long what became of a request can be looked up here, in microseconds. The audit log keeps it
/// for longer.
const KEPT_MICROS: i64 = 7 * 86_400 * 1_000_000;

impl ApprovalRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: column::name(row, 0)?,
            tenant: column::name(row, 1)?,
            agent: column::name(row, 2)?,
            user: optional_name(row, 3)?,
            server: column::name(row, 4)?,
            tool: row.get(5)?,
            arguments_digest: row.get(6)?,
            pin: row.get(7)?,
            policy: column::count(row, 8)?,
            rules: column::list(row, 9)?,
            reason: row.get(10)?,
            binding: row.get(11)?,
            arguments: row.get(12)?,
            ttl_ms: column::count(row, 13)?,
            state: column::word(row, 14, ApprovalState::parse)?,
            asked_at: column::time(row, 15)?,
            expires_at: column::time(row, 16)?,
            decided_at: column::time_optional(row, 17)?,
            decided_by: optional_name(row, 18)?,
            decided_why: row.get(19)?,
            used_at: column::time_optional(row, 20)?,
            used_by: optional_name(row, 21)?,
        })
    }

    fn insert(&self, connection: &Connection) -> Result<(), StoreError> {
        let sql = format!(
            "INSERT INTO approvals ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,
                 ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)"
        );
        connection.execute(
            &sql,
            params![
                self.id.as_str(),
                self.tenant.as_str(),
                self.agent.as_str(),
                self.user.as_ref().map(UserName::as_str),
                self.server.as_str(),
                self.tool,
                self.arguments_digest,
                self.pin,
                column::of_count("policy versions", self.policy)?,
                column::of_list(&self.rules),
                self.reason,
                self.binding,
                self.arguments,
                column::of_count("milliseconds", self.ttl_ms)?,
                self.state.as_str(),
                self.asked_at.0,
                self.expires_at.0,
                self.decided_at.map(|it| it.0),
                self.decided_by.as_ref().map(OperatorName::as_str),
                self.decided_why,
                self.used_at.map(|it| it.0),
                self.used_by.as_ref().map(RecordId::as_str),
            ],
        )?;
        Ok(())
    }

    /// Who and what a record of this request is about.
    pub fn detail(&self) -> Vec<(String, String)> {
        let mut detail = vec![("agent", self.agent.to_string())];
        detail.extend(self.user.as_ref().map(|user| ("user", user.to_string())));
        detail.extend([
            ("server", self.server.to_string()),
            ("tool", self.tool.clone()),
            ("rules", self.rules.join(",")),
            ("policy", self.policy.to_string()),
            ("arguments_digest", self.arguments_digest.clone()),
            ("pin", self.pin.clone()),
        ]);
        detail.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// What records of this request are about: `approval:ID`.
    pub fn subject(&self) -> String {
        format!("approval:{}", self.id)
    }
}

fn optional_name<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    if row.get_ref(column)? == rusqlite::types::ValueRef::Null {
        Ok(None)
    } else {
        column::name(row, column).map(Some)
    }
}

/// A decision of an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalDecision {
    /// Yes or no.
    pub allow: bool,
    /// Who decides.
    pub by: OperatorName,
    /// What they say about it.
    pub why: Option<String>,
}

/// What a decision came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApprovalOutcome {
    /// It holds, and is recorded.
    Decided(ApprovalRow),
    /// It came too late: the request was decided before, or its time had ended.
    Closed(ApprovalRow),
}

/// Outside a change: an approval is no configuration.
impl Store {
    /// The requests of a tenant, the newest first.
    pub fn approvals(&self, tenant: &TenantName) -> Result<Vec<ApprovalRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM approvals WHERE tenant = ?1 ORDER BY asked_at DESC, id DESC"
        );
        let connection = self.connection();
        let mut statement = connection.prepare(&sql)?;
        Ok(statement.query_map([tenant.as_str()], ApprovalRow::read)?.collect::<Result<_, _>>()?)
    }

    /// One request of a tenant.
    pub fn approval(
        &self,
        tenant: &TenantName,
        id: &RecordId,
    ) -> Result<Option<ApprovalRow>, StoreError> {
        get(&self.connection(), tenant, id)
    }

    /// Decides a request, if nobody has and there is time: row and record in one transaction. The
    /// record's detail is completed here. What the approver was shown is destroyed.
    pub fn approval_decide(
        &self,
        id: &RecordId,
        decision: &ApprovalDecision,
        record: ChangeRecord,
    ) -> Result<ApprovalOutcome, StoreError> {
        let mut connection = self.connection();
        let transaction = begin(&mut connection)?;
        let missing = || StoreError::missing("approval", id);
        let now = record.time;
        let row = get(&transaction, &record.tenant, id)?.ok_or_else(missing)?;
        let state = if decision.allow { ApprovalState::Allowed } else { ApprovalState::Denied };
        let until = now.plus(std::time::Duration::from_millis(row.ttl_ms));
        let changed = transaction.execute(
            "UPDATE approvals SET state = ?3, decided_at = ?4, decided_by = ?5, decided_why = ?6,
                 expires_at = ?7, arguments = NULL
             WHERE tenant = ?1 AND id = ?2 AND state = 'pending' AND expires_at > ?4",
            params![
                record.tenant.as_str(),
                id.as_str(),
                state.as_str(),
                now.0,
                decision.by.as_str(),
                decision.why,
                until.0,
            ],
        )?;
        let row = get(&transaction, &record.tenant, id)?.ok_or_else(missing)?;
        if changed == 0 {
            return Ok(ApprovalOutcome::Closed(row));
        }
        let mut detail = row.detail();
        detail.push(("expires_at".to_owned(), until.to_string()));
        detail.extend(decision.why.iter().map(|why| ("reason".to_owned(), why.clone())));
        outbox::insert(&transaction, &ChangeRecord { detail, ..record })?;
        transaction.commit()?;
        Ok(ApprovalOutcome::Decided(row))
    }

    /// Ends what has waited too long, with a record each, and forgets what ended long ago. Says how
    /// many ended.
    pub fn approvals_expire(
        &self,
        now: Timestamp,
        ids: &dyn Fn() -> RecordId,
    ) -> Result<usize, StoreError> {
        let mut connection = self.connection();
        let transaction = begin(&mut connection)?;
        let sql = format!(
            "SELECT {COLUMNS} FROM approvals
             WHERE state IN ('pending', 'allowed') AND expires_at <= ?1 ORDER BY id"
        );
        let rows = {
            let mut statement = transaction.prepare(&sql)?;
            let rows = statement.query_map([now.0], ApprovalRow::read)?;
            rows.collect::<Result<Vec<_>, _>>()?
        };
        for row in &rows {
            end(&transaction, row, TIME, ids(), now)?;
        }
        let before = now.0.saturating_sub(KEPT_MICROS);
        let forgotten = transaction.execute(
            "DELETE FROM approvals WHERE state NOT IN ('pending', 'allowed') AND expires_at <= ?1
                 AND asked_at < ?2",
            params![now.0, before],
        )?;
        if !rows.is_empty() || forgotten > 0 {
            transaction.commit()?;
        }
        Ok(rows.len())
    }
}

/// Why a request ends without a decision or a call: its time is over.
const TIME: &str = "its time ended";

fn begin(connection: &mut Connection) -> Result<Transaction<'_>, StoreError> {
    Ok(connection.transaction_with_behavior(TransactionBehavior::Immediate)?)
}

fn get(
    connection: &Connection,
    tenant: &TenantName,
    id: &RecordId,
) -> Result<Option<ApprovalRow>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM approvals WHERE tenant = ?1 AND id = ?2");
    let keys = params![tenant.as_str(), id.as_str()];
    Ok(connection.query_row(&sql, keys, ApprovalRow::read).optional()?)
}

/// Ends a request, or a yes that no call has used, and records why.
fn end(
    connection: &Connection,
    row: &ApprovalRow,
    why: &str,
    record: RecordId,
    now: Timestamp,
) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE approvals SET state = 'expired', arguments = NULL WHERE id = ?1",
        [row.id.as_str()],
    )?;
    let mut detail = row.detail();
    detail.push(("was".to_owned(), row.state.as_str().to_owned()));
    detail.push(("reason".to_owned(), why.to_owned()));
    outbox::insert(
        connection,
        &ChangeRecord {
            id: record,
            time: now,
            tenant: row.tenant.clone(),
            actor: "lanyard".to_owned(),
            peer: None,
            action: "approval.expire".to_owned(),
            subject: row.subject(),
            detail,
        },
    )
}

#[cfg(test)]
mod tests;
