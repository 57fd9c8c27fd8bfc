//! From the text of a file to a checked definition.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use lanyard_core::{Limits, Origin, SecretName, ServerName, ToolName};
use serde_json::{Number, Value};

use crate::check::{Check, Shared};
use crate::fields::{Fields, Text, at, one_line, read_texts, shown, to_value};
use crate::problem::{Problems, suggestion};
use crate::proxy::read_proxy;
use crate::secrets::Secrets;
use crate::security::{read_requirements, read_schemes};
use crate::set::read_set;
use crate::tool::{DOWNSTREAM, read_tool};
use crate::yaml::{self, Mark, Node, NodeValue};
use crate::{Definition, Parsed, Problem, Tool};

/// The judge of JSON Schemas. Another crate offers it: this one does not know how.
pub trait Schemas {
    /// Whether a document is a JSON Schema that can be used.
    fn check_schema(&self, schema: &Value) -> Result<(), String>;

    /// Whether a value satisfies a schema.
    fn check_value(&self, schema: &Value, value: &Value) -> Result<(), String>;
}

/// What a file is read with.
#[derive(Clone, Copy)]
pub struct ParseOptions<'a> {
    /// The server's name given to the command; it wins over the file's.
    pub name: Option<&'a ServerName>,
    /// What path-only URLs start with; it wins over the file's `server.baseUrl`.
    pub base_url: Option<&'a str>,
    /// Secrets bound from outside: a key of `server.config` or the id of a security scheme.
    pub secrets: &'a [(String, SecretName)],
    /// Whether a secret exists (set or not) or will be made.
    pub secret_known: &'a dyn Fn(&SecretName) -> bool,
    /// The judge of JSON Schemas.
    pub schemas: &'a dyn Schemas,
    /// The limits in force.
    pub limits: &'a Limits,
    /// The tools of another server, for sets. `None` if there is no such server.
    pub servers: &'a dyn Fn(&ServerName) -> Option<SetTools>,
}

/// The tools of a server that a set may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetTools {
    /// These.
    These(Vec<ToolName>),
    /// Whatever they are called: the server lists them itself, and they come and go without
    /// anybody here doing anything. A set goes without those that are not there.
    Any,
}

impl fmt::Debug for ParseOptions<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ParseOptions").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Reads a file: all its problems at once, or the server it describes. `file` is only the name
/// that problems carry.
pub fn parse(file: &str, text: &str, options: &ParseOptions<'_>) -> Result<Parsed, Vec<Problem>> {
    let mut problems = Problems::new(file);
    let Some(root) = read_document(text, options, &mut problems) else {
        return Err(problems.into_sorted());
    };
    let mut check = Check {
        options,
        source: text,
        problems,
        secrets: Secrets::new(options, text, &secret_prefix(&root, options)),
        config_used: BTreeSet::new(),
    };
    let definition = read_root(&root, &mut check);
    let failed = check.problems.has_errors();
    let problems = check.problems.into_sorted();
    let Some(definition) = definition.filter(|_| !failed) else { return Err(problems) };
    let sent = definition.secret_origins();
    let source = check.secrets.edited();
    let mut secret_uses = check.secrets.uses;
    for used in &mut secret_uses {
        used.origins.extend(sent.get(&used.secret).into_iter().flatten().cloned());
    }
    Ok(Parsed {
        definition,
        warnings: problems,
        literals: check.secrets.literals,
        unset: check.secrets.unset,
        secret_uses,
        source,
    })
}

/// The deepest nesting of a document that is not a definition: what the reader of JSON allows.
const DEPTH_MAX: usize = 127;

/// Reads any document of YAML as a JSON value, by the rules that definitions are read by: numbers
/// keep their digits, and only one document may stand there. Keys that stand twice come as
/// warnings; the first one counts. `file` is only the name that problems carry.
pub fn yaml_value(file: &str, text: &str) -> Result<(Value, Vec<Problem>), Problem> {
    let mut problems = Problems::new(file);
    match yaml::read_nested(text, DEPTH_MAX) {
        Ok((root, twice)) => {
            for problem in twice {
                problems.warn(problem.mark, "", problem.message);
            }
            Ok((to_value(&root), problems.into_sorted()))
        }
        Err(problem) => Err(problems.one(problem.mark, problem.message)),
    }
}

