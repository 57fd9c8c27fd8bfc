//! Security schemes, by their ids: also where a person gave one another id.

use serde_json::{Map, Value};

use super::compare::{Report, keys, list, text, three_way};

/// Writes the ids that a person gave to schemes into the definition imported anew.
pub(super) fn follow_renamed(base: &Value, own: &Value, fresh: &mut Value) {
    let schemes = |root: &Value| -> Vec<Value> {
        root.get("server")
            .map(|server| list(server, "securitySchemes").to_vec())
            .unwrap_or_default()
    };
    let (base, own) = (schemes(base), schemes(own));
    let has = |list: &[Value], id: &str| list.iter().any(|scheme| text(scheme, "id") == id);
    for scheme in &base {
        let id = text(scheme, "id");
        if has(&own, id) {
            continue;
        }
        let same = |other: &&Value| {
            ["type", "scheme", "in", "name"].iter().all(|key| other.get(*key) == scheme.get(*key))
        };
        let mut renamed = own.iter().filter(|other| !has(&base, text(other, "id"))).filter(same);
        if let (Some(only), None) = (renamed.next(), renamed.next()) {
            rename(fresh, id, text(only, "id"));
        }
    }
}

/// Renames a scheme where schemes and requirements stand.
fn rename(root: &mut Value, from: &str, to: &str) {
    let ids = |node: Option<&mut Value>| {
        for item in node.and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(id) = item.get_mut("id").filter(|id| id.as_str() == Some(from)) {
                *id = Value::from(to);
            }
        }
    };
    ids(root.pointer_mut("/server/securitySchemes"));
    ids(root.pointer_mut("/server/defaultUpstreamSecurity"));
    let tools = root.get_mut("tools").and_then(Value::as_array_mut);
    for tool in tools.into_iter().flatten() {
        ids(tool.pointer_mut("/requestTemplate/security"));
    }
}

/// Merges the schemes. One that is gone upstream stays as long as a tool asks for it.
pub(super) fn merge(
    base: Option<&Value>,
    own: Option<&Value>,
    fresh: Option<&Value>,
    tools: &[Value],
    report: &mut Report,
) -> Option<Value> {
    let items = |value: Option<&Value>| -> Vec<Value> {
        value.and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let (base, own, fresh) = (items(base), items(own), items(fresh));
    let find = |list: &[Value], id: &str| list.iter().find(|it| text(it, "id") == id).cloned();
    let mut ids: Vec<&str> = Vec::new();
    for scheme in own.iter().chain(&fresh) {
        if !ids.contains(&text(scheme, "id")) {
            ids.push(text(scheme, "id"));
        }
    }
    let mut merged: Vec<Value> = Vec::new();
    for id in ids {
        let (b, o, f) = (find(&base, id), find(&own, id), find(&fresh, id));
        let what = format!("the security scheme `{id}`");
        let whole = match (&b, &o, &f) {
            (Some(_), Some(o), Some(f)) => Some(by_key(b.as_ref(), o, f, &what, report)),
            (Some(_), Some(o), None) if is_asked_for(tools, id) => Some(o.clone()),
            _ => three_way(b.as_ref(), o.as_ref(), f.as_ref(), |outcome| {
                report.tell(None, outcome, &what);
            }),
        };
        // One that a person took out comes back if a tool that came in asks for it.
        merged.extend(whole.or_else(|| f.filter(|_| is_asked_for(tools, id))));
    }
    (!merged.is_empty()).then_some(Value::Array(merged))
}

fn by_key(
    base: Option<&Value>,
    own: &Value,
    fresh: &Value,
    what: &str,
    report: &mut Report,
) -> Value {
    let empty = Value::Object(Map::new());
    let base = base.unwrap_or(&empty);
    let mut merged = Map::new();
    for key in keys(base, own, fresh, &[]) {
        let value = three_way(base.get(&key), own.get(&key), fresh.get(&key), |outcome| {
            report.tell(None, outcome, &format!("`{key}` of {what}"));
        });
        if let Some(value) = value {
            merged.insert(key, value);
        }
    }
    Value::Object(merged)
}

fn is_asked_for(tools: &[Value], id: &str) -> bool {
    tools.iter().any(|tool| {
        let security = tool.pointer("/requestTemplate/security");
        let asked = security.and_then(Value::as_array);
        asked.into_iter().flatten().any(|requirement| text(requirement, "id") == id)
    })
}
