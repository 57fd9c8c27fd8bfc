//! The gateway from outside: real sockets, a real log, a server that demands a key.
//!
//! A world is built by hand for each test, so that a test says all that matters in it. Nothing
//! sleeps: what comes later is waited for, with a deadline that only a broken gateway meets.

#[cfg(test)]
mod answers;
#[cfg(test)]
mod approvals;
#[cfg(test)]
mod approvals_rounds;
#[cfg(test)]
mod batches;
#[cfg(test)]
mod call_limits;
#[cfg(test)]
mod changes;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod door;
#[cfg(test)]
mod drain;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod http;
#[cfg(test)]
mod http_sse;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod lines;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod mcp;
#[cfg(test)]
mod mcp_faults;
#[cfg(test)]
mod mcp_server;
#[cfg(test)]
mod outcomes;
#[cfg(test)]
mod own;
#[cfg(test)]
mod payloads;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod records;
#[cfg(test)]
mod resume;
#[cfg(test)]
mod revocation;
#[cfg(test)]
mod scrubbing;
#[cfg(test)]
mod search;
#[cfg(test)]
mod server;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod unread;
#[cfg(test)]
mod users;
#[cfg(test)]
mod users_apart;
