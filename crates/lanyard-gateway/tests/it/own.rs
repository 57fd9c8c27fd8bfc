//! What an agent may know of its own calls, and that it learns of nobody else's.

use std::time::Duration;

use lanyard_core::Limits;
use serde_json::{Value, json};

use crate::harness::{Conditions, World, call};
use crate::server::KEY;

const OWN: &str = "/v1/agent/servers/billing";

async fn own(world: &World, agent: &str) -> Value {
    world.settled().await;
    world.by(agent, "GET", OWN).send().await.json()
}

fn tool<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let tools = answer["tools"].as_array().unwrap();
    tools.iter().find(|tool| tool["name"] == name).unwrap_or(&Value::Null)
}

#[tokio::test]
async fn an_agent_that_may_not_use_a_server_learns_nothing_of_it() {
    let world = World::start().await;
    world.call("alice", "get_invoice", json!({"number": "INV-77"})).await;
    let unknown = world.by("eve", "GET", "/v1/agent/servers/none").send().await;
    let answer = world.by("eve", "GET", OWN).send().await;
    assert_eq!((answer.status, &answer.body), (404, &unknown.body));
    assert_eq!(world.request("GET", OWN).send().await.status, 401);
    world.revoke("alice");
    assert_eq!(world.by("alice", "GET", OWN).send().await.status, 401);
}

#[tokio::test]
async fn an_agent_learns_what_became_of_its_own_calls_and_of_no_others() {
    let world = World::start().await;
    for number in ["INV-77", "INV-78"] {
        world.call("alice", "get_invoice", json!({"number": number})).await;
    }
    world.call("alice", "get_invoice", json!({"number": "77"})).await;
    world.call("alice", "no_such_tool", json!({})).await;
    world.call("bob", "note", json!({"text": "SEEN"})).await;
    // A tool that is not bob's to see, which he names himself.
    world.call("bob", "get_invoice", json!({"number": "INV-77"})).await;
    let alice = own(&world, "alice").await;
    let invoice = tool(&alice, "get_invoice");
    assert_eq!((&invoice["calls"], &invoice["answered"]), (&json!(3), &json!(2)), "{alice}");
    assert!(invoice["took_micros"]["p50"].is_u64(), "{alice}");
    assert!(invoice["result_bytes"]["max"].is_u64(), "{alice}");
    assert_eq!(
        invoice["errors"],
        json!([{"code": "arguments_invalid", "status": null, "argument": "number",
                "limit": null, "count": 1}])
    );
    assert_eq!(alice["records"], json!({"days": 30, "more": false}));
    assert!(alice["limits"]["call_ms_max"].is_u64(), "{alice}");
    assert_eq!(tool(&alice, "note")["calls"], Value::Null, "{alice}");
    let bob = own(&world, "bob").await;
    assert_eq!(bob["tools"].as_array().unwrap().len(), 1, "{bob}");
    assert_eq!(tool(&bob, "note")["calls"], 1, "{bob}");
    for answer in [alice, bob] {
        let text = answer.to_string();
        for value in ["INV-7", "SEEN", "no_such_tool", KEY] {
            assert!(!text.contains(value), "{value} in {text}");
        }
    }
}

#[tokio::test]
async fn a_call_at_the_endpoint_of_all_servers_counts() {
    let world = World::start().await;
    world.ask("bob", "/mcp", call("billing__note", json!({"text": "x"}))).await.result();
    assert_eq!(tool(&own(&world, "bob").await, "note")["calls"], 1);
}

#[tokio::test]
async fn no_more_is_read_than_the_limits_say() {
    let limits = Limits {
        own_records_bytes_max: 2000,
        own_records_ms_max: 60_000,
        ..Conditions::default().limits
    };
    let world = World::with(Conditions { limits, strict: false }, |_| {}).await;
    for _ in 0..8 {
        world.call("bob", "note", json!({"text": "x"})).await;
    }
    let answer = own(&world, "bob").await;
    assert_eq!(answer["records"]["more"], true);
    assert!(tool(&answer, "note")["calls"].as_u64().unwrap() < 8, "{answer}");
    world.advance(Duration::from_secs(61));
    assert_eq!(tool(&own(&world, "bob").await, "note")["calls"], Value::Null);
}
