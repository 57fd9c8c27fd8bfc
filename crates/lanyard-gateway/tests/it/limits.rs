//! What is too much, too deep or not what it says it is.

use serde_json::json;

use crate::harness::{BILLING, Conditions, World, bare, call};
use lanyard_core::Limits;

#[tokio::test]
async fn a_body_past_its_limit_is_413_and_one_at_it_is_read() {
    let limits = Limits { request_body_bytes_max: 1000, ..Conditions::default().limits };
    let world = World::with(Conditions { limits, strict: false }, |_| {}).await;
    let message = bare("tools/list").to_string();
    let sized = |bytes: usize| format!("{message}{}", " ".repeat(bytes - message.len()));
    assert_eq!(world.by("bob", "POST", "/mcp").json(sized(1001)).send().await.status, 413);
    assert_eq!(world.by("bob", "POST", "/mcp").json(sized(1000)).send().await.status, 200);
    let chunked = world.by("bob", "POST", "/mcp").header("Content-Type", "application/json");
    let mut stream = chunked.header("Transfer-Encoding", "chunked").open().await;
    stream.write(format!("3e9\r\n{}\r\n0\r\n\r\n", sized(1001)).as_bytes()).await;
    assert_eq!(stream.head().await.status, 413);
}

#[tokio::test]
async fn headers_past_their_limit_are_431() {
    let world = World::start().await;
    for (bytes, status) in [(60_000, 405), (66_000, 431)] {
        let request = world.by("alice", "GET", "/mcp").header("X-Long", &"x".repeat(bytes));
        assert_eq!(request.send().await.status, status, "{bytes}");
    }
}

#[tokio::test]
async fn a_body_that_does_not_say_it_is_json_is_415() {
    let world = World::start().await;
    for content_type in ["", "text/plain", "application/x-www-form-urlencoded", "text/json", "json"]
    {
        let request = world.by("alice", "POST", "/mcp").header("Content-Type", content_type);
        assert_eq!(request.body(bare("ping")).send().await.status, 415, "{content_type}");
    }
    assert_eq!(world.by("alice", "POST", "/mcp").body(bare("ping")).send().await.status, 415);
    let request = world.by("alice", "POST", "/mcp");
    let request = request.header("Content-Type", "Application/JSON; charset=utf-8");
    assert_eq!(request.body(bare("ping")).send().await.status, 200);
}

#[tokio::test]
async fn a_body_that_is_no_message_is_refused_as_the_protocol_says() {
    let world = World::start().await;
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let nested = |levels: usize| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{}}}}}"#, deep(levels))
    };
    for (body, code) in [
        (String::new(), -32700),
        ("{".to_owned(), -32700),
        ("{}{}".to_owned(), -32700),
        (nested(63), -32700),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#.to_owned(), -32700),
        (r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"note","arguments":{"text":"a","text":"b"}}}"#.to_owned(), -32700),
        ("7".to_owned(), -32600),
        (r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#.to_owned(), -32600),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#.to_owned(), -32600),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#.to_owned(), -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":7}"#.to_owned(), -32600),
        (format!(r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#, "x".repeat(300)), -32600),
    ] {
        let answer = world.by("alice", "POST", "/mcp").json(&body).send().await;
        let refusal = (answer.status, answer.error().0);
        assert!(refusal == (400, code) || refusal == (400, -32600), "{body}: {answer:?}");
    }
    assert_eq!(world.by("alice", "POST", "/mcp").json(nested(62)).send().await.status, 200);
}

#[tokio::test]
async fn an_agent_has_so_many_calls_at_a_time_and_no_more() {
    let limits = Limits { agent_calls_max: 2, ..Conditions::default().limits };
    let world = World::with(Conditions { limits, strict: false }, |_| {}).await;
    let mut running = Vec::new();
    for count in 1..=2 {
        let slow = call("slow", json!({}));
        running.push(world.by("alice", "POST", BILLING).json(slow).open().await);
        world.api.until_seen(count).await;
    }
    let busy = world.call("alice", "note", json!({})).await;
    assert_eq!((busy.status, busy.header("retry-after")), (429, Some("1")));
    // The place belongs to the agent, and not to a configuration.
    world.change(|_| {});
    assert_eq!(world.call("alice", "note", json!({})).await.status, 429);
    assert_eq!(world.call("bob", "note", json!({})).await.status, 200);
    world.api.release();
    for mut stream in running {
        assert_eq!(stream.answer().await.status, 200);
    }
    assert_eq!(world.call("alice", "note", json!({})).await.status, 200);
}

#[tokio::test]
async fn methods_that_an_endpoint_does_not_have_are_405_and_say_which_it_has() {
    let world = World::start().await;
    for (path, methods, allowed) in [
        ("/mcp", &["PUT", "PATCH", "OPTIONS"][..], "GET, POST, DELETE"),
        ("/sse", &["PUT", "DELETE", "OPTIONS"], "GET"),
        ("/messages", &["GET", "DELETE"], "POST"),
        ("/v1/agent/servers", &["POST", "DELETE"], "GET"),
        ("/v1/agent/servers/billing", &["POST", "DELETE"], "GET"),
    ] {
        for method in methods {
            let answer = world.by("alice", method, path).send().await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{path}");
        }
        let head = world.by("alice", "HEAD", path).send().await;
        assert_eq!((head.status, head.body.as_str()), (405, ""), "{path}");
    }
}