fn read_document(text: &str, options: &ParseOptions<'_>, problems: &mut Problems) -> Option<Node> {
    let limit = options.limits.definition_bytes_max;
    if text.len() > Limits::size(limit) {
        let message = format!("the file is larger than definition_bytes_max ({limit} bytes)");
        problems.error(Mark::default(), "", message);
        return None;
    }
    match yaml::read(text) {
        Ok((root, twice)) => {
            for problem in twice {
                problems.error(problem.mark, "", problem.message);
            }
            Some(root)
        }
        Err(problem) => {
            problems.error(problem.mark, "", problem.message);
            None
        }
    }
}

/// What the names of secrets made from this file begin with.
fn secret_prefix(root: &Node, options: &ParseOptions<'_>) -> String {
    if let Some(name) = options.name {
        return name.to_string();
    }
    let value = to_value(root);
    let name = value.get("server").and_then(|server| server.get("name")).and_then(Value::as_str);
    name.unwrap_or("server").to_owned()
}

fn read_root(root: &Node, check: &mut Check<'_>) -> Option<Definition> {
    let mut fields = Fields::of(root, "", &mut check.problems)?;
    let set = fields.node("toolSet");
    let server = fields.node("server");
    let tools = fields.node("tools");
    let allowed = read_allowed(&mut fields, check);
    let definition = match (set, server) {
        (Some(set), None) => {
            if let Some(tools) = tools {
                let message = "`tools` does not go with `toolSet`";
                check.problems.error(tools.span.start, "tools", message);
            }
            read_set(set, allowed.as_deref(), check)
        }
        (Some(set), Some(_)) => {
            let message = "`server` and `toolSet` exclude each other: one file is one or the other";
            check.problems.error(set.span.start, "toolSet", message);
            None
        }
        (None, Some(server)) => read_server(server, tools, allowed, fields.mark, check),
        (None, None) => {
            let message = "either `server` or `toolSet` must be there";
            check.problems.error(fields.mark, "", message);
            None
        }
    };
    fields.finish(&mut check.problems);
    definition
}

/// `allowTools` of an object: nothing if it is not there.
fn read_allowed<'n>(fields: &mut Fields<'n>, check: &mut Check<'_>) -> Option<Vec<Text<'n>>> {
    let path = fields.path_of("allowTools");
    // Nothing at all could mean every tool or none: the one who wrote it must say.
    if let Some(entry) = fields.entry("allowTools").filter(|entry| entry.value.is_null()) {
        let message = "nothing stands here; write `[]` to allow no tool, or leave the key out";
        check.problems.error(entry.key_span.start, &path, message);
    }
    let items = fields.list("allowTools", &mut check.problems)?;
    Some(read_texts(items, &path, &mut check.problems))
}

