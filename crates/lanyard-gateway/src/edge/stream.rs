//! Event streams: the GET stream of a session, the stream of HTTP+SSE, and
//! `subscriptions/listen`. Each is a task that ends when its client goes away, when its caller is
//! no longer allowed to have it, or when the gateway stops.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::StatusCode;
use lanyard_connect::mcp::ClientFacts;
use lanyard_core::{Limits, Principal};
use lanyard_wire::results::ListenResult;
use lanyard_wire::{
    Carrier, ChangedList, Id, Incoming, ListenParams, Version, decode, encode_result,
    notifications, sse,
};
use serde_json::value::RawValue;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::ask::Ask;
use super::changes::{PerList, Telling};
use super::client::{self, Beside, Client, Live, event};
use super::dispatch::{self, Asked, Dispatched};
use super::hub::Hears;
use super::list;
use super::outlet::Outlet;
use super::replay::Home;
use super::reply::{self, Reply};
use super::request::{Context, Shown};
use super::route::Scope;
use super::session::{self, Session};
use super::{subscriptions, user};
use crate::snapshot::{Place, Snapshot, Viewer};

/// The open streams of HTTP+SSE by session id: a message posted to `/messages` is answered there.
#[derive(Debug, Default)]
pub(crate) struct SseStreams {
    open: Mutex<HashMap<String, Arc<SseStream>>>,
}

/// An open stream of HTTP+SSE.
#[derive(Debug)]
pub(crate) struct SseStream {
    /// Cancelled when the stream ends, whyever: what works for it ends too.
    gone: CancellationToken,
    principal: Principal,
    pub(super) scope: Scope,
    events: mpsc::Sender<Bytes>,
    /// What `initialize` chose, the oldest until then, and what the client said of itself.
    client: Mutex<(Version, Arc<ClientFacts>)>,
    live: Arc<Live>,
    /// Places for messages whose answers are not on the stream yet: a client that posts and does
    /// not read is told to wait, and costs no more memory.
    posted: Arc<Semaphore>,
}

impl SseStreams {
    /// The stream with this id, if it is this caller's.
    pub(super) fn find(&self, id: &str, principal: &Principal) -> Option<Arc<SseStream>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(id).filter(|stream| user::shares(&stream.principal, principal)).cloned()
    }

    fn insert(&self, id: String, stream: Arc<SseStream>) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(id, stream);
    }

    fn remove(&self, id: &str) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

/// A stream with what it watches and says.
#[derive(Debug)]
struct Watch {
    context: Context,
    client: Client,
    events: mpsc::Sender<Bytes>,
    says: Says,
    /// What is sent when the stream ends while its client still listens.
    farewell: Option<Bytes>,
    /// The session that the stream belongs to.
    session: Option<Session>,
    /// Under which number it hears what servers say.
    ear: Option<u64>,
    telling: Arc<Telling>,
    /// Cancelled when the stream has ended: what works for it ends, too.
    over: CancellationToken,
    _place: Place,
}

/// What a client is told when a list changes; `None` where it did not ask.
type Says = PerList<Option<Bytes>>;

/// Everything, for a client with a session.
fn says_all() -> Says {
    Says::new(|list| Some(event(&notifications::list_changed(list, None))))
}

/// The GET stream of a session.
pub(super) fn session(context: Context, session: Session) -> Reply {
    let live = context.core.lives.of(session.key);
    let client = Client {
        version: session.version,
        facts: Arc::clone(&session.client),
        log_level: None,
        live: Some(Arc::clone(&live)),
    };
    match Watch::new(context, client, says_all(), None, Some(session)) {
        Some((mut watch, receiver)) => {
            watch.hear(&live);
            watch.send(Bytes::from_static(sse::KEEP_ALIVE));
            watch.start();
            reply::events(receiver)
        }
        None => reply::too_many(),
    }
}

/// What followed an event on a stream that answers a request. `None` where nothing is known of it.
pub(super) fn resume(context: &Context, session: &Session, last_event_id: &str) -> Option<Reply> {
    let core = &context.core;
    let reader = core.replays.resume(last_event_id, &Home::of(session.key, context))?;
    let place = context.identity.agent.load.stream(core.limits.agent_streams_max);
    Some(place.map_or_else(reply::too_many, |place| reply::kept_events(reader.holding(place))))
}

