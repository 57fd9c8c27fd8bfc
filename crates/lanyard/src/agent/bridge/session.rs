//! The session of the older versions: begun by the client's greeting, begun anew with the same
//! greeting when the gateway no longer knows it, listened to, and ended.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use lanyard_wire::translate::cancelled_params;
use lanyard_wire::{Id, encode_notification, splice, sse};
use tokio::sync::{Mutex, watch};

use super::Bridge;
use super::line::Line;
use crate::agent::client::{ClientError, Parcel};

const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// How long to wait before the stream is opened again, first and at most.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_LONGEST: Duration = Duration::from_secs(30);

/// The session there is, and how it was begun.
#[derive(Debug)]
pub(super) struct Sessions {
    current: watch::Sender<Option<Session>>,
    /// Held while a session begins, so that many who miss it begin one.
    greeting: Mutex<Greeting>,
}

/// A session at the gateway.
#[derive(Debug, Clone)]
struct Session {
    /// How many were begun before it.
    number: u64,
    /// What every request in it carries.
    headers: HeaderMap,
    /// Whether the client is ready to be told things.
    listens: bool,
}

/// How the client greeted.
#[derive(Debug, Default)]
struct Greeting {
    initialize: Option<(Id<'static>, Bytes)>,
    initialized: Option<Bytes>,
    /// What the gateway chose; the client reckons with it.
    version: String,
    begun: u64,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { current: watch::Sender::new(None), greeting: Mutex::default() }
    }
}

impl Session {
    /// Whether the gateway keeps it; a stateless one gives no id.
    fn is_kept(&self) -> bool {
        self.headers.contains_key(SESSION_ID)
    }
}

/// How the stream of a session ended.
enum Told {
    /// The gateway closed it.
    Ended,
    /// The session is no longer known.
    Lost,
    /// There is none.
    Never,
}

impl Bridge {
    /// `initialize`: a session begins, and one that there was ends.
    pub(super) async fn greet(&self, line: &Line) -> Result<Option<Vec<u8>>, ClientError> {
        let Some(id) = line.id.clone() else { return Ok(None) };
        let mut greeting = self.sessions.greeting.lock().await;
        self.end_session().await;
        *greeting = Greeting { begun: greeting.begun, ..Greeting::default() };
        let (answer, session) = self.begin(&id, &line.bytes, &mut greeting).await?;
        if let Some(session) = session {
            greeting.initialize = Some((id, line.bytes.clone()));
            self.sessions.current.send_replace(Some(session));
        }
        Ok(Some(answer))
    }

    /// Posts a greeting and reads what the gateway makes of it. No session where it says no.
    async fn begin(
        &self,
        id: &Id<'_>,
        initialize: &Bytes,
        greeting: &mut Greeting,
    ) -> Result<(Vec<u8>, Option<Session>), ClientError> {
        let parcel = self.post(&HeaderMap::new(), initialize).await?;
        let session = parcel.headers().get(SESSION_ID).cloned();
        let answer = self.receive(Some(id), parcel).await?.unwrap_or_default();
        let text = String::from_utf8_lossy(&answer);
        let Some(version) = splice::member(&text, &["result", "protocolVersion"]) else {
            return Ok((answer, None));
        };
        greeting.version = serde_json::from_str(version.get()).unwrap_or_default();
        greeting.begun = greeting.begun.saturating_add(1);
        let mut headers = HeaderMap::new();
        if let Ok(version) = HeaderValue::from_str(&greeting.version) {
            headers.insert(PROTOCOL_VERSION, version);
        }
        headers.extend(session.map(|session| (SESSION_ID, session)));
        let session = Session { number: greeting.begun, headers, listens: false };
        Ok((answer, Some(session)))
    }

    /// `notifications/initialized`: from here on the client is told things.
    pub(super) async fn ready(&self, line: &Line) -> Result<Option<Vec<u8>>, ClientError> {
        let parcel = self.post_in_session(&line.bytes).await?;
        let answer = self.receive(None, parcel).await?;
        self.sessions.greeting.lock().await.initialized = Some(line.bytes.clone());
        self.sessions.current.send_modify(|session| {
            if let Some(session) = session {
                session.listens = true;
            }
        });
        Ok(answer)
    }

    /// Posts a message in the session. Where the gateway no longer knows it, another is begun and
    /// the message posted there: what was not known was not looked at.
    pub(super) async fn post_in_session(&self, body: &Bytes) -> Result<Parcel, ClientError> {
        let session = self.sessions.current.borrow().clone();
        let headers = session.as_ref().map(|session| session.headers.clone()).unwrap_or_default();
        let parcel = self.post(&headers, body).await?;
        let lost = session.filter(|it| it.is_kept() && parcel.status() == StatusCode::NOT_FOUND);
        let Some(lost) = lost else { return Ok(parcel) };
        let said = self.courier.body(parcel).await?;
        match self.renew(lost.number).await {
            Ok(Some(session)) => self.post(&session.headers, body).await,
            // Where no session can be begun, the first refusal says why.
            Ok(None) | Err(_) => Err(self
                .courier
                .refusal(StatusCode::NOT_FOUND, &said)
                .unwrap_or_else(|| ClientError::Protocol("the session is not known".to_owned()))),
        }
    }

