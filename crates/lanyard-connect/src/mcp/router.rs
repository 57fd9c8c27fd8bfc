//! Which message of a server belongs to which exchange.
//!
//! Every request that goes out has an id of ours, a number that is never used again within its
//! conversation, and that number is its progress token too. So an answer and a report of progress
//! find their exchange, or nobody. A question that names no request goes to the newest of the calls
//! that run, as does a message for the log; what is about no call goes to the conversation's inbox.
//!
//! INVARIANT: an exchange gets the answer under its own id, once, and nothing after it.

mod mailbox;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use lanyard_core::{Failure, Limits};
use lanyard_wire::splice::member;
use lanyard_wire::translate::{notified_progress_token, restore_progress_token};
use lanyard_wire::{
    CancelledParams, DecodeLimits, Id, Incoming, Kind, Message, Method, Reply as WireReply,
    WireError, decode,
};
use serde_json::value::RawValue;

pub(super) use mailbox::{Inbound, Item, Mailbox};

use super::exchange::{Reply, ServerRequest, Step};
use super::session::Unrelated;

/// Where a message on a stream says which subscription it belongs to.
const SUBSCRIPTION: [&str; 3] = ["params", "_meta", "io.modelcontextprotocol/subscriptionId"];

/// What a subscription's answer is, where a server ends it with a notification instead of one.
const SUBSCRIPTION_OVER: &str = r#"{"resultType":"complete"}"#;

/// Under which token the server reports the progress of an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// It was asked for no reports.
    None,
    /// Under the client's own: what is reported comes on the carrier of the request.
    Kept,
    /// Under the id of the request, which stands for the client's own, raw JSON.
    Ours(String),
}

/// What an exchange is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A request of a client.
    Call,
    /// A stream of notifications: it runs for long, and what names no request is not about it.
    Subscription,
    /// A question of ours, to which nothing else is related either.
    Own,
}

/// Where a message goes.
#[derive(Debug)]
pub(super) enum Destination {
    /// To the exchange that asked: the one whose carrier brought it.
    Home(Item),
    /// To an exchange through its mailbox.
    Exchange(i64, Mailbox, Item),
    /// To whoever hears what belongs to no exchange.
    Inbox(Unrelated),
    /// To the conversation itself, which answers it.
    Ping(Id<'static>),
    /// To nobody: an answer that nobody waits for, a report on what nobody asked.
    Nobody,
}

/// The exchanges of one conversation.
#[derive(Debug)]
pub(super) struct Router {
    decode: DecodeLimits,
    messages_max: usize,
    message_bytes_max: usize,
    next: AtomicI64,
    /// Messages that went to nobody.
    strays: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: BTreeMap<i64, Running>,
    /// Requests of the server that an exchange was given and has not answered. They outlive the
    /// answer to the exchange: a server may ask first, and answer before it is answered.
    asked: Vec<(i64, Id<'static>)>,
    phase: Phase,
}

/// What may still begin and go on.
#[derive(Debug, Default)]
enum Phase {
    #[default]
    Open,
    /// Nothing begins any more; what runs has carriers of its own and may end well.
    Lost,
    /// Nothing begins and nothing runs.
    Ended(Failure),
}

#[derive(Debug)]
struct Running {
    mailbox: Mailbox,
    /// Why the exchange came to its end without an answer.
    fate: Arc<OnceLock<Failure>>,
    token: Token,
    purpose: Purpose,
}

impl Router {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            decode: limits.into(),
            messages_max: Limits::size(limits.server_messages_max),
            message_bytes_max: Limits::size(limits.message_bytes_max),
            next: AtomicI64::new(1),
            strays: AtomicU64::new(0),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id of the next request.
    pub(super) fn next_id(&self) -> i64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Begins an exchange.
    pub(super) fn begin(
        &self,
        id: i64,
        purpose: Purpose,
        token: Token,
    ) -> Result<Inbound, Failure> {
        let fate = Arc::new(OnceLock::new());
        let (mailbox, inbound) =
            mailbox::mailbox(self.messages_max, self.message_bytes_max, Arc::clone(&fate));
        let mut state = self.state();
        match &state.phase {
            Phase::Open => {}
            Phase::Lost => return Err(Failure::ServerEnded),
            Phase::Ended(reason) => return Err(reason.clone()),
        }
        let running = Running { mailbox, fate, token, purpose };
        state.running.insert(id, running);
        Ok(inbound)
    }

    /// Ends an exchange. Says whether it ran: whether the server still works for it.
    pub(super) fn remove(&self, id: i64) -> bool {
        let mut state = self.state();
        state.asked.retain(|(asked, _)| *asked != id);
        state.running.remove(&id).is_some()
    }

    /// Ends an exchange with a failure that it is told when it next asks.
    pub(super) fn fail(&self, id: i64, failure: Failure) -> bool {
        let Some(running) = self.state().running.remove(&id) else { return false };
        running.fate.get_or_init(|| failure);
        true
    }

