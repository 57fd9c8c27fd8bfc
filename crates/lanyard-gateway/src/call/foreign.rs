//! The conversation of one request with a server that speaks MCP: written for the version that the
//! server speaks, read for the one that the client speaks, whichever two they are.
//!
//! A server of an older version asks its client by requests in between; one of the stateless era
//! answers `input_required` and is asked again. Both become questions to whoever attends the client
//! ([`Turns::ask`]), who knows how its version is asked.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use lanyard_connect::mcp::{Exchange, Outgoing, Reply, ServerRequest, Session, SessionKey, Step};
use lanyard_core::{Caller, Failure, Principal};
use lanyard_wire::translate::{self, Crossing, EnvelopeParts};
use lanyard_wire::{
    ChangedList, InputRequired, Version, can_be_asked, needs_capability, question_for, retry_params,
};
use ring::digest;
use serde_json::json;
use tokio::time::Instant;

use super::credentials::ServerCredentials;
use super::passage::Passage;
use super::screen::Screen;
use super::turn::Turns;
use crate::edge::Core;
use crate::edge::client::Client;
use crate::fleet::{Entered, Keep, Staying};
use crate::snapshot::{McpEntry, Snapshot};

/// What a server answered, for the client's version: raw JSON either way.
#[derive(Debug)]
pub(crate) enum Passed {
    /// The member `result`.
    Result(String),
    /// The member `error`.
    Error(String),
}

impl Passed {
    /// Its size.
    pub(super) fn bytes(&self) -> u64 {
        let (Self::Result(text) | Self::Error(text)) = self;
        u64::try_from(text.len()).unwrap_or(u64::MAX)
    }

    /// Whether it says that something went wrong.
    pub(super) fn is_error(&self) -> bool {
        match self {
            Self::Error(_) => true,
            Self::Result(result) => lanyard_wire::splice::member(result, &["isError"])
                .is_some_and(|value| value.get() == "true"),
        }
    }
}

/// One request on its way, with all that its conversation needs.
pub(super) struct Conversation<'a> {
    pub(super) core: &'a Core,
    pub(super) caller: &'a Caller,
    pub(super) client: &'a Client,
    pub(super) turns: &'a Turns,
    pub(super) passage: Passage<'a>,
    pub(super) screen: Screen<'a>,
}

/// Whose session with a server a client's requests use. Those of a client that can be asked are its
/// own, so that nobody else is asked in its place.
pub(crate) fn session_key(
    snapshot: &Snapshot,
    mcp: &McpEntry,
    principal: &Principal,
    client: &Client,
) -> SessionKey {
    let (target, user) = (&mcp.target, principal.user.as_ref());
    let credential = snapshot.credential(&target.tenant, &target.server, user);
    let mut fingerprint = [0_u8; 32];
    // A stateless server is told with each request what its client can do; so it needs no other
    // session, which may be a process, for clients that can do something else.
    let stateless = mcp.facts.as_ref().is_some_and(|facts| facts.version.is_modern());
    let told_once: &[u8] = if stateless { b"" } else { client.facts.capabilities.as_bytes() };
    let hash = digest::digest(&digest::SHA256, told_once);
    for (to, from) in fingerprint.iter_mut().zip(hash.as_ref()) {
        *to = *from;
    }
    let own = client.live.as_ref().filter(|_| client.can_be_asked());
    SessionKey {
        tenant: target.tenant.clone(),
        server: target.server.clone(),
        generation: target.generation,
        principal: Some(principal.clone()),
        credential,
        client: fingerprint,
        owner: own.map(|live| live.key),
    }
}

