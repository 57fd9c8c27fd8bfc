//! What is known of the client at the other end: what it can do, and what goes on with it right
//! now.
//!
//! What a client said of itself when its session began is sealed into the session's id, and so
//! outlives a restart. What goes on (requests that run, questions that wait for it) lives in a
//! [`Live`], and ends with the process.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use lanyard_connect::mcp::{ClientFacts, Reply};
use lanyard_core::{ServerName, ToolName};
use lanyard_wire::translate::EnvelopeParts;
use lanyard_wire::{Id, LogLevel, Version, encode_request, sse};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::snapshot::{AgentEntry, Deeds, Seen};

/// A client as servers are told of it, and as answers are written for it.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// The version it speaks.
    pub(crate) version: Version,
    /// What it can do, and who it says it is.
    pub(crate) facts: Arc<ClientFacts>,
    /// The least severe log message that it wants, if it wants any.
    pub(crate) log_level: Option<LogLevel>,
    /// What goes on with it, where messages can reach it beside the answers to its requests.
    pub(crate) live: Option<Arc<Live>>,
}

impl Client {
    /// A client of which nothing is known.
    pub(crate) fn unknown(version: Version) -> Self {
        Self { version, facts: Arc::new(nothing()), log_level: None, live: None }
    }

    /// The envelope of a request to a stateless server on its behalf, without a wish for log
    /// messages.
    pub(crate) fn envelope(&self, version: Version) -> EnvelopeParts<'_> {
        EnvelopeParts {
            version,
            client_capabilities: &self.facts.capabilities,
            client_info: Some(&self.facts.info),
            log_level: None,
        }
    }

    /// What it was shown. Clients without sessions cannot be told apart: what one of an agent's was
    /// shown, all of them were.
    pub(crate) fn seen<'a>(&'a self, agent: &'a AgentEntry) -> &'a Seen {
        self.live.as_ref().map_or(&agent.load.seen, |live| &live.seen)
    }

    /// Whether servers may ask something of it: then its requests on a server are not mixed with
    /// those of the same agent's other clients, so that the right one is asked.
    pub(crate) fn can_be_asked(&self) -> bool {
        let members: Map<String, Value> =
            serde_json::from_str(&self.facts.capabilities).unwrap_or_default();
        ["sampling", "elicitation", "roots"].iter().any(|name| members.contains_key(*name))
    }
}

/// The facts of a client that says nothing of itself.
pub(crate) fn nothing() -> ClientFacts {
    ClientFacts { capabilities: "{}".to_owned(), info: ANONYMOUS.to_owned() }
}

/// Who speaks where the client does not say who it is.
pub(crate) const ANONYMOUS: &str = r#"{"name":"unknown","version":"0"}"#;

/// The most that a session's id carries of what its client said, in bytes: ids travel in a header
/// of every request.
const FACTS_BYTES_MAX: usize = 1500;

/// What is kept of a client's capabilities and of who it says it is. Where they are too long for
/// an id, what is no part of the protocol is left out.
pub(crate) fn facts(capabilities: Option<&RawValue>, info: Option<&RawValue>) -> ClientFacts {
    let capabilities = capabilities.map_or("{}", RawValue::get);
    let info = info.map_or(ANONYMOUS, RawValue::get);
    if capabilities.len().saturating_add(info.len()) <= FACTS_BYTES_MAX {
        return ClientFacts { capabilities: capabilities.to_owned(), info: info.to_owned() };
    }
    let short = |text: &str, keys: &[&str]| {
        let mut members: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
        members.retain(|key, _| keys.contains(&key.as_str()));
        Value::Object(members).to_string()
    };
    let capabilities = short(capabilities, &["sampling", "elicitation", "roots", "tasks"]);
    let info = short(info, &["name", "version"]);
    if capabilities.len().saturating_add(info.len()) <= FACTS_BYTES_MAX {
        ClientFacts { capabilities, info }
    } else {
        nothing()
    }
}

/// An event stream to a client, beside the answers to its requests.
#[derive(Debug, Clone)]
pub(crate) struct Beside {
    /// It does not keep the stream open.
    events: mpsc::WeakSender<Bytes>,
}

impl Beside {
    pub(crate) fn new(events: &mpsc::Sender<Bytes>) -> Self {
        Self { events: events.downgrade() }
    }

    /// Sends a message. `false` when the client went, or the stream ended.
    pub(crate) async fn send(&self, message: &[u8]) -> bool {
        match self.events.upgrade() {
            Some(events) => events.send(event(message)).await.is_ok(),
            None => false,
        }
    }

    fn is_open(&self) -> bool {
        self.events.upgrade().is_some_and(|events| !events.is_closed())
    }
}

/// A message as it stands on an event stream.
pub(crate) fn event(message: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(message.len().saturating_add(32));
    sse::event(&mut out, Some("message"), None, &String::from_utf8_lossy(message));
    out.into()
}

