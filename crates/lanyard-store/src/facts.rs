//! What MCP servers said of themselves when they were last listed, and the launch that was
//! approved for them.

use lanyard_core::{ServerName, TenantName, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{Change, Store, StoreError, column};

/// What a server said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactsRow {
    /// The server's tenant.
    pub tenant: TenantName,
    /// The server.
    pub server: ServerName,
    /// The version of the server's row when something new was listed last.
    pub generation: u64,
    /// Protocol version, capabilities, info and instructions, as a JSON object.
    pub facts: String,
    /// How the server was started or reached when its definitions were pinned: the text of
    /// `Definition::pinned_text`.
    pub launch_pin: String,
    /// When it was last listed and something was new.
    pub seen_at: Timestamp,
}

const COLUMNS: &str = "tenant, server, generation, facts, launch_pin, seen_at";

impl FactsRow {
    pub(crate) fn all(connection: &Connection) -> Result<Vec<Self>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM server_facts ORDER BY tenant, server");
        let rows =
            connection.prepare(&sql)?.query_map([], Self::read)?.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    fn of(
        connection: &Connection,
        tenant: &TenantName,
        server: &ServerName,
    ) -> Result<Option<Self>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM server_facts WHERE tenant = ?1 AND server = ?2");
        let keys = params![tenant.as_str(), server.as_str()];
        Ok(connection.query_row(&sql, keys, Self::read).optional()?)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            tenant: column::name(row, 0)?,
            server: column::name(row, 1)?,
            generation: column::count(row, 2)?,
            facts: row.get(3)?,
            launch_pin: row.get(4)?,
            seen_at: column::time(row, 5)?,
        })
    }
}

impl Store {
    /// What a server said of itself, if it was ever listed.
    pub fn facts_of(
        &self,
        tenant: &TenantName,
        server: &ServerName,
    ) -> Result<Option<FactsRow>, StoreError> {
        FactsRow::of(&self.connection(), tenant, server)
    }
}

impl Change<'_> {
    /// What a server said of itself, if it was ever listed.
    pub fn facts_of(
        &self,
        tenant: &TenantName,
        server: &ServerName,
    ) -> Result<Option<FactsRow>, StoreError> {
        FactsRow::of(self.connection, tenant, server)
    }

    /// Notes what a server said of itself. The server must exist.
    pub fn facts_put(&self, row: &FactsRow) -> Result<(), StoreError> {
        if self.server_get(&row.tenant, &row.server)?.is_none() {
            return Err(StoreError::missing("server", &row.server));
        }
        self.connection.execute(
            "INSERT INTO server_facts (tenant, server, generation, facts, launch_pin, seen_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (tenant, server) DO UPDATE SET generation = excluded.generation,
                 facts = excluded.facts, launch_pin = excluded.launch_pin,
                 seen_at = excluded.seen_at",
            params![
                row.tenant.as_str(),
                row.server.as_str(),
                column::of_count("server versions", row.generation)?,
                row.facts,
                row.launch_pin,
                row.seen_at.0,
            ],
        )?;
        Ok(())
    }

    /// Forgets what a server said of itself, and says whether there was anything.
    pub fn facts_delete(
        &self,
        tenant: &TenantName,
        server: &ServerName,
    ) -> Result<bool, StoreError> {
        let changed = self.connection.execute(
            "DELETE FROM server_facts WHERE tenant = ?1 AND server = ?2",
            params![tenant.as_str(), server.as_str()],
        )?;
        Ok(changed > 0)
    }
}
