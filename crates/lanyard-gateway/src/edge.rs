//! The edge: accepts connections, checks and authenticates requests, decodes messages, and
//! encodes what the call says. Sessions of older protocol versions live here and nowhere else.

mod approvals;
mod ask;
mod attend;
pub(crate) mod authn;
mod body;
mod changes;
pub(crate) mod client;
mod dispatch;
mod first;
mod hub;
mod learn;
mod lines;
mod list;
mod offer;
mod outlet;
mod own;
mod parked;
mod processes;
mod refusals;
mod replay;
mod reply;
mod request;
pub(crate) mod route;
mod search;
mod serve;
mod session;
mod stream;
mod subscriptions;
mod tasks;
mod unread;
mod user;

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use lanyard_connect::mcp::{Sessions as McpSessions, SessionsParts};
use lanyard_core::{Clock, Failure, Limits, Record, ServerName, TenantName, ToolName};
use lanyard_store::audit::{Log, Position};
use lanyard_vault::{Digester, SessionSealer};
use lanyard_wire::DecodeLimits;
use ring::rand::{SecureRandom as _, SystemRandom};
use thiserror::Error;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::processes::ProcessStatus;
pub use self::serve::Listener;
pub use self::session::SessionEnds;
use crate::approvals::Approvals;
use crate::call::probe::{Named, Probed, Untried, probe};
use crate::call::{Continued, RecordIds, Rounds, ServerCredentials, Watched};
use crate::fleet::{Catalogs, Fleet, FleetParts, Listed, Member, TryOutError};
use crate::payloads::Payloads;
use crate::snapshot::{McpEntry, Snapshot};
use lanyard_connect::http::Upstream;

/// How long the end of a session waits for its calls, which were cancelled.
const CALLS_END_MAX: Duration = Duration::from_secs(5);

/// What a gateway is made of. The program makes the parts; the gateway makes none by itself.
#[derive(Debug)]
pub struct GatewayParts {
    /// The limits in force.
    pub limits: Limits,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Where records go.
    pub log: Arc<Log>,
    /// Whether a call waits until its opening record is on disk, and not only written.
    pub strict: bool,
    /// Digests arguments for records.
    pub digester: Digester,
    /// Seals session ids.
    pub sessions: SessionSealer,
    /// The keys of sessions that ended before this start.
    pub sessions_ended: HashSet<[u8; 32]>,
    /// Where the end of a session is remembered.
    pub session_ends: Arc<dyn SessionEnds>,
    /// Where people's decisions on calls are kept.
    pub approvals: Arc<dyn Approvals>,
    /// Where the keys are kept under which arguments and answers are sealed.
    pub payloads: Arc<dyn Payloads>,
    /// Sends requests to servers.
    pub upstream: Upstream,
    /// What is told when a server that speaks MCP was listed.
    pub catalogs: Arc<dyn Catalogs>,
    /// The configuration, newest always.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// Every task of the gateway, so that shutdown can wait for it.
    pub tasks: TaskTracker,
    /// Cancelled when the gateway is to stop.
    pub shutdown: CancellationToken,
}

/// The data plane.
#[derive(Debug, Clone)]
pub struct Gateway {
    core: Arc<Core>,
}

/// Why a gateway cannot be made.
#[derive(Debug, Error)]
pub enum GatewayError {
    /// No randomness.
    #[error("the system gives no random bytes")]
    Random,
}

/// What every request shares.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) limits: Limits,
    pub(crate) decode_limits: DecodeLimits,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) log: Arc<Log>,
    pub(crate) digester: Digester,
    pub(crate) approvals: Arc<dyn Approvals>,
    pub(crate) payloads: Arc<dyn Payloads>,
    pub(crate) upstream: Upstream,
    pub(crate) record_ids: RecordIds,
    pub(crate) rounds: Rounds,
    pub(crate) continued: Continued,
    pub(crate) random: SystemRandom,
    strict: bool,
    pub(crate) fleet: Fleet,
    pub(crate) hub: hub::Hub,
    pub(crate) mcp_sessions: Arc<McpSessions>,
    lives: client::Lives,
    parked: parked::Parked,
    replays: replay::Replays,
    task_owners: tasks::TaskOwners,
    /// Told when search mode lists more than before.
    activated: Notify,
    sessions: session::Sessions,
    pub(crate) snapshots: watch::Receiver<Arc<Snapshot>>,
    refusals: refusals::Refusals,
    sse_streams: stream::SseStreams,
    own_reads: own::OwnReads,
    tasks: TaskTracker,
    /// Those that listen to sessions with servers, and end with them: after what is waited for when
    /// the gateway stops, because calls that still run need them.
    listening: TaskTracker,
    shutdown: CancellationToken,
}

