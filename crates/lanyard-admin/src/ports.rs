//! What the API asks of whoever holds the conversations with MCP servers. The program introduces
//! the two: this crate does not know the gateway.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use lanyard_core::{Principal, ServerName, TenantName, Timestamp, ToolName};
use lanyard_mcp::Catalog;
use lanyard_policy::limit::{DayUse, LimitScope};
use lanyard_store::Configuration;
use serde_json::{Map, Value};

/// A server that is to be tried, among all the rows as they would be with it. Nothing of it needs
/// to be stored or in force.
#[derive(Debug, Clone)]
pub struct Trial {
    /// All rows: the server's own, its secrets sealed and bound.
    pub rows: Arc<Configuration>,
    /// The server's tenant.
    pub tenant: TenantName,
    /// The server.
    pub server: ServerName,
}

/// Why a server could not be listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unlisted {
    /// What it did, as the end of a sentence: `it ended with exit code 1`. No credential.
    pub what: String,
    /// What it wrote on stderr last, credentials masked. For operators alone.
    pub stderr: String,
}

impl fmt::Display for Unlisted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.what)
    }
}

/// What a [`Verify`] gives.
pub type Listing<'a> = Pin<Box<dyn Future<Output = Result<Catalog, Unlisted>> + Send + 'a>>;

/// The call with which a REST API is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// The tool.
    pub tool: String,
    /// Its arguments.
    pub arguments: Map<String, Value>,
}

/// What speaks for a REST API that was tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proof {
    /// How many tools' requests were written, with example arguments.
    pub written: usize,
    /// Tools whose request could not be written so, each with the reason.
    pub unwritten: Vec<(String, String)>,
    /// The call that was made. None where no tool sends anything.
    pub call: Option<ProvedCall>,
}

/// A call that a REST API answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedCall {
    /// The tool.
    pub tool: String,
    /// The arguments, as JSON.
    pub arguments: String,
    /// Whether some of them are made up: then nothing may be found with them.
    pub invented: bool,
    /// The HTTP status.
    pub status: u16,
    /// The media type, in lower case and without parameters. Empty where it says none.
    pub media_type: String,
    /// The length of the body in bytes.
    pub bytes: usize,
    /// How the body begins, credentials masked.
    pub begins: String,
    /// Why it does not fit the tool's output schema.
    pub misfit: Option<String>,
}

/// Why a REST API is not offered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unproved {
    /// What it did and what can be done about it, as the end of a sentence. No credential.
    pub what: String,
    /// How its answer begins, credentials masked. For operators alone.
    pub answer: String,
}

/// What a [`Verify`] gives of a REST API.
pub type Proving<'a> = Pin<Box<dyn Future<Output = Result<Proof, Unproved>> + Send + 'a>>;

/// Tries servers that are not in force.
pub trait Verify: Send + Sync + fmt::Debug {
    /// Connects to a server that speaks MCP in a conversation of its own, lists everything that it
    /// offers, and ends the conversation, within the limits for it.
    fn list(&self, trial: Trial) -> Listing<'_>;

    /// Calls a REST API: as it is told, or in a way that changes nothing.
    fn prove(&self, trial: Trial, probe: Option<Probe>) -> Proving<'_>;
}

/// How a server does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStatus {
    /// `connected`, `connecting`, `idle`, `backoff`, `cooldown` or `disabled`.
    pub state: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// What went wrong last, until it answers again.
    pub last_error: Option<String>,
    /// Which attempt to reach it comes next or runs; 0 where nothing failed.
    pub attempt: u32,
    /// When that is.
    pub next_attempt_at: Option<Timestamp>,
    /// Open conversations with it.
    pub sessions: u64,
    /// Calls that ended, since the server has its present configuration.
    pub calls: u64,
    /// Those of them that failed by the server's or its operator's fault.
    pub failures: u64,
    /// The time in microseconds that half of the calls did not pass.
    pub p50_micros: Option<u64>,
    /// The time in microseconds that 99 of 100 calls did not pass.
    pub p99_micros: Option<u64>,
    /// Its processes that run or ended lately; the one that complained last is at the end.
    pub processes: Vec<ServerProcess>,
}

/// A process of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerProcess {
    /// Its process id.
    pub pid: u32,
    /// Whom it speaks for; `None` for the gateway's own listing and probing.
    pub principal: Option<Principal>,
    /// Whether the server was only tried out in it.
    pub trial: bool,
    /// When it was started.
    pub since: Timestamp,
    /// How it ended, in words, if it has.
    pub exit: Option<String>,
    /// What it wrote on stderr last, credentials masked. For operators alone.
    pub stderr: String,
}

/// Knows how servers do, and what limits have counted.
pub trait Status: Send + Sync + fmt::Debug {
    /// How a server does; `None` where there is nothing to know.
    fn status(&self, tenant: &TenantName, server: &ServerName) -> Option<ServerStatus>;

    /// What a limit on calls has counted today, and how many of its calls run; `None` where nothing
    /// was counted.
    fn limit_use(&self, tenant: &TenantName, scope: &LimitScope) -> Option<(DayUse, u64)>;

    /// The digest of a tool's definition, by which calls of it are decided now; `None` where no call
    /// finds it.
    fn pin(&self, tenant: &TenantName, server: &ServerName, tool: &ToolName) -> Option<String>;

    /// Ends the conversations with a server and has it connected anew, at once.
    fn reconnect(&self, tenant: &TenantName, server: &ServerName);
}

/// What a [`Notify`] gives.
pub type Telling<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// Tells somebody outside of what is new: a webhook or a program.
pub trait Notify: Send + Sync + fmt::Debug {
    /// What it is, for people and records. No credential: of an address its origin alone.
    fn place(&self) -> String;

    /// Passes on news, a JSON object, within a limit of time of its own. An error says in half a
    /// sentence what went wrong.
    fn tell(&self, news: String) -> Telling<'_>;
}
