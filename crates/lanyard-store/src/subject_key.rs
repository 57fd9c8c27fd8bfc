//! Keys of subjects, wrapped: what is kept of a subject's calls opens as long as its key is here.
//!
//! INVARIANT: a subject has one key at most that is not erased.
//! INVARIANT: after [`Store::overwrite`] no byte of an erased key stands in the database's files. An
//! end before it is made up for when the database is opened again.

use lanyard_core::{PayloadSubject, RecordId, TenantName, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::{Change, Store, StoreError, column};

/// A key of a subject.
#[derive(Clone, PartialEq, Eq)]
pub struct SubjectKeyRow {
    /// The tenant.
    pub tenant: TenantName,
    /// The subject.
    pub subject: PayloadSubject,
    /// The key's id, which payloads name.
    pub id: RecordId,
    /// The key, wrapped; `None` once it is erased.
    pub wrapped: Option<Vec<u8>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was erased.
    pub erased_at: Option<Timestamp>,
}

impl std::fmt::Debug for SubjectKeyRow {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SubjectKeyRow")
            .field("tenant", &self.tenant)
            .field("subject", &self.subject)
            .field("id", &self.id)
            .field("erased_at", &self.erased_at)
            .finish_non_exhaustive()
    }
}

const COLUMNS: &str = "tenant, subject, id, wrapped, created_at, erased_at";

/// Under which name it is kept that erased keys may still stand in the files.
const OVERWRITE: &str = "overwrite_erased";

impl SubjectKeyRow {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            tenant: column::name(row, 0)?,
            subject: column::name(row, 1)?,
            id: column::name(row, 2)?,
            wrapped: row.get(3)?,
            created_at: column::time(row, 4)?,
            erased_at: column::time_optional(row, 5)?,
        })
    }
}

impl Store {
    /// The key of a subject that is in use. Where there is none, `make` makes one under the id that
    /// it is given, which is stored before this returns.
    pub fn subject_key<E: From<StoreError>>(
        &self,
        tenant: &TenantName,
        subject: &PayloadSubject,
        (id, now): (RecordId, Timestamp),
        make: impl FnOnce(&RecordId) -> Result<Vec<u8>, E>,
    ) -> Result<SubjectKeyRow, E> {
        let connection = self.connection();
        if let Some(row) = in_use(&connection, tenant, subject)? {
            return Ok(row);
        }
        let row = SubjectKeyRow {
            tenant: tenant.clone(),
            subject: subject.clone(),
            wrapped: Some(make(&id)?),
            id,
            created_at: now,
            erased_at: None,
        };
        let sql = format!("INSERT INTO subject_keys ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, NULL)");
        connection
            .execute(
                &sql,
                params![
                    row.tenant.as_str(),
                    row.subject.to_string(),
                    row.id.as_str(),
                    row.wrapped,
                    row.created_at.0,
                ],
            )
            .map_err(StoreError::from)?;
        Ok(row)
    }

    /// The keys of a tenant, erased ones included, the oldest first.
    pub fn subject_keys(&self, tenant: &TenantName) -> Result<Vec<SubjectKeyRow>, StoreError> {
        let connection = self.connection();
        let sql =
            format!("SELECT {COLUMNS} FROM subject_keys WHERE tenant = ?1 ORDER BY created_at, id");
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map(params![tenant.as_str()], SubjectKeyRow::read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Writes the database anew, so that what was erased stands in none of its files: neither in
    /// the slack of a page, nor in the log of writes. When this returns, that is on disk.
    pub fn overwrite(&self) -> Result<(), StoreError> {
        overwrite(&self.connection())
    }
}

impl Change<'_> {
    /// Erases the key of a subject that is in use, if there is one, and gives its id. To be followed
    /// by [`Store::overwrite`].
    pub fn subject_key_erase(
        &self,
        tenant: &TenantName,
        subject: &PayloadSubject,
    ) -> Result<Option<RecordId>, StoreError> {
        let Some(row) = in_use(self.connection, tenant, subject)? else { return Ok(None) };
        self.connection.execute(
            "UPDATE subject_keys SET wrapped = NULL, erased_at = ?1 WHERE id = ?2",
            params![self.time().0, row.id.as_str()],
        )?;
        self.meta_set(OVERWRITE, b"1")?;
        Ok(Some(row.id))
    }
}

fn in_use(
    connection: &Connection,
    tenant: &TenantName,
    subject: &PayloadSubject,
) -> Result<Option<SubjectKeyRow>, StoreError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM subject_keys
         WHERE tenant = ?1 AND subject = ?2 AND erased_at IS NULL"
    );
    let key = params![tenant.as_str(), subject.to_string()];
    Ok(connection.query_row(&sql, key, SubjectKeyRow::read).optional()?)
}

/// Makes up for an end between an erasure and its [`Store::overwrite`].
pub(crate) fn finish_erasing(connection: &Connection) -> Result<(), StoreError> {
    let sql = "SELECT 1 FROM meta WHERE name = ?1";
    let pending = connection.query_row(sql, params![OVERWRITE], |_| Ok(())).optional()?;
    if pending.is_some() { overwrite(connection) } else { Ok(()) }
}

/// `secure_delete` overwrites what is deleted, and emptying the log of writes takes the old pages away.
/// SQLite does not promise that no copy is left where rows are moved between pages; a copy of the whole
/// database leaves any behind.
fn overwrite(connection: &Connection) -> Result<(), StoreError> {
    connection.execute_batch("VACUUM")?;
    empty_log(connection)?;
    connection.execute("DELETE FROM meta WHERE name = ?1", params![OVERWRITE])?;
    Ok(())
}

fn empty_log(connection: &Connection) -> Result<(), StoreError> {
    let busy: i64 =
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    if busy == 0 {
        return Ok(());
    }
    Err(StoreError::Damaged { problem: "its log of writes cannot be emptied".to_owned() })
}

#[cfg(test)]
mod tests;
