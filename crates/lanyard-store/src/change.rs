//! The inside of one change: what may be written, and the record that will tell of it. The
//! methods for each kind of row stand in that row's file.

use std::cell::RefCell;

use lanyard_core::{ChangeRecord, Timestamp};
use rusqlite::Connection;

use crate::{Configuration, StoreError};

/// The inside of one change. Made by [`crate::Store::change`] alone; what is written through it
/// lands with the record or not at all.
#[derive(Debug)]
pub struct Change<'a> {
    pub(crate) connection: &'a Connection,
    record: RefCell<ChangeRecord>,
}

impl<'a> Change<'a> {
    pub(crate) fn new(connection: &'a Connection, record: ChangeRecord) -> Self {
        Self { connection, record: RefCell::new(record) }
    }

    /// Adds to the record what is only known inside the change, a new version for instance.
    /// Never a credential.
    pub fn detail(&self, name: &str, value: impl ToString) {
        self.record.borrow_mut().detail.push((name.to_owned(), value.to_string()));
    }

    /// Says what was done, where that is only known inside the change.
    pub fn set_action(&self, action: &str) {
        action.clone_into(&mut self.record.borrow_mut().action);
    }

    /// The time of the change.
    pub fn time(&self) -> Timestamp {
        self.record.borrow().time
    }

    /// All rows as they will be when this change lands: what a trial compilation reads.
    pub fn configuration(&self) -> Result<Configuration, StoreError> {
        let mut rows = Configuration::read(self.connection)?;
        rows.version = rows.version.saturating_add(1);
        Ok(rows)
    }

    /// The same without what MCP servers list: for looking at the rest, which is small.
    pub fn configuration_without_definitions(&self) -> Result<Configuration, StoreError> {
        let mut rows = Configuration::read_without_definitions(self.connection)?;
        rows.version = rows.version.saturating_add(1);
        Ok(rows)
    }

    pub(crate) fn into_record(self) -> ChangeRecord {
        self.record.into_inner()
    }
}

#[cfg(test)]
pub(crate) mod tests;
