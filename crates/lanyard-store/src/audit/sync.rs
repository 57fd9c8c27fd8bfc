//! The thread that makes records durable in groups, and then signs how far the log goes.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::disk::DiskFile;
use super::error::is_full;
use super::writer::{Ground, Writer};
use super::{LogError, LogHead};

/// How often the checkpoint itself is made durable. Between, it is only written: killing the
/// process loses nothing, a power cut at most this much of the signatures, and of the records
/// nothing at all.
const CHECKPOINT_SYNC: Duration = Duration::from_secs(1);

/// How often space is looked for after the disk was full.
const RESERVE_RETRY: Duration = Duration::from_secs(1);

/// How long the thread sleeps when there is nothing to do but to be woken.
const IDLE: Duration = Duration::from_secs(3600);

/// What to do when a record is durable or will never be.
pub(crate) type Waiter = Box<dyn FnOnce(Result<(), LogError>) + Send>;

/// The log as the threads share it.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) ground: Ground,
    state: Mutex<State>,
    wake: Condvar,
}

/// What the lock guards.
pub(crate) struct State {
    pub(crate) writer: Writer,
    /// There are records that were not synced.
    pub(crate) dirty: bool,
    pub(crate) closing: bool,
    pub(crate) waiters: Vec<(u64, Waiter)>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("State")
            .field("head", &self.writer.last)
            .field("dirty", &self.dirty)
            .field("closing", &self.closing)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(ground: Ground, writer: Writer) -> Self {
        let state = State { writer, dirty: false, closing: false, waiters: Vec::new() };
        Self { ground, state: Mutex::new(state), wake: Condvar::new() }
    }

    /// The state. A panic while it was held may have left half a line: then nothing is written
    /// any more.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| {
            let mut state = poisoned.into_inner();
            if state.writer.broken.is_none() {
                state.writer.fail("keep", &io::Error::other("a defect while writing"));
            }
            state
        })
    }

    pub(crate) fn wake(&self) {
        self.wake.notify_all();
    }

    fn wait<'a>(
        &'a self,
        state: MutexGuard<'a, State>,
        time: Duration,
        go_on: impl FnMut(&mut State) -> bool,
    ) -> MutexGuard<'a, State> {
        match self.wake.wait_timeout_while(state, time, go_on) {
            Ok((state, _)) => state,
            Err(poisoned) => {
                drop(poisoned);
                self.state()
            }
        }
    }
}

/// The two checkpoint files. One is written at every sync; when it was made durable, the other
/// one takes its turn: a torn write leaves one that is durable.
#[derive(Debug)]
pub(crate) struct Slots {
    active: Arc<dyn DiskFile>,
    resting: Arc<dyn DiskFile>,
    synced_at: Instant,
    signed: LogHead,
}

impl Slots {
    /// Opens both files and puts a first durable checkpoint into each.
    pub(crate) fn open(ground: &Ground, head: &LogHead) -> Result<Self, LogError> {
        let note = ground.key.sign(&*ground.signer, head);
        let open = |name: &str| {
            let path = ground.directory.join(name);
            let file = ground.disk.open_slot(&path);
            file.and_then(|file| {
                file.overwrite(note.as_bytes())?;
                file.sync()?;
                ground.disk.sync_names(&path)?;
                Ok(file)
            })
            .map_err(|source| LogError::file("write", &path, source))
        };
        Ok(Self {
            active: open("checkpoint-a")?,
            resting: open("checkpoint-b")?,
            synced_at: ground.clock.monotonic(),
            signed: *head,
        })
    }

    fn write(&mut self, ground: &Ground, head: &LogHead) -> io::Result<()> {
        let note = ground.key.sign(&*ground.signer, head);
        self.active.overwrite(note.as_bytes())?;
        self.signed = *head;
        let now = ground.clock.monotonic();
        if now.saturating_duration_since(self.synced_at) >= CHECKPOINT_SYNC {
            self.turn(now)?;
        }
        Ok(())
    }

