//! Which call asked for what a client answers now.
//!
//! In the stateless era a call that needs to know more is over when it has asked, and the client
//! makes another one with the answer and the state that it was given. The state is what tells that
//! the one continues the other; so their records can be read as one story.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lanyard_core::{Principal, RecordId, ServerName};
use ring::digest::{Context, SHA256};

/// How many calls that asked are remembered. Past it the record of a retry stands alone.
const ROUNDS_MAX: usize = 10_000;

/// The calls that asked, by what their client brings back.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    asked: Mutex<Asked>,
}

#[derive(Debug, Default)]
struct Asked {
    records: HashMap<[u8; 32], RecordId>,
    /// Oldest first.
    order: VecDeque<[u8; 32]>,
}

impl Rounds {
    fn lock(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call asked, and gave its client this state.
    pub(super) fn note(&self, key: Option<[u8; 32]>, record: &RecordId) {
        let Some(key) = key else { return };
        let mut asked = self.lock();
        if asked.records.insert(key, record.clone()).is_none() {
            asked.order.push_back(key);
        }
        if asked.order.len() > ROUNDS_MAX
            && let Some(oldest) = asked.order.pop_front()
        {
            asked.records.remove(&oldest);
        }
    }

    /// The call that asked. It stays known: a client may have to send its answer twice.
    pub(super) fn before(&self, key: Option<[u8; 32]>) -> Option<RecordId> {
        self.lock().records.get(&key?).cloned()
    }
}

/// What stands for a state that one principal was given by one server, a JSON string; `None` without
/// one.
pub(super) fn key(
    principal: &Principal,
    server: &ServerName,
    state: Option<&str>,
) -> Option<[u8; 32]> {
    // A client may spell the same text in another way.
    let state: Cow<'_, str> = serde_json::from_str(state?).ok()?;
    let user = principal.user.as_ref().map_or("", |user| user.as_str());
    let mut digest = Context::new(&SHA256);
    // No name has a NUL in it, and the state is the last.
    for part in [principal.tenant.as_str(), principal.agent.as_str(), user, server.as_str()] {
        digest.update(part.as_bytes());
        digest.update(&[0]);
    }
    digest.update(state.as_bytes());
    digest.finish().as_ref().try_into().ok()
}

#[cfg(test)]
mod tests {
    use lanyard_core::{AgentName, TenantName, UserName};

    use super::*;

    fn principal(agent: &str, user: &str) -> Principal {
        Principal {
            tenant: TenantName::default_tenant(),
            agent: AgentName::parse(agent).unwrap(),
            user: UserName::parse(user).ok(),
        }
    }

    fn record(name: &str) -> RecordId {
        RecordId::parse(name).unwrap()
    }

    #[test]
    fn a_state_continues_the_call_that_gave_it_and_only_its_own() {
        let (rounds, files) = (Rounds::default(), ServerName::parse("files").unwrap());
        let mail = ServerName::parse("mail").unwrap();
        let (ci, ann) = (principal("ci", ""), principal("ci", "ann"));
        rounds.note(key(&ci, &files, Some("\"s\"")), &record("one"));
        let before = |principal, server, state| rounds.before(key(principal, server, state));
        assert_eq!(before(&ci, &files, Some("\"s\"")), Some(record("one")));
        assert_eq!(
            before(&ci, &files, Some(r#""\u0073""#)),
            Some(record("one")),
            "sent twice, in other words"
        );
        for (principal, server, state) in [
            (&ci, &files, Some("\"t\"")),
            (&ci, &files, None),
            (&ci, &mail, Some("\"s\"")),
            (&ann, &files, Some("\"s\"")),
            (&principal("cd", ""), &files, Some("\"s\"")),
        ] {
            assert_eq!(before(principal, server, state), None);
        }
    }

    #[test]
    fn only_so_many_are_remembered() {
        let (rounds, files) = (Rounds::default(), ServerName::parse("files").unwrap());
        let ci = principal("ci", "");
        let of = |number: usize| key(&ci, &files, Some(&format!("\"{number}\"")));
        for number in 0..ROUNDS_MAX + 2 {
            rounds.note(of(number), &record("r"));
        }
        assert_eq!(rounds.lock().records.len(), ROUNDS_MAX);
        assert_eq!(rounds.before(of(1)), None);
        assert!(rounds.before(of(2)).is_some());
    }
}
