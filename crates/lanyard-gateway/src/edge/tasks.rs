//! Which server a task belongs to, on the endpoint that merges several: a task's id says nothing of
//! it. An id is a handle: it leads only its own principal to its server.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use lanyard_core::{Principal, ServerName};

use super::Core;
use crate::call::Beside;

/// The tasks that servers began for principals.
#[derive(Debug, Default)]
pub(crate) struct TaskOwners {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    owners: HashMap<(Principal, String), ServerName>,
    order: VecDeque<(Principal, String)>,
}

/// How many are remembered. Past it the oldest is forgotten; it can still be asked for on its
/// server's own endpoint.
const TASKS_MAX: usize = 10_000;

impl TaskOwners {
    /// A server began a task for a principal. The first server to name an id keeps it.
    pub(crate) fn began(&self, principal: &Principal, id: &str, server: &ServerName) {
        let key = (principal.clone(), id.to_owned());
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.owners.contains_key(&key) {
            return;
        }
        state.owners.insert(key.clone(), server.clone());
        state.order.push_back(key);
        if state.order.len() > TASKS_MAX
            && let Some(oldest) = state.order.pop_front()
        {
            state.owners.remove(&oldest);
        }
    }

    fn of(&self, principal: &Principal, id: &str) -> Option<ServerName> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.owners.get(&(principal.clone(), id.to_owned())).cloned()
    }
}

impl Core {
    /// The server of a task, for a request that is about one.
    pub(crate) fn task_owner(
        &self,
        principal: &Principal,
        beside: &Beside<'_>,
    ) -> Option<ServerName> {
        match beside {
            Beside::Task(id) => self.task_owners.of(principal, id),
            Beside::Prompt(_)
            | Beside::Resource(_)
            | Beside::PromptReference(_)
            | Beside::ResourceReference(_)
            | Beside::Other(_) => None,
        }
    }

    /// Notes the task that a result begins, if it begins one.
    pub(crate) fn note_task(&self, principal: &Principal, server: &ServerName, result: &str) {
        let id = [&["taskId"][..], &["task", "taskId"]].into_iter().find_map(|path| {
            let member = lanyard_wire::splice::member(result, path)?;
            serde_json::from_str::<String>(member.get()).ok()
        });
        if let Some(id) = id {
            self.task_owners.began(principal, &id, server);
        }
    }
}
