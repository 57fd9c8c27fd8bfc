//! Batches, which 2025-03-26 alone has.

use serde_json::{Value, json};

use crate::harness::{BILLING, Conditions, World, bare, call, initialize};
use lanyard_core::Limits;

fn with_id(mut message: Value, id: u64) -> Value {
    message["id"] = json!(id);
    message
}

#[tokio::test]
async fn only_2025_03_26_has_batches() {
    let world = World::start().await;
    let batch = json!([bare("tools/list")]);
    for version in ["2024-11-05", "2025-06-18", "2025-11-25", "2026-07-28"] {
        let request = world.by("alice", "POST", "/mcp").header("MCP-Protocol-Version", version);
        let answer = request.json(&batch).send().await;
        assert_eq!((answer.status, answer.error().0), (400, -32600), "{version}");
    }
    let empty = world.ask("alice", "/mcp", json!([])).await;
    assert_eq!((empty.status, empty.error().0), (400, -32600));
    let begun = world.ask("alice", "/mcp", json!([initialize("2025-03-26")])).await;
    assert_eq!((begun.status, begun.error().0), (400, -32600));
}

#[tokio::test]
async fn a_batch_is_answered_in_its_order_without_its_notifications() {
    let world = World::start().await;
    let notification = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let batch = json!([
        with_id(call("note", json!({"text": "one"})), 1),
        notification,
        with_id(call("none", json!({})), 2),
        with_id(bare("nothing/such"), 3),
        {"jsonrpc": "2.0", "id": 4},
        with_id(bare("ping"), 5),
    ]);
    let answer = world.ask("alice", BILLING, batch).await;
    assert_eq!(answer.status, 200);
    let answer = answer.json();
    let ids: Vec<_> = answer.as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
    assert_eq!(ids, [json!(1), json!(2), json!(3), json!(4), json!(5)]);
    assert_eq!(answer[0]["result"]["content"][0]["text"], "Noted: one");
    assert_eq!(answer[1]["error"]["code"], -32602);
    assert_eq!(answer[4]["result"], json!({}));
    let silent = world.ask("alice", BILLING, json!([notification])).await;
    assert_eq!((silent.status, silent.body.as_str()), (202, ""));
}

#[tokio::test]
async fn a_batch_past_its_limit_is_refused_whole() {
    let limits = Limits { batch_messages_max: 3, ..Conditions::default().limits };
    let world = World::with(Conditions { limits, strict: false }, |_| {}).await;
    let batch = |count: u64| Value::from_iter((0..count).map(|id| with_id(bare("ping"), id)));
    assert_eq!(world.ask("alice", "/mcp", batch(3)).await.json().as_array().unwrap().len(), 3);
    assert_eq!(world.ask("alice", "/mcp", batch(4)).await.status, 400);
}

#[tokio::test]
async fn what_was_carried_out_is_answered_though_the_rest_must_wait() {
    let limits = Limits { agent_calls_max: 1, ..Conditions::default().limits };
    let world = World::with(Conditions { limits, strict: false }, |_| {}).await;
    let mut slow = world.by("alice", "POST", BILLING).json(call("slow", json!({}))).open().await;
    world.api.until_seen(1).await;
    let batch = json!([with_id(bare("tools/list"), 1), with_id(call("note", json!({})), 2)]);
    let answer = world.ask("alice", BILLING, batch).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json()[0].get("result").is_some());
    assert_eq!(answer.json()[1]["error"]["code"], -32603);
    world.api.release();
    assert_eq!(slow.answer().await.status, 200);
}

#[tokio::test]
async fn no_call_of_a_batch_begins_after_the_revocation() {
    let world = World::start().await;
    let batch = json!([with_id(call("slow", json!({})), 1), with_id(call("total", json!({})), 2)]);
    let mut stream = world.by("alice", "POST", BILLING).json(batch).open().await;
    world.api.until_seen(1).await;
    world.revoke("alice");
    assert_eq!(stream.head().await.status, 401);
    world.settled().await;
    assert_eq!(world.api.seen().len(), 1);
}
