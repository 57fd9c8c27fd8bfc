//! Places for sessions: who has one, who uses it, who has to go.
//!
//! INVARIANT: nothing here waits. What waits is told by `changed` that it may look again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lanyard_core::{Failure, Limits};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::SessionKey;
use crate::mcp::session::Session;

/// Sessions under one key: the one that is open, and lost ones on which something still runs.
const SAME_KEY_MAX: usize = 8;

/// Sessions that hold nothing on their server, and only a little memory here.
const FREE_SESSIONS_MAX: usize = 4096;

/// The longest time between two looks at what is idle.
const LOOK_MAX: Duration = Duration::from_secs(60);

/// The shortest.
const LOOK_MIN: Duration = Duration::from_millis(10);

/// A session that was opened, or why it was not.
pub(super) type Opened = Result<Arc<Session>, Failure>;

/// All places.
#[derive(Debug)]
pub(super) struct Pool {
    sessions_max: usize,
    user_sessions_max: usize,
    /// Told when a place may have become free.
    pub(super) changed: Arc<Notify>,
    closed: CancellationToken,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    slots: HashMap<SessionKey, Vec<Slot>>,
    next: u64,
}

/// One place.
#[derive(Debug)]
struct Slot {
    number: u64,
    content: Content,
    /// Leases, and those who wait for the opening.
    held: usize,
    idle_since: Instant,
}

#[derive(Debug)]
enum Content {
    Opening { opened: watch::Receiver<Option<Opened>>, retired: CancellationToken },
    Open(Arc<Session>),
}

/// What was found for a key.
pub(super) enum Found {
    Open(Arc<Session>, Hold),
    Opening(watch::Receiver<Option<Opened>>, Hold),
    /// A place in which whoever found it opens the session.
    Place(Place, Hold),
    /// As much is open as may be, and in use.
    Full,
}

/// The use of a place.
#[derive(Debug)]
pub(super) struct Hold {
    pool: Arc<Pool>,
    key: SessionKey,
    number: u64,
}

/// A place in which a session is being opened. Dropped without one, it is given up.
#[derive(Debug)]
pub(super) struct Place {
    pool: Arc<Pool>,
    key: SessionKey,
    number: u64,
    opened: watch::Sender<Option<Opened>>,
    retired: CancellationToken,
}

