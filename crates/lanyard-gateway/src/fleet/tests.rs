//! The fleet over real sessions with real processes. What needs time to pass is tested beside the
//! parts, where time is the test's own.

use std::future::Future;
use std::io::Write as _;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use lanyard_connect::http::{PrivateAllowance, Roots, Upstream};
use lanyard_connect::mcp::{EraChoice, Outgoing, Sessions, SessionsParts, Step, Target};
use lanyard_core::{Clock, Failure, Limits, ServerName, TenantName, Timestamp};
use lanyard_mcp::{Definition, Stdio, Transport};
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::fake::{Kind, key, member, opening};
use super::{Catalogs, Fleet, FleetParts, Keep, Listed, Member, State, Status, house};

/// Long for a machine under load, short for somebody who waits for a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server of 2025-11-25 as a shell script. It notes in `log` what it is asked, lists what is in
/// `tools`, and dies when it is asked to or finds a file `die` when it is probed.
const SCRIPT: &str = r#"
echo start >> log
say() { printf '%s\n' "$1"; }
result() { say '{"jsonrpc":"2.0","id":'"$id"',"result":'"$1"'}'; }
while read -r line; do
  id=${line#*'"id":'}; id=${id%%,*}
  case $line in
    *'"method":"initialize"'*)
      result '{"protocolVersion":"2025-11-25","capabilities":{"tools":{"listChanged":true}},"serverInfo":{"name":"fake","version":"1"}}' ;;
    *'"method":"tools/list"'*)
      echo list >> log
      result '{"tools":['"$(cat tools)"']}' ;;
    *'"method":"ping"'*)
      if [ -e die ]; then rm die; exit 3; fi
      result '{}' ;;
    *'"method":"die"'*) exit 3 ;;
    *'"method":"echo"'*) result '{}' ;;
  esac
done
"#;

#[derive(Debug)]
struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        Timestamp(0)
    }

    fn monotonic(&self) -> std::time::Instant {
        std::time::Instant::now()
    }
}

/// Tells the test what is listed.
#[derive(Debug)]
struct Told(mpsc::UnboundedSender<Vec<String>>);

impl Catalogs for Told {
    fn observed(
        &self,
        _tenant: &TenantName,
        _server: &ServerName,
        _generation: u64,
        listed: Listed,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
        let names = listed.items.into_iter().map(|item| item.name).collect();
        let told = self.0.send(names).map_err(|error| error.to_string());
        Box::pin(async move { told })
    }
}

/// A fleet with one process.
struct Bench {
    fleet: Fleet,
    sessions: Arc<Sessions>,
    alpha: Arc<Member>,
    listed: mpsc::UnboundedReceiver<Vec<String>>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    directory: TempDir,
}

impl Bench {
    fn new(keep: Keep) -> Self {
        let (tasks, shutdown) = (TaskTracker::new(), CancellationToken::new());
        let limits = Limits { server_probe_ms: 50, ..Limits::standard() };
        let http = Upstream::new(&limits, Roots::only(Vec::new()), tasks.clone()).unwrap();
        let sessions = Arc::new(Sessions::new(SessionsParts {
            http,
            limits: limits.clone(),
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
        }));
        let (told, listed) = mpsc::unbounded_channel();
        let fleet = Fleet::new(FleetParts {
            sessions: Arc::clone(&sessions),
            clock: Arc::new(RealClock),
            limits,
            tasks: tasks.clone(),
            shutdown: shutdown.clone(),
            catalogs: Arc::new(Told(told)),
        });
        let directory = tempfile::tempdir().unwrap();
        let alpha = Arc::new(process(keep, directory.path()));
        let bench = Self { fleet, sessions, alpha, listed, tasks, shutdown, directory };
        bench.offer(&["echo"]);
        bench.fleet.reconcile(&[Arc::clone(&bench.alpha)]);
        bench
    }

