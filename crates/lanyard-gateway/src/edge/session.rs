//! Sessions of the protocol versions that have them (2024-11-05 to 2025-11-25).
//!
//! A session id is a handle and no credential: it is useless without the token of the agent it
//! was made for. It seals the principal, the version and what the client said of itself, so that
//! nothing is kept for a living session and it outlives a restart; only that a session ended is
//! remembered.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use lanyard_connect::mcp::ClientFacts;
use lanyard_core::{AgentName, Limits, Principal, TenantName, Timestamp, UserName};
use lanyard_vault::SessionSealer;
use lanyard_wire::Version;
use ring::digest;
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::user;

/// Where the end of a session is remembered beyond this process.
pub trait SessionEnds: Send + Sync + fmt::Debug {
    /// Remembers that the session with this key ended; it may be forgotten after `until`.
    fn ended(&self, key: [u8; 32], until: Timestamp);
}

/// Makes, opens and ends sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    sealer: SessionSealer,
    ended: Mutex<Ended>,
    ends: Arc<dyn SessionEnds>,
    age_max: std::time::Duration,
    random: SystemRandom,
    some_ended: Notify,
}

/// How many ended sessions are remembered. Past it the oldest is forgotten: its id, which is no
/// credential, would work again for the agent that ended it. An agent that ends sessions in a
/// loop thus costs no memory.
const ENDED_MAX: usize = 100_000;

/// The sessions that ended, in the order in which they did.
#[derive(Debug)]
struct Ended {
    keys: HashSet<[u8; 32]>,
    order: VecDeque<[u8; 32]>,
}

impl Ended {
    fn remember(&mut self, key: [u8; 32]) {
        if self.keys.insert(key) {
            self.order.push_back(key);
        }
        if self.order.len() > ENDED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.keys.remove(&oldest);
        }
    }
}

/// An opened session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    /// The version that was negotiated.
    pub(crate) version: Version,
    /// What the client said of itself when the session began.
    pub(crate) client: Arc<ClientFacts>,
    /// Who began it, and for whom.
    pub(crate) principal: Principal,
    /// SHA-256 of the id: the key under which the session's end and streams are kept.
    pub(crate) key: [u8; 32],
    expires_at: Timestamp,
}

impl Sessions {
    pub(crate) fn new(
        sealer: SessionSealer,
        ended: HashSet<[u8; 32]>,
        ends: Arc<dyn SessionEnds>,
        limits: &Limits,
    ) -> Self {
        Self {
            sealer,
            ended: Mutex::new(Ended { order: ended.iter().copied().collect(), keys: ended }),
            ends,
            age_max: Limits::span(limits.session_ms_max),
            random: SystemRandom::new(),
            some_ended: Notify::new(),
        }
    }

    /// A new session id. `None` when the system has no randomness to give.
    pub(crate) fn begin(
        &self,
        principal: &Principal,
        version: Version,
        client: &ClientFacts,
        now: Timestamp,
    ) -> Option<String> {
        let mut nonce = [0_u8; 16];
        self.random.fill(&mut nonce).ok()?;
        let mut plain = Vec::with_capacity(96);
        plain.extend_from_slice(&nonce);
        plain.extend_from_slice(&now.plus(self.age_max).0.to_be_bytes());
        plain.extend_from_slice(version.as_str().as_bytes());
        plain.push(0);
        plain.extend_from_slice(&principal_text(principal));
        // The text of JSON holds no NUL either.
        for part in [&client.capabilities, &client.info] {
            plain.push(0);
            plain.extend_from_slice(part.as_bytes());
        }
        self.sealer.seal(&plain).ok()
    }

    /// Seals what a client is to bring back and can neither read nor change.
    pub(crate) fn seal(&self, content: &[u8]) -> Option<String> {
        self.sealer.seal(content).ok()
    }

    /// Opens what [`Self::seal`] sealed.
    pub(crate) fn unseal(&self, text: &str) -> Option<Vec<u8>> {
        self.sealer.open(text)
    }

    /// Opens a session id that a caller showed. `None` for one that was not made here, is another
    /// agent's or another user's, is too old or ended: all the same to the caller.
    pub(crate) fn open(&self, id: &str, principal: &Principal, now: Timestamp) -> Option<Session> {
        let plain = self.sealer.open(id)?;
        let rest = plain.get(16..)?;
        let (expires_at, rest) = rest.split_first_chunk::<8>()?;
        let expires_at = Timestamp(i64::from_be_bytes(*expires_at));
        let mut parts = rest.splitn(5, |byte| *byte == 0);
        let version = Version::parse(std::str::from_utf8(parts.next()?).ok()?)?;
        let mut name = || std::str::from_utf8(parts.next()?).ok();
        let began = Principal {
            tenant: TenantName::parse(name()?).ok()?,
            agent: AgentName::parse(name()?).ok()?,
            user: Some(name()?)
                .filter(|it| !it.is_empty())
                .map(UserName::parse)
                .transpose()
                .ok()?,
        };
        let (capabilities, info) = std::str::from_utf8(parts.next()?).ok()?.split_once('\0')?;
        let client = ClientFacts { capabilities: capabilities.to_owned(), info: info.to_owned() };
        let key = key_of(id);
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner).keys.contains(&key);
        (user::shares(&began, principal) && now < expires_at && !ended).then_some(Session {
            version,
            client: Arc::new(client),
            principal: began,
            key,
            expires_at,
        })
    }

    /// Ends a session: from now on its id is unknown.
    pub(crate) fn end(&self, session: &Session) {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).remember(session.key);
        self.ends.ended(session.key, session.expires_at);
        self.some_ended.notify_waiters();
    }

    /// Ready when some session ends from now on: time to ask again whether one's own lives. Made
    /// before one asks, it misses no end in between.
    pub(crate) fn some_ended(&self) -> Notified<'_> {
        self.some_ended.notified()
    }

    /// Whether a session that was opened before still lives.
    pub(crate) fn lives(&self, session: &Session, now: Timestamp) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        now < session.expires_at && !ended.keys.contains(&session.key)
    }
}

fn principal_text(principal: &Principal) -> Vec<u8> {
    let user = principal.user.as_ref().map_or("", |user| user.as_str());
    // No name holds a NUL, so the three cannot run into each other.
    format!("{}\0{}\0{user}", principal.tenant, principal.agent).into_bytes()
}

/// The key of the session with this id.
pub(crate) fn key_of(id: &str) -> [u8; 32] {
    let mut key = [0_u8; 32];
    let hash = digest::digest(&digest::SHA256, id.as_bytes());
    for (to, from) in key.iter_mut().zip(hash.as_ref()) {
        *to = *from;
    }
    key
}

#[cfg(test)]
mod tests;
