//! Subscriptions to resources: who wants to be told when one changes, and the conversations with
//! servers that it takes.
//!
//! Each subscription has a task that keeps a conversation with the server open: one of an older
//! version is told `resources/subscribe` on a session, a stateless one is listened to. When the
//! conversation ends, because the server was restarted for instance, the task begins another.

use std::time::Duration;

use lanyard_connect::mcp::{Exchange, Outgoing, Reply, Step};
use lanyard_core::{Caller, Denial, Failure, Limits, ServerName};
use lanyard_wire::results::EmptyResult;
use lanyard_wire::translate::{listen_params, subscribe_params};
use lanyard_wire::{Id, ListenParams, WireError, encode_result};
use serde_json::value::RawValue;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Core;
use super::ask::{Ask, uri_of};
use super::client::Client;
use super::dispatch::{Dispatched, stamp};
use super::hub;
use super::request::Context;
use super::route::Scope;
use crate::call::{Guest, session_key};

/// How many resources one client may watch.
const SUBSCRIPTIONS_MAX: usize = 1000;

/// How long a server has to accept a subscription.
const ACCEPT_MAX: Duration = Duration::from_secs(10);

/// The wait before a conversation that ended is begun again; it doubles up to a minute.
const AGAIN: Duration = Duration::from_secs(1);

/// `resources/subscribe`, of a client with a session.
pub(super) async fn subscribe(ask: &Ask<'_>, id: &Id<'_>, params: Option<&RawValue>) -> Dispatched {
    let context = ask.context;
    let version = ask.client.version;
    let uri = match uri_of(params) {
        Ok(uri) => uri,
        Err(error) => return Dispatched::error(Some(id), &error),
    };
    let unknown = || Dispatched::error(Some(id), &WireError::resource_not_found(version, &uri));
    let Some(live) = &ask.client.live else {
        let error = WireError::invalid_request("a subscription needs a session");
        return Dispatched::error(Some(id), &error);
    };
    if live.subscriptions() >= SUBSCRIPTIONS_MAX {
        let text = format!("at most {SUBSCRIPTIONS_MAX} resources can be watched at a time");
        return Dispatched::error(Some(id), &WireError::invalid_request(&text));
    }
    let server = match owner(context, &uri) {
        Ok(server) => server,
        Err(denial @ Denial::UserNotGranted { user: _ }) => {
            let error = WireError::invalid_params(denial.to_string());
            return Dispatched::error(Some(id), &error);
        }
        Err(_) => return unknown(),
    };
    let (accepted, answer) = oneshot::channel();
    let token = CancellationToken::new();
    live.subscribe(server.clone(), uri.clone(), token.clone().drop_guard());
    let watch = Watching::new(context, ask.client, server, vec![uri.clone()]);
    let core = &context.core;
    core.tasks.spawn(async move {
        tokio::select! {
            () = watch.run(Some(accepted)) => {}
            () = token.cancelled() => {}
        }
    });
    match answer.await {
        Ok(Ok(())) => {
            let result = EmptyResult.to_json(stamp(version));
            Dispatched::message(encode_result(id, &result))
        }
        Ok(Err(failure)) => {
            drop(live.unsubscribe(&uri));
            Dispatched::error(Some(id), &WireError::internal(failure.to_string()))
        }
        Err(_) => {
            drop(live.unsubscribe(&uri));
            Dispatched::error(Some(id), &WireError::internal(Failure::Cancelled.to_string()))
        }
    }
}

/// `resources/unsubscribe`. That there was no subscription is nothing to complain about.
pub(super) fn unsubscribe(ask: &Ask<'_>, id: &Id<'_>, params: Option<&RawValue>) -> Dispatched {
    let uri = match uri_of(params) {
        Ok(uri) => uri,
        Err(error) => return Dispatched::error(Some(id), &error),
    };
    let telling = ask.client.live.as_ref().and_then(|live| live.unsubscribe(&uri));
    if let Some((server, telling)) = telling {
        drop(telling);
        let watch = Watching::new(ask.context, ask.client, server, vec![uri]);
        ask.context.core.tasks.spawn(async move { watch.leave().await });
    }
    let result = EmptyResult.to_json(stamp(ask.client.version));
    Dispatched::message(encode_result(id, &result))
}

