//! Where the messages before an answer go, and the answer after them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::ACCEPT;
use lanyard_core::Limits;
use lanyard_wire::{Version, sse};
use tokio::sync::mpsc;

use super::client::{Client, Live, event};
use super::replay::{Home, Writer};
use super::reply::{self, Reply};
use super::request::Context;

/// Where the messages before the answer go.
#[derive(Debug, Clone)]
pub(super) enum Outlet {
    /// The answer becomes an event stream when there are any.
    Http(Accepts),
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
            Self::Http(_) | Self::Nowhere => None,
        }
    }
}

/// Whether a client reads event streams, by what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepts {
    /// It does not say so, or has no session in which it could come back for one.
    Unsaid,
    /// It reads them, and takes one message at least as gladly.
    Either,
    /// It would rather have one.
    Stream,
}

impl Accepts {
    /// What the header of a request in a session says. What is named first is preferred where the
    /// weights are the same.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let (mut stream, mut json) = (0, 0);
        for item in values.flat_map(|value| value.split(',')) {
            let mut parts = item.split(';').map(str::trim);
            let media = parts.next().unwrap_or_default();
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1000, thousandths);
            if media.eq_ignore_ascii_case("text/event-stream") {
                stream = stream.max(weight);
            } else if media.eq_ignore_ascii_case("application/json") || media == "*/*" {
                // Named before the stream, it is worth as much and comes first.
                json = json.max(if stream == weight { weight.saturating_sub(1) } else { weight });
            }
        }
        match stream {
            0 => Self::Unsaid,
            _ if stream > json => Self::Stream,
            _ => Self::Either,
        }
    }
}

/// A weight of a header in thousandths; what is no number counts as none.
fn thousandths(weight: &str) -> u32 {
    let (whole, fraction) = weight.split_once('.').unwrap_or((weight, ""));
    if whole != "0" {
        return if whole == "1" { 1000 } else { 0 };
    }
    let digits = fraction.bytes().chain(*b"000").take(3);
    digits.fold(0, |sum: u32, digit| {
        let digit = u32::from(digit.saturating_sub(b'0').min(9));
        sum.saturating_mul(10).saturating_add(digit)
    })
}

/// An event stream that an answer is put on.
#[derive(Debug)]
pub(super) enum Sink {
    /// What nobody reads is lost.
    Passing(mpsc::Sender<Bytes>),
    /// What is said is kept for a client that comes back.
    Kept(Writer),
}

impl Sink {
    /// A stream that answers a request over HTTP. It is kept for a client with a session, unless
    /// that client does not say that it reads streams.
    pub(super) fn new(context: &Context, client: &Client, accepts: Accepts) -> (Self, Reply) {
        match kept(client, accepts) {
            Some(live) => {
                let home = Home::of(live.key, context);
                let primed = client.version.has_polling();
                let (writer, reader) = context.core.replays.begin(home, primed);
                (Self::Kept(writer), reply::kept_events(reader))
            }
            None => {
                let limits = &context.core.limits;
                let (events, receiver) =
                    mpsc::channel(Limits::size(limits.stream_queue_events_max));
                (Self::Passing(events), reply::answer_events(receiver))
            }
        }
    }

    /// Says something. `false` when it is lost.
    pub(super) async fn send(&self, message: &[u8]) -> bool {
        match self {
            Self::Passing(events) => events.send(event(message)).await.is_ok(),
            Self::Kept(writer) => {
                writer.put(message).await;
                true
            }
        }
    }

    /// Shows a client that reads that the stream is alive.
    pub(super) fn comment(&self) {
        match self {
            // It may be full of what the client has not read; then it needs no comment.
            Self::Passing(events) => {
                if events.try_send(Bytes::from_static(sse::KEEP_ALIVE)).is_err() {
                    tracing::trace!("A comment did not fit on a stream.");
                }
            }
            Self::Kept(writer) => writer.comment(),
        }
    }

    /// Sends the client away for a while, if it can come back.
    pub(super) fn pause(&self, wait: Duration) {
        match self {
            Self::Passing(_) => {}
            Self::Kept(writer) => writer.pause(wait),
        }
    }

    /// Whether what is said now will be read, as far as one can know.
    pub(super) fn is_read(&self) -> bool {
        match self {
            Self::Passing(events) => !events.is_closed(),
            Self::Kept(writer) => writer.is_read(),
        }
    }

    /// Ready when what is said is lost from now on.
    pub(super) async fn closed(&self) {
        match self {
            Self::Passing(events) => events.closed().await,
            Self::Kept(_) => std::future::pending().await,
        }
    }
}

/// Whether a client can be sent away in the middle of an answer.
pub(super) fn polls(client: &Client, accepts: Accepts) -> bool {
    client.version.has_polling() && kept(client, accepts).is_some()
}

/// The session that a client can come back to for the rest of an answer.
fn kept(client: &Client, accepts: Accepts) -> Option<&Arc<Live>> {
    let says = match accepts {
        Accepts::Unsaid => false,
        Accepts::Either | Accepts::Stream => !Version::is_modern(client.version),
    };
    client.live.as_ref().filter(|_| says)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[&'static str], expected: Accepts) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(ACCEPT, http::HeaderValue::from_static(value));
        }
        assert_eq!(Accepts::of(&headers), expected, "{values:?}");
    }

    #[test]
    fn a_stream_has_to_be_asked_for_by_name() {
        check(&[], Accepts::Unsaid);
        check(&["*/*"], Accepts::Unsaid);
        check(&["text/*, application/json"], Accepts::Unsaid);
        check(&["application/json", "text/event-stream;q=0"], Accepts::Unsaid);
    }

    #[test]
    fn what_clients_send_leaves_the_choice_to_the_server() {
        check(&["application/json, text/event-stream"], Accepts::Either);
        check(&["application/json", "Text/Event-Stream"], Accepts::Either);
        check(&["*/*, text/event-stream"], Accepts::Either);
        check(&["text/event-stream;q=0.9, application/json"], Accepts::Either);
    }

    #[test]
    fn a_stream_is_preferred_where_it_comes_first_or_weighs_more() {
        check(&["text/event-stream"], Accepts::Stream);
        check(&["text/event-stream, application/json"], Accepts::Stream);
        check(&["text/event-stream", "application/json;q=1.0"], Accepts::Stream);
        check(&["application/json; q=0.25, text/event-stream; q=0.5"], Accepts::Stream);
        check(&["application/json;q=x, text/event-stream;q=0.001"], Accepts::Stream);
    }
}
