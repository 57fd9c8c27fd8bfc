//! An admin API in memory for tests: a store in a temporary directory, and ports that a test
//! scripts.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::body::{Body, to_bytes};
use http::{HeaderMap, Method, Request};
use lanyard_core::{Clock, Limits, Peer, RecordId, ServerName, TenantName, Timestamp, ToolName};
use lanyard_mcp::{Catalog, Item, Kind};
use lanyard_policy::limit::{DayUse, LimitScope};
use lanyard_policy::{PathView, SqlView, UrlView, Views};
use lanyard_rest::Schemas;
use lanyard_store::audit::{Log, Options};
use lanyard_store::{Configuration, Store};
use lanyard_vault::MasterKey;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service as _;

use crate::ports::{
    Listing, Notify, Probe, Proof, Proving, ServerProcess, ServerStatus, Status, Telling, Trial,
    Unlisted, Unproved, Verify,
};
use crate::{Admin, AdminParts, Compile, Ready};

/// An admin API, and what it was told to meet.
pub(crate) struct World {
    pub(crate) admin: Admin,
    pub(crate) servers: Arc<Servers>,
    /// The approvals that were decided.
    pub(crate) decided: Arc<Mutex<Vec<RecordId>>>,
    compiler: Arc<Compiler>,
    _home: TempDir,
}

/// Servers as a test wants them.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    /// What the next one lists, or does instead.
    pub(crate) next: Mutex<Option<Result<Catalog, Unlisted>>>,
    /// What was tried.
    pub(crate) trials: Mutex<Vec<Trial>>,
    /// What was connected anew.
    pub(crate) reconnected: Mutex<Vec<String>>,
    /// Which tools are not there, or not as they were.
    pub(crate) pins: Mutex<HashMap<String, Option<String>>>,
    /// The news that were told.
    pub(crate) news: Mutex<Vec<String>>,
}

impl Notify for Servers {
    fn place(&self) -> String {
        "webhook https://hooks.example".to_owned()
    }

    fn tell(&self, news: String) -> Telling<'_> {
        let answer =
            if news.contains("nobody") { Err("nobody answers".to_owned()) } else { Ok(()) };
        self.news.lock().unwrap().push(news);
        Box::pin(std::future::ready(answer))
    }
}

impl Verify for Servers {
    fn list(&self, trial: Trial) -> Listing<'_> {
        self.trials.lock().unwrap().push(trial);
        let what = "it says nothing".to_owned();
        let nothing = Err(Unlisted { what, stderr: String::new() });
        let next = self.next.lock().unwrap().take().unwrap_or(nothing);
        Box::pin(std::future::ready(next))
    }

    fn prove(&self, trial: Trial, probe: Option<Probe>) -> Proving<'_> {
        self.trials.lock().unwrap().push(trial);
        let proof = match probe {
            Some(probe) if probe.tool == "refuses" => {
                let (what, answer) = ("it refused".to_owned(), "no\nnever".to_owned());
                Err(Unproved { what, answer })
            }
            Some(_) | None => Ok(Proof { written: 1, ..Proof::default() }),
        };
        Box::pin(std::future::ready(proof))
    }
}

impl Status for Servers {
    fn status(&self, _: &TenantName, server: &ServerName) -> Option<ServerStatus> {
        (server.as_str() == "git").then(|| ServerStatus {
            state: "backoff",
            since: Timestamp(0),
            last_error: Some("the server cannot be reached".to_owned()),
            attempt: 2,
            next_attempt_at: Some(Timestamp(5_000_000)),
            sessions: 1,
            calls: 10,
            failures: 3,
            p50_micros: Some(1500),
            p99_micros: None,
            processes: vec![ServerProcess {
                pid: 7,
                principal: None,
                trial: false,
                since: Timestamp(0),
                exit: Some("exited with code 3".to_owned()),
                stderr: "boom\n".to_owned(),
            }],
        })
    }

    fn limit_use(&self, _: &TenantName, scope: &LimitScope) -> Option<(DayUse, u64)> {
        scope.agent().map(|_| (DayUse { calls: 12, cost: 30 }, 2))
    }

    fn pin(&self, _: &TenantName, _: &ServerName, tool: &ToolName) -> Option<String> {
        let pins = self.pins.lock().unwrap();
        pins.get(tool.as_str()).cloned().unwrap_or(Some("pd".to_owned()))
    }

    fn reconnect(&self, tenant: &TenantName, server: &ServerName) {
        self.reconnected.lock().unwrap().push(format!("{tenant}/{server}"));
    }
}

/// Compiles anything, and counts what is published.
#[derive(Debug, Default)]
struct Compiler {
    published: Arc<AtomicU64>,
}

impl Compile for Compiler {
    fn compile(&self, _: &Configuration) -> Result<Ready, String> {
        let published = Arc::clone(&self.published);
        Ok(Ready::new(move || {
            published.fetch_add(1, Ordering::Relaxed);
        }))
    }

    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

struct AnySchema;

impl Schemas for AnySchema {
    fn check_schema(&self, _: &Value) -> Result<(), String> {
        Ok(())
    }

    fn check_value(&self, _: &Value, _: &Value) -> Result<(), String> {
        Ok(())
    }
}

/// Reads nothing out of any text.
#[derive(Debug)]
struct NoViews;

impl Views for NoViews {
    fn path(&self, _: &str) -> PathView {
        PathView::default()
    }

    fn sql(&self, _: &str) -> SqlView {
        SqlView::default()
    }

    fn url(&self, _: &str) -> UrlView {
        UrlView::default()
    }
}

/// A second later each time.
#[derive(Debug)]
struct Ticking(AtomicI64, Instant);

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1_000_000, Ordering::Relaxed))
    }

    fn monotonic(&self) -> Instant {
        self.1
    }
}

