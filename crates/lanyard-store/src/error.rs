//! Why the store could not do what it was asked.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why the store could not do what it was asked. A transaction that met one of these left
/// everything as it was.
#[derive(Debug, Error)]
pub enum StoreError {
    /// A file operation failed.
    #[error("cannot {action} {}", .path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The data directory's path leads to something else.
    #[error("{} is not a directory", .path.display())]
    NotDirectory {
        /// The path.
        path: PathBuf,
    },
    /// Others than its owner can reach the data directory.
    #[error(
        "the data directory {path} can be reached by others than its owner (mode {mode:04o}); run `chmod 700 {path}`",
        path = .path.display()
    )]
    DirectoryShared {
        /// The data directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Another process has the data directory.
    #[error("another lanyard (process {pid}) uses this data directory")]
    Locked {
        /// The process id in the lock file, `?` if there is none.
        pid: String,
    },
    /// A newer Lanyard wrote the database.
    #[error(
        "the database has format {found} and this lanyard knows {known} at most; a newer lanyard wrote it"
    )]
    SchemaNewer {
        /// The format found.
        found: u32,
        /// The newest one known here.
        known: u32,
    },
    /// The database does not hold together.
    #[error("the database is damaged: {problem}; restore it from a backup")]
    Damaged {
        /// What SQLite's check said first.
        problem: String,
    },
    /// There is one of that name.
    #[error("{what} `{name}` already exists")]
    AlreadyExists {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// There is none of that name.
    #[error("there is no {what} `{name}`")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// A uid stands for one agent at a time.
    #[error("uid {uid} already stands for agent `{agent}`")]
    UidTaken {
        /// The uid.
        uid: u32,
        /// The agent it stands for.
        agent: String,
    },
    /// A tenant is removed when it is empty.
    #[error("tenant `{name}` still has {what}; remove them first")]
    NotEmpty {
        /// The tenant.
        name: lanyard_core::TenantName,
        /// What it has.
        what: &'static str,
    },
    /// A number does not fit its column.
    #[error("the number of {what} is too large")]
    NumberTooLarge {
        /// Which number.
        what: &'static str,
    },
    /// SQLite failed.
    #[error("the database failed")]
    Sql(#[from] rusqlite::Error),
}

impl StoreError {
    pub(crate) fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { action, path: path.to_owned(), source }
    }

    pub(crate) fn exists(what: &'static str, name: impl ToString) -> Self {
        Self::AlreadyExists { what, name: name.to_string() }
    }

    pub(crate) fn missing(what: &'static str, name: impl ToString) -> Self {
        Self::NotFound { what, name: name.to_string() }
    }
}