    /// Lets nothing begin any more. Says whether something could until now.
    pub(super) fn lose(&self) -> bool {
        let mut state = self.state();
        let was_open = matches!(state.phase, Phase::Open);
        if was_open {
            state.phase = Phase::Lost;
        }
        was_open
    }

    /// Ends every exchange, and lets none begin any more. Says whether this is the first end.
    pub(super) fn end(&self, reason: &Failure) -> bool {
        let mut state = self.state();
        if matches!(state.phase, Phase::Ended(_)) {
            return false;
        }
        state.phase = Phase::Ended(reason.clone());
        for running in std::mem::take(&mut state.running).into_values() {
            running.fate.get_or_init(|| reason.clone());
        }
        true
    }

    /// Whether something may begin.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.state().phase, Phase::Open)
    }

    /// Why it ended, if it did.
    pub(super) fn ended(&self) -> Option<Failure> {
        match &self.state().phase {
            Phase::Open | Phase::Lost => None,
            Phase::Ended(reason) => Some(reason.clone()),
        }
    }

    /// Whether nothing runs.
    pub(super) fn is_idle(&self) -> bool {
        self.state().running.is_empty()
    }

    /// How many messages went to nobody.
    pub(super) fn strays(&self) -> u64 {
        self.strays.load(Ordering::Relaxed)
    }

    /// Counts one of them.
    pub(super) fn stray(&self) {
        self.strays.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes note that an exchange answered a request of the server. Says whether it was asked.
    pub(super) fn answered(&self, id: i64, request: &Id<'_>) -> bool {
        let mut state = self.state();
        let before = state.asked.len();
        state.asked.retain(|(asked, question)| *asked != id || question != request);
        state.asked.len() < before
    }

    /// Where the messages in this text go. `home` is the exchange whose carrier brought it; what
    /// belongs to no exchange belongs to that one then. `batches` says whether there may be
    /// several messages in an array.
    pub(super) fn route(
        &self,
        text: &str,
        home: Option<i64>,
        batches: bool,
    ) -> Result<Vec<Destination>, WireError> {
        match decode(text.as_bytes(), &self.decode) {
            Ok(Incoming::One(message)) => Ok(vec![self.place(&message, home)]),
            Ok(Incoming::Batch(messages)) if batches => {
                let place = |message: &Result<Message<'_>, WireError>| match message {
                    Ok(message) => self.place(message, home),
                    Err(_) => Destination::Nobody,
                };
                Ok(messages.iter().map(place).collect())
            }
            Ok(Incoming::Batch(_)) => Err(WireError::batch_refused()),
            Err(error) => match self.unreadable(text, home) {
                Some(destination) => Ok(vec![destination]),
                None => Err(error),
            },
        }
    }

    fn place(&self, message: &Message<'_>, home: Option<i64>) -> Destination {
        let id = message.id.as_ref();
        match (&message.kind, id) {
            (Kind::Response { reply }, Some(id)) => self.answer(id, *reply, home),
            (Kind::Response { reply: _ }, None) | (Kind::Request { .. }, None) => {
                Destination::Nobody
            }
            (Kind::Request { method: Method::Ping, params: _ }, Some(id)) => {
                Destination::Ping(id.clone().into_owned())
            }
            (Kind::Request { method, params }, Some(id)) => {
                let request = ServerRequest {
                    id: id.clone().into_owned(),
                    method: method.as_str().to_owned(),
                    params: params.map(|params| params.get().to_owned()),
                };
                self.asked(request, home)
            }
            (Kind::Notification { method, params }, _) => {
                self.told(method, *params, message.raw.get(), home)
            }
        }
    }

    fn answer(&self, id: &Id<'_>, reply: WireReply<'_>, home: Option<i64>) -> Destination {
        let Some(number) = number(id) else { return Destination::Nobody };
        if home.is_some_and(|home| home != number) {
            return Destination::Nobody;
        }
        let Some(running) = self.state().running.remove(&number) else {
            return Destination::Nobody;
        };
        let reply = match reply {
            WireReply::Result(result) => Reply::Result(result.get().to_owned()),
            WireReply::Error(error) => Reply::Error(error.get().to_owned()),
        };
        deliver(number, running.mailbox, Ok(Step::Done(reply)), home)
    }

    /// An answer that breaks the rules of messages (nested too deep, a key twice) and yet says for
    /// whom it is: that exchange fails at once, where it would wait for its deadline otherwise.
    fn unreadable(&self, text: &str, home: Option<i64>) -> Option<Destination> {
        if member(text, &["method"]).is_some() {
            return None;
        }
        let claimed = member(text, &["id"])?.get().parse::<i64>().ok()?;
        if home.is_some_and(|home| home != claimed) {
            return None;
        }
        let running = self.state().running.remove(&claimed)?;
        let problem = "it is no message of the protocol".to_owned();
        Some(deliver(claimed, running.mailbox, Err(Failure::AnswerUnusable { problem }), home))
    }

