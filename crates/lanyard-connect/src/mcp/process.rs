//! Processes of servers: how they are started, how many there are, and what they complained about.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lanyard_core::{Failure, Limits, UserName};
use lanyard_mcp::Stdio;
use lanyard_sandbox::{Launch, Process, ProcessLimits, launch};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::link::{DRAIN_MAX, LinesLink, LinesParts, Tail, keep_tail};
use super::sessions::SessionKey;
use super::target::{Credentials, Target};

/// Where programs are looked for by the programs that we start.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Processes that are remembered after their end: of one server, and of all.
const ENDED_OF_ONE_MAX: usize = 4;
const ENDED_MAX: usize = 256;

/// The processes of all sessions.
#[derive(Debug)]
pub(super) struct Processes {
    limits: Limits,
    tasks: TaskTracker,
    /// How many run.
    count: watch::Sender<usize>,
    /// Those that run and the last that ended, in the order in which they were started.
    known: Mutex<VecDeque<Known>>,
}

/// A process that runs, or that ended lately.
#[derive(Debug, Clone)]
struct Known {
    key: SessionKey,
    pid: u32,
    started: Instant,
    exit: Option<String>,
    tail: Arc<Tail>,
}

/// What is known of a process of a server.
#[derive(Debug, Clone)]
pub struct ProcessReport {
    /// Whose session it is or was.
    pub key: SessionKey,
    /// Its process id.
    pub pid: u32,
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
            known: Mutex::default(),
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

    /// Of the processes of these keys that run or ended lately, those that complained last, the
    /// last of them at the end; as many as asked for.
    pub(super) fn reports(
        &self,
        of: impl Fn(&SessionKey) -> bool,
        reports_max: usize,
    ) -> Vec<ProcessReport> {
        let mut found: Vec<Known> = self.known().iter().filter(|it| of(&it.key)).cloned().collect();
        found.sort_by_cached_key(|it| (it.tail.written(), it.started));
        let first = found.len().saturating_sub(reports_max);
        found.drain(..first);
        found.into_iter().map(Known::report).collect()
    }

    /// How the latest process of a key ended, in words, if it has.
    pub(super) fn last_exit(&self, key: &SessionKey) -> Option<String> {
        self.known().iter().rev().find(|it| it.key == *key)?.exit.clone()
    }

    fn known(&self) -> MutexGuard<'_, VecDeque<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
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
        let home = home_of(key, target);
        let started = self.launch(key, launch_of(home, stdio, given)).await;
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
                    let tail = this.remember(key, pid);
                    tracing::debug!(%server, pid, "A server's process was started.");
                    let exit = process.wait();
                    drop(answer.send(Ok((process, Arc::clone(&tail)))));
                    let words = exit.await.to_string();
                    tracing::debug!(%server, pid, "A server's process {words}.");
                    this.ended(&tail, words);
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
        let complained = CancellationToken::new();
        let read = complained.clone().drop_guard();
        self.tasks.spawn(async move {
            let _read = read;
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
            complained,
            message_bytes_max: Limits::size(self.limits.message_bytes_max),
            tasks: self.tasks.clone(),
        }))
    }

    /// Takes note of a process that was started just now.
    fn remember(&self, key: SessionKey, pid: u32) -> Arc<Tail> {
        let tail = Arc::new(Tail::new(Limits::size(self.limits.server_stderr_bytes_max)));
        let started = Instant::now();
        let process = Known { key, pid, started, exit: None, tail: Arc::clone(&tail) };
        self.known().push_back(process);
        tail
    }

    /// Takes note of the end of a process, and forgets older ones that ended: one that ends again
    /// and again stands for itself once.
    fn ended(&self, tail: &Arc<Tail>, exit: String) {
        let mut known = self.known();
        let Some(process) = known.iter_mut().find(|it| Arc::ptr_eq(&it.tail, tail)) else { return };
        process.exit = Some(exit);
        let key = process.key.clone();
        let is_last = |it: &Known| Arc::ptr_eq(&it.tail, tail);
        known.retain(|it| it.exit.is_none() || is_last(it) || !is_of_the_same(&it.key, &key));
        let of_server = |it: &Known| it.key.tenant == key.tenant && it.key.server == key.server;
        forget_oldest(&mut known, of_server, ENDED_OF_ONE_MAX);
        forget_oldest(&mut known, |_| true, ENDED_MAX);
    }
}

impl Known {
    fn report(self) -> ProcessReport {
        let Self { key, pid, started, exit, tail } = self;
        ProcessReport { key, pid, started, exit, stderr: tail.text() }
    }
}

/// Whether two processes speak for the same: whichever of its clients, in whichever configuration.
fn is_of_the_same(one: &SessionKey, other: &SessionKey) -> bool {
    one.tenant == other.tenant
        && one.server == other.server
        && one.principal == other.principal
        && one.owner.is_some() == other.owner.is_some()
}

/// Of some processes that ended, forgets the oldest until they are not more than this.
fn forget_oldest(known: &mut VecDeque<Known>, among: impl Fn(&Known) -> bool, ended_max: usize) {
    let counts = |it: &Known| it.exit.is_some() && among(it);
    let count = known.iter().filter(|it| counts(it)).count();
    let mut over = count.saturating_sub(ended_max);
    known.retain(|it| {
        let goes = over > 0 && counts(it);
        over = over.saturating_sub(usize::from(goes));
        !goes
    });
}

/// The directory of a process. That of a process which works for a user is theirs, whichever agent
/// calls for them: `NAME.users/USER`, beside the server's own `NAME`. No server's name has a dot.
fn home_of(key: &SessionKey, target: &Target) -> PathBuf {
    let user = key.principal.as_ref().and_then(|principal| principal.user.as_ref());
    match user {
        Some(user) => target.directory.with_extension("users").join(as_file_name(user)),
        None => target.directory.clone(),
    }
}

/// A user's name as the name of a directory: another one for each user, also where capitals do not
/// count, and never `.` or `..`.
fn as_file_name(user: &UserName) -> String {
    user.as_str().char_indices().fold(String::new(), |mut name, (place, character)| {
        if character.is_ascii_uppercase() || (character == '.' && place == 0) {
            name.push('=');
        }
        name.push(character.to_ascii_lowercase());
        name
    })
}

/// What a process is started with: what its definition gives, and a home, a place for temporary
/// files and a search path where it gives none. Beside its own directory nothing is written.
fn launch_of(home: PathBuf, stdio: &Stdio, given: Vec<(String, String)>) -> Launch {
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
        made: vec![home, temporary],
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
