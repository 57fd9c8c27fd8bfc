//! A description that was imported before is imported again: what changed upstream comes in, what
//! a person edited since stays. Where both changed the same thing, the person's side is kept and
//! told.
//!
//! Three versions are compared key by key: the definition as it was imported then, as it is now
//! after edits, and as it would be imported anew. A tool is the same if its name or its request is,
//! an argument if its place and its name in the request are.

mod args;
mod compare;
mod schemes;
mod text;
mod tools;

use std::fmt;

use lanyard_rest::{Problem, yaml_value};
use serde_json::{Map, Value};

use crate::Draft;
use compare::{Report, three_way};

/// What a merge gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The definition. Where nothing came in, its text is that of the person, comments included.
    pub yaml: String,
    /// What changed upstream and came in, in words.
    pub changes: Vec<Told>,
    /// What changed on both sides: the person's is kept.
    pub conflicts: Vec<Told>,
}

/// One thing that a merge tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The tool it is about; none for the server.
    pub tool: Option<String>,
    /// What it is.
    pub text: String,
}

impl fmt::Display for Told {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tool {
            Some(tool) => write!(formatter, "{tool}: {}", self.text),
            None => write!(formatter, "server: {}", self.text),
        }
    }
}

/// Merges. `base` is the definition as [`Draft::to_yaml`] wrote it then, `edited` as it is now.
/// An error is about one of these two, by the name `base` or `edited`.
pub fn merge(base: &str, edited: &str, new: &Draft) -> Result<Merged, Problem> {
    let value = |name: &str, text: &str| yaml_value(name, text).map(|(value, _)| value);
    let base = value("base", base)?;
    let own = value("edited", edited)?;
    let mut fresh = value("new", &new.to_yaml())?;
    schemes::follow_renamed(&base, &own, &mut fresh);
    let mut report = Report::default();
    let mut merged = top(&base, &own, &fresh, &mut report);
    let tools = tools::merge(&base, &own, &fresh, &mut report);
    let server = server(&base, &own, &fresh, &tools, &mut report);
    merged.insert("server".to_owned(), server);
    merged.insert("tools".to_owned(), Value::Array(tools));
    let yaml = text::write(&Value::Object(merged), edited, &own, &fresh, new);
    Ok(Merged { yaml, changes: report.changes, conflicts: report.conflicts })
}

/// The names that a definition gives to its requests, for [`crate::OpenApiOptions::names`]: an
/// operation that is imported again keeps its name.
pub fn given_names(definition: &str) -> Result<Vec<(String, String)>, Problem> {
    let (root, _) = yaml_value("base", definition)?;
    let named = |tool: &Value| {
        let part =
            |key: &str| tool.pointer(&format!("/requestTemplate/{key}")).and_then(Value::as_str);
        let method = part("method").unwrap_or("GET").to_ascii_uppercase();
        Some((format!("{method} {}", part("url")?), tool.get("name")?.as_str()?.to_owned()))
    };
    Ok(compare::list(&root, "tools").iter().filter_map(named).collect())
}

/// What stands beside server and tools, in the person's order.
fn top(base: &Value, own: &Value, fresh: &Value, report: &mut Report) -> Map<String, Value> {
    let left_out = ["server", "tools"];
    let mut merged = Map::new();
    merged.insert("server".to_owned(), Value::Null);
    for key in compare::keys(base, own, fresh, &left_out) {
        let value = three_way(base.get(&key), own.get(&key), fresh.get(&key), |what| {
            report.tell(None, what, &format!("`{key}`"));
        });
        if let Some(value) = value {
            merged.insert(key, value);
        }
    }
    merged
}

fn server(base: &Value, own: &Value, fresh: &Value, tools: &[Value], report: &mut Report) -> Value {
    let empty = Value::Object(Map::new());
    let of = |root: &Value| root.get("server").cloned().unwrap_or_else(|| empty.clone());
    let (base, own, fresh) = (of(base), of(own), of(fresh));
    let mut merged = Map::new();
    for key in compare::keys(&base, &own, &fresh, &[]) {
        let (b, o, f) = (base.get(&key), own.get(&key), fresh.get(&key));
        let value = if key == "securitySchemes" {
            schemes::merge(b, o, f, tools, report)
        } else {
            three_way(b, o, f, |what| report.tell(None, what, &format!("`{key}`")))
        };
        if let Some(value) = value {
            merged.insert(key, value);
        }
    }
    Value::Object(merged)
}

#[cfg(test)]
mod tests;
