//! What a session, its exchanges and its reader share.
//!
//! There is one reader for what comes for no request in particular; with a process and with
//! HTTP+SSE, that is everything. It hands messages to the exchanges and waits for those who do not
//! read theirs, which stops the server's stream; but not for ever, so that nobody stops the others.
//!
//! INVARIANT: the reader never waits for anything to be *sent*. A server that writes before it reads
//! would wait for us while we wait for it.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use lanyard_core::{Failure, Limits};
use lanyard_wire::translate::{
    EnvelopeParts, cancelled_params, mcp_name_of, progress_token, with_progress_token,
};
use lanyard_wire::{
    Id, Method, Version, WireError, encode_error, encode_notification, encode_request,
    encode_result,
};
use serde_json::value::RawValue;
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::exchange::{Exchange, Reply, ServerRequest, Step};
use super::link::{Inbox, Link, LinkError, LinkPost, LinkRequest};
use super::router::{Destination, Item, Mailbox, Purpose, Router, Token};
use super::session::{Outgoing, Unrelated};
use super::target::{ClientFacts, Credentials};
use super::verdicts::Remembered;

/// Time that an exchange may leave its messages unread while others wait behind them.
pub(super) const UNREAD_MAX: Duration = Duration::from_secs(30);

/// Time for a notification or an answer of ours to be taken.
const POST_MAX: Duration = Duration::from_secs(30);

/// Time for cancellations to be on their way before the link behind them is closed.
const CANCELS_MAX: Duration = Duration::from_secs(1);

/// Answers that we give by ourselves and that have not been taken. A server that asks more often
/// than that and does not read gets no more.
const OWN_ANSWERS_MAX: usize = 16;

/// Messages in a row that cannot be read, after which it is not the protocol that is spoken.
const GARBAGE_MESSAGES_MAX: u32 = 100;

/// The link's own limit on requests that have one. Theirs is kept by the exchange, where it can be
/// put off while a client is asked something.
const CARRIED_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// What a conversation is made of.
#[derive(Debug)]
pub(super) struct ConversationParts {
    pub(super) link: Link,
    pub(super) limits: Limits,
    /// What the client can do.
    pub(super) client: ClientFacts,
    /// What masks what the server says to nobody in particular.
    pub(super) credentials: Arc<dyn Credentials>,
    pub(super) tasks: TaskTracker,
    /// Told when the conversation can carry nothing more.
    pub(super) changed: Arc<Notify>,
    /// What is remembered of the server, to be forgotten if it proves wrong.
    pub(super) remembered: Remembered,
}

/// One conversation with a server.
#[derive(Debug)]
pub(super) struct Conversation {
    pub(super) link: Link,
    pub(super) router: Router,
    pub(super) client: ClientFacts,
    credentials: Arc<dyn Credentials>,
    version: OnceLock<Version>,
    inbox: Mutex<Option<mpsc::Sender<Unrelated>>>,
    /// Whether the inbox was full for so long that it is not waited for any more.
    inbox_left: AtomicBool,
    garbage: AtomicU32,
    own_answers: Arc<Semaphore>,
    tasks: TaskTracker,
    /// Where tasks run that begin when something is dropped.
    runtime: Handle,
    /// Cancelled when nothing is to be read any more.
    stopped: CancellationToken,
    changed: Arc<Notify>,
    remembered: Remembered,
    /// Cancellations that are on their way to the server.
    cancels: TaskTracker,
}

impl Conversation {
    /// Begins a conversation. What comes through the inbox is read at once, unless that is a
    /// stream which belongs to a session that has yet to begin.
    pub(super) fn new(parts: ConversationParts) -> Arc<Self> {
        let ConversationParts { link, limits, client, credentials, tasks, changed, remembered } =
            parts;
        let conversation = Arc::new(Self {
            link,
            router: Router::new(&limits),
            client,
            credentials,
            version: OnceLock::new(),
            inbox: Mutex::new(None),
            inbox_left: AtomicBool::new(false),
            garbage: AtomicU32::new(0),
            own_answers: Arc::new(Semaphore::new(OWN_ANSWERS_MAX)),
            tasks,
            runtime: Handle::current(),
            stopped: CancellationToken::new(),
            changed,
            remembered,
            cancels: TaskTracker::new(),
        });
        if !conversation.is_http() {
            conversation.listen();
        }
        conversation
    }

    /// Who hears what belongs to no exchange, from now on. Until then nobody does: a greeting that
    /// is refused is nobody's business.
    pub(super) fn attach(&self, inbox: Option<mpsc::Sender<Unrelated>>) {
        *self.inbox.lock().unwrap_or_else(PoisonError::into_inner) = inbox;
    }

