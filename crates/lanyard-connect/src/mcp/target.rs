//! What a session leads to, and what it is opened with.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use lanyard_core::{Failure, ServerName, TenantName};
use lanyard_mcp::Definition;
use lanyard_wire::Version;

use crate::http::PrivateAllowance;

/// A server, as a connection needs it. Immutable: a changed server is another target.
#[derive(Debug)]
pub struct Target {
    /// The wall.
    pub tenant: TenantName,
    /// The server.
    pub server: ServerName,
    /// Which version of its configuration this is; goes up with each change of it.
    pub generation: u64,
    /// How it is reached.
    pub definition: Definition,
    /// Which protocol it speaks, where that is known beforehand.
    pub era: EraChoice,
    /// The version that it spoke when it was heard last, if it ever was.
    pub spoken: Option<Version>,
    /// Hosts whose names may lead to private addresses.
    pub private: PrivateAllowance,
    /// The longest that connecting, or starting and greeting, may take.
    pub connect_max: Duration,
    /// The directory that a process of it starts in and may call its home. Made when missing. A
    /// process that works for a user has one of its own, beside it.
    pub directory: std::path::PathBuf,
}

/// Which protocol a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EraChoice {
    /// It is asked.
    #[default]
    Auto,
    /// One of the versions with `initialize`.
    Legacy,
    /// 2026-07-28.
    Modern,
}

/// What the client at the other end of Lanyard is and can, said on its behalf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFacts {
    /// Its capabilities, a raw JSON object.
    pub capabilities: String,
    /// Its `clientInfo`, a raw JSON object.
    pub info: String,
}

/// Where credentials come from, opened each time they are needed. The gateway offers it.
pub trait Credentials: Send + Sync + fmt::Debug {
    /// What a request over HTTP carries. Asked for every single request.
    fn request(&self) -> Result<Opened, Failure>;
    /// The environment of a process. Asked for every single start.
    fn environment(&self) -> Result<Vec<(String, String)>, Failure>;
    /// What the server wrote, without any of these credentials, and how many stood in it.
    fn mask<'a>(&self, text: &'a str) -> (Cow<'a, str>, u64);
}

/// What one request carries.
#[derive(Clone, Default)]
pub struct Opened {
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Path and query, the definition's own and what was added to it.
    pub target: String,
}

/// It holds credentials, so nothing of it is shown.
impl fmt::Debug for Opened {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Opened(..)")
    }
}
