//! Builds a world: a configuration by hand, a gateway on real sockets, a real log.

mod keys;
mod setup;
mod yes;

use std::collections::HashSet;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lanyard_connect::http::{Resolve, Resolving, Roots, Upstream};
use lanyard_core::{Clock, Known, Limits, ServerName, TenantName, Timestamp};
use lanyard_gateway::approvals::Approvals;
use lanyard_gateway::edge::SessionEnds;
use lanyard_gateway::fleet::{Catalogs, Listed};
use lanyard_gateway::payloads::Payloads;
use lanyard_gateway::{Gateway, GatewayParts, Listener, Snapshot};
use lanyard_store::audit::{Filter, Log, Options, export};
use lanyard_vault::MasterKey;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::{Answer, Door, PATIENCE, Request};
use crate::server::Api;

pub(crate) use keys::Keys;
pub(crate) use setup::{AgentSetup, HeldSetup, LimitSetup, McpSetup, Setup};
pub(crate) use yes::{People, Said};

/// The start of every test's time.
pub(crate) const NOW: Timestamp = Timestamp(1_795_302_341_000_000);

/// Time that passes when the test says so.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

/// The ends of sessions, kept as a store would keep them.
#[derive(Debug, Default)]
pub(crate) struct Ends(Mutex<HashSet<[u8; 32]>>);

impl SessionEnds for Ends {
    fn ended(&self, key: [u8; 32], _until: Timestamp) {
        self.0.lock().unwrap().insert(key);
    }
}

/// Every name leads to where clouds keep the credentials of their machines.
struct Metadata;

impl Resolve for Metadata {
    fn resolve<'a>(&'a self, _host: &'a str) -> Resolving<'a> {
        Box::pin(async { Ok(vec![IpAddr::from([169, 254, 169, 254])]) })
    }
}

/// What servers list is not looked at: a test says what is configured.
#[derive(Debug)]
struct Nobody;

impl Catalogs for Nobody {
    fn observed(
        &self,
        _tenant: &TenantName,
        _server: &ServerName,
        _generation: u64,
        _listed: Listed,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
        Box::pin(async { Ok(()) })
    }
}

/// A running gateway with everything around it.
pub(crate) struct World {
    pub(crate) api: Api,
    pub(crate) log: Arc<Log>,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) tasks: TaskTracker,
    pub(crate) shutdown: CancellationToken,
    pub(crate) tcp: Door,
    pub(crate) unix: Door,
    setup: Mutex<Setup>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    master: Arc<MasterKey>,
    ends: Arc<Ends>,
    /// What people decide of calls.
    pub(crate) people: Arc<People>,
    /// Under which arguments and answers are sealed.
    pub(crate) keys: Arc<Keys>,
    limits: Limits,
    strict: bool,
    directory: TempDir,
}

/// What a world is built with, beside its configuration.
#[derive(Debug, Clone)]
pub(crate) struct Conditions {
    pub(crate) limits: Limits,
    pub(crate) strict: bool,
}

impl Default for Conditions {
    fn default() -> Self {
        let limits = Limits { answer_bytes_max: 65_536, ..Limits::standard() };
        Self { limits, strict: false }
    }
}

impl World {
    /// The standard configuration.
    pub(crate) async fn start() -> Self {
        Self::with(Conditions::default(), |_| {}).await
    }

    /// The standard configuration, changed.
    pub(crate) async fn with(conditions: Conditions, change: impl FnOnce(&mut Setup)) -> Self {
        let api = Api::start().await;
        let mut setup = Setup::standard(&api);
        change(&mut setup);
        let directory = TempDir::new().unwrap();
        let master = Arc::new(MasterKey::ephemeral().unwrap());
        let clock = Arc::new(TestClock(AtomicI64::new(NOW.0)));
        let Conditions { limits, strict } = conditions;
        let (log, _recovered) = Log::open(
            &directory.path().join("audit"),
            Options::new(&limits, strict),
            Arc::new(master.signer()),
            Arc::clone(&clock) as Arc<dyn Clock>,
            None,
        )
        .unwrap();
        let snapshots = watch::Sender::new(Arc::new(setup.compile(&master)));
        let world = Self {
            api,
            log: Arc::new(log),
            clock,
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
            tcp: Door::Tcp(0),
            unix: Door::Tcp(0),
            setup: Mutex::new(setup),
            snapshots,
            keys: Arc::new(Keys::new(&master)),
            master,
            ends: Arc::default(),
            people: Arc::new(People::new(Limits::size(limits.agent_approvals_max))),
            limits,
            strict,
            directory,
        };
        world.restarted().await
    }