    fn asked(&self, request: ServerRequest, home: Option<i64>) -> Destination {
        let mut state = self.state();
        match home.or_else(|| state.newest_call()) {
            Some(id) => match state.running.get(&id).map(|running| running.mailbox.clone()) {
                Some(mailbox) => {
                    state.asked.push((id, request.id.clone()));
                    deliver(id, mailbox, Ok(Step::Request(request)), home)
                }
                None => Destination::Nobody,
            },
            None => Destination::Inbox(Unrelated::Request(request)),
        }
    }

    fn told(
        &self,
        method: &Method<'_>,
        params: Option<&RawValue>,
        message: &str,
        home: Option<i64>,
    ) -> Destination {
        let mut state = self.state();
        let whole = || Ok(Step::Notification(message.to_owned()));
        let target = match method.as_str() {
            "notifications/progress" => return state.progress(params, message, home),
            "notifications/cancelled" => {
                let id = cancelled(params);
                if let Some(over) = state.subscription_over(id.as_ref(), home) {
                    return over;
                }
                home.or_else(|| state.who_was_asked(id.as_ref()))
            }
            "notifications/message" => {
                home.or_else(|| state.subscription(message)).or_else(|| state.newest_call())
            }
            _ => home.or_else(|| state.subscription(message)),
        };
        match target {
            Some(id) => match state.running.get(&id) {
                Some(running) => deliver(id, running.mailbox.clone(), whole(), home),
                None => Destination::Nobody,
            },
            None => Destination::Inbox(Unrelated::Notification(message.to_owned())),
        }
    }
}

impl State {
    /// The newest of the calls that run. What a server says on a pipe does not tell which of several
    /// it is about; they are all of one principal, whose client can do the same in each.
    fn newest_call(&self) -> Option<i64> {
        let calls = self.running.iter().filter(|(_, running)| running.purpose == Purpose::Call);
        calls.map(|(id, _)| *id).max()
    }

    /// A report of progress, under the token that the client named.
    fn progress(&self, params: Option<&RawValue>, message: &str, home: Option<i64>) -> Destination {
        let reported = notified_progress_token(params).as_ref().and_then(number);
        let reported = reported.and_then(|id| Some((id, self.running.get(&id)?)));
        if let Some((id, Running { mailbox, token: Token::Ours(token), .. })) = reported {
            return match restore_progress_token(message, token) {
                Some(restored) => {
                    deliver(id, mailbox.clone(), Ok(Step::Notification(restored)), home)
                }
                None => Destination::Nobody,
            };
        }
        match home.and_then(|home| self.running.get(&home)).map(|running| &running.token) {
            Some(Token::Kept) => Destination::Home(Ok(Step::Notification(message.to_owned()))),
            Some(Token::None | Token::Ours(_)) | None => Destination::Nobody,
        }
    }

    /// The subscription that a message says it belongs to.
    fn subscription(&self, message: &str) -> Option<i64> {
        let id = member(message, &SUBSCRIPTION)?.get().parse::<i64>().ok()?;
        self.running.contains_key(&id).then_some(id)
    }

    /// The exchange that was given a request of the server which is now withdrawn.
    fn who_was_asked(&self, request: Option<&Id<'_>>) -> Option<i64> {
        let request = request?;
        let mut asked = self.asked.iter();
        asked.find(|(_, question)| question == request).map(|(id, _)| *id)
    }

    /// The end of a subscription that a server announces with a notification: the specification
    /// has both this and an answer.
    fn subscription_over(
        &mut self,
        request: Option<&Id<'_>>,
        home: Option<i64>,
    ) -> Option<Destination> {
        let id = number(request?)?;
        if self.running.get(&id)?.purpose != Purpose::Subscription {
            return None;
        }
        let running = self.running.remove(&id)?;
        let over = Reply::Result(SUBSCRIPTION_OVER.to_owned());
        Some(deliver(id, running.mailbox, Ok(Step::Done(over)), home))
    }
}

/// To an exchange: directly, where its own carrier brought the message.
fn deliver(id: i64, mailbox: Mailbox, item: Item, home: Option<i64>) -> Destination {
    if home == Some(id) {
        Destination::Home(item)
    } else {
        Destination::Exchange(id, mailbox, item)
    }
}

/// The number that an id of ours is. A server that answers under `"1"` what was asked under `1`
/// answered something else.
fn number(id: &Id<'_>) -> Option<i64> {
    id.as_raw().parse().ok()
}

/// The request that a `notifications/cancelled` is about.
fn cancelled(params: Option<&RawValue>) -> Option<Id<'_>> {
    CancelledParams::parse(params).map(|params| params.request_id)
}

#[cfg(test)]
mod tests;