impl Conversation<'_> {
    /// Carries the request to the server and its answer back. `masked` counts the credentials that
    /// were found on the way.
    pub(super) async fn carry(mut self) -> Result<(Passed, u64), Failure> {
        let began = Instant::now();
        let principal = &self.caller.principal;
        let guest = self.core.enter(self.passage.mcp, principal, self.client).await?;
        if principal.user.is_some() {
            // The session is for what the user held when it was chosen, which need not be what they
            // held when the call began, nor what they hold now.
            let (server, user) = (self.passage.server, principal.user.as_ref());
            self.screen.mask_with(guest.chosen_by.masker(server, user));
        }
        let outcome = self.converse(&guest).await;
        guest.done(outcome.as_ref().map(|_| ()), began.elapsed());
        let passed = outcome?;
        Ok((passed, self.screen.masked()))
    }

    async fn converse(&mut self, guest: &Guest) -> Result<Passed, Failure> {
        let writer = guest.facts().version;
        if let Some(error) = self.stray_state(guest) {
            return Ok(Passed::Error(error));
        }
        self.core.hub.set_level(guest, self.client).await;
        let mut params = self.params_for(writer, self.passage.params.as_deref());
        let rounds_max = self.core.limits.input_rounds_max;
        for round in 0..=rounds_max {
            let request = Outgoing {
                method: self.passage.method,
                params: params.clone(),
                param_headers: self.passage.param_headers.clone(),
                // Time that the client takes for an answer is not the server's; so the deadline is
                // kept here.
                deadline: None,
            };
            let mut exchange = guest.request(request).await?;
            let reply = self.listen(&mut exchange, round).await?;
            let result = match reply {
                Reply::Error(error) => return self.failed(guest, &error),
                Reply::Result(result) => result,
            };
            let asks = writer.is_modern() && !self.client.version.is_modern();
            let Some(asked) = asks.then(|| InputRequired::read(&result)).flatten() else {
                return self.answered(guest, &result);
            };
            let retry = self.ask_all(&asked, round).await?;
            params = self.params_for(writer, Some(&retry));
        }
        let problem = format!("it asked more than {rounds_max} times");
        Err(Failure::ClientUnable { problem })
    }

    /// The answer to a client that comes back with a state, where the server's version knows none: the
    /// state was not made here, or was changed on its way.
    fn stray_state(&self, guest: &Guest) -> Option<String> {
        let params = self.passage.params.as_deref()?;
        let state = lanyard_wire::splice::member(params, &["requestState"]);
        if guest.facts().version.is_modern() || !self.client.version.is_modern() || state.is_none()
        {
            return None;
        }
        let message = "requestState does not fit this request";
        Some(json!({ "code": -32602, "message": message }).to_string())
    }

    /// Parameters as the server's version has them.
    fn params_for(&self, version: Version, given: Option<&str>) -> Option<String> {
        if !version.is_modern() {
            return translate::params_for_legacy(given);
        }
        let log_level = self.client.log_level;
        let envelope = EnvelopeParts { log_level, ..self.client.envelope(version) };
        Some(translate::params_for_modern(given, envelope))
    }

    /// Hears the server out until it answers.
    async fn listen(&mut self, exchange: &mut Exchange, round: u64) -> Result<Reply, Failure> {
        let mut left = self.passage.server.timeout;
        let mut questions = 0_u64;
        loop {
            let began = Instant::now();
            let step = tokio::time::timeout(left, exchange.next());
            let step = step.await.map_err(|_elapsed| Failure::TimedOut)??;
            left = left.saturating_sub(began.elapsed()).max(Duration::from_millis(1));
            match step {
                Step::Notification(message) => self.tell(&message).await?,
                Step::Request(request) => {
                    questions = questions.saturating_add(1);
                    if questions > self.core.limits.input_rounds_max {
                        return Err(Failure::ClientUnable {
                            problem: "it was asked too often".to_owned(),
                        });
                    }
                    let id = request.id.clone();
                    let reply = self.question(request, (round, questions)).await?;
                    exchange.respond(&id, reply).await?;
                }
                Step::Pause(wait) => self.turns.pause(wait).await,
                Step::Done(reply) => return Ok(reply),
            }
        }
    }

    /// Passes a notification on, if the client's version has it and the client wants it.
    async fn tell(&mut self, message: &str) -> Result<(), Failure> {
        let changed = lanyard_wire::notification_parts(message)
            .and_then(|(method, _)| ChangedList::of(&method));
        if let Some(list) = changed {
            let (newest, principal) = (self.core.snapshot(), &self.caller.principal);
            let key = session_key(&newest, self.passage.mcp, principal, self.client);
            self.core.hub.list_changed(self.core, &key, list);
            return Ok(());
        }
        let message = self.screen.message(message);
        if let Some(message) =
            lanyard_wire::notification_for(self.client.version, self.client.log_level, &message)
        {
            self.turns.say(message).await;
        }
        Ok(())
    }

    /// Asks the client what a server of an older version asks.
    async fn question(
        &mut self,
        request: ServerRequest,
        (round, question): (u64, u64),
    ) -> Result<Reply, Failure> {
        let ServerRequest { id: _, method, params } = request;
        let refused = |message: String| {
            Reply::Error(json!({ "code": -32601, "message": message }).to_string())
        };
        // On a pipe it may be about another request altogether.
        if !can_be_asked(self.client.version, self.passage.method) {
            let asked = self.passage.method;
            return Ok(refused(format!("the client cannot be asked anything during {asked}")));
        }
        if let Err(missing) =
            needs_capability(&method, params.as_deref(), &self.client.facts.capabilities)
        {
            let missing = missing.as_json();
            return Ok(refused(format!("the client did not declare the capability {missing}")));
        }
        let params = params.as_deref().map(|params| self.screen.text(params));
        let name = format!("lanyard-{round}-{question}");
        let params = question_for(self.client.version, &method, params.as_deref(), &name);
        self.turns.ask(name, method, params).await
    }

    /// Asks the client all that a server of the stateless era wants to know, and gives the parameters
    /// it is asked again with, as the client would write them.
    async fn ask_all(&mut self, asked: &InputRequired<'_>, round: u64) -> Result<String, Failure> {
        let mut responses = Vec::with_capacity(asked.requests().len());
        for (index, (key, method, params)) in asked.requests().iter().enumerate() {
            let request = ServerRequest {
                id: lanyard_wire::Id::from_text(key),
                method: method.to_string(),
                params: params.map(|raw| raw.get().to_owned()),
            };
            let index = u64::try_from(index).unwrap_or(u64::MAX);
            match self.question(request, (round, index)).await? {
                Reply::Result(result) => responses.push((key.to_string(), result)),
                // There is no way to pass an error on; so the server is not asked again.
                Reply::Error(_) => {
                    return Err(Failure::ClientUnable { problem: format!("it refused {method}") });
                }
            }
        }
        let params = self.passage.params.as_deref().unwrap_or("{}");
        Ok(retry_params(params, &responses, asked.request_state()))
    }

    fn crossing<'b>(&self, guest: &'b Guest) -> Crossing<'b> {
        Crossing {
            reader: self.client.version,
            writer: guest.facts().version,
            server_info: &guest.facts().info,
            private: true,
        }
    }

    fn answered(&mut self, guest: &Guest, result: &str) -> Result<Passed, Failure> {
        if result.contains("\"taskId\"") {
            let server = &self.passage.server.name;
            self.core.note_task(&self.caller.principal, server, result);
        }
        let result = self.screen.result(self.passage.method, result);
        let crossing = self.crossing(guest);
        Ok(Passed::Result(translate::result_for(crossing, self.passage.method, &result)))
    }

    fn failed(&mut self, guest: &Guest, error: &str) -> Result<Passed, Failure> {
        let error = self.screen.error(error);
        let crossing = self.crossing(guest);
        Ok(Passed::Error(translate::error_for(crossing, self.passage.method, &error)))
    }
}