    /// Reads what comes for no request in particular, from now on.
    pub(super) fn listen(self: &Arc<Self>) {
        if let Some(inbox) = self.link.listen() {
            self.spawn(Arc::clone(self).read(inbox));
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn_on(task, &self.runtime);
    }

    /// Settles which version is spoken.
    pub(super) fn speak(&self, version: Version) {
        let _only_once = self.version.set(version);
        self.link.speak(version);
    }

    pub(super) fn is_http(&self) -> bool {
        match self.link {
            Link::Http(_) => true,
            Link::Sse(_) | Link::Lines(_) => false,
        }
    }

    fn is_modern(&self) -> bool {
        self.version.get().is_some_and(|version| version.is_modern())
    }

    fn has_batches(&self) -> bool {
        self.version.get().is_some_and(|version| version.has_batches())
    }

    /// Whether closing the carrier is what tells the server that a request is cancelled.
    fn cancels_by_closing(&self) -> bool {
        self.is_http() && self.is_modern()
    }

    /// What every request to a stateless server says.
    pub(super) fn envelope(&self, version: Version) -> EnvelopeParts<'_> {
        EnvelopeParts {
            version,
            client_capabilities: &self.client.capabilities,
            client_info: Some(&self.client.info),
            log_level: None,
        }
    }

    /// Sends a request.
    pub(super) async fn request(
        self: &Arc<Self>,
        request: Outgoing<'_>,
        purpose: Purpose,
    ) -> Result<Exchange, LinkError> {
        let Outgoing { method, params, param_headers, deadline } = request;
        let number = self.router.next_id();
        let id = Id::from_number(number);
        let (params, token) = self.with_token(params, &id);
        let inbound = self.router.begin(number, purpose, token)?;
        let mut exchange = Exchange::new(Arc::clone(self), number, inbound, purpose, deadline);
        let message = text(encode_request(&id, method, params.as_deref()));
        let name = mcp_name_of(method, params.as_deref());
        let sending = self.link.request(LinkRequest {
            message: &message,
            id: &id,
            method,
            name: name.as_deref(),
            param_headers: &param_headers,
            deadline: deadline.and_then(|_| Instant::now().checked_add(CARRIED_MAX)),
        });
        let carrier = match deadline {
            Some(deadline) => {
                timeout_at(deadline, sending).await.map_err(|_| Failure::TimedOut)??
            }
            None => sending.await?,
        };
        exchange.sent(carrier);
        Ok(exchange)
    }

    /// Puts our token in the place of the client's, where several requests share a stream or could.
    fn with_token(&self, params: Option<String>, id: &Id<'_>) -> (Option<String>, Token) {
        if self.cancels_by_closing() {
            return (params, Token::Kept);
        }
        if progress_token(params.as_deref()).is_none() {
            return (params, Token::None);
        }
        match with_progress_token(params.as_deref(), id) {
            (params, Some(token)) => (Some(params), Token::Ours(token)),
            (params, None) => (Some(params), Token::None),
        }
    }

    /// Asks a question of our own and waits for the answer.
    pub(super) async fn ask(
        self: &Arc<Self>,
        method: &str,
        params: Option<String>,
        deadline: Instant,
    ) -> Result<Reply, LinkError> {
        let request =
            Outgoing { method, params, param_headers: Vec::new(), deadline: Some(deadline) };
        let mut exchange = Box::pin(self.request(request, Purpose::Own)).await?;
        loop {
            match exchange.step().await? {
                Step::Done(reply) => return self.clean_reply(&reply),
                Step::Notification(message) => {
                    self.unrelated(Unrelated::Notification(message)).await;
                }
                Step::Request(request) => self.unrelated(Unrelated::Request(request)).await,
                Step::Pause(_) => {}
            }
        }
    }

    /// Sends a notification.
    pub(super) async fn notify(&self, method: &str, params: Option<&str>) -> Result<(), LinkError> {
        let message = text(encode_notification(method, params));
        self.post(&message, Some(method)).await
    }

    /// Answers a request of the server.
    pub(super) async fn respond(&self, id: &Id<'_>, reply: &Reply) -> Result<(), LinkError> {
        self.post(&response(id, reply), None).await
    }

    async fn post(&self, message: &str, method: Option<&str>) -> Result<(), LinkError> {
        if let Some(reason) = self.router.ended() {
            return Err(reason.into());
        }
        self.send(message, method).await
    }

    async fn send(&self, message: &str, method: Option<&str>) -> Result<(), LinkError> {
        let now = Instant::now();
        let deadline = now.checked_add(POST_MAX).unwrap_or(now);
        let posted = self.link.post(LinkPost { message, method, deadline }).await;
        if posted == Err(LinkError::SessionLost) {
            self.lose();
        }
        posted
    }

