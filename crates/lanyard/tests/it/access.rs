//! Every route of the admin API, asked as everybody: who gets in, and what is recorded of it. The
//! two files beside this one are the promises; a change of them is a change of policy.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use expect_test::expect_file;
use serde_json::{Value, json};

use crate::world::World;

/// A policy that forbids nothing that is there.
const RULE: &str = "@id(\"r\") forbid (principal, action, resource in Server::\"gone\");";

/// One request: the route as the router knows it, the path that is asked, a body that works.
struct Ask {
    method: &'static str,
    route: &'static str,
    path: &'static str,
    body: String,
}

fn ask(method: &'static str, route: &'static str, path: &'static str, body: Value) -> Ask {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    Ask { method, route, path, body }
}

/// All of them.
fn all(world: &World) -> Vec<Ask> {
    let mut asks = most(world);
    asks.extend(intakes());
    asks.extend(approvals());
    asks.extend(limits());
    asks.extend(console());
    asks
}

/// In an order in which each works for an owner.
fn most(world: &World) -> Vec<Ask> {
    let none = || Value::Null;
    let definition = json!({
        "name": "more", "file": "more.yaml", "source": world.api.definition(), "no_verify": true,
        "options": { "secrets": { "BillingKey": "secret://more-key" } },
    });
    let mut dry = definition.clone();
    dry["dry_run"] = json!(true);
    let grant = json!({ "allow": ["get_invoice"] });
    // A process that ends at once: it is stored unverified, and a test of it fails.
    let mcp = json!({
        "kind": "mcp", "name": "proc", "no_verify": true,
        "definition": { "type": "stdio", "command": "/bin/false" },
    });
    let credential = "/v1/user-credentials/{server}/{user}";
    // It lists nothing, so there is nothing to approve.
    let approval = json!({ "definitions": [{ "kind": "tool", "name": "a", "digest": "b" }] });
    let mut all = vec![
        ask("GET", "/healthz", "/healthz", none()),
        ask("GET", "/readyz", "/readyz", none()),
        ask("GET", "/v1/status", "/v1/status", none()),
        ask("GET", "/v1/limits", "/v1/limits", none()),
        ask("PUT", "/v1/secrets/{name}", "/v1/secrets/more-key", json!({ "value": "tst_more" })),
        ask("GET", "/v1/secrets", "/v1/secrets", none()),
        ask("POST", "/v1/servers", "/v1/servers", dry),
        ask("POST", "/v1/servers", "/v1/servers", definition),
        ask("GET", "/v1/servers", "/v1/servers", none()),
        ask("GET", "/v1/servers/{name}", "/v1/servers/more", none()),
        ask("GET", "/v1/servers/{name}/import", "/v1/servers/more/import", none()),
        ask("PATCH", "/v1/servers/{name}", "/v1/servers/more", json!({ "timeout": "5" })),
        ask("POST", "/v1/servers/{name}/disable", "/v1/servers/more/disable", none()),
        ask("POST", "/v1/servers/{name}/enable", "/v1/servers/more/enable", none()),
        ask("POST", "/v1/servers", "/v1/servers", mcp),
        ask("POST", "/v1/servers/{name}/test", "/v1/servers/proc/test", none()),
        ask("POST", "/v1/servers/{name}/reconnect", "/v1/servers/proc/reconnect", none()),
        ask("GET", "/v1/pins", "/v1/pins?all=true", none()),
        ask("GET", "/v1/pins/{server}", "/v1/pins/proc", none()),
        ask("POST", "/v1/pins/{server}/approve", "/v1/pins/proc/approve", approval),
        ask(
            "PUT",
            credential,
            "/v1/user-credentials/proc/ann",
            json!({ "value": "tst_ann", "key": "env:KEY" }),
        ),
        ask("GET", "/v1/user-credentials", "/v1/user-credentials", none()),
        ask("DELETE", credential, "/v1/user-credentials/proc/ann", none()),
        ask("DELETE", "/v1/servers/{name}", "/v1/servers/proc", none()),
        ask("POST", "/v1/tenants", "/v1/tenants", json!({ "name": "other" })),
        ask("GET", "/v1/tenants", "/v1/tenants", none()),
        ask("DELETE", "/v1/tenants/{name}", "/v1/tenants/other", none()),
        ask("POST", "/v1/agents", "/v1/agents", json!({ "name": "bob", "uid": 54321 })),
        ask("GET", "/v1/agents", "/v1/agents", none()),
        ask("PATCH", "/v1/agents/{name}", "/v1/agents/bob", json!({ "search_above": 100 })),
        ask("POST", "/v1/agents/{name}/rotate", "/v1/agents/bob/rotate", json!({})),
        ask("PUT", "/v1/grants/{agent}/{server}", "/v1/grants/bob/more", grant.clone()),
        ask("GET", "/v1/grants", "/v1/grants", none()),
        ask("GET", "/v1/who-can/{server}/{tool}", "/v1/who-can/more/refund", none()),
        ask("DELETE", "/v1/grants/{agent}/{server}", "/v1/grants/bob/more", none()),
        ask("PUT", "/v1/grants/{agent}/{server}", "/v1/grants/bob/more", grant),
        ask("DELETE", "/v1/grants/{agent}", "/v1/grants/bob", none()),
        ask("DELETE", "/v1/agents/{name}", "/v1/agents/bob", none()),
        ask("DELETE", "/v1/servers/{name}", "/v1/servers/more", none()),
        ask("DELETE", "/v1/secrets/{name}", "/v1/secrets/more-key", none()),
        ask("POST", "/v1/operators", "/v1/operators", json!({ "name": "zoe", "role": "auditor" })),
        ask("GET", "/v1/operators", "/v1/operators", none()),
        ask("DELETE", "/v1/operators/{name}", "/v1/operators/zoe", none()),
        ask("GET", "", "/v1/nothing", none()),
    ];
    all.extend(policies());
    all.extend(audit());
    all
}

