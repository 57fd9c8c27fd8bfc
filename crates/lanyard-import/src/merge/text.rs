//! The text of a merged definition: the person's own lines wherever nothing came in.

use lanyard_rest::yaml_value;
use serde_json::{Map, Value};

use super::compare::list;
use crate::Draft;
use crate::write::push_tool;
use crate::yaml::{push_items, push_members};

/// Writes a definition. `edited` is the person's text and `own` what it says; `new` is what was
/// imported and `fresh` what its text says.
pub(super) fn write(
    merged: &Value,
    edited: &str,
    own: &Value,
    fresh: &Value,
    new: &Draft,
) -> String {
    let spliced = splice(merged, edited, own, fresh, new);
    // Whatever the person's text looks like: it must say what was merged.
    match spliced.filter(|text| yaml_value("", text).is_ok_and(|(value, _)| value == *merged)) {
        Some(text) => text,
        None => plain(merged),
    }
}

/// The definition anew, without comments.
fn plain(merged: &Value) -> String {
    let mut out = String::new();
    if let Some(members) = merged.as_object() {
        push_members(&mut out, members, 0);
    }
    out
}

fn splice(merged: &Value, edited: &str, own: &Value, fresh: &Value, new: &Draft) -> Option<String> {
    let blocks = Blocks::of(edited)?;
    let (own_tools, fresh_tools) = (list(own, "tools"), list(fresh, "tools"));
    if blocks.tools.len() != own_tools.len() || fresh_tools.len() != new.tools.len() {
        return None;
    }
    let without_tools = |root: &Value| -> Map<String, Value> {
        root.as_object()
            .into_iter()
            .flatten()
            .filter(|(key, _)| *key != "tools")
            .map(own_pair)
            .collect()
    };
    let mut out = String::new();
    let (rest, of_own) = (without_tools(merged), without_tools(own));
    if rest == of_own {
        out.push_str(blocks.head);
    } else {
        push_members(&mut out, &rest, 0);
    }
    out.push_str("tools:\n");
    for tool in list(merged, "tools") {
        let name = tool.get("name");
        let at = own_tools.iter().position(|other| other.get("name") == name);
        let block = at.and_then(|index| blocks.tools.get(index));
        if let Some(block) = block.filter(|_| at.and_then(|at| own_tools.get(at)) == Some(tool)) {
            out.push_str(block.comments);
            out.push_str(block.body);
            continue;
        }
        let imported = fresh_tools.iter().position(|other| other == tool);
        match (block, imported.and_then(|index| new.tools.get(index))) {
            (None, Some(imported)) => push_tool(&mut out, imported, new.patch.as_ref()),
            (block, _) => {
                out.push_str(block.map_or("", |block| block.comments));
                push_items(&mut out, std::slice::from_ref(tool), 0);
            }
        }
    }
    if list(merged, "tools").is_empty() {
        return None;
    }
    if rest == of_own {
        out.push_str(blocks.tail);
    }
    Some(out)
}

fn own_pair((key, value): (&String, &Value)) -> (String, Value) {
    (key.clone(), value.clone())
}

/// A definition's text in parts: what stands before the tools, each tool, what stands behind.
struct Blocks<'t> {
    head: &'t str,
    tools: Vec<Block<'t>>,
    tail: &'t str,
}

/// The lines of one tool, and the comments above it.
struct Block<'t> {
    comments: &'t str,
    body: &'t str,
}

impl<'t> Blocks<'t> {
    /// The parts of a text in which tools are written as [`Draft::to_yaml`] does: as elements
    /// that begin their lines. Anything else has none.
    fn of(text: &'t str) -> Option<Self> {
        let mut starts: Vec<usize> = Vec::new();
        let mut offset = 0_usize;
        let mut first = None;
        let mut end = text.len();
        for line in text.split_inclusive('\n') {
            let at = offset;
            offset = offset.saturating_add(line.len());
            match first {
                None if line.trim_end() == "tools:" => first = Some((at, offset)),
                None => {}
                Some(_) if line.starts_with("- ") => starts.push(at),
                Some(_) if line.starts_with([' ', '#', '\n', '\r']) => {}
                Some(_) => {
                    end = at;
                    break;
                }
            }
        }
        let (key, mut from) = first?;
        let mut tools = Vec::new();
        for (index, start) in starts.iter().enumerate() {
            let next = starts.get(index.saturating_add(1)).copied().unwrap_or(end);
            let until = if next == end { end } else { comments_from(text, *start, next) };
            tools.push(Block { comments: text.get(from..*start)?, body: text.get(*start..until)? });
            from = until;
        }
        Some(Self { head: text.get(..key)?, tools, tail: text.get(end..)? })
    }
}

/// Where the comments begin that stand directly before a place.
fn comments_from(text: &str, start: usize, next: usize) -> usize {
    let mut at = next;
    let lines: Vec<&str> =
        text.get(start..next).unwrap_or_default().split_inclusive('\n').collect();
    for line in lines.iter().rev() {
        if !line.starts_with('#') {
            break;
        }
        at = at.saturating_sub(line.len());
    }
    at
}
