//! Servers that are processes: small shell scripts, which read a line and print another.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lanyard_core::{AgentName, Failure, Limits, Principal, ServerName, TenantName};
use lanyard_mcp::{Definition, Stdio, Transport};
use lanyard_wire::Version;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::{PrivateAllowance, Roots, Upstream};
use crate::mcp::{
    ClientFacts, Counts, Credentials, EraChoice, Exchange, Lease, Opened, Opening, Outgoing, Reply,
    SessionKey, Sessions, SessionsParts, Step, Target, Unrelated,
};

/// Long for a machine under load, short for somebody who waits for a test that hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// The loop of a server of 2025-11-25. `$id` is the id of the message, `$line` the message. What
/// `CASES` is replaced by comes before the usual answers. It leaves a line in `starts` whenever it
/// starts, and `log` holds
/// the methods it heard, and answers as they came.
const SCRIPT: &str = r#"
echo start >> starts
say() { printf '%s\n' "$1"; }
result() { say '{"jsonrpc":"2.0","id":'"$id"',"result":'"$1"'}'; }
refuse() { say '{"jsonrpc":"2.0","id":'"$id"',"error":{"code":'"$1"',"message":"no"}}'; }
BEFORE
while read -r line; do
  id=${line#*'"id":'}; id=${id%%,*}
  method=${line#*'"method":"'}
  case $method in "$line") ;; *) method=${method%%'"'*} ;; esac
  printf '%s\n' "$method" >> log
  case $line in
    CASES
    *'"method":"initialize"'*)
      result '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"fake","version":"1"},"instructions":"be kind"}' ;;
    *'"method":"server/discover"'*) refuse -32601 ;;
    *'"method":"ping"'*) result '{}' ;;
    *'"method":"echo"'*) result "$line" ;;
    *'"method":"hang"'*) ;;
    *'"method":"die"'*) exit 3 ;;
  esac
done
"#;

/// A server with cases of its own.
pub(super) fn script(cases: &str) -> String {
    SCRIPT.replace("CASES", cases).replace("BEFORE", "")
}

/// A server that does something before it reads.
pub(super) fn script_after(before: &str) -> String {
    SCRIPT.replace("CASES", "").replace("BEFORE", before)
}

/// A server of 2026-07-28 and nothing else.
pub(super) fn modern(refusal: &str) -> String {
    script(&format!(
        r#"*'"method":"initialize"'*) {refusal} ;;
        *'"method":"server/discover"'*) [ -n "$settled" ] && refuse -32602 && continue
        result '{{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{{"tools":{{}}}},"_meta":{{"io.modelcontextprotocol/serverInfo":{{"name":"modern","version":"2"}}}}}}' ;;"#
    ))
}

#[derive(Debug)]
struct NoCredentials;

impl Credentials for NoCredentials {
    fn request(&self) -> Result<Opened, Failure> {
        Ok(Opened::default())
    }

    fn environment(&self) -> Result<Vec<(String, String)>, Failure> {
        Ok(vec![("GIVEN".to_owned(), "1".to_owned())])
    }

    fn mask<'a>(&self, text: &'a str) -> (Cow<'a, str>, u64) {
        (Cow::Borrowed(text), 0)
    }
}