fn audit() -> Vec<Ask> {
    let none = || Value::Null;
    vec![
        ask("GET", "/v1/audit/records", "/v1/audit/records", none()),
        ask("GET", "/v1/audit/records", "/v1/audit/records?export=true", none()),
        ask("GET", "/v1/audit/key", "/v1/audit/key", none()),
        ask("GET", "/v1/audit/checkpoint", "/v1/audit/checkpoint", none()),
        ask("POST", "/v1/audit/verify", "/v1/audit/verify", none()),
        ask("GET", "/v1/audit/payloads", "/v1/audit/payloads", none()),
        ask("GET", "/v1/audit/payloads/{call}", "/v1/audit/payloads/c1", none()),
        ask("POST", "/v1/audit/erase", "/v1/audit/erase", json!({ "subject": "user:ann" })),
        ask("POST", "/v1/audit/prune", "/v1/audit/prune", json!({ "before": "1d" })),
    ]
}

fn policies() -> Vec<Ask> {
    let none = || Value::Null;
    vec![
        ask("POST", "/v1/policy/check", "/v1/policy/check", json!({ "text": "" })),
        ask("PUT", "/v1/policy", "/v1/policy", json!({ "text": RULE })),
        ask("GET", "/v1/policy/check", "/v1/policy/check", none()),
        ask("PUT", "/v1/policy/record", "/v1/policy/record", json!({ "arguments": true })),
        ask("POST", "/v1/policy/explain", "/v1/policy/explain", json!({ "record": "none" })),
        ask("POST", "/v1/policy/replay", "/v1/policy/replay", json!({ "policy": { "text": "" } })),
        ask("GET", "/v1/policy", "/v1/policy", none()),
        ask("GET", "/v1/policy/versions", "/v1/policy/versions", none()),
        ask("GET", "/v1/policy/versions/{version}", "/v1/policy/versions/1", none()),
    ]
}

