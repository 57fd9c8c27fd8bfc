//! Messages one per line on the agents' Unix socket: the framing of stdio, without HTTP around it.
//!
//! What is said on such a connection is answered as a POST to `/mcp` is. The connection is the
//! client: a session of the older versions, and the stream of what its server tells, live as long
//! as it does. The peer's user id stands for the agent, because a line has no place for a token.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::BodyExt as _;
use lanyard_core::{Denial, Limits, Peer, Principal};
use lanyard_wire::lines::{LineSplitter, push_line};
use lanyard_wire::{
    CancelledParams, Carrier, Id, Incoming, Kind, Message, Method, WireError, decode, encode_error,
    sse,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::authn::{IdentityKey, caller};
use super::client::Live;
use super::dispatch::{self, Asked, Dispatched};
use super::outlet::{Accepts, Outlet};
use super::reply::{self, Reply};
use super::request::{Context, Shown};
use super::route::Scope;
use super::{Core, stream};
use crate::snapshot::{Place, Snapshot};

/// How often a client that says no more is looked for while its last answers are made.
const LOOK: Duration = Duration::from_millis(250);

/// How much is read at a time.
const CHUNK_BYTES: usize = 16 << 10;

/// Serves a connection that carries lines, until either side ends it.
pub(super) async fn serve(core: Arc<Core>, stream: UnixStream, first: Bytes, peer: Peer, uid: u32) {
    let (reader, writer) = stream.into_split();
    let mut client = Client::new(core, writer, peer, uid);
    let end = client.listen(reader, first).await;
    tracing::debug!(%peer, ?end, "A connection of lines ended.");
    client.finish(end).await;
}

/// Why no more lines are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client has said all it had to say; it may still read.
    Said,
    /// The client is gone.
    Gone,
    /// What follows cannot be understood, or the client would not learn of what it should.
    Broken,
    /// The client may not be here, or not any more.
    Denied,
    /// The gateway stops.
    Stopping,
}

/// A client on its connection.
struct Client {
    core: Arc<Core>,
    peer: Peer,
    key: IdentityKey,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Whom the key stood for at first. A user id can be given to another agent; the connection is
    /// not.
    principal: Option<Principal>,
    /// One of the agent's places for streams, until a session's stream takes one of its own.
    place: Option<Place>,
    session: Shown,
    /// Writes what the stream of the session says.
    told: JoinSet<()>,
    running: JoinSet<()>,
    /// The requests that run, by their ids: what `notifications/cancelled` may name.
    cancels: HashMap<Id<'static>, Cancel>,
    /// Places for requests: a client that asks and does not read is told to wait, and costs no
    /// more memory.
    places: Arc<Semaphore>,
    /// Cancelled when subscriptions are to end, because nobody asks for more.
    hushed: CancellationToken,
    out: Arc<Out>,
}

/// How a running request is ended.
struct Cancel {
    token: CancellationToken,
    done: tokio::task::AbortHandle,
}

/// The side of the connection that is written: whole lines, one at a time.
#[derive(Debug)]
struct Out {
    writer: Mutex<OwnedWriteHalf>,
    /// Cancelled when nothing can be written any more.
    gone: CancellationToken,
}

impl Out {
    /// Writes a message. Waits as long as the client does not read.
    async fn say(&self, message: &[u8]) {
        let mut line = Vec::with_capacity(message.len().saturating_add(1));
        push_line(&mut line, message);
        let mut writer = self.writer.lock().await;
        if writer.write_all(&line).await.is_err() {
            self.gone.cancel();
        }
    }

    /// Whether the peer has closed both sides, and not only the one that it writes to.
    async fn is_closed(&self) -> bool {
        let ready = self.writer.lock().await.ready(Interest::WRITABLE).await;
        self.gone.is_cancelled() || ready.is_ok_and(|ready| ready.is_write_closed())
    }
}

impl Client {
    fn new(core: Arc<Core>, writer: OwnedWriteHalf, peer: Peer, uid: u32) -> Self {
        let places = Arc::new(Semaphore::new(Limits::size(core.limits.agent_calls_max)));
        Self {
            snapshots: core.snapshots.clone(),
            core,
            peer,
            key: IdentityKey::Uid(uid),
            principal: None,
            place: None,
            session: Shown::Nothing,
            told: JoinSet::new(),
            running: JoinSet::new(),
            cancels: HashMap::new(),
            places,
            hushed: CancellationToken::new(),
            out: Arc::new(Out { writer: Mutex::new(writer), gone: CancellationToken::new() }),
        }
    }

