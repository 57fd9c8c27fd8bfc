//! Messages out of bodies: of an event stream one after another, of a JSON body all at once.

use std::collections::VecDeque;

use lanyard_core::{Failure, Limits};
use lanyard_wire::splice;
use lanyard_wire::sse::{Event, Parser};

use crate::http::UpstreamStream;

/// An answer that is a stream of events.
#[derive(Debug)]
pub(super) struct Events {
    answer: UpstreamStream,
    parser: Parser,
    waiting: VecDeque<Event>,
    batches: Batches,
    /// Messages of a batch that came in one event.
    messages: VecDeque<String>,
    /// The id of the last event that was handed out.
    last_id: Option<String>,
    /// Whether the stream came to its end, and did not break.
    ended_well: bool,
}

/// Whether several messages may come as one array. A server that has not said its version yet may
/// be one of 2025-03-26.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Batches {
    pub(super) allowed: bool,
    pub(super) messages_max: usize,
}

impl Events {
    pub(super) fn new(answer: UpstreamStream, limits: &Limits, batches: Batches) -> Self {
        Self {
            answer,
            parser: Parser::new(Limits::size(limits.message_bytes_max)),
            waiting: VecDeque::new(),
            batches,
            messages: VecDeque::new(),
            last_id: None,
            ended_well: false,
        }
    }

    /// The next event of any name; `None` when the stream ended, properly or not: whoever reads it
    /// knows whether it may end. An error is something that came and cannot be used.
    pub(super) async fn event(&mut self) -> Result<Option<Event>, Failure> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                if let Some(id) = &event.id {
                    self.last_id = Some(id.clone());
                }
                return Ok(Some(event));
            }
            let piece = match self.answer.piece().await {
                Ok(Some(piece)) => piece,
                ended @ (Ok(None) | Err(_)) => {
                    self.ended_well = ended.is_ok();
                    return Ok(None);
                }
            };
            let mut events = Vec::new();
            let fed = self.parser.feed(&piece, &mut events);
            fed.map_err(|_too_large| Failure::AnswerTooLarge)?;
            self.waiting.extend(events);
        }
    }

    /// The next message; `None` as above. Events of other names mean nothing here, and one without
    /// data only tells its id.
    pub(super) async fn message(&mut self) -> Result<Option<String>, Failure> {
        loop {
            if let Some(message) = self.messages.pop_front() {
                return Ok(Some(message));
            }
            let Some(event) = self.event().await? else { return Ok(None) };
            if event.name == "message" && !event.data.iter().all(u8::is_ascii_whitespace) {
                self.messages = messages(event.data, self.batches)?;
            }
        }
    }

    /// What `Last-Event-ID` says to go on after the last event that was handed out.
    pub(super) fn last_id(&self) -> Option<&str> {
        // What no header can hold was no id to go on after.
        self.last_id.as_deref().filter(|id| {
            !id.is_empty() && id.bytes().all(|byte| matches!(byte, b' '..=b'~' | 0x80..))
        })
    }

    /// How long the server wants its client to wait before it connects again.
    pub(super) fn retry_ms(&self) -> Option<u64> {
        self.parser.retry_ms()
    }

    /// Whether the server ended the stream on its own.
    pub(super) fn ended_well(&self) -> bool {
        self.ended_well
    }

    /// Ends the stream where the rest does not matter.
    pub(super) fn finish(self) {
        self.answer.finish();
    }
}

/// The messages in a body or event: one object, or the objects of a batch.
pub(super) fn messages(body: Vec<u8>, batches: Batches) -> Result<VecDeque<String>, Failure> {
    let text = String::from_utf8(body).map_err(|_| unusable("it is not valid UTF-8"))?;
    match text.trim_ascii_start().as_bytes() {
        [b'{', ..] => Ok(VecDeque::from([text])),
        [b'[', ..] if batches.allowed => {
            let elements = splice::elements(&text).ok_or_else(|| unusable("it is not JSON"))?;
            if elements.len() > batches.messages_max {
                return Err(unusable("it is a batch of too many messages"));
            }
            if elements.iter().any(|element| !element.get().starts_with('{')) {
                return Err(unusable("it is a batch of something else than messages"));
            }
            Ok(elements.iter().map(|element| element.get().to_owned()).collect())
        }
        [b'[', ..] => Err(unusable("it is a batch, which its protocol version does not have")),
        _ => Err(unusable("it is no message of JSON-RPC")),
    }
}

pub(super) fn unusable(problem: &str) -> Failure {
    Failure::AnswerUnusable { problem: problem.to_owned() }
}

#[cfg(test)]
mod tests;
