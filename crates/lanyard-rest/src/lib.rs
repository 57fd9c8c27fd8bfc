//! REST APIs as MCP tools: the YAML format, its checks, the request of a call and the shape of
//! its answer.
//!
//! INVARIANT: this crate does no I/O, reads no clock and holds no secret. Time, randomness and
//! secret values come in as arguments; a request and a result go out. What a value of an
//! argument can change in a request is decided here: its own text, and nothing around it.

mod answer;
mod args;
mod body;
mod check;
mod definition;
mod fields;
mod headers;
mod multipart;
mod parse;
mod plan;
mod problem;
mod proxy;
mod raw;
mod request;
mod schema;
mod secrets;
mod security;
mod set;
mod shape;
mod syntax;
pub mod template;
mod tool;
mod url;
mod values;
mod yaml;

pub use answer::{Content, ToolResult, UpstreamAnswer};
pub use definition::{
    Definition, Literal, LiteralValue, Parsed, SecretUse, SetEntry, Tool, ToolSet,
};
pub use headers::is_framing;
pub use parse::{ParseOptions, Schemas, SetTools, parse, yaml_value};
pub use problem::{Problem, Severity, suggestion};
pub use proxy::{Proxy, ProxyTransport};
pub use request::{RenderContext, RenderError, Rendered, RequestPlan};
pub use syntax::is_token;

#[cfg(test)]
mod tests;
