//! What was said on the event streams of sessions, kept for a while: a client whose connection broke,
//! or that was told to ask again later, comes back with the id of the last event that it got
//! (`Last-Event-ID`), and gets what followed.
//!
//! Who speaks and who reads do not know each other. A [`Writer`] belongs to the call that is
//! answered, a [`Reader`] to the connection that the answer goes out on; the one may outlive the
//! other. While somebody reads, the writer waits for it; while nobody does, what is oldest goes.
//!
//! INVARIANT: an event is given to nobody but the session and the user that it was said to, and
//! through no endpoint but the one that it was said on. Its id is no credential.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use lanyard_core::{Limits, Principal};
use lanyard_wire::sse;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::request;
use super::route::Scope;
use crate::snapshot::Place;

/// What a stream costs beside its events, and an event beside its bytes.
const OVERHEAD_BYTES: usize = 200;

/// What is said once and waits for a reader that is slow; it needs no more.
const ASIDE_MAX: usize = 4;

/// How long a client that lost its connection waits before it comes back.
const RETRY: Duration = Duration::from_secs(1);

/// The streams that are kept, those of all sessions.
#[derive(Debug)]
pub(crate) struct Replays {
    shared: Arc<Shared>,
}

struct Shared {
    /// What the ids of this process begin with, so that none of an earlier one is mistaken for one
    /// of them.
    mark: String,
    events_max: usize,
    bytes_max: usize,
    kept_for: Duration,
    state: Mutex<State>,
}

/// Messages may hold anything, so none is shown.
impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shared").field("mark", &self.mark).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct State {
    /// By number, so that the oldest come first.
    streams: BTreeMap<u64, Log>,
    streams_made: u64,
    readers_made: u64,
    bytes: usize,
}

/// Where a stream belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Home {
    /// The session.
    pub(super) session: [u8; 32],
    /// Whom it was said to: in a session that is nobody's in particular, each call may be for
    /// another user.
    pub(super) principal: Principal,
    /// The endpoint.
    pub(super) scope: Scope,
}

impl Home {
    /// Where what is said in a session belongs now.
    pub(super) fn of(session: [u8; 32], context: &request::Context) -> Self {
        let (principal, scope) = (context.caller.principal.clone(), context.scope.clone());
        Self { session, principal, scope }
    }
}

/// What was said on one stream.
struct Log {
    home: Home,
    /// In order of their numbers, none left out.
    events: VecDeque<Event>,
    /// The number of the next event.
    next: u64,
    /// Every event before this number was given to a reader.
    given: u64,
    /// What is said once to whoever reads now, and kept for nobody.
    aside: VecDeque<Bytes>,
    /// Who reads. Who comes back takes the place of the connection that it lost.
    reader: Option<u64>,
    waker: Option<Waker>,
    /// Told when something was given to the reader, or nobody reads any more.
    room: Arc<Notify>,
    /// Whether the reader was sent away to come back later.
    paused: bool,
    /// When it is forgotten. Nothing more is said then.
    until: Option<Instant>,
}

struct Event {
    number: u64,
    text: Bytes,
}