    /// Reads lines and answers them, until there are no more.
    async fn listen(&mut self, mut reader: OwnedReadHalf, first: Bytes) -> End {
        let line_span = Limits::span(self.core.limits.request_body_ms_max);
        let mut splitter = LineSplitter::new(Limits::size(self.core.limits.request_body_bytes_max));
        let (mut chunk, mut lines, mut late) = (BytesMut::from(first), Vec::new(), None);
        loop {
            let fed = splitter.feed(&chunk, &mut lines);
            for line in lines.drain(..) {
                if let ControlFlow::Break(end) = self.take(line.into()).await {
                    return end;
                }
            }
            if let Err(error) = fed {
                let error = WireError::invalid_request(&error.to_string());
                self.out.say(&encode_error(None, &error)).await;
                return End::Broken;
            }
            if chunk.contains(&b'\n') {
                late = None;
            }
            if chunk.last() != Some(&b'\n') {
                late = late.or_else(|| Instant::now().checked_add(line_span));
            }
            chunk.clear();
            chunk.reserve(CHUNK_BYTES);
            match self.more(&mut reader, &mut chunk, late).await {
                ControlFlow::Continue(()) => {}
                ControlFlow::Break(End::Said) => break,
                ControlFlow::Break(end) => return end,
            }
        }
        let Some(line) = splitter.finish() else { return End::Said };
        match self.take(line.into()).await {
            ControlFlow::Continue(()) => End::Said,
            ControlFlow::Break(end) => end,
        }
    }

    /// Waits for the next bytes, and for all else that can happen meanwhile.
    async fn more(
        &mut self,
        reader: &mut OwnedReadHalf,
        chunk: &mut BytesMut,
        late: Option<Instant>,
    ) -> ControlFlow<End> {
        loop {
            let too_late = async {
                match late {
                    Some(late) => tokio::time::sleep_until(late).await,
                    None => std::future::pending().await,
                }
            };
            // In this order, because a stream also ends when the gateway stops or access does.
            tokio::select! {
                biased;
                () = self.out.gone.cancelled() => return ControlFlow::Break(End::Gone),
                () = self.core.shutdown.cancelled() => return ControlFlow::Break(End::Stopping),
                changed = self.snapshots.changed() => {
                    if changed.is_err() {
                        return ControlFlow::Break(End::Stopping);
                    }
                    if self.principal.is_some() && self.admit().is_err() {
                        return ControlFlow::Break(End::Denied);
                    }
                }
                // Who is no longer told what changes must not think that nothing does.
                Some(_) = self.told.join_next() => return ControlFlow::Break(End::Broken),
                Some(_) = self.running.join_next() => {
                    self.cancels.retain(|_, cancel| !cancel.done.is_finished());
                }
                read = reader.read_buf(chunk) => return match read {
                    Ok(0) => ControlFlow::Break(End::Said),
                    Ok(_) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(End::Gone),
                },
                () = too_late => return ControlFlow::Break(End::Broken),
            }
        }
    }

    /// Who asks, by the newest configuration.
    fn admit(&mut self) -> Result<Context, Denial> {
        let core = Arc::clone(&self.core);
        let snapshot = core.snapshot();
        let identity = Arc::clone(self.key.identify(&snapshot, core.clock.now())?);
        let caller = caller(&identity, self.peer, None);
        if self.principal.get_or_insert_with(|| caller.principal.clone()) != &caller.principal {
            return Err(Denial::TokenMissing);
        }
        let (key, scope) = (self.key.clone(), Scope::All);
        Ok(Context { core, snapshot, key, identity, caller, scope, trace: None })
    }