/// What goes on with one client: its session, its event stream or its connection.
#[derive(Debug)]
pub(crate) struct Live {
    /// Which session, stream or connection it is.
    pub(crate) key: [u8; 32],
    /// Which tools it was shown.
    pub(crate) seen: Seen,
    /// What it did.
    pub(crate) deeds: Deeds,
    state: Mutex<State>,
    /// Cancelled when it has ended, and with it every call.
    over: CancellationToken,
    calls: TaskTracker,
}

#[derive(Debug, Default)]
struct State {
    asked: u64,
    /// Questions that wait for the client's answer, by the id they were sent under.
    waiting: HashMap<Id<'static>, oneshot::Sender<Reply>>,
    /// Its requests that run, so that it can cancel them.
    running: HashMap<Id<'static>, CancellationToken>,
    log_level: Option<LogLevel>,
    /// Where what belongs to no request is sent.
    stream: Option<Beside>,
    /// Tools that search mode shows because they were found or called.
    activated: BTreeSet<String>,
    /// The resources it wants to be told of, each with what ends the telling.
    subscribed: HashMap<(ServerName, String), DropGuard>,
}

impl Live {
    /// Nothing goes on yet.
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self {
            key,
            seen: Seen::default(),
            deeds: Deeds::default(),
            state: Mutex::default(),
            over: CancellationToken::new(),
            calls: TaskTracker::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A question that will be sent to the client: the id to send it under, and where its answer
    /// appears.
    pub(crate) fn ask(&self, answer: oneshot::Sender<Reply>) -> Id<'static> {
        let mut state = self.lock();
        state.asked = state.asked.saturating_add(1);
        let id = Id::from_text(&format!("lanyard-{}", state.asked));
        state.waiting.insert(id.clone(), answer);
        id
    }

    /// Takes the client's answer to a question. `false` for an answer to nothing.
    pub(crate) fn answer(&self, id: &Id<'_>, reply: Reply) -> bool {
        let waiting = self.lock().waiting.remove(&id.clone().into_owned());
        waiting.is_some_and(|answer| answer.send(reply).is_ok())
    }

    /// Forgets a question that nobody waits for any more.
    pub(crate) fn forget(&self, id: &Id<'static>) {
        self.lock().waiting.remove(id);
    }

    /// Notes a request that runs, and gives what is cancelled when it is no longer wanted. A client
    /// that uses an id twice at a time can cancel the later one.
    pub(crate) fn runs(self: &Arc<Self>, id: &Id<'_>) -> (CancellationToken, Running) {
        let (id, cancel) = (id.clone().into_owned(), self.over.child_token());
        self.lock().running.insert(id.clone(), cancel.clone());
        (cancel, Running { live: Arc::clone(self), id, _call: self.calls.token() })
    }

    /// Ends what goes on with a client that ended its session: its calls are cancelled, and it is
    /// told of no resource any more. Ready when no call runs.
    async fn end(&self) {
        self.over.cancel();
        drop(std::mem::take(&mut self.lock().subscribed));
        self.calls.close();
        self.calls.wait().await;
    }

    /// Cancels a request that runs.
    pub(crate) fn cancel(&self, id: &Id<'_>) {
        if let Some(running) = self.lock().running.get(&id.clone().into_owned()) {
            running.cancel();
        }
    }

    /// The least severe log message that the client wants.
    pub(crate) fn log_level(&self) -> Option<LogLevel> {
        self.lock().log_level
    }

    /// Sets the least severe log message that the client wants.
    pub(crate) fn set_log_level(&self, level: LogLevel) {
        self.lock().log_level = Some(level);
    }

    /// Where what belongs to no request is sent from now on. The newest stream gets it: a client
    /// that opens a second one has usually lost the first.
    pub(crate) fn set_stream(&self, stream: Beside) {
        self.lock().stream = Some(stream);
    }

    /// Where what belongs to no request is sent, if there is such a stream.
    pub(crate) fn stream(&self) -> Option<Beside> {
        self.lock().stream.clone().filter(Beside::is_open)
    }

    /// Asks the client something that belongs to none of its requests. `None` where it cannot be
    /// reached, or went.
    pub(crate) async fn ask_beside(&self, method: &str, params: Option<&str>) -> Option<Reply> {
        let stream = self.stream()?;
        let (sender, receiver) = oneshot::channel();
        let id = self.ask(sender);
        if !stream.send(&encode_request(&id, method, params)).await {
            self.forget(&id);
            return None;
        }
        receiver.await.ok()
    }

    /// Shows a tool from now on, in search mode. `true` if it is new.
    pub(crate) fn activate(&self, server: &str, name: &ToolName) -> bool {
        self.lock().activated.insert(format!("{server}/{name}"))
    }

    /// Whether search mode shows a tool.
    pub(crate) fn is_activated(&self, server: &str, name: &ToolName) -> bool {
        self.lock().activated.contains(&format!("{server}/{name}"))
    }

