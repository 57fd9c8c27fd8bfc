//! Descriptions of APIs become definitions of REST servers: a [`Draft`], which a person reads and
//! edits as YAML, and a list of everything that could not be expressed.
//!
//! INVARIANT: this crate does no I/O, reads no clock and keeps no credential. Nothing of a
//! description is dropped silently: what a draft cannot say is a [`Note`] with its place.

mod credential;
mod curl;
mod draft;
mod har;
mod merge;
mod name;
mod note;
mod openapi;
mod patch;
mod postman;
mod sample;
mod shell;
mod template;
mod text;
mod write;
mod yaml;

pub use credential::{FoundSecret, SecretValue, looks_like_live_credential};
pub use curl::import_curl;
pub use draft::{
    ArgStyle, Draft, DraftArg, DraftBody, DraftTool, KeyPlace, Position, Requirement, Scheme,
    SchemeKind,
};
pub use har::import_har;
pub use merge::{Merged, Told, given_names, merge};
pub use name::{Names, argument_name, server_name, tool_name};
pub use note::{Note, Severity};
pub use openapi::{Counts, Filter, Import, ImportError, OpenApiOptions, import_openapi};
pub use patch::Patch;
pub use postman::import_postman;
pub use sample::{Collected, ImportOptions, Imported, PastedValues};
pub use shell::{Mark, PasteError, goes_on};
pub use template::{literal, url_literal};
pub use text::{Described, describe, one_line, shorten};

#[cfg(test)]
mod tests;
