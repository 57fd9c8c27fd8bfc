//! One tool, compiled: at once where Lanyard describes it itself, and when it is first called
//! where a server that speaks MCP does. Of 20,000 such tools most are never called.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::OnceLock;

use data_encoding::HEXLOWER;
use lanyard_core::{Denial, Tags, ToolName};
use lanyard_guard::{ArgumentSchema, Clearance, OutputSchema};
use lanyard_policy::Hints;
use lanyard_rest::Tool;
use lanyard_wire::{ParamHeaders, RoutingHeaders, WireError};
use ring::digest;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::marks::COST;

/// A tool.
#[derive(Debug)]
pub struct ToolEntry {
    name: ToolName,
    what: What,
    checks: OnceLock<Result<Checks, String>>,
    fingerprint: OnceLock<u64>,
    pin: OnceLock<String>,
    strip: bool,
    tags: Tags,
    cost: u64,
}

/// Where a tool's definition comes from.
#[derive(Debug)]
enum What {
    Rest(Box<RestTool>),
    /// The definition as it was approved: a raw JSON object.
    Mcp(Box<str>),
}

/// A tool that Lanyard carries out itself.
#[derive(Debug)]
pub(crate) struct RestTool {
    pub(crate) tool: Tool,
    /// The input schema as it is listed: written once, so that every list is the same.
    pub(crate) input_schema_json: String,
    pub(crate) output_schema_json: Option<String>,
}

/// What a call of a tool is held against.
#[derive(Debug)]
struct Checks {
    arguments: ArgumentSchema,
    output: Option<OutputSchema>,
    /// Which arguments clients of the stateless era repeat in headers.
    mirrored: ParamHeaders,
}

/// The members of a tool's definition that are read here.
#[derive(Deserialize, Default)]
struct Members<'a> {
    #[serde(borrow, default)]
    description: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, default, rename = "inputSchema")]
    input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    annotations: Option<&'a RawValue>,
}

impl ToolEntry {
    /// Compiles a tool of a REST API; `pin` is the digest of the file it stands in. The error names
    /// the tool.
    pub(crate) fn rest(tool: Tool, pin: &str) -> Result<Self, String> {
        let name = tool.name.clone();
        let arguments = ArgumentSchema::compile(&tool.input_schema)
            .map_err(|error| format!("tool {name}: inputSchema: {error}"))?;
        let output = tool
            .output_schema
            .as_ref()
            .map(OutputSchema::compile)
            .transpose()
            .map_err(|error| format!("tool {name}: outputSchema: {error}"))?;
        let mirrored = ParamHeaders::compile(&tool.input_schema)
            .map_err(|error| format!("tool {name}: inputSchema: {error}"))?;
        let rest = RestTool {
            input_schema_json: tool.input_schema.to_string(),
            output_schema_json: tool.output_schema.as_ref().map(ToString::to_string),
            tool,
        };
        let checks = OnceLock::from(Ok(Checks { arguments, output, mirrored }));
        let what = What::Rest(Box::new(rest));
        let mut made = Self::new(name, what, checks, false);
        made.pin = OnceLock::from(pin.to_owned());
        Ok(made)
    }

    /// A tool of a server that speaks MCP, by its approved definition: a raw JSON object. `strip`
    /// says whether placeholders for optional arguments are taken out of calls.
    pub fn mcp(name: ToolName, definition: &str, strip: bool) -> Self {
        let what = What::Mcp(definition.into());
        Self::new(name, what, OnceLock::new(), strip)
    }

    fn new(
        name: ToolName,
        what: What,
        checks: OnceLock<Result<Checks, String>>,
        strip: bool,
    ) -> Self {
        let (fingerprint, pin, tags) = (OnceLock::new(), OnceLock::new(), Tags::new());
        Self { name, what, checks, fingerprint, pin, strip, tags, cost: COST }
    }

    /// Puts its tags on it, its server's among them, and what a call costs.
    pub(super) fn mark(&mut self, tags: Tags, cost: u64) {
        (self.tags, self.cost) = (tags, cost);
    }

    /// What operators say of it and of its server, for policies.
    pub fn tags(&self) -> &Tags {
        &self.tags
    }

    /// What a call of it costs, in units of cost.
    pub fn cost(&self) -> u64 {
        self.cost
    }

    /// What is said of its effects: by its definition, or, where Lanyard sends the request, by the
    /// method (RFC 9110, 9.2.1 and 9.2.2).
    pub(crate) fn hints(&self) -> Hints {
        match &self.what {
            What::Rest(rest) => Hints::of_method(rest.tool.method()),
            What::Mcp(definition) => {
                let said = members(definition).annotations;
                let said = said.and_then(|raw| serde_json::from_str(raw.get()).ok());
                Hints::of_annotations(said.as_ref())
            }
        }
    }

    /// The tool's own name.
    pub fn name(&self) -> &ToolName {
        &self.name
    }

