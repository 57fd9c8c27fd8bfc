//! Opens the data directory: its lock, its key, its rows, its log.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lanyard_core::{Clock as _, Limits, Timestamp, chain};
use lanyard_gateway::edge::SessionEnds;
use lanyard_store::audit::{Log, Options};
use lanyard_store::{SessionEndedRow, Store};
use lanyard_vault::MasterKey;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::SystemClock;

/// A data directory in use.
pub(crate) struct Opened {
    pub(crate) store: Arc<Store>,
    pub(crate) master: Arc<MasterKey>,
    pub(crate) log: Arc<Log>,
    pub(crate) audit_directory: PathBuf,
}

/// Opens a data directory, making it where it is missing.
pub(crate) fn open(data: PathBuf, limits: &Limits, strict: bool) -> Result<Opened, String> {
    let text = |error: &dyn std::error::Error| chain(error);
    // The key is made before the database: a database without its key stops the start, so a start
    // that is cut off in between must not leave one.
    lanyard_store::prepare_directory(&data).map_err(|error| text(&error))?;
    let master = key(&data.join("key"), &data.join("lanyard.db"))?;
    let store = Store::open(&data).map_err(|error| text(&error))?;
    let expected = store.log_head().map_err(|error| text(&error))?;
    let audit_directory = data.join("audit");
    let (log, recovered) = Log::open(
        &audit_directory,
        Options::new(limits, strict),
        Arc::new(master.signer()),
        Arc::new(SystemClock),
        expected,
    )
    .map_err(|error| text(&error))?;
    if !recovered.is_clean() {
        tracing::warn!(?recovered, "The last run did not end cleanly; its log was put right.");
    }
    let opened = Opened {
        store: Arc::new(store),
        master: Arc::new(master),
        log: Arc::new(log),
        audit_directory,
    };
    opened.note_head()?;
    let pruned = opened.store.sessions_prune(SystemClock.now()).map_err(|error| text(&error))?;
    tracing::debug!(pruned, "Ended sessions whose ids have expired were forgotten.");
    Ok(opened)
}

fn key(path: &Path, database: &Path) -> Result<MasterKey, String> {
    if !path.exists() && database.exists() {
        return Err(format!(
            "the key file {} is missing, and the secrets in {} are sealed with it; put the key back from your backup",
            path.display(),
            database.display()
        ));
    }
    if !path.exists() {
        MasterKey::create(path).map_err(|error| chain(&error))?;
    }
    // Also a key that was just made is read back: should two first starts meet here, the file is
    // right and what one of them holds in memory may not be.
    MasterKey::load(path).map_err(|error| chain(&error))
}

/// How often the log's head is noted in the database while it grows. What was cut from the end
/// of a log is found at the next start up to what was last noted.
const HEAD_EVERY: Duration = Duration::from_secs(5);

impl Opened {
    fn note_head(&self) -> Result<(), String> {
        self.store.log_head_set(&self.log.head()).map_err(|error| chain(&error))
    }

    /// Notes the log's head at intervals until the gateway stops.
    pub(crate) fn note_head_regularly(&self, tasks: &TaskTracker, shutdown: &CancellationToken) {
        let (store, log) = (Arc::clone(&self.store), Arc::clone(&self.log));
        let (blocking, shutdown) = (tasks.clone(), shutdown.clone());
        tasks.spawn(async move {
            let mut noted = log.head();
            loop {
                tokio::select! {
                    () = tokio::time::sleep(HEAD_EVERY) => {}
                    () = shutdown.cancelled() => return,
                }
                let head = log.head();
                if head == noted {
                    continue;
                }
                let (store, wanted) = (Arc::clone(&store), head);
                match blocking.spawn_blocking(move || store.log_head_set(&wanted)).await {
                    Ok(Ok(())) => noted = head,
                    Ok(Err(error)) => {
                        tracing::error!(error = chain(&error), "The head of the log is not noted.");
                    }
                    Err(error) => tracing::error!(%error, "The head of the log is not noted."),
                }
            }
        });
    }

    /// Closes the log and notes its head.
    pub(crate) fn close(self) -> Result<(), String> {
        self.log.close().map_err(|error| chain(&error))?;
        self.note_head()
    }
}

/// How many ends of sessions may wait to be written. Past it an end is remembered in memory alone,
/// so that an agent that ends sessions in a loop does not keep the database from a revocation.
const ENDS_QUEUED_MAX: usize = 256;

/// Remembers in the database that sessions ended, one after the other, in a task of its own.
#[derive(Debug)]
pub(crate) struct StoredEnds(mpsc::Sender<SessionEndedRow>);

impl StoredEnds {
    pub(crate) fn start(store: Arc<Store>, tasks: &TaskTracker) -> Self {
        let (sender, mut rows) = mpsc::channel::<SessionEndedRow>(ENDS_QUEUED_MAX);
        tasks.spawn(async move {
            while let Some(row) = rows.recv().await {
                let store = Arc::clone(&store);
                let written = tokio::task::spawn_blocking(move || store.session_end(&row)).await;
                if !matches!(written, Ok(Ok(()))) {
                    tracing::error!("The end of a session is forgotten at the next start.");
                }
            }
        });
        Self(sender)
    }
}

impl SessionEnds for StoredEnds {
    fn ended(&self, key: [u8; 32], until: Timestamp) {
        if self.0.try_send(SessionEndedRow { id_hash: key, until }).is_err() {
            tracing::warn!(
                "Sessions end faster than it can be noted; one is noted in memory alone."
            );
        }
    }
}
