//! Puts one entry for Lanyard in the place of servers that were imported, in the client's own
//! form. What else is in the file stays as it is.

use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};
use serde_json::{Map, Value as Json, json};
use thiserror::Error;
use toml_edit::{DocumentMut, Item, Table, TableLike, value};

use super::Format;
use super::tree::{Language, Member, Node, Value, json_options, parse};

/// The name of the entry.
const ENTRY: &str = "lanyard";

/// What stands where a client can take a token from nowhere else.
const PASTE: &str = "paste the token of an agent here: lanyard agent add NAME";

/// How a client reaches Lanyard.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// The endpoint: `http://127.0.0.1:7410/mcp`.
    pub url: String,
    /// The environment variable that holds the agent's token.
    pub token_variable: String,
    /// The program, for clients that only start processes.
    pub program: String,
}

/// Why a file was not rewritten.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RewriteError {
    /// It cannot be read in this form.
    #[error("the file cannot be read any more: {0}")]
    Unreadable(String),
    /// More than the servers would have changed.
    #[error("the file would come out wrong; change it by hand")]
    Wrong,
}

/// The entry as one line for a person to paste.
pub fn client_entry(format: Format, gateway: &Gateway) -> String {
    match format.language() {
        Language::Json => format!("\"{ENTRY}\": {}", Json::Object(entry(format, gateway))),
        Language::Toml => {
            let members =
                entry(format, gateway).into_iter().map(|(key, text)| format!("{key} = {text}"));
            format!("mcp_servers.{ENTRY} = {{ {} }}", members.collect::<Vec<_>>().join(", "))
        }
    }
}

/// Whether this is the entry that was put into the file before. It is no server to import.
pub(super) fn is_entry(member: &Member) -> bool {
    member.key == ENTRY && mentions_us(&member.node)
}

fn mentions_us(node: &Node) -> bool {
    match &node.value {
        Value::Text(text) => text.contains("LANYARD_") || text.contains(PASTE),
        Value::Object(members) => members
            .iter()
            .any(|member| member.key.starts_with("LANYARD_") || mentions_us(&member.node)),
        Value::Array(elements) => elements.iter().any(mentions_us),
        Value::Number(_) | Value::Bool(_) | Value::Null => false,
    }
}

/// The members of the entry: over HTTP with the token from the environment, where the client can.
fn entry(format: Format, gateway: &Gateway) -> Map<String, Json> {
    let (url, variable) = (&gateway.url, &gateway.token_variable);
    let bearer = |reference: String| json!({ "Authorization": format!("Bearer {reference}") });
    let entry = match format {
        Format::Mcporter => json!({ "url": url, "headers": bearer(format!("${{{variable}}}")) }),
        Format::ClaudeCode => {
            json!({ "type": "http", "url": url, "headers": bearer(format!("${{{variable}}}")) })
        }
        Format::Cursor => json!({ "url": url, "headers": bearer(format!("${{env:{variable}}}")) }),
        Format::VsCode => json!({
            "type": "http", "url": url, "headers": bearer(format!("${{env:{variable}}}")),
        }),
        Format::Windsurf => {
            json!({ "serverUrl": url, "headers": bearer(format!("${{env:{variable}}}")) })
        }
        Format::Codex => json!({ "url": url, "bearer_token_env_var": variable }),
        // It starts processes with an environment of its own, and does nothing else.
        Format::ClaudeDesktop => json!({
            "command": gateway.program,
            "args": ["bridge"],
            "env": { "LANYARD_URL": url, variable: PASTE },
        }),
        // It takes no variable of ours into a header, and starts only programs that it knows.
        Format::Goclaw => json!({
            "transport": "streamable-http", "url": url, "headers": bearer(PASTE.to_owned()),
        }),
    };
    match entry {
        Json::Object(members) => members,
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
            Map::new()
        }
    }
}

