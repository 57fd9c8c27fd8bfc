//! One server, compiled: its tools with their schemas, and how requests to it are sent.

use std::collections::HashMap;
use std::time::Duration;

use lanyard_core::{SecretName, ServerName, TenantName, ToolName};
use lanyard_guard::{ArgumentSchema, OutputSchema};
use lanyard_rest::{Definition, SetEntry, Tool};
use lanyard_wire::ParamHeaders;

use lanyard_connect::http::PrivateAllowance;

/// What an operator sets for a server beside its definition.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// What stands before its tools' names on `/mcp`.
    pub prefix: String,
    /// The longest a call may take.
    pub timeout: Duration,
    /// Hosts whose names may lead to private addresses.
    pub private: PrivateAllowance,
    /// Whether it takes calls.
    pub enabled: bool,
}

/// A server with all that a call needs of it.
#[derive(Debug)]
pub struct ServerEntry {
    /// Its tenant.
    pub tenant: TenantName,
    /// Its name.
    pub name: ServerName,
    /// What it is, in the definition's words.
    pub description: Option<String>,
    /// Whether it takes calls.
    pub enabled: bool,
    pub(crate) prefix: String,
    pub(crate) timeout: Duration,
    pub(crate) private: PrivateAllowance,
    tools: Vec<ToolEntry>,
    by_name: HashMap<ToolName, usize>,
    set: Option<Vec<SetEntry>>,
    secrets: Vec<SecretName>,
}

/// A tool, compiled.
#[derive(Debug)]
pub struct ToolEntry {
    pub(crate) tool: Tool,
    pub(crate) arguments: ArgumentSchema,
    pub(crate) output: Option<OutputSchema>,
    /// Which arguments clients of the stateless era repeat in headers.
    pub(crate) mirrored: ParamHeaders,
    /// The input schema as it is listed: written once, so that every list is the same.
    pub(crate) input_schema_json: String,
    pub(crate) output_schema_json: Option<String>,
}

impl ToolEntry {
    /// The tool's own name.
    pub fn name(&self) -> &ToolName {
        &self.tool.name
    }
}

impl ServerEntry {
    /// Compiles a definition. The error names the tool whose schema does not compile.
    pub fn compile(
        tenant: TenantName,
        definition: Definition,
        options: ServerOptions,
    ) -> Result<Self, String> {
        let secrets = definition.secrets().iter().cloned().collect();
        let tools =
            definition.tools.into_iter().map(compile_tool).collect::<Result<Vec<_>, _>>()?;
        let by_name =
            tools.iter().enumerate().map(|(index, tool)| (tool.name().clone(), index)).collect();
        Ok(Self {
            tenant,
            name: definition.name,
            description: definition.description,
            enabled: options.enabled,
            prefix: options.prefix,
            timeout: options.timeout,
            private: options.private,
            tools,
            by_name,
            set: definition.set.map(|set| set.entries),
            secrets,
        })
    }

    /// The tools it offers, in the definition's order.
    pub fn tools(&self) -> &[ToolEntry] {
        &self.tools
    }

    /// One tool by its own name.
    pub fn tool(&self, name: &ToolName) -> Option<&ToolEntry> {
        self.by_name.get(name).and_then(|index| self.tools.get(*index))
    }

    /// A tool's name on `/mcp`.
    pub(crate) fn prefixed(&self, tool: &ToolName) -> String {
        format!("{}{tool}", self.prefix)
    }

    /// Whether it has no tools of its own, but refers to those of others.
    pub fn is_set(&self) -> bool {
        self.set.is_some()
    }

    /// Every secret that its definition names. What one tool sends, another may bring back; so all
    /// of them are masked in every answer.
    pub(crate) fn secrets(&self) -> &[SecretName] {
        &self.secrets
    }

    /// What a tool set refers to; empty for a server with tools of its own.
    pub(crate) fn set_entries(&self) -> &[SetEntry] {
        self.set.as_deref().unwrap_or_default()
    }
}

fn compile_tool(tool: Tool) -> Result<ToolEntry, String> {
    let name = &tool.name;
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
    Ok(ToolEntry {
        arguments,
        output,
        mirrored,
        input_schema_json: tool.input_schema.to_string(),
        output_schema_json: tool.output_schema.as_ref().map(ToString::to_string),
        tool,
    })
}
