//! Records as OCSF events of the class API Activity (6003).
//!
//! What the class has a place for is there; the rest of a record stands under `unmapped`, by its
//! own names, so that nothing is lost but the chain. Source: OCSF 1.5.0, `api_activity`.

use lanyard_core::Timestamp;
use serde_json::{Map, Value, json};

use super::super::format::{CALL_CLOSE, CHANGE, EDGE_REFUSED};
use super::{text, texts};

/// The version of the schema.
pub(super) const VERSION: &str = "1.5.0";

/// What has a place of its own in the event, and the chain, which an event cannot carry on.
const MAPPED: [&str; 29] = [
    "seq",
    "prev",
    "time",
    "kind",
    "id",
    "tenant",
    "agent",
    "user",
    "actor",
    "token",
    "peer",
    "method",
    "server",
    "tool",
    "action",
    "subject",
    "allowed_by",
    "denied_by",
    "denied_code",
    "denied_detail",
    "shadow",
    "policy",
    "pin",
    "client",
    "trace",
    "since",
    "reason",
    "count",
    "last_peer",
];

/// Of a call's end.
const MAPPED_OF_END: [&str; 7] =
    ["seq", "prev", "time", "kind", "id", "failure", "upstream_status"];

/// How an event ended, in OCSF's numbers.
struct Status {
    id: u8,
    severity: u8,
    code: String,
    detail: String,
}

/// The event of a record; for an allowed call with its end.
pub(super) fn event(record: &Value, close: Option<&Value>) -> Value {
    let (activity, activity_name) = activity(record);
    let status = status(record, close);
    let mut event = json!({
        "class_uid": 6003,
        "class_name": "API Activity",
        "category_uid": 6,
        "category_name": "Application Activity",
        "activity_id": activity,
        "activity_name": activity_name,
        "type_uid": 600_300_u32.saturating_add(activity),
        "type_name": format!("API Activity: {activity_name}"),
        "severity_id": status.severity,
        "severity": match status.severity { 1 => "Informational", 2 => "Low", _ => "Medium" },
        "status_id": status.id,
        "status": match status.id { 1 => "Success", 2 => "Failure", _ => "Unknown" },
        "time": millis(text(record, "time")),
        "metadata": metadata(record),
        "actor": actor(record),
        "api": api(record, close, &status),
        "src_endpoint": endpoint(record),
    });
    let mut put = |key: &str, value: Value| {
        let empty = value.is_null()
            || value.as_str().is_some_and(str::is_empty)
            || value.as_array().is_some_and(Vec::is_empty)
            || value.as_object().is_some_and(Map::is_empty);
        if let (Some(members), false) = (event.as_object_mut(), empty) {
            members.insert(key.to_owned(), value);
        }
    };
    put("status_code", json!(status.code));
    put("status_detail", json!(status.detail));
    span(record, close, &mut put);
    put("resources", resources(record));
    put("enrichments", enrichments(record));
    put("unmapped", unmapped(record, close));
    event
}

/// From when to when, and how many.
fn span(record: &Value, close: Option<&Value>, put: &mut impl FnMut(&str, Value)) {
    if text(record, "kind") == EDGE_REFUSED {
        put("start_time", millis(text(record, "since")));
        put("end_time", millis(text(record, "time")));
        put("count", record.get("count").cloned().unwrap_or_default());
    } else if let Some(close) = close.filter(|close| *close != record) {
        put("start_time", millis(text(record, "time")));
        put("end_time", millis(text(close, "time")));
        let took = close.get("took_micros").and_then(Value::as_u64);
        put("duration", took.map_or(Value::Null, |micros| json!(micros / 1000)));
    }
}

/// What was done, in OCSF's five words. Whether a tool reads or writes only its server knows.
fn activity(record: &Value) -> (u32, &'static str) {
    if text(record, "kind") != CHANGE {
        return match text(record, "method") {
            "resources/read"
            | "prompts/get"
            | "completion/complete"
            | "tasks/get"
            | "tasks/result" => (2, "Read"),
            "" if text(record, "kind") == EDGE_REFUSED => (99, "Authenticate"),
            _ => (99, "Call"),
        };
    }
    match text(record, "action").rsplit('.').next().unwrap_or_default() {
        "add" | "create" | "issue" | "mint" | "import" => (1, "Create"),
        "list" | "show" | "export" | "verify" | "report" | "payload" | "test" | "witness" => {
            (2, "Read")
        }
        "rm" | "remove" | "revoke" | "delete" | "erase" | "prune" => (4, "Delete"),
        _ => (3, "Update"),
    }
}

