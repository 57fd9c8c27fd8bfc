//! The life of a change, once for all routes.

use std::sync::PoisonError;

use lanyard_core::{ChangeRecord, Record, chain};
use lanyard_store::{Change, Configuration, StoreError};

use crate::Admin;
use crate::actor::{Actor, Owner, Reader};
use crate::error::ApiError;
use crate::state::Shared;
use crate::tenant;

/// The port to whoever turns rows into what calls are decided by. The program offers it.
pub trait Compile: Send + Sync + std::fmt::Debug {
    /// Compiles a whole configuration, or says in a sentence why it does not hold together.
    /// Nothing is in force until [`Ready::publish`].
    fn compile(&self, rows: &Configuration) -> Result<Ready, String>;

    /// What is wrong with the configuration in force though calls go on without it: secrets that
    /// cannot be opened, for instance. One sentence each.
    fn warnings(&self) -> Vec<String>;
}

/// A compiled configuration that waits to be put in force.
pub struct Ready(Box<dyn FnOnce() + Send>);

impl Ready {
    /// Wraps the step that puts it in force.
    pub fn new(publish: impl FnOnce() + Send + 'static) -> Self {
        Self(Box::new(publish))
    }

    /// Puts it in force: when this returns, the next call is decided by it.
    pub fn publish(self) {
        (self.0)();
    }
}

impl std::fmt::Debug for Ready {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Ready(..)")
    }
}

/// What a change is about, for its record.
#[derive(Debug)]
pub(crate) struct About {
    /// `server.add`, `secret.set`, ...
    pub(crate) action: &'static str,
    /// `server:billing`, ...
    pub(crate) subject: String,
}

/// Who makes a change, for its record.
#[derive(Debug)]
pub(crate) struct By {
    /// `operator:ann`, `owner:uid:1000`, or `lanyard`.
    pub(crate) name: String,
    /// Where the connection came from.
    pub(crate) peer: Option<String>,
}

impl By {
    /// What the program does by itself.
    pub(crate) fn lanyard() -> Self {
        Self { name: "lanyard".to_owned(), peer: None }
    }
}

/// Whether the rows that were written are to stay.
#[derive(Debug)]
pub(crate) enum Landing<T> {
    /// They are the new configuration.
    Keep(T),
    /// They were a trial, or made no difference: all of it is taken back.
    Undo(T),
}

/// Why a transaction was not committed.
enum Stop<T> {
    Refused(ApiError),
    Undone(T),
}

impl<T> From<StoreError> for Stop<T> {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}

impl<T> From<ApiError> for Stop<T> {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

impl Admin {
    /// Makes one change. `rows` writes; what it returns is given back once the change is in force.
    pub(crate) async fn change<T, F>(
        &self,
        owner: &Owner,
        about: About,
        rows: F,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Shared, &Change<'_>) -> Result<T, ApiError> + Send + 'static,
    {
        self.change_if(owner, about, |shared, change| rows(shared, change).map(Landing::Keep)).await
    }

    /// The same for what turns out to be a change only when it looks at the rows.
    pub(crate) async fn change_if<T, F>(
        &self,
        owner: &Owner,
        about: About,
        rows: F,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Shared, &Change<'_>) -> Result<Landing<T>, ApiError> + Send + 'static,
    {
        let by = owner.actor().by();
        self.blocking(move |shared| shared.land(by, about, rows)).await
    }

    /// Goes through a whole change, the trial compilation included, and takes it back.
    pub(crate) async fn rehearse<T, F>(
        &self,
        reader: &Reader,
        about: About,
        rows: F,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Shared, &Change<'_>) -> Result<T, ApiError> + Send + 'static,
    {
        let by = reader.actor().by();
        let rows = |shared: &Shared, change: &Change<'_>| rows(shared, change).map(Landing::Undo);
        self.blocking(move |shared| shared.land(by, about, rows)).await
    }

    /// Runs what waits for the disk where waiting hurts nobody.
    pub(crate) async fn blocking<T, F>(&self, work: F) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: FnOnce(&Shared) -> Result<T, ApiError> + Send + 'static,
    {
        let shared = std::sync::Arc::clone(&self.shared);
        match tokio::task::spawn_blocking(move || work(&shared)).await {
            Ok(result) => result,
            Err(error) => Err(ApiError::internal("a defect of lanyard", &error)),
        }
    }
}

impl Shared {
    pub(crate) fn land<T>(
        &self,
        by: By,
        about: About,
        rows: impl FnOnce(&Self, &Change<'_>) -> Result<Landing<T>, ApiError>,
    ) -> Result<T, ApiError> {
        // Nothing but changes takes this lock, and a change that panicked was rolled back.
        let _one = self.one_change.lock().unwrap_or_else(PoisonError::into_inner);
        let record = self.record(by, about);
        let landed = self.parts.store.change(record, |change| {
            let landing = rows(self, change)?;
            let configuration = change.configuration()?;
            if configuration.tenants.iter().all(|row| row.name != self.tenant) {
                return Err(tenant::no_tenant(&self.tenant).into());
            }
            let ready = self.parts.compiler.compile(&configuration).map_err(ApiError::conflict)?;
            match landing {
                Landing::Keep(value) => Ok((value, ready)),
                Landing::Undo(value) => Err(Stop::Undone(value)),
            }
        });
        let (value, ready) = match landed {
            Ok(landed) => landed,
            Err(Stop::Undone(value)) => return Ok(value),
            Err(Stop::Refused(error)) => return Err(error),
        };
        ready.publish();
        if let Err(error) = self.drain_outbox() {
            // The change holds and its record is safe in the database; it reaches the log with
            // the next change or the next start.
            tracing::error!(%error, "The record of a change is not in the log yet.");
        }
        Ok(value)
    }

    /// Records something that was done and changed no row.
    pub(crate) fn note(&self, actor: &Actor, about: About) -> Result<(), ApiError> {
        self.note_with(actor, about, [])
    }

    /// The same with more to tell.
    pub(crate) fn note_with<const N: usize>(
        &self,
        actor: &Actor,
        about: About,
        detail: [(&str, String); N],
    ) -> Result<(), ApiError> {
        let mut record = self.record(actor.by(), about);
        record.detail = detail.map(|(name, value)| (name.to_owned(), value)).into();
        self.parts
            .log
            .append(&Record::Changed(record))
            .map(|_| ())
            .map_err(|error| ApiError::internal("it could not be recorded", &error))
    }

    pub(crate) fn record(&self, by: By, about: About) -> ChangeRecord {
        ChangeRecord {
            id: (self.parts.record_ids)(),
            time: self.parts.clock.now(),
            tenant: self.tenant.clone(),
            actor: by.name,
            peer: by.peer,
            action: about.action.to_owned(),
            subject: about.subject,
            detail: Vec::new(),
        }
    }

    pub(crate) fn drain_outbox(&self) -> Result<(), String> {
        let drained = self.parts.store.outbox_drain(&self.parts.log);
        drained.map(|_| ()).map_err(|error| chain(&error))
    }
}
