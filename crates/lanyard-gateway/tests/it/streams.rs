//! The GET stream of a session and `subscriptions/listen`: what they tell, and when they end.

use serde_json::json;

use crate::harness::{BILLING, Conditions, World, bare, modern};
use crate::http::Stream;
use crate::sessions::begin;
use lanyard_core::Limits;

async fn stream_of(world: &World, agent: &str, session: &str) -> Stream {
    let request = world.by(agent, "GET", BILLING).header("Mcp-Session-Id", session);
    let mut stream = request.open().await;
    let head = stream.head().await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    stream
}

async fn listen(world: &World, agent: &str, path: &str, wanted: serde_json::Value) -> Stream {
    let request = world.by(agent, "POST", path);
    let params = json!({"notifications": wanted});
    let mut stream = modern(request, "subscriptions/listen", params).open().await;
    let head = stream.head().await;
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-type"), Some("text/event-stream"));
    stream
}

/// Another tool is taken away each time.
fn change_list(world: &World, deny: &'static [&'static str]) {
    world.change(|setup| setup.agent("alice").grants = vec![("billing", &["*"], deny)]);
}

#[tokio::test]
async fn a_session_is_told_that_its_list_changed() {
    let world = World::start().await;
    let session = begin(&world, "alice", "2025-11-25").await;
    let mut stream = stream_of(&world, "alice", &session).await;
    change_list(&world, &["echo"]);
    assert_eq!(stream.message().await["method"], "notifications/tools/list_changed");
    // What changes nothing for this agent is not told to it.
    world.change(|setup| setup.agent("bob").grants.clear());
    change_list(&world, &["slow"]);
    assert_eq!(stream.message().await["method"], "notifications/tools/list_changed");
    world.revoke("alice");
    assert_eq!(stream.until_end().await, [""; 0]);
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let world = World::start().await;
    let session = begin(&world, "alice", "2025-11-25").await;
    let other = begin(&world, "alice", "2025-11-25").await;
    let mut stays = stream_of(&world, "alice", &other).await;
    for _ in 0..20 {
        // Again and again, because an end must not be missed while a stream begins.
        let session = begin(&world, "alice", "2025-11-25").await;
        let mut stream = stream_of(&world, "alice", &session).await;
        let end = world.by("alice", "DELETE", BILLING).header("Mcp-Session-Id", &session);
        assert_eq!(end.send().await.status, 204);
        assert_eq!(stream.until_end().await, [""; 0]);
    }
    let mut stream = stream_of(&world, "alice", &session).await;
    let end = world.by("alice", "DELETE", BILLING).header("Mcp-Session-Id", &session);
    assert_eq!(end.send().await.status, 204);
    assert_eq!(stream.until_end().await, [""; 0]);
    change_list(&world, &["echo"]);
    assert_eq!(stays.message().await["method"], "notifications/tools/list_changed");
}

#[tokio::test]
async fn a_stream_ends_when_its_server_is_no_longer_granted() {
    let world = World::start().await;
    let session = begin(&world, "alice", "2025-11-25").await;
    let mut stream = stream_of(&world, "alice", &session).await;
    let mut subscription = listen(&world, "alice", BILLING, json!({})).await;
    subscription.message().await;
    world.change(|setup| setup.agent("alice").grants.clear());
    assert_eq!(stream.until_end().await, [""; 0]);
    assert_eq!(subscription.until_end().await.len(), 1);
}

#[tokio::test]
async fn a_subscription_is_acknowledged_told_of_changes_and_ended_with_its_result() {
    let world = World::start().await;
    let wanted = json!({"toolsListChanged": true, "promptsListChanged": true});
    let mut stream = listen(&world, "alice", "/mcp", wanted).await;
    let first = stream.message().await;
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    assert_eq!(first["params"]["notifications"], json!({"toolsListChanged": true}));
    let subscription = |message: &serde_json::Value| {
        message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"].clone()
    };
    assert_eq!(subscription(&first), 1);
    change_list(&world, &["echo"]);
    let changed = stream.message().await;
    assert_eq!(changed["method"], "notifications/tools/list_changed");
    assert_eq!(subscription(&changed), 1);
    world.revoke("alice");
    let result = stream.message().await;
    assert_eq!(result["id"], 1);
    assert_eq!(result["result"]["resultType"], "complete");
    assert_eq!(stream.event().await, None);
}

#[tokio::test]
async fn a_subscription_to_nothing_is_told_nothing() {
    let world = World::start().await;
    let mut stream = listen(&world, "alice", "/mcp", json!({"promptsListChanged": true})).await;
    assert_eq!(stream.message().await["params"]["notifications"], json!({}));
    change_list(&world, &["echo"]);
    world.shutdown.cancel();
    let rest = stream.until_end().await;
    assert!(rest.len() == 1 && rest[0].contains("\"id\":1"), "{rest:?}");
}

#[tokio::test]
async fn a_subscription_without_a_wish_is_refused() {
    let world = World::start().await;
    for params in
        [json!({}), json!({"notifications": []}), json!({"notifications": {"toolsListChanged": 1}})]
    {
        let request = world.by("alice", "POST", "/mcp");
        let answer = modern(request, "subscriptions/listen", params).send().await;
        assert_eq!(answer.error().0, -32602);
    }
}

#[tokio::test]
async fn an_agent_has_so_many_streams_and_no_more() {
    let limits = Limits { agent_streams_max: 2, ..Conditions::default().limits };
    let world = World::with(Conditions { limits, strict: false }, |_| {}).await;
    let session = begin(&world, "alice", "2025-11-25").await;
    let first = stream_of(&world, "alice", &session).await;
    let mut second = listen(&world, "alice", "/mcp", json!({"toolsListChanged": true})).await;
    let busy = world.by("alice", "GET", BILLING).header("Mcp-Session-Id", &session);
    let busy = busy.send().await;
    assert_eq!((busy.status, busy.header("retry-after")), (429, Some("1")));
    assert_eq!(world.by("alice", "GET", "/sse").send().await.status, 429);
    let params = json!({"notifications": {}});
    let busy = modern(world.by("alice", "POST", "/mcp"), "subscriptions/listen", params);
    assert_eq!(busy.send().await.status, 429);
    // Another agent has its own places, and a client that goes away gives its place back.
    let bob = begin(&world, "bob", "2025-11-25").await;
    stream_of(&world, "bob", &bob).await;
    drop(first);
    change_list(&world, &["echo"]);
    second.message().await;
    second.message().await;
    for _ in 0..1000 {
        let again = world.by("alice", "GET", BILLING).header("Mcp-Session-Id", &session);
        let mut again = again.open().await;
        if again.head().await.status == 200 {
            assert_eq!(world.ask("alice", BILLING, bare("ping")).await.status, 200);
            return;
        }
    }
    panic!("the place of a client that went away was not given back");
}