/// A place on a server, with the session that it is used through.
#[derive(Debug)]
pub(crate) struct Guest {
    entered: Entered,
    key: SessionKey,
    /// The configuration that the key was made by.
    chosen_by: Arc<Snapshot>,
}

impl Guest {
    /// Whose session it is.
    pub(crate) fn key(&self) -> &SessionKey {
        &self.key
    }

    /// Gives the place back, and keeps the session in use.
    pub(crate) fn stay(self) -> Staying {
        self.entered.stay()
    }

    /// Gives the place back, and says how it went.
    fn done(self, outcome: Result<(), &Failure>, took: Duration) {
        self.entered.done(outcome, took);
    }
}

impl Deref for Guest {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.entered
    }
}

impl Core {
    /// A place on a server, and the session that this principal's client has with it.
    pub(crate) async fn enter(
        &self,
        mcp: &McpEntry,
        principal: &Principal,
        client: &Client,
    ) -> Result<Guest, Failure> {
        let newest = self.snapshot();
        let key = session_key(&newest, mcp, principal, client);
        if mcp.options.per_user && key.credential == 0 {
            let (server, user) = (mcp.target.server.clone(), principal.user.clone());
            return Err(Failure::UserCredentialMissing { server, user });
        }
        let member = self.member(mcp);
        let mut opening = self.hub.opening(self, &key, &member, client);
        if let Some(user) = &principal.user {
            let house = ServerCredentials::new(Arc::clone(&mcp.target), self.snapshots.clone());
            opening.credentials = Arc::new(house.of_user(user, &newest));
        }
        let entered = self.fleet.enter(&member, &key, opening).await?;
        let guest = Guest { entered, key, chosen_by: newest };
        if matches!(mcp.options.keep, Keep::Idle(_)) {
            self.hub.listen_for_lists(self, &guest, client);
        }
        Ok(guest)
    }
}
