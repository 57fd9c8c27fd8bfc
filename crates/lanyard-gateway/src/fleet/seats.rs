//! Which sessions with one server calls were given, as far as the fleet can tell: a session ends
//! by itself without a word.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lanyard_connect::mcp::SessionKey;
use tokio::time::Instant;

/// How many are remembered before those are forgotten whose sessions must have ended.
const FORGET_FROM: usize = 64;

/// How long before its time is over a session is not worth another wait.
const SWEEP_MIN: Duration = Duration::from_millis(10);

/// Held by whoever opens sessions under a key, and looks at them before anybody gets them.
pub(super) type Turn = Arc<tokio::sync::Mutex<()>>;

/// The seats of one server, one for each key.
#[derive(Debug)]
pub(super) struct Seats {
    idle_max: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    seats: HashMap<SessionKey, Seat>,
    forget_from: usize,
    /// Whether somebody ends what is idle.
    swept: bool,
}

#[derive(Debug)]
struct Seat {
    held: usize,
    used: Instant,
    turn: Turn,
}

impl Seat {
    fn is_open(&self, idle_max: Duration) -> bool {
        self.held > 0 || self.used.elapsed() < idle_max
    }
}

impl Seats {
    /// No seat yet. A session that was idle for this long has ended, or is ended by
    /// [`Seats::end_idle`].
    pub(super) fn new(idle_max: Duration) -> Self {
        Self { idle_max, state: Mutex::default() }
    }

    /// A call takes the seat of a key, until it says [`Seats::leave`].
    pub(super) fn take(&self, key: &SessionKey) -> Turn {
        let mut state = self.lock();
        if !state.seats.contains_key(key) && state.seats.len() >= state.forget_from.max(FORGET_FROM)
        {
            state.seats.retain(|_, seat| seat.is_open(self.idle_max));
            state.forget_from = state.seats.len().saturating_mul(2);
        }
        let seat = state.seats.entry(key.clone()).or_insert_with(|| Seat {
            held: 0,
            used: Instant::now(),
            turn: Turn::default(),
        });
        seat.held = seat.held.saturating_add(1);
        Arc::clone(&seat.turn)
    }

    /// A call leaves its seat.
    pub(super) fn leave(&self, key: &SessionKey) {
        if let Some(seat) = self.lock().seats.get_mut(key) {
            seat.held = seat.held.saturating_sub(1);
            seat.used = Instant::now();
        }
    }

    /// The keys whose sessions may be open.
    pub(super) fn open(&self) -> Vec<SessionKey> {
        let state = self.lock();
        let open = state.seats.iter().filter(|(_, seat)| seat.is_open(self.idle_max));
        open.map(|(key, _)| key.clone()).collect()
    }

    /// Whether whoever asks is to look after what is idle from now on.
    pub(super) fn begin_sweep(&self) -> bool {
        !std::mem::replace(&mut self.lock().swept, true)
    }

    /// Has the sessions ended that were idle for too long, and says when to look again; `None`
    /// when there is nothing left to look after. `end` runs under the lock that a call needs to
    /// take a seat, so that no call gets a session that ends.
    pub(super) fn end_idle(&self, end: impl FnOnce(&[SessionKey])) -> Option<Duration> {
        let mut state = self.lock();
        let (mut gone, mut next) = (Vec::new(), None::<Duration>);
        state.seats.retain(|key, seat| {
            let left = match seat.held {
                0 => self.idle_max.saturating_sub(seat.used.elapsed()),
                _ => self.idle_max,
            };
            if left.is_zero() {
                gone.push(key.clone());
            } else {
                next = Some(next.map_or(left, |next| next.min(left)));
            }
            !left.is_zero()
        });
        if !gone.is_empty() {
            end(&gone);
        }
        state.swept = next.is_some();
        next.map(|next| next.max(SWEEP_MIN))
    }

    /// How many seats are remembered, those of ended sessions included.
    #[cfg(test)]
    pub(super) fn remembered(&self) -> usize {
        self.lock().seats.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
