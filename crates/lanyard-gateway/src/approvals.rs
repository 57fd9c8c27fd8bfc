//! Calls that a person has to approve, as the gateway asks about them. Where requests and decisions
//! are kept is somebody else's business: the program introduces the two.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use lanyard_core::{Failure, Principal, RecordId, ServerName, Timestamp};
use tokio::sync::broadcast;

/// A call that needs a person's yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedYes {
    /// The id of the request, if one is made.
    pub id: RecordId,
    /// The record of the call, which uses the yes.
    pub call: RecordId,
    /// Now.
    pub time: Timestamp,
    /// Who calls, and for whom.
    pub principal: Principal,
    /// Where the connection came from.
    pub peer: String,
    /// The server.
    pub server: ServerName,
    /// The tool, as its server names it.
    pub tool: String,
    /// Keyed digest of the arguments that will be sent.
    pub arguments_digest: String,
    /// Digest of the tool's definition in force.
    pub pin: String,
    /// The version of the policy that asks.
    pub policy: u64,
    /// The rules that ask.
    pub rules: Vec<String>,
    /// Why, in the policy's words.
    pub reason: String,
    /// Keyed digest of all that has to be the same when the yes is used.
    pub binding: String,
    /// What an approver may see of the arguments: JSON.
    pub shown: String,
    /// How long a request waits, and a decision holds.
    pub ttl: Duration,
}

/// How it stands with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// A yes fitted, and this call has used it up.
    Yes(RecordId),
    /// A no fits.
    No {
        /// The request.
        id: RecordId,
        /// What the person said about it.
        why: Option<String>,
    },
    /// Nobody has decided.
    Pending {
        /// The request.
        id: RecordId,
        /// How long it waits.
        until: Timestamp,
        /// Whether it was made now.
        new: bool,
    },
    /// As many of the agent's requests wait as may.
    Full,
}

/// What [`Approvals::settle`] gives.
pub type Settling<'a> = Pin<Box<dyn Future<Output = Result<Standing, Failure>> + Send + 'a>>;

/// Keeps requests and decisions, beyond this process.
pub trait Approvals: Send + Sync + fmt::Debug {
    /// Looks for what was decided of exactly this call, and uses a yes up; asks where nothing was.
    /// Of several calls at once one at most gets a yes.
    fn settle(&self, wanted: WantedYes) -> Settling<'_>;

    /// Tells of each decision from now on.
    fn decisions(&self) -> broadcast::Receiver<RecordId>;
}
