//! Looks at content: today the arguments of a call and the structured answers, each against its
//! JSON Schema; pins and scrubbing later. Pure.
//!
//! INVARIANT: no message of this crate holds a value that a caller or a server sent; it names
//! the argument, the rule and the kind of value.
//! INVARIANT: only [`ArgumentSchema::clear`] makes a [`Clearance`], and it holds exactly what
//! will be sent.
//! INVARIANT: compiling a schema opens no file and no connection, and no pattern in it takes
//! more than linear time.

mod arguments;
mod canonical;
mod number;
mod output;
mod problems;
mod schema;
mod size;

pub use arguments::{ArgumentSchema, Clearance};
pub use output::OutputSchema;
pub use schema::{SchemaError, check_schema, check_value};
