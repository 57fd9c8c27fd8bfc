//! The two ends of a decision: the evidence that a call was allowed, and why one was not.

use lanyard_core::{ServerName, ToolName};
use thiserror::Error;

/// Evidence that a call was allowed. Only [`crate::Grants::decide`] and
/// [`crate::Policies::decide`] make one; it cannot be cloned or forged, and it says for which call
/// it was given. So a stage of a call cannot be left out by making up what it would yield:
///
/// ```compile_fail,E0451
/// # use lanyard_core::{ServerName, ToolName};
/// let (server, tool) = (ServerName::parse("a").unwrap(), ToolName::parse("b").unwrap());
/// let (by, shadow) = (Vec::new(), Vec::new());
/// let forged = lanyard_policy::Permit { by, shadow, server, tool: Some(tool) };
/// ```
///
/// ```compile_fail,E0308
/// fn twice(permit: &lanyard_policy::Permit) -> lanyard_policy::Permit {
///     permit.clone()
/// }
/// ```
#[derive(Debug)]
pub struct Permit {
    /// What allowed it, as the record holds it: `grant:AGENT/SERVER`, `policy:RULE`,
    /// `approval:ID`.
    pub by: Vec<String>,
    /// The rules that are in shadow and match.
    pub shadow: Vec<String>,
    server: ServerName,
    tool: Option<ToolName>,
}

impl Permit {
    pub(crate) fn new(by: Vec<String>, server: &ServerName, tool: Option<&ToolName>) -> Self {
        Self { by, shadow: Vec::new(), server: server.clone(), tool: tool.cloned() }
    }

    /// The server whose tool may be called.
    pub fn server(&self) -> &ServerName {
        &self.server
    }

    /// The tool that may be called; `None` for what is no tool.
    pub fn tool(&self) -> Option<&ToolName> {
        self.tool.as_ref()
    }
}

/// Why nothing allows a call. For operators and records; the agent is told the same in every
/// case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NotGranted {
    /// The agent has no grant for this server.
    #[error("no grant for this server")]
    NoGrant,
    /// Every grant that would allow the tool is over.
    #[error("the grant has expired")]
    Expired,
    /// The agent's grants for this server do not name the tool.
    #[error("no grant allows this tool")]
    NotAllowed,
    /// A grant denies the tool.
    #[error("a grant denies this tool")]
    Denied,
    /// The agent may use it, and not for this user.
    #[error("no grant allows it for this user")]
    NotForUser,
}
