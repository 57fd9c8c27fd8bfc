//! `type: mcp-proxy`: a server that speaks MCP itself. The form of the file is the same, so it is
//! read here; what becomes of it is for those who know such servers.

use lanyard_core::{Origin, SecretName, ToolName};

use crate::check::{Check, Shared};
use crate::fields::{Fields, Text, at, one_line, shown};
use crate::parse::check_allowed;
use crate::problem::suggestion;
use crate::security::{Place, Requirement, credentials, read_requirements};
use crate::tool::DOWNSTREAM;
use crate::yaml::{Mark, Node, NodeValue};

/// A server that speaks MCP itself, as a file describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Where it is: an absolute URL.
    pub url: String,
    /// How it is spoken to.
    pub transport: ProxyTransport,
    /// Headers of every request, names in lower case; secrets stand in the values as
    /// `secret://name`.
    pub headers: Vec<(String, String)>,
    /// What is added to the query of every request, written the same way.
    pub query: Vec<(String, String)>,
    /// The tools that may be seen of it; `None` for all.
    pub tools: Option<Vec<ToolName>>,
    pub(crate) origin: Origin,
    pub(crate) secrets: Vec<SecretName>,
}

/// How a server that speaks MCP is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyTransport {
    /// Streamable HTTP.
    Http,
    /// HTTP+SSE of 2024-11-05.
    Sse,
}

/// What the file may say of a tool, and the server says by itself.
const OF_THE_SERVER: &[&str] = &["description", "args", "outputSchema"];

const NOT_REST: &str = "this is for `type: rest` and does nothing here";

/// What makes answers of a REST API.
const OF_REST: &[&str] = &["responseTemplate", "errorResponseTemplate"];

/// Where the credentials of a server go.
#[derive(Default)]
struct Placed {
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
    secrets: Vec<SecretName>,
}

/// A tool as a file of this type names it.
struct Named {
    name: ToolName,
    /// What it needs, where the file says so.
    upstream: Option<Vec<Requirement>>,
    mark: Mark,
}

impl Named {
    /// What it needs, or what the server needs for all.
    fn needs<'a>(&'a self, shared: &'a Shared) -> &'a [Requirement] {
        self.upstream.as_ref().unwrap_or(&shared.upstream)
    }
}

