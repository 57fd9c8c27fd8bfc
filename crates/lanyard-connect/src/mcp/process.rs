//! Processes of servers: how they are started, how many there are, and what they complained about.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lanyard_core::{Failure, Limits, ServerName, TenantName};
use lanyard_mcp::Stdio;
use lanyard_sandbox::{Launch, Process, ProcessLimits, launch};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use super::link::{DRAIN_MAX, LinesLink, LinesParts, Tail, keep_tail};
use super::sessions::SessionKey;
use super::target::{Credentials, Target};

/// Where programs are looked for by the programs that we start.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Processes whose complaints are kept after their end, one for each server.
const REMEMBERED_MAX: usize = 256;

/// The processes of all sessions.
#[derive(Debug)]
pub(super) struct Processes {
    limits: Limits,
    tasks: TaskTracker,
    /// How many run.
    count: watch::Sender<usize>,
    /// The latest process of each server, the oldest first.
    latest: Mutex<VecDeque<Latest>>,
}

/// The latest process of a server.
#[derive(Debug, Clone)]
struct Latest {
    key: SessionKey,
    started: Instant,
    exit: Arc<Mutex<Option<String>>>,
    tail: Arc<Tail>,
}

/// What is known of the latest process of a server.
#[derive(Debug, Clone)]
pub struct LastProcess {
    /// Whose session it was.
    pub key: SessionKey,
    /// When it was started.
    pub started: Instant,
    /// How it ended, in words, if it has.
    pub exit: Option<String>,
    /// The last that it wrote to its stderr. It is a stranger's text.
    pub stderr: String,
}

impl Processes {
    pub(super) fn new(limits: &Limits, tasks: TaskTracker) -> Self {
        Self {
            limits: limits.clone(),
            tasks,
            count: watch::Sender::new(0),
            latest: Mutex::default(),
        }
    }

    /// How many run.
    pub(super) fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// Ready when none runs.
    pub(super) async fn until_none(&self) {
        let mut count = self.count.subscribe();
        // The sender is ours, so it does not go away while we wait.
        let _closed = count.wait_for(|count| *count == 0).await.is_err();
    }

    /// The latest process of a server.
    pub(super) fn last(&self, tenant: &TenantName, server: &ServerName) -> Option<LastProcess> {
        let latest = self.latest();
        let found = latest.iter().rev().find(|it| is_of(&it.key, tenant, server))?.clone();
        drop(latest);
        let exit = found.exit.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let stderr = found.tail.text();
        Some(LastProcess { key: found.key, started: found.started, exit, stderr })
    }

    fn latest(&self) -> MutexGuard<'_, VecDeque<Latest>> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the process of a server.
    pub(super) async fn start(
        self: &Arc<Self>,
        key: &SessionKey,
        target: &Target,
        stdio: &Stdio,
        credentials: &dyn Credentials,
    ) -> Result<LinesLink, Failure> {
        let given = credentials.environment()?;
        let started = self.launch(key, launch_of(target, stdio, given)).await;
        let (process, tail) = started.map_err(|_| Failure::Cancelled)??;
        self.link(process, tail)
    }

    /// Starts a process and counts it for as long as it runs, whether or not anybody waits for it:
    /// one that nobody waited for is ended at once.
    fn launch(
        self: &Arc<Self>,
        key: &SessionKey,
        how: Launch,
    ) -> oneshot::Receiver<Result<(Process, Arc<Tail>), Failure>> {
        let (answer, started) = oneshot::channel();
        self.count.send_modify(|count| *count = count.saturating_add(1));
        let (this, key) = (Arc::clone(self), key.clone());
        self.tasks.spawn(async move {
            match launch(how).await {
                Ok(process) => {
                    let (server, pid) = (key.server.clone(), process.pid());
                    let latest = this.remember(key);
                    tracing::debug!(%server, pid, "A server's process was started.");
                    let exit = process.wait();
                    drop(answer.send(Ok((process, Arc::clone(&latest.tail)))));
                    let words = exit.await.to_string();
                    tracing::debug!(%server, pid, "A server's process {words}.");
                    *latest.exit.lock().unwrap_or_else(PoisonError::into_inner) = Some(words);
                }
                Err(error) => {
                    let problem = error.to_string();
                    drop(answer.send(Err(Failure::ServerStart { problem })));
                }
            }
            this.count.send_modify(|count| *count = count.saturating_sub(1));
        });
        started
    }

    fn link(&self, mut process: Process, tail: Arc<Tail>) -> Result<LinesLink, Failure> {
        let pipes = process.take_pipes().ok_or(Failure::Bug)?;
        let exit = process.wait();
        self.tasks.spawn(async move {
            let ended = async {
                exit.await;
                sleep(DRAIN_MAX).await;
            };
            keep_tail(pipes.stderr, &tail, ended).await;
        });
        Ok(LinesLink::new(LinesParts {
            input: Box::new(pipes.stdin),
            output: Box::new(pipes.stdout),
            process: Some(process),
            message_bytes_max: Limits::size(self.limits.message_bytes_max),
            tasks: self.tasks.clone(),
        }))
    }

    /// Remembers a process that was started just now, as the latest of its server.
    fn remember(&self, key: SessionKey) -> Latest {
        let process = Latest {
            key,
            started: Instant::now(),
            exit: Arc::default(),
            tail: Arc::new(Tail::new(Limits::size(self.limits.server_stderr_bytes_max))),
        };
        let mut latest = self.latest();
        latest.retain(|it| !is_of(&it.key, &process.key.tenant, &process.key.server));
        latest.push_back(process.clone());
        while latest.len() > REMEMBERED_MAX {
            latest.pop_front();
        }
        process
    }
}

fn is_of(key: &SessionKey, tenant: &TenantName, server: &ServerName) -> bool {
    key.tenant == *tenant && key.server == *server
}

/// What a process is started with: what its definition gives, and a home, a place for temporary
/// files and a search path where it gives none. Beside its own directory nothing is written.
fn launch_of(target: &Target, stdio: &Stdio, given: Vec<(String, String)>) -> Launch {
    let home = &target.directory;
    let temporary = home.join("tmp");
    let mut env = given;
    for (name, value) in [
        ("PATH", search_path(&stdio.command)),
        ("HOME", home.display().to_string()),
        ("TMPDIR", temporary.display().to_string()),
    ] {
        if !env.iter().any(|(given, _)| given == name) {
            env.push((name.to_owned(), value));
        }
    }
    Launch {
        command: stdio.command.clone().into(),
        args: stdio.args.clone(),
        env,
        directory: stdio.cwd.as_ref().map_or_else(|| home.clone(), PathBuf::from),
        made: vec![home.clone(), temporary],
        limits: ProcessLimits::standard(),
    }
}

/// The usual directories, after the one that the program itself is in: a launcher's runtime is
/// most often beside it, and on some machines nowhere else.
fn search_path(command: &str) -> String {
    match Path::new(command).parent().and_then(Path::to_str) {
        Some(own) if !own.is_empty() && !PATH.split(':').any(|it| it == own) => {
            format!("{own}:{PATH}")
        }
        Some(_) | None => PATH.to_owned(),
    }
}
