//! The structured answer of a tool, against its output schema.

use std::fmt;

use jsonschema::Validator;
use serde_json::Value;

use crate::problems::Problems;
use crate::schema::{SchemaError, compile};
use crate::size::values_at_most;

/// Values in one answer, nested ones included: 100 MB of memory.
const ANSWER_VALUES_MAX: usize = 1_000_000;

/// The compiled output schema of one tool.
pub struct OutputSchema(Validator);

impl OutputSchema {
    /// Compiles a tool's output schema, whose root has the type `object` (MCP 2025-06-18,
    /// server/tools, "Output Schema").
    pub fn compile(schema: &Value) -> Result<Self, SchemaError> {
        if schema.get("type").and_then(Value::as_str) != Some("object") {
            return Err(SchemaError(
                "#/type: the root of an output schema has the type `object`".to_owned(),
            ));
        }
        compile(schema).map(Self)
    }

    /// Checks the JSON text of an answer. The message holds no value.
    pub fn check(&self, answer: &str) -> Result<(), String> {
        if !values_at_most(answer, ANSWER_VALUES_MAX) {
            return Err(format!("the answer holds more than {ANSWER_VALUES_MAX} values"));
        }
        let Ok(value) = serde_json::from_str::<Value>(answer) else {
            return Err("the answer is not JSON".to_owned());
        };
        if self.0.is_valid(&value) {
            return Ok(());
        }
        let mut problems = Problems::about("the answer");
        problems.find(&self.0, &value);
        Err(problems.to_string())
    }
}

impl fmt::Debug for OutputSchema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OutputSchema(..)")
    }
}

#[cfg(test)]
mod tests;