fn read_server(
    node: &Node,
    tools: Option<&Node>,
    allowed: Option<Vec<Text<'_>>>,
    root: Mark,
    check: &mut Check<'_>,
) -> Option<Definition> {
    let mut fields = Fields::of(node, "server", &mut check.problems)?;
    let name = read_name(&mut fields, check);
    let kind = read_type(&mut fields, check)?;
    let description = fields.text("description", &mut check.problems);
    let timeout_ms = read_timeout(&mut fields, check);
    let shared = read_shared(node, &mut fields, check);
    let allowed_here = read_allowed(&mut fields, check);
    refuse_passthrough(&mut fields, check);
    let allowed = [allowed, allowed_here];
    if kind == Kind::Proxy {
        let proxy = read_proxy(&mut fields, tools, &allowed, &shared, check);
        fields.finish(&mut check.problems);
        finish_bindings(&shared, node.span.start, check);
        let proxy = proxy?;
        return Some(Definition {
            name: name?,
            description: description.map(|text| text.text.to_owned()),
            timeout_ms,
            origins: BTreeSet::from([proxy.origin.clone()]),
            tools: Vec::new(),
            set: None,
            proxy: Some(proxy),
            secrets: check.secrets.names(),
        });
    }
    warn_proxy_keys(&mut fields, check);
    fields.finish(&mut check.problems);

    let (tools, names) = read_tools(tools, &shared, root, check);
    for (list, path) in allowed.iter().zip(["allowTools", "server.allowTools"]) {
        check_allowed(list.as_deref(), path, &names, check);
    }
    finish_bindings(&shared, node.span.start, check);
    let tools: Vec<Tool> = tools
        .into_iter()
        .filter(|tool| {
            allowed
                .iter()
                .flatten()
                .all(|list| list.iter().any(|allowed| allowed.text == tool.name.as_str()))
        })
        .collect();
    Some(Definition {
        name: name?,
        description: description.map(|text| text.text.to_owned()),
        timeout_ms,
        origins: tools.iter().filter_map(|tool| tool.origin().cloned()).collect(),
        tools,
        set: None,
        proxy: None,
        secrets: check.secrets.names(),
    })
}

fn finish_bindings(shared: &Shared, mark: Mark, check: &mut Check<'_>) {
    let schemes: Vec<&str> = shared.schemes.iter().map(|scheme| scheme.id.as_str()).collect();
    let Check { secrets, problems, config_used, .. } = check;
    secrets.finish(&schemes, &shared.config, config_used, mark, problems);
}

/// The name given to the command, else the file's. A name of the file that is overruled may be
/// any text.
fn read_name(fields: &mut Fields<'_>, check: &mut Check<'_>) -> Option<ServerName> {
    let text = fields.needed_text("name", &mut check.problems)?;
    name_of(text, "server.name", check)
}

/// The name of a server or set.
pub(crate) fn name_of(text: Text<'_>, path: &str, check: &mut Check<'_>) -> Option<ServerName> {
    if let Some(name) = check.options.name {
        return Some(name.clone());
    }
    match ServerName::parse(text.text) {
        Ok(name) => Some(name),
        Err(error) => {
            let message =
                format!("{}; or give a name with the command", one_line(&error.to_string()));
            check.problems.error(text.mark(), path, message);
            None
        }
    }
}

/// What stands behind a server's tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A REST API.
    Rest,
    /// A server that speaks MCP itself.
    Proxy,
}

fn read_type(fields: &mut Fields<'_>, check: &mut Check<'_>) -> Option<Kind> {
    let Some(kind) = fields.text("type", &mut check.problems) else { return Some(Kind::Rest) };
    match kind.text {
        "rest" | "" => Some(Kind::Rest),
        "mcp-proxy" => Some(Kind::Proxy),
        other => {
            let hint = suggestion(other, ["rest", "mcp-proxy"]);
            let message = format!("unknown type `{}`{hint}", shown(other));
            check.problems.error(kind.mark(), "server.type", message);
            // What stands in a server of another type is not looked at.
            None
        }
    }
}

fn read_timeout(fields: &mut Fields<'_>, check: &mut Check<'_>) -> Option<u64> {
    let node = fields.node("timeout")?;
    let timeout =
        to_value(node).as_number().and_then(Number::as_u64).filter(|timeout| *timeout > 0);
    if timeout.is_none() {
        let message = "expected a whole number of milliseconds above 0";
        check.problems.error(node.span.start, "server.timeout", message);
    }
    timeout
}

