//! The hook that is told of new servers: a webhook or a program, chosen at the start by whoever
//! runs the gateway.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use lanyard_admin::{Notify, Telling};
use lanyard_sandbox::{Exit, Launch, ProcessLimits, launch};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::UpArgs;
use crate::agent::client::{Endpoint, exchange_once};
use crate::config::Environment;

/// How long a hook may take: an operator waits at the terminal for it.
const HOOK_MAX: Duration = Duration::from_secs(10);

/// How much of what a program complains about is read, in bytes.
const COMPLAINT_BYTES_MAX: u64 = 4096;

/// The variable that holds the webhook's address where the command line, which every user of the
/// machine can read, is no place for it.
const URL_VARIABLE: &str = "LANYARD_NOTIFY_URL";

/// Sends the news to an address.
struct Webhook {
    endpoint: Endpoint,
}

/// Starts a program and gives it the news on stdin.
#[derive(Debug)]
struct Program {
    path: PathBuf,
    environment: Vec<(String, String)>,
    directory: PathBuf,
}

/// The hook that was asked for.
pub(super) fn find(
    args: &UpArgs,
    environment: &Environment,
    data: &Path,
) -> Result<Option<Arc<dyn Notify>>, String> {
    if let Some(program) = &args.notify_command {
        let path = program
            .canonicalize()
            .map_err(|error| format!("--notify-command {}: {error}", program.display()))?;
        let kept = ["PATH", "HOME", "TMPDIR", "LANG"];
        let pair = |name: &str| Some((name.to_owned(), environment.get(name)?.to_owned()));
        let environment = kept.into_iter().filter_map(pair).collect();
        return Ok(Some(Arc::new(Program { path, environment, directory: data.to_owned() })));
    }
    let (name, url) = match &args.notify_url {
        Some(url) => ("--notify-url", url.as_str()),
        None => match environment.get(URL_VARIABLE) {
            Some(url) => (URL_VARIABLE, url),
            None => return Ok(None),
        },
    };
    let endpoint = Endpoint::parse(url)
        .and_then(|it| it.with_header("content-type", "application/json"))
        .map_err(|error| format!("{name}: {error}"))?;
    Ok(Some(Arc::new(Webhook { endpoint })))
}

/// The path of a webhook's address is its credential with many services.
impl std::fmt::Debug for Webhook {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Webhook({})", self.endpoint.place_text())
    }
}

impl Notify for Webhook {
    fn place(&self) -> String {
        format!("webhook {}", self.endpoint.place_text())
    }

    fn tell(&self, news: String) -> Telling<'_> {
        Box::pin(async move {
            let asked = exchange_once(self.endpoint.clone(), Method::POST, news.into_bytes());
            match tokio::time::timeout(HOOK_MAX, asked).await {
                Err(_) => Err(format!("no answer within {} s", HOOK_MAX.as_secs())),
                Ok(Err(error)) => Err(error.to_string()),
                Ok(Ok((status, _))) if status.is_success() => Ok(()),
                Ok(Ok((status, _))) => Err(format!("it answered HTTP {}", status.as_u16())),
            }
        })
    }
}

impl Notify for Program {
    fn place(&self) -> String {
        format!("command {}", self.path.display())
    }

    fn tell(&self, news: String) -> Telling<'_> {
        Box::pin(async move {
            match tokio::time::timeout(HOOK_MAX, self.run(&news)).await {
                // Dropped with its process, which ends the whole group.
                Err(_) => Err(format!("it did not end within {} s", HOOK_MAX.as_secs())),
                Ok(ended) => ended,
            }
        })
    }
}

impl Program {
    async fn run(&self, news: &str) -> Result<(), String> {
        let mut process = launch(Launch {
            command: self.path.clone(),
            args: Vec::new(),
            env: self.environment.clone(),
            directory: self.directory.clone(),
            made: Vec::new(),
            limits: ProcessLimits::standard(),
        })
        .await
        .map_err(|error| error.to_string())?;
        let pipes = process.take_pipes().ok_or("it has no pipes")?;
        let (mut stdin, mut stdout) = (pipes.stdin, pipes.stdout);
        let told = async move {
            // A program that reads nothing may close its stdin, and that is its own affair.
            let written = stdin.write_all(news.as_bytes()).await;
            tracing::trace!(written = written.is_ok(), "The program was told.");
        };
        let quiet = async move {
            let read = tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await;
            tracing::trace!(read = read.is_ok(), "What the program wrote is of no use.");
        };
        let mut complaint = String::new();
        let mut stderr = pipes.stderr;
        let complains = async {
            let mut head = (&mut stderr).take(COMPLAINT_BYTES_MAX);
            let read = head.read_to_string(&mut complaint).await;
            tracing::trace!(read = read.is_ok(), "What the program complained about was read.");
            let rest = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
            tracing::trace!(read = rest.is_ok(), "The rest was not.");
        };
        let (exit, (), (), ()) = tokio::join!(process.wait(), told, quiet, complains);
        match (exit, complaint.lines().next_back()) {
            (Exit::Code(0), _) => Ok(()),
            (exit, None) => Err(format!("it {exit}")),
            (exit, Some(line)) => Err(format!("it {exit}: {}", crate::output::plain(line))),
        }
    }
}