/// `GET /sse`: the stream of HTTP+SSE, which begins with the path to post messages to.
pub(super) fn sse(context: Context) -> Reply {
    if let Err(denial) = context.reachable() {
        return context.deny(&denial);
    }
    let core = Arc::clone(&context.core);
    let principal = context.caller.principal.clone();
    let now = core.clock.now();
    let facts = Arc::new(client::nothing());
    let Some(id) = core.sessions.begin(&principal, Version::V2024_11_05, &facts, now) else {
        return reply::text(StatusCode::SERVICE_UNAVAILABLE, "no session can be made now");
    };
    let key = session::key_of(&id);
    let live = Arc::new(Live::new(key));
    let scope = context.scope.clone();
    let client = Client::unknown(Version::V2024_11_05);
    match Watch::new(context, client, says_all(), None, None) {
        Some((mut watch, receiver)) => {
            watch.hear(&live);
            let mut first = Vec::new();
            sse::endpoint(&mut first, &format!("/messages?session={id}"));
            watch.send(first.into());
            let gone = CancellationToken::new();
            let stream = SseStream {
                gone: gone.clone(),
                principal,
                scope,
                events: watch.events.clone(),
                client: Mutex::new((Version::V2024_11_05, facts)),
                live,
                posted: Arc::new(Semaphore::new(Limits::size(core.limits.agent_calls_max))),
            };
            core.sse_streams.insert(id.clone(), Arc::new(stream));
            let tasks = core.tasks.clone();
            tasks.spawn(async move {
                watch.run().await;
                core.sse_streams.remove(&id);
                core.session_ended(key);
                gone.cancel();
            });
            reply::events(receiver)
        }
        None => reply::too_many(),
    }
}

/// A message posted to an HTTP+SSE stream: accepted now, answered on the stream.
pub(super) fn post_to_sse(context: Context, stream: Arc<SseStream>, body: Bytes) -> Reply {
    if let Err(error) = decode(&body, &context.core.decode_limits) {
        return reply::wire_error(None, &error);
    }
    let Ok(place) = Arc::clone(&stream.posted).try_acquire_owned() else {
        return reply::too_many();
    };
    let tasks = context.core.tasks.clone();
    tasks.spawn(async move {
        let _place = place;
        // The body is decoded again, because a decoded message borrows from it.
        let Ok(incoming) = decode(&body, &context.core.decode_limits) else { return };
        let id = match &incoming {
            Incoming::One(message) => message.id.clone().map(Id::into_owned),
            Incoming::Batch(_) => None,
        };
        let asked = Asked {
            carrier: Carrier::Lines,
            session: stream.shown(),
            outlet: Outlet::Stream {
                events: stream.events.clone(),
                live: Arc::clone(&stream.live),
            },
        };
        let dispatched = tokio::select! {
            dispatched = dispatch::dispatch(&context, &asked, incoming) => dispatched,
            () = stream.gone.cancelled() => return,
        };
        // An answer may wait for its reader; the body it answers does not wait with it.
        drop(body);
        if let Some(chosen) = dispatched.chosen() {
            *stream.client.lock().unwrap_or_else(PoisonError::into_inner) = chosen;
        }
        if let Some(answer) = dispatched.into_message(id.as_ref()) {
            tokio::select! {
                sent = stream.events.send(event(&answer)) => {
                    tracing::trace!(sent = sent.is_ok(), "An answer went to its stream.");
                }
                () = stream.gone.cancelled() => {}
            }
        }
    });
    reply::empty(StatusCode::ACCEPTED)
}

/// `subscriptions/listen`: first what is accepted, then what changes, at the end the result.
pub(super) fn listen(ask: &Ask<'_>, id: &Id<'_>, params: Option<&RawValue>) -> Dispatched {
    let context = ask.context;
    let mut accepted = match ListenParams::parse(params) {
        Ok(filter) => filter,
        Err(error) => return Dispatched::error(Some(id), &error),
    };
    if list::whole_servers(&context.snapshot, context.viewer(), &context.scope).is_empty() {
        // REST servers have tools and nothing else; so changes of tools are all there is to tell.
        accepted = ListenParams {
            tools_list_changed: accepted.tools_list_changed,
            ..ListenParams::default()
        };
    }
    let says = Says::new(|list| {
        accepted.wants(list).then(|| event(&notifications::list_changed(list, Some(id))))
    });
    let result = ListenResult { subscription: id }.to_json(dispatch::stamp(Version::V2026_07_28));
    let farewell = event(&encode_result(id, &result));
    match Watch::new(context.again(), ask.client.clone(), says, Some(farewell), None) {
        Some((mut watch, receiver)) => {
            watch.send(event(&notifications::subscriptions_acknowledged(id, &accepted)));
            let uris: Vec<String> =
                accepted.resource_subscriptions.iter().map(|uri| uri.to_string()).collect();
            subscriptions::keep(context, ask.client, &uris, &watch.over);
            let stream = Beside::new(&watch.events);
            let hears = Hears::Subscription { id: id.clone().into_owned(), stream, uris };
            watch.ear = Some(watch.listens(hears));
            watch.start();
            Dispatched::Stream(reply::events(receiver))
        }
        None => Dispatched::Busy,
    }
}

