//! The arguments of a tool, each in three versions.

use serde_json::{Map, Value};

use super::compare::{Outcome, Report, in_order, list, text, three_way};

/// The keys of an argument that are not its schema. The others say one thing together, in one of
/// two ways of writing it.
const OWN: &[&str] =
    &["name", "wireName", "description", "required", "position", "style", "pathSegments"];

/// What a person did to the request of a tool, which decides where new arguments can go.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Edited {
    pub(super) url: bool,
    pub(super) body: bool,
}

/// The place and the name of an argument in the request: what makes it the same one.
fn identity(arg: &Value) -> (String, String) {
    let wire = arg.get("wireName").and_then(Value::as_str).unwrap_or_else(|| text(arg, "name"));
    (text(arg, "position").to_owned(), wire.to_owned())
}

/// Merges the arguments of a tool.
pub(super) fn merge(
    base: &Value,
    own: &Value,
    fresh: &Value,
    tool: &str,
    edited: Edited,
    report: &mut Report,
) -> Vec<Value> {
    let (base, own, fresh) = (list(base, "args"), list(own, "args"), list(fresh, "args"));
    let mut merged: Vec<Value> = Vec::new();
    let mut seen_base: Vec<usize> = Vec::new();
    let mut seen_fresh: Vec<usize> = Vec::new();
    for arg in own {
        let from = same(arg, base);
        seen_base.extend(from);
        let b = from.and_then(|index| base.get(index));
        let now = same(arg, fresh).or_else(|| b.and_then(|b| same(b, fresh)));
        seen_fresh.extend(now);
        let f = now.and_then(|index| fresh.get(index));
        let name = text(arg, "name");
        match (b, f) {
            (Some(b), Some(f)) => merged.push(by_key(b, arg, f, tool, report)),
            (Some(b), None) if b == arg => {
                report.tell(Some(tool), Outcome::Gone, &format!("the argument `{name}`"));
            }
            (Some(_), None) => {
                let text = format!("the argument `{name}` is gone upstream and was edited: kept");
                report.conflict(Some(tool), text);
                merged.push(arg.clone());
            }
            (None, _) => merged.push(arg.clone()),
        }
    }
    for (index, arg) in fresh.iter().enumerate() {
        if seen_fresh.contains(&index) {
            continue;
        }
        if let Some(old) = same(arg, base).filter(|old| !seen_base.contains(old)) {
            // The person took it out.
            if base.get(old) != Some(arg) {
                let name = text(arg, "name");
                report
                    .change(Some(tool), format!("`{name}`, which you removed, changed: left out"));
            }
            continue;
        }
        add(arg, &mut merged, tool, edited, report);
    }
    merged
}

/// Adds an argument that is new upstream, unless the person's request has no place for it.
fn add(arg: &Value, merged: &mut Vec<Value>, tool: &str, edited: Edited, report: &mut Report) {
    let (position, _) = identity(arg);
    let name = text(arg, "name");
    let unplaced = (position == "path" && edited.url) || (position == "body" && edited.body);
    if unplaced {
        let text = format!(
            "the argument `{name}` ({position}) is new upstream, and your request has no place for \
             it: left out"
        );
        report.conflict(Some(tool), text);
        return;
    }
    if merged.iter().any(|other| text(other, "name") == name) {
        let text = format!(
            "the argument `{name}` is new upstream, and you have one of that name: left out"
        );
        report.conflict(Some(tool), text);
        return;
    }
    report.tell(Some(tool), Outcome::New, &format!("the argument `{name}`"));
    merged.push(arg.clone());
}

/// Where an argument stands in another version.
fn same(arg: &Value, others: &[Value]) -> Option<usize> {
    let wanted = identity(arg);
    others.iter().position(|other| identity(other) == wanted)
}

fn by_key(base: &Value, own: &Value, fresh: &Value, tool: &str, report: &mut Report) -> Value {
    let name = text(own, "name").to_owned();
    let mut merged = Map::new();
    for key in OWN {
        // The person's name stays, whatever upstream calls it.
        let value = if *key == "name" {
            own.get("name").cloned()
        } else {
            three_way(base.get(*key), own.get(*key), fresh.get(*key), |outcome| {
                report.tell(Some(tool), outcome, &format!("`{key}` of the argument `{name}`"));
            })
        };
        if let Some(value) = value {
            merged.insert((*key).to_owned(), value);
        }
    }
    let schema =
        three_way(Some(&schema(base)), Some(&schema(own)), Some(&schema(fresh)), |outcome| {
            report.tell(Some(tool), outcome, &format!("the schema of the argument `{name}`"));
        });
    if let Some(Value::Object(schema)) = schema {
        merged.extend(schema);
    }
    in_order(merged, own, fresh)
}

/// The keys of an argument that make its schema.
fn schema(arg: &Value) -> Value {
    let members = arg.as_object().into_iter().flatten();
    let members = members.filter(|(key, _)| !OWN.contains(&key.as_str()));
    Value::Object(members.map(|(key, value)| (key.clone(), value.clone())).collect())
}
