//! What an import is asked for, and what it gives.

use std::fmt;

use lanyard_rest::Schemas;
use thiserror::Error;

use super::Filter;
use crate::{Draft, Note};

/// How a description becomes a draft.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice that stands for itself")]
pub struct OpenApiOptions<'a> {
    /// The server's name; made of the document's title if there is none.
    pub name: Option<&'a str>,
    /// Only operations that one of these fits; all if there are none.
    pub include: &'a [Filter],
    /// No operation that one of these fits.
    pub exclude: &'a [Filter],
    /// Only operations with GET or HEAD.
    pub read_only: bool,
    /// Whether deprecated operations are taken too.
    pub deprecated: bool,
    /// Names to give: an operation's id, or its method and path (`GET /pets/{id}`), and the name.
    pub rename: &'a [(String, String)],
    /// Names that were given before, by method and path or URL (see [`crate::given_names`]): they
    /// stay, whatever else appears.
    pub names: &'a [(String, String)],
    /// Which server of several: its number counted from 1, or a part of its URL or description.
    pub server: Option<&'a str>,
    /// Values of the variables of servers.
    pub variables: &'a [(String, String)],
    /// What requests start with, whatever the document says.
    pub base_url: Option<&'a str>,
    /// Where the document came from: relative servers are below it.
    pub document_url: Option<&'a str>,
    /// Whether tools get the schema of their answer.
    pub output_schemas: bool,
    /// Whether what an answer means stands before it, in words.
    pub explain_answers: bool,
    /// The most bytes of the definition; output schemas and long descriptions give way.
    pub bytes_max: usize,
    /// The judge of JSON Schemas.
    pub schemas: &'a dyn Schemas,
}

impl<'a> OpenApiOptions<'a> {
    /// Everything of a document but deprecated operations.
    pub fn new(schemas: &'a dyn Schemas, bytes_max: usize) -> Self {
        Self {
            name: None,
            include: &[],
            exclude: &[],
            read_only: false,
            deprecated: false,
            rename: &[],
            names: &[],
            server: None,
            variables: &[],
            base_url: None,
            document_url: None,
            output_schemas: true,
            explain_answers: false,
            bytes_max,
            schemas,
        }
    }
}

impl fmt::Debug for OpenApiOptions<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("OpenApiOptions").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What an import gives.
#[derive(Debug)]
pub struct Import {
    /// The server.
    pub draft: Draft,
    /// Everything that it does not say as the document did.
    pub notes: Vec<Note>,
    /// How many operations became tools.
    pub counts: Counts,
}

/// What became of the operations of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// All of them.
    pub operations: usize,
    /// Those that are tools.
    pub tools: usize,
    /// Those that the filters left out.
    pub filtered: usize,
    /// Those that are deprecated and were not asked for.
    pub deprecated: usize,
    /// Those that cannot be expressed; each has a note.
    pub skipped: usize,
}

/// Why a text is no description that can be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ImportError(pub(crate) String);
