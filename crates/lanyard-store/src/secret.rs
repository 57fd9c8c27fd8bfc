//! Secrets: names bound to origins, with sealed versions that only the vault can open.

use std::fmt;

use lanyard_core::{SecretName, TenantName, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{Change, StoreError, column};

/// A secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretRow {
    /// Its tenant.
    pub tenant: TenantName,
    /// Its name, unique in the tenant.
    pub name: SecretName,
    /// Where it may be sent.
    pub origins: Vec<String>,
    /// When it was first put.
    pub created_at: Timestamp,
    /// The version in force; `None` as long as no value was set.
    pub version: Option<u32>,
}

/// One value of a secret, sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretVersionRow {
    /// The secret's tenant.
    pub tenant: TenantName,
    /// The secret.
    pub name: SecretName,
    /// Which value: 1, 2, ...
    pub version: u32,
    /// The vault's envelope.
    pub sealed: Vec<u8>,
    /// When it was set.
    pub created_at: Timestamp,
    /// When a newer one took over.
    pub retired_at: Option<Timestamp>,
}

/// The sealed bytes are not printed: useless to a reader, and long.
impl fmt::Debug for SecretVersionRow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SecretVersionRow")
            .field("tenant", &self.tenant)
            .field("name", &self.name)
            .field("version", &self.version)
            .field("retired_at", &self.retired_at)
            .finish_non_exhaustive()
    }
}

impl SecretRow {
    pub(crate) fn all(connection: &Connection) -> Result<Vec<Self>, StoreError> {
        let sql = "SELECT tenant, name, origins, created_at, version FROM secrets
                   ORDER BY tenant, name";
        let rows = connection.prepare(sql)?.query_map([], Self::read)?.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    pub(crate) fn of_name(
        connection: &Connection,
        tenant: &TenantName,
        name: &SecretName,
    ) -> Result<Option<Self>, StoreError> {
        Ok(connection
            .query_row(
                "SELECT tenant, name, origins, created_at, version FROM secrets
                 WHERE tenant = ?1 AND name = ?2",
                params![tenant.as_str(), name.as_str()],
                Self::read,
            )
            .optional()?)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            tenant: column::name(row, 0)?,
            name: column::name(row, 1)?,
            origins: column::list(row, 2)?,
            created_at: column::time(row, 3)?,
            version: row.get(4)?,
        })
    }
}

impl SecretVersionRow {
    pub(crate) fn all(connection: &Connection) -> Result<Vec<Self>, StoreError> {
        let sql = "SELECT tenant, name, version, sealed, created_at, retired_at
                   FROM secret_versions ORDER BY tenant, name, version";
        let rows = connection.prepare(sql)?.query_map([], Self::read)?.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            tenant: column::name(row, 0)?,
            name: column::name(row, 1)?,
            version: row.get(2)?,
            sealed: row.get(3)?,
            created_at: column::time(row, 4)?,
            retired_at: column::time_optional(row, 5)?,
        })
    }
}

impl Change<'_> {
    /// Adds a secret, or binds an existing one to these origins. Its versions stay as they are,
    /// and `row.version` is not read: a version comes by [`Change::secret_version_insert`].
    pub fn secret_put(&self, row: &SecretRow) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT INTO secrets (tenant, name, origins, created_at, version)
             VALUES (?1, ?2, ?3, ?4, NULL)
             ON CONFLICT (tenant, name) DO UPDATE SET origins = excluded.origins",
            params![
                row.tenant.as_str(),
                row.name.as_str(),
                column::of_list(&row.origins),
                row.created_at.0,
            ],
        )?;
        Ok(())
    }

    /// A secret.
    pub fn secret_get(
        &self,
        tenant: &TenantName,
        name: &SecretName,
    ) -> Result<Option<SecretRow>, StoreError> {
        SecretRow::of_name(self.connection, tenant, name)
    }

    /// Binds a secret to these origins and no others.
    pub fn secret_set_origins(
        &self,
        tenant: &TenantName,
        name: &SecretName,
        origins: &[String],
    ) -> Result<(), StoreError> {
        let changed = self.connection.execute(
            "UPDATE secrets SET origins = ?3 WHERE tenant = ?1 AND name = ?2",
            params![tenant.as_str(), name.as_str(), column::of_list(origins)],
        )?;
        if changed == 0 { Err(StoreError::missing("secret", name)) } else { Ok(()) }
    }

    /// The number that the next value of a secret gets.
    pub fn secret_version_next(
        &self,
        tenant: &TenantName,
        name: &SecretName,
    ) -> Result<u32, StoreError> {
        let last: Option<u32> = self.connection.query_row(
            "SELECT max(version) FROM secret_versions WHERE tenant = ?1 AND name = ?2",
            params![tenant.as_str(), name.as_str()],
            |row| row.get(0),
        )?;
        let next = last.unwrap_or(0).checked_add(1);
        next.ok_or(StoreError::NumberTooLarge { what: "secret versions" })
    }

    /// Adds a value to a secret and puts it in force.
    pub fn secret_version_insert(&self, row: &SecretVersionRow) -> Result<(), StoreError> {
        if self.secret_get(&row.tenant, &row.name)?.is_none() {
            return Err(StoreError::missing("secret", &row.name));
        }
        if row.version < self.secret_version_next(&row.tenant, &row.name)? {
            let name = format!("{} {}", row.name, row.version);
            return Err(StoreError::exists("secret version", name));
        }
        self.connection.execute(
            "INSERT INTO secret_versions (tenant, name, version, sealed, created_at, retired_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                row.tenant.as_str(),
                row.name.as_str(),
                row.version,
                row.sealed,
                row.created_at.0,
                row.retired_at.map(|time| time.0),
            ],
        )?;
        self.connection.execute(
            "UPDATE secrets SET version = ?3 WHERE tenant = ?1 AND name = ?2",
            params![row.tenant.as_str(), row.name.as_str(), row.version],
        )?;
        Ok(())
    }

    /// Retires every version of a secret before `version`, and says how many were in force.
    pub fn secret_versions_retire_older(
        &self,
        tenant: &TenantName,
        name: &SecretName,
        version: u32,
        at: Timestamp,
    ) -> Result<usize, StoreError> {
        Ok(self.connection.execute(
            "UPDATE secret_versions SET retired_at = ?4
             WHERE tenant = ?1 AND name = ?2 AND version < ?3 AND retired_at IS NULL",
            params![tenant.as_str(), name.as_str(), version, at.0],
        )?)
    }

    /// Removes a secret and all its versions.
    pub fn secret_delete(&self, tenant: &TenantName, name: &SecretName) -> Result<(), StoreError> {
        let changed = self.connection.execute(
            "DELETE FROM secrets WHERE tenant = ?1 AND name = ?2",
            params![tenant.as_str(), name.as_str()],
        )?;
        if changed == 0 { Err(StoreError::missing("secret", name)) } else { Ok(()) }
    }
}