/// The agent of the tests is there to the end.
fn limits() -> [Ask; 3] {
    let path = "/v1/call-limits";
    let terms = json!({ "agent": "alice", "rate": "10/s", "calls_per_day": 1000 });
    [
        ask("PUT", path, path, terms),
        ask("GET", path, path, Value::Null),
        ask("DELETE", path, "/v1/call-limits?agent=alice", Value::Null),
    ]
}

/// The secret is made by the link.
fn intakes() -> [Ask; 3] {
    let intake = "/v1/secrets/{name}/intake";
    [
        ask("POST", intake, "/v1/secrets/asked/intake", json!({ "ttl_seconds": 60 })),
        ask("GET", "/v1/intakes", "/v1/intakes", Value::Null),
        ask("DELETE", "/v1/intakes/{id}", "/v1/intakes/none", Value::Null),
    ]
}

/// Pages: whoever is not signed in is sent to sign in, whatever token they show, and what no page of
/// the console sends is refused.
fn console() -> [Ask; 12] {
    let none = || Value::Null;
    let approval = "/console/approvals/{id}";
    let intake = "/console/intake/{token}";
    [
        ask("GET", "/console", "/console", none()),
        ask("GET", "/console/style.css", "/console/style.css", none()),
        ask("GET", "/console/icon.svg", "/console/icon.svg", none()),
        ask("GET", "/console/login", "/console/login", none()),
        ask("POST", "/console/login", "/console/login", none()),
        ask("POST", "/console/logout", "/console/logout", none()),
        ask("GET", "/console/approvals", "/console/approvals", none()),
        ask("GET", approval, "/console/approvals/none", none()),
        ask("POST", approval, "/console/approvals/none", none()),
        ask("GET", intake, "/console/intake/none", none()),
        ask("POST", intake, "/console/intake/none", none()),
        ask("GET", "/console/intake/done", "/console/intake/done", none()),
    ]
}

/// Nothing waits here.
fn approvals() -> [Ask; 4] {
    let none = || Value::Null;
    [
        ask("GET", "/v1/approvals", "/v1/approvals?state=all", none()),
        ask("GET", "/v1/approvals/{id}", "/v1/approvals/none", none()),
        ask("POST", "/v1/approvals/{id}/allow", "/v1/approvals/none/allow", none()),
        ask("POST", "/v1/approvals/{id}/deny", "/v1/approvals/none/deny", none()),
    ]
}

#[test]
fn every_route_says_who_gets_in_and_records_what_it_changes() {
    let world = World::up();
    let operator = |role: &str| {
        let made = world.ok(&["operator", "add", role, "--role", role, "--json"]);
        let made: Value = serde_json::from_str(&made).unwrap();
        made["token"].as_str().unwrap().to_owned()
    };
    let tokens = ["auditor", "approver", "owner"].map(operator);
    let agent: Value =
        serde_json::from_str(&world.ok(&["agent", "add", "alice", "--json"])).unwrap();
    let mut wrong = tokens[2].clone();
    let last = wrong.pop();
    wrong.push(if last == Some('A') { 'B' } else { 'A' });
    let callers = [
        ("nobody", None),
        ("wrong", Some(wrong.as_str())),
        ("agent", agent["token"].as_str()),
        ("auditor", Some(tokens[0].as_str())),
        ("approver", Some(tokens[1].as_str())),
        ("owner", Some(tokens[2].as_str())),
    ];
    let mut access = String::from("route, then the status for: ");
    access.push_str(&callers.map(|(name, _)| name).join(" "));
    access.push('\n');
    let mut audit = String::new();
    for ask in all(&world) {
        let before = changes(&world);
        let mut statuses = Vec::new();
        for (name, token) in callers {
            if name == "owner" {
                let more = &changes(&world)[before.len()..];
                let exported = more.iter().all(|it| it["action"] == "audit.export");
                assert!(exported, "{} {} changed something for others", ask.method, ask.path);
            }
            let (status, body) = world.admin_tcp(ask.method, ask.path, token, &ask.body);
            assert!(!body.contains("tst_"), "{} {} shows a value", ask.method, ask.path);
            statuses.push(status.to_string());
        }
        writeln!(access, "{:<6} {:<44} {}", ask.method, ask.path, statuses.join(" ")).unwrap();
        let told = changes(&world)[before.len()..].last().map_or_else(|| "-".to_owned(), told);
        writeln!(audit, "{:<6} {:<44} {told}", ask.method, ask.path).unwrap();
    }
    expect_file!["./admin-access.txt"].assert_eq(&access);
    expect_file!["./admin-audit.txt"].assert_eq(&audit);
}

