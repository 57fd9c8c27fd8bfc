//! What a session did so far, for policies that ask: which servers it called, and which labels it
//! has seen there. A client without a session is told apart by agent and user, and what it did an
//! hour ago is forgotten.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lanyard_core::{LABELS_TAG, ServerName, Tags, Timestamp, UserName};
use lanyard_policy::SessionFacts;

/// What a session, or an agent without one, did.
#[derive(Debug, Default)]
pub(crate) struct Deeds {
    of_users: Mutex<HashMap<Option<UserName>, Since>>,
}

#[derive(Debug, Clone)]
struct Since {
    facts: SessionFacts,
    last: Timestamp,
}

/// After so long without a call it counts as another session.
const IDLE: Duration = Duration::from_secs(3600);

/// Users that are told apart. Past it all begin anew: an agent may name as many as it likes.
const USERS_MAX: usize = 10_000;

impl Deeds {
    /// What was done for this user.
    pub(crate) fn facts(&self, user: Option<&UserName>, now: Timestamp) -> SessionFacts {
        let of_users = self.of_users.lock().unwrap_or_else(PoisonError::into_inner);
        let since = of_users.get(&user.cloned());
        let lately = since.filter(|since| since.last.plus(IDLE) >= now);
        lately.map(|since| since.facts.clone()).unwrap_or_default()
    }

    /// Notes a call.
    pub(crate) fn note(
        &self,
        user: Option<&UserName>,
        server: &ServerName,
        tags: &Tags,
        now: Timestamp,
    ) {
        let mut of_users = self.of_users.lock().unwrap_or_else(PoisonError::into_inner);
        if of_users.len() >= USERS_MAX {
            of_users.clear();
        }
        let new = || Since { facts: SessionFacts::default(), last: now };
        let since = of_users.entry(user.cloned()).or_insert_with(new);
        if since.last.plus(IDLE) < now {
            *since = new();
        }
        since.last = now;
        since.facts.calls = since.facts.calls.saturating_add(1);
        since.facts.servers.insert(server.to_string());
        let labels = tags.get(LABELS_TAG).into_iter().flat_map(|labels| labels.split(','));
        let labels = labels.map(str::trim).filter(|label| !label.is_empty());
        since.facts.labels.extend(labels.map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_kept_by_user_and_for_an_hour() {
        let (deeds, bank) = (Deeds::default(), ServerName::parse("bank").unwrap());
        let tags = Tags::from([(LABELS_TAG.to_owned(), "private, money".to_owned())]);
        let (ann, start) = (UserName::parse("ann").unwrap(), Timestamp(1_000_000));
        deeds.note(Some(&ann), &bank, &tags, start);
        deeds.note(Some(&ann), &bank, &Tags::new(), start);
        let facts = deeds.facts(Some(&ann), start);
        assert_eq!(facts.calls, 2);
        assert!(facts.servers.contains("bank"));
        assert_eq!(facts.labels.iter().collect::<Vec<_>>(), ["money", "private"]);
        assert_eq!(deeds.facts(None, start), SessionFacts::default());
        let later = start.plus(IDLE).plus(Duration::from_secs(1));
        assert_eq!(deeds.facts(Some(&ann), later), SessionFacts::default());
    }
}