    /// Answers one line.
    async fn take(&mut self, line: Bytes) -> ControlFlow<End> {
        let core = Arc::clone(&self.core);
        let incoming = match decode(&line, &core.decode_limits) {
            Ok(incoming) => incoming,
            Err(error) => {
                self.out.say(&encode_error(None, &error)).await;
                return ControlFlow::Continue(());
            }
        };
        let id = request_id(&incoming);
        let mut context = match self.admit() {
            Ok(context) => context,
            Err(denial) => {
                core.refusals.count(&denial, self.peer, core.clock.now());
                return self.refuse(id.as_ref(), &denial.to_string()).await;
            }
        };
        if self.place.is_none() && self.told.is_empty() {
            self.place = context.identity.agent.load.stream(core.limits.agent_streams_max);
            if self.place.is_none() {
                return self.refuse(id.as_ref(), reply::TOO_MANY).await;
            }
        }
        let begins = matches!(&incoming, Incoming::One(message)
            if message.method() == Some(&Method::Initialize));
        if let (Shown::Session(session), false) = (&self.session, begins) {
            context.join(&session.principal);
        }
        match &incoming {
            Incoming::One(message) if matches!(message.kind, Kind::Request { .. }) => {
                if message.method() == Some(&Method::Initialize) {
                    self.begin(&context, incoming, id.as_ref()).await;
                } else {
                    let listens = message.method() == Some(&Method::Listen);
                    self.ask(context, line.clone(), id, listens).await;
                }
            }
            Incoming::One(message) => {
                self.cancel(message);
                let ready = message.method() == Some(&Method::Initialized);
                let session = self.session.clone();
                let asked = Asked {
                    carrier: Carrier::Lines,
                    session,
                    outlet: Outlet::Http(Accepts::Unsaid),
                };
                // Answered in the order in which they came, before what follows is looked at.
                if let Some(answer) =
                    dispatch::dispatch(&context, &asked, incoming).await.into_message(None)
                {
                    self.out.say(&answer).await;
                }
                if ready && self.told.is_empty() {
                    return self.tell(context);
                }
            }
            Incoming::Batch(_) => self.ask(context, line.clone(), None, false).await,
        }
        ControlFlow::Continue(())
    }

    /// Says no to the whole connection.
    async fn refuse(&self, id: Option<&Id<'_>>, why: &str) -> ControlFlow<End> {
        self.out.say(&encode_error(id, &WireError::invalid_request(why))).await;
        ControlFlow::Break(End::Denied)
    }

    /// `initialize`, which is answered before the next line is read, because it decides what that
    /// line means. A session that the client had before ends.
    async fn begin(&mut self, context: &Context, incoming: Incoming<'_>, id: Option<&Id<'_>>) {
        self.end_session();
        self.told.shutdown().await;
        let asked = Asked {
            carrier: Carrier::Lines,
            session: Shown::Nothing,
            outlet: Outlet::Http(Accepts::Unsaid),
        };
        let dispatched = dispatch::dispatch(context, &asked, incoming).await;
        if let Dispatched::Message { status: _, body: _, session, chosen: Some((version, facts)) } =
            &dispatched
        {
            let (sessions, now) = (&self.core.sessions, self.core.clock.now());
            self.session = session
                .as_ref()
                .and_then(|id| sessions.open(id, &context.caller.principal, now))
                .map_or_else(
                    || Shown::Stream {
                        version: *version,
                        facts: Arc::clone(facts),
                        live: Arc::new(Live::new([0; 32])),
                    },
                    Shown::Session,
                );
        }
        if let Some(answer) = dispatched.into_message(id) {
            self.out.say(&answer).await;
        }
    }

    /// The client is ready for what the stream of its session says.
    fn tell(&mut self, context: Context) -> ControlFlow<End> {
        let Shown::Session(session) = self.session.clone() else {
            return ControlFlow::Continue(());
        };
        self.place = None;
        let reply = stream::session(context, session);
        if reply.status() != StatusCode::OK {
            return ControlFlow::Break(End::Broken);
        }
        let (out, stop) = (Arc::clone(&self.out), self.hushed.clone());
        self.told.spawn(async move { relay(reply, &out, &stop).await });
        ControlFlow::Continue(())
    }

