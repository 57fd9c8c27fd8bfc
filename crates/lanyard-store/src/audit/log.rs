//! The log as others use it: opened, appended to, waited for, closed.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{Builder, JoinHandle};

use lanyard_core::{ChangeRecord, Clock, Limits, Record, Sign, Timestamp};

use super::disk::{Disk, Files};
use super::format::Line;
use super::prune::{self, Prunable};
use super::recovery::{self, Recovered};
use super::search;
use super::sync::{self, Shared};
use super::writer::Ground;
use super::{LogError, LogHead, Tombstone, VerifyKey};

/// How the log is kept.
#[derive(Debug, Clone)]
pub struct Options {
    /// A segment that has reached this size is followed by a new one.
    pub segment_bytes_max: u64,
    /// The longest time from a record's write to its sync.
    pub sync_ms_max: u64,
    /// The space kept for closing records when the disk is full.
    pub reserve_bytes: u64,
    /// Whether callers wait until their records are synced; the sync then begins at once.
    pub strict: bool,
}

impl Options {
    /// By the limits in force.
    pub fn new(limits: &Limits, strict: bool) -> Self {
        Self {
            segment_bytes_max: limits.record_segment_bytes_max,
            sync_ms_max: limits.record_sync_ms_max,
            reserve_bytes: limits.record_reserve_bytes,
            strict,
        }
    }
}

/// The place of a record: its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(u64);

impl Position {
    /// The number of the record, from 1.
    pub fn number(self) -> u64 {
        self.0
    }
}

/// The open log. Shared by reference; closed when dropped.
#[derive(Debug)]
pub struct Log {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// One change at a time, so that looking for it and appending it are one step.
    changes: Mutex<()>,
    opened_at: Timestamp,
}

impl Log {
    /// Opens the log in `directory` (made if it is missing) and puts right what an unclean end
    /// left: a torn last line is cut off and kept aside, calls that were never closed are closed
    /// as abandoned. `expected` is what the database noted of the log.
    ///
    /// Refused: a log that is shorter than its checkpoint or than `expected`, one that holds
    /// other records than they vouch for, and one of another key.
    pub fn open(
        directory: &Path,
        options: Options,
        signer: Arc<dyn Sign>,
        clock: Arc<dyn Clock>,
        expected: Option<LogHead>,
    ) -> Result<(Self, Recovered), LogError> {
        Self::open_on(Arc::new(Files), directory, options, signer, clock, expected)
    }

    pub(crate) fn open_on(
        disk: Arc<dyn Disk>,
        directory: &Path,
        options: Options,
        signer: Arc<dyn Sign>,
        clock: Arc<dyn Clock>,
        expected: Option<LogHead>,
    ) -> Result<(Self, Recovered), LogError> {
        let (key, directory) = (VerifyKey::of(&*signer), directory.to_owned());
        let opened_at = clock.now();
        let ground = Ground { directory, options, key, signer, clock, disk };
        let (writer, slots, recovered) = recovery::open(&ground, expected)?;
        let shared = Arc::new(Shared::new(ground, writer));
        let thread = Builder::new().name("audit-sync".to_owned()).spawn({
            let shared = Arc::clone(&shared);
            move || sync::run(&shared, slots)
        });
        let thread = thread.map_err(|source| {
            LogError::file("start the thread that syncs", &shared.ground.directory, source)
        })?;
        let (thread, changes) = (Mutex::new(Some(thread)), Mutex::new(()));
        Ok((Self { shared, thread, changes, opened_at }, recovered))
    }

    /// Appends a record. When this returns, the system has it (killing the process loses
    /// nothing); when [`Log::wait_synced`] returns, the disk has it.
    pub fn append(&self, record: &Record) -> Result<Position, LogError> {
        let mut state = self.shared.state();
        if state.closing {
            return Err(LogError::Closed);
        }
        let number = state.writer.append(&self.shared.ground, &Line::Record(record))?;
        if !state.dirty {
            state.dirty = true;
            drop(state);
            self.shared.wake();
        }
        Ok(Position(number))
    }

