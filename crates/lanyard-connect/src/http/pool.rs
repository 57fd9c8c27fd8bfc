//! Connections that wait for their next request, by pool key and origin.
//!
//! A connection that is in use belongs to its user; the pool does not know it. What it comes back
//! with is the generation in which it was taken: after [`Pool::retire`], nothing taken before comes
//! back, so that a server that was changed or removed leaves no connection behind. (That every
//! other key's connections in use at that moment are closed after their answer, too, is the price
//! of one number in place of a list; changes are rare.)

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use lanyard_core::{Limits, Origin};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::{Connection, Http1, Http2};
use super::request::PoolKey;

/// What a connection has to show to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Generation(u64);

/// The connections that wait.
pub(super) struct Pool {
    state: Mutex<State>,
    idle_max: Duration,
    connections_max: usize,
    tasks: TaskTracker,
    /// Ends the sweeper with the pool.
    ended: CancellationToken,
}

struct State {
    generation: u64,
    closed: bool,
    /// Whether a sweeper runs: only while something waits.
    sweeping: bool,
    shelves: HashMap<PoolKey, BTreeMap<Origin, Shelf>>,
}

/// What waits for one key and origin.
#[derive(Default)]
struct Shelf {
    /// The last one in is the first one out, so that those not needed grow old.
    http1: Vec<Waiting<Box<Http1>>>,
    http2: Option<Waiting<Http2>>,
}

struct Waiting<T> {
    connection: T,
    since: Instant,
}

impl Pool {
    pub(super) fn new(limits: &Limits, tasks: TaskTracker) -> Self {
        let state =
            State { generation: 0, closed: false, sweeping: false, shelves: HashMap::new() };
        Self {
            state: Mutex::new(state),
            idle_max: Limits::span(limits.pool_idle_ms_max),
            connections_max: Limits::size(limits.pool_idle_connections_max),
            tasks,
            ended: CancellationToken::new(),
        }
    }

    /// What a connection opened from now on shows when it comes back.
    pub(super) fn generation(&self) -> Generation {
        Generation(self.lock().generation)
    }

    /// A connection that can carry a request now, if one waits.
    pub(super) fn take(&self, key: &PoolKey, origin: &Origin) -> Option<(Connection, Generation)> {
        loop {
            let (connection, generation) = self.take_any(key, origin)?;
            match connection {
                Connection::Http1(mut connection) => {
                    if connection.settle() {
                        return Some((Connection::Http1(connection), generation));
                    }
                }
                Connection::Http2(connection) => {
                    return Some((Connection::Http2(connection), generation));
                }
            }
        }
    }

    fn take_any(&self, key: &PoolKey, origin: &Origin) -> Option<(Connection, Generation)> {
        let now = Instant::now();
        let mut state = self.lock();
        let generation = Generation(state.generation);
        let shelf = state.shelves.get_mut(key)?.get_mut(origin)?;
        if let Some(waiting) = &mut shelf.http2
            && waiting.connection.is_open()
        {
            waiting.since = now;
            return Some((Connection::Http2(waiting.connection.clone()), generation));
        }
        shelf.http2 = None;
        // What lies below the newest is older still: the sweeper will find all of it.
        let waiting = shelf.http1.pop_if(|waiting| waiting.lasts(now, self.idle_max))?;
        Some((Connection::Http1(waiting.connection), generation))
    }

    /// Takes back a connection whose answer was read to its end.
    pub(super) fn put(
        self: &Arc<Self>,
        key: &PoolKey,
        origin: &Origin,
        connection: Connection,
        generation: Generation,
    ) {
        match connection {
            Connection::Http1(mut connection) => {
                if connection.settle() {
                    self.shelve(key, origin, generation, |shelf, since, connections_max| {
                        if shelf.http1.len() < connections_max {
                            shelf.http1.push(Waiting { connection, since });
                        }
                    });
                }
            }
            Connection::Http2(connection) => {
                if connection.is_open() {
                    self.shelve(key, origin, generation, |shelf, since, _| {
                        // Of two opened at the same time the first one stays.
                        let waiting = shelf.http2.get_or_insert(Waiting { connection, since });
                        waiting.since = since;
                    });
                }
            }
        }
    }

