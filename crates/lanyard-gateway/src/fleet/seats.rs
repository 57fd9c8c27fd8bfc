//! Which sessions with one server were handed out, and which of them were looked at first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lanyard_connect::mcp::SessionKey;

/// How many are remembered before it is looked which of them are still open.
const SWEEP_MIN: usize = 64;

/// The sessions of one server, by key.
#[derive(Debug, Default)]
pub(super) struct Seats {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    seats: HashMap<SessionKey, Arc<Seat>>,
    sweep_at: usize,
}

/// Where sessions of one key sit, one after the other.
#[derive(Debug, Default)]
pub(super) struct Seat {
    /// The serial of the session that was listed and compared. Whoever holds the lock does so now,
    /// and who comes meanwhile waits: nobody gets a session that was not looked at.
    pub(super) looked_at: tokio::sync::Mutex<Option<u64>>,
}

impl Seats {
    /// The seat of a key. Seats whose session is gone are forgotten now and then.
    pub(super) fn seat(
        &self,
        key: &SessionKey,
        is_open: impl Fn(&SessionKey) -> bool,
    ) -> Arc<Seat> {
        let mut state = self.lock();
        if let Some(seat) = state.seats.get(key) {
            return Arc::clone(seat);
        }
        if state.seats.len() >= state.sweep_at.max(SWEEP_MIN) {
            // A seat in use stays: its session may be about to open.
            state.seats.retain(|key, seat| Arc::strong_count(seat) > 1 || is_open(key));
            state.sweep_at = state.seats.len().saturating_mul(2);
        }
        let seat = Arc::new(Seat::default());
        state.seats.insert(key.clone(), Arc::clone(&seat));
        seat
    }

    /// The keys of all sessions that were handed out and may still be open.
    pub(super) fn keys(&self) -> Vec<SessionKey> {
        self.lock().seats.keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