impl Gateway {
    /// Puts the parts together. Listens nowhere yet.
    pub fn new(parts: GatewayParts) -> Result<Self, GatewayError> {
        let random = SystemRandom::new();
        let record_ids = RecordIds::new(&random).ok_or(GatewayError::Random)?;
        let sessions = session::Sessions::new(
            parts.sessions,
            parts.sessions_ended,
            parts.session_ends,
            &parts.limits,
        );
        let mcp_sessions = Arc::new(McpSessions::new(SessionsParts {
            http: parts.upstream.clone(),
            limits: parts.limits.clone(),
            // They end after the calls that use them, which get their time at a shutdown.
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
        }));
        let fleet = Fleet::new(FleetParts {
            sessions: Arc::clone(&mcp_sessions),
            clock: Arc::clone(&parts.clock),
            limits: parts.limits.clone(),
            tasks: parts.tasks.clone(),
            shutdown: parts.shutdown.clone(),
            catalogs: parts.catalogs,
        });
        let replays = replay::Replays::new(nonce(&random), &parts.limits);
        let core = Arc::new_cyclic(|core: &Weak<Core>| Core {
            fleet,
            hub: hub::Hub::new(core.clone()),
            mcp_sessions,
            lives: client::Lives::default(),
            parked: parked::Parked::default(),
            replays,
            task_owners: tasks::TaskOwners::default(),
            activated: Notify::new(),
            decode_limits: DecodeLimits::from(&parts.limits),
            limits: parts.limits,
            clock: parts.clock,
            log: parts.log,
            digester: parts.digester,
            approvals: parts.approvals,
            payloads: parts.payloads,
            upstream: parts.upstream,
            record_ids,
            rounds: Rounds::default(),
            continued: Continued::default(),
            random,
            strict: parts.strict,
            sessions,
            snapshots: parts.snapshots,
            refusals: refusals::Refusals::default(),
            sse_streams: stream::SseStreams::default(),
            own_reads: own::OwnReads::default(),
            tasks: parts.tasks,
            listening: TaskTracker::new(),
            shutdown: parts.shutdown,
        });
        let gateway = Self { core };
        gateway.core.tasks.spawn(flush_refusals(Arc::clone(&gateway.core)));
        gateway.core.tasks.spawn(keep_fleet(Arc::clone(&gateway.core)));
        Ok(gateway)
    }
}

impl Gateway {
    /// The digest of a tool's definition, by which calls of it are decided now; `None` where no call
    /// finds it.
    pub fn pin(&self, tenant: &TenantName, server: &ServerName, tool: &ToolName) -> Option<String> {
        let snapshot = self.core.snapshot();
        let server = snapshot.find(tenant, server).filter(|server| server.enabled)?;
        server.tool(tool).map(|tool| tool.pin().to_owned())
    }

    /// The servers that speak MCP, and how they do.
    pub fn fleet(&self) -> &Fleet {
        &self.core.fleet
    }

    /// Connects to a server of a configuration that need not be in force, lists it, and ends the
    /// conversation.
    pub async fn try_out(
        &self,
        snapshot: Arc<Snapshot>,
        tenant: &TenantName,
        server: &ServerName,
    ) -> Result<Listed, TryOutError> {
        let found = snapshot.find(tenant, server).cloned();
        let Some(entry) = found.as_ref().and_then(|server| server.as_mcp()) else {
            return Err(TryOutError::Connect(Failure::Bug));
        };
        let (_unchanging, snapshots) = watch::channel(snapshot);
        let target = Arc::clone(&entry.target);
        let member = Member {
            credentials: Arc::new(ServerCredentials::new(Arc::clone(&target), snapshots)),
            target,
            keep: entry.options.keep,
            concurrency: entry.options.concurrency,
            enabled: true,
            per_user: false,
        };
        self.core.fleet.try_out(&member).await
    }

    /// Tries a REST API of a configuration that need not be in force: every tool's request is
    /// written, and the call that is named is made, or one that changes nothing.
    pub async fn probe(
        &self,
        snapshot: &Snapshot,
        server: (&TenantName, &ServerName),
        named: Option<Named<'_>>,
    ) -> Result<Probed, Untried> {
        probe(&self.core, snapshot, server, named).await
    }

