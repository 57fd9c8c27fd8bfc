//! Which definition of each tool a client was shown last. A call is made with that definition in
//! mind: when an operator has approved or put in place another one meanwhile, the client has to
//! read it before it calls.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

use super::{ServerEntry, ToolEntry};

/// What one client was shown. Numbers stand for names and definitions: two that happen to have the
/// same one cost a warning, and open nothing.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    definitions: Mutex<HashMap<u64, u64>>,
}

impl Seen {
    /// The client is shown these tools as they are now.
    pub(crate) fn note<'a>(&self, tools: impl Iterator<Item = (&'a ServerEntry, &'a ToolEntry)>) {
        let mut definitions = self.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        definitions.extend(tools.map(|(server, tool)| (key(server, tool), tool.fingerprint())));
    }

    /// Whether a tool is what the client was shown, or was not shown at all.
    pub(crate) fn is_current(&self, server: &ServerEntry, tool: &ToolEntry) -> bool {
        let definitions = self.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        definitions.get(&key(server, tool)).is_none_or(|shown| *shown == tool.fingerprint())
    }
}

fn key(server: &ServerEntry, tool: &ToolEntry) -> u64 {
    let mut hasher = DefaultHasher::new();
    (server.name.as_str(), tool.name().as_str()).hash(&mut hasher);
    hasher.finish()
}
