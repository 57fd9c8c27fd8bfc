//! HTTP+SSE of 2024-11-05: one stream for the answers, and a path to post messages to.

use serde_json::json;

use crate::harness::{BILLING, Conditions, World, bare, call, initialize, until};
use crate::http::{Answer, Stream};
use lanyard_core::Limits;

async fn connect(world: &World, agent: &str, path: &str) -> (Stream, String) {
    let mut stream = world.by(agent, "GET", path).open().await;
    let head = stream.head().await;
    assert_eq!(head.status, 200, "{head:?}");
    let endpoint = stream.event().await.unwrap();
    assert!(endpoint.starts_with("/messages?session="), "{endpoint}");
    (stream, endpoint)
}

async fn post(world: &World, agent: &str, endpoint: &str, message: serde_json::Value) -> Answer {
    world.by(agent, "POST", endpoint).json(message).send().await
}

#[tokio::test]
async fn nobody_else_posts_to_my_stream() {
    let world = World::start().await;
    let (mut stream, endpoint) = connect(&world, "alice", "/sse").await;
    assert_eq!(post(&world, "bob", &endpoint, bare("tools/list")).await.status, 404);
    let nobody = world.request("POST", &endpoint).json(bare("tools/list")).send().await;
    assert_eq!(nobody.status, 401);
    for wrong in ["/messages", "/messages?session=", "/messages?session=x", "/messages?sessionid=x"]
    {
        assert_eq!(post(&world, "alice", wrong, bare("tools/list")).await.status, 404, "{wrong}");
    }
    let plain = world.by("alice", "POST", &endpoint).header("Content-Type", "text/plain");
    assert_eq!(plain.body("{}").send().await.status, 415);
    assert_eq!(post(&world, "alice", &endpoint, json!("x")).await.status, 400);
    assert_eq!(world.by("alice", "GET", &endpoint).send().await.status, 405);
    assert_eq!(world.by("alice", "POST", "/sse").send().await.status, 405);
    world.revoke("alice");
    assert_eq!(stream.until_end().await, [""; 0]);
}

#[tokio::test]
async fn a_whole_round_trip() {
    let world = World::start().await;
    let (mut stream, endpoint) = connect(&world, "alice", "/servers/billing/sse").await;
    let accepted = post(&world, "alice", &endpoint, initialize("2024-11-05")).await;
    assert_eq!((accepted.status, accepted.body.as_str()), (202, ""));
    assert_eq!(stream.message().await["result"]["protocolVersion"], "2024-11-05");
    let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(post(&world, "alice", &endpoint, told).await.status, 202);
    post(&world, "alice", &endpoint, bare("tools/list")).await;
    assert_eq!(stream.message().await["result"]["tools"].as_array().unwrap().len(), 13);
    post(&world, "alice", &endpoint, call("get_invoice", json!({"number": "INV-1"}))).await;
    let answer = stream.message().await;
    assert!(answer["result"]["content"][0]["text"].as_str().unwrap().contains("INV-1"));
    world.change(|setup| setup.agent("alice").grants = vec![("billing", &["note"], &[])]);
    assert_eq!(stream.message().await["method"], "notifications/tools/list_changed");
    world.shutdown.cancel();
    assert_eq!(stream.until_end().await, [""; 0]);
}

#[tokio::test]
async fn a_refusal_is_answered_on_the_stream() {
    let limits = Limits { agent_calls_max: 1, ..Conditions::default().limits };
    let world = World::with(Conditions { limits, strict: false }, |_| {}).await;
    let (mut stream, endpoint) = connect(&world, "alice", "/servers/billing/sse").await;
    let mut slow = world.by("alice", "POST", BILLING).json(call("slow", json!({}))).open().await;
    world.api.until_seen(1).await;
    assert_eq!(post(&world, "alice", &endpoint, call("note", json!({}))).await.status, 202);
    let busy = stream.message().await;
    assert_eq!((&busy["id"], &busy["error"]["code"]), (&json!(1), &json!(-32603)));
    world.api.release();
    assert_eq!(slow.answer().await.status, 200);
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answers_is_told_to_wait() {
    let limits =
        Limits { agent_calls_max: 2, stream_queue_events_max: 1, ..Conditions::default().limits };
    let world = World::with(Conditions { limits, strict: false }, |_| {}).await;
    let mut stream = world.by("alice", "GET", "/servers/billing/sse").open().await;
    stream.head().await;
    let endpoint = stream.event().await.unwrap();
    let first = post(&world, "alice", &endpoint, call("slow", json!({}))).await;
    let second = post(&world, "alice", &endpoint, call("slow", json!({}))).await;
    assert_eq!((first.status, second.status), (202, 202));
    assert_eq!(post(&world, "alice", &endpoint, bare("ping")).await.status, 429);
    world.api.release();
    stream.message().await;
    stream.message().await;
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_calls() {
    let world = World::start().await;
    let (stream, endpoint) = connect(&world, "alice", "/servers/billing/sse").await;
    post(&world, "alice", &endpoint, call("slow", json!({}))).await;
    world.api.until_seen(1).await;
    drop(stream);
    let closed = world.settled().await.pop().unwrap();
    assert_eq!(closed["failure"], "cancelled");
    let mut status = 0;
    while status != 404 {
        status = post(&world, "alice", &endpoint, bare("ping")).await.status;
        assert!([202, 404].contains(&status), "{status}");
    }
    until(|| world.log.open_calls() == 0).await;
}