    /// Begins a session in the place of one that was lost, unless another message did so before.
    async fn renew(&self, lost: u64) -> Result<Option<Session>, ClientError> {
        let mut greeting = self.sessions.greeting.lock().await;
        let current = self.sessions.current.borrow().clone();
        if current.as_ref().is_some_and(|session| session.number != lost) {
            return Ok(current);
        }
        let Some((id, initialize)) = greeting.initialize.clone() else { return Ok(None) };
        let before = greeting.version.clone();
        let (_answer, session) = self.begin(&id, &initialize, &mut greeting).await?;
        let Some(mut session) = session else { return Ok(None) };
        if greeting.version != before {
            let problem = format!("the gateway now speaks {}; connect again", greeting.version);
            return Err(ClientError::Protocol(problem));
        }
        if let Some(initialized) = &greeting.initialized {
            let parcel = self.post(&session.headers, initialized).await?;
            self.receive(None, parcel).await?;
            session.listens = true;
        }
        tracing::info!("The session was lost and begun anew.");
        self.sessions.current.send_replace(Some(session.clone()));
        Ok(Some(session))
    }

    /// Passes on what the session's stream says, as long as there is a session.
    pub(super) async fn listen(&self) {
        let mut sessions = self.sessions.current.subscribe();
        let (mut pause, mut last_id) = (PAUSE_FIRST, None);
        loop {
            let session = sessions.borrow_and_update().clone();
            let listening = async {
                let Some(session) = session.filter(|it| it.listens && it.is_kept()) else {
                    return std::future::pending().await;
                };
                let told = self.hear(&session, &mut last_id, &mut pause).await;
                let lost = matches!(told, Ok(Told::Lost));
                if lost && self.renew(session.number).await.is_ok() {
                    return;
                }
                match told {
                    Ok(Told::Never) => std::future::pending().await,
                    Ok(Told::Ended) => tokio::time::sleep(pause).await,
                    Ok(Told::Lost) | Err(_) => {
                        tokio::time::sleep(pause).await;
                        pause = pause.saturating_mul(2).min(PAUSE_LONGEST);
                    }
                }
            };
            tokio::select! {
                () = listening => {}
                changed = sessions.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    (pause, last_id) = (PAUSE_FIRST, None);
                }
            }
        }
    }

    /// Opens the stream of a session and passes it on to its end.
    async fn hear(
        &self,
        session: &Session,
        last_id: &mut Option<String>,
        pause: &mut Duration,
    ) -> Result<Told, ClientError> {
        let mut headers = session.headers.clone();
        let last = last_id.as_ref().and_then(|id| HeaderValue::from_str(id).ok());
        headers.extend(last.map(|id| (LAST_EVENT_ID, id)));
        let parcel = self.courier.send(Method::GET, &headers, Bytes::new()).await?;
        let status = parcel.status();
        if !parcel.is_stream() {
            let refusal = self.courier.refusal(status, &self.courier.body(parcel).await?);
            return match (status, refusal) {
                (StatusCode::NOT_FOUND, _) => Ok(Told::Lost),
                (StatusCode::METHOD_NOT_ALLOWED, _) | (_, None) => Ok(Told::Never),
                (_, Some(problem)) => Err(problem),
            };
        }
        *pause = PAUSE_FIRST;
        let mut parcel = parcel.unlimited();
        let mut parser = sse::Parser::new(self.message_bytes_max);
        let mut events = Vec::new();
        while let Some(piece) = parcel.piece().await? {
            let fed = parser.feed(&piece, &mut events);
            for event in events.drain(..) {
                self.pass_on(&event.data).await;
            }
            *last_id = parser.last_event_id().map(str::to_owned);
            if let Some(retry_ms) = parser.retry_ms() {
                *pause = Duration::from_millis(retry_ms).min(PAUSE_LONGEST);
            }
            fed.map_err(|error| ClientError::Protocol(error.to_string()))?;
        }
        Ok(Told::Ended)
    }

    /// Cancels what is still under way in the session: hanging up does not, in these versions.
    pub(super) async fn cancel_all(&self) {
        let under_way: Vec<Id<'static>> = {
            let running = self.lock_running();
            let old = running.iter().filter(|(_, running)| !running.is_modern);
            old.map(|(id, _)| id.clone()).collect()
        };
        for id in under_way {
            let params = cancelled_params(&id, Some("the client ended"));
            let message = encode_notification("notifications/cancelled", Some(&params));
            let cancelled = self.post_in_session(&message.into()).await;
            tracing::debug!(cancelled = cancelled.is_ok(), "A request was cancelled.");
        }
    }

    /// Ends the session at the gateway. One that does not care to hear it has lost nothing.
    pub(super) async fn end_session(&self) {
        let Some(session) = self.sessions.current.send_replace(None) else { return };
        if session.is_kept() {
            let ended = self.courier.send(Method::DELETE, &session.headers, Bytes::new()).await;
            tracing::debug!(ended = ended.is_ok(), "The session was ended.");
        }
    }
}