/// Keeps the subscriptions of a stream of the stateless era, until the stream ends.
pub(super) fn keep(context: &Context, client: &Client, uris: &[String], over: &CancellationToken) {
    let mut by_server: std::collections::BTreeMap<ServerName, Vec<String>> = Default::default();
    for uri in uris.iter().take(SUBSCRIPTIONS_MAX) {
        if let Ok(server) = owner(context, uri) {
            by_server.entry(server).or_default().push(uri.clone());
        }
    }
    for (server, uris) in by_server {
        let watch = Watching::new(context, client, server, uris);
        let over = over.clone();
        context.core.tasks.spawn(async move {
            tokio::select! {
                () = watch.run(None) => {}
                () = over.cancelled() => watch.leave().await,
            }
        });
    }
}

/// The server whose resource it is, if the caller may read it.
fn owner(context: &Context, uri: &str) -> Result<ServerName, Denial> {
    let viewer = context.viewer();
    let unknown = || Denial::ResourceUnknown { uri: uri.to_owned() };
    let server = match &context.scope {
        Scope::One(name) => context.snapshot.server(viewer, name)?,
        Scope::All => context.snapshot.owner_of(viewer, uri).ok_or_else(unknown)?,
    };
    if server.as_mcp().is_none() {
        return Err(unknown());
    }
    crate::call::may_subscribe(&context.snapshot, viewer, server, uri, unknown)?;
    Ok(server.name.clone())
}

/// One client's interest in resources of one server.
struct Watching {
    core: std::sync::Weak<Core>,
    caller: Caller,
    key: super::authn::IdentityKey,
    client: Client,
    server: ServerName,
    uris: Vec<String>,
}

impl Watching {
    fn new(context: &Context, client: &Client, server: ServerName, uris: Vec<String>) -> Self {
        Self {
            core: std::sync::Arc::downgrade(&context.core),
            caller: context.caller.clone(),
            key: context.key.clone(),
            client: client.clone(),
            server,
            uris,
        }
    }

