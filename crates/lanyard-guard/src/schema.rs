//! JSON Schema 2020-12: what counts as a schema here, and its compilation.

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;
use thiserror::Error;

use crate::problems::{self, Problems};

/// The one dialect. MCP 2025-11-25 makes it the default for schemas without `$schema`.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Nesting of a schema. The largest schemas of public APIs stay under 40.
const SCHEMA_DEPTH_MAX: u32 = 64;

/// Values in a schema, of any kind.
const SCHEMA_VALUES_MAX: u32 = 20_000;

/// Memory of one compiled pattern, in bytes; `regex` itself defaults to 10 MiB.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Why a schema is not used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct SchemaError(pub(crate) String);

/// Checks that this is a JSON Schema 2020-12 that can be enforced: valid, within bounds, without
/// references to other documents.
pub fn check_schema(schema: &Value) -> Result<(), String> {
    compile(schema).map(|_validator| ()).map_err(|error| error.0)
}

/// Checks a value, a default for instance, against a schema. The message holds no value.
pub fn check_value(schema: &Value, value: &Value) -> Result<(), String> {
    let validator = compile(schema).map_err(|error| error.0)?;
    if validator.is_valid(value) {
        return Ok(());
    }
    let mut problems = Problems::about("the value");
    problems.find(&validator, value);
    Err(problems.to_string())
}

pub(crate) fn compile(schema: &Value) -> Result<Validator, SchemaError> {
    let mut values = 0;
    walk(schema, 0, &mut values, &mut String::from("#"))?;
    if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
        return Err(at(error.instance_path().as_str(), &error.to_string()));
    }
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES_MAX))
        .offline()
        .build(schema)
        .map_err(|error| at(error.instance_path().as_str(), &error.to_string()))
}

fn at(pointer: &str, message: &str) -> SchemaError {
    SchemaError(format!("{}: {}", problems::cut(&format!("#{pointer}")), problems::cut(message)))
}

/// Looks for what must not be compiled at all. Keywords whose value is data are passed over: a
/// default may well hold a member called `$ref`.
fn walk(value: &Value, depth: u32, values: &mut u32, path: &mut String) -> Result<(), SchemaError> {
    *values = values.saturating_add(1);
    if *values > SCHEMA_VALUES_MAX {
        return Err(SchemaError(format!("the schema has more than {SCHEMA_VALUES_MAX} values")));
    }
    if depth > SCHEMA_DEPTH_MAX {
        return Err(SchemaError(format!("the schema is nested deeper than {SCHEMA_DEPTH_MAX}")));
    }
    let deeper = depth.saturating_add(1);
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let length = path.len();
                path.push('/');
                path.push_str(key);
                check_keyword(key, member).map_err(|message| at_path(path, &message))?;
                if !matches!(key.as_str(), "const" | "default" | "enum" | "examples") {
                    walk(member, deeper, values, path)?;
                }
                path.truncate(length);
            }
            Ok(())
        }
        Value::Array(items) => items.iter().try_for_each(|item| walk(item, deeper, values, path)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn at_path(path: &str, message: &str) -> SchemaError {
    SchemaError(format!("{}: {message}", problems::cut(path)))
}

fn check_keyword(key: &str, value: &Value) -> Result<(), String> {
    // Members of other types are property names that happen to look like keywords.
    let Value::String(text) = value else { return Ok(()) };
    match key {
        "$ref" | "$dynamicRef" if !text.starts_with('#') => Err(format!(
            "`{}` is in another document, and only references within the schema (`#...`) are \
             followed",
            problems::cut(text)
        )),
        "$schema" if text.trim_end_matches('#') != DIALECT => Err(format!(
            "the dialect is `{}`; write `{DIALECT}` or leave it out",
            problems::cut(text)
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
