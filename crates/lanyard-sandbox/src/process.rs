//! A process that runs: its pipes, its end, and ending it.

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout};
use tokio::sync::{oneshot, watch};

use crate::launch::LaunchError;

/// A process and its group. Dropping it kills the group; its thread reaps it.
#[derive(Debug)]
pub struct Process {
    group: Arc<Group>,
    pipes: Option<Pipes>,
    ended: watch::Receiver<Option<Exit>>,
}

/// The three ends of the process's pipes that are ours.
#[derive(Debug)]
pub struct Pipes {
    /// What it reads.
    pub stdin: ChildStdin,
    /// What it writes.
    pub stdout: ChildStdout,
    /// What it complains about.
    pub stderr: ChildStderr,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Exit {
    fn of(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, Some(signal)) => Self::Signal(signal),
            // Only a process that was stopped has neither, and stops are not waited for.
            (None, None) => Self::Code(-1),
        }
    }
}

/// `exited with code 1`, `was ended by SIGKILL`: the words that a log line or a status goes on with.
impl fmt::Display for Exit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(formatter, "exited with code {code}"),
            Self::Signal(number) => match name(*number) {
                Some(name) => write!(formatter, "was ended by {name}"),
                None => write!(formatter, "was ended by signal {number}"),
            },
        }
    }
}

/// The signals that processes usually end by.
fn name(signal: i32) -> Option<&'static str> {
    match signal {
        libc::SIGHUP => Some("SIGHUP"),
        libc::SIGINT => Some("SIGINT"),
        libc::SIGQUIT => Some("SIGQUIT"),
        libc::SIGILL => Some("SIGILL"),
        libc::SIGTRAP => Some("SIGTRAP"),
        libc::SIGABRT => Some("SIGABRT"),
        libc::SIGBUS => Some("SIGBUS"),
        libc::SIGFPE => Some("SIGFPE"),
        libc::SIGKILL => Some("SIGKILL"),
        libc::SIGSEGV => Some("SIGSEGV"),
        libc::SIGPIPE => Some("SIGPIPE"),
        libc::SIGTERM => Some("SIGTERM"),
        libc::SIGXCPU => Some("SIGXCPU"),
        libc::SIGXFSZ => Some("SIGXFSZ"),
        libc::SIGSYS => Some("SIGSYS"),
        _ => None,
    }
}

impl Process {
    /// Takes over what the keeper started. An error means that the runtime has no room for the
    /// pipes; the process is then killed.
    pub(crate) fn new(started: Started) -> io::Result<Self> {
        let Started { mut process, stdin, stdout, stderr } = started;
        let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe));
        };
        process.pipes = Some(Pipes {
            stdin: ChildStdin::from_std(stdin)?,
            stdout: ChildStdout::from_std(stdout)?,
            stderr: ChildStderr::from_std(stderr)?,
        });
        Ok(process)
    }

    /// Its number, which is its group's number too. Another process may have it once this one has
    /// ended.
    pub fn pid(&self) -> u32 {
        u32::try_from(self.group.leader.as_raw_nonzero().get()).unwrap_or_default()
    }

    /// The pipes, for whoever asks first.
    pub fn take_pipes(&mut self) -> Option<Pipes> {
        self.pipes.take()
    }

    /// How it ended, if it has.
    pub fn exit(&self) -> Option<Exit> {
        *self.ended.borrow()
    }

    /// Waits for its end. The future holds nothing of the process: it does not keep it alive.
    pub fn wait(&self) -> impl Future<Output = Exit> + Send + use<> {
        let mut ended = self.ended.clone();
        async move {
            let exit = ended.wait_for(Option::is_some).await.map(|exit| *exit);
            // The keeper says how it ended before it goes away.
            exit.ok().flatten().unwrap_or(Exit::Signal(libc::SIGKILL))
        }
    }

    /// Asks the whole group to end.
    pub fn terminate(&self) {
        self.group.signal(Signal::TERM);
    }

    /// Ends the whole group.
    pub fn kill(&self) {
        self.group.signal(Signal::KILL);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A process group of ours, by the number of its first process.
#[derive(Debug)]
pub(crate) struct Group {
    leader: Pid,
    /// Whether the leader was reaped. From then on the number may belong to somebody else, and
    /// must not be signalled.
    reaped: Mutex<bool>,
}

impl Group {
    fn signal(&self, signal: Signal) {
        let reaped = self.reaped.lock().unwrap_or_else(PoisonError::into_inner);
        if !*reaped {
            // It fails where nobody of the group is left, and then there is nothing to do.
            let _nobody_left = kill_process_group(self.leader, signal);
        }
    }
}

/// What the keeper hands over. Dropped on the way, it ends the process.
pub(crate) struct Started {
    /// Without its pipes: those belong to a runtime, which the keeper is not part of.
    process: Process,
    stdin: Option<std::process::ChildStdin>,
    stdout: Option<std::process::ChildStdout>,
    stderr: Option<std::process::ChildStderr>,
}

/// Starts a process, waits for its end, ends what is left of its group, and reaps it: the whole
/// life of a keeper thread.
pub(crate) fn keep(
    start: impl FnOnce() -> Result<Child, LaunchError>,
    answer: oneshot::Sender<Result<Started, LaunchError>>,
) {
    let mut child = match start() {
        Ok(child) => child,
        Err(error) => {
            let _nobody_asks_any_more = answer.send(Err(error));
            return;
        }
    };
    let leader = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let Some(leader) = leader else { return };
    let group = Arc::new(Group { leader, reaped: Mutex::new(false) });
    let (end, ended) = watch::channel(None);
    let started = Started {
        process: Process { group: Arc::clone(&group), pipes: None, ended },
        stdin: child.stdin.take(),
        stdout: child.stdout.take(),
        stderr: child.stderr.take(),
    };
    // Whoever asked may have gone away while it started; it is ended then.
    drop(answer.send(Ok(started)));
    end.send_replace(Some(outlive(&group, child)));
}

/// Waits for the end of the group's leader. The leader is reaped last: as long as it is not, its
/// number is the group's and nobody else's, so the signal for those it left behind hits no stranger.
fn outlive(group: &Group, mut child: Child) -> Exit {
    let seen = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    while let Err(error) = waitid(WaitId::Pid(group.leader), seen) {
        if error != rustix::io::Errno::INTR {
            break;
        }
    }
    group.signal(Signal::KILL);
    let mut reaped = group.reaped.lock().unwrap_or_else(PoisonError::into_inner);
    *reaped = true;
    child.wait().map_or(Exit::Signal(libc::SIGKILL), Exit::of)
}