impl SseStream {
    /// Who opened it, and for whom.
    pub(super) fn principal(&self) -> &Principal {
        &self.principal
    }

    fn shown(&self) -> Shown {
        let (version, facts) = self.client.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Shown::Stream { version, facts, live: Arc::clone(&self.live) }
    }
}

impl Watch {
    fn new(
        context: Context,
        client: Client,
        says: Says,
        farewell: Option<Bytes>,
        session: Option<Session>,
    ) -> Option<(Self, mpsc::Receiver<Bytes>)> {
        let limits = &context.core.limits;
        let place = context.identity.agent.load.stream(limits.agent_streams_max)?;
        let (events, receiver) = mpsc::channel(Limits::size(limits.stream_queue_events_max));
        let watch = Self {
            context,
            client,
            events,
            says,
            farewell,
            session,
            ear: None,
            telling: Arc::default(),
            over: CancellationToken::new(),
            _place: place,
        };
        Some((watch, receiver))
    }

    fn listens(&self, hears: Hears) -> u64 {
        let Context { core, caller, scope, .. } = &self.context;
        core.hub.listen(&caller.principal, scope.clone(), hears, Arc::clone(&self.telling))
    }

    /// From now on what servers say to this client beside its requests comes here.
    fn hear(&mut self, live: &Arc<Live>) {
        live.set_stream(Beside::new(&self.events));
        self.ear = Some(self.listens(Hears::Session { live: Arc::clone(live) }));
    }

    fn start(self) {
        let tasks = self.context.core.tasks.clone();
        tasks.spawn(self.run());
    }

    /// Sends without waiting: a client that does not read loses its stream, and not our memory.
    fn send(&self, event: Bytes) -> bool {
        self.events.try_send(event).is_ok()
    }

    async fn run(mut self) {
        let _over = self.over.clone().drop_guard();
        self.watch().await;
        if let Some(ear) = self.ear {
            self.context.core.hub.deafen(&self.context.caller.principal, ear);
        }
    }

    async fn watch(&mut self) {
        let core = Arc::clone(&self.context.core);
        let mut snapshots = core.snapshots.clone();
        let pause = Limits::span(core.limits.stream_keep_alive_ms);
        let mut seen = list::fingerprint(&self.context, &self.client);
        // The configuration may have changed since the request was admitted; so the first look
        // at it comes before the first wait.
        loop {
            let some_ended = core.sessions.some_ended();
            let activated = core.activated.notified();
            // Before the look, so that what is due is told with what the look finds.
            let due = self.telling.take();
            let newest = Arc::clone(&snapshots.borrow_and_update());
            if !self.still_allowed(&newest) {
                break;
            }
            let now_seen = list::fingerprint(&self.context, &self.client);
            let changed =
                PerList::new(|list| *due.get(list) || seen.get(list) != now_seen.get(list));
            if !self.tell(changed) {
                return;
            }
            seen = now_seen;
            tokio::select! {
                () = core.shutdown.cancelled() => break,
                () = self.events.closed() => return,
                () = some_ended => {}
                () = activated => {}
                () = self.telling.due() => {}
                changed = snapshots.changed() => if changed.is_err() { break },
                () = tokio::time::sleep(pause) => {
                    if !self.send(Bytes::from_static(sse::KEEP_ALIVE)) {
                        return;
                    }
                }
            }
        }
        if let Some(farewell) = self.farewell.clone() {
            self.send(farewell);
        }
    }

    /// Tells which lists changed. `false` when the client does not read.
    fn tell(&self, changed: PerList<bool>) -> bool {
        ChangedList::ALL.into_iter().filter(|list| *changed.get(*list)).all(|list| {
            self.telling.told(list);
            self.says.get(list).clone().is_none_or(|event| self.send(event))
        })
    }

    /// Whether the caller may still have this stream. If so, its surroundings are those of the
    /// newest configuration.
    fn still_allowed(&mut self, newest: &Arc<Snapshot>) -> bool {
        let now = self.context.core.clock.now();
        let Ok(identity) = self.context.key.identify(newest, now) else { return false };
        // A user id can be given to another agent; the stream is not.
        let same = identity.agent.is(&self.context.caller.principal);
        let reachable = match &self.context.scope {
            Scope::All => true,
            Scope::One(name) => {
                let viewer = Viewer::new(&identity.agent, &self.context.caller, now);
                newest.server(viewer, name).is_ok()
            }
        };
        let alive = match &self.session {
            Some(session) => self.context.core.sessions.lives(session, now),
            None => true,
        };
        self.context.identity = Arc::clone(identity);
        self.context.snapshot = Arc::clone(newest);
        same && reachable && alive
    }
}
