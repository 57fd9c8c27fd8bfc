//! `lanyard up`: opens what is kept, wires the parts, listens, and stops in order.

mod advice;
mod approvals;
mod compile;
mod hook;
mod listen;
mod open;
mod payloads;
mod ports;
mod proving;
mod tls;

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lanyard_admin::{Admin, AdminParts, Compile as _, Notify, Verify};
use lanyard_connect::http::{Roots, Upstream};
use lanyard_core::{
    ChangeRecord, Clock as _, Limits, Record, RecordId, TenantName, Timestamp, chain,
};
use lanyard_gateway::snapshot::Scrub;
use lanyard_gateway::{Gateway, GatewayParts, Snapshot};
use lanyard_store::SessionEndedRow;
use lanyard_vault::{Vault, fill_random};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::approvals::StoredApprovals;
use self::compile::{Compiler, Meters, Settings};
use self::listen::{Addresses, Transient};
use self::open::Opened;
use self::payloads::StoredSubjects;
use self::ports::{Servers, ToAdmin};
use crate::clock::SystemClock;
use crate::config::Environment;
use crate::schemas::GuardSchemas;
use crate::views::GuardViews;

const EXAMPLES: &str = "Examples:
  lanyard up
      on this machine alone: agents at 127.0.0.1:7410, operators at 127.0.0.1:7411
  lanyard up --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0
      any free ports; they are printed, and written to DATA/run/addresses.json
  lanyard up --notify-command ./tell-chat
      what is told of servers that are added with `server add --notify`
  lanyard up --listen 0.0.0.0:7410 --tls-cert cert.pem --tls-key key.pem --public-url https://mcp.example.com:7410
      for other machines

Stop it with Ctrl-C or SIGTERM: running calls get 20 seconds to end.";

/// Start the gateway, in the foreground.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct UpArgs {
    /// Where agents connect
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7410")]
    pub(crate) listen: String,
    /// Where operators connect
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7411")]
    pub(crate) admin_listen: String,
    /// Another place for the agents' socket than RUN/agent.sock
    #[arg(long, value_name = "PATH")]
    pub(crate) agent_socket: Option<PathBuf>,
    /// The mode of the agents' socket, octal
    #[arg(long, value_name = "MODE", default_value = "600")]
    pub(crate) agent_socket_mode: String,
    /// The certificate chain of both listeners, PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Its key, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Make a certificate authority of our own in DATA/tls, and certificates by it
    #[arg(long, conflicts_with = "tls_cert")]
    pub(crate) tls_local_ca: bool,
    /// The address that other machines use for the agents' listener
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// A web page's origin that may call, beside those of this machine; repeatable
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) allow_origin: Vec<String>,
    /// Listen on other than this machine's addresses without TLS; the reason is recorded
    #[arg(long, value_name = "REASON")]
    pub(crate) insecure_plaintext: Option<String>,
    /// Trust these certificate authorities for servers, beside the system's; PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) upstream_ca: Option<PathBuf>,
    /// Make each call wait until its record is on disk, and not only written
    #[arg(long)]
    pub(crate) strict: bool,
    /// What is masked in what servers say, unless `server set NAME scrub=` says otherwise: the values
    /// of secrets, or also what has the form of a common credential
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = ScrubArg::Exact)]
    pub(crate) scrub: ScrubArg,
    /// Where `server add --notify` tells of new servers, by POST of JSON [default: $LANYARD_NOTIFY_URL]
    #[arg(long, value_name = "URL")]
    pub(crate) notify_url: Option<String>,
    /// The program that `server add --notify` tells of new servers, by JSON on its stdin
    #[arg(long, value_name = "PROGRAM", conflicts_with = "notify_url")]
    pub(crate) notify_command: Option<PathBuf>,
}

/// See [`UpArgs::scrub`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ScrubArg {
    /// The values of secrets
    Exact,
    /// Those, and what has the form of a common credential
    Patterns,
}

impl From<ScrubArg> for Scrub {
    fn from(scrub: ScrubArg) -> Self {
        match scrub {
            ScrubArg::Exact => Self::Exact,
            ScrubArg::Patterns => Self::Patterns,
        }
    }
}

/// Runs the gateway until it is told to stop.
pub(crate) async fn run(
    args: &UpArgs,
    data: PathBuf,
    environment: &Environment,
) -> Result<(), String> {
    let mut stop = Stop::listen()?;
    let mut running = Running::start(args, data, environment).await?;
    let announced = running.announce();
    if announced.is_ok() {
        stop.requested().await;
    }
    tracing::info!("Stopping: no new connections; running calls are waited for.");
    tokio::select! {
        () = running.drain() => {}
        () = stop.requested() => tracing::warn!("Stopping at once, as asked twice."),
    }
    announced.and(running.close())
}