impl Replays {
    /// Nothing is kept yet. `mark` is what no other process has.
    pub(crate) fn new(mark: String, limits: &Limits) -> Self {
        let shared = Shared {
            mark,
            events_max: Limits::size(limits.resume_events_max),
            bytes_max: Limits::size(limits.resume_bytes_max),
            kept_for: Limits::span(limits.resume_ms_max),
            state: Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// A stream that begins. With `primed` it begins with an event that says nothing but where to go
    /// on from: from then on its client can be sent away. Earlier versions took such an event for a
    /// broken message.
    pub(super) fn begin(&self, home: Home, primed: bool) -> (Writer, Reader) {
        let room = Arc::new(Notify::new());
        let mut state = self.shared.lock();
        state.streams_made = state.streams_made.saturating_add(1);
        let stream = state.streams_made;
        let log = Log::new(home, Arc::clone(&room));
        state.bytes = state.bytes.saturating_add(OVERHEAD_BYTES);
        state.streams.insert(stream, log);
        drop(state);
        let writer = Writer { shared: Arc::clone(&self.shared), stream, room, primed };
        let reader = self.shared.read(stream, 0);
        if primed {
            self.shared.append(stream, None, "");
            self.shared.say_aside(stream, retry(RETRY));
        }
        (writer, reader)
    }

    /// What followed the event with this id, if it was said there and the stream is still kept.
    pub(super) fn resume(&self, id: &str, home: &Home) -> Option<Reader> {
        let (stream, number) = self.shared.parse(id)?;
        let known = self.shared.lock().streams.get(&stream).is_some_and(|log| log.home == *home);
        known.then(|| self.shared.read(stream, number.saturating_add(1)))
    }

    /// Forgets a session that ended.
    pub(crate) fn forget(&self, session: &[u8; 32]) {
        self.shared.lock().retain(|log| log.home.session != *session);
    }

    /// Forgets what nobody came back for.
    pub(crate) fn sweep(&self) {
        let now = Instant::now();
        self.shared.lock().retain(|log| log.until.is_none_or(|until| now < until));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn id(&self, stream: u64, number: u64) -> String {
        format!("{}-{stream}-{number}", self.mark)
    }

    fn parse(&self, id: &str) -> Option<(u64, u64)> {
        let (stream, number) = id.strip_prefix(&self.mark)?.strip_prefix('-')?.split_once('-')?;
        Some((stream.parse().ok()?, number.parse().ok()?))
    }

    fn read(self: &Arc<Self>, stream: u64, next: u64) -> Reader {
        let mut state = self.lock();
        state.readers_made = state.readers_made.saturating_add(1);
        let reader = state.readers_made;
        if let Some(log) = state.streams.get_mut(&stream) {
            log.reader = Some(reader);
            log.paused = false;
            // Whoever read until now finds out that it does no longer.
            log.wake();
        }
        Reader { shared: Arc::clone(self), stream, next, reader, _place: None }
    }

    fn append(&self, stream: u64, name: Option<&str>, message: &str) {
        let mut state = self.lock();
        let Some(log) = state.streams.get_mut(&stream) else { return };
        let number = log.next;
        let mut text = Vec::with_capacity(message.len().saturating_add(64));
        sse::event(&mut text, name, Some(&self.id(stream, number)), message);
        log.next = number.saturating_add(1);
        let added = text.len().saturating_add(OVERHEAD_BYTES);
        log.events.push_back(Event { number, text: text.into() });
        log.wake();
        let mut gone = 0_usize;
        while log.events.len() > self.events_max {
            gone = gone.saturating_add(log.drop_oldest());
        }
        state.bytes = state.bytes.saturating_add(added).saturating_sub(gone);
        state.shrink(self.bytes_max);
    }

    fn say_aside(&self, stream: u64, text: Bytes) {
        if let Some(log) = self.lock().streams.get_mut(&stream)
            && log.reader.is_some()
            && log.aside.len() < ASIDE_MAX
        {
            log.aside.push_back(text);
            log.wake();
        }
    }
}

impl State {
    fn retain(&mut self, keep: impl Fn(&Log) -> bool) {
        let mut gone = 0_usize;
        self.streams.retain(|_, log| {
            let kept = keep(log);
            if !kept {
                gone = gone.saturating_add(log.bytes());
                log.wake();
                log.room.notify_one();
            }
            kept
        });
        self.bytes = self.bytes.saturating_sub(gone);
    }

    /// Makes room, at the cost of those who are least likely to come back: first goes what ended and
    /// nobody reads, then what was given to its reader, then the oldest of what nobody reads.
    fn shrink(&mut self, bytes_max: usize) {
        if self.bytes <= bytes_max {
            return;
        }
        let mut bytes = self.bytes;
        self.streams.retain(|_, log| {
            let goes = bytes > bytes_max && log.until.is_some() && log.reader.is_none();
            bytes = bytes.saturating_sub(if goes { log.bytes() } else { 0 });
            !goes
        });
        let given = |log: &Log| log.events.front().is_some_and(|event| event.number < log.given);
        let unread = |log: &Log| log.reader.is_none() && log.events.len() > 1;
        for may_go in [&given as &dyn Fn(&Log) -> bool, &unread] {
            for log in self.streams.values_mut() {
                while bytes > bytes_max && may_go(log) {
                    bytes = bytes.saturating_sub(log.drop_oldest());
                }
            }
        }
        self.bytes = bytes;
    }
}

impl Log {
    fn new(home: Home, room: Arc<Notify>) -> Self {
        Self {
            home,
            events: VecDeque::new(),
            next: 0,
            given: 0,
            aside: VecDeque::new(),
            reader: None,
            waker: None,
            room,
            paused: false,
            until: None,
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn bytes(&self) -> usize {
        let events = self.events.iter().map(Event::bytes);
        events.fold(OVERHEAD_BYTES, usize::saturating_add)
    }

    fn drop_oldest(&mut self) -> usize {
        self.events.pop_front().map_or(0, |event| event.bytes())
    }

    /// The first event from this number on that is still kept.
    fn from(&self, number: u64) -> Option<&Event> {
        let oldest = self.events.front()?.number;
        self.events.get(usize::try_from(number.saturating_sub(oldest)).ok()?)
    }

    /// How many events wait for the reader.
    fn waiting(&self) -> u64 {
        self.next.saturating_sub(self.given)
    }
}

impl Event {
    fn bytes(&self) -> usize {
        self.text.len().saturating_add(OVERHEAD_BYTES)
    }
}

/// The speaking end of a stream. The stream ends when it is dropped.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    stream: u64,
    room: Arc<Notify>,
    primed: bool,
}

impl Writer {
    /// Says something. Waits for a reader that is slow, and not for one that went.
    pub(super) async fn put(&self, message: &[u8]) {
        while !self.has_room() {
            self.room.notified().await;
        }
        self.shared.append(self.stream, Some("message"), &String::from_utf8_lossy(message));
    }

    fn has_room(&self) -> bool {
        let state = self.shared.lock();
        let Some(log) = state.streams.get(&self.stream) else { return true };
        log.reader.is_none()
            || usize::try_from(log.waiting()).is_ok_and(|waiting| waiting < self.shared.events_max)
    }

    /// Shows a reader, if there is one, that the stream is alive.
    pub(super) fn comment(&self) {
        self.shared.say_aside(self.stream, Bytes::from_static(sse::KEEP_ALIVE));
    }

    /// Sends the reader away once it has everything, to come back after a while. Only one that was
    /// told where to go on from can do so.
    pub(super) fn pause(&self, wait: Duration) {
        if !self.primed {
            return;
        }
        self.shared.say_aside(self.stream, retry(wait));
        if let Some(log) = self.shared.lock().streams.get_mut(&self.stream) {
            log.paused = true;
            log.wake();
        }
    }

    /// Whether what is said now will be read, as far as one can know.
    pub(super) fn is_read(&self) -> bool {
        let state = self.shared.lock();
        state.streams.get(&self.stream).is_some_and(|log| log.reader.is_some() || log.paused)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if let Some(log) = self.shared.lock().streams.get_mut(&self.stream) {
            let now = Instant::now();
            log.until = Some(now.checked_add(self.shared.kept_for).unwrap_or(now));
            log.wake();
        }
    }
}

/// The reading end of a stream, on one connection.
#[derive(Debug)]
pub(crate) struct Reader {
    shared: Arc<Shared>,
    stream: u64,
    /// The number of the next event.
    next: u64,
    /// Which reader it is.
    reader: u64,
    _place: Option<Place>,
}

impl Reader {
    /// Holds a place among its agent's streams for as long as it reads.
    pub(super) fn holding(mut self, place: Place) -> Self {
        self._place = Some(place);
        self
    }

    /// The next piece; `None` when there is nothing more to come on this connection.
    pub(super) fn poll(&mut self, context: &Context<'_>) -> Poll<Option<Bytes>> {
        let mut state = self.shared.lock();
        let log = state.streams.get_mut(&self.stream).filter(|it| it.reader == Some(self.reader));
        let Some(log) = log else { return Poll::Ready(None) };
        if let Some(event) = log.from(self.next) {
            let (next, text) = (event.number.saturating_add(1), event.text.clone());
            (self.next, log.given) = (next, next);
            log.room.notify_one();
            return Poll::Ready(Some(text));
        }
        if let Some(aside) = log.aside.pop_front() {
            return Poll::Ready(Some(aside));
        }
        if log.paused || log.until.is_some() {
            return Poll::Ready(None);
        }
        log.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if let Some(log) = state.streams.get_mut(&self.stream)
            && log.reader == Some(self.reader)
        {
            log.reader = None;
            log.aside.clear();
            log.room.notify_one();
        }
    }
}

fn retry(wait: Duration) -> Bytes {
    let mut text = Vec::new();
    sse::retry(&mut text, u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    text.into()
}

#[cfg(test)]
mod tests;