    /// Watches until it is dropped, or the caller's access ends. `accepted` hears how the first
    /// attempt went.
    async fn run(&self, mut accepted: Option<oneshot::Sender<Result<(), Failure>>>) {
        let mut wait = AGAIN;
        loop {
            let Some(core) = self.core.upgrade() else { return };
            let stopping = core.shutdown.clone();
            match self.watch(&core, &mut accepted).await {
                Ok(()) => wait = AGAIN,
                Err(failure) => {
                    if let Some(accepted) = accepted.take() {
                        if accepted.send(Err(failure)).is_err() {
                            tracing::trace!("A client went before its subscription failed.");
                        }
                        return;
                    }
                    if failure == Failure::Cancelled {
                        return;
                    }
                }
            }
            drop(core);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = stopping.cancelled() => return,
            }
            wait = wait.saturating_mul(2).min(Duration::from_secs(60));
        }
    }

    /// A place with the server, as long as the caller may have it.
    async fn enter(&self, core: &Core) -> Result<Guest, Failure> {
        let snapshot = core.snapshot();
        let now = core.clock.now();
        let identity = self.key.identify(&snapshot, now).map_err(|_| Failure::Cancelled)?;
        let agent = &identity.agent;
        let whole = agent.is(&self.caller.principal)
            && agent
                .grants
                .decide_whole(&self.server, self.caller.principal.user.as_ref(), now)
                .is_ok();
        let server = snapshot.find(&agent.tenant, &self.server).filter(|it| it.enabled && whole);
        let mcp = server.and_then(|server| server.as_mcp()).ok_or(Failure::Cancelled)?;
        core.enter(mcp, &self.caller.principal, &self.client).await
    }

    /// One conversation, until it ends.
    async fn watch(
        &self,
        core: &std::sync::Arc<Core>,
        accepted: &mut Option<oneshot::Sender<Result<(), Failure>>>,
    ) -> Result<(), Failure> {
        let guest = self.enter(core).await?;
        let mut tell = || {
            if let Some(accepted) = accepted.take()
                && accepted.send(Ok(())).is_err()
            {
                tracing::trace!("A client went before its subscription was accepted.");
            }
        };
        if !guest.facts().version.is_modern() {
            for uri in &self.uris {
                say(&guest, "resources/subscribe", uri).await?;
            }
            tell();
            // The place among the server's calls is given back; the session stays in use.
            let session = guest.stay();
            loop {
                let ended = core.hub.some_ended();
                if !session.is_open() {
                    return Ok(());
                }
                tokio::select! {
                    () = ended => {}
                    () = tokio::time::sleep(Limits::span(core.limits.server_probe_ms)) => {
                        self.enter(core).await.map(drop)?;
                    }
                    () = core.shutdown.cancelled() => return Err(Failure::Cancelled),
                }
            }
        }
        let mut exchange = guest.request(self.listening(&guest)).await?;
        tell();
        let key = guest.key().clone();
        let _session = guest.stay();
        self.hear(core, &key, &mut exchange).await
    }

    fn listening(&self, guest: &Guest) -> Outgoing<'static> {
        let resource_subscriptions = self.uris.iter().map(Into::into).collect();
        let wanted = ListenParams { resource_subscriptions, ..ListenParams::default() };
        let envelope = self.client.envelope(guest.facts().version);
        Outgoing {
            method: "subscriptions/listen",
            params: Some(listen_params(&wanted, envelope)),
            param_headers: Vec::new(),
            deadline: None,
        }
    }

    async fn hear(
        &self,
        core: &Core,
        key: &lanyard_connect::mcp::SessionKey,
        exchange: &mut Exchange,
    ) -> Result<(), Failure> {
        loop {
            let step = tokio::select! {
                step = exchange.next() => step?,
                () = core.shutdown.cancelled() => return Err(Failure::Cancelled),
            };
            match step {
                Step::Notification(message) => {
                    if let Some(uri) = lanyard_wire::notification_parts(&message)
                        .filter(|(method, _)| method == "notifications/resources/updated")
                        .and_then(|(_, params)| params.and_then(lanyard_wire::updated_uri))
                    {
                        hub::updated(core, key, &uri).await;
                    }
                }
                Step::Request(_) | Step::Pause(_) => {}
                Step::Done(_) => return Ok(()),
            }
        }
    }

    /// Tells a server of an older version that nobody watches any more.
    async fn leave(&self) {
        let Some(core) = self.core.upgrade() else { return };
        let (snapshot, principal) = (core.snapshot(), &self.caller.principal);
        let server = snapshot.find(&principal.tenant, &self.server);
        let Some(mcp) = server.and_then(|server| server.as_mcp()) else { return };
        let key = session_key(&snapshot, mcp, principal, &self.client);
        let Some(session) = core.mcp_sessions.existing(&key) else { return };
        if session.facts().version.is_modern() {
            return;
        }
        for uri in &self.uris {
            if let Err(failure) = say(&session, "resources/unsubscribe", uri).await {
                tracing::debug!(%failure, "A server was not told that a subscription ended.");
            }
        }
    }
}

/// Sends a request about one resource, and waits until it was taken in.
async fn say(
    session: &lanyard_connect::mcp::Session,
    method: &'static str,
    uri: &str,
) -> Result<(), Failure> {
    let mut exchange = session
        .request(Outgoing {
            method,
            params: Some(subscribe_params(uri)),
            param_headers: Vec::new(),
            deadline: Instant::now().checked_add(ACCEPT_MAX),
        })
        .await?;
    match exchange.answer().await? {
        Reply::Result(_) => Ok(()),
        Reply::Error(_) => Err(Failure::AnswerUnusable {
            problem: "it does not accept the subscription".to_owned(),
        }),
    }
}
