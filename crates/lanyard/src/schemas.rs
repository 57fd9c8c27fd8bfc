//! Introduces two strangers: what the guard knows of JSON Schemas, offered to the reader of
//! definitions.

use lanyard_rest::Schemas;
use serde_json::Value;

/// The guard as a judge of schemas.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GuardSchemas;

impl Schemas for GuardSchemas {
    fn check_schema(&self, schema: &Value) -> Result<(), String> {
        lanyard_guard::check_schema(schema)
    }

    fn check_value(&self, schema: &Value, value: &Value) -> Result<(), String> {
        lanyard_guard::check_value(schema, value)
    }
}