fn status(record: &Value, close: Option<&Value>) -> Status {
    let of = |id, severity, code: &str, detail: &str| Status {
        id,
        severity,
        code: code.to_owned(),
        detail: detail.to_owned(),
    };
    match (text(record, "denied_code"), text(record, "reason"), text(record, "kind")) {
        ("", "", CHANGE) => of(1, 1, "", ""),
        ("", "", _) => match close.map(|close| (text(close, "status"), text(close, "failure"))) {
            Some(("answered", _)) => of(1, 1, "", ""),
            Some((ended, failure)) => {
                of(2, 2, if failure.is_empty() { ended } else { failure }, "")
            }
            None => of(0, 1, "", ""),
        },
        ("", reason, _) => of(2, 3, reason, ""),
        (code, _, _) => of(2, 3, code, text(record, "denied_detail")),
    }
}

fn metadata(record: &Value) -> Value {
    let mut metadata = json!({
        "version": VERSION,
        "product": {
            "name": "Lanyard",
            "vendor_name": "Lanyard",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "log_name": "audit",
        "uid": text(record, "id"),
        "original_time": text(record, "time"),
        "event_code": text(record, "kind"),
        "sequence": record.get("seq").cloned().unwrap_or_default(),
    });
    let named = [("tenant_uid", "tenant"), ("correlation_uid", "trace")];
    for (key, member) in named {
        if !text(record, member).is_empty()
            && let Some(members) = metadata.as_object_mut()
        {
            members.insert(key.to_owned(), json!(text(record, member)));
        }
    }
    metadata
}

/// Who: an agent calls as the application, for a user or by itself; an operator or Lanyard itself
/// changes something.
fn actor(record: &Value) -> Value {
    let account = match text(record, "tenant") {
        "" => json!({ "name": "unknown", "uid": "unknown", "type_id": 0, "type": "Unknown" }),
        tenant => json!({ "name": tenant, "uid": tenant, "type_id": 99, "type": "Tenant" }),
    };
    let user = |name: &str, type_id: u8, kind: &str| json!({ "name": name, "uid": name, "type_id": type_id, "type": kind, "account": account });
    let agent = text(record, "agent");
    if agent.is_empty() {
        let who = text(record, "actor");
        return match (text(record, "kind"), who) {
            (CHANGE, "lanyard") => json!({ "user": user(who, 3, "System") }),
            (CHANGE, who) => json!({ "user": user(who, 2, "Admin") }),
            (_, _) => json!({ "user": user("unknown", 0, "Unknown") }),
        };
    }
    let mut person = match text(record, "user") {
        "" => user(agent, 99, "Agent"),
        name => user(name, 1, "User"),
    };
    let token = text(record, "token");
    if let (Some(person), false) = (person.as_object_mut(), token.is_empty()) {
        person.insert("credential_uid".to_owned(), json!(token));
    }
    let authorizations = authorizations(record);
    let mut actor = json!({ "user": person, "app_name": agent, "app_uid": agent });
    if let (Some(actor), false) = (actor.as_object_mut(), authorizations.is_empty()) {
        actor.insert("authorizations".to_owned(), Value::Array(authorizations));
    }
    actor
}

/// The rules that decided, and those in shadow that would have decided otherwise.
fn authorizations(record: &Value) -> Vec<Value> {
    let version = record.get("policy").map(ToString::to_string);
    let rules = |key: &str, decision: &str, applied: bool| {
        let one = |rule: &str| {
            let mut policy = json!({ "name": rule, "uid": rule, "is_applied": applied });
            if let (Some(policy), Some(version)) = (policy.as_object_mut(), &version) {
                policy.insert("version".to_owned(), json!(version));
            }
            json!({ "decision": decision, "policy": policy })
        };
        texts(record, key).into_iter().map(one).collect::<Vec<_>>()
    };
    let mut all = rules("allowed_by", "Allowed", true);
    all.extend(rules("denied_by", "Denied", true));
    all.extend(rules("shadow", "Denied", false));
    all
}

fn api(record: &Value, close: Option<&Value>, status: &Status) -> Value {
    let operation = ["method", "action"].map(|key| text(record, key)).concat();
    let operation = match text(record, "kind") {
        EDGE_REFUSED => "authenticate",
        CALL_CLOSE => "call",
        _ => operation.as_str(),
    };
    // A server's version is the configuration that it was called by.
    let (service, version) = match (text(record, "server"), record.get("snapshot")) {
        ("", _) | (_, None) => ("lanyard", env!("CARGO_PKG_VERSION").to_owned()),
        (server, Some(snapshot)) => (server, snapshot.to_string()),
    };
    let mut response = Map::new();
    if let Some(code) = close.and_then(|close| close.get("upstream_status")) {
        response.insert("code".to_owned(), code.clone());
    }
    if !status.code.is_empty() {
        response.insert("error".to_owned(), json!(status.code));
    }
    if !status.detail.is_empty() {
        response.insert("error_message".to_owned(), json!(status.detail));
    }
    let mut api = json!({
        "operation": operation,
        "service": { "name": service, "uid": service, "version": version },
        "request": { "uid": text(record, "id") },
    });
    if let (Some(api), false) = (api.as_object_mut(), response.is_empty()) {
        api.insert("response".to_owned(), Value::Object(response));
    }
    api
}

/// Where it came from: an address, or the user at the other end of a Unix socket.
fn endpoint(record: &Value) -> Value {
    let peer = ["peer", "last_peer"].map(|key| text(record, key)).concat();
    if let Ok(address) = peer.parse::<std::net::SocketAddr>() {
        return json!({ "ip": address.ip().to_string(), "port": address.port() });
    }
    let (name, kind) = match peer.as_str() {
        "" => ("lanyard", "Local"),
        peer => (peer, "Unix socket"),
    };
    json!({ "name": name, "type_id": 99, "type": kind })
}

/// What it was about: a tool, prompt or resource, or what was changed.
fn resources(record: &Value) -> Value {
    let (kind, name) = match text(record, "subject").split_once(':') {
        Some(parts) => parts,
        None => ("other", text(record, "subject")),
    };
    let tool = text(record, "tool");
    let (kind, name, uid) = if tool.is_empty() && name.is_empty() {
        return Value::Null;
    } else if tool.is_empty() {
        (kind, name, text(record, "subject").to_owned())
    } else {
        let uid = match text(record, "server") {
            "" => tool.to_owned(),
            server => format!("{server}/{tool}"),
        };
        let kind = match text(record, "method") {
            "tools/call" => "tool",
            "prompts/get" => "prompt",
            "resources/read" | "resources/subscribe" => "resource",
            _ => "other",
        };
        (kind, tool, uid)
    };
    let mut resource = json!({ "name": name, "uid": uid, "type": kind });
    for (key, member) in [("namespace", "tenant"), ("version", "pin")] {
        if let (Some(resource), false) = (resource.as_object_mut(), text(record, member).is_empty())
        {
            resource.insert(key.to_owned(), json!(text(record, member)));
        }
    }
    json!([resource])
}

/// What others say, which nobody checked.
fn enrichments(record: &Value) -> Value {
    let Some(client) = record.get("client") else { return Value::Null };
    json!([{
        "name": "client",
        "value": text(client, "name"),
        "data": client,
        "provider": "the client itself",
        "desc": "What the client calls itself. It is no identity.",
    }])
}

fn unmapped(record: &Value, close: Option<&Value>) -> Value {
    let mut rest = Map::new();
    for (from, mapped) in [(Some(record), &MAPPED[..]), (close, &MAPPED_OF_END[..])] {
        for (key, value) in from.and_then(Value::as_object).into_iter().flatten() {
            if !mapped.contains(&key.as_str()) {
                rest.insert(key.clone(), value.clone());
            }
        }
    }
    Value::Object(rest)
}

/// Milliseconds since 1970.
fn millis(time: &str) -> Value {
    json!(Timestamp::parse(time).map_or(0, |time| time.0.div_euclid(1000)))
}
