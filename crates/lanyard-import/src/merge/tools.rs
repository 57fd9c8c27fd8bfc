//! The tools of a definition, each in three versions.

use serde_json::{Map, Value};

use super::args::{self, Edited};
use super::compare::{Outcome, Report, in_order, keys, list, text, three_way};
use crate::Names;
use crate::template::without_names;

/// Keys of a request that say how its body is made.
const BODY: &[&str] = &[
    "body",
    "argToBody",
    "argsToJsonBody",
    "argsToFormBody",
    "argsToMultipartBody",
    "argsToUrlParam",
];

/// What is the same tool: its request. Names in braces are the person's to choose.
fn request(tool: &Value) -> (String, String) {
    let url = tool.pointer("/requestTemplate/url").and_then(Value::as_str).unwrap_or_default();
    let method = tool.pointer("/requestTemplate/method").and_then(Value::as_str);
    (method.unwrap_or("GET").to_ascii_uppercase(), without_names(url))
}

/// Merges the tools: the person's in their order, each new one behind its neighbour upstream.
pub(super) fn merge(base: &Value, own: &Value, fresh: &Value, report: &mut Report) -> Vec<Value> {
    let (base, own, fresh) = (list(base, "tools"), list(own, "tools"), list(fresh, "tools"));
    let mut merged: Vec<Value> = Vec::new();
    // Where each tool of upstream is in what is merged.
    let mut standing: Vec<Option<String>> = vec![None; fresh.len()];
    let mut seen_base: Vec<usize> = Vec::new();
    for tool in own {
        let from = same(tool, base);
        seen_base.extend(from);
        let b = from.and_then(|index| base.get(index));
        let now = b.and_then(|b| same(b, fresh)).or_else(|| same(tool, fresh));
        let name = text(tool, "name");
        if let Some(standing) = now.and_then(|index| standing.get_mut(index)) {
            *standing = Some(name.to_owned());
        }
        match (b, now.and_then(|index| fresh.get(index))) {
            (Some(b), Some(f)) => merged.push(one(b, tool, f, report)),
            (Some(b), None) if b == tool => report.tell(Some(name), Outcome::Gone, "the operation"),
            (Some(_), None) => {
                report.conflict(Some(name), "the operation is gone upstream and was edited: kept");
                merged.push(tool.clone());
            }
            (None, Some(f)) if f != tool => {
                report.conflict(
                    Some(name),
                    "the operation is new upstream, and you have it: yours is kept",
                );
                merged.push(tool.clone());
            }
            (None, _) => merged.push(tool.clone()),
        }
    }
    add(base, fresh, &seen_base, &mut standing, &mut merged, report);
    merged
}

/// Puts in what is new upstream.
fn add(
    base: &[Value],
    fresh: &[Value],
    seen_base: &[usize],
    standing: &mut [Option<String>],
    merged: &mut Vec<Value>,
    report: &mut Report,
) {
    let mut names = Names::default();
    for tool in merged.iter() {
        names.keep(text(tool, "name"));
    }
    let mut before: Option<String> = None;
    for (tool, standing) in fresh.iter().zip(standing) {
        if standing.is_some() {
            before.clone_from(standing);
            continue;
        }
        let (method, url) = request(tool);
        if let Some(old) = same(tool, base).filter(|old| !seen_base.contains(old)) {
            // The person took it out.
            if base.get(old) != Some(tool) {
                let text = "you removed it, and it changed upstream: left out";
                report.change(Some(text_name(tool)), text);
            }
            continue;
        }
        let name = names.take(text_name(tool), &format!("{method} {url}"));
        let mut tool = tool.clone();
        if let Some(own) = tool.get_mut("name") {
            *own = Value::from(name.as_str());
        }
        report.change(Some(&name), format!("new: {method} {url}"));
        let neighbour = before
            .as_ref()
            .and_then(|before| merged.iter().position(|it| text(it, "name") == before));
        let at = neighbour.map_or(0, |index| index.saturating_add(1));
        merged.insert(at.min(merged.len()), tool);
        *standing = Some(name);
        before.clone_from(standing);
    }
}

fn text_name(tool: &Value) -> &str {
    text(tool, "name")
}

/// Where a tool stands in another version: by its name, else by its request.
fn same(tool: &Value, others: &[Value]) -> Option<usize> {
    let name = text(tool, "name");
    let named = others.iter().position(|other| text(other, "name") == name);
    named.or_else(|| {
        let wanted = request(tool);
        others.iter().position(|other| request(other) == wanted)
    })
}

