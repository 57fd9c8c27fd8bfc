//! What servers say that belongs to no request of a client: to whom it goes.
//!
//! Each session with a server has one inbox. What comes there goes to the clients whose session it
//! is: those of its principal, or, where a client has a session of its own, that one alone. Nothing
//! crosses from one principal to another, because a session belongs to one.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use lanyard_connect::mcp::{Opening, Outgoing, Reply, ServerRequest, SessionKey, Step, Unrelated};
use lanyard_core::{Limits, Principal};
use lanyard_wire::notifications::resource_updated;
use lanyard_wire::translate::{listen_params, set_level_params};
use lanyard_wire::{ChangedList, Id, ListenParams, LogLevel, ServerCapabilities};
use serde_json::json;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::Core;
use super::changes::{self, Changes, Telling};
use super::client::{Beside, Client, Live};
use super::route::Scope;
use crate::call::{Guest, Tails};
use crate::fleet::Member;

/// The inboxes of sessions, and the clients that listen.
#[derive(Debug)]
pub(crate) struct Hub {
    core: Weak<Core>,
    state: Mutex<State>,
    /// Told when a session with a server ended.
    some_ended: Notify,
    pub(super) changes: Changes,
}

#[derive(Debug, Default)]
struct State {
    inboxes: HashMap<SessionKey, Inbox>,
    ears: HashMap<Principal, Vec<Ear>>,
    ears_made: u64,
}

#[derive(Debug)]
struct Inbox {
    sender: mpsc::Sender<Unrelated>,
    /// Whether somebody listens on the session for changes of lists.
    listened: bool,
    /// The least severe log message that the session was asked for.
    level: Option<LogLevel>,
}

/// A client that listens.
#[derive(Debug, Clone)]
pub(super) struct Ear {
    number: u64,
    pub(super) scope: Scope,
    pub(super) hears: Hears,
    /// What its stream tells of changed lists.
    pub(super) telling: Arc<Telling>,
}

