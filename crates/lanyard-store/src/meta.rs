//! Single values: the configuration's version and what the program keeps by name.

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::audit::LogHead;
use crate::{Change, Store, StoreError, column};

const CONFIGURATION_VERSION: &str = "configuration_version";
const AUDIT_HEAD: &str = "audit_head";

impl Store {
    /// The value kept under a name, if there is one.
    pub fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        get(&self.connection(), name)
    }

    /// Keeps a value under a name, outside of any change: for what the program notes for itself,
    /// such as the head of the audit log.
    pub fn meta_set(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        set(&self.connection(), name, value)
    }

    /// How far the audit log went when it was last noted: what [`crate::audit::Log::open`]
    /// expects.
    pub fn log_head(&self) -> Result<Option<LogHead>, StoreError> {
        let Some(value) = self.meta(AUDIT_HEAD)? else { return Ok(None) };
        let head = std::str::from_utf8(&value).ok().and_then(LogHead::parse);
        let unreadable = || column::unreadable(0, Type::Blob, "not a head of the audit log".into());
        Ok(Some(head.ok_or_else(unreadable)?))
    }

    /// Notes how far the audit log is durable, as [`crate::audit::Log::head`] tells: regularly,
    /// and with what [`crate::audit::Log::close`] gives.
    pub fn log_head_set(&self, head: &LogHead) -> Result<(), StoreError> {
        self.meta_set(AUDIT_HEAD, head.to_string().as_bytes())
    }
}

impl Change<'_> {
    /// The value kept under a name, if there is one.
    pub fn meta(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        get(self.connection, name)
    }

    /// Keeps a value under a name, as part of this change.
    pub fn meta_set(&self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        set(self.connection, name, value)
    }
}

/// The configuration's version.
pub(crate) fn configuration_version(connection: &Connection) -> Result<u64, StoreError> {
    let text = get(connection, CONFIGURATION_VERSION)?.unwrap_or_default();
    let number = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
    let unreadable = || column::unreadable(0, Type::Blob, "not a configuration version".into());
    Ok(number.ok_or_else(unreadable)?)
}

/// Raises the configuration's version by one.
pub(crate) fn configuration_version_raise(connection: &Connection) -> Result<(), StoreError> {
    let next = configuration_version(connection)?.saturating_add(1);
    set(connection, CONFIGURATION_VERSION, next.to_string().as_bytes())
}

fn get(connection: &Connection, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT value FROM meta WHERE name = ?1";
    Ok(connection.query_row(sql, params![name], |row| row.get(0)).optional()?)
}

fn set(connection: &Connection, name: &str, value: &[u8]) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO meta (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        params![name, value],
    )?;
    Ok(())
}
