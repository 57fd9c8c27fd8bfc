//! Sessions that ended before their time. A session id seals what it stands for, so that a
//! session needs no row; only its end does, until the id would have expired by itself.

use lanyard_core::Timestamp;
use rusqlite::{Connection, Row, params};

use crate::{Change, Store, StoreError, column};

/// A session that ended before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEndedRow {
    /// SHA-256 of the session's id.
    pub id_hash: [u8; 32],
    /// When the id expires by itself, and this row is of no more use.
    pub until: Timestamp,
}

impl SessionEndedRow {
    pub(crate) fn all(connection: &Connection) -> Result<Vec<Self>, StoreError> {
        let sql = "SELECT id_hash, until FROM sessions_ended ORDER BY id_hash";
        let rows = connection.prepare(sql)?.query_map([], Self::read)?.collect::<Result<_, _>>()?;
        Ok(rows)
    }

    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self { id_hash: row.get(0)?, until: column::time(row, 1)? })
    }
}

/// Outside a change: a client that ends its own session changes no configuration.
impl Store {
    /// Remembers that a session ended.
    pub fn session_end(&self, row: &SessionEndedRow) -> Result<(), StoreError> {
        insert(&self.connection(), row)
    }

    /// Forgets the sessions whose ids have expired, and says how many.
    pub fn sessions_prune(&self, now: Timestamp) -> Result<usize, StoreError> {
        prune(&self.connection(), now)
    }

    /// Every session that ended before its time.
    pub fn sessions_ended(&self) -> Result<Vec<SessionEndedRow>, StoreError> {
        SessionEndedRow::all(&self.connection())
    }
}

impl Change<'_> {
    /// Remembers that a session ended, as part of this change.
    pub fn session_end(&self, row: &SessionEndedRow) -> Result<(), StoreError> {
        insert(self.connection, row)
    }

    /// Forgets the sessions whose ids have expired, and says how many.
    pub fn sessions_prune(&self, now: Timestamp) -> Result<usize, StoreError> {
        prune(self.connection, now)
    }
}

fn insert(connection: &Connection, row: &SessionEndedRow) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO sessions_ended (id_hash, until) VALUES (?1, ?2)
         ON CONFLICT (id_hash) DO UPDATE SET until = max(until, excluded.until)",
        params![row.id_hash, row.until.0],
    )?;
    Ok(())
}

fn prune(connection: &Connection, now: Timestamp) -> Result<usize, StoreError> {
    Ok(connection.execute("DELETE FROM sessions_ended WHERE until < ?1", params![now.0])?)
}
