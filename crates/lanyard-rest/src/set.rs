//! Tool sets: tools of other servers under one name.

use lanyard_core::{ServerName, ToolName};

use crate::check::Check;
use crate::fields::{Fields, Text, at, read_texts, shown};
use crate::parse::{check_allowed, name_of};
use crate::problem::suggestion;
use crate::yaml::Node;
use crate::{Definition, SetEntry, SetTools, ToolSet};

/// What stands between server and tool in a listed name.
const SEPARATOR: &str = "___";

/// Reads `toolSet`.
pub(crate) fn read_set(
    node: &Node,
    allowed: Option<&[Text<'_>]>,
    check: &mut Check<'_>,
) -> Option<Definition> {
    let mut fields = Fields::of(node, "toolSet", &mut check.problems)?;
    let text = fields.needed_text("name", &mut check.problems);
    let name = text.and_then(|text| name_of(text, "toolSet.name", check));
    let items = fields.list("serverTools", &mut check.problems);
    if items.is_none() {
        check.problems.error(fields.mark, "toolSet", "`serverTools` is missing");
    }
    fields.finish(&mut check.problems);
    let mut entries: Vec<SetEntry> = Vec::new();
    for (index, item) in items.unwrap_or_default().iter().enumerate() {
        read_server_tools(item, &at("toolSet.serverTools", index), &mut entries, check);
    }
    // `server/tool` is another way to write a name of the set.
    let names: Vec<String> = entries
        .iter()
        .flat_map(|entry| [entry.listed.to_string(), format!("{}/{}", entry.server, entry.tool)])
        .collect();
    check_allowed(allowed, "allowTools", &names, check);
    if let Some(allowed) = allowed {
        entries.retain(|entry| {
            let alias = format!("{}/{}", entry.server, entry.tool);
            allowed.iter().any(|text| text.text == entry.listed.as_str() || text.text == alias)
        });
    }
    Some(Definition {
        name: name?,
        description: None,
        timeout_ms: None,
        tools: Vec::new(),
        set: Some(ToolSet { entries }),
        proxy: None,
        origins: std::collections::BTreeSet::new(),
        secrets: std::collections::BTreeSet::new(),
    })
}

fn read_server_tools(node: &Node, path: &str, entries: &mut Vec<SetEntry>, check: &mut Check<'_>) {
    let Some(mut fields) = Fields::of(node, path, &mut check.problems) else { return };
    let server = fields.needed_text("serverName", &mut check.problems);
    let tools = fields.list("tools", &mut check.problems);
    let tools_path = fields.path_of("tools");
    if fields.node("tools").is_none() {
        check.problems.error(fields.mark, path, "`tools` is missing");
    }
    fields.finish(&mut check.problems);
    let (Some(server), Some(tools)) = (server, tools) else { return };
    let known = ServerName::parse(server.text)
        .ok()
        .and_then(|name| Some(((check.options.servers)(&name)?, name)));
    let Some((known, server_name)) = known else {
        let message = format!("there is no server `{}`", shown(server.text));
        check.problems.error(server.mark(), &format!("{path}.serverName"), message);
        return;
    };
    for (index, tool) in read_texts(tools, &tools_path, &mut check.problems).into_iter().enumerate()
    {
        let path = at(&tools_path, index);
        if let Some(entry) = read_entry(tool, &server_name, &known, &path, check) {
            if entries.contains(&entry) {
                let message = format!("`{}` is in the set already", entry.listed);
                check.problems.error(tool.mark(), &path, message);
            } else {
                entries.push(entry);
            }
        }
    }
}

fn read_entry(
    text: Text<'_>,
    server: &ServerName,
    known: &SetTools,
    path: &str,
    check: &mut Check<'_>,
) -> Option<SetEntry> {
    let tool = match known {
        SetTools::These(known) => known.iter().find(|tool| tool.as_str() == text.text).cloned(),
        SetTools::Any => ToolName::parse(text.text).ok(),
    };
    let Some(tool) = tool else {
        let known = match known {
            SetTools::These(known) => known.as_slice(),
            SetTools::Any => &[],
        };
        let hint = suggestion(text.text, known.iter().map(ToolName::as_str));
        let message = format!("the server `{server}` has no tool `{}`{hint}", shown(text.text));
        check.problems.error(text.mark(), path, message);
        return None;
    };
    match ToolName::parse(&format!("{server}{SEPARATOR}{tool}")) {
        Ok(listed) => Some(SetEntry { server: server.clone(), tool, listed }),
        Err(error) => {
            check.problems.error(text.mark(), path, error.to_string());
            None
        }
    }
}