    /// Answers a request, or a batch of them, beside what else runs.
    async fn ask(&mut self, context: Context, line: Bytes, id: Option<Id<'static>>, listens: bool) {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            let busy = encode_error(id.as_ref(), &WireError::internal(reply::TOO_MANY));
            return self.out.say(&busy).await;
        };
        let token = if listens { self.hushed.child_token() } else { CancellationToken::new() };
        let request = Request {
            asked: Asked {
                carrier: Carrier::Lines,
                session: self.session.clone(),
                outlet: Outlet::Http(Accepts::Unsaid),
            },
            context,
            id: id.clone(),
            cancelled: token.clone(),
            out: Arc::clone(&self.out),
        };
        let done = self.running.spawn(async move {
            request.answer(line).await;
            drop(place);
        });
        if let Some(id) = id {
            self.cancels.insert(id, Cancel { token, done });
        }
    }

    /// Ends the request that `notifications/cancelled` names. It gets no answer.
    fn cancel(&self, message: &Message<'_>) {
        if message.method() == Some(&Method::Cancelled)
            && let Some(params) = CancelledParams::parse(message.params())
            && let Some(cancel) = self.cancels.get(&params.request_id.into_owned())
        {
            cancel.token.cancel();
        }
    }

    /// Ends every request, because nobody is left to read its answer. In the older versions a
    /// request goes on when its reader goes, unless it is cancelled.
    fn cancel_all(&self) {
        let live = match &self.session {
            Shown::Session(session) => Some(self.core.lives.of(session.key)),
            Shown::Stream { version: _, facts: _, live } => Some(Arc::clone(live)),
            Shown::Nothing | Shown::Unknown => None,
        };
        for (id, cancel) in &self.cancels {
            cancel.token.cancel();
            if let Some(live) = &live {
                live.cancel(id);
            }
        }
    }

    fn end_session(&mut self) {
        if let Shown::Session(session) = &self.session {
            self.core.sessions.end(session);
            self.core.session_ended(session.key);
        }
        self.session = Shown::Nothing;
    }

    /// Ends what began on the connection. Who may still read gets the answers to what was asked.
    async fn finish(mut self, end: End) {
        match end {
            End::Said | End::Gone | End::Broken => self.hushed.cancel(),
            // Subscriptions end by themselves, with a farewell.
            End::Denied | End::Stopping => {}
        }
        let mut gone = end == End::Gone;
        while !gone && !self.running.is_empty() {
            gone = self.out.is_closed().await;
            tokio::select! {
                _ = self.running.join_next() => {}
                () = self.out.gone.cancelled() => gone = true,
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        self.cancel_all();
        self.running.shutdown().await;
        self.told.shutdown().await;
        self.end_session();
    }
}

/// A request with all that its answer needs.
struct Request {
    context: Context,
    asked: Asked<'static>,
    /// None for a batch.
    id: Option<Id<'static>>,
    cancelled: CancellationToken,
    out: Arc<Out>,
}

impl Request {
    async fn answer(self, line: Bytes) {
        // The line is decoded again, because a decoded message borrows from it.
        let Ok(incoming) = decode(&line, &self.context.core.decode_limits) else { return };
        let dispatched = tokio::select! {
            dispatched = dispatch::dispatch(&self.context, &self.asked, incoming) => dispatched,
            () = self.cancelled.cancelled() => return,
        };
        // An answer may wait for its reader; the line that it answers does not wait with it.
        drop(line);
        match dispatched {
            Dispatched::Stream(reply) => relay(reply, &self.out, &self.cancelled).await,
            answer @ (Dispatched::Accepted
            | Dispatched::Denied(_)
            | Dispatched::Busy
            | Dispatched::Message { .. }) => {
                if let Some(answer) = answer.into_message(self.id.as_ref()) {
                    self.out.say(&answer).await;
                }
            }
        }
    }
}

/// Writes the messages of an event stream as lines, until it ends or is to stop. A line that was
/// begun is ended.
async fn relay(reply: Reply, out: &Out, stop: &CancellationToken) {
    let mut body = reply.into_body();
    // What the gateway writes was within its limits when it was taken in.
    let mut parser = sse::Parser::new(usize::MAX);
    let mut events = Vec::new();
    loop {
        let frame = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            frame = body.frame() => frame,
        };
        let Some(Ok(frame)) = frame else { return };
        let Ok(chunk) = frame.into_data() else { continue };
        if parser.feed(&chunk, &mut events).is_err() {
            return;
        }
        for event in events.drain(..) {
            out.say(&event.data).await;
        }
    }
}

/// The id to answer with, where what came is one request.
fn request_id(incoming: &Incoming<'_>) -> Option<Id<'static>> {
    match incoming {
        Incoming::One(message) => message.id.clone().map(Id::into_owned),
        Incoming::Batch(_) => None,
    }
}
