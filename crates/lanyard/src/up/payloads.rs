//! Keeps the keys of subjects in the database, and opened in memory those that are in use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lanyard_core::{Clock as _, Failure, PayloadSubject, TenantName, chain};
use lanyard_gateway::payloads::{Keying, Payloads, SubjectSeal};
use lanyard_store::{Store, StoreError};
use lanyard_vault::{MasterKey, SealError, Sealed, SubjectPlace};

use super::record_id;
use crate::clock::SystemClock;

/// Keys that are held open. Past it all are closed, and opened again when they are needed.
const OPEN_MAX: usize = 4096;

type Opened = HashMap<(TenantName, PayloadSubject), Arc<SubjectSeal>>;

/// The keys of subjects.
#[derive(Debug, Clone)]
pub(crate) struct StoredSubjects(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    store: Arc<Store>,
    master: Arc<MasterKey>,
    opened: Mutex<Opened>,
    /// One key is fetched or forgotten at a time: a key that is being fetched while it is erased would
    /// else be held open afterwards. Waits for the database, so no task of the gateway takes it.
    fetching: Mutex<()>,
}

impl StoredSubjects {
    pub(crate) fn new(store: &Arc<Store>, master: &Arc<MasterKey>) -> Self {
        Self(Arc::new(Shared {
            store: Arc::clone(store),
            master: Arc::clone(master),
            opened: Mutex::default(),
            fetching: Mutex::default(),
        }))
    }

    /// From now on nothing is sealed under the key that a subject had. To be called when the database
    /// holds that key no more.
    pub(crate) fn forget(&self, tenant: &TenantName, subject: &PayloadSubject) {
        let _one = self.0.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (tenant.clone(), subject.clone());
        if let Some(seal) = self.0.opened().remove(&key) {
            seal.erase();
        }
    }
}

impl Payloads for StoredSubjects {
    fn key(&self, tenant: &TenantName, subject: &PayloadSubject) -> Keying<'_> {
        let key = (tenant.clone(), subject.clone());
        let known = self.0.opened().get(&key).cloned();
        Box::pin(async move {
            if let Some(known) = known {
                return Ok(known);
            }
            let shared = Arc::clone(&self.0);
            match tokio::task::spawn_blocking(move || shared.fetch(key)).await {
                Ok(Ok(seal)) => Ok(seal),
                Ok(Err(error)) => {
                    tracing::error!(
                        error,
                        "The key for payloads cannot be had, so the call is refused."
                    );
                    Err(Failure::Unrecordable)
                }
                Err(_) => Err(Failure::Bug),
            }
        })
    }
}

/// Why a key was not made.
enum Unmade {
    Store(StoreError),
    Seal(SealError),
}

impl From<StoreError> for Unmade {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Shared {
    fn opened(&self) -> MutexGuard<'_, Opened> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fetch(&self, key: (TenantName, PayloadSubject)) -> Result<Arc<SubjectSeal>, String> {
        let _one = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seal) = self.opened().get(&key) {
            return Ok(Arc::clone(seal));
        }
        let (tenant, subject) = &key;
        let new = (record_id(), SystemClock.now());
        let made = self.store.subject_key(tenant, subject, new, |id| {
            let place = SubjectPlace { tenant, subject, key: id };
            let stored = self.master.make_subject_key(&place).map_err(Unmade::Seal)?;
            Ok(stored.as_bytes().to_vec())
        });
        let row = made.map_err(|error| match error {
            Unmade::Store(error) => chain(&error),
            Unmade::Seal(error) => chain(&error),
        })?;
        let place = SubjectPlace { tenant, subject, key: &row.id };
        let stored = Sealed::from_bytes(row.wrapped.unwrap_or_default());
        let opened = self.master.open_subject_key(&place, &stored);
        let opened = opened.map_err(|error| format!("the key of {subject}: {error}"))?;
        let seal = Arc::new(SubjectSeal::new(key.clone(), row.id, opened));
        let mut held = self.opened();
        if held.len() >= OPEN_MAX {
            held.clear();
        }
        held.insert(key, Arc::clone(&seal));
        Ok(seal)
    }
}
