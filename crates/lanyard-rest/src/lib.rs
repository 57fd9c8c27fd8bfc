//! REST APIs as MCP tools: the YAML format, its checks, the request of a call and the shape of
//! its answer.
//!
//! INVARIANT: this crate does no I/O, reads no clock and holds no secret. Time, randomness and
//! secret values come in as arguments; a request and a result go out. What a value of an
//! argument can change in a request is decided here: its own text, and nothing around it.

pub mod template;

mod problem;
mod definition;
mod request;
mod answer;
mod parse;

pub use answer::{Content, ToolResult, UpstreamAnswer};
pub use definition::{Definition, Literal, LiteralValue, Parsed, SecretUse, SetEntry, Tool, ToolSet};
pub use parse::{ParseOptions, Schemas, parse};
pub use problem::{Problem, Severity};
pub use request::{RenderContext, RenderError, Rendered, RequestPlan};