    /// Appends the record of a change unless the log holds it already, and gives its position if
    /// it was appended now.
    pub fn append_change_once(&self, record: &ChangeRecord) -> Result<Option<Position>, LogError> {
        let _one = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shared.state().writer.changes.contains(&record.id) {
            return Ok(None);
        }
        // What was made before this log was opened may stand far back: its outbox row may have
        // been left over for long.
        if record.time < self.opened_at
            && search::holds_change(&self.shared.ground.directory, &record.id, record.time)?
        {
            return Ok(None);
        }
        self.append(&Record::Changed(record.clone())).map(Some)
    }

    /// Waits until a record is durable.
    pub fn wait_synced(&self, position: Position) -> Result<(), LogError> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.when_synced(position, move |result| {
            // Nobody waits any more: nobody needs to know.
            drop(sender.send(result));
        });
        receiver.recv().unwrap_or(Err(LogError::Closed))
    }

    /// Waits until everything that was appended so far is durable.
    pub fn wait_synced_all(&self) -> Result<(), LogError> {
        let size = self.shared.state().writer.last.size;
        self.wait_synced(Position(size))
    }

    /// Calls `then` when a record is durable or will never be: at once, or on the thread that
    /// syncs, which `then` must not hold up.
    pub fn when_synced(
        &self,
        position: Position,
        then: impl FnOnce(Result<(), LogError>) + Send + 'static,
    ) {
        let mut state = self.shared.state();
        let known = match &state.writer.broken {
            _ if position.0 <= state.writer.synced.size => Some(Ok(())),
            Some(why) => Some(Err(LogError::Broken { why: Arc::clone(why) })),
            None if position.0 > state.writer.last.size => Some(Err(LogError::Closed)),
            None => None,
        };
        match known {
            Some(result) => {
                drop(state);
                then(result);
            }
            None => {
                state.waiters.push((position.0, Box::new(then)));
                drop(state);
                self.shared.wake();
            }
        }
    }

    /// How far the log is durable: what to note in the database, see
    /// [`crate::Store::log_head_set`].
    pub fn head(&self) -> LogHead {
        self.shared.state().writer.synced
    }

    /// How many calls are open.
    pub fn open_calls(&self) -> usize {
        self.shared.state().writer.open.len()
    }

    /// Whether new calls can be recorded, or why not. What `/readyz` asks.
    pub fn health(&self) -> Result<(), LogError> {
        let state = self.shared.state();
        match &state.writer.broken {
            Some(why) => Err(LogError::Broken { why: Arc::clone(why) }),
            None if state.closing => Err(LogError::Closed),
            None if !state.writer.reserve_held => Err(LogError::Full),
            None => Ok(()),
        }
    }

    /// A checkpoint of everything that was appended so far, for somebody to keep elsewhere: a
    /// signed note. Waits until all of it is durable, since nothing else is signed.
    pub fn witness(&self) -> Result<String, LogError> {
        self.wait_synced_all()?;
        let Ground { key, signer, .. } = &self.shared.ground;
        Ok(key.sign(&**signer, &self.head()))
    }

    /// The oldest segments whose records are all older than `before`; `None` where there are none.
    /// The chain through them must hold. The segment that is written stays whatever its age.
    pub fn prunable(&self, before: Timestamp) -> Result<Option<Prunable>, LogError> {
        let current = self.shared.state().writer.segment;
        prune::plan(&self.shared.ground, current, before)
    }

    /// Removes them, and leaves a signed tombstone that says what they were and who removed them.
    pub fn prune(&self, prunable: Prunable, by: &str) -> Result<Tombstone, LogError> {
        prune::carry_out(&self.shared.ground, prunable, by)
    }

    /// The public key that proves this log.
    pub fn key(&self) -> &VerifyKey {
        &self.shared.ground.key
    }

    /// Where the files are: for [`search()`](super::search()) and [`export`](super::export).
    pub fn directory(&self) -> &Path {
        &self.shared.ground.directory
    }

    /// Syncs and signs what was written and takes no more records. Gives what the log ends with.
    pub fn close(&self) -> Result<LogHead, LogError> {
        self.shared.state().closing = true;
        self.shared.wake();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("The thread that syncs the audit log ended by a defect.");
        }
        let state = self.shared.state();
        match &state.writer.broken {
            Some(why) => Err(LogError::Broken { why: Arc::clone(why) }),
            None => Ok(state.writer.synced),
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // Whoever wants to know whether the last records are durable calls `close`; the failure
        // itself was logged where it happened.
        drop(self.close());
    }
}

#[cfg(test)]
mod tests;
