//! Intake links: who holds one gives one secret its value, once, until it expires. What is used,
//! cancelled or too old is gone: its record tells of it.

use std::fmt;

use lanyard_core::{SecretName, TenantName, Timestamp, TokenId};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{Change, SecretRow, Store, StoreError, column};

/// An intake link.
#[derive(Clone, PartialEq, Eq)]
pub struct IntakeRow {
    /// Its id: safe to show.
    pub id: TokenId,
    /// The secret's tenant.
    pub tenant: TenantName,
    /// The secret.
    pub secret: SecretName,
    /// Where the secret might be sent when the link was made.
    pub origins: Vec<String>,
    /// SHA-256 of the token in its address.
    pub token_hash: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it, as records name them.
    pub created_by: String,
    /// Until when it works.
    pub expires_at: Timestamp,
}

/// The hash is not printed: useless to a reader, and long.
impl fmt::Debug for IntakeRow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("IntakeRow")
            .field("id", &self.id)
            .field("tenant", &self.tenant)
            .field("secret", &self.secret)
            .field("created_by", &self.created_by)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

const COLUMNS: &str = "id, tenant, secret, origins, token_hash, created_at, created_by, expires_at";

impl IntakeRow {
    fn all(connection: &Connection, tenant: &TenantName) -> Result<Vec<Self>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM intakes WHERE tenant = ?1 ORDER BY expires_at, id");
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map([tenant.as_str()], Self::read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn of_hash(connection: &Connection, hash: &[u8; 32]) -> Result<Option<Self>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM intakes WHERE token_hash = ?1");
        Ok(connection.query_row(&sql, [hash], Self::read).optional()?)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: column::name(row, 0)?,
            tenant: column::name(row, 1)?,
            secret: column::name(row, 2)?,
            origins: column::list(row, 3)?,
            token_hash: row.get(4)?,
            created_at: column::time(row, 5)?,
            created_by: row.get(6)?,
            expires_at: column::time(row, 7)?,
        })
    }
}

impl Store {
    /// The links of a tenant, those that are too old included.
    pub fn intakes(&self, tenant: &TenantName) -> Result<Vec<IntakeRow>, StoreError> {
        IntakeRow::all(&self.connection(), tenant)
    }

    /// The link of a token with its secret as it is now, however old the link is.
    pub fn intake(&self, hash: &[u8; 32]) -> Result<Option<(IntakeRow, SecretRow)>, StoreError> {
        let connection = self.connection();
        let Some(row) = IntakeRow::of_hash(&connection, hash)? else { return Ok(None) };
        let secret = SecretRow::of_name(&connection, &row.tenant, &row.secret)?;
        Ok(secret.map(|secret| (row, secret)))
    }
}

impl Change<'_> {
    /// Adds a link. Those that are too old by then go.
    pub fn intake_insert(&self, row: &IntakeRow) -> Result<(), StoreError> {
        self.connection
            .execute("DELETE FROM intakes WHERE expires_at <= ?1", params![self.time().0])?;
        self.connection.execute(
            "INSERT INTO intakes
                 (id, tenant, secret, origins, token_hash, created_at, created_by, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                row.id.as_str(),
                row.tenant.as_str(),
                row.secret.as_str(),
                column::of_list(&row.origins),
                row.token_hash,
                row.created_at.0,
                row.created_by,
                row.expires_at.0,
            ],
        )?;
        Ok(())
    }

    /// Uses a link up: gives it back if it was there, however old it is. It works for nobody else
    /// once this change lands.
    pub fn intake_take(&self, hash: &[u8; 32]) -> Result<Option<IntakeRow>, StoreError> {
        let row = IntakeRow::of_hash(self.connection, hash)?;
        self.connection.execute("DELETE FROM intakes WHERE token_hash = ?1", [hash])?;
        Ok(row)
    }

    /// Cancels a link, and says whose it was.
    pub fn intake_delete(
        &self,
        tenant: &TenantName,
        id: &TokenId,
    ) -> Result<SecretName, StoreError> {
        let sql = "DELETE FROM intakes WHERE tenant = ?1 AND id = ?2 RETURNING secret";
        let key = params![tenant.as_str(), id.as_str()];
        let secret = self.connection.query_row(sql, key, |row| column::name(row, 0)).optional()?;
        secret.ok_or_else(|| StoreError::missing("intake link", id))
    }

    /// Cancels every link of a secret, and says how many there were.
    pub fn intakes_delete_of(
        &self,
        tenant: &TenantName,
        secret: &SecretName,
    ) -> Result<usize, StoreError> {
        let sql = "DELETE FROM intakes WHERE tenant = ?1 AND secret = ?2";
        Ok(self.connection.execute(sql, [tenant.as_str(), secret.as_str()])?)
    }

    /// Cancels every link that somebody made, and says how many there were.
    pub fn intakes_delete_by(&self, created_by: &str) -> Result<usize, StoreError> {
        let sql = "DELETE FROM intakes WHERE created_by = ?1";
        Ok(self.connection.execute(sql, [created_by])?)
    }
}

#[cfg(test)]
mod tests;