const UID: u32 = 1000;

fn ticking() -> Arc<Ticking> {
    Arc::new(Ticking(AtomicI64::new(1_000_000), Instant::now()))
}

impl World {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let (limits, clock) = (Limits::standard(), ticking());
        let (servers, compiler) = (Arc::<Servers>::default(), Arc::<Compiler>::default());
        let master = Arc::new(MasterKey::ephemeral().unwrap());
        let decided = Arc::<Mutex<Vec<RecordId>>>::default();
        let parts = AdminParts {
            store: Arc::new(Store::open(&home.path().join("data")).unwrap()),
            log: Arc::new(log(home.path(), &master, &limits, Arc::clone(&clock) as Arc<dyn Clock>)),
            master,
            audit_directory: home.path().join("audit"),
            compiler: Arc::clone(&compiler) as Arc<dyn Compile>,
            schemas: Arc::new(AnySchema),
            views: Arc::new(NoViews),
            verify: Arc::clone(&servers) as Arc<dyn Verify>,
            status: Arc::clone(&servers) as Arc<dyn Status>,
            notify: Some(Arc::clone(&servers) as Arc<dyn Notify>),
            record_ids: record_ids(),
            forget_subject: Arc::new(|_, _| {}),
            decided: {
                let decided = Arc::clone(&decided);
                Arc::new(move |id: &RecordId| decided.lock().unwrap().push(id.clone()))
            },
            clock,
            limits,
            owner_uid: UID,
            about: std::collections::BTreeMap::new(),
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
        };
        Self { admin: Admin::new(parts), servers, decided, compiler, _home: home }
    }

    /// What the next server that is tried lists.
    pub(crate) fn lists(&self, items: &[(Kind, &str)]) {
        *self.servers.next.lock().unwrap() = Some(Ok(catalog(items)));
    }

    /// What it does instead.
    pub(crate) fn fails(&self, what: &str, stderr: &str) {
        let (what, stderr) = (what.to_owned(), stderr.to_owned());
        *self.servers.next.lock().unwrap() = Some(Err(Unlisted { what, stderr }));
    }

    /// Asks as the data directory's owner.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Value) -> (u16, Value) {
        self.ask_of(None, method, path, body).await
    }

    /// The same, for a tenant.
    pub(crate) async fn ask_of(
        &self,
        tenant: Option<&str>,
        method: Method,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        self.ask_with(tenant, None, method, path, body).await
    }

    /// Asks with a token.
    pub(crate) async fn ask_as(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        self.ask_with(None, Some(token), method, path, body).await
    }

    async fn ask_with(
        &self,
        tenant: Option<&str>,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header("content-type", "application/json");
            Body::from(body.to_string())
        };
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(Peer::Unix { uid: UID, pid: None });
        let tenant = tenant.map(|name| TenantName::parse(name).unwrap());
        let admin = tenant.map_or_else(|| self.admin.clone(), |name| self.admin.of_tenant(name));
        let response = admin.router().call(request).await.unwrap();
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// Asks for a page.
    pub(crate) async fn raw(&self, mut request: Request<Body>) -> (u16, HeaderMap, String) {
        request.extensions_mut().insert(Peer::Unix { uid: UID, pid: None });
        let response = self.admin.router().call(request).await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, headers, String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// Lets seconds go by: every look at the clock is one.
    pub(crate) fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            self.admin.shared.parts.clock.now();
        }
    }

    /// Asks for what must work.
    pub(crate) async fn ok(&self, method: Method, path: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// How often a configuration was put in force.
    pub(crate) fn published(&self) -> u64 {
        self.compiler.published.load(Ordering::Relaxed)
    }

    pub(crate) fn rows(&self) -> Configuration {
        self.admin.shared.parts.store.load().unwrap()
    }

    pub(crate) async fn observed(&self, generation: u64, items: &[(Kind, &str)]) -> String {
        self.observe(generation, catalog(items)).await
    }

    pub(crate) async fn observe(&self, generation: u64, listed: Catalog) -> String {
        let (tenant, server) = (TenantName::default_tenant(), ServerName::parse("git").unwrap());
        let taken = self.admin.observed(&tenant, &server, generation, listed).await;
        taken.map_or_else(|error| error, |verdict| format!("{verdict:?}"))
    }

    /// The last record of a change: what was done, to what, by whom, and more.
    pub(crate) async fn told(&self) -> String {
        let found =
            self.ok(Method::GET, "/v1/audit/records?kind=change&limit=1", Value::Null).await;
        let record = &found["records"][0];
        format!(
            "{} {} {} {}",
            record["action"], record["subject"], record["actor"], record["detail"]
        )
    }
}

pub(crate) fn catalog(items: &[(Kind, &str)]) -> Catalog {
    let items = items.iter().map(|(kind, raw)| Item::read(*kind, raw).unwrap()).collect();
    Catalog { items, facts: Some(r#"{"version":"2025-11-25"}"#.to_owned()), whole: true }
}

fn log(home: &Path, master: &MasterKey, limits: &Limits, clock: Arc<dyn Clock>) -> Log {
    let options = Options::new(limits, false);
    let signer = Arc::new(master.signer());
    Log::open(&home.join("audit"), options, signer, clock, None).unwrap().0
}

fn record_ids() -> Arc<dyn Fn() -> RecordId + Send + Sync> {
    let next = AtomicU64::new(1);
    Arc::new(move || {
        let number = u128::from(next.fetch_add(1, Ordering::Relaxed));
        RecordId::from_parts(Timestamp(0), number)
    })
}
