//! Starts processes that nobody vetted, and ends them with all that they started.
//!
//! A process gets the environment, the arguments and the directory that it is given, three pipes,
//! and nothing else of ours: no descriptor, no ignored signal, no way to gain rights. It dies with
//! this program, and its process group dies with it. This is the tier `none`: it keeps a process
//! in order, and does not keep it from what its user id may do.
//!
//! Known limit: a descendant that leaves the process group (`setsid`) is not found again and
//! outlives the process it came from. A namespace or a control group would hold it; both belong to
//! the tiers above this one.
//!
//! INVARIANT: `unsafe` stands in this crate and nowhere else, each use with its reason.

mod child;
mod launch;
mod process;

pub use launch::{Launch, LaunchError, ProcessLimits, launch};
pub use process::{Exit, Pipes, Process};

#[cfg(test)]
mod tests;
