//! The audit log: records as lines of chained segment files, with signed checkpoints.
//!
//! [`mod@format`] says what the files hold. [`Log`] writes them, [`verify()`] proves them with the
//! public key alone, [`search()`] and [`export`] read them, also while they are written.
//!
//! INVARIANT: a record that [`Log::append`] took is in the file before `append` returns.
//! INVARIANT: a checkpoint is signed only over records that were synced to disk.

pub mod format;
pub mod forms;

mod chain;
mod checkpoint;
mod disk;
mod error;
#[cfg(test)]
pub(crate) mod fixture;
mod log;
mod obliged;
mod payloads;
mod prune;
mod recovery;
mod search;
mod segment;
mod sync;
mod tombstone;
mod usage;
mod verify;
mod writer;

pub use checkpoint::{CheckpointError, LogHead, VerifyKey, VerifyKeyError};
pub use error::LogError;
pub use log::{Log, Options, Position};
pub use obliged::{Obliged, obliged_since};
pub use payloads::{KeptPayload, PayloadFilter, payloads};
pub use prune::Prunable;
pub use recovery::Recovered;
pub use search::{DecisionFilter, Entry, Filter, export, search};
pub use tombstone::Tombstone;
pub use usage::{CallError, ToolUsage, Usage, Whose, usage};
pub use verify::{Finding, Report, verify, verify_against};