    /// What is carried out here; `None` for a tool of a server that speaks MCP.
    pub(crate) fn as_rest(&self) -> Option<&RestTool> {
        match &self.what {
            What::Rest(rest) => Some(rest),
            What::Mcp(_) => None,
        }
    }

    /// The definition of a tool of a server that speaks MCP.
    pub(crate) fn as_mcp(&self) -> Option<&str> {
        match &self.what {
            What::Rest(_) => None,
            What::Mcp(definition) => Some(definition),
        }
    }

    /// What it does, in the definition's words.
    pub(crate) fn description(&self) -> String {
        match &self.what {
            What::Rest(rest) => rest.tool.description.clone(),
            What::Mcp(definition) => {
                members(definition).description.map_or_else(String::new, |text| text.into_owned())
            }
        }
    }

    /// A number that stands for all that a list says of it; the same for the same words.
    pub(crate) fn fingerprint(&self) -> u64 {
        *self.fingerprint.get_or_init(|| {
            let mut hasher = DefaultHasher::new();
            match &self.what {
                What::Rest(rest) => {
                    rest.tool.description.hash(&mut hasher);
                    rest.input_schema_json.hash(&mut hasher);
                    rest.output_schema_json.hash(&mut hasher);
                }
                What::Mcp(definition) => definition.hash(&mut hasher),
            }
            hasher.finish()
        })
    }

    /// The digest of the definition in force: of its approved text, or of the file that describes
    /// the API.
    pub(crate) fn pin(&self) -> &str {
        self.pin.get_or_init(|| digest_hex(self.as_mcp().unwrap_or_default()))
    }

    /// The schema of its arguments, raw JSON.
    pub(crate) fn input_schema(&self) -> &str {
        match &self.what {
            What::Rest(rest) => &rest.input_schema_json,
            What::Mcp(definition) => members(definition).input.map_or("{}", RawValue::get),
        }
    }

    /// Holds arguments against the schema.
    pub(crate) fn clear(&self, arguments: Option<&str>) -> Result<Clearance, Denial> {
        match self.checks() {
            Ok(checks) => checks.arguments.clear(arguments),
            Err(problem) => Err(Denial::ArgumentsInvalid {
                problem: format!("the call was not made: the tool cannot be used: {problem}"),
            }),
        }
    }

    /// What structured content is held against, where Lanyard itself makes it.
    pub(crate) fn output(&self) -> Option<&OutputSchema> {
        self.checks().ok().and_then(|checks| checks.output.as_ref())
    }

    /// Holds the headers of the stateless era against the arguments that they repeat.
    pub(crate) fn check_headers(
        &self,
        arguments: Option<&RawValue>,
        routing: &RoutingHeaders<'_>,
    ) -> Result<(), WireError> {
        match self.checks() {
            Ok(checks) => checks.mirrored.check(arguments, routing),
            // The call itself will say what is wrong with the tool.
            Err(_) => Ok(()),
        }
    }

    /// Which arguments are repeated in headers.
    pub(crate) fn mirrored(&self) -> Option<&ParamHeaders> {
        self.checks().ok().map(|checks| &checks.mirrored)
    }

    fn checks(&self) -> Result<&Checks, &str> {
        let checks = self.checks.get_or_init(|| match &self.what {
            What::Mcp(definition) => Checks::of_definition(definition, self.strip),
            // A REST tool was compiled when it was made.
            What::Rest(_) => Err("it was not compiled".to_owned()),
        });
        checks.as_ref().map_err(String::as_str)
    }
}

/// SHA-256 of a text, in hexadecimal.
pub(super) fn digest_hex(text: &str) -> String {
    HEXLOWER.encode(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn members(definition: &str) -> Members<'_> {
    serde_json::from_str(definition).unwrap_or_default()
}

impl Checks {
    /// What somebody else's server promises of its answers is for its clients to check; so there
    /// is no output schema here.
    fn of_definition(definition: &str, strip: bool) -> Result<Self, String> {
        let schema: Value = match members(definition).input {
            Some(raw) => serde_json::from_str(raw.get()).map_err(|error| error.to_string())?,
            None => return Err("it has no inputSchema".to_owned()),
        };
        let arguments = ArgumentSchema::compile_foreign(&schema, strip)
            .map_err(|error| format!("inputSchema: {error}"))?;
        let mirrored =
            ParamHeaders::compile(&schema).map_err(|error| format!("inputSchema: {error}"))?;
        Ok(Self { arguments, output: None, mirrored })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_that_say_nothing_sensible_take_nothing_else_away() {
        for annotations in [r#"{"readOnlyHint": "yes"}"#, r#""x""#, "null", "7"] {
            let definition = format!(
                r#"{{"description": "d", "inputSchema": {{"type": "object"}}, "annotations": {annotations}}}"#
            );
            let tool = ToolEntry::mcp(ToolName::parse("t").unwrap(), &definition, false);
            assert_eq!(tool.hints(), Hints::default(), "{annotations}");
            assert_eq!(tool.description(), "d", "{annotations}");
            assert!(tool.clear(None).is_ok(), "{annotations}");
        }
    }
}
