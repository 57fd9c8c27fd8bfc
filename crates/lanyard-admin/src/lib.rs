//! The HTTP API that changes what the gateway does, and says what it did.
//!
//! Every change has one life: decode, authenticate, authorize, one SQL transaction that holds the
//! rows, the record of the change and a trial compilation of the whole configuration; then the
//! compiled configuration is published, the record appended to the log, and the answer given. So
//! a change that does not compile leaves everything as it was, and a change that was answered
//! holds from the next call on.
//!
//! INVARIANT: no route gives out a credential, with one exception by design: a token, once, in
//! the answer that makes it. (That of an intake link is in its address.)
//! INVARIANT: this crate does not know the gateway. It meets it through [`Compile`], [`Verify`] and
//! [`Status`].

mod actor;
mod addition;
mod agent;
mod approval;
mod asked;
mod audit;
mod catalog;
mod change;
mod described;
mod error;
#[cfg(test)]
mod fixture;
mod grant;
mod intake;
mod launch;
mod limit;
mod lines;
mod mcp_add;
mod notify;
mod operator;
mod options;
mod page;
mod payload;
mod pin;
mod pinning;
mod policy;
mod ports;
mod proof;
mod proxy;
mod secret;
mod serve;
mod server;
mod server_add;
mod server_test;
mod state;
mod stated;
mod status;
mod tenant;
mod unread;
mod user_credential;
mod when;

pub use audit::{SearchQuery, verdict_json};
pub use catalog::Verdict;
pub use change::{Compile, Ready};
pub use grant::{AllGrants, all_grants};
pub use launch::launch_is_pinned;
pub use options::{
    ArgumentCredentials, Era, Isolation, Keep, Scrub, StoredOptions, ToolOptions, UntrustedWrap,
};
pub use policy::policy_source;
pub use ports::{
    Listing, Notify, Probe, Proof, ProvedCall, Proving, ServerProcess, ServerStatus, Status,
    Telling, Trial, Unlisted, Unproved, Verify,
};
pub use serve::AdminListener;
pub use server::{mcp_tools, read_definition};
pub use state::{Admin, AdminParts, Forget};
pub use status::limits_json;