    /// Ends all conversations with servers. Ready when their processes have ended.
    pub async fn close_servers(&self) {
        self.core.mcp_sessions.close().await;
    }
}

impl Core {
    /// A server that speaks MCP as the fleet knows it.
    pub(crate) fn member(&self, entry: &McpEntry) -> Arc<Member> {
        entry.member(|target| {
            Arc::new(ServerCredentials::new(Arc::clone(target), self.snapshots.clone()))
        })
    }

    /// Ready when the gateway is to stop.
    pub(crate) async fn stopping(&self) {
        self.shutdown.cancelled().await;
    }

    /// A text that nobody can guess.
    pub(crate) fn nonce(&self) -> String {
        nonce(&self.random)
    }

    /// Ends what goes on in a session that its client ended: its calls, and then the sessions with
    /// servers that are its alone, so that servers hear of what was cancelled.
    fn session_ended(self: &Arc<Self>, key: [u8; 32]) {
        self.replays.forget(&key);
        let core = Arc::clone(self);
        self.tasks.spawn(async move {
            let _late = timeout(CALLS_END_MAX, core.lives.end(&key)).await.is_err();
            core.mcp_sessions.retire(|it| it.owner == Some(key));
        });
    }

    /// The newest configuration.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshots.borrow())
    }

    /// Writes a record. When it returns, the record is in the log's file.
    pub(crate) fn append(&self, record: &Record) -> Result<Position, Failure> {
        self.log.append(record).map_err(|error| {
            tracing::error!(%error, "A record could not be written, so the call is refused.");
            Failure::Unrecordable
        })
    }

    /// In strict mode, returns when a written record is on disk.
    pub(crate) async fn until_durable(&self, position: Position) -> Result<(), Failure> {
        if !self.strict {
            return Ok(());
        }
        let log = Arc::clone(&self.log);
        match tokio::task::spawn_blocking(move || log.wait_synced(position)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                tracing::error!(%error, "A record could not be synced, so the call is refused.");
                Err(Failure::Unrecordable)
            }
            Err(_) => Err(Failure::Bug),
        }
    }

    /// Returns when a newer configuration no longer allows a running call.
    pub(crate) async fn until_revoked(&self, version: u64, watched: &Watched) {
        let mut snapshots = self.snapshots.clone();
        loop {
            let newest = Arc::clone(&snapshots.borrow_and_update());
            if newest.version != version && !watched.still_allowed(&newest, self.clock.now()) {
                return;
            }
            if snapshots.changed().await.is_err() {
                // Nobody can change the configuration any more: the gateway is stopping, and the
                // drain decides about running calls.
                return std::future::pending().await;
            }
        }
    }
}

/// A text that nobody can guess.
fn nonce(random: &SystemRandom) -> String {
    let mut bytes = [0_u8; 12];
    if random.fill(&mut bytes).is_err() {
        tracing::warn!("The system gave no random bytes.");
    }
    data_encoding::HEXLOWER.encode(&bytes)
}

/// Brings the fleet up to each new configuration.
async fn keep_fleet(core: Arc<Core>) {
    let mut snapshots = core.snapshots.clone();
    loop {
        let newest = Arc::clone(&snapshots.borrow_and_update());
        let members: Vec<Arc<Member>> = newest
            .mcp_servers()
            .filter(|(server, _)| server.enabled)
            .map(|(_, entry)| core.member(entry))
            .collect();
        core.fleet.reconcile(&members);
        let now = core.clock.now();
        core.fleet.end_sessions(|key| newest.ends(key, now));
        tokio::select! {
            changed = snapshots.changed() => if changed.is_err() { return },
            () = core.shutdown.cancelled() => return,
        }
    }
}

/// Writes what was refused at the edge, a record for each reason and span of time.
async fn flush_refusals(core: Arc<Core>) {
    let span = Limits::span(core.limits.refusals_flush_ms_max);
    loop {
        let stopping = tokio::select! {
            () = tokio::time::sleep(span) => false,
            () = core.shutdown.cancelled() => true,
        };
        let now = core.clock.now();
        core.parked.sweep(now);
        core.continued.sweep(now);
        core.replays.sweep();
        for record in core.refusals.take(now, || core.record_ids.next(now)) {
            if let Err(error) = core.log.append(&record) {
                tracing::error!(%error, "Refusals at the edge could not be recorded.");
            }
        }
        if stopping {
            return;
        }
    }
}
