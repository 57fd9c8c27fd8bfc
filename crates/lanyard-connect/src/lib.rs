//! Reaches servers: requests over HTTP, and conversations with MCP servers over streamable HTTP,
//! HTTP+SSE and processes.
//!
//! INVARIANT: this crate decides nothing about who may do what, and keeps no credential: it is
//! given what to send, for one request or one start.

pub mod http;
pub mod mcp;

#[cfg(test)]
mod fixture;
