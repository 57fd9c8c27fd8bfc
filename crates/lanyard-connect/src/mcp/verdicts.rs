//! Which kind of server each one turned out to be, so that it is not asked each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lanyard_core::{ServerName, TenantName};

use super::sessions::SessionKey;

/// What a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The stateless version.
    Modern,
    /// A version that begins with `initialize`, over streamable HTTP or lines.
    Legacy,
    /// HTTP+SSE of 2024-11-05.
    Sse,
}

/// All verdicts: one for each server, that of its latest configuration.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    known: Mutex<HashMap<(TenantName, ServerName), (u64, Verdict)>>,
}

impl Verdicts {
    fn known(&self) -> MutexGuard<'_, HashMap<(TenantName, ServerName), (u64, Verdict)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is remembered of one server in one configuration.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    verdicts: Arc<Verdicts>,
    server: (TenantName, ServerName),
    generation: u64,
}

impl Remembered {
    pub(super) fn new(verdicts: &Arc<Verdicts>, key: &SessionKey) -> Self {
        Self {
            verdicts: Arc::clone(verdicts),
            server: (key.tenant.clone(), key.server.clone()),
            generation: key.generation,
        }
    }

    /// The server, for the log.
    pub(super) fn server(&self) -> &ServerName {
        &self.server.1
    }

    /// The verdict, if there is one for this configuration.
    pub(super) fn get(&self) -> Option<Verdict> {
        let known = self.verdicts.known();
        known.get(&self.server).filter(|(of, _)| *of == self.generation).map(|(_, it)| *it)
    }

    /// Remembers a verdict, unless a later configuration has one.
    pub(super) fn set(&self, verdict: Verdict) {
        let mut known = self.verdicts.known();
        let is_later = known.get(&self.server).is_some_and(|(of, _)| *of > self.generation);
        if !is_later {
            known.insert(self.server.clone(), (self.generation, verdict));
        }
    }

    /// Forgets the verdict on this configuration.
    pub(super) fn forget(&self) {
        let mut known = self.verdicts.known();
        if known.get(&self.server).is_some_and(|(of, _)| *of == self.generation) {
            known.remove(&self.server);
        }
    }
}
