//! What a client is told when one of its servers says that a list changed.
//!
//! Lists come from the catalog, so a stream tells of a change when what it shows has changed. But
//! what a server says on a session of a client's own may be true of that session alone: another
//! process lists what it always did, and the catalog stays as it is. So the client is told in any
//! case, once the lists were looked at, and not twice where the catalog changed too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use lanyard_connect::mcp::SessionKey;
use lanyard_wire::ChangedList;
use tokio::sync::Notify;

use super::Core;

/// The least time between two looks that one session asks for.
const PAUSE: Duration = Duration::from_secs(1);

/// Something for each list that can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct PerList<T> {
    tools: T,
    prompts: T,
    resources: T,
}

impl<T> PerList<T> {
    pub(super) fn new(of: impl Fn(ChangedList) -> T) -> Self {
        Self {
            tools: of(ChangedList::Tools),
            prompts: of(ChangedList::Prompts),
            resources: of(ChangedList::Resources),
        }
    }

    pub(super) fn get(&self, list: ChangedList) -> &T {
        match list {
            ChangedList::Tools => &self.tools,
            ChangedList::Prompts => &self.prompts,
            ChangedList::Resources => &self.resources,
        }
    }

    fn get_mut(&mut self, list: ChangedList) -> &mut T {
        match list {
            ChangedList::Tools => &mut self.tools,
            ChangedList::Prompts => &mut self.prompts,
            ChangedList::Resources => &mut self.resources,
        }
    }
}

/// What one stream has told of changed lists, and what it is to tell.
#[derive(Debug, Default)]
pub(super) struct Telling {
    state: Mutex<Told>,
    is_due: Notify,
}

#[derive(Debug, Default)]
struct Told {
    /// How often each list was told of.
    times: PerList<u64>,
    due: PerList<bool>,
}

impl Telling {
    fn lock(&self) -> MutexGuard<'_, Told> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often each list was told of so far.
    fn times(&self) -> PerList<u64> {
        self.lock().times
    }

    /// These lists changed; what was told of since `before` needs not be told again.
    fn wants(&self, lists: PerList<bool>, before: PerList<u64>) {
        let mut told = self.lock();
        for list in ChangedList::ALL {
            if *lists.get(list) && told.times.get(list) == before.get(list) {
                *told.due.get_mut(list) = true;
            }
        }
        drop(told);
        self.is_due.notify_one();
    }

    /// Ready when there is something to tell.
    pub(super) async fn due(&self) {
        self.is_due.notified().await;
    }

    /// What is to be told.
    pub(super) fn take(&self) -> PerList<bool> {
        std::mem::take(&mut self.lock().due)
    }

    /// A list is being told of.
    pub(super) fn told(&self, list: ChangedList) {
        let mut told = self.lock();
        let times = told.times.get_mut(list);
        *times = times.wrapping_add(1);
        *told.due.get_mut(list) = false;
    }
}

/// The sessions whose servers said that lists changed, each with those that were not looked at yet.
#[derive(Debug, Default)]
pub(super) struct Changes {
    by_session: Mutex<HashMap<SessionKey, PerList<bool>>>,
}

impl Changes {
    fn lock(&self) -> MutexGuard<'_, HashMap<SessionKey, PerList<bool>>> {
        self.by_session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a change. `true` where nobody looks after the session's changes yet.
    pub(super) fn note(&self, key: &SessionKey, list: ChangedList) -> bool {
        let mut by_session = self.lock();
        let is_first = !by_session.contains_key(key);
        *by_session.entry(key.clone()).or_default().get_mut(list) = true;
        is_first
    }

    /// The changes of a session. Where there are none, nobody looks after them from now on.
    fn take(&self, key: &SessionKey) -> Option<PerList<bool>> {
        let mut by_session = self.lock();
        let lists = std::mem::take(by_session.get_mut(key)?);
        if lists == PerList::default() {
            by_session.remove(key);
            return None;
        }
        Some(lists)
    }
}

/// Looks after the changes of one session: has its lists read, and then tells its clients.
pub(super) async fn look_after(core: Weak<Core>, key: SessionKey) {
    loop {
        let Some(core) = core.upgrade() else { return };
        let Some(lists) = core.hub.changes.take(&key) else { return };
        let telling: Vec<(Arc<Telling>, PerList<u64>)> = core
            .hub
            .ears(&key)
            .into_iter()
            .map(|ear| {
                let times = ear.telling.times();
                (ear.telling, times)
            })
            .collect();
        core.fleet.lists_changed(&key).await;
        for (telling, before) in telling {
            telling.wants(lists, before);
        }
        let shutdown = core.shutdown.clone();
        drop(core);
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(list: ChangedList) -> PerList<bool> {
        PerList::new(|it| it == list)
    }

    #[test]
    fn what_was_told_meanwhile_is_not_told_again() {
        let telling = Telling::default();
        let before = telling.times();
        telling.told(ChangedList::Tools);
        telling.wants(PerList::new(|_| true), before);
        assert_eq!(telling.take(), PerList::new(|it| it != ChangedList::Tools));
        assert_eq!(telling.take(), PerList::default());
    }

    #[test]
    fn what_is_being_told_is_no_longer_due() {
        let telling = Telling::default();
        telling.wants(only(ChangedList::Prompts), telling.times());
        telling.told(ChangedList::Prompts);
        assert_eq!(telling.take(), PerList::default());
    }
}
