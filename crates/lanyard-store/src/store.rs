//! The database of one data directory: opened, read as a whole, changed in one transaction.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lanyard_core::ChangeRecord;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::directory::{self, DirectoryLock};
use crate::{Change, Configuration, OperatorRow, StoreError, meta, outbox, schema, subject_key};

/// The database of one data directory, held by this process alone until dropped.
#[derive(Debug)]
pub struct Store {
    connection: Mutex<Connection>,
    directory: PathBuf,
    _lock: DirectoryLock,
}

impl Store {
    /// Opens the data directory, making it and the database where they are missing.
    ///
    /// Refused: a directory that others than its owner can reach, one that another process uses,
    /// a database that a newer Lanyard wrote, and one that does not hold together.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        directory::prepare(directory)?;
        let lock = directory::lock(directory)?;
        let path = directory.join("lanyard.db");
        // SQLite would make the file by the umask; its journal then takes over the file's mode.
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|source| StoreError::file("open", &path, source))?;
        let mut connection = connect(&path)?;
        check(&connection)?;
        schema::migrate(&mut connection)?;
        subject_key::finish_erasing(&connection)?;
        Ok(Self {
            connection: Mutex::new(connection),
            directory: directory.to_owned(),
            _lock: lock,
        })
    }

    /// The data directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// All rows as they were at one moment.
    pub fn load(&self) -> Result<Configuration, StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        Configuration::read(&transaction)
    }

    /// The operators, revoked ones included.
    pub fn operators(&self) -> Result<Vec<OperatorRow>, StoreError> {
        OperatorRow::all(&self.connection())
    }

    /// Makes one change: the rows that `change` writes, the outbox row that holds `record`, and
    /// the next configuration version land in one transaction. If `change` errs, or the process
    /// ends before the transaction does, nothing of it happened.
    ///
    /// Afterwards the record waits in the outbox: see [`Store::outbox`].
    pub fn change<T, E>(
        &self,
        record: ChangeRecord,
        change: impl FnOnce(&Change<'_>) -> Result<T, E>,
    ) -> Result<T, E>
    where
        E: From<StoreError>,
    {
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(StoreError::from)?;
        let context = Change::new(&transaction, record);
        let value = change(&context)?;
        let record = context.into_record();
        meta::configuration_version_raise(&transaction)?;
        outbox::insert(&transaction, &record)?;
        transaction.commit().map_err(StoreError::from)?;
        Ok(value)
    }

    /// The connection. A panic inside a change rolled its transaction back on the way out, so
    /// that the connection behind a poisoned lock is as good as before.
    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A write-ahead log with `synchronous=FULL` is synced at every commit: a revoked token does not
/// come back after a power cut. (A rollback journal would also need its removal synced.) The
/// exclusive mode keeps the index of that log in memory instead of in a third file, and
/// `secure_delete` overwrites what is deleted: sealed secrets and hashes too.
fn connect(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    connection.pragma_update(None, "secure_delete", "ON")?;
    connection.pragma_update(None, "cache_size", "-512")?;
    Ok(connection)
}

fn check(connection: &Connection) -> Result<(), StoreError> {
    let answer: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if answer == "ok" { Ok(()) } else { Err(StoreError::Damaged { problem: answer }) }
}

#[cfg(test)]
mod tests;
