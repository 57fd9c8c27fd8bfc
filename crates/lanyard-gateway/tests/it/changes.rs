//! Lists that a server says have changed: told to the clients whose session it said so on, whether
//! or not the catalog shows it, and once.

use serde_json::{Value, json};

use crate::harness::{World, modern};
use crate::http::Stream;
use crate::mcp::{FAKE, call, call_modern, in_session, session, world};
use crate::mcp_server::{Mcp, Speaks};

fn changed(list: &str) -> Value {
    json!({"jsonrpc": "2.0", "method": format!("notifications/{list}/list_changed")})
}

/// The stream of a client with a session, which the server knows.
async fn stream_of_a_session(world: &World) -> Stream {
    let session = session(world, FAKE).await;
    let get = world.by("alice", "GET", FAKE).header("Mcp-Session-Id", &session);
    let mut stream = get.open().await;
    assert_eq!(stream.head().await.status, 200);
    let echo = in_session(world, FAKE, &session).json(call(7, "echo", json!({})));
    assert_eq!(echo.send().await.status, 200);
    stream
}

/// The stream of a client of the stateless era, which the server knows.
async fn stream_of_a_subscription(world: &World) -> Stream {
    let all = ["toolsListChanged", "promptsListChanged", "resourcesListChanged"];
    let wanted: Value = all.map(|list| (list.to_owned(), json!(true))).into_iter().collect();
    let params = json!({ "notifications": wanted });
    let listen = modern(world.by("alice", "POST", FAKE), "subscriptions/listen", params);
    let mut stream = listen.open().await;
    assert_eq!(stream.head().await.status, 200);
    stream.message().await;
    assert_eq!(call_modern(world, FAKE, "echo", json!({})).await.status, 200);
    stream
}

#[tokio::test]
async fn a_change_that_no_catalog_shows_is_told() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        for is_session in [true, false] {
            let server = Mcp::start(speaks).await;
            let world = world(&server).await;
            let mut stream = match is_session {
                true => stream_of_a_session(&world).await,
                false => stream_of_a_subscription(&world).await,
            };
            // Each is told once: else the second message would be about the first list.
            for list in ["tools", "prompts", "resources"] {
                server.say(&changed(list)).await;
                let told = stream.message().await;
                assert_eq!(told["method"], changed(list)["method"], "{speaks:?}");
                let id = &told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"];
                assert_eq!(id.is_null(), is_session, "{told}");
            }
        }
    }
}

#[tokio::test]
async fn a_change_that_the_catalog_shows_is_told_once() {
    for is_session in [true, false] {
        let server = Mcp::start(Speaks::Legacy).await;
        let world = world(&server).await;
        let mut stream = match is_session {
            true => stream_of_a_session(&world).await,
            false => stream_of_a_subscription(&world).await,
        };
        let lists = server.heard_of("tools/list").len();
        server.hold_lists(true);
        server.say(&changed("tools")).await;
        server.until_heard("tools/list", lists.saturating_add(1)).await;
        // What the look finds is in force before the look is over.
        world.change(|setup| {
            setup.mcp[0].tools.push(json!({"name": "new", "inputSchema": {"type": "object"}}));
        });
        assert_eq!(stream.message().await["method"], changed("tools")["method"]);
        server.hold_lists(false);
        server.say(&changed("prompts")).await;
        assert_eq!(stream.message().await["method"], changed("prompts")["method"]);
    }
}

#[tokio::test]
async fn a_change_is_not_told_to_another_agent() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    let mut alices = stream_of_a_session(&world).await;
    let params = json!({"notifications": {"toolsListChanged": true}});
    let listen = modern(world.by("bob", "POST", FAKE), "subscriptions/listen", params);
    let mut bobs = listen.open().await;
    assert_eq!(bobs.head().await.status, 200);
    bobs.message().await;
    server.say(&changed("tools")).await;
    assert_eq!(alices.message().await["method"], changed("tools")["method"]);
    // The next that he hears is that his access ended.
    world.revoke("bob");
    let rest = bobs.until_end().await;
    assert!(!rest.iter().any(|event| event.contains("list_changed")), "{rest:?}");
}
