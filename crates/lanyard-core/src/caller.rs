//! Who calls: what authentication yields, and where the connection came from.

use std::fmt;
use std::net::SocketAddr;

use crate::{AgentName, TenantName, TokenId, UserName};

/// Tenant, agent and, if the agent calls for somebody, that user: the key of every pool, cache
/// and session, so that nothing is shared between two of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Principal {
    /// The wall around everything else.
    pub tenant: TenantName,
    /// The identity that calls.
    pub agent: AgentName,
    /// The person it calls for, where its grant allows that.
    pub user: Option<UserName>,
}

/// An authenticated caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who calls.
    pub principal: Principal,
    /// The token it showed; `None` where the uid of a Unix-socket peer stood for the agent.
    pub token: Option<TokenId>,
    /// Where the connection came from.
    pub peer: Peer,
}

/// The other end of a connection, as the kernel tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// An address.
    Tcp(SocketAddr),
    /// A process on this machine, by its user id and, where the kernel tells it, process id.
    Unix {
        /// The peer's effective user id.
        uid: u32,
        /// The peer's process id.
        pid: Option<i32>,
    },
}

/// `127.0.0.1:50000`, `uid:1000` or `uid:1000,pid:77`: the form records hold.
impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(formatter, "{address}"),
            Self::Unix { uid, pid: Some(pid) } => write!(formatter, "uid:{uid},pid:{pid}"),
            Self::Unix { uid, pid: None } => write!(formatter, "uid:{uid}"),
        }
    }
}
