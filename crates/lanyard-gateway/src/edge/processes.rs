//! The processes of servers, as an operator is told of them.

use lanyard_connect::mcp::{ProcessReport, SessionKey};
use lanyard_core::{Principal, ServerName, TenantName, Timestamp};
use lanyard_vault::Masker;
use tokio::time::Instant;

use super::Gateway;
use crate::snapshot::Snapshot;

/// Processes of one server that are told of at most.
const SHOWN_MAX: usize = 8;

/// A process of a server, and what it complained about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessStatus {
    /// Its process id.
    pub pid: u32,
    /// Whom it speaks for; `None` for the gateway's own listing and probing.
    pub principal: Option<Principal>,
    /// Whether the server was only tried out in it.
    pub trial: bool,
    /// When it was started.
    pub since: Timestamp,
    /// How it ended, in words, if it has.
    pub exit: Option<String>,
    /// What it wrote to stderr last, credentials masked. It is a stranger's text.
    pub stderr: String,
}

impl Gateway {
    /// The processes of a server that run or ended lately; where they are many, those that
    /// complained last. The last of them is at the end.
    pub fn processes(&self, tenant: &TenantName, server: &ServerName) -> Vec<ProcessStatus> {
        let of = |key: &SessionKey| key.tenant == *tenant && key.server == *server;
        let masker = masker(&self.core.snapshot(), tenant, server);
        let now = self.core.clock.now();
        let status = |report: ProcessReport| ProcessStatus {
            pid: report.pid,
            trial: is_trial(&report.key),
            since: started_at(&report, now),
            stderr: masked(&report.stderr, &masker),
            principal: report.key.principal,
            exit: report.exit,
        };
        self.core.mcp_sessions.processes(of, SHOWN_MAX).into_iter().map(status).collect()
    }

    /// What a server that was tried out just now wrote to its stderr last, credentials masked.
    pub fn trial_stderr(
        &self,
        snapshot: &Snapshot,
        tenant: &TenantName,
        server: &ServerName,
    ) -> String {
        let of = |key: &SessionKey| key.tenant == *tenant && key.server == *server && is_trial(key);
        let masker = masker(snapshot, tenant, server);
        let last = self.core.mcp_sessions.processes(of, 1).pop();
        last.map(|report| masked(&report.stderr, &masker)).unwrap_or_default()
    }
}

/// Sessions of the gateway's own are nobody's, and those of trials are kept apart from one another.
fn is_trial(key: &SessionKey) -> bool {
    key.principal.is_none() && key.owner.is_some()
}

fn started_at(report: &ProcessReport, now: Timestamp) -> Timestamp {
    let age = Instant::now().saturating_duration_since(report.started);
    Timestamp(now.0.saturating_sub(i64::try_from(age.as_micros()).unwrap_or(i64::MAX)))
}

fn masker(snapshot: &Snapshot, tenant: &TenantName, server: &ServerName) -> Masker {
    match snapshot.find(tenant, server) {
        // A process that works for a user was given that user's credentials.
        Some(server) => snapshot.masker_of_all(server),
        None => snapshot.vault.masker(tenant, &[]),
    }
}

fn masked(text: &str, masker: &Masker) -> String {
    String::from_utf8_lossy(&masker.mask(text.as_bytes()).0).into_owned()
}