/// The file with one entry for Lanyard in the place of the servers of these names.
pub fn rewrite(
    text: &str,
    format: Format,
    replaced: &[&str],
    gateway: &Gateway,
) -> Result<String, RewriteError> {
    let before = read(text, format)?;
    let (mark, plain) = match text.strip_prefix('\u{feff}') {
        Some(plain) => ("\u{feff}", plain),
        None => ("", text),
    };
    let entry = entry(format, gateway);
    let place = format
        .places()
        .iter()
        .find(|path| before.at(path).is_some_and(|it| it.members().is_some()));
    let place = place.ok_or(RewriteError::Wrong)?;
    let written = match format.language() {
        Language::Json => in_json(plain, place, replaced, entry),
        Language::Toml => in_toml(plain, place, replaced, &entry),
    };
    let written = format!("{mark}{}", written.ok_or(RewriteError::Wrong)?);
    let after = read(&written, format)?;
    if without_servers(&before, place, replaced) == without_servers(&after, place, &[])
        && after.at(place).is_some_and(|servers| servers.get(ENTRY).is_some())
    {
        Ok(written)
    } else {
        Err(RewriteError::Wrong)
    }
}

fn read(text: &str, format: Format) -> Result<Node, RewriteError> {
    parse(text, format.language()).map_err(|problem| RewriteError::Unreadable(problem.to_string()))
}

fn in_json(
    text: &str,
    place: &[&str],
    replaced: &[&str],
    entry: Map<String, Json>,
) -> Option<String> {
    let root = CstRootNode::parse(text, &json_options()).ok()?;
    let whole: CstObject = root.object_value()?;
    let servers = place.iter().try_fold(whole, |object, key| object.object_value(key))?;
    let mut at = None;
    for property in servers.properties() {
        let name = property.decoded_name()?;
        if name == ENTRY || replaced.contains(&name.as_str()) {
            at.get_or_insert(property.property_index());
            property.remove();
        }
    }
    let index = at.unwrap_or_else(|| servers.properties().len());
    servers.insert(index, ENTRY, input(Json::Object(entry)));
    Some(root.to_string())
}

fn input(value: Json) -> CstInputValue {
    match value {
        Json::Null => CstInputValue::Null,
        Json::Bool(yes) => CstInputValue::Bool(yes),
        Json::Number(number) => CstInputValue::Number(number.to_string()),
        Json::String(text) => CstInputValue::String(text),
        Json::Array(elements) => CstInputValue::Array(elements.into_iter().map(input).collect()),
        Json::Object(members) => CstInputValue::Object(
            members.into_iter().map(|(key, value)| (key, input(value))).collect(),
        ),
    }
}

fn in_toml(
    text: &str,
    place: &[&str],
    replaced: &[&str],
    entry: &Map<String, Json>,
) -> Option<String> {
    let mut document: DocumentMut = text.parse().ok()?;
    let servers =
        place.iter().try_fold(document.as_table_mut() as &mut dyn TableLike, |table, key| {
            table.get_mut(key)?.as_table_like_mut()
        })?;
    for name in replaced.iter().copied().chain([ENTRY]) {
        servers.remove(name);
    }
    let mut table = Table::new();
    for (key, text) in entry {
        table.insert(key, value(text.as_str()?));
    }
    servers.insert(ENTRY, Item::Table(table));
    Some(document.to_string())
}

/// A file without these servers and without the entry. Lines are left out, too: they move.
fn without_servers(tree: &Node, place: &[&str], replaced: &[&str]) -> Node {
    let mut tree = tree.clone();
    forget_lines(&mut tree);
    let servers = place.iter().try_fold(&mut tree, |node, key| node.get_mut(key));
    if let Some(Node { value: Value::Object(members), line: _ }) = servers {
        members.retain(|it| it.key != ENTRY && !replaced.contains(&it.key.as_str()));
    }
    tree
}

fn forget_lines(node: &mut Node) {
    node.line = 0;
    match &mut node.value {
        Value::Object(members) => members.iter_mut().for_each(|it| forget_lines(&mut it.node)),
        Value::Array(elements) => elements.iter_mut().for_each(forget_lines),
        Value::Text(_) | Value::Number(_) | Value::Bool(_) | Value::Null => {}
    }
}

#[cfg(test)]
pub(super) mod tests;
