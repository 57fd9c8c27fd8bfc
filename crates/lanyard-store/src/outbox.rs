//! The records of changes on their way from the database into the log. A row is written by the
//! transaction of its change and goes when the log holds the record durably: whenever the
//! process ends in between, the next start finds the row and the log says whether it is needed.

use lanyard_core::{ChangeRecord, RecordId, TenantName, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::audit::{Log, LogError};
use crate::{Store, StoreError, column};

/// Why the outbox could not be emptied. What is left in it is tried again.
#[derive(Debug, Error)]
pub enum DrainError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log failed, or has no space.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl Store {
    /// Brings every record of the outbox into the log, each exactly once, and says how many were
    /// appended now. Called after each change and at start; several threads may do so at a time.
    pub fn outbox_drain(&self, log: &Log) -> Result<usize, DrainError> {
        let records = self.outbox()?;
        let mut appended = 0_usize;
        for record in &records {
            if log.append_change_once(record)?.is_some() {
                appended = appended.saturating_add(1);
            }
        }
        if !records.is_empty() {
            // A row may only go when its record is durable, whoever appended it: the database's
            // commit is, and a power cut must not leave a change without its record.
            log.wait_synced_all()?;
        }
        for record in &records {
            self.outbox_done(&record.id)?;
        }
        Ok(appended)
    }

    /// The records of changes that the log may not hold yet, oldest first.
    pub fn outbox(&self) -> Result<Vec<ChangeRecord>, StoreError> {
        let connection = self.connection();
        let mut statement = connection.prepare("SELECT record FROM outbox ORDER BY position")?;
        Ok(statement.query_map([], read)?.collect::<Result<_, _>>()?)
    }

    /// Takes a record out of the outbox. Only to be called when the log holds it durably.
    pub fn outbox_done(&self, id: &RecordId) -> Result<(), StoreError> {
        self.connection().execute("DELETE FROM outbox WHERE id = ?1", params![id.as_str()])?;
        Ok(())
    }
}

pub(crate) fn insert(connection: &Connection, record: &ChangeRecord) -> Result<(), StoreError> {
    let text = serde_json::to_string(&Stored::of(record))
        .map_err(|error| column::unreadable(2, Type::Text, Box::new(error)))?;
    let sql = "INSERT INTO outbox (id, record) VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING";
    match connection.execute(sql, params![record.id.as_str(), text])? {
        0 => Err(StoreError::exists("record", &record.id)),
        _ => Ok(()),
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<ChangeRecord> {
    let unreadable = |error| column::unreadable(0, Type::Text, error);
    let stored: Stored = serde_json::from_str(row.get_ref(0)?.as_str()?)
        .map_err(|error| unreadable(error.into()))?;
    stored.into_record().map_err(|error| unreadable(error.into()))
}

/// A change record as the outbox holds it.
#[derive(Serialize, Deserialize)]
struct Stored {
    id: String,
    time: i64,
    tenant: String,
    actor: String,
    peer: Option<String>,
    action: String,
    subject: String,
    detail: Vec<(String, String)>,
}

impl Stored {
    fn of(record: &ChangeRecord) -> Self {
        Self {
            id: record.id.to_string(),
            time: record.time.0,
            tenant: record.tenant.to_string(),
            actor: record.actor.clone(),
            peer: record.peer.clone(),
            action: record.action.clone(),
            subject: record.subject.clone(),
            detail: record.detail.clone(),
        }
    }

    fn into_record(self) -> Result<ChangeRecord, lanyard_core::NameError> {
        Ok(ChangeRecord {
            id: RecordId::parse(&self.id)?,
            time: Timestamp(self.time),
            tenant: TenantName::parse(&self.tenant)?,
            actor: self.actor,
            peer: self.peer,
            action: self.action,
            subject: self.subject,
            detail: self.detail,
        })
    }
}