    /// The same world behind a new gateway, as after a restart.
    pub(crate) async fn restarted(mut self) -> Self {
        self.shutdown.cancel();
        self.tasks.close();
        timeout(PATIENCE, self.tasks.wait()).await.unwrap();
        (self.tasks, self.shutdown) = (TaskTracker::new(), CancellationToken::new());
        let (roots, resolver) = (Roots::only(Vec::new()), Arc::new(Metadata));
        let upstream =
            Upstream::with_resolver(&self.limits, roots, TaskTracker::new(), resolver).unwrap();
        let gateway = Gateway::new(GatewayParts {
            limits: self.limits.clone(),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            log: Arc::clone(&self.log),
            strict: self.strict,
            digester: self.master.digester(),
            sessions: self.master.session_sealer(),
            sessions_ended: self.ends.0.lock().unwrap().clone(),
            session_ends: Arc::clone(&self.ends) as Arc<dyn SessionEnds>,
            approvals: Arc::clone(&self.people) as Arc<dyn Approvals>,
            payloads: Arc::clone(&self.keys) as Arc<dyn Payloads>,
            upstream,
            catalogs: Arc::new(Nobody),
            snapshots: self.snapshots.subscribe(),
            tasks: self.tasks.clone(),
            shutdown: self.shutdown.clone(),
        })
        .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.tcp = Door::Tcp(listener.local_addr().unwrap().port());
        let path = self.directory.path().join("agent.sock");
        drop(std::fs::remove_file(&path));
        let socket = UnixListener::bind(&path).unwrap();
        self.unix = Door::Unix(path);
        let known = Known { loopback: true, ..Known::default() };
        let tcp = Listener::Tcp { listener, known, tls: None };
        for listener in [tcp, Listener::Unix { listener: socket }] {
            let gateway = gateway.clone();
            self.tasks.spawn(async move { gateway.serve(listener).await });
        }
        self
    }

    /// Changes the configuration. When this returns, it is in force.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Setup)) {
        let mut setup = self.setup.lock().unwrap();
        change(&mut setup);
        setup.version = setup.version.saturating_add(1);
        self.snapshots.send_replace(Arc::new(setup.compile(&self.master)));
    }

    /// Takes an agent's access away.
    pub(crate) fn revoke(&self, agent: &str) {
        self.change(|setup| setup.agent(agent).revoked = true);
    }

    pub(crate) fn advance(&self, span: Duration) {
        let micros = i64::try_from(span.as_micros()).unwrap();
        self.clock.0.fetch_add(micros, Ordering::SeqCst);
    }

    pub(crate) fn token(&self, agent: &str) -> String {
        self.setup.lock().unwrap().agent(agent).token.plain.expose().to_owned()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let Door::Tcp(port) = &self.tcp else { panic!("no port") };
        format!("http://127.0.0.1:{port}{path}")
    }

    /// A request over TCP without a token.
    pub(crate) fn request(&self, method: &str, path: &str) -> Request {
        Request::new(&self.tcp, method, path)
    }

    /// A request of an agent.
    pub(crate) fn by(&self, agent: &str, method: &str, path: &str) -> Request {
        self.request(method, path).token(&self.token(agent))
    }

    /// A message of an agent in the versions with sessions, without a session.
    pub(crate) async fn ask(&self, agent: &str, path: &str, message: Value) -> Answer {
        self.by(agent, "POST", path).json(message).send().await
    }

    /// A call of a tool on `/servers/billing/mcp`.
    pub(crate) async fn call(&self, agent: &str, tool: &str, arguments: Value) -> Answer {
        self.ask(agent, BILLING, call(tool, arguments)).await
    }

    /// Every record that was written, oldest first.
    pub(crate) fn records(&self) -> Vec<Value> {
        let mut lines = Vec::new();
        export(self.log.directory(), &Filter::default(), &mut lines).unwrap();
        String::from_utf8(lines)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .filter(|record| record["kind"] != "log.segment")
            .collect()
    }

    /// Waits until no call is open, and gives the records.
    pub(crate) async fn settled(&self) -> Vec<Value> {
        until(|| self.log.open_calls() == 0).await;
        self.records()
    }

    /// Every file of the log, as text.
    pub(crate) fn log_text(&self) -> String {
        let files = std::fs::read_dir(self.log.directory()).unwrap();
        files
            .map(|file| std::fs::read(file.unwrap().path()).unwrap())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .collect()
    }
}

/// The endpoint of one server.
pub(crate) const BILLING: &str = "/servers/billing/mcp";

/// Waits for what another task will do, without waiting longer than a test may.
pub(crate) async fn until(mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("what was waited for");
}

/// A `tools/call` of the versions with sessions.
pub(crate) fn call(tool: &str, arguments: Value) -> Value {
    let params = json!({"name": tool, "arguments": arguments});
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
}

/// Any request without parameters.
pub(crate) fn bare(method: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method})
}

/// `initialize` for a version.
pub(crate) fn initialize(version: &str) -> Value {
    let client = json!({"name": "test", "version": "1"});
    let params = json!({"protocolVersion": version, "capabilities": {}, "clientInfo": client});
    json!({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
}

/// A request of version 2026-07-28 with the headers that repeat its body.
pub(crate) fn modern(request: Request, method: &str, mut params: Value) -> Request {
    const VERSION: &str = "2026-07-28";
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    });
    let request = match params["name"].as_str() {
        Some(name) => request.header("Mcp-Name", name),
        None => request,
    };
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
    request.header("MCP-Protocol-Version", VERSION).header("Mcp-Method", method).json(message)
}
