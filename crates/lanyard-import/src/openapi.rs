//! OpenAPI 3.0 and 3.1 and Swagger 2.0 become drafts. What a description says in a way that
//! cannot be expressed is told; one odd operation never stops the others.
//!
//! The typed crates were looked at and not used: `openapiv3` knows 3.0 alone and `oas3` 3.1 alone,
//! both refuse the whole document for one value of another type than expected, and neither keeps
//! pointers. Documents stay `serde_json` values, read by name where they are used.

mod all_of;
mod body;
mod context;
mod definitions;
mod document;
mod expand;
mod explain;
mod filter;
mod fit;
mod graph;
mod keywords;
mod media;
mod operation;
mod options;
mod params;
mod responses;
mod security;
mod select;
mod servers;
mod style;
mod types;

pub use filter::Filter;
pub use options::{Counts, Import, ImportError, OpenApiOptions};

use context::Context;
use document::Document;

/// Reads a description, JSON or YAML.
pub fn import_openapi(text: &str, options: &OpenApiOptions<'_>) -> Result<Import, ImportError> {
    let (document, notes) = Document::read(text)?;
    let mut context = Context::new(&document, options, notes);
    let (draft, counts) = operation::draft(&mut context);
    if let Some(refused) = context.refused() {
        return Err(ImportError(refused));
    }
    Ok(Import { draft, notes: context.notes.finish(), counts })
}