/// The signals that stop what runs in the foreground.
pub(crate) struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    /// From now on the signals no longer end the process by themselves.
    pub(crate) fn listen() -> Result<Self, String> {
        let listen = |kind| signal(kind).map_err(|error| format!("no signals: {error}"));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn requested(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// How long it may take to write down the last sessions that ended.
const ENDS_MAX: Duration = Duration::from_secs(2);

/// A gateway that listens.
pub(crate) struct Running {
    opened: Opened,
    upstream: Upstream,
    addresses: Addresses,
    limits: Limits,
    tasks: TaskTracker,
    /// What writes down which sessions ended. It ends with the gateway, and not before.
    ends: TaskTracker,
    shutdown: CancellationToken,
    /// The sockets and `addresses.json`.
    files: Vec<Transient>,
    gateway: Option<Gateway>,
    /// Through which the gateway finds the admin API, as long as this lives.
    catalogs: Option<watch::Sender<Option<Admin>>>,
}

impl Running {
    /// Opens everything and listens on everything.
    pub(crate) async fn start(
        args: &UpArgs,
        data: PathBuf,
        environment: &Environment,
    ) -> Result<Self, String> {
        let limits = with_descriptors(Limits::standard());
        let plan = listen::Plan::check(args)?;
        let hook = hook::find(args, environment, &data)?;
        let run = environment.run_directory(&data);
        let opened = open::open(data, &limits, args.strict)?;
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let upstream = upstream(args, &limits, &tasks)?;
        let rows = opened.store.load().map_err(|error| chain(&error))?;
        let vault = Vault::build(&opened.master, Vec::new()).map_err(|error| error.to_string())?;
        let servers_directory = opened.store.directory().join("servers");
        let settings =
            Settings { limits: limits.clone(), servers_directory, scrub: args.scrub.into() };
        let meters = Meters::of_today(&rows, &opened.audit_directory, SystemClock.now())?;
        let (compiler, snapshots) =
            Compiler::start(&rows, vault, upstream.clone(), settings, meters)?;
        for warning in compiler.warnings() {
            tracing::warn!("{warning}");
        }
        let tls = tls::server_config(args, opened.store.directory(), &plan)?;
        let bound = listen::bind(&plan, &run, tls).await?;
        let addresses = bound.addresses.clone();
        let files = Vec::new();
        let mut running = Self {
            opened,
            upstream,
            addresses,
            limits,
            tasks,
            ends: TaskTracker::new(),
            shutdown,
            files,
            gateway: None,
            catalogs: None,
        };
        let (catalogs, tell) = ToAdmin::new();
        let approvals = running.approvals();
        let subjects = StoredSubjects::new(&running.opened.store, &running.opened.master);
        let told = (catalogs, approvals.clone(), subjects.clone());
        let gateway = running.gateway(args.strict, told, snapshots, &rows.sessions_ended)?;
        let compiler = Arc::new(compiler);
        let admin = running.admin(&gateway, compiler, (approvals, subjects), hook);
        admin.drain_outbox()?;
        tell.send_replace(Some(admin.clone()));
        running.catalogs = Some(tell);
        running.gateway = Some(gateway.clone());
        running.record("gateway.start", started(args, &running.addresses))?;
        running.opened.note_head_regularly(&running.tasks, &running.shutdown);
        running.files = bound.serve(&running.tasks, &gateway, &admin);
        Ok(running)
    }

    fn gateway(
        &self,
        strict: bool,
        (catalogs, approvals, subjects): (ToAdmin, StoredApprovals, StoredSubjects),
        snapshots: watch::Receiver<Arc<Snapshot>>,
        ended: &[SessionEndedRow],
    ) -> Result<Gateway, String> {
        let ends = open::StoredEnds::start(Arc::clone(&self.opened.store), &self.ends);
        Gateway::new(GatewayParts {
            limits: self.limits.clone(),
            clock: Arc::new(SystemClock),
            log: Arc::clone(&self.opened.log),
            strict,
            digester: self.opened.master.digester(),
            sessions: self.opened.master.session_sealer(),
            sessions_ended: ended_sessions(ended, SystemClock.now()),
            session_ends: Arc::new(ends),
            approvals: Arc::new(approvals),
            payloads: Arc::new(subjects),
            upstream: self.upstream.clone(),
            catalogs: Arc::new(catalogs),
            snapshots,
            tasks: self.tasks.clone(),
            shutdown: self.shutdown.clone(),
        })
        .map_err(|error| error.to_string())
    }

    /// What people decide of calls, kept and ended in time.
    fn approvals(&self) -> StoredApprovals {
        let Opened { store, master, log, .. } = &self.opened;
        let approvals = StoredApprovals::new(store, log, master.approval_sealer(), &self.limits);
        approvals.expire_regularly(&self.tasks, &self.shutdown);
        approvals
    }

    fn admin(
        &self,
        gateway: &Gateway,
        compiler: Arc<Compiler>,
        (approvals, subjects): (StoredApprovals, StoredSubjects),
        notify: Option<Arc<dyn Notify>>,
    ) -> Admin {
        let servers =
            Arc::new(Servers { gateway: gateway.clone(), compiler: Arc::clone(&compiler) });
        Admin::new(AdminParts {
            store: Arc::clone(&self.opened.store),
            master: Arc::clone(&self.opened.master),
            log: Arc::clone(&self.opened.log),
            audit_directory: self.opened.audit_directory.clone(),
            compiler,
            schemas: Arc::new(GuardSchemas),
            views: Arc::new(GuardViews),
            verify: Arc::clone(&servers) as Arc<dyn Verify>,
            status: servers,
            notify,
            record_ids: Arc::new(record_id),
            decided: Arc::new(move |id| approvals.decided(id)),
            forget_subject: Arc::new(move |tenant, subject| subjects.forget(tenant, subject)),
            clock: Arc::new(SystemClock),
            limits: self.limits.clone(),
            owner_uid: rustix::process::geteuid().as_raw(),
            about: self.addresses.about(self.opened.store.directory()),
            tasks: self.tasks.clone(),
            shutdown: self.shutdown.clone(),
        })
    }

    /// Where it listens.
    pub(crate) fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    fn announce(&mut self) -> Result<(), String> {
        self.files.push(self.addresses.write()?);
        let text = self.addresses.text(self.opened.store.directory());
        crate::output::line(&text).map_err(|error| error.to_string())
    }

    fn record(&self, action: &str, detail: Vec<(String, String)>) -> Result<(), String> {
        let record = Record::Changed(ChangeRecord {
            id: record_id(),
            time: SystemClock.now(),
            tenant: TenantName::default_tenant(),
            actor: "lanyard".to_owned(),
            peer: None,
            action: action.to_owned(),
            subject: "gateway".to_owned(),
            detail,
        });
        self.opened.log.append(&record).map(|_| ()).map_err(|error| error.to_string())
    }

    /// Stops listening and waits for what runs, for as long as the limit says.
    pub(crate) async fn drain(&mut self) {
        self.shutdown.cancel();
        self.upstream.close();
        if let Some(tell) = self.catalogs.take() {
            // Else the gateway and the API would keep each other for ever.
            tell.send_replace(None);
        }
        self.tasks.close();
        let limit = Limits::span(self.limits.drain_ms_max);
        if tokio::time::timeout(limit, self.tasks.wait()).await.is_err() {
            tracing::warn!("Some calls did not end in time and are cut.");
        }
        if let Some(gateway) = self.gateway.take() {
            gateway.close_servers().await;
        }
        self.ends.close();
        if tokio::time::timeout(ENDS_MAX, self.ends.wait()).await.is_err() {
            tracing::warn!("Some sessions that ended may be known again at the next start.");
        }
    }

    /// Closes what is kept, in order: the last record, the log, the note of its head.
    pub(crate) fn close(mut self) -> Result<(), String> {
        // Before the data directory is given free: what stands there later is another process's.
        self.files.clear();
        self.record("gateway.stop", Vec::new())?;
        self.opened.close()
    }
}

fn upstream(args: &UpArgs, limits: &Limits, tasks: &TaskTracker) -> Result<Upstream, String> {
    let roots = match &args.upstream_ca {
        None => Roots::system(),
        Some(path) => {
            let text = std::fs::read(path)
                .map_err(|error| format!("--upstream-ca {}: {error}", path.display()))?;
            Roots::system()
                .and_pem(&text)
                .map_err(|error| format!("--upstream-ca {}: {error}", path.display()))?
        }
    };
    Upstream::new(limits, roots, tasks.clone()).map_err(|error| error.to_string())
}

fn ended_sessions(rows: &[SessionEndedRow], now: Timestamp) -> HashSet<[u8; 32]> {
    rows.iter().filter(|row| row.until > now).map(|row| row.id_hash).collect()
}

/// The id of a record of the program itself: rare, so it may cost randomness.
fn record_id() -> RecordId {
    let mut bytes = [0_u8; 16];
    if fill_random(&mut bytes).is_err() {
        tracing::warn!("The system gave no random bytes.");
    }
    RecordId::from_parts(SystemClock.now(), u128::from_be_bytes(bytes))
}

fn started(args: &UpArgs, addresses: &Addresses) -> Vec<(String, String)> {
    let mut detail: BTreeMap<&str, String> = addresses.pairs();
    detail.insert("version", env!("CARGO_PKG_VERSION").to_owned());
    if args.strict {
        detail.insert("strict", "true".to_owned());
    }
    if args.scrub == ScrubArg::Patterns {
        detail.insert("scrub", "patterns".to_owned());
    }
    if let Some(reason) = &args.insecure_plaintext {
        detail.insert("insecure_plaintext", reason.clone());
    }
    detail.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Descriptors kept for everything but connections: the log, the database, connections to servers.
const DESCRIPTORS_KEPT: u64 = 256;

/// Takes as many descriptors as the system allows, and admits no more connections than they are
/// for: else a stranger who opens connections could keep the admin socket and the log from theirs.
fn with_descriptors(limits: Limits) -> Limits {
    let allowed = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: allowed.maximum, maximum: allowed.maximum };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => allowed.maximum,
        Err(_) => allowed.current,
    };
    // There are four listeners. A call also needs a connection to its server.
    let each = current.map_or(u64::MAX, |all| all.saturating_sub(DESCRIPTORS_KEPT) / 8);
    Limits { connections_max: limits.connections_max.min(each.max(16)), ..limits }
}
