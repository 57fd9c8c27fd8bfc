//! Keeps what the gateway asks people, and what they answer, in the database.

use std::sync::Arc;
use std::time::Duration;

use lanyard_core::{ChangeRecord, Clock as _, Failure, Limits, RecordId, chain};
use lanyard_gateway::approvals::{Approvals, Settling, Standing, WantedYes};
use lanyard_store::audit::Log;
use lanyard_store::{ApprovalRow, ApprovalStanding, ApprovalState, Store, WantedApproval};
use lanyard_vault::ApprovalSealer;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::record_id;
use crate::clock::SystemClock;

/// Decisions that a waiting call may be behind. Past it, it looks for itself.
const DECISIONS_MAX: usize = 256;

/// How often requests are ended whose time is over.
const EXPIRE_EVERY: Duration = Duration::from_secs(5);

/// Requests and decisions in the database.
#[derive(Debug, Clone)]
pub(crate) struct StoredApprovals {
    store: Arc<Store>,
    log: Arc<Log>,
    sealer: ApprovalSealer,
    pending_max: u64,
    decisions: broadcast::Sender<RecordId>,
}

impl StoredApprovals {
    pub(crate) fn new(
        store: &Arc<Store>,
        log: &Arc<Log>,
        sealer: ApprovalSealer,
        limits: &Limits,
    ) -> Self {
        Self {
            store: Arc::clone(store),
            log: Arc::clone(log),
            sealer,
            pending_max: limits.agent_approvals_max,
            decisions: broadcast::Sender::new(DECISIONS_MAX),
        }
    }

    /// Tells the calls that wait that one was decided.
    pub(crate) fn decided(&self, id: &RecordId) {
        if self.decisions.send(id.clone()).is_err() {
            tracing::debug!(%id, "Nobody waits for a decision.");
        }
    }

    /// Ends what has waited too long, until the gateway stops.
    pub(crate) fn expire_regularly(&self, tasks: &TaskTracker, shutdown: &CancellationToken) {
        let (this, blocking, shutdown) = (self.clone(), tasks.clone(), shutdown.clone());
        tasks.spawn(async move {
            loop {
                let expiring = this.clone();
                match blocking.spawn_blocking(move || expiring.expire()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::error!(error, "No approval can be ended."),
                    Err(error) => tracing::error!(%error, "No approval can be ended."),
                }
                tokio::select! {
                    () = tokio::time::sleep(EXPIRE_EVERY) => {}
                    () = shutdown.cancelled() => return,
                }
            }
        });
    }

    fn expire(&self) -> Result<(), String> {
        let now = SystemClock.now();
        let ended = self.store.approvals_expire(now, &record_id).map_err(|error| chain(&error))?;
        if ended > 0 {
            self.store.outbox_drain(&self.log).map_err(|error| chain(&error))?;
        }
        Ok(())
    }

    fn settle_now(&self, wanted: WantedYes) -> Result<Standing, String> {
        let wanted = self.wanted(wanted)?;
        let settled = self.store.approval_settle(&wanted, &record_id);
        let standing = settled.map_err(|error| chain(&error))?;
        if matches!(standing, ApprovalStanding::Pending { new: true, .. }) {
            // The request stands, and its record is safe in the database.
            if let Err(error) = self.store.outbox_drain(&self.log) {
                tracing::error!(error = chain(&error), "A request is not in the log yet.");
            }
        }
        Ok(match standing {
            ApprovalStanding::Used(id) => Standing::Yes(id),
            ApprovalStanding::Refused { id, why } => Standing::No { id, why },
            ApprovalStanding::Pending { id, until, new } => Standing::Pending { id, until, new },
            ApprovalStanding::Full => Standing::Full,
        })
    }

    /// The request as it is stored if it is made.
    fn wanted(&self, wanted: WantedYes) -> Result<WantedApproval, String> {
        let WantedYes { id, call, time, principal, peer, ttl, .. } = wanted;
        let place = format!("{}/{id}", principal.tenant);
        let sealed = self.sealer.seal(&place, &wanted.shown).map_err(|error| error.to_string())?;
        let row = ApprovalRow {
            id: id.clone(),
            tenant: principal.tenant.clone(),
            agent: principal.agent.clone(),
            user: principal.user,
            server: wanted.server,
            tool: wanted.tool,
            arguments_digest: wanted.arguments_digest,
            pin: wanted.pin,
            policy: wanted.policy,
            rules: wanted.rules,
            reason: wanted.reason,
            binding: wanted.binding,
            arguments: Some(sealed),
            ttl_ms: u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX),
            state: ApprovalState::Pending,
            asked_at: time,
            expires_at: time.plus(ttl),
            decided_at: None,
            decided_by: None,
            decided_why: None,
            used_at: None,
            used_by: None,
        };
        let record = ChangeRecord {
            id,
            time,
            tenant: principal.tenant,
            actor: format!("agent:{}", principal.agent),
            peer: Some(peer),
            action: "approval.request".to_owned(),
            subject: row.subject(),
            detail: Vec::new(),
        };
        Ok(WantedApproval { row, record, call, pending_max: self.pending_max })
    }
}

impl Approvals for StoredApprovals {
    fn settle(&self, wanted: WantedYes) -> Settling<'_> {
        let this = self.clone();
        Box::pin(async move {
            match tokio::task::spawn_blocking(move || this.settle_now(wanted)).await {
                Ok(Ok(standing)) => Ok(standing),
                Ok(Err(error)) => {
                    tracing::error!(error, "No person can be asked, so the call is refused.");
                    Err(Failure::Bug)
                }
                Err(_) => Err(Failure::Bug),
            }
        })
    }

    fn decisions(&self) -> broadcast::Receiver<RecordId> {
        self.decisions.subscribe()
    }
}
