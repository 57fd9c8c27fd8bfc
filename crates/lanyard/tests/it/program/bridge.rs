//! `lanyard bridge` before a running gateway, as a client that starts processes sees it.

use serde_json::{Value, json};

use crate::world::{Done, World};

/// What a client says, one message a line, and what it hears, by the ids of the requests.
fn converse(world: &World, args: &[&str], messages: &[Value]) -> (Done, Vec<Value>) {
    let said: String = messages.iter().map(|message| format!("{message}\n")).collect();
    let mut words = vec!["bridge"];
    words.extend(args);
    let done = world.run_with(&words, &said);
    let mut heard: Vec<Value> =
        done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    heard.sort_by_key(|message| message["id"].as_u64());
    (done, heard)
}

fn request(id: u64, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

fn modern(id: u64, method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    request(id, method, params)
}

fn call(name: &str) -> Value {
    json!({"name": name, "arguments": {"number": "INV-7"}})
}

#[test]
fn both_eras_pass_to_every_endpoint() {
    let mut world = World::up();
    let token = world.set_up();
    let url = world.addresses()["url"].as_str().unwrap().to_owned();
    world.set("LANYARD_URL", &url);
    world.set("LANYARD_TOKEN", &token);
    let client = json!({"name": "test", "version": "1"});
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client});
    let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let legacy = [
        request(1, "initialize", params),
        told,
        request(2, "tools/list", json!({})),
        request(3, "tools/call", call("billing__get_invoice")),
    ];
    let (done, heard) = converse(&world, &[], &legacy);
    assert_eq!((done.code, done.stderr.as_str(), heard.len()), (Some(0), "", 3), "{done:?}");
    assert_eq!(heard[0]["result"]["protocolVersion"], "2025-11-25");
    assert_eq!(heard[1]["result"]["tools"][0]["name"], "billing__get_invoice");
    assert!(heard[2]["result"]["content"][0]["text"].as_str().unwrap().contains("INV-7"));
    let stateless = [
        modern(1, "server/discover", json!({})),
        modern(2, "tools/list", json!({})),
        modern(3, "tools/call", call("get_invoice")),
        modern(4, "subscriptions/listen", json!({"notifications": {"toolsListChanged": true}})),
    ];
    let (done, heard) = converse(&world, &["--server", "billing"], &stateless);
    assert_eq!((done.code, done.stderr.as_str()), (Some(0), ""), "{done:?}");
    let result = |id: u64| &heard.iter().find(|it| it["id"] == id).unwrap()["result"];
    assert_eq!(result(2)["tools"][0]["name"], "get_invoice");
    assert!(result(3)["content"][0]["text"].as_str().unwrap().contains("INV-7"));
}

#[test]
fn refusals_are_answers_with_advice() {
    let mut world = World::up();
    let url = world.addresses()["url"].as_str().unwrap().to_owned();
    world.set("LANYARD_URL", &url);
    let (done, heard) = converse(&world, &[], &[request(1, "ping", json!({}))]);
    assert_eq!(done.code, Some(0));
    let text = heard[0]["error"]["message"].as_str().unwrap();
    assert!(text.contains("a valid token is needed") && text.contains("LANYARD_TOKEN"), "{text}");
    world.set("LANYARD_URL", "mailto:x");
    let (done, _) = converse(&world, &[], &[]);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("LANYARD_URL"), "{done:?}");
}

#[test]
fn a_unix_socket_needs_no_token() {
    let mut world = World::new();
    let socket = world.path("agent.sock");
    world.start(&["--agent-socket", socket.to_str().unwrap()]);
    world.set("LANYARD_URL", &format!("unix:{}", socket.display()));
    let (done, heard) = converse(&world, &[], &[request(1, "tools/list", json!({}))]);
    assert_eq!(done.code, Some(0));
    // The owner of the gateway is no agent; so this is as far as a test can come.
    assert!(heard[0]["error"]["message"].as_str().unwrap().contains("token"), "{heard:?}");
}
