//! The chain: each record holds the hash of the one before.

use ring::digest::{SHA256, digest};
use thiserror::Error;

use super::LogHead;
use super::checkpoint::VerifyKey;
use super::format::{self, Head};

/// SHA-256 of a line with its end.
pub(crate) fn hash(line: &[u8]) -> [u8; 32] {
    digest(&SHA256, line).as_ref().try_into().unwrap_or([0; 32])
}

/// Where the chain of a log begins.
pub(crate) fn genesis(key: &VerifyKey) -> LogHead {
    LogHead { size: 0, head: hash(format::genesis(key.name()).as_bytes()) }
}

/// Why a line does not continue the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Broken {
    /// No line of this format.
    #[error("this is not a line of an audit log: it was changed or damaged")]
    Form,
    /// Records are missing before this one.
    #[error("record {found} follows record {before}: {missing} missing in between", missing = .found.saturating_sub(before.saturating_add(1)))]
    Gap {
        /// The number of this record.
        found: u64,
        /// The number of the one before.
        before: u64,
    },
    /// This record stood earlier.
    #[error("record {found} stands after record {before}: the order was changed")]
    Order {
        /// The number of this record.
        found: u64,
        /// The number of the one before.
        before: u64,
    },
    /// The number fits and the hash does not.
    #[error("record {found} does not continue record {before}: one of the two was changed")]
    Hash {
        /// The number of this record.
        found: u64,
        /// The number of the one before.
        before: u64,
    },
}

/// Checks that a line is the next one after `head`. Gives what can be read of the line even where
/// it is not, so that the reading can go on after it.
pub(crate) fn follow<'a>(head: &LogHead, line: &'a [u8]) -> (Option<Head<'a>>, Result<(), Broken>) {
    let Some(read) = Head::read(line) else { return (None, Err(Broken::Form)) };
    let (found, before) = (read.seq, head.size);
    let result = match found.cmp(&before.saturating_add(1)) {
        std::cmp::Ordering::Less => Err(Broken::Order { found, before }),
        std::cmp::Ordering::Greater => Err(Broken::Gap { found, before }),
        std::cmp::Ordering::Equal if read.prev != head.head => Err(Broken::Hash { found, before }),
        std::cmp::Ordering::Equal => Ok(()),
    };
    (Some(read), result)
}