impl Pool {
    pub(super) fn new(limits: &Limits, changed: Arc<Notify>) -> Self {
        Self {
            sessions_max: Limits::size(limits.server_sessions_max),
            user_sessions_max: Limits::size(limits.user_sessions_max),
            changed,
            closed: CancellationToken::new(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cancelled when nothing is opened any more.
    pub(super) fn closed(&self) -> CancellationToken {
        self.closed.clone()
    }

    fn hold(self: &Arc<Self>, key: &SessionKey, slot: &mut Slot) -> Hold {
        slot.held = slot.held.saturating_add(1);
        Hold { pool: Arc::clone(self), key: key.clone(), number: slot.number }
    }

    /// Looks for the session of a key, or a place for it.
    pub(super) fn find(self: &Arc<Self>, key: &SessionKey) -> Result<Found, Failure> {
        let mut ended = Vec::new();
        let found = {
            let mut state = self.state();
            if self.closed.is_cancelled() {
                return Err(Failure::Cancelled);
            }
            state.bury(key, &mut ended);
            match state.usable(key) {
                Some(slot) => {
                    let hold = self.hold(key, slot);
                    match &slot.content {
                        Content::Open(session) => Found::Open(Arc::clone(session), hold),
                        Content::Opening { opened, retired: _ } => {
                            Found::Opening(opened.clone(), hold)
                        }
                    }
                }
                None => self.place(&mut state, key, &mut ended),
            }
        };
        end_all(&ended);
        Ok(found)
    }

    /// The open session of a key.
    pub(super) fn existing(self: &Arc<Self>, key: &SessionKey) -> Option<(Arc<Session>, Hold)> {
        let mut state = self.state();
        let slot = state.usable(key)?;
        let Content::Open(session) = &slot.content else { return None };
        let session = Arc::clone(session);
        Some((session, self.hold(key, slot)))
    }

    /// A place for one more session of a key, if there may be one.
    fn place(
        self: &Arc<Self>,
        state: &mut State,
        key: &SessionKey,
        ended: &mut Vec<Arc<Session>>,
    ) -> Found {
        let same_key = state.slots.get(key).map_or(0, Vec::len);
        if same_key >= SAME_KEY_MAX || !self.make_room(state, key, ended) {
            return Found::Full;
        }
        let number = state.next;
        state.next = number.wrapping_add(1);
        let (sender, opened) = watch::channel(None);
        let retired = CancellationToken::new();
        let place = Place {
            pool: Arc::clone(self),
            key: key.clone(),
            number,
            opened: sender,
            retired: retired.clone(),
        };
        let mut slot = Slot {
            number,
            content: Content::Opening { opened, retired },
            held: 0,
            idle_since: Instant::now(),
        };
        let hold = self.hold(key, &mut slot);
        state.slots.entry(key.clone()).or_default().push(slot);
        Found::Place(place, hold)
    }

    /// Sees to it that one more session may be opened under a key, by ending idle ones.
    fn make_room(
        &self,
        state: &mut State,
        key: &SessionKey,
        ended: &mut Vec<Arc<Session>>,
    ) -> bool {
        state.bury_all(ended);
        let user = |other: &SessionKey| {
            other.credential != 0 && other.server == key.server && other.tenant == key.tenant
        };
        if key.credential != 0
            && state.count(|other, _| user(other)) >= self.user_sessions_max
            && !state.end_longest_idle(|other, _| user(other), ended)
        {
            return false;
        }
        if state.count(|_, slot| slot.is_free()) >= FREE_SESSIONS_MAX {
            state.end_longest_idle(|_, slot| slot.is_free(), ended);
        }
        // The gateway looks after each server that is to be kept, however many there are.
        let costly = |key: &SessionKey, slot: &Slot| key.principal.is_some() && !slot.is_free();
        state.count(costly) < self.sessions_max || state.end_longest_idle(costly, ended)
    }

    /// Ends what was idle for this long, and says when to look again.
    pub(super) fn end_idle(&self, idle_max: Duration) -> Duration {
        let now = Instant::now();
        let mut ended = Vec::new();
        let mut pause = idle_max.min(LOOK_MAX);
        {
            let mut state = self.state();
            state.bury_all(&mut ended);
            state.remove(&mut ended, |_, slot| {
                let idle = now.saturating_duration_since(slot.idle_since);
                if slot.is_idle() && idle < idle_max {
                    pause = pause.min(idle_max.saturating_sub(idle));
                }
                slot.is_idle() && idle >= idle_max
            });
        }
        end_all(&ended);
        pause.max(LOOK_MIN)
    }

    /// Ends what is under the keys that `gone` names, and says which those are.
    pub(super) fn retire(&self, gone: impl Fn(&SessionKey) -> bool) -> Vec<SessionKey> {
        let mut ended = Vec::new();
        let mut keys = Vec::new();
        self.state().remove(&mut ended, |key, _| {
            let is_gone = gone(key);
            if is_gone && keys.last() != Some(key) {
                keys.push(key.clone());
            }
            is_gone
        });
        end_all(&ended);
        self.changed.notify_waiters();
        keys
    }

    /// Ends everything, and opens nothing any more.
    pub(super) fn close(&self) {
        // The lock is what `find` looks under: after this it finds the pool closed.
        {
            let _state = self.state();
            self.closed.cancel();
        }
        self.retire(|_| true);
    }

    /// How many sessions are open or being opened.
    pub(super) fn count(&self) -> usize {
        self.state().count(|_, slot| match &slot.content {
            Content::Opening { .. } => true,
            Content::Open(session) => session.is_open(),
        })
    }
}

fn end_all(sessions: &[Arc<Session>]) {
    for session in sessions {
        session.end(&Failure::Cancelled);
    }
}

impl State {
    /// The place of a key that one more lease may use.
    fn usable(&mut self, key: &SessionKey) -> Option<&mut Slot> {
        let mut slots = self.slots.get_mut(key)?.iter_mut();
        slots.find(|slot| match &slot.content {
            Content::Open(session) => session.is_open(),
            Content::Opening { .. } => true,
        })
    }

    /// Takes away what is over and in nobody's use, of one key.
    fn bury(&mut self, key: &SessionKey, ended: &mut Vec<Arc<Session>>) {
        let Some(slots) = self.slots.get_mut(key) else { return };
        slots.retain(|slot| {
            let over = slot.over();
            ended.extend(over.cloned());
            over.is_none()
        });
    }

    /// The same, of all keys.
    fn bury_all(&mut self, ended: &mut Vec<Arc<Session>>) {
        self.remove(ended, |_, slot| slot.over().is_some());
    }

    /// Takes places away. What was being opened there is given up, what was open is to be ended.
    fn remove(
        &mut self,
        ended: &mut Vec<Arc<Session>>,
        mut gone: impl FnMut(&SessionKey, &Slot) -> bool,
    ) {
        self.slots.retain(|key, slots| {
            slots.retain(|slot| {
                let is_gone = gone(key, slot);
                if is_gone {
                    match &slot.content {
                        Content::Opening { opened: _, retired } => retired.cancel(),
                        Content::Open(session) => ended.push(Arc::clone(session)),
                    }
                }
                !is_gone
            });
            !slots.is_empty()
        });
    }

    fn count(&self, counts: impl Fn(&SessionKey, &Slot) -> bool) -> usize {
        self.slots
            .iter()
            .map(|(key, slots)| slots.iter().filter(|slot| counts(key, slot)).count())
            .sum()
    }

    /// Takes away the longest idle of some places. Says whether there was one.
    fn end_longest_idle(
        &mut self,
        among: impl Fn(&SessionKey, &Slot) -> bool,
        ended: &mut Vec<Arc<Session>>,
    ) -> bool {
        let longest = self
            .slots
            .iter()
            .flat_map(|(key, slots)| slots.iter().map(move |slot| (key, slot)))
            .filter(|(key, slot)| slot.is_idle() && among(key, slot))
            .min_by_key(|(_, slot)| (slot.idle_since, slot.number))
            .map(|(_, slot)| slot.number);
        let Some(number) = longest else { return false };
        self.remove(ended, |_, slot| slot.number == number);
        true
    }
}

impl Slot {
    /// Whether nobody uses it.
    fn is_idle(&self) -> bool {
        match &self.content {
            Content::Opening { .. } => false,
            Content::Open(session) => self.held == 0 && session.is_idle(),
        }
    }

    /// Whether it holds nothing on its server.
    fn is_free(&self) -> bool {
        match &self.content {
            Content::Opening { .. } => false,
            Content::Open(session) => session.is_free(),
        }
    }

    /// The session, if it can carry nothing more and nobody uses it: what runs on one that its
    /// server has forgotten may still end well.
    fn over(&self) -> Option<&Arc<Session>> {
        match &self.content {
            Content::Opening { .. } => None,
            Content::Open(session) => (self.held == 0 && !session.is_open()).then_some(session),
        }
    }
}

impl Place {
    /// Where those who wait hear of the session.
    pub(super) fn opened(&self) -> watch::Receiver<Option<Opened>> {
        self.opened.subscribe()
    }

    /// Cancelled when the place is taken away.
    pub(super) fn retired(&self) -> CancellationToken {
        self.retired.clone()
    }

    /// Puts the session in, or gives the place up, and tells those who wait.
    pub(super) fn fill(self, opened: Result<Session, Failure>) {
        let opened = opened.map(Arc::new);
        let was_kept = match &opened {
            Ok(session) => self.keep(session),
            Err(_) => false,
        };
        match (&opened, was_kept) {
            // It was retired in the last moment.
            (Ok(session), false) => session.end(&Failure::Cancelled),
            (Ok(_), true) | (Err(_), _) => {
                self.opened.send_replace(Some(opened));
            }
        }
    }

    fn keep(&self, session: &Arc<Session>) -> bool {
        let mut state = self.pool.state();
        let slots = state.slots.get_mut(&self.key);
        let slot = slots.and_then(|it| it.iter_mut().find(|slot| slot.number == self.number));
        let Some(slot) = slot else { return false };
        slot.content = Content::Open(Arc::clone(session));
        slot.idle_since = Instant::now();
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let number = self.number;
        self.pool.state().remove(&mut Vec::new(), |_, slot| {
            slot.number == number && matches!(slot.content, Content::Opening { .. })
        });
        self.pool.changed.notify_waiters();
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut ended = Vec::new();
        {
            let mut state = self.pool.state();
            let slots = state.slots.get_mut(&self.key);
            let slot = slots.and_then(|it| it.iter_mut().find(|slot| slot.number == self.number));
            if let Some(slot) = slot {
                slot.held = slot.held.saturating_sub(1);
                slot.idle_since = Instant::now();
            }
            state.bury(&self.key, &mut ended);
        }
        end_all(&ended);
        self.pool.changed.notify_waiters();
    }
}