    /// Tells the server that a request is no longer wanted, unless the end of its carrier does.
    pub(super) fn cancel(self: &Arc<Self>, id: i64) {
        if self.cancels_by_closing() || self.router.ended().is_some() {
            return;
        }
        let params = cancelled_params(&Id::from_number(id), None);
        let (this, on_its_way) = (Arc::clone(self), self.cancels.token());
        self.spawn(async move {
            let _on_its_way = on_its_way;
            let method = "notifications/cancelled";
            let message = text(encode_notification(method, Some(&params)));
            // Also when the conversation has ended meanwhile: its end waits for this.
            if let Err(error) = this.send(&message, Some(method)).await {
                let server = this.remembered.server();
                tracing::debug!(%server, %error, "A server was not told of a cancelled request.");
            }
        });
    }

    async fn read(self: Arc<Self>, mut inbox: Inbox) {
        let stopped = self.stopped.clone();
        let reading = async {
            loop {
                match inbox.next().await {
                    Ok(Some(message)) => self.take(&message).await?,
                    // A server over HTTP need not offer a stream.
                    Ok(None) if self.is_http() => return Ok(()),
                    Ok(None) => return Err(LinkError::Failure(Failure::ServerEnded)),
                    Err(error) => return Err(error),
                }
            }
        };
        let read: Result<(), LinkError> = tokio::select! {
            biased;
            () = stopped.cancelled() => return,
            read = reading => read,
        };
        match read {
            Ok(()) => {}
            // What runs has carriers of its own.
            Err(error) if self.is_http() => {
                let server = self.remembered.server();
                tracing::debug!(%server, %error, "The stream of a session ended.");
                self.lose();
            }
            Err(error) => self.end(&error.into()),
        }
    }

    /// Hands a message of the inbox to whom it belongs.
    async fn take(self: &Arc<Self>, message: &str) -> Result<(), LinkError> {
        let Ok(destinations) = self.router.route(message, None, self.has_batches()) else {
            return self.unreadable();
        };
        self.garbage.store(0, Ordering::Relaxed);
        for destination in destinations {
            match destination {
                Destination::Exchange(id, mailbox, item) => self.deliver(id, &mailbox, item).await,
                Destination::Inbox(unrelated) => self.unrelated(unrelated).await,
                Destination::Ping(id) => self.pong(id),
                Destination::Home(_) | Destination::Nobody => self.router.stray(),
            }
        }
        Ok(())
    }

    /// Takes what came on the carrier of an exchange: what of it belongs to that exchange. Nobody
    /// is waited for here, because the one who polls is the exchange.
    pub(super) fn take_carried(
        self: &Arc<Self>,
        home: i64,
        message: &str,
    ) -> Result<Vec<Item>, Failure> {
        let routed = self.router.route(message, Some(home), self.has_batches());
        let destinations = routed.map_err(|_| not_the_protocol())?;
        let mut items = Vec::new();
        for destination in destinations {
            match destination {
                Destination::Home(item) => items.push(item),
                Destination::Ping(id) => self.pong(id),
                Destination::Exchange(_, mailbox, item) => {
                    if !mailbox.try_put(item) {
                        self.router.stray();
                    }
                }
                Destination::Inbox(_) | Destination::Nobody => self.router.stray(),
            }
        }
        Ok(items)
    }

    fn unreadable(&self) -> Result<(), LinkError> {
        self.router.stray();
        if self.garbage.fetch_add(1, Ordering::Relaxed) < GARBAGE_MESSAGES_MAX {
            return Ok(());
        }
        Err(not_the_protocol().into())
    }

    async fn deliver(self: &Arc<Self>, id: i64, mailbox: &Mailbox, item: Item) {
        match timeout(UNREAD_MAX, mailbox.put(item)).await {
            Ok(true) => {}
            Ok(false) => self.router.stray(),
            Err(_elapsed) => {
                let server = self.remembered.server();
                tracing::warn!(%server, "A call does not read what its server sends, and is ended.");
                if self.router.fail(id, Failure::Cancelled) {
                    self.cancel(id);
                }
            }
        }
    }

    /// Hands over what belongs to no exchange. Whoever hears it and does not read is waited for
    /// once; from then on it gets what there is room for.
    async fn unrelated(self: &Arc<Self>, unrelated: Unrelated) {
        let Some(unrelated) = self.clean_unrelated(&unrelated) else {
            return self.unheard(unrelated);
        };
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(inbox) = inbox else { return self.unheard(unrelated) };
        let unrelated = match inbox.try_send(unrelated) {
            Ok(()) => {
                self.inbox_left.store(false, Ordering::Relaxed);
                return;
            }
            Err(mpsc::error::TrySendError::Closed(unrelated)) => return self.unheard(unrelated),
            Err(mpsc::error::TrySendError::Full(unrelated)) => unrelated,
        };
        if self.inbox_left.load(Ordering::Relaxed) {
            return self.unheard(unrelated);
        }
        match timeout(UNREAD_MAX, inbox.reserve()).await {
            Ok(Ok(room)) => room.send(unrelated),
            Ok(Err(_closed)) => self.unheard(unrelated),
            Err(_elapsed) => {
                self.inbox_left.store(true, Ordering::Relaxed);
                self.unheard(unrelated);
            }
        }
    }

