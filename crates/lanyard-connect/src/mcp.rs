//! Conversations with MCP servers, as a client of either era.
//!
//! A [`Session`] is one conversation: a process, a session of an older version over HTTP, or, with a
//! stateless server over HTTP, nothing but what was found out about it. [`Sessions`] keeps them by
//! [`SessionKey`]; what two keys differ in is never shared. An [`Exchange`] is one request with all
//! that comes before its answer.

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
pub use process::LastProcess;
pub use session::{Outgoing, ServerFacts, Session, Unrelated};
pub use sessions::{Counts, Lease, Opening, SessionKey, Sessions, SessionsParts};
pub use target::{ClientFacts, Credentials, EraChoice, Opened, Target};
