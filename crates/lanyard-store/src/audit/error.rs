//! Why the log could not be opened, or could not take a record.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

/// Why the log could not be opened, or could not take a record.
#[derive(Debug, Error)]
pub enum LogError {
    /// A file operation failed while the log was opened or read.
    #[error("cannot {action} {}", .path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What an export wrote to did not take it.
    #[error("the output takes no more")]
    Output(#[source] io::Error),
    /// There is no space for this record. Others may still be taken.
    #[error("the disk is full, so the record cannot be written")]
    Full,
    /// A write or a sync failed before; what the disk holds is not known until the next start.
    #[error("the audit log failed and takes no more records until a restart: {why}")]
    Broken {
        /// The first failure.
        why: Arc<str>,
    },
    /// The log was closed.
    #[error("the audit log is closed")]
    Closed,
    /// The record is larger than a line may be.
    #[error("the record is larger than a line of the audit log may be")]
    TooLong,
    /// Fewer records than somebody vouches for.
    #[error(
        "the audit log ends at record {found}, before {witness} (record {expected}): records were removed"
    )]
    Removed {
        /// The last record there is.
        found: u64,
        /// The last record there was.
        expected: u64,
        /// Who says so: `its checkpoint`, `what the database noted` or `its tombstone`.
        witness: &'static str,
    },
    /// Other records than somebody vouches for.
    #[error("record {size} of the audit log is not the one in {witness}: records were changed")]
    Changed {
        /// The record.
        size: u64,
        /// Who says so: `its checkpoint` or `what the database noted`.
        witness: &'static str,
    },
    /// Records, and no checkpoint that vouches for any of them.
    #[error(
        "the audit log has records and no checkpoint: checkpoint-a and checkpoint-b are missing or damaged"
    )]
    CheckpointMissing,
    /// The log belongs to another key.
    #[error(
        "the audit log was written with another key: {file} belongs to {found}, this key's log is {expected}"
    )]
    OtherKey {
        /// The file that shows it.
        file: String,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        expected: String,
    },
    /// What was signed does not hold together.
    #[error("the audit log is damaged: {file} line {line}: {problem}")]
    Damaged {
        /// The segment file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
}

impl LogError {
    pub(crate) fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { action, path: path.to_owned(), source }
    }
}

/// Whether an error means that the process, or the system, has no descriptor left: that passes.
/// Source: Linux, `errno(3)`: ENFILE is 23, EMFILE is 24.
pub(crate) fn is_out_of_descriptors(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24))
}

/// Whether an error means that there is no space, rather than that the disk failed.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
