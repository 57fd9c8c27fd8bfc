//! The gateway stops: streams end, running calls get their answer, nothing new begins.

use serde_json::json;
use tokio::time::timeout;

use crate::harness::{BILLING, Conditions, McpSetup, World, bare, call, modern};
use crate::http::{Door, PATIENCE};
use crate::mcp_server::{Mcp, Speaks};
use crate::sessions::begin;

#[tokio::test]
async fn streams_end_and_running_calls_finish() {
    let world = World::start().await;
    let session = begin(&world, "alice", "2025-11-25").await;
    let stream = world.by("alice", "GET", BILLING).header("Mcp-Session-Id", &session);
    let mut stream = stream.open().await;
    assert_eq!(stream.head().await.status, 200);
    let params = json!({"notifications": {"toolsListChanged": true}});
    let listen = modern(world.by("alice", "POST", "/mcp"), "subscriptions/listen", params);
    let mut listen = listen.open().await;
    listen.message().await;
    let mut idle = world.by("alice", "POST", "/mcp").json(bare("ping")).open().await;
    assert_eq!(idle.answer().await.status, 200);
    let mut running = world.by("alice", "POST", BILLING).json(call("slow", json!({}))).open().await;
    world.api.until_seen(1).await;

    world.shutdown.cancel();
    world.tasks.close();
    assert_eq!(stream.until_end().await, [""; 0]);
    assert_eq!(listen.message().await["result"]["resultType"], "complete");
    assert_eq!(listen.event().await, None);
    assert_eq!(idle.until_end().await, [""; 0]);
    assert!(!world.tasks.is_empty(), "the running call is waited for");
    world.api.release();
    let answer = running.answer().await;
    assert_eq!((answer.status, answer.result().0), (200, false));
    timeout(PATIENCE, world.tasks.wait()).await.unwrap();
    assert_eq!(world.records().pop().unwrap()["status"], "answered");
    let Door::Tcp(port) = &world.tcp else { panic!("no port") };
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", *port)).await.is_err());
}

#[tokio::test]
async fn a_session_with_a_server_does_not_hold_up_the_end() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = World::with(Conditions::default(), |setup| {
        setup.origins.push(server.origin.clone());
        setup.mcp.push(McpSetup::new("fake", &server));
        setup.agent("alice").grants.push(("fake", &["*"], &[]));
    })
    .await;
    let answer = world.ask("alice", "/servers/fake/mcp", call("echo", json!({}))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    // It waits for every task of the gateway.
    world.restarted().await;
}