    fn shelve(
        self: &Arc<Self>,
        key: &PoolKey,
        origin: &Origin,
        generation: Generation,
        place: impl FnOnce(&mut Shelf, Instant, usize),
    ) {
        let mut state = self.lock();
        if state.closed || state.generation != generation.0 || self.connections_max == 0 {
            return;
        }
        place(state.shelf(key, origin), Instant::now(), self.connections_max);
        if !state.sweeping {
            state.sweeping = true;
            self.tasks.spawn(sweep(Arc::downgrade(self), self.ended.clone()));
        }
    }

    /// Forgets the HTTP/2 connection of a key and origin: it did not answer in time, and a network
    /// that lost it would not say so. Exchanges that still run on it keep it open.
    pub(super) fn distrust(&self, key: &PoolKey, origin: &Origin) {
        let mut state = self.lock();
        let shelf = state.shelves.get_mut(key).and_then(|shelves| shelves.get_mut(origin));
        let forgotten = shelf.and_then(|shelf| shelf.http2.take());
        drop(state);
        drop(forgotten);
    }

    /// Closes what waits under the keys that `gone` names, and lets nothing come back that is in
    /// use now.
    pub(super) fn retire(&self, gone: impl Fn(&PoolKey) -> bool) {
        let mut state = self.lock();
        state.generation = state.generation.wrapping_add(1);
        let closing: Vec<_> = state.shelves.extract_if(|key, _| gone(key)).collect();
        drop(state);
        // Closing sockets takes time that others would wait for the lock.
        drop(closing);
    }

    /// Closes what waits, and keeps nothing from now on.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.retire(|_| true);
        self.ended.cancel();
    }

    /// Closes what has waited too long. Gives back when to look again, or nothing when nothing
    /// waits any more.
    fn sweep(&self) -> Option<Instant> {
        let now = Instant::now();
        let mut closing = Vec::new();
        let mut state = self.lock();
        state.shelves.retain(|_, shelves| {
            shelves.retain(|_, shelf| {
                closing.extend(shelf.expire(now, self.idle_max));
                !shelf.is_empty()
            });
            !shelves.is_empty()
        });
        let oldest = state.shelves().filter_map(Shelf::oldest).min();
        state.sweeping = oldest.is_some();
        drop(state);
        drop(closing);
        oldest.map(|since| since.checked_add(self.idle_max).unwrap_or(since))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing is half done when a panic unwinds from here: a connection is in or out.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        let state = self.lock();
        let count = |shelf: &Shelf| shelf.http1.len().saturating_add(shelf.http2.iter().len());
        state.shelves().map(count).sum()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

impl State {
    fn shelf(&mut self, key: &PoolKey, origin: &Origin) -> &mut Shelf {
        self.shelves.entry(key.clone()).or_default().entry(origin.clone()).or_default()
    }

    fn shelves(&self) -> impl Iterator<Item = &Shelf> {
        self.shelves.values().flat_map(BTreeMap::values)
    }
}

impl Shelf {
    /// Takes out what has waited too long.
    fn expire(&mut self, now: Instant, idle_max: Duration) -> Vec<Connection> {
        let expired = self.http1.extract_if(.., |waiting| !waiting.lasts(now, idle_max));
        let mut closing: Vec<Connection> =
            expired.map(|waiting| Connection::Http1(waiting.connection)).collect();
        if let Some(expired) = self.http2.take_if(|waiting| !waiting.lasts(now, idle_max)) {
            closing.push(Connection::Http2(expired.connection));
        }
        closing
    }

    fn is_empty(&self) -> bool {
        self.http1.is_empty() && self.http2.is_none()
    }

    fn oldest(&self) -> Option<Instant> {
        let http1 = self.http1.iter().map(|waiting| waiting.since);
        http1.chain(self.http2.iter().map(|waiting| waiting.since)).min()
    }
}

impl<T> Waiting<T> {
    fn lasts(&self, now: Instant, idle_max: Duration) -> bool {
        now.saturating_duration_since(self.since) < idle_max
    }
}

/// Closes connections when their time is over. It ends when none waits, and with the pool; it does
/// not keep the pool.
async fn sweep(pool: Weak<Pool>, ended: CancellationToken) {
    while let Some(next) = pool.upgrade().and_then(|pool| pool.sweep()) {
        tokio::select! {
            () = ended.cancelled() => return,
            () = sleep_until(next) => {}
        }
    }
}