/// What a client hears, and how.
#[derive(Debug, Clone)]
pub(super) enum Hears {
    /// A client with a session: all that its servers say.
    Session { live: Arc<Live> },
    /// A subscription of the stateless era: changes of lists, and the resources it names.
    Subscription { id: Id<'static>, stream: Beside, uris: Vec<String> },
}

impl Hub {
    pub(crate) fn new(core: Weak<Core>) -> Self {
        Self {
            core,
            state: Mutex::default(),
            some_ended: Notify::new(),
            changes: Changes::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a session is opened with, if it is not open yet.
    pub(crate) fn opening(
        &self,
        core: &Core,
        key: &SessionKey,
        member: &Member,
        client: &Client,
    ) -> Opening {
        Opening {
            target: Arc::clone(&member.target),
            credentials: Arc::clone(&member.credentials),
            client: (*client.facts).clone(),
            inbox: Some(self.inbox(core, key)),
        }
    }

    fn inbox(&self, core: &Core, key: &SessionKey) -> mpsc::Sender<Unrelated> {
        let mut state = self.lock();
        if let Some(inbox) = state.inboxes.get(key)
            && !inbox.sender.is_closed()
        {
            return inbox.sender.clone();
        }
        let (sender, receiver) = mpsc::channel(Limits::size(core.limits.server_messages_max));
        state
            .inboxes
            .insert(key.clone(), Inbox { sender: sender.clone(), listened: false, level: None });
        let (core_weak, key) = (self.core.clone(), key.clone());
        core.listening.spawn(read_inbox(core_weak, key, receiver));
        sender
    }

    /// Tells a server of an older version which log messages this client wants, where its session
    /// was not told so yet.
    pub(crate) async fn set_level(&self, guest: &Guest, client: &Client) {
        let facts = guest.facts();
        let Some(level) = client.log_level else { return };
        if facts.version.is_modern() || !ServerCapabilities::read(&facts.capabilities).logging {
            return;
        }
        {
            let mut state = self.lock();
            match state.inboxes.get_mut(guest.key()) {
                Some(inbox) if inbox.level != Some(level) => inbox.level = Some(level),
                Some(_) | None => return,
            }
        }
        let deadline = Instant::now().checked_add(SET_LEVEL_MAX);
        let request = Outgoing {
            method: "logging/setLevel",
            params: Some(set_level_params(level)),
            param_headers: Vec::new(),
            deadline,
        };
        let outcome = async { guest.request(request).await?.answer().await };
        if let Err(failure) = outcome.await {
            tracing::debug!(%failure, "A server was not told which log messages are wanted.");
        }
    }

    /// Listens on a session for changes of the server's lists, where the server's version wants to be
    /// asked for that and nobody else keeps it connected and listens.
    pub(crate) fn listen_for_lists(&self, core: &Core, guest: &Guest, client: &Client) {
        let facts = guest.facts();
        let first = || {
            let mut state = self.lock();
            let inbox = state.inboxes.get_mut(guest.key());
            inbox.is_some_and(|inbox| !std::mem::replace(&mut inbox.listened, true))
        };
        if !facts.version.is_modern() || !first() {
            return;
        }
        let wanted = ServerCapabilities::read(&facts.capabilities).list_changes();
        if wanted == ListenParams::default() {
            return;
        }
        let params = listen_params(&wanted, client.envelope(facts.version));
        let (weak, key) = (self.core.clone(), guest.key().clone());
        core.listening.spawn(hear_of_lists(weak, key, params));
    }

    /// A client listens from now on.
    pub(super) fn listen(
        &self,
        principal: &Principal,
        scope: Scope,
        hears: Hears,
        telling: Arc<Telling>,
    ) -> u64 {
        let mut state = self.lock();
        state.ears_made = state.ears_made.saturating_add(1);
        let number = state.ears_made;
        let ear = Ear { number, scope, hears, telling };
        state.ears.entry(principal.clone()).or_default().push(ear);
        number
    }

    /// A server said on a session that one of its lists changed.
    pub(crate) fn list_changed(&self, core: &Core, key: &SessionKey, list: ChangedList) {
        if self.changes.note(key, list) {
            core.tasks.spawn(changes::look_after(self.core.clone(), key.clone()));
        }
    }

    /// It listens no more.
    pub(super) fn deafen(&self, principal: &Principal, number: u64) {
        let mut state = self.lock();
        if let Some(ears) = state.ears.get_mut(principal) {
            ears.retain(|ear| ear.number != number);
            if ears.is_empty() {
                state.ears.remove(principal);
            }
        }
    }

    pub(super) fn ears(&self, key: &SessionKey) -> Vec<Ear> {
        let Some(principal) = &key.principal else { return Vec::new() };
        let state = self.lock();
        let in_scope = |ear: &&Ear| match &ear.scope {
            Scope::All => true,
            Scope::One(server) => *server == key.server,
        };
        let own = |ear: &&Ear| match (&key.owner, &ear.hears) {
            (None, _) => true,
            (Some(owner), Hears::Session { live }) => live.key == *owner,
            (Some(_), Hears::Subscription { .. }) => false,
        };
        let ears = state.ears.get(principal).into_iter().flatten();
        ears.filter(in_scope).filter(own).cloned().collect()
    }

    /// A client's roots changed: tells the servers that were told of them.
    pub(super) async fn roots_changed(&self, principal: &Principal, owner: [u8; 32]) {
        let Some(core) = self.core.upgrade() else { return };
        let keys: Vec<SessionKey> = self
            .lock()
            .inboxes
            .keys()
            .filter(|key| {
                // A client's own session, whomever it calls for in it.
                let agent = key.principal.as_ref().map(|it| (&it.tenant, &it.agent));
                agent == Some((&principal.tenant, &principal.agent)) && key.owner == Some(owner)
            })
            .cloned()
            .collect();
        for key in keys {
            let Some(session) = core.mcp_sessions.existing(&key) else { continue };
            if let Err(failure) = session.notify("notifications/roots/list_changed", None).await {
                tracing::debug!(%failure, "A server was not told that roots changed.");
            }
        }
    }

    /// Ready when some session with a server ends from now on.
    pub(super) fn some_ended(&self) -> tokio::sync::futures::Notified<'_> {
        self.some_ended.notified()
    }
}

/// Hears of changes of lists until the session ends. It does not keep the session in use.
async fn hear_of_lists(core: Weak<Core>, key: SessionKey, params: String) {
    let begun = {
        let Some(core) = core.upgrade() else { return };
        let Some(session) = core.mcp_sessions.existing(&key) else { return };
        let request = Outgoing {
            method: "subscriptions/listen",
            params: Some(params),
            param_headers: Vec::new(),
            deadline: None,
        };
        session.request(request).await
    };
    let Ok(mut exchange) = begun else { return };
    let mut tails = Tails::default();
    while let Ok(Step::Notification(message)) = exchange.next().await {
        let Some(core) = core.upgrade() else { return };
        notify(&core, &key, &message, &mut tails).await;
    }
}

/// How long a server has to take in a log level.
const SET_LEVEL_MAX: std::time::Duration = std::time::Duration::from_secs(5);

/// Reads one session's inbox until it ends. It does not keep the gateway alive.
async fn read_inbox(core: Weak<Core>, key: SessionKey, mut receiver: mpsc::Receiver<Unrelated>) {
    let mut tails = Tails::default();
    while let Some(unrelated) = receiver.recv().await {
        let Some(core) = core.upgrade() else { return };
        match unrelated {
            Unrelated::Notification(message) => notify(&core, &key, &message, &mut tails).await,
            Unrelated::Request(request) => {
                // A question may wait for a person; what the server says meanwhile does not.
                let (tasks, core, key) = (core.tasks.clone(), Arc::clone(&core), key.clone());
                tasks.spawn(async move { answer(&core, &key, request).await });
            }
            Unrelated::Ended => break,
        }
    }
    if let Some(core) = core.upgrade() {
        core.hub.lock().inboxes.remove(&key);
        core.hub.some_ended.notify_waiters();
    }
}

async fn notify(core: &Core, key: &SessionKey, message: &str, tails: &mut Tails) {
    let Some((method, params)) = lanyard_wire::notification_parts(message) else { return };
    if let Some(list) = ChangedList::of(&method) {
        return core.hub.list_changed(core, key, list);
    }
    match method.as_ref() {
        "notifications/resources/updated" => {
            let uri = params.and_then(lanyard_wire::updated_uri);
            if let Some(uri) = uri {
                updated(core, key, &uri).await;
            }
        }
        // What belonged to a request that is over, or to a subscription of ours.
        "notifications/progress"
        | "notifications/cancelled"
        | "notifications/subscriptions/acknowledged" => {}
        _ => {
            // By itself it is masked already. It may end what messages before it began.
            let message = joined(core, key, message, tails);
            for ear in core.hub.ears(key) {
                if let Hears::Session { live } = &ear.hears
                    && let Some(stream) = live.stream()
                    && !stream.send(message.as_bytes()).await
                {
                    tracing::trace!("A notification found no client.");
                }
            }
        }
    }
}

fn joined<'a>(core: &Core, key: &SessionKey, message: &'a str, tails: &mut Tails) -> Cow<'a, str> {
    let snapshot = core.snapshot();
    let Some(server) = snapshot.find(&key.tenant, &key.server) else { return message.into() };
    let user = key.principal.as_ref().and_then(|principal| principal.user.as_ref());
    tails.mask(&snapshot.masker(server, user), message.into()).0
}

