//! MCP servers as data: what is configured, what they list, what was approved of it.
//!
//! INVARIANT: this crate does no I/O and reads no clock. No bytes make it panic.

pub mod definition;

pub use definition::{Definition, Part, Remote, Stdio, Template, Transport};
