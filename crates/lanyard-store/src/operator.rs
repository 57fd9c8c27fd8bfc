//! Operators: people who administer, each with a role and a hashed token.

use std::fmt;
use std::str::FromStr;

use lanyard_core::{OperatorName, Timestamp, TokenId};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use thiserror::Error;

use crate::{Change, StoreError, column};

/// What an operator may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything.
    Owner,
    /// Say yes or no to calls that wait for approval, and look.
    Approver,
    /// Look.
    Auditor,
}

/// The text names no role.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no role; use owner, approver or auditor")]
pub struct RoleError(String);

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::Owner, Self::Approver, Self::Auditor];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Approver => "approver",
            Self::Auditor => "auditor",
        }
    }
}

impl FromStr for Role {
    type Err = RoleError;
    fn from_str(text: &str) -> Result<Self, RoleError> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| RoleError(text.chars().take(80).collect()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// An operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorRow {
    /// Its name.
    pub name: OperatorName,
    /// What it may do.
    pub role: Role,
    /// The id of its token: safe to show.
    pub token_id: TokenId,
    /// SHA-256 of its token.
    pub token_hash: [u8; 32],
    /// The token's first characters.
    pub display_prefix: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    pub revoked_at: Option<Timestamp>,
}

const COLUMNS: &str = "name, role, token_id, token_hash, display_prefix, created_at, revoked_at";

impl OperatorRow {
    pub(crate) fn all(connection: &Connection) -> Result<Vec<Self>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM operators ORDER BY name");
        let rows =
            connection.prepare(&sql)?.query_map([], Self::read)?.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            name: column::name(row, 0)?,
            role: column::name(row, 1)?,
            token_id: column::name(row, 2)?,
            token_hash: row.get(3)?,
            display_prefix: row.get(4)?,
            created_at: column::time(row, 5)?,
            revoked_at: column::time_optional(row, 6)?,
        })
    }
}

impl Change<'_> {
    /// Adds an operator. The name of a revoked one may be used again, with a new token.
    pub fn operator_insert(&self, row: &OperatorRow) -> Result<(), StoreError> {
        if self.operator_get(&row.name)?.is_some_and(|before| before.revoked_at.is_none()) {
            return Err(StoreError::exists("operator", &row.name));
        }
        self.connection.execute(
            "INSERT INTO operators
                 (name, role, token_id, token_hash, display_prefix, created_at, revoked_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (name) DO UPDATE SET role = excluded.role, token_id = excluded.token_id,
                 token_hash = excluded.token_hash, display_prefix = excluded.display_prefix,
                 created_at = excluded.created_at, revoked_at = excluded.revoked_at",
            params![
                row.name.as_str(),
                row.role.as_str(),
                row.token_id.as_str(),
                row.token_hash,
                row.display_prefix,
                row.created_at.0,
                row.revoked_at.map(|time| time.0),
            ],
        )?;
        Ok(())
    }

    /// An operator, revoked or not.
    pub fn operator_get(&self, name: &OperatorName) -> Result<Option<OperatorRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM operators WHERE name = ?1");
        Ok(self.connection.query_row(&sql, params![name.as_str()], OperatorRow::read).optional()?)
    }

    /// Revokes an operator and with it its token.
    pub fn operator_revoke(&self, name: &OperatorName, at: Timestamp) -> Result<(), StoreError> {
        let changed = self.connection.execute(
            "UPDATE operators SET revoked_at = ?2 WHERE name = ?1 AND revoked_at IS NULL",
            params![name.as_str(), at.0],
        )?;
        if changed == 0 { Err(StoreError::missing("operator", name)) } else { Ok(()) }
    }
}
