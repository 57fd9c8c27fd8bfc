//! Attends the client of a call that runs on its own: decides what its turns look like on the wire.
//!
//! The first turn decides between one message and an event stream. A client of the stateless era is
//! asked by an answer (`input_required`), after which the call waits in [`super::parked`]; a client
//! with a session is asked by a request on its stream.
//!
//! When a client of the stateless era goes away its call is cancelled: to close the stream is how it
//! says so. When a client with a session goes away its call goes on, as its protocol wants.

use std::sync::Arc;

use bytes::Bytes;
use lanyard_connect::mcp::Reply as Answer;
use lanyard_core::{Failure, Limits};
use lanyard_wire::{Id, Retry, WireError, encode_request, splice, sse};
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::client::{Client, Live, event};
use super::dispatch::{self, Dispatched};
use super::parked::{Made, ParkedCall};
use super::reply;
use super::request::Context;
use crate::call::{Question, Turn};

/// A call with the client that waits for it.
#[derive(Debug)]
pub(super) struct Attendance {
    pub(super) context: Context,
    /// The request's id, which the answer repeats.
    pub(super) id: Id<'static>,
    pub(super) client: Client,
    /// What the client asked for.
    pub(super) made: Arc<Made>,
    pub(super) turns: mpsc::Receiver<Turn>,
    /// Under which token the client wants progress to be reported, raw JSON, where that is not the
    /// one that the call began with: a client that comes back names another.
    pub(super) progress_token: Option<String>,
}

/// Where the messages before the answer go.
#[derive(Debug, Clone)]
pub(super) enum Outlet {
    /// The answer becomes an event stream when there are any.
    Http,
    /// A stream that is there already: HTTP+SSE, or lines.
    Stream {
        /// The stream.
        events: mpsc::Sender<Bytes>,
        /// What goes on with its client.
        live: Arc<Live>,
    },
    /// Nowhere: in a batch there is only the answer.
    Nowhere,
}

impl Outlet {
    /// What goes on with the client of a stream.
    pub(super) fn live(&self) -> Option<&Arc<Live>> {
        match self {
            Self::Stream { events: _, live } => Some(live),
            Self::Http | Self::Nowhere => None,
        }
    }
}

/// Attends a call until there is something to answer the request with.
pub(super) async fn attend(mut attendance: Attendance, outlet: &Outlet) -> Dispatched {
    match outlet {
        Outlet::Http => {
            let Some(first) = attendance.turns.recv().await else { return attendance.lost() };
            match first {
                Turn::Done(called) => attendance.conclude(*called),
                Turn::Question(question) if attendance.is_modern() => attendance.park(question),
                first @ (Turn::Question(_) | Turn::Message(_)) => attendance.stream(first),
            }
        }
        Outlet::Stream { events, live: _ } => attendance.until_answered(events).await,
        Outlet::Nowhere => {
            // What would come before the answer has no reader; a question has no answer.
            let (events, receiver) = mpsc::channel(1);
            drop(receiver);
            attendance.client.live = None;
            attendance.until_answered(&events).await
        }
    }
}

/// What a turn leads to.
enum Next {
    /// More turns come.
    More(Attendance),
    /// The request is answered.
    Answered(Dispatched),
    /// The client went, and its call ends with it.
    Gone,
}

impl Attendance {
    fn is_modern(&self) -> bool {
        self.client.version.is_modern()
    }

    /// The call ended without a word, which only a panic does.
    fn lost(&self) -> Dispatched {
        dispatch::failed(&self.id, self.client.version, &Failure::Bug.to_string())
    }

    fn conclude(&self, called: crate::call::Called) -> Dispatched {
        dispatch::conclude(self.client.version, &self.id, called)
    }

    /// Answers with an event stream from here on, in a task of its own.
    fn stream(self, first: Turn) -> Dispatched {
        let limits = &self.context.core.limits;
        let (events, receiver) = mpsc::channel(Limits::size(limits.stream_queue_events_max));
        let tasks = self.context.core.tasks.clone();
        tasks.spawn(async move {
            let answered = match self.turn(first, &events).await {
                Next::More(attendance) => attendance.until_answered(&events).await,
                Next::Answered(answered) => answered,
                Next::Gone => return,
            };
            if let Some(message) = answered.into_message(None)
                && events.send(event(&message)).await.is_err()
            {
                tracing::trace!("An answer found no client.");
            }
        });
        Dispatched::Stream(reply::answer_events(receiver))
    }

