//! Runs the stock mcporter, where the agent has one, so that its lines in a skill are lines that
//! worked. It is the agent's own program and gets the agent's own environment.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use data_encoding::HEXLOWER;
use lanyard_sandbox::{Exit, Launch, ProcessLimits, launch};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;

use crate::agent::env::AgentEnv;

/// What is read of what it prints.
const OUTPUT_BYTES_MAX: u64 = 64 << 10;
/// How long one of its calls may take, its own start included.
const RUN_MAX: Duration = Duration::from_secs(60);

/// A mcporter that can be run.
#[derive(Debug)]
pub(super) struct Mcporter {
    program: PathBuf,
    environment: Vec<(String, String)>,
    directory: PathBuf,
    /// What it calls itself.
    pub(super) version: String,
    _config: Option<Scratch>,
}

/// Where it finds the server.
#[derive(Debug, Clone, Copy)]
pub(super) enum Servers<'a> {
    /// In this configuration file.
    File(&'a Path),
    /// At this address, with the token of the environment.
    At {
        /// The server.
        name: &'a str,
        /// Its endpoint.
        url: &'a str,
    },
}

impl Mcporter {
    /// Finds it on the search path. `None` where there is none, or it does not start.
    pub(super) async fn find(env: &AgentEnv, servers: Servers<'_>) -> Option<Self> {
        let paths = env.variable("PATH")?.split(':').filter(|path| path.starts_with('/'));
        let program = paths.map(|path| Path::new(path).join("mcporter")).find(|it| it.is_file())?;
        let mut environment = env.variables();
        let mut set = |name: &str, value: String| {
            environment.retain(|(known, _)| known != name);
            environment.push((name.to_owned(), value));
        };
        let scratch = match servers {
            Servers::File(path) => {
                let path = std::path::absolute(path).ok()?;
                set("MCPORTER_CONFIG", path.to_str()?.to_owned());
                None
            }
            Servers::At { name, url } => {
                let scratch = Scratch::make(env, &config(name, url).to_string())?;
                set("MCPORTER_CONFIG", scratch.file.to_str()?.to_owned());
                Some(scratch)
            }
        };
        set("NO_COLOR", "1".to_owned());
        let mut found = Self {
            program,
            environment,
            directory: std::path::absolute(".").ok()?,
            version: String::new(),
            _config: scratch,
        };
        let said = found.run(&["--version".to_owned()]).await.ok()?;
        let version = said.trim();
        let is_version = version.len() < 40 && version.starts_with(|it: char| it.is_ascii_digit());
        version.clone_into(&mut found.version);
        is_version.then_some(found)
    }

    /// Makes a call. The error is what went wrong.
    pub(super) async fn call(&self, words: &[String]) -> Result<(), String> {
        let words = [&["call".to_owned()], words].concat();
        self.run(&words).await.map(|_said| ())
    }

    async fn run(&self, words: &[String]) -> Result<String, String> {
        let started = launch(Launch {
            command: self.program.clone(),
            args: words.to_vec(),
            env: self.environment.clone(),
            directory: self.directory.clone(),
            made: Vec::new(),
            limits: ProcessLimits::standard(),
        });
        let mut process = started.await.map_err(|error| error.to_string())?;
        let Some(pipes) = process.take_pipes() else { return Err("it has no output".to_owned()) };
        drop(pipes.stdin);
        let (mut said, mut complained) = (Vec::new(), Vec::new());
        let mut stdout = pipes.stdout.take(OUTPUT_BYTES_MAX);
        let mut stderr = pipes.stderr.take(OUTPUT_BYTES_MAX);
        let all = async {
            let (said, complained) =
                tokio::join!(stdout.read_to_end(&mut said), stderr.read_to_end(&mut complained));
            tracing::trace!(?said, ?complained, "mcporter said all.");
            process.wait().await
        };
        match tokio::time::timeout(RUN_MAX, all).await {
            Ok(Exit::Code(0)) => Ok(String::from_utf8_lossy(&said).into_owned()),
            Ok(exit) => {
                let first = String::from_utf8_lossy(&complained);
                let first = first.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
                Err(format!("it {exit} {first}").trim_end().to_owned())
            }
            Err(_) => Err(format!("no end within {} seconds", RUN_MAX.as_secs())),
        }
    }
}

/// The configuration with which mcporter reaches a server of a gateway: no token stands in it.
pub(super) fn config(name: &str, url: &str) -> Value {
    json!({
        "imports": [],
        "mcpServers": {
            name: { "baseUrl": url, "headers": { "Authorization": "Bearer ${LANYARD_TOKEN}" } },
        },
    })
}

/// A file in a directory of its own that nobody else can enter: what stands in it says where the
/// token goes. Both go away with it.
#[derive(Debug)]
struct Scratch {
    directory: PathBuf,
    file: PathBuf,
}

impl Scratch {
    fn make(env: &AgentEnv, text: &str) -> Option<Self> {
        let mut random = [0; 12];
        lanyard_vault::fill_random(&mut random).ok()?;
        let base = Path::new(env.variable("TMPDIR").unwrap_or("/tmp"));
        let directory = base.join(format!("lanyard-skill-{}", HEXLOWER.encode(&random)));
        // Fails where somebody made it before: a new one is always ours.
        DirBuilder::new().mode(0o700).create(&directory).ok()?;
        let scratch = Self { file: directory.join("mcporter.json"), directory };
        lanyard_store::write_atomic(&scratch.file, text.as_bytes(), 0o600).ok()?;
        Some(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let removed = std::fs::remove_dir_all(&self.directory);
        tracing::debug!(removed = removed.is_ok(), "mcporter's configuration was taken away.");
    }
}
