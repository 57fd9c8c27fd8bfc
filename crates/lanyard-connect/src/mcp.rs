//! Conversations with MCP servers, as a client of either era.
//!
//! A [`Session`] is one conversation: a process, a session of an older version over HTTP, or, with a
//! stateless server over HTTP, nothing but what was found out about it. [`Sessions`] keeps them by
//! [`SessionKey`]; what two keys differ in is never shared. An [`Exchange`] is one request with all
//! that comes before its answer.
//!
//! Inside, `link` carries messages and does not look into them, `router` looks into them and knows
//! no link, `conversation` brings the two together, and `greeting` finds out what the server speaks.
//! A request is sent once. Where it certainly was not carried out, because the server had forgotten
//! the session, [`Exchange::session_was_lost`] says so, and whoever made it may send it once more
//! over another lease: only they know what belongs to the new session (its version, what it was
//! told before), so it is not done here.

mod conversation;
mod exchange;
mod greeting;
mod link;
mod process;
mod router;
mod session;
mod sessions;
mod target;
mod verdicts;

pub use exchange::{Exchange, Reply, ServerRequest, Step};
pub use process::ProcessReport;
pub use session::{Outgoing, ServerFacts, Session, Unrelated};
pub use sessions::{Counts, Lease, Opening, SessionKey, Sessions, SessionsParts};
pub use target::{ClientFacts, Credentials, EraChoice, Opened, Target};
