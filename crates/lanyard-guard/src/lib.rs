//! Looks at content: the arguments of a call and the structured answers, each against its JSON
//! Schema; arguments that mean nothing; answers that are marked as an outsider's words. Pure.
//!
//! INVARIANT: no message of this crate holds a value that a caller or a server sent; it names
//! the argument, the rule and the kind of value.
//! INVARIANT: only [`ArgumentSchema::clear`] makes a [`Clearance`], and it holds exactly what
//! will be sent: of a tool that Lanyard describes itself, checked; of somebody else's, checked
//! where its schema can be enforced.
//! INVARIANT: compiling a schema opens no file and no connection, and no pattern in it takes
//! more than linear time.

mod arguments;
mod canonical;
mod credential;
pub mod derive;
mod example;
mod number;
mod output;
mod problems;
mod schema;
pub mod scrub;
mod shown;
mod size;
mod strip;
pub mod wrap;

pub use arguments::{ArgumentSchema, Clearance};
pub use credential::{CredentialFound, credential_in};
pub use example::{Example, example};
pub use output::OutputSchema;
pub use schema::{SchemaError, check_schema, check_value};
pub use shown::{hides_any_of, shown};
pub use strip::{StripFacts, StripReason, Stripped};
pub use wrap::Wrapper;
