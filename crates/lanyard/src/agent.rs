//! The commands of an agent: `lanyard list`, `lanyard call`, `lanyard skill` and `lanyard bridge`.
//!
//! They speak to any MCP endpoint: a gateway or one server by `LANYARD_URL` and `LANYARD_TOKEN`,
//! or the servers of a mcporter configuration file. Forms, output and files agree with mcporter
//! 0.12.3; exit codes say more than its 0 and 1.
//!
//! INVARIANT: a token is sent and never printed. Nothing here reads the environment or a clock
//! by itself, and everything printed goes through [`Streams`] or [`Pipes`].

mod arguments;
mod bridge;
mod call;
pub(crate) mod client;
mod config;
mod content;
mod env;
#[cfg(test)]
mod fake;
mod issue;
mod list;
mod nearest;
mod parameter;
mod signature;
mod skill;
mod streams;
mod target;

pub(crate) use bridge::{BridgeArgs, Pipes, run_bridge};
pub(crate) use call::{CallArgs, run_call};
pub(crate) use env::AgentEnv;
pub(crate) use issue::{Exit, IssueKind};
pub(crate) use list::{ListArgs, run_list};
pub(crate) use skill::{SkillArgs, run_skill};
pub(crate) use streams::Streams;
