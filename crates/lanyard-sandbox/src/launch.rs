//! What a process is started with, and why it is not.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use thiserror::Error;
use tokio::sync::oneshot;

use crate::child;
use crate::process::{self, Process};

/// Read, write and search for the owner, nothing for anybody else.
const OWNER_ONLY: u32 = 0o700;

/// A thread that starts a process and waits for its end needs little.
const KEEPER_STACK_BYTES: usize = 128 << 10;

/// A process to start.
#[derive(Clone)]
pub struct Launch {
    /// The program: an absolute path. Nothing is searched for.
    pub command: PathBuf,
    /// Its arguments, without its own name.
    pub args: Vec<String>,
    /// The whole environment; nothing is inherited.
    pub env: Vec<(String, String)>,
    /// Where it starts.
    pub directory: PathBuf,
    /// Directories that are made before, where they are missing, for their owner alone.
    pub made: Vec<PathBuf>,
    /// What it may use.
    pub limits: ProcessLimits,
}

/// Arguments and environment may hold credentials, so only their number is shown.
impl fmt::Debug for Launch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, args, env, directory, made, limits } = self;
        formatter
            .debug_struct("Launch")
            .field("command", command)
            .field("args", &args.len())
            .field("env", &env.len())
            .field("directory", directory)
            .field("made", made)
            .field("limits", limits)
            .finish()
    }
}

/// What one process may use.
///
/// There is no limit on the number of processes, because that counts every process of the user id
/// and not those of this server, and none on the address space, because runtimes with a compiler
/// in them (node, the JVM) reserve far more of it than they use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProcessLimits {
    /// Descriptors open at a time.
    pub open_files_max: u64,
    /// The largest file that it may write: a process that runs wild must not fill the disk that
    /// our records are written to.
    pub file_bytes_max: u64,
}

impl ProcessLimits {
    /// What holds unless configured otherwise.
    pub const fn standard() -> Self {
        Self { open_files_max: 1024, file_bytes_max: 1 << 30 }
    }
}

/// Why a process was not started. No text of it holds an argument or a part of the environment.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LaunchError {
    /// The program's path is relative.
    #[error("`{}` is no absolute path; write the program's whole path", .0.display())]
    NotAbsolute(PathBuf),
    /// There is no such program.
    #[error("`{}` does not exist; install it, or correct the path", .0.display())]
    NotFound(PathBuf),
    /// It is there and is no program.
    #[error("`{}` is not executable; run `chmod +x` on it, or start its interpreter", .0.display())]
    NotExecutable(PathBuf),
    /// It is a script whose interpreter does not exist.
    #[error("`{}` names an interpreter in its first line that does not exist; install that", .0.display())]
    NoInterpreter(PathBuf),
    /// The user that this runs as may not start it.
    #[error("`{}` may not be started by the user that lanyard runs as; check the rights of the file and of the directories above it", .0.display())]
    NoPermission(PathBuf),
    /// The directory cannot be used.
    #[error("the directory `{}` cannot be used ({problem}); create it, or correct its rights", .path.display())]
    Directory {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        problem: String,
    },
    /// An argument or a part of the environment cannot be passed on.
    #[error(
        "an argument or an environment variable holds a NUL, or a variable's name is empty or holds `=`"
    )]
    Unwritable,
    /// Arguments and environment together are too long.
    #[error("the arguments and the environment are longer than the system allows")]
    TooLong,
    /// The system has no room for another process.
    #[error("the system has no processes, memory or descriptors left for it ({0})")]
    Exhausted(String),
    /// Anything else.
    #[error("the system refused: {0}")]
    Refused(String),
}

/// Starts a process. Must be called within a runtime, which its pipes belong to.
///
/// Each process has a thread of its own that starts it, waits for its end and reaps it. A thread,
/// because "die with your parent" means the *thread* that started it: this one lives exactly as
/// long as the process. And because the end must be seen, the group killed and the process reaped
/// in that order, also when nobody waits and the runtime is gone.
pub async fn launch(launch: Launch) -> Result<Process, LaunchError> {
    let (answer, started) = oneshot::channel();
    thread::Builder::new()
        .name("lanyard-process".to_owned())
        .stack_size(KEEPER_STACK_BYTES)
        .spawn(move || process::keep(|| start(&launch), answer))
        .map_err(|error| LaunchError::Exhausted(words(&error)))?;
    let started = started.await.map_err(|_| LaunchError::Refused("no answer".to_owned()))??;
    Process::new(started).map_err(|error| LaunchError::Exhausted(words(&error)))
}

/// Starts the process itself, and finds out why where that fails.
fn start(launch: &Launch) -> Result<std::process::Child, LaunchError> {
    if !launch.command.is_absolute() {
        return Err(LaunchError::NotAbsolute(launch.command.clone()));
    }
    if launch.env.iter().any(|(name, _)| name.is_empty() || name.contains(['=', '\0'])) {
        return Err(LaunchError::Unwritable);
    }
    prepare(launch)?;
    #[expect(clippy::disallowed_methods, reason = "this is the one place that starts processes")]
    let mut command = Command::new(&launch.command);
    command
        .args(&launch.args)
        .env_clear()
        .envs(launch.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&launch.directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    child::arrange(&mut command, launch.limits);
    command.spawn().map_err(|error| reason(launch, &error))
}

/// Makes the directories that are to be made, and looks whether the one to start in is there: the
/// error of a start cannot be told apart from that of a missing program.
fn prepare(launch: &Launch) -> Result<(), LaunchError> {
    let unusable =
        |path: &Path, problem: String| LaunchError::Directory { path: path.to_owned(), problem };
    for path in &launch.made {
        let mut builder = fs::DirBuilder::new();
        let made = builder.recursive(true).mode(OWNER_ONLY).create(path);
        made.map_err(|error| unusable(path, words(&error)))?;
    }
    match fs::metadata(&launch.directory) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(unusable(&launch.directory, "it is no directory".to_owned())),
        Err(error) => Err(unusable(&launch.directory, words(&error))),
    }
}

/// What an error of starting means. The system says little: "not found" may be the program or the
/// interpreter that its first line names.
fn reason(launch: &Launch, error: &io::Error) -> LaunchError {
    let command = launch.command.clone();
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENOTDIR) if command.exists() => {
            LaunchError::NoInterpreter(command)
        }
        Some(libc::ENOENT | libc::ENOTDIR) => LaunchError::NotFound(command),
        Some(libc::EACCES | libc::EPERM) => match fs::metadata(&command) {
            Ok(found) if found.is_dir() || found.permissions().mode() & 0o111 == 0 => {
                LaunchError::NotExecutable(command)
            }
            Ok(_) | Err(_) => LaunchError::NoPermission(command),
        },
        Some(libc::ENOEXEC) => LaunchError::NotExecutable(command),
        Some(libc::E2BIG) => LaunchError::TooLong,
        Some(libc::EAGAIN | libc::ENOMEM | libc::EMFILE | libc::ENFILE) => {
            LaunchError::Exhausted(words(error))
        }
        None if error.kind() == io::ErrorKind::InvalidInput => LaunchError::Unwritable,
        Some(_) | None => LaunchError::Refused(words(error)),
    }
}

/// What the system says, without its number.
fn words(error: &io::Error) -> String {
    error.kind().to_string()
}