/// The records of changes, oldest first.
fn changes(world: &World) -> Vec<Value> {
    let (status, body) = world.admin("GET", "/v1/audit/records?kind=change&limit=10000", "");
    assert_eq!(status, 200, "{body}");
    let found: Value = serde_json::from_str(&body).unwrap();
    let mut records = found["records"].as_array().unwrap().clone();
    records.reverse();
    records
}

fn told(record: &Value) -> String {
    let detail = match &record["detail"] {
        Value::Object(detail) => detail.keys().cloned().collect::<Vec<_>>().join(","),
        Value::Array(pairs) => pairs
            .iter()
            .map(|pair| pair[0].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(","),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => String::new(),
    };
    let text = |key: &str| record[key].as_str().unwrap_or("?").to_owned();
    format!("{} {} by {} [{detail}]", text("action"), text("subject"), text("actor"))
}

/// The router's own text against the table above: a new route that is not asked here fails.
#[test]
fn no_route_is_forgotten() {
    let router = include_str!("../../../lanyard-admin/src/state.rs");
    let squeezed: String = router.split_whitespace().collect::<Vec<_>>().join("");
    let mut routes = BTreeSet::new();
    for part in squeezed.split(".route(\"").skip(1) {
        let (route, handlers) = part.split_once('"').unwrap();
        let handlers = handlers.split(".route(").next().unwrap();
        for method in ["get", "post", "put", "patch", "delete"] {
            if handlers.contains(&format!(",{method}("))
                || handlers.contains(&format!(").{method}("))
            {
                routes.insert(format!("{} {route}", method.to_uppercase()));
            }
        }
    }
    assert!(routes.len() > 20, "the router is written differently: {routes:?}");
    let asked: BTreeSet<String> = all(&World::new())
        .iter()
        .filter(|ask| !ask.route.is_empty())
        .map(|ask| format!("{} {}", ask.method, ask.route))
        .collect();
    assert_eq!(routes, asked);
}

#[test]
fn pages_of_strangers_and_doubled_tokens_are_refused() {
    use std::io::{Read as _, Write as _};
    let world = World::up();
    for (head, expected) in [
        ("Host: evil.example", "421"),
        ("Host: localhost\r\nHost: localhost", "421"),
        ("Host: localhost\r\nOrigin: https://evil.example", "403"),
        ("Host: localhost\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b", "401"),
        ("Host: localhost\r\nAuthorization: Basic b3duZXI6", "401"),
    ] {
        // The pages ask for no token in a header, and for the rest of it as the API does.
        let page = (expected != "401").then_some("/console/login");
        for path in [Some("/v1/status"), page].into_iter().flatten() {
            let mut stream = std::net::TcpStream::connect(world.admin_address()).unwrap();
            let text = format!("GET {path} HTTP/1.1\r\n{head}\r\nConnection: close\r\n\r\n");
            stream.write_all(text.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert_eq!(answer.split(' ').nth(1), Some(expected), "{path} {head}: {answer}");
        }
    }
}
