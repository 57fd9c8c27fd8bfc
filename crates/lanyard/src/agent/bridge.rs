//! `lanyard bridge`: MCP on standard input and output, the gateway behind it, for clients that can
//! only start a process.
//!
//! Each line of the client is posted as it came, and what comes back is written as lines, byte for
//! byte. Both eras of the protocol pass: of a session the bridge keeps the id, the stream of what
//! the server tells, and the client's own greeting to begin anew with; to messages without session
//! it adds the headers that HTTP wants.

mod line;
mod relay;
mod session;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use lanyard_core::{Limits, ServerName};
use lanyard_wire::lines::{LineSplitter, push_line};
use lanyard_wire::{DecodeLimits, Id, WireError, encode_error};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use self::line::{Line, Said};
use self::relay::Schemas;
use self::session::Sessions;
use super::client::{Courier, Endpoint};
use super::env::AgentEnv;
use super::issue::{Exit, Issue, IssueKind};
use super::target::gateway_or_endpoint;

/// How long running requests get when the client has nothing more to say.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// How long the end of a session may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// How many messages are under way before no more are read.
const MESSAGES_MAX: usize = 1024;

const EXAMPLES: &str = "\
For a client that starts its servers as processes:
  {\"mcpServers\": {\"lanyard\": {\"command\": \"lanyard\", \"args\": [\"bridge\"],
    \"env\": {\"LANYARD_URL\": \"http://127.0.0.1:7410\", \"LANYARD_TOKEN\": \"...\"}}}}

LANYARD_URL is a gateway, one endpoint, or unix:/path/agent.sock; without it the gateway of this
machine. The bridge keeps running while the gateway is away, and ends with its input.";

/// Speak MCP on standard input and output, with the gateway behind it.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BridgeArgs {
    /// One server with its own names, instead of all that are granted
    #[arg(long, value_name = "NAME", value_parser = server_name)]
    pub(crate) server: Option<ServerName>,
    /// The user to call for, where the grant allows it
    #[arg(long, value_name = "NAME")]
    pub(crate) user: Option<String>,
}

/// Where the bridge reads and writes.
pub(crate) struct Pipes {
    /// What the client says, in any pieces; closed at its end.
    pub(crate) input: mpsc::Receiver<Vec<u8>>,
    /// Whole lines for the client. Closed when it reads no more.
    pub(crate) output: mpsc::Sender<Bytes>,
    /// Cancelled when the bridge is to end, as if its input had ended.
    pub(crate) stop: CancellationToken,
    /// Says something to the person who looks at stderr.
    pub(crate) notice: fn(&str),
}

impl std::fmt::Debug for Pipes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Pipes(..)")
    }
}

fn server_name(text: &str) -> Result<ServerName, String> {
    ServerName::parse(text).map_err(|problem| problem.to_string())
}

/// Runs `lanyard bridge` until its input ends.
pub(crate) async fn run_bridge(args: &BridgeArgs, env: &AgentEnv, pipes: Pipes) -> Exit {
    let notice = pipes.notice;
    match endpoint(args, env) {
        Ok(endpoint) => {
            let bridge = Arc::new(Bridge::new(endpoint, &pipes));
            bridge.run(pipes).await
        }
        Err(issue) => {
            notice(&issue.message);
            issue.exit()
        }
    }
}

/// Where messages are posted to.
fn endpoint(args: &BridgeArgs, env: &AgentEnv) -> Result<Endpoint, Issue> {
    let endpoint = gateway_or_endpoint(env)?;
    let endpoint = match &args.server {
        Some(name) => endpoint.with_path(&format!("/servers/{name}/mcp")),
        None if endpoint.is_base() => endpoint.with_path("/mcp"),
        None => endpoint,
    };
    match &args.user {
        Some(user) => endpoint
            .with_header("x-lanyard-user", user)
            .map_err(|_| Issue::usage("--user holds characters that no header can")),
        None => Ok(endpoint),
    }
}

/// What all messages share.
struct Bridge {
    courier: Courier,
    output: mpsc::Sender<Bytes>,
    notice: fn(&str),
    decode_limits: DecodeLimits,
    message_bytes_max: usize,
    sessions: Sessions,
    schemas: Mutex<Schemas>,
    /// The requests under way, by their ids: what `notifications/cancelled` may name.
    running: Mutex<HashMap<Id<'static>, Running>>,
    /// Cancelled when the client has nothing more to say: what only tells then ends.
    closing: CancellationToken,
}

/// A request under way.
#[derive(Debug, Clone)]
struct Running {
    /// Whether it belongs to a version without sessions, where closing its connection ends it.
    is_modern: bool,
    /// Cancelled when the client no longer wants it.
    unwanted: CancellationToken,
}

impl Bridge {
    fn new(endpoint: Endpoint, pipes: &Pipes) -> Self {
        let limits = Limits::standard();
        Self {
            courier: Courier::new(endpoint),
            output: pipes.output.clone(),
            notice: pipes.notice,
            decode_limits: DecodeLimits::from(&limits),
            message_bytes_max: Limits::size(limits.message_bytes_max),
            sessions: Sessions::default(),
            schemas: Mutex::default(),
            running: Mutex::default(),
            closing: CancellationToken::new(),
        }
    }