/// All that a test needs.
pub(super) struct Bench {
    pub(super) sessions: Sessions,
    pub(super) shutdown: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) directory: TempDir,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with_limits(|_| {})
    }

    pub(super) fn with_limits(change: impl FnOnce(&mut Limits)) -> Self {
        let mut limits = Limits::standard();
        change(&mut limits);
        let tasks = TaskTracker::new();
        let http = Upstream::new(&limits, Roots::only(Vec::new()), tasks.clone()).unwrap();
        let shutdown = CancellationToken::new();
        let parts =
            SessionsParts { http, limits, tasks: tasks.clone(), shutdown: shutdown.clone() };
        let sessions = Sessions::new(parts);
        Self { sessions, shutdown, tasks, directory: tempfile::tempdir().unwrap() }
    }

    /// Where a server is that was heard to speak in the older way.
    pub(super) fn target(&self, script: &str) -> Target {
        let stdio = Stdio {
            command: "/bin/sh".to_owned(),
            args: vec!["-c".to_owned(), script.to_owned()],
            env: vec![],
            cwd: None,
        };
        Target {
            tenant: tenant(),
            server: server(),
            generation: 1,
            definition: Definition { description: None, transport: Transport::Stdio(stdio) },
            era: EraChoice::Auto,
            spoken: Some(Version::LATEST_LEGACY),
            private: PrivateAllowance::none(),
            connect_max: PATIENCE,
            directory: self.directory.path().to_owned(),
        }
    }

    pub(super) fn opening(&self, script: &str) -> Opening {
        opening(self.target(script))
    }

    /// A session with a server, for the first agent.
    pub(super) async fn lease(&self, script: &str) -> Lease {
        self.sessions.lease(&key("one"), self.opening(script)).await.unwrap()
    }

    /// How often a server was started.
    pub(super) fn starts(&self) -> usize {
        self.lines("starts").len()
    }

    /// The methods that servers heard.
    pub(super) fn heard(&self) -> Vec<String> {
        self.lines("log")
    }

    fn lines(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.directory.path().join(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// What the process that complained last wrote.
    pub(super) fn stderr(&self) -> String {
        self.sessions.processes(|_| true, 1).pop().map(|it| it.stderr).unwrap_or_default()
    }

    /// Agents, and the first line of what their processes wrote.
    pub(super) fn told(&self) -> Vec<String> {
        let agent = |key: SessionKey| key.principal.map(|it| it.agent.to_string());
        let first = |stderr: &str| stderr.lines().next().unwrap_or_default().to_owned();
        let reports = self.sessions.processes(|_| true, 8);
        let tell = reports.into_iter();
        tell.map(|it| format!("{}: {}", agent(it.key).unwrap_or_default(), first(&it.stderr)))
            .collect()
    }

    /// Waits until this much is open.
    pub(super) async fn until(&self, sessions: usize, processes: usize) {
        eventually(|| self.sessions.counts() == Counts { sessions, processes }).await;
    }

    /// Ends everything and sees to it that nothing is left.
    pub(super) async fn end(self) {
        self.sessions.close().await;
        assert_eq!(self.sessions.counts(), Counts { sessions: 0, processes: 0 });
        self.tasks.close();
        tokio::time::timeout(PATIENCE, self.tasks.wait()).await.expect("a task is left");
        // Grandchildren were killed with their group, and are gone a moment later.
        eventually(|| children(self.directory.path()).is_empty()).await;
    }
}

/// Waits until something is so. Whoever waits in vain is told where.
#[track_caller]
pub(super) fn eventually(mut so: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        let begun = std::time::Instant::now();
        while !so() {
            assert!(begun.elapsed() < PATIENCE, "{place}: it never came to be");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// Processes that work in a directory: whatever a server left behind.
fn children(directory: &Path) -> Vec<String> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return vec![] };
    let directory = directory.canonicalize().unwrap();
    processes
        .flatten()
        .filter(|entry| {
            std::fs::read_link(entry.path().join("cwd"))
                .is_ok_and(|cwd| cwd.starts_with(&directory))
        })
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect()
}

pub(super) fn tenant() -> TenantName {
    TenantName::parse("acme").unwrap()
}

pub(super) fn server() -> ServerName {
    ServerName::parse("fake").unwrap()
}

pub(super) fn key(agent: &str) -> SessionKey {
    let principal =
        Principal { tenant: tenant(), agent: AgentName::parse(agent).unwrap(), user: None };
    SessionKey {
        tenant: tenant(),
        server: server(),
        generation: 1,
        principal: Some(principal),
        credential: 0,
        client: [0; 32],
        owner: None,
    }
}

pub(super) fn opening(target: Target) -> Opening {
    Opening {
        target: Arc::new(target),
        credentials: Arc::new(NoCredentials),
        client: ClientFacts {
            capabilities: r#"{"roots":{}}"#.to_owned(),
            info: r#"{"name":"test","version":"0"}"#.to_owned(),
        },
        inbox: None,
    }
}

pub(super) fn inbox(opening: &mut Opening) -> mpsc::Receiver<Unrelated> {
    let (sender, receiver) = mpsc::channel(16);
    opening.inbox = Some(sender);
    receiver
}

pub(super) fn outgoing<'a>(method: &'a str, params: Option<&str>) -> Outgoing<'a> {
    Outgoing {
        method,
        params: params.map(str::to_owned),
        param_headers: vec![],
        deadline: Instant::now().checked_add(PATIENCE),
    }
}

pub(super) async fn ask(lease: &Lease, method: &str) -> Result<Reply, Failure> {
    let mut exchange = lease.request(outgoing(method, None)).await?;
    finish(&mut exchange).await
}

/// The answer, whatever comes before it.
pub(super) async fn finish(exchange: &mut Exchange) -> Result<Reply, Failure> {
    loop {
        if let Step::Done(reply) = exchange.next().await? {
            return Ok(reply);
        }
    }
}