    fn turn(&mut self, now: Instant) -> io::Result<()> {
        self.active.sync()?;
        self.synced_at = now;
        std::mem::swap(&mut self.active, &mut self.resting);
        Ok(())
    }
}

/// The life of the thread: until the log closes, then once more.
pub(crate) fn run(shared: &Shared, mut slots: Slots) {
    let mut sought_at = shared.ground.clock.monotonic();
    while wait_for_work(shared, &mut sought_at) {
        sync_once(shared, &mut slots);
    }
    sync_once(shared, &mut slots);
    // Without the last checkpoint the next start finds unsigned records, and says so.
    if let Err(error) = slots.active.sync() {
        tracing::error!(%error, "The last checkpoint of the audit log cannot be synced.");
    }
}

/// Waits until records should be synced; `false` when the log closes.
fn wait_for_work(shared: &Shared, sought_at: &mut Instant) -> bool {
    let mut state = shared.state();
    loop {
        seek_space(shared, &mut state, sought_at);
        if state.dirty || state.closing {
            break;
        }
        let time = if state.writer.reserve_held { IDLE } else { RESERVE_RETRY };
        state = shared.wait(state, time, |state| !state.dirty && !state.closing);
    }
    if !shared.ground.options.strict {
        let time = Duration::from_millis(shared.ground.options.sync_ms_max);
        let more = |state: &mut State| !state.closing && state.waiters.is_empty();
        state = shared.wait(state, time, more);
    }
    !state.closing
}

/// After the disk was full: sets the reserve aside again as soon as there is space.
fn seek_space(shared: &Shared, state: &mut State, sought_at: &mut Instant) {
    let now = shared.ground.clock.monotonic();
    if !state.writer.reserve_held && now.saturating_duration_since(*sought_at) >= RESERVE_RETRY {
        state.writer.reserve_restore(&shared.ground);
        *sought_at = now;
    }
}

/// Syncs what was written so far, tells who waits for it, and signs it.
fn sync_once(shared: &Shared, slots: &mut Slots) {
    let mut state = shared.state();
    state.dirty = false;
    let (file, head) = (Arc::clone(&state.writer.file), state.writer.last);
    if state.writer.broken.is_some() {
        tell(state, LogHead { size: 0, head: head.head });
        return;
    }
    drop(state);
    let synced = file.sync();
    let mut state = shared.state();
    let reached = match synced {
        Ok(()) => {
            // A rotation in between synced further than this did.
            if head.size > state.writer.synced.size {
                state.writer.synced = head;
            }
            state.writer.synced
        }
        // After a failed sync the system may have thrown the pages away and call them clean: a
        // second sync that succeeds would prove nothing.
        Err(error) => {
            state.writer.fail("sync", &error);
            LogHead { size: 0, head: head.head }
        }
    };
    let holds = state.writer.broken.is_none();
    tell(state, reached);
    if holds && reached != slots.signed {
        checkpoint(shared, slots, &reached);
    }
}

fn checkpoint(shared: &Shared, slots: &mut Slots, head: &LogHead) {
    match slots.write(&shared.ground, head) {
        Ok(()) => {}
        Err(error) if is_full(&error) => {
            tracing::warn!(
                "The disk is full: the audit log's checkpoint stays behind its records."
            );
        }
        Err(error) => {
            shared.state().writer.fail("write the checkpoint of", &error);
        }
    }
}

/// Answers those whose records are durable, or everybody if the log is broken. The lock is given
/// back first: an answer may want to append.
fn tell(mut state: MutexGuard<'_, State>, reached: LogHead) {
    let broken = state.writer.broken.clone();
    let waiters = std::mem::take(&mut state.waiters);
    let (ready, waiting) = waiters
        .into_iter()
        .partition(|(position, _)| broken.is_some() || *position <= reached.size);
    state.waiters = waiting;
    drop(state);
    let ready: Vec<(u64, Waiter)> = ready;
    for (_, waiter) in ready {
        waiter(match &broken {
            Some(why) => Err(LogError::Broken { why: Arc::clone(why) }),
            None => Ok(()),
        });
    }
}