/// Reads what is special about such a server. `None` if it has problems.
pub(crate) fn read_proxy(
    fields: &mut Fields<'_>,
    tools: Option<&Node>,
    allowed: &[Option<Vec<Text<'_>>>; 2],
    shared: &Shared,
    check: &mut Check<'_>,
) -> Option<Proxy> {
    let transport = read_transport(fields, check);
    let url = read_url(fields, check);
    for key in ["config", "baseUrl"] {
        if let Some(node) = fields.node(key) {
            check.problems.warn(node.span.start, &fields.path_of(key), NOT_REST);
        }
    }
    let named = tools.map_or_else(Vec::new, |node| read_names(node, shared, check));
    let Placed { headers, query, secrets } = place(&named, shared, check);
    let names = named.into_iter().map(|tool| tool.name).collect();
    let tools = seen(names, allowed, check);
    let (origin, url) = url?;
    Some(Proxy { url, transport: transport?, headers, query, tools, origin, secrets })
}

/// Puts the credentials where they go: one set for the whole server.
fn place(named: &[Named], shared: &Shared, check: &mut Check<'_>) -> Placed {
    let first = named.first();
    let requirements = first.map_or(shared.upstream.as_slice(), |tool| tool.needs(shared));
    let asked = same_as(requirements);
    for tool in named.iter().filter(|tool| same_as(tool.needs(shared)) != asked) {
        let message = "an MCP server has one credential for all its tools";
        check.problems.error(tool.mark, "tools", message);
    }
    let (mut placed, mut cookies) = (Placed::default(), Vec::new());
    for credential in credentials(requirements, &shared.schemes, &mut check.problems) {
        let reference = credential.secret.reference();
        match credential.place {
            Place::Bearer => {
                placed.headers.push(("authorization".to_owned(), format!("Bearer {reference}")));
            }
            Place::Header(name) => placed.headers.push((name.to_ascii_lowercase(), reference)),
            Place::Query(name) => placed.query.push((name, reference)),
            Place::Cookie(name) => cookies.push(format!("{name}={reference}")),
            Place::Basic => {
                let mark = requirements.first().map_or(Mark::default(), Requirement::mark);
                let message = "`basic` cannot be used for an MCP server; write `type: apiKey, in: \
                               header, name: Authorization` and store `Basic ...` as the secret";
                check.problems.error(mark, "server.securitySchemes", message);
            }
        }
        placed.secrets.push(credential.secret);
    }
    if !cookies.is_empty() {
        placed.headers.push(("cookie".to_owned(), cookies.join("; ")));
    }
    placed
}

fn read_transport(fields: &mut Fields<'_>, check: &mut Check<'_>) -> Option<ProxyTransport> {
    let Some(text) = fields.text("transport", &mut check.problems) else {
        return Some(ProxyTransport::Http);
    };
    match text.text {
        "http" => Some(ProxyTransport::Http),
        "sse" => Some(ProxyTransport::Sse),
        other => {
            let hint = suggestion(other, ["http", "sse"]);
            let message = format!("unknown transport `{}`{hint}", shown(other));
            check.problems.error(text.mark(), &fields.path_of("transport"), message);
            None
        }
    }
}

fn read_url(fields: &mut Fields<'_>, check: &mut Check<'_>) -> Option<(Origin, String)> {
    let text = fields.needed_text("mcpServerURL", &mut check.problems)?;
    let message = match Origin::split_url(text.text) {
        Ok((_, rest)) if rest.contains(['{', '}', '#']) => {
            "a server's URL holds no template and no fragment".to_owned()
        }
        Ok((origin, _)) => return Some((origin, text.text.to_owned())),
        Err(error) => error.to_string(),
    };
    check.problems.error(text.mark(), &fields.path_of("mcpServerURL"), message);
    None
}

/// The tools that may be seen: those that the file lists, if it lists any, and of them those that
/// every list of allowed tools names.
fn seen(
    listed: Vec<ToolName>,
    allowed: &[Option<Vec<Text<'_>>>; 2],
    check: &mut Check<'_>,
) -> Option<Vec<ToolName>> {
    let names: Vec<String> = listed.iter().map(ToString::to_string).collect();
    let mut seen = (!listed.is_empty()).then_some(listed);
    for (list, path) in allowed.iter().zip(["allowTools", "server.allowTools"]) {
        let Some(list) = list else { continue };
        if !names.is_empty() {
            check_allowed(Some(list), path, &names, check);
        }
        let numbered = list.iter().enumerate();
        let list: Vec<ToolName> =
            numbered.filter_map(|(index, text)| name_of(*text, &at(path, index), check)).collect();
        seen = Some(match seen {
            Some(seen) => seen.into_iter().filter(|name| list.contains(name)).collect(),
            None => list,
        });
    }
    seen
}

fn read_names(node: &Node, shared: &Shared, check: &mut Check<'_>) -> Vec<Named> {
    let NodeValue::List(items) = &node.value else {
        let message = format!("expected a list, found {}", node.kind_name());
        check.problems.error(node.span.start, "tools", message);
        return Vec::new();
    };
    let mut named: Vec<Named> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = at("tools", index);
        let Some(tool) = read_tool(item, &path, shared, check) else { continue };
        if named.iter().any(|other| other.name == tool.name) {
            let message = format!("there is a tool `{}` already", shown(tool.name.as_str()));
            check.problems.error(item.span.start, &path, message);
        } else {
            named.push(tool);
        }
    }
    named
}

/// A tool's name and what it needs. All else the server says by itself.
fn read_tool(node: &Node, path: &str, shared: &Shared, check: &mut Check<'_>) -> Option<Named> {
    let mut fields = Fields::of(node, path, &mut check.problems)?;
    let name = fields.needed_text("name", &mut check.problems);
    let itself =
        OF_THE_SERVER.iter().map(|key| (key, "the server says it itself, and that counts"));
    for (key, message) in itself.chain(OF_REST.iter().map(|key| (key, NOT_REST))) {
        if let Some(node) = fields.node(key) {
            check.problems.warn(node.span.start, &fields.path_of(key), message);
        }
    }
    if let Some(node) = fields.node("security") {
        check.problems.warn(node.span.start, &fields.path_of("security"), DOWNSTREAM);
    }
    let template = fields.node("requestTemplate");
    let template_path = fields.path_of("requestTemplate");
    let upstream = template.and_then(|node| read_upstream(node, &template_path, shared, check));
    fields.finish(&mut check.problems);
    let name = name_of(name?, &format!("{path}.name"), check)?;
    Some(Named { name, upstream, mark: node.span.start })
}

/// What the `security` of a `requestTemplate` asks for.
fn read_upstream(
    node: &Node,
    path: &str,
    shared: &Shared,
    check: &mut Check<'_>,
) -> Option<Vec<Requirement>> {
    let mut fields = Fields::of(node, path, &mut check.problems)?;
    let security = fields.node("security");
    let security_path = fields.path_of("security");
    for entry in fields.rest() {
        check.problems.warn(entry.key_span.start, &fields.path_of(&entry.key), NOT_REST);
    }
    let Check { secrets, problems, .. } = check;
    Some(read_requirements(security?, &security_path, &shared.schemes, secrets, problems))
}

/// What tells requirements apart.
fn same_as(requirements: &[Requirement]) -> Vec<(String, Option<SecretName>)> {
    requirements.iter().map(Requirement::asked).collect()
}

fn name_of(text: Text<'_>, path: &str, check: &mut Check<'_>) -> Option<ToolName> {
    let name = ToolName::parse(text.text);
    if let Err(error) = &name {
        check.problems.error(text.mark(), path, one_line(&error.to_string()));
    }
    name.ok()
}
