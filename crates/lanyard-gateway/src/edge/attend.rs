//! Attends the client of a call that runs on its own: decides what its turns look like on the wire.
//!
//! The first turn decides between one message and an event stream. A client of the stateless era is
//! asked by an answer (`input_required`), after which the call waits in [`super::parked`]; a client
//! with a session is asked by a request on its stream.
//!
//! When a client of the stateless era goes away its call is cancelled: to close the stream is how it
//! says so. When a client with a session goes away its call goes on, as its protocol wants, and what
//! it says is kept for a client that comes back.

use std::sync::Arc;
use std::time::Duration;

use lanyard_connect::mcp::Reply as Answer;
use lanyard_core::{Failure, Limits};
use lanyard_wire::{Id, Retry, WireError, encode_request, splice};
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::client::Client;
use super::dispatch::{self, Dispatched};
use super::outlet::{self, Accepts, Outlet, Sink};
use super::parked::{Made, ParkedCall};
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

/// Time for a call to say something before its answer becomes an event stream: one that can be
/// shown to be alive, and that a client finds again when its connection breaks.
const STREAM_AFTER: Duration = Duration::from_secs(1);

/// Attends a call until there is something to answer the request with.
pub(super) async fn attend(mut attendance: Attendance, outlet: &Outlet) -> Dispatched {
    match outlet {
        Outlet::Http(accepts) => attendance.begin(*accepts).await,
        Outlet::Stream { events, live: _ } => {
            attendance.until_answered(&Sink::Passing(events.clone())).await
        }
        Outlet::Nowhere => {
            // What would come before the answer has no reader; a question has no answer.
            let (events, receiver) = mpsc::channel(1);
            drop(receiver);
            attendance.client.live = None;
            attendance.until_answered(&Sink::Passing(events)).await
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

    /// Waits for the first turn, which decides how the request is answered.
    async fn begin(mut self, accepts: Accepts) -> Dispatched {
        let polls = outlet::polls(&self.client, accepts);
        let mut late = std::pin::pin!(tokio::time::sleep(STREAM_AFTER));
        loop {
            let turn = tokio::select! {
                turn = self.turns.recv() => turn,
                () = &mut late, if polls => return self.stream(None, accepts),
            };
            match turn {
                None => return self.lost(),
                Some(Turn::Done(called)) => return self.conclude(*called),
                Some(Turn::Question(question)) if self.is_modern() => return self.park(question),
                Some(Turn::Pause(_)) if !polls => {}
                Some(first @ (Turn::Question(_) | Turn::Message(_) | Turn::Pause(_))) => {
                    return self.stream(Some(first), accepts);
                }
            }
        }
    }

    /// Answers with an event stream from here on, in a task of its own.
    fn stream(self, first: Option<Turn>, accepts: Accepts) -> Dispatched {
        let (sink, reply) = Sink::new(&self.context, &self.client, accepts);
        let (tasks, id) = (self.context.core.tasks.clone(), self.id.clone());
        tasks.spawn(async move {
            let next = match first {
                Some(first) => self.turn(first, &sink).await,
                None => Next::More(self),
            };
            let answered = match next {
                Next::More(attendance) => attendance.until_answered(&sink).await,
                Next::Answered(answered) => answered,
                Next::Gone => return,
            };
            if let Some(message) = answered.into_message(Some(&id))
                && !sink.send(&message).await
            {
                tracing::trace!("An answer found no client.");
            }
        });
        Dispatched::Stream(reply)
    }

    /// Puts turns on a stream until there is an answer.
    async fn until_answered(mut self, sink: &Sink) -> Dispatched {
        let pause = Limits::span(self.context.core.limits.stream_keep_alive_ms);
        loop {
            let turn = tokio::select! {
                turn = self.turns.recv() => turn,
                () = sink.closed(), if self.is_modern() => return Dispatched::Accepted,
                () = tokio::time::sleep(pause) => {
                    sink.comment();
                    continue;
                }
            };
            let Some(turn) = turn else { return self.lost() };
            match self.turn(turn, sink).await {
                Next::More(attendance) => self = attendance,
                Next::Answered(answered) => return answered,
                Next::Gone => return Dispatched::Accepted,
            }
        }
    }

    async fn turn(self, turn: Turn, sink: &Sink) -> Next {
        match turn {
            Turn::Message(message) => {
                let message = match &self.progress_token {
                    Some(token) => with_token(message, token),
                    None => message,
                };
                let sent = sink.send(message.as_bytes()).await;
                if !sent && self.is_modern() { Next::Gone } else { Next::More(self) }
            }
            Turn::Question(question) if self.is_modern() => Next::Answered(self.park(question)),
            Turn::Question(question) => {
                self.ask(question, sink).await;
                Next::More(self)
            }
            Turn::Pause(wait) => {
                sink.pause(wait);
                Next::More(self)
            }
            Turn::Done(called) => Next::Answered(self.conclude(*called)),
        }
    }

    /// Sends a question as a request, on the stream of the call or, when that is gone, on the one
    /// that the client keeps open beside it.
    async fn ask(&self, question: Question, sink: &Sink) {
        // Where nothing is known of a session no answer could find its way back.
        let Some(live) = &self.client.live else { return };
        let Question { key: _, method, params, answer } = question;
        let id = live.ask(answer);
        let message = encode_request(&id, &method, params.as_deref());
        if sink.is_read() && sink.send(&message).await {
            return;
        }
        let beside = match live.stream() {
            Some(beside) => beside.send(&message).await,
            None => false,
        };
        if !beside && !sink.send(&message).await {
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