fn read_shared(node: &Node, fields: &mut Fields<'_>, check: &mut Check<'_>) -> Shared {
    let Check { secrets, problems, .. } = check;
    let schemes = fields.list("securitySchemes", problems).unwrap_or_default();
    let schemes = read_schemes(schemes, "server.securitySchemes", secrets, problems);
    let config = fields.entry("config").map(|entry| &entry.value);
    let config = secrets.config(node, config, "server.config", problems);
    let mut requirements = |key: &'static str| {
        let path = fields.path_of(key);
        let node = fields.node(key)?;
        Some((read_requirements(node, &path, &schemes, secrets, problems), node, path))
    };
    let upstream = requirements("defaultUpstreamSecurity");
    let downstream = requirements("defaultDownstreamSecurity");
    if let Some((_, node, path)) = downstream {
        problems.warn(node.span.start, &path, DOWNSTREAM);
    }
    let upstream = upstream.map_or_else(Vec::new, |(upstream, ..)| upstream);
    let base_url = read_base_url(fields, check);
    Shared { config, schemes, upstream, base_url }
}

fn read_base_url(fields: &mut Fields<'_>, check: &mut Check<'_>) -> Option<String> {
    let written = fields.text("baseUrl", &mut check.problems);
    let mark = written.map_or(fields.mark, |text| text.mark());
    let (text, path) = match (check.options.base_url, written) {
        (Some(given), _) => (given, "--base-url"),
        (None, Some(written)) => (written.text, "server.baseUrl"),
        (None, None) => return None,
    };
    let message = match Origin::split_url(text) {
        Ok((_, rest)) if rest.contains(['?', '#']) => "a base URL ends with its path".to_owned(),
        Ok((_, rest)) if rest.contains(['{', '}', '\\']) || rest.contains(char::is_control) => {
            "a base URL holds no template and no brace".to_owned()
        }
        Ok(_) => return Some(text.trim_end_matches('/').to_owned()),
        Err(error) => error.to_string(),
    };
    check.problems.error(mark, path, message);
    None
}

fn refuse_passthrough(fields: &mut Fields<'_>, check: &mut Check<'_>) {
    if fields.flag("passthroughAuthHeader", &mut check.problems) {
        let mark = fields.node("passthroughAuthHeader").map_or(fields.mark, |node| node.span.start);
        let message = "`true` is refused: an agent's token never leaves the gateway";
        check.problems.error(mark, "server.passthroughAuthHeader", message);
    }
}

fn warn_proxy_keys(fields: &mut Fields<'_>, check: &mut Check<'_>) {
    for key in ["transport", "mcpServerURL"] {
        if let Some(node) = fields.node(key) {
            let message = "this is for `type: mcp-proxy` and does nothing here";
            check.problems.warn(node.span.start, &fields.path_of(key), message);
        }
    }
}

/// The tools that are in order, and the names of all of them.
fn read_tools(
    node: Option<&Node>,
    shared: &Shared,
    root: Mark,
    check: &mut Check<'_>,
) -> (Vec<Tool>, Vec<String>) {
    let Some(node) = node else {
        check.problems.error(root, "", "`tools` is missing");
        return (Vec::new(), Vec::new());
    };
    let NodeValue::List(items) = &node.value else {
        let message = format!("expected a list, found {}", node.kind_name());
        check.problems.error(node.span.start, "tools", message);
        return (Vec::new(), Vec::new());
    };
    let config = Arc::new(shared.config.clone());
    let mut tools: Vec<Tool> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = at("tools", index);
        if let Some(Value::String(name)) = to_value(item).get("name") {
            if names.contains(name) {
                let message = format!("there is a tool `{}` already", shown(name));
                check.problems.error(item.span.start, &path, message);
            }
            names.push(name.clone());
        }
        tools.extend(read_tool(item, &path, shared, &config, check));
    }
    (tools, names)
}

/// Every name of an allow list must be one that exists.
pub(crate) fn check_allowed(
    allowed: Option<&[Text<'_>]>,
    path: &str,
    names: &[String],
    check: &mut Check<'_>,
) {
    for (index, text) in allowed.unwrap_or_default().iter().enumerate() {
        if !names.iter().any(|name| name == text.text) {
            let hint = suggestion(text.text, names.iter().map(String::as_str));
            let message = format!("there is no tool `{}`{hint}", shown(text.text));
            check.problems.error(text.mark(), &at(path, index), message);
        }
    }
}
