//! Servers: what offers tools, as the text it was added with.

use lanyard_core::{ServerName, TenantName, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{Change, Store, StoreError, column};

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerRow {
    /// Its tenant.
    pub tenant: TenantName,
    /// Its name, unique in the tenant.
    pub name: ServerName,
    /// What it is: `rest`, or `mcp`.
    pub kind: String,
    /// Its definition, credentials replaced by references: YAML, or for `mcp` canonical JSON.
    pub source: String,
    /// The name of the file it came from, for messages.
    pub file_name: String,
    /// What was said beside the file, as a JSON object.
    pub options: String,
    /// Whether it may be called.
    pub enabled: bool,
    /// Whether it was seen working when it was added.
    pub verified: bool,
    /// Goes up each time it is put.
    pub version: u64,
    /// When it was first added.
    pub created_at: Timestamp,
    /// When it was last put.
    pub updated_at: Timestamp,
}

const COLUMNS: &str = "tenant, name, kind, source, file_name, options, enabled, verified, version,
    created_at, updated_at";

impl ServerRow {
    pub(crate) fn all(connection: &Connection) -> Result<Vec<Self>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM servers ORDER BY tenant, name");
        let rows =
            connection.prepare(&sql)?.query_map([], Self::read)?.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    fn of(
        connection: &Connection,
        tenant: &TenantName,
        name: &ServerName,
    ) -> Result<Option<Self>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM servers WHERE tenant = ?1 AND name = ?2");
        let keys = params![tenant.as_str(), name.as_str()];
        Ok(connection.query_row(&sql, keys, Self::read).optional()?)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            tenant: column::name(row, 0)?,
            name: column::name(row, 1)?,
            kind: row.get(2)?,
            source: row.get(3)?,
            file_name: row.get(4)?,
            options: row.get(5)?,
            enabled: row.get(6)?,
            verified: row.get(7)?,
            version: column::count(row, 8)?,
            created_at: column::time(row, 9)?,
            updated_at: column::time(row, 10)?,
        })
    }
}

impl Store {
    /// A server.
    pub fn server(
        &self,
        tenant: &TenantName,
        name: &ServerName,
    ) -> Result<Option<ServerRow>, StoreError> {
        ServerRow::of(&self.connection(), tenant, name)
    }
}

impl Change<'_> {
    /// Adds a server or replaces it, and gives its version: 1, or one more than before. What was
    /// there keeps its grants and its date of creation; `row.version` is not read.
    pub fn server_put(&self, row: &ServerRow) -> Result<u64, StoreError> {
        let before = self.server_get(&row.tenant, &row.name)?;
        let version = before.map_or(1, |before| before.version.saturating_add(1));
        self.connection.execute(
            "INSERT INTO servers (tenant, name, kind, source, file_name, options, enabled, verified,
                 version, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
             ON CONFLICT (tenant, name) DO UPDATE SET kind = excluded.kind,
                 source = excluded.source, file_name = excluded.file_name,
                 options = excluded.options, enabled = excluded.enabled,
                 verified = excluded.verified, version = excluded.version,
                 updated_at = excluded.updated_at",
            params![
                row.tenant.as_str(),
                row.name.as_str(),
                row.kind,
                row.source,
                row.file_name,
                row.options,
                row.enabled,
                row.verified,
                column::of_count("server versions", version)?,
                row.created_at.0,
                row.updated_at.0,
            ],
        )?;
        Ok(version)
    }

    /// A server.
    pub fn server_get(
        &self,
        tenant: &TenantName,
        name: &ServerName,
    ) -> Result<Option<ServerRow>, StoreError> {
        ServerRow::of(self.connection, tenant, name)
    }

    /// Removes a server and every grant on it.
    pub fn server_delete(&self, tenant: &TenantName, name: &ServerName) -> Result<(), StoreError> {
        let changed = self.connection.execute(
            "DELETE FROM servers WHERE tenant = ?1 AND name = ?2",
            params![tenant.as_str(), name.as_str()],
        )?;
        if changed == 0 { Err(StoreError::missing("server", name)) } else { Ok(()) }
    }

    /// Switches a server on or off.
    pub fn server_set_enabled(
        &self,
        tenant: &TenantName,
        name: &ServerName,
        enabled: bool,
    ) -> Result<(), StoreError> {
        let changed = self.connection.execute(
            "UPDATE servers SET enabled = ?3 WHERE tenant = ?1 AND name = ?2",
            params![tenant.as_str(), name.as_str(), enabled],
        )?;
        if changed == 0 { Err(StoreError::missing("server", name)) } else { Ok(()) }
    }
}
