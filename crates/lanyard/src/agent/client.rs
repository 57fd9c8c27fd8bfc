//! A small MCP client: connects to one endpoint, agrees on a protocol era, lists tools, calls one.
//!
//! It speaks HTTP/1.1 over TCP, TLS or a Unix socket, and reads answers as JSON or as an event
//! stream. It knows nothing of commands, files or environment: an [`Endpoint`] and arguments go
//! in, a result or a [`ClientError`] comes out. It sets no deadline; whoever calls it does.

mod courier;
mod endpoint;
mod error;
mod link;
mod message;
mod request;
mod session;
mod sse;
mod tls;

pub(crate) use courier::{Courier, Parcel};
pub(crate) use endpoint::Endpoint;
pub(crate) use error::ClientError;
pub(crate) use session::{DownloadError, Session, Tool, download, exchange_once, fetch_json};

#[cfg(test)]
mod tests;