    /// What the server wrote, without the credentials it was given; `None` where one stood in the
    /// JSON where it cannot be masked.
    pub(super) fn clean<'a>(&self, json: &'a str) -> Option<Cow<'a, str>> {
        let (clean, _) = self.credentials.mask(json);
        let valid = match &clean {
            Cow::Borrowed(_) => true,
            Cow::Owned(clean) => serde_json::from_str::<&RawValue>(clean).is_ok(),
        };
        valid.then_some(clean)
    }

    fn clean_reply(&self, reply: &Reply) -> Result<Reply, LinkError> {
        let clean = match reply {
            Reply::Result(json) => self.clean(json).map(|json| Reply::Result(json.into_owned())),
            Reply::Error(json) => self.clean(json).map(|json| Reply::Error(json.into_owned())),
        };
        clean.ok_or_else(|| not_the_protocol().into())
    }

    fn clean_unrelated(&self, unrelated: &Unrelated) -> Option<Unrelated> {
        Some(match unrelated {
            Unrelated::Notification(message) => {
                Unrelated::Notification(self.clean(message)?.into_owned())
            }
            Unrelated::Request(request) => {
                let params = match &request.params {
                    Some(params) => Some(self.clean(params)?.into_owned()),
                    None => None,
                };
                Unrelated::Request(ServerRequest { params, ..request.clone() })
            }
            Unrelated::Ended => Unrelated::Ended,
        })
    }

    /// What nobody hears. A request is answered all the same: its server waits.
    fn unheard(self: &Arc<Self>, unrelated: Unrelated) {
        match unrelated {
            Unrelated::Request(request) => {
                let version = self.version.get().copied().unwrap_or(Version::LATEST_LEGACY);
                let method = Method::parse(request.method.into());
                let error = WireError::method_not_found(version, &method);
                self.answer(text(encode_error(Some(&request.id), &error)));
            }
            Unrelated::Notification(_) => self.router.stray(),
            Unrelated::Ended => {}
        }
    }

    fn pong(self: &Arc<Self>, id: Id<'static>) {
        self.answer(text(encode_result(&id, "{}")));
    }

    /// Sends an answer of our own, beside everything else.
    fn answer(self: &Arc<Self>, message: String) {
        let Ok(place) = Arc::clone(&self.own_answers).try_acquire_owned() else {
            self.router.stray();
            return;
        };
        let this = Arc::clone(self);
        self.spawn(async move {
            if let Err(error) = this.post(&message, None).await {
                let server = this.remembered.server();
                tracing::debug!(%server, %error, "A server did not take an answer.");
            }
            drop(place);
        });
    }

    /// Lets nothing begin any more: the server does not know the session. What runs goes on.
    pub(super) fn lose(&self) {
        if self.router.lose() {
            self.stop();
        }
    }

    /// What was remembered of the server proves wrong: it is found out anew by the next session.
    pub(super) fn doubt(&self) {
        self.remembered.forget();
        self.lose();
    }

    /// The same, where it was a stateless server that was remembered.
    pub(super) fn doubt_if_modern(&self) {
        if self.is_modern() {
            self.doubt();
        }
    }

    /// Ends the conversation: its exchanges fail with this, and its link is closed.
    pub(super) fn end(self: &Arc<Self>, reason: &Failure) {
        if self.router.end(reason) {
            self.stop();
            let this = Arc::clone(self);
            self.spawn(async move {
                this.cancels.close();
                let _late = timeout(CANCELS_MAX, this.cancels.wait()).await.is_err();
                this.link.close().await;
            });
        }
    }

    /// Reads nothing any more, and says so.
    fn stop(&self) {
        self.stopped.cancel();
        let inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(inbox) = inbox {
            // Where there is no room, the end of the channel says the same.
            let _no_room = inbox.try_send(Unrelated::Ended);
        }
        self.changed.notify_waiters();
    }
}

fn response(id: &Id<'_>, reply: &Reply) -> String {
    match reply {
        Reply::Result(result) => text(encode_result(id, result)),
        Reply::Error(error) => {
            format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, id.as_raw())
        }
    }
}

/// What we encoded is UTF-8: it was put together from texts.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

fn not_the_protocol() -> Failure {
    Failure::AnswerUnusable { problem: "it is no message of the protocol".to_owned() }
}

#[cfg(test)]
mod tests;