/// Tells that a resource changed to those who asked for it.
pub(super) async fn updated(core: &Core, key: &SessionKey, uri: &str) {
    for ear in core.hub.ears(key) {
        let (stream, message) = match &ear.hears {
            Hears::Session { live } => {
                let wanted = live.subscribes(&key.server, uri);
                let Some(stream) = live.stream().filter(|_| wanted) else { continue };
                (stream, resource_updated(uri, None))
            }
            Hears::Subscription { id, stream, uris } => {
                if !uris.iter().any(|wanted| wanted == uri) {
                    continue;
                }
                (stream.clone(), resource_updated(uri, Some(id)))
            }
        };
        if !stream.send(&message).await {
            tracing::trace!("A notification found no client.");
        }
    }
}

/// Answers a server that asks something outside of any request.
async fn answer(core: &Core, key: &SessionKey, request: ServerRequest) {
    let ServerRequest { id, method, params } = request;
    let refused =
        |message: &str| Reply::Error(json!({ "code": -32601, "message": message }).to_string());
    let asked = core.hub.ears(key).into_iter().find_map(|ear| match ear.hears {
        Hears::Session { live } if live.stream().is_some() => Some(live),
        Hears::Session { .. } | Hears::Subscription { .. } => None,
    });
    let reply = match asked {
        Some(live) => {
            let waiting = live.ask_beside(&method, params.as_deref());
            let limit = Limits::span(core.limits.input_wait_ms_max);
            match tokio::time::timeout(limit, waiting).await {
                Ok(Some(reply)) => reply,
                Ok(None) | Err(_) => refused("the client did not answer"),
            }
        }
        None => refused("no client listens outside of its requests"),
    };
    if let Some(session) = core.mcp_sessions.existing(key)
        && let Err(failure) = session.respond(&id, reply).await
    {
        tracing::debug!(%failure, "A server did not get the answer to its question.");
    }
}
