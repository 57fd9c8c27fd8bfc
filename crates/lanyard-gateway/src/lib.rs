//! Takes a call from a client to a server and back: edge, sessions, the call, upstream.
//!
//! The life of a call is [`call`]; everything in [`edge`] leads to it and away from it. The
//! configuration arrives as one immutable [`Snapshot`] through a `watch` channel: a call takes
//! one at its start and uses it to its end.
//!
//! INVARIANT: this crate knows no SQL, no admin API and no command line; it does not read the
//! environment; it never prints.

pub mod approvals;
mod call;
pub mod edge;
pub mod fleet;
pub mod payloads;
pub mod snapshot;

pub use call::probe::{Came, Named, Probed, Sent, Stopped, Untried};
pub use edge::{Gateway, GatewayParts, Listener};
pub use fleet::{Fleet, FleetParts};
pub use snapshot::{AgentEntry, Identity, ServerEntry, Snapshot, SnapshotParts, ToolEntry};
