//! What a server is known to list, against which the lists of agents' and users' sessions are held.
//!
//! A server may list less to a client that can do less, or to a user who may do less. So what such
//! a session does not list is not gone: only the gateway's own session, which says that it can do
//! everything, tells that something is. What any session lists that is new or different is news.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lanyard_connect::mcp::{ServerFacts, SessionKey};
use lanyard_mcp::{Item, Kind};

use super::listing::Listed;

/// Who listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The gateway itself.
    House,
    /// A client, perhaps for a user.
    Guest,
}

impl By {
    /// Whose session this is.
    pub(super) fn of(key: &SessionKey) -> Self {
        match key.principal {
            None => Self::House,
            Some(_) => Self::Guest,
        }
    }
}

/// What a server is known to list.
#[derive(Debug, Default)]
pub(super) struct Reference {
    known: Mutex<Option<Listed>>,
}

impl Reference {
    /// Whether nothing is known yet.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_none()
    }

    /// What is to be told of a list; `None` where it says nothing that is not known.
    pub(super) fn news(&self, by: By, listed: Listed) -> Option<Listed> {
        match (by, &*self.lock()) {
            (By::House, _) => Some(Listed { whole: true, ..listed }),
            (By::Guest, None) => Some(Listed { whole: false, ..listed }),
            (By::Guest, Some(known)) => merge(known, listed),
        }
    }

    /// This was told, and holds until there is more.
    pub(super) fn told(&self, listed: Listed) {
        *self.lock() = Some(listed);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Listed>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known with what a list of somebody who may not see everything adds to it or says
/// otherwise; `None` where that is nothing.
fn merge(known: &Listed, listed: Listed) -> Option<Listed> {
    let index: HashMap<(Kind, &str), &str> = known
        .items
        .iter()
        .map(|item| ((item.kind, item.name.as_str()), item.raw.as_str()))
        .collect();
    let is_known = |item: &Item| {
        index.get(&(item.kind, item.name.as_str())).is_some_and(|it| **it == item.raw)
    };
    if listed.items.iter().all(is_known) && is_same_of_itself(&known.facts, &listed.facts) {
        return None;
    }
    let mut seen: HashMap<(Kind, String), Item> =
        listed.items.into_iter().map(|item| ((item.kind, item.name.clone()), item)).collect();
    // In the known order, so that only what changed has changed; what is new comes last.
    let mut items: Vec<Item> = known
        .items
        .iter()
        .map(|item| seen.remove(&(item.kind, item.name.clone())).unwrap_or_else(|| item.clone()))
        .collect();
    let mut added: Vec<Item> = seen.into_values().collect();
    added.sort_by(|one, other| (one.kind, &one.name).cmp(&(other.kind, &other.name)));
    items.extend(added);
    let facts = ServerFacts { capabilities: known.facts.capabilities.clone(), ..listed.facts };
    Some(Listed { facts, items, left_out: listed.left_out, whole: false })
}

/// Whether a server says the same of itself; what it can do may depend on whom it speaks with.
fn is_same_of_itself(known: &ServerFacts, said: &ServerFacts) -> bool {
    known.version == said.version
        && known.info == said.info
        && known.instructions == said.instructions
}

#[cfg(test)]
mod tests;