    /// Puts turns on a stream until there is an answer.
    async fn until_answered(mut self, events: &mpsc::Sender<Bytes>) -> Dispatched {
        let pause = Limits::span(self.context.core.limits.stream_keep_alive_ms);
        loop {
            let turn = tokio::select! {
                turn = self.turns.recv() => turn,
                () = events.closed(), if self.is_modern() => return Dispatched::Accepted,
                () = tokio::time::sleep(pause) => {
                    // It may be full of what the client has not read; then it needs no comment.
                    if events.try_send(Bytes::from_static(sse::KEEP_ALIVE)).is_err() {
                        tracing::trace!("A comment did not fit on a stream.");
                    }
                    continue;
                }
            };
            let Some(turn) = turn else { return self.lost() };
            match self.turn(turn, events).await {
                Next::More(attendance) => self = attendance,
                Next::Answered(answered) => return answered,
                Next::Gone => return Dispatched::Accepted,
            }
        }
    }

    async fn turn(self, turn: Turn, events: &mpsc::Sender<Bytes>) -> Next {
        match turn {
            Turn::Message(message) => {
                let message = match &self.progress_token {
                    Some(token) => with_token(message, token),
                    None => message,
                };
                let sent = events.send(event(message.as_bytes())).await;
                if sent.is_err() && self.is_modern() { Next::Gone } else { Next::More(self) }
            }
            Turn::Question(question) if self.is_modern() => Next::Answered(self.park(question)),
            Turn::Question(question) => {
                self.ask(question, events).await;
                Next::More(self)
            }
            Turn::Done(called) => Next::Answered(self.conclude(*called)),
        }
    }

    /// Sends a question as a request, on the stream of the call or, when that is gone, on the one
    /// that the client keeps open beside it.
    async fn ask(&self, question: Question, events: &mpsc::Sender<Bytes>) {
        // Where nothing is known of a session no answer could find its way back.
        let Some(live) = &self.client.live else { return };
        let Question { key: _, method, params, answer } = question;
        let id = live.ask(answer);
        let message = encode_request(&id, &method, params.as_deref());
        if events.send(event(&message)).await.is_ok() {
            return;
        }
        let sent = match live.stream() {
            Some(beside) => beside.send(&message).await,
            None => false,
        };
        if !sent {
            live.forget(&id);
        }
    }

    /// Answers `input_required`, and keeps the call until the client comes back.
    fn park(self, question: Question) -> Dispatched {
        let Self { context, id, client, made, turns, progress_token: _ } = self;
        let core = &context.core;
        let now = core.clock.now();
        let until = now.plus(Limits::span(core.limits.input_wait_ms_max));
        let asked = (question.key.clone(), question.method.clone(), question.params.clone());
        let call = ParkedCall { claim: made.claim(&context), question, turns, until };
        let state = core.parked.park(call, now).and_then(|content| core.sessions.seal(&content));
        let Some(state) = state else {
            return dispatch::failed(&id, client.version, &Failure::Bug.to_string());
        };
        let (key, method, params) = asked;
        let requests = [(key.as_str(), method.as_str(), params.as_deref())];
        let result = lanyard_wire::input_required_result(
            dispatch::stamp(client.version),
            &requests,
            Some(&state),
        );
        Dispatched::message(lanyard_wire::encode_result(&id, &result))
    }
}

/// A report of progress under another token; any other message as it is.
fn with_token(message: String, token: &str) -> String {
    let is_progress = lanyard_wire::notification_parts(&message)
        .is_some_and(|(method, _)| method == "notifications/progress");
    if !is_progress {
        return message;
    }
    splice::set_member(&message, &["params", "progressToken"], token).unwrap_or(message)
}

/// Attends a client that came back with the answer to a question; without one it is asked again.
pub(super) async fn resume(
    mut attendance: Attendance,
    question: Question,
    outlet: &Outlet,
) -> Dispatched {
    let made = Arc::clone(&attendance.made);
    let params = made.params.as_deref().map(RawValue::get);
    let response = params.and_then(Retry::read).and_then(|retry| retry.response(&question.key));
    let Some(response) = response else { return attendance.park(question) };
    let token = params.and_then(|params| splice::member(params, &["_meta", "progressToken"]));
    attendance.progress_token = token.map(|raw| raw.get().to_owned());
    if question.answer.send(Answer::Result(response)).is_err() {
        // The call ended while its client was away: what it said last is still there.
        tracing::debug!("A question was answered that nobody asks any more.");
    }
    attend(attendance, outlet).await
}

/// The answer to a client that came back for a call that is not there.
pub(super) fn nothing_waits(id: &Id<'_>) -> Dispatched {
    let error = WireError::invalid_params(
        "requestState does not fit this request, or the call it belongs to has ended",
    );
    Dispatched::error(Some(id), &error)
}
