//! Tenants: walls that nothing crosses. The default one is always there.

use lanyard_core::{TenantName, Timestamp};
use rusqlite::{Connection, Row, params};

use crate::{Change, Store, StoreError, column};

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRow {
    /// Its name.
    pub name: TenantName,
    /// When it was made; 0 for the default one.
    pub created_at: Timestamp,
    /// Whether records hold the arguments that its policies read.
    pub records_arguments: bool,
}

impl TenantRow {
    pub(crate) fn all(connection: &Connection) -> Result<Vec<Self>, StoreError> {
        let sql = "SELECT name, created_at, records_arguments FROM tenants ORDER BY name";
        let rows = connection.prepare(sql)?.query_map([], Self::read)?.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            name: column::name(row, 0)?,
            created_at: column::time(row, 1)?,
            records_arguments: row.get(2)?,
        })
    }
}

impl Store {
    /// The tenants.
    pub fn tenants(&self) -> Result<Vec<TenantRow>, StoreError> {
        TenantRow::all(&self.connection())
    }
}

/// What belongs to a tenant, and what an operator calls it. Agents and their tokens come last:
/// their rows stay after a revocation, so that nothing of the tenant may be left before them.
const BELONGINGS: &[(&str, &str)] = &[
    ("servers", "servers"),
    ("secrets", "secrets"),
    ("agents WHERE revoked_at IS NULL AND", "agents"),
];

impl Change<'_> {
    /// Adds a tenant.
    pub fn tenant_insert(&self, row: &TenantRow) -> Result<(), StoreError> {
        let sql = "INSERT INTO tenants (name, created_at, records_arguments) VALUES (?1, ?2, ?3)
                   ON CONFLICT (name) DO NOTHING";
        let TenantRow { name, created_at, records_arguments } = row;
        match self
            .connection
            .execute(sql, params![name.as_str(), created_at.0, records_arguments])?
        {
            0 => Err(StoreError::exists("tenant", &row.name)),
            _ => Ok(()),
        }
    }

    /// Switches on or off that records hold the arguments that a tenant's policies read. Says whether
    /// that was otherwise before.
    pub fn tenant_records_arguments(
        &self,
        name: &TenantName,
        on: bool,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE tenants SET records_arguments = ?2
                   WHERE name = ?1 AND records_arguments <> ?2";
        Ok(self.connection.execute(sql, params![name.as_str(), on])? > 0)
    }

    /// Removes a tenant with the rows of its revoked agents, and its limits. It must have nothing else.
    pub fn tenant_delete(&self, name: &TenantName) -> Result<(), StoreError> {
        for (from, what) in BELONGINGS {
            let and = if from.contains("WHERE") { "" } else { "WHERE" };
            let sql = format!("SELECT EXISTS (SELECT 1 FROM {from} {and} tenant = ?1)");
            let left: bool =
                self.connection.query_row(&sql, params![name.as_str()], |row| row.get(0))?;
            if left {
                return Err(StoreError::NotEmpty { name: name.clone(), what });
            }
        }
        for table in ["policies", "approvals", "limits", "tokens", "agents"] {
            let sql = format!("DELETE FROM {table} WHERE tenant = ?1");
            self.connection.execute(&sql, params![name.as_str()])?;
        }
        let sql = "DELETE FROM tenants WHERE name = ?1";
        match self.connection.execute(sql, params![name.as_str()])? {
            0 => Err(StoreError::missing("tenant", name)),
            _ => Ok(()),
        }
    }
}
