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

/// Compiles the schema of somebody else's tool, in the dialect that it names. Formats are for
/// people there, as its dialect says.
pub(crate) fn compile_foreign(schema: &Value) -> Result<Validator, SchemaError> {
    let mut values = 0;
    walk_with(schema, 0, &mut values, &mut String::from("#"), check_reference)?;
    let build = |draft: Draft| {
        jsonschema::options()
            .with_draft(draft)
            .should_validate_formats(false)
            .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES_MAX))
            .offline()
            .build(schema)
            .map_err(|error| at(error.instance_path().as_str(), &error.to_string()))
    };
    match schema.get("$schema").and_then(Value::as_str) {
        // Much that names no dialect was written for draft 7.
        None => build(Draft::Draft202012).or_else(|error| build(Draft::Draft7).map_err(|_| error)),
        Some(dialect) => match draft(dialect) {
            Some(draft) => build(draft),
            None => Err(at("/$schema", "the dialect is not known")),
        },
    }
}

/// The dialect of this name.
fn draft(name: &str) -> Option<Draft> {
    let plain = name.trim_end_matches('#').replacen("http://", "https://", 1);
    Some(match plain.as_str() {
        DIALECT => Draft::Draft202012,
        "https://json-schema.org/draft/2019-09/schema" => Draft::Draft201909,
        "https://json-schema.org/draft-07/schema" | "https://json-schema.org/schema" => {
            Draft::Draft7
        }
        "https://json-schema.org/draft-06/schema" => Draft::Draft6,
        "https://json-schema.org/draft-04/schema" => Draft::Draft4,
        _ => return None,
    })
}

fn at(pointer: &str, message: &str) -> SchemaError {
    SchemaError(format!("{}: {}", problems::cut(&format!("#{pointer}")), problems::cut(message)))
}

/// Looks for what must not be compiled at all. Keywords whose value is data are passed over: a
/// default may well hold a member called `$ref`.
fn walk(value: &Value, depth: u32, values: &mut u32, path: &mut String) -> Result<(), SchemaError> {
    walk_with(value, depth, values, path, check_keyword)
}

fn walk_with(
    value: &Value,
    depth: u32,
    values: &mut u32,
    path: &mut String,
    check: fn(&str, &Value) -> Result<(), String>,
) -> Result<(), SchemaError> {
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
                check(key, member).map_err(|message| at_path(path, &message))?;
                if !matches!(key.as_str(), "const" | "default" | "enum" | "examples") {
                    walk_with(member, deeper, values, path, check)?;
                }
                path.truncate(length);
            }
            Ok(())
        }
        Value::Array(items) => {
            items.iter().try_for_each(|item| walk_with(item, deeper, values, path, check))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn at_path(path: &str, message: &str) -> SchemaError {
    SchemaError(format!("{}: {message}", problems::cut(path)))
}

fn check_keyword(key: &str, value: &Value) -> Result<(), String> {
    // Members of other types are property names that happen to look like keywords.
    let dialect = value.as_str().filter(|_| key == "$schema");
    match dialect {
        Some(text) if text.trim_end_matches('#') != DIALECT => Err(format!(
            "the dialect is `{}`; write `{DIALECT}` or leave it out",
            problems::cut(text)
        )),
        Some(_) | None => check_reference(key, value),
    }
}

fn check_reference(key: &str, value: &Value) -> Result<(), String> {
    let Value::String(text) = value else { return Ok(()) };
    match key {
        "$ref" | "$dynamicRef" if !text.starts_with('#') => Err(format!(
            "`{}` is in another document, and only references within the schema (`#...`) are \
             followed",
            problems::cut(text)
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