    /// From now on the client is told when a resource changes, until `telling` is dropped.
    pub(super) fn subscribe(&self, server: ServerName, uri: String, telling: DropGuard) {
        let before = self.lock().subscribed.insert((server, uri), telling);
        drop(before);
    }

    /// It is no longer told. Gives what kept the telling.
    pub(super) fn unsubscribe(&self, uri: &str) -> Option<(ServerName, DropGuard)> {
        let mut state = self.lock();
        let key = state.subscribed.keys().find(|(_, known)| known == uri).cloned()?;
        let telling = state.subscribed.remove(&key)?;
        Some((key.0, telling))
    }

    /// Whether it wants to be told when a resource changes.
    pub(super) fn subscribes(&self, server: &ServerName, uri: &str) -> bool {
        self.lock().subscribed.contains_key(&(server.clone(), uri.to_owned()))
    }

    /// How many resources it wants to be told of.
    pub(super) fn subscriptions(&self) -> usize {
        self.lock().subscribed.len()
    }

    /// Whether nothing waits and nothing runs: it can be forgotten at no loss but its log level.
    fn is_quiet(&self) -> bool {
        let state = self.lock();
        state.waiting.is_empty()
            && state.running.is_empty()
            && !state.stream.as_ref().is_some_and(Beside::is_open)
            && state.subscribed.is_empty()
    }
}

/// A request that runs; it can be cancelled until this is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    live: Arc<Live>,
    id: Id<'static>,
    _call: TaskTrackerToken,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.live.lock().running.remove(&self.id);
    }
}

/// The live sessions over HTTP, by key.
#[derive(Debug, Default)]
pub(crate) struct Lives {
    by_key: Mutex<HashMap<[u8; 32], Arc<Live>>>,
}

/// How many are kept. Past it those with which nothing goes on are forgotten.
const LIVES_MAX: usize = 10_000;

impl Lives {
    /// What goes on in a session.
    pub(crate) fn of(&self, key: [u8; 32]) -> Arc<Live> {
        let mut by_key = self.by_key.lock().unwrap_or_else(PoisonError::into_inner);
        if by_key.len() >= LIVES_MAX {
            by_key.retain(|_, live| Arc::strong_count(live) > 1 || !live.is_quiet());
        }
        Arc::clone(by_key.entry(key).or_insert_with(|| Arc::new(Live::new(key))))
    }

    /// Ends a session. Ready when none of its calls runs.
    pub(crate) async fn end(&self, key: &[u8; 32]) {
        let ended = self.by_key.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
        if let Some(live) = ended {
            live.end().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn what_a_client_says_is_kept_as_it_said_it() {
        let (capabilities, info) = (raw(r#"{"roots":{ }, "x":1}"#), raw(r#"{"name":"a"}"#));
        let kept = facts(Some(&capabilities), Some(&info));
        assert_eq!(kept.capabilities, r#"{"roots":{ }, "x":1}"#);
        assert_eq!(kept.info, r#"{"name":"a"}"#);
        assert_eq!(facts(None, None), nothing());
    }

    #[test]
    fn a_client_that_says_too_much_is_cut_to_what_counts() {
        let long = format!(r#"{{"sampling":{{}},"experimental":"{}"}}"#, "x".repeat(2000));
        assert_eq!(facts(Some(&raw(&long)), None).capabilities, r#"{"sampling":{}}"#);
        let long = format!(r#"{{"sampling":"{}"}}"#, "x".repeat(2000));
        assert_eq!(facts(Some(&raw(&long)), None), nothing());
    }

    #[test]
    fn an_answer_finds_its_question_once() {
        let live = Live::new([0; 32]);
        let (sender, mut receiver) = oneshot::channel();
        let id = live.ask(sender);
        let reply = || Reply::Result("{}".to_owned());
        assert!(!live.answer(&Id::from_text("lanyard-7"), reply()));
        assert!(live.answer(&id, reply()));
        assert!(!live.answer(&id, reply()));
        assert_eq!(receiver.try_recv().unwrap(), reply());
    }

    #[test]
    fn a_request_can_be_cancelled_while_it_runs() {
        let live = Arc::new(Live::new([0; 32]));
        let id = Id::from_number(7);
        let (cancel, running) = live.runs(&id);
        live.cancel(&Id::from_number(8));
        assert!(!cancel.is_cancelled());
        live.cancel(&id);
        assert!(cancel.is_cancelled());
        drop(running);
        assert!(live.is_quiet());
    }

    #[tokio::test]
    async fn the_end_of_a_session_cancels_what_runs_and_waits_for_it() {
        let lives = Lives::default();
        let live = lives.of([1; 32]);
        // Two under one id, of which the client can cancel one.
        let (first, second) = (live.runs(&Id::from_number(7)), live.runs(&Id::from_number(7)));
        let end = lives.end(&[1; 32]);
        let calls = async {
            for (cancel, running) in [first, second] {
                cancel.cancelled().await;
                drop(running);
            }
        };
        tokio::join!(end, calls);
        assert!(!Arc::ptr_eq(&live, &lives.of([1; 32])));
    }
}
