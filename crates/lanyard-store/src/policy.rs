//! Policies: every version of a tenant's text that was ever applied. The newest is in force.

use lanyard_core::{TenantName, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{Change, Store, StoreError, column};

/// One version of a tenant's policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRow {
    /// The tenant.
    pub tenant: TenantName,
    /// Counted from 1; never used again.
    pub version: u64,
    /// The text; empty for no policies.
    pub text: String,
    /// The name of the file it came from, for messages.
    pub file_name: String,
    /// The time zone that its times are in.
    pub zone: String,
    /// Whether all of it is decided and recorded, and not enforced.
    pub shadow: bool,
    /// When it was applied.
    pub applied_at: Timestamp,
    /// By whom.
    pub applied_by: String,
}

const COLUMNS: &str = "tenant, version, text, file_name, zone, shadow, applied_at, applied_by";

impl PolicyRow {
    /// What is in force: the newest of each tenant, unless it is empty.
    pub(crate) fn in_force(connection: &Connection) -> Result<Vec<Self>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM policies AS one WHERE text <> '' AND version =
                 (SELECT MAX(version) FROM policies WHERE tenant = one.tenant) ORDER BY tenant"
        );
        let rows =
            connection.prepare(&sql)?.query_map([], Self::read)?.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            tenant: column::name(row, 0)?,
            version: column::count(row, 1)?,
            text: row.get(2)?,
            file_name: row.get(3)?,
            zone: row.get(4)?,
            shadow: row.get(5)?,
            applied_at: column::time(row, 6)?,
            applied_by: row.get(7)?,
        })
    }
}

impl Store {
    /// Every version of a tenant's policies, the newest first.
    pub fn policies(&self, tenant: &TenantName) -> Result<Vec<PolicyRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM policies WHERE tenant = ?1 ORDER BY version DESC");
        let connection = self.connection();
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map(params![tenant.as_str()], PolicyRow::read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Change<'_> {
    /// The newest version of a tenant's policies, empty or not.
    pub fn policy_newest(&self, tenant: &TenantName) -> Result<Option<PolicyRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM policies WHERE tenant = ?1 ORDER BY version DESC LIMIT 1"
        );
        let keys = params![tenant.as_str()];
        Ok(self.connection.query_row(&sql, keys, PolicyRow::read).optional()?)
    }

    /// Applies a text: it is the next version, which is given back. `row.version` is not read.
    pub fn policy_apply(&self, row: &PolicyRow) -> Result<u64, StoreError> {
        let before = self.policy_newest(&row.tenant)?;
        let version = before.map_or(1, |it| it.version.saturating_add(1));
        self.connection.execute(
            "INSERT INTO policies (tenant, version, text, file_name, zone, shadow, applied_at,
                 applied_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                row.tenant.as_str(),
                column::of_count("policy versions", version)?,
                row.text,
                row.file_name,
                row.zone,
                row.shadow,
                row.applied_at.0,
                row.applied_by,
            ],
        )?;
        Ok(version)
    }
}
