//! A REST server as it is used: everything checked, everything that does not depend on a call
//! worked out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use lanyard_core::{Origin, SecretName, ServerName, ToolName};
use serde_json::{Map, Value};

use crate::plan::{Plan, root};
use crate::shape::{Responses, direct, render_direct};
use crate::template::Template;
use crate::{Problem, Proxy, RenderContext, RenderError, Rendered, ToolResult, UpstreamAnswer};

/// What reading a file gives.
#[derive(Debug)]
pub struct Parsed {
    /// The server.
    pub definition: Definition,
    /// What works and may surprise.
    pub warnings: Vec<Problem>,
    /// Credentials that stood in the file: to be put into the secret store.
    pub literals: Vec<Literal>,
    /// Secrets that stood in the file as empty placeholders: to be created without a value.
    pub unset: Vec<SecretName>,
    /// Where each secret is used and where it would be sent, for checking its list of origins.
    pub secret_uses: Vec<SecretUse>,
    /// The text of the file with every literal credential replaced by its reference. Comments
    /// and lines are as they were. Only this is stored.
    pub source: String,
}

/// A credential that stood in a file.
#[derive(Debug)]
pub struct Literal {
    /// The name it is stored under, made of the server's name and the key's.
    pub secret: SecretName,
    /// The value.
    pub value: LiteralValue,
    /// The line it stood on.
    pub line: u32,
}

/// The value of a credential on its way to the secret store. It has no `Clone`, prints no value,
/// and is overwritten when dropped.
pub struct LiteralValue(String);

impl LiteralValue {
    pub(crate) fn new(value: &str) -> Self {
        Self(value.to_owned())
    }

    /// Gives the value out, to be sealed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for LiteralValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LiteralValue(..)")
    }
}

impl Drop for LiteralValue {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

/// One place of a file that names a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretUse {
    /// The secret.
    pub secret: SecretName,
    /// The origins of all tools that use it.
    pub origins: BTreeSet<Origin>,
    /// The line of the reference, counted from 1.
    pub line: u32,
    /// The column of the reference, counted from 1.
    pub column: u32,
    /// Where in the document.
    pub path: String,
}

/// A REST server, a set of other servers' tools, or a server that speaks MCP itself.
#[derive(Debug)]
pub struct Definition {
    /// The name: the one given to the command, else the file's.
    pub name: ServerName,
    /// What the server is, as its file says.
    pub description: Option<String>,
    /// How long a call may take, in milliseconds, if the file says.
    pub timeout_ms: Option<u64>,
    /// The tools that the server exposes, in the order of the file. Empty for a set.
    pub tools: Vec<Tool>,
    /// The tools of other servers, if the file is a set.
    pub set: Option<ToolSet>,
    /// The server that speaks MCP itself, if the file describes one. It has no tools here: it says
    /// them.
    pub proxy: Option<Proxy>,
    pub(crate) origins: BTreeSet<Origin>,
    pub(crate) secrets: BTreeSet<SecretName>,
}

impl Definition {
    /// Every origin that a tool of this server sends requests to.
    pub fn origins(&self) -> &BTreeSet<Origin> {
        &self.origins
    }

    /// Every secret that the file names, used by a tool or not.
    pub fn secrets(&self) -> &BTreeSet<SecretName> {
        &self.secrets
    }

    /// Where each secret that is used would be sent.
    pub fn secret_origins(&self) -> BTreeMap<SecretName, BTreeSet<Origin>> {
        let mut sent: BTreeMap<SecretName, BTreeSet<Origin>> = BTreeMap::new();
        for tool in &self.tools {
            for secret in tool.secrets() {
                sent.entry(secret.clone()).or_default().extend(tool.origin().cloned());
            }
        }
        if let Some(proxy) = &self.proxy {
            for secret in &proxy.secrets {
                sent.entry(secret.clone()).or_default().insert(proxy.origin.clone());
            }
        }
        sent
    }
}

/// Tools of other servers under one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolSet {
    /// The entries that are exposed, in the order of the file.
    pub entries: Vec<SetEntry>,
}

/// One tool of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetEntry {
    /// The server that has the tool: grants are checked on it.
    pub server: ServerName,
    /// The tool there.
    pub tool: ToolName,
    /// The name in the set: `server___tool`.
    pub listed: ToolName,
}

/// One tool.
pub struct Tool {
    /// Its name.
    pub name: ToolName,
    /// What it does. Empty if the file does not say.
    pub description: String,
    /// What a person may want to know beyond that. Models are not shown it.
    pub long_description: Option<String>,
    /// The JSON Schema of its arguments.
    pub input_schema: Value,
    /// The JSON Schema of its structured result, if it has one.
    pub output_schema: Option<Value>,
    pub(crate) action: Action,
    pub(crate) secrets: Vec<SecretName>,
}

/// What a call of a tool does.
pub(crate) enum Action {
    /// It answers by itself.
    Direct { template: Template, config: Arc<Value> },
    /// It sends a request and shapes the answer.
    Request { plan: Box<Plan>, responses: Responses, config: Arc<Value> },
}

impl Tool {
    /// The secrets that its request needs.
    pub fn secrets(&self) -> &[SecretName] {
        &self.secrets
    }

    /// Where its requests go. None for a tool that sends nothing.
    pub fn origin(&self) -> Option<&Origin> {
        match &self.action {
            Action::Direct { .. } => None,
            Action::Request { plan, .. } => Some(&plan.url.origin),
        }
    }

    /// The method of its requests. None for a tool that sends nothing.
    pub fn method(&self) -> Option<&str> {
        match &self.action {
            Action::Direct { .. } => None,
            Action::Request { plan, .. } => Some(plan.method),
        }
    }

    /// Builds the request of a call, or its result if the tool sends nothing. `arguments` are
    /// those that were cleared: defaults applied, conversions made, valid by the schema.
    pub fn render(
        &self,
        arguments: &Map<String, Value>,
        context: &RenderContext<'_>,
    ) -> Result<Rendered, RenderError> {
        match &self.action {
            Action::Request { plan, responses: _, config } => {
                plan.write(config, &self.secrets, arguments, context).map(Rendered::Request)
            }
            Action::Direct { template, config } => {
                let text = render_direct(template, &root(config, arguments), context)?;
                Ok(Rendered::Direct(direct(text, self.output_schema.is_some())))
            }
        }
    }

    /// Makes the result of a call out of the server's answer. `structured` of the result is raw:
    /// it is still to be checked against the output schema.
    pub fn shape(
        &self,
        arguments: &Map<String, Value>,
        answer: &UpstreamAnswer<'_>,
        context: &RenderContext<'_>,
    ) -> Result<ToolResult, RenderError> {
        match &self.action {
            Action::Request { plan: _, responses, config: _ } => {
                responses.shape(arguments, answer, self.output_schema.is_some(), context)
            }
            Action::Direct { .. } => {
                Err(RenderError::Answer("the tool sends no request".to_owned()))
            }
        }
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Tool").field("name", &self.name).finish_non_exhaustive()
    }
}
