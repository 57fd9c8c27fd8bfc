//! MCP servers as data: what is configured, what they list, what was approved of it.
//!
//! INVARIANT: this crate does no I/O and reads no clock. No bytes make it panic.
//! INVARIANT: no message of this crate holds a value that could be a credential; it names the
//! place and the rule.

pub mod catalog;
pub mod definition;
pub mod import;
mod json;
pub mod names;
pub mod pin;
mod problem;
pub mod search;
pub mod text;
pub mod uri;
mod user_key;

pub use catalog::{Catalog, Item, Kind, LeftOut, ListError, ListReader};
pub use definition::{
    Definition, Literal, LiteralValue, Part, Remote, Stdio, Template, TemplateError, Transport,
};
pub use pin::{Change, Drift, Grade, OtherTools, Reason};
pub use problem::{Problem, nearest};
pub use user_key::UserKey;
