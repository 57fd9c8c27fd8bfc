//! The crate from outside: drafts through YAML and back, texts and names.

mod any;
mod names;
mod openapi;
mod round_trip;

use lanyard_core::Limits;
use lanyard_rest::{ParseOptions, Parsed, Problem, Schemas, parse};
use serde_json::Value;

/// The judge of schemas that the program uses.
pub(crate) struct Guard;

impl Schemas for Guard {
    fn check_schema(&self, schema: &Value) -> Result<(), String> {
        lanyard_guard::check_schema(schema)
    }

    fn check_value(&self, schema: &Value, value: &Value) -> Result<(), String> {
        lanyard_guard::check_value(schema, value)
    }
}

/// Reads a definition as `server add` does.
pub(crate) fn read(yaml: &str) -> Result<Parsed, Vec<Problem>> {
    let limits = Limits::standard();
    let options = ParseOptions {
        name: None,
        base_url: None,
        secrets: &[],
        secret_known: &|_| true,
        schemas: &Guard,
        limits: &limits,
        servers: &|_| None,
    };
    parse("draft.yaml", yaml, &options)
}

/// Reads a definition that must be in order.
#[track_caller]
pub(crate) fn accepted(yaml: &str) -> Parsed {
    match read(yaml) {
        Ok(parsed) => parsed,
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            panic!("refused:\n{}\n{yaml}", lines.join("\n"));
        }
    }
}