    /// What the server lists from now on.
    fn offer(&self, tools: &[&str]) {
        let tools: Vec<String> =
            tools.iter().map(|name| format!(r#"{{"name":"{name}"}}"#)).collect();
        self.file("tools", &tools.join(","));
    }

    fn file(&self, name: &str, text: &str) {
        let mut file = std::fs::File::create(self.directory.path().join(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    async fn listed(&mut self) -> Vec<String> {
        timeout(PATIENCE, self.listed.recv()).await.unwrap().unwrap()
    }

    /// One request by an agent, and how it ended.
    async fn call(&self, agent: &str, method: &str) -> Result<(), Failure> {
        let key = key(&self.alpha, agent);
        let entering = self.fleet.enter(&self.alpha, &key, opening(&self.alpha));
        let entered = timeout(PATIENCE, entering).await.unwrap()?;
        let request = Outgoing { method, params: None, param_headers: Vec::new(), deadline: None };
        let asking = async {
            let mut exchange = entered.request(request).await?;
            while !matches!(exchange.next().await?, Step::Done(_)) {}
            Ok(())
        };
        let outcome = timeout(PATIENCE, asking).await.unwrap();
        entered.done(outcome.as_ref().copied(), Duration::from_millis(1));
        outcome
    }

    fn status(&self) -> Status {
        let target = &self.alpha.target;
        self.fleet.status(&target.tenant, &target.server).unwrap()
    }

    async fn until(&self, state: State) {
        let looking = async {
            while self.status().state != state {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, looking).await.unwrap();
    }

    fn log(&self) -> String {
        let text = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        text.lines().collect::<Vec<_>>().join(" ")
    }

    /// Stops everything, and looks whether anything is left.
    async fn stop(self) {
        self.shutdown.cancel();
        self.sessions.close().await;
        self.tasks.close();
        timeout(PATIENCE, self.tasks.wait()).await.unwrap();
        let counts = self.sessions.counts();
        assert_eq!((counts.sessions, counts.processes), (0, 0));
    }
}

fn process(keep: Keep, directory: &Path) -> Member {
    let stdio = Stdio {
        command: "/bin/sh".to_owned(),
        args: vec!["-c".to_owned(), SCRIPT.to_owned()],
        env: Vec::new(),
        cwd: None,
    };
    let standard = member("alpha", Kind::Process);
    Member {
        target: Arc::new(Target {
            tenant: standard.target.tenant.clone(),
            server: standard.target.server.clone(),
            generation: 1,
            definition: Definition { description: None, transport: Transport::Stdio(stdio) },
            era: EraChoice::Legacy,
            spoken: None,
            private: PrivateAllowance::default(),
            connect_max: PATIENCE,
            directory: directory.to_owned(),
        }),
        keep,
        ..standard
    }
}

#[tokio::test]
async fn a_process_is_listed_at_each_start_and_only_then() {
    let mut bench = Bench::new(Keep::Idle(Duration::from_secs(600)));
    for _ in 0..3 {
        bench.call("ci", "echo").await.unwrap();
    }
    // The gateway looks for itself once, and ends what it looked at.
    assert_eq!(bench.log(), "start start list list");
    assert_eq!(bench.listed().await, ["echo"]);
    bench.call("other", "echo").await.unwrap();
    assert_eq!(bench.log(), "start start list list start list");
    // A process that ends takes its call along; the next call has another one.
    assert_eq!(bench.call("ci", "die").await, Err(Failure::ServerEnded));
    bench.offer(&["echo", "more"]);
    bench.call("ci", "echo").await.unwrap();
    assert_eq!(bench.log(), "start start list list start list start list");
    assert_eq!(bench.listed().await, ["echo", "more"]);
    let status = bench.status();
    assert_eq!((status.state, status.calls, status.failures), (State::Connected, 6, 1));
    bench.stop().await;
}

#[tokio::test]
async fn calls_at_once_start_one_process() {
    let bench = Bench::new(Keep::Idle(Duration::from_secs(600)));
    let (one, other) = tokio::join!(bench.call("ci", "echo"), bench.call("ci", "echo"));
    one.and(other).unwrap();
    assert_eq!(bench.log(), "start start list list");
    bench.stop().await;
}

#[tokio::test]
async fn a_kept_process_is_started_again_when_it_died_and_listed_again() {
    let mut bench = Bench::new(Keep::Always);
    assert_eq!(bench.listed().await, ["echo"]);
    bench.until(State::Connected).await;
    bench.offer(&["echo", "more"]);
    bench.file("die", "");
    bench.until(State::Backoff).await;
    let error = bench.status().last_error.unwrap();
    assert_eq!(error, "its conversation ended: its process exited with code 3");
    bench.call("ci", "echo").await.unwrap();
    assert_eq!(bench.listed().await, ["echo", "more"]);
    assert_eq!(bench.listed().await, ["echo", "more"]);
    bench.until(State::Connected).await;
    assert_eq!(bench.log(), "start list start list start list");
    bench.stop().await;
}

#[tokio::test]
async fn lists_are_read_again_when_somebody_says_so_and_on_reconnecting() {
    let mut bench = Bench::new(Keep::Always);
    assert_eq!(bench.listed().await, ["echo"]);
    bench.until(State::Connected).await;
    bench.offer(&["other"]);
    let target = Arc::clone(&bench.alpha.target);
    // A process says it of itself alone; so it is the gateway's own that has to.
    bench.fleet.lists_changed(&house::key(&bench.alpha)).await;
    assert_eq!(bench.listed().await, ["other"]);
    assert_eq!(bench.log(), "start list list");
    bench.fleet.reconnect(&target.tenant, &target.server);
    assert_eq!(bench.listed().await, ["other"]);
    bench.until(State::Connected).await;
    assert_eq!(bench.log(), "start list list start list");
    bench.stop().await;
}

#[tokio::test]
async fn a_server_is_tried_out_in_a_process_of_its_own() {
    let bench = Bench::new(Keep::Idle(Duration::from_secs(600)));
    let listed = bench.fleet.try_out(&bench.alpha).await.unwrap();
    assert_eq!(listed.items.len(), 1);
    assert_eq!(bench.log(), "start list");
    assert_eq!(bench.status().state, State::Idle);
    bench.stop().await;
}