    async fn run(self: Arc<Self>, pipes: Pipes) -> Exit {
        let mut tasks = Tasks::default();
        let exit = tokio::select! {
            exit = self.read(pipes.input, &pipes.stop, &mut tasks) => exit,
            () = self.listen() => Exit::Success,
        };
        self.finish(tasks).await;
        exit
    }

    /// Takes line after line, until there are no more.
    async fn read(
        self: &Arc<Self>,
        mut input: mpsc::Receiver<Vec<u8>>,
        stop: &CancellationToken,
        tasks: &mut Tasks,
    ) -> Exit {
        let mut splitter = LineSplitter::new(self.message_bytes_max);
        let mut lines = Vec::new();
        loop {
            let piece = tokio::select! {
                piece = input.recv() => piece,
                () = self.output.closed() => None,
                () = stop.cancelled() => None,
            };
            let Some(piece) = piece else { break };
            let fed = splitter.feed(&piece, &mut lines);
            for line in lines.drain(..) {
                self.take(line, tasks).await;
            }
            if let Err(error) = fed {
                (self.notice)(&format!("{error}; what follows cannot be understood"));
                self.say(&encode_error(None, &WireError::invalid_request(&error.to_string())))
                    .await;
                return Exit::Failure(IssueKind::Protocol);
            }
        }
        if let Some(line) = splitter.finish() {
            self.take(line, tasks).await;
        }
        Exit::Success
    }

    /// Begins what a line asks for.
    async fn take(self: &Arc<Self>, line: Vec<u8>, tasks: &mut Tasks) {
        let line = match Line::read(line.into(), &self.decode_limits) {
            Ok(line) => line,
            Err(error) => return self.say(&encode_error(None, &error)).await,
        };
        tasks.make_room().await;
        if let Said::Cancelled(id) = &line.said
            && let Some(running) = self.running(id)
        {
            running.unwanted.cancel();
            if running.is_modern {
                return;
            }
        }
        let bridge = Arc::clone(self);
        let turn = tasks.turn(line.said.opens_the_way());
        let running = Running {
            is_modern: line.modern.is_some(),
            // A subscription only tells, so it does not outlive the wish to be told.
            unwanted: if line.said == Said::Listen {
                self.closing.child_token()
            } else {
                CancellationToken::new()
            },
        };
        if let Some(id) = &line.id {
            self.lock_running().insert(id.clone(), running.clone());
        }
        tasks.spawn(async move {
            turn.come().await;
            bridge.carry(&line, &running).await;
            if let Some(id) = &line.id {
                bridge.lock_running().remove(id);
            }
            turn.done();
        });
    }

    /// Waits for the last answers, and ends the session.
    async fn finish(self: Arc<Self>, mut tasks: Tasks) {
        self.closing.cancel();
        if timeout(LAST_ANSWERS, tasks.all()).await.is_err() {
            tracing::debug!("Requests were still running at the end.");
        }
        tasks.tasks.shutdown().await;
        let goodbye = async {
            self.cancel_all().await;
            self.end_session().await;
        };
        if timeout(GOODBYE, goodbye).await.is_err() {
            tracing::debug!("The session did not end in time.");
        }
    }

    fn running(&self, id: &Id<'static>) -> Option<Running> {
        self.lock_running().get(id).cloned()
    }

    fn lock_running(&self) -> std::sync::MutexGuard<'_, HashMap<Id<'static>, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a message for the client. Waits as long as it does not read.
    async fn say(&self, message: &[u8]) {
        let mut line = Vec::with_capacity(message.len().saturating_add(1));
        push_line(&mut line, message);
        let said = self.output.send(line.into()).await;
        tracing::trace!(said = said.is_ok(), "A message went to the client.");
    }
}

/// The messages under way. They run beside each other, but for those that others must wait for:
/// what follows a greeting is carried when it was answered.
#[derive(Debug, Default)]
struct Tasks {
    tasks: JoinSet<()>,
    /// Cancelled when the last message that others wait for is done.
    way: CancellationToken,
    begun: bool,
}

/// When a message may be carried, and what its end allows.
#[derive(Debug)]
struct Turn {
    before: Option<CancellationToken>,
    after: Option<CancellationToken>,
}

impl Turn {
    async fn come(&self) {
        if let Some(before) = &self.before {
            before.cancelled().await;
        }
    }

    fn done(&self) {
        if let Some(after) = &self.after {
            after.cancel();
        }
    }
}

/// A message that ended early lets the others go on, too.
impl Drop for Turn {
    fn drop(&mut self) {
        self.done();
    }
}

impl Tasks {
    fn turn(&mut self, opens_the_way: bool) -> Turn {
        let before = self.begun.then(|| self.way.clone());
        if !opens_the_way {
            return Turn { before, after: None };
        }
        self.begun = true;
        self.way = CancellationToken::new();
        Turn { before, after: Some(self.way.clone()) }
    }

    fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Waits while too much is under way.
    async fn make_room(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        while self.tasks.len() >= MESSAGES_MAX {
            self.tasks.join_next().await;
        }
    }

    async fn all(&mut self) {
        while self.tasks.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests;
