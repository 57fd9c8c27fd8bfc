//! Descriptions become definitions: whole documents as golden files, and what never happens.

mod cases;
mod hostile;
mod requests;
mod security;

use lanyard_core::Limits;

use super::{Guard, read};
use crate::{Import, ImportError, OpenApiOptions, import_openapi};

pub(super) const SHOP: &str = include_str!("../../testdata/openapi/shop.yaml");
pub(super) const DESK: &str = include_str!("../../testdata/openapi/desk.json");
pub(super) const ODD: &str = include_str!("../../testdata/openapi/odd.yaml");

/// Every operation of a document.
pub(super) fn options() -> OpenApiOptions<'static> {
    let limits = Limits::standard();
    let bytes = Limits::size(limits.definition_bytes_max);
    OpenApiOptions { deprecated: true, ..OpenApiOptions::new(&Guard, bytes) }
}

pub(super) fn import(text: &str, options: &OpenApiOptions<'_>) -> Result<Import, ImportError> {
    let imported = import_openapi(text, options)?;
    // Whatever is imported is a definition that can be added.
    let mut draft = imported.draft.clone();
    draft.base_url.get_or_insert_with(|| "https://h.example".to_owned());
    let yaml = draft.to_yaml();
    match read(&yaml) {
        Ok(parsed) => {
            assert_eq!(parsed.definition.tools.len(), draft.tools.len());
            for tool in &parsed.definition.tools {
                lanyard_guard::check_schema(&tool.input_schema)
                    .unwrap_or_else(|reason| panic!("{}: {reason}\n{yaml}", tool.name));
            }
        }
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            panic!("refused:\n{}\n{yaml}", lines.join("\n"));
        }
    }
    Ok(imported)
}