/// Merges one tool.
fn one(base: &Value, own: &Value, fresh: &Value, report: &mut Report) -> Value {
    let name = text(own, "name").to_owned();
    if own == base && own.get("name") == fresh.get("name") && own != fresh {
        // Nothing was edited: whatever upstream says is right as a whole.
        tell_all(base, own, fresh, &name, report);
        return fresh.clone();
    }
    let edited = edited(base, own);
    let (of_base, of_fresh) = (request(base), request(fresh));
    if of_base != of_fresh && request(own) != of_base {
        report.tell(Some(&name), Outcome::Both, "the request");
        return own.clone();
    }
    by_key(base, own, fresh, &name, edited, report)
}

fn tell_all(base: &Value, own: &Value, fresh: &Value, name: &str, report: &mut Report) {
    let _merged_alike = by_key(base, own, fresh, name, Edited::default(), report);
}

/// What a person did to the request.
fn edited(base: &Value, own: &Value) -> Edited {
    let part = |tool: &Value, key: &str| tool.pointer(&format!("/requestTemplate/{key}")).cloned();
    Edited {
        url: part(base, "url") != part(own, "url"),
        body: BODY.iter().any(|key| part(base, key) != part(own, key)),
    }
}

fn by_key(
    base: &Value,
    own: &Value,
    fresh: &Value,
    name: &str,
    edited: Edited,
    report: &mut Report,
) -> Value {
    let mut merged = Map::new();
    for key in keys(base, own, fresh, &[]) {
        let (b, o, f) = (base.get(&key), own.get(&key), fresh.get(&key));
        let value = match key.as_str() {
            // The person's name stays.
            "name" => own.get("name").cloned(),
            "args" => {
                let args = args::merge(base, own, fresh, name, edited, report);
                (!args.is_empty()).then_some(Value::Array(args))
            }
            "requestTemplate" if let (Some(b), Some(o), Some(f)) = (b, o, f) => {
                Some(template(b, o, f, name, report))
            }
            _ => three_way(b, o, f, |outcome| {
                report.tell(Some(name), outcome, &format!("`{key}`"));
            }),
        };
        if let Some(value) = value {
            merged.insert(key, value);
        }
    }
    Value::Object(merged)
}

/// Merges what is sent, key by key, and headers by their names.
fn template(base: &Value, own: &Value, fresh: &Value, name: &str, report: &mut Report) -> Value {
    // How a body is made is said by several keys together.
    let body = |value: &Value| -> Value {
        let members = value.as_object().into_iter().flatten();
        let members = members.filter(|(key, _)| BODY.contains(&key.as_str()));
        Value::Object(members.map(|(key, value)| (key.clone(), value.clone())).collect())
    };
    let mut merged = Map::new();
    for key in keys(base, own, fresh, BODY) {
        let (b, o, f) = (base.get(&key), own.get(&key), fresh.get(&key));
        let value = if key == "headers" {
            headers(base, own, fresh, name, report)
        } else {
            three_way(b, o, f, |outcome| {
                report.tell(Some(name), outcome, &format!("`{key}` of the request"));
            })
        };
        if let Some(value) = value {
            merged.insert(key, value);
        }
    }
    let (b, o, f) = (body(base), body(own), body(fresh));
    let body = three_way(Some(&b), Some(&o), Some(&f), |outcome| {
        report.tell(Some(name), outcome, "the way the body is made");
    });
    if let Some(Value::Object(body)) = body {
        merged.extend(body);
    }
    in_order(merged, own, fresh)
}

fn headers(
    base: &Value,
    own: &Value,
    fresh: &Value,
    name: &str,
    report: &mut Report,
) -> Option<Value> {
    let find = |root: &Value, key: &str| {
        list(root, "headers").iter().find(|it| text(it, "key").eq_ignore_ascii_case(key)).cloned()
    };
    let mut seen: Vec<String> = Vec::new();
    let mut merged: Vec<Value> = Vec::new();
    for header in list(own, "headers").iter().chain(list(fresh, "headers")) {
        let key = text(header, "key");
        if seen.iter().any(|other| other.eq_ignore_ascii_case(key)) {
            continue;
        }
        seen.push(key.to_owned());
        let (b, o, f) = (find(base, key), find(own, key), find(fresh, key));
        merged.extend(three_way(b.as_ref(), o.as_ref(), f.as_ref(), |outcome| {
            report.tell(Some(name), outcome, &format!("the header `{key}`"));
        }));
    }
    (!merged.is_empty()).then_some(Value::Array(merged))
}
