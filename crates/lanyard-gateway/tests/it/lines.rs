//! JSON-RPC one message per line on the Unix socket.

use std::time::Duration;

use lanyard_core::Limits;
use serde_json::{Value, json};

use crate::door::own_uid;
use crate::harness::{Conditions, McpSetup, Setup, World, bare, call, initialize, until};
use crate::http::{Stream, raw};
use crate::mcp_server::{Mcp, Speaks};

/// A world where the test itself is alice.
async fn world() -> World {
    World::with(Conditions::default(), mine).await
}

fn mine(setup: &mut Setup) {
    setup.agent("alice").uid = Some(own_uid());
}

async fn with_limits(change: impl FnOnce(&mut Limits)) -> World {
    let mut limits = Conditions::default().limits;
    change(&mut limits);
    World::with(Conditions { limits, strict: false }, mine).await
}

async fn connect(world: &World, first: Value) -> Stream {
    raw(&world.unix, format!("{first}\n").as_bytes()).await
}

async fn say(stream: &mut Stream, message: Value) {
    stream.write(format!("{message}\n").as_bytes()).await;
}

async fn hear(stream: &mut Stream) -> Value {
    stream.line_message().await.expect("a line")
}

/// A connection of the version with sessions that has greeted.
async fn greeted(world: &World) -> Stream {
    let mut stream = connect(world, initialize("2025-11-25")).await;
    assert_eq!(hear(&mut stream).await["result"]["protocolVersion"], "2025-11-25");
    say(&mut stream, json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    // Its answer shows that what came before was taken in.
    say(&mut stream, bare("ping")).await;
    assert_eq!(hear(&mut stream).await["result"], json!({}));
    stream
}

fn modern(id: u64, method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

fn cancelled(id: u64) -> Value {
    json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": id}})
}

#[tokio::test]
async fn who_is_no_agent_is_told_so_and_sent_away() {
    let world = World::start().await;
    let mut stream = connect(&world, bare("tools/list")).await;
    let no = hear(&mut stream).await;
    assert_eq!((&no["id"], &no["error"]["code"]), (&json!(1), &json!(-32600)));
    assert!(no["error"]["message"].as_str().unwrap().contains("a valid token is needed"), "{no}");
    assert_eq!(stream.line_message().await, None);
}

#[tokio::test]
async fn a_connection_ends_when_its_user_id_stands_for_another() {
    let world = world().await;
    let mut stream = greeted(&world).await;
    world.change(|setup| {
        setup.agent("alice").uid = None;
        setup.agent("bob").uid = Some(own_uid());
    });
    assert_eq!(stream.line_message().await, None);
    let mut stream = greeted(&world).await;
    world.revoke("bob");
    assert_eq!(stream.line_message().await, None);
}

#[tokio::test]
async fn what_is_no_message_is_answered_and_the_next_one_is_read() {
    let world = world().await;
    let mut stream = connect(&world, json!({"x": 1})).await;
    assert_eq!(hear(&mut stream).await["error"]["code"], -32600);
    stream.write(b"not json\r\n\r\n\n").await;
    assert_eq!(hear(&mut stream).await["error"]["code"], -32700);
    stream.write(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}\n").await;
    assert_eq!(hear(&mut stream).await["error"]["code"], -32600);
    stream.write(format!("  {}  \r\n", bare("ping")).as_bytes()).await;
    assert_eq!(hear(&mut stream).await["result"], json!({}));
}

#[tokio::test]
async fn a_line_has_a_limit() {
    let world = with_limits(|limits| limits.request_body_bytes_max = 200).await;
    let mut stream = connect(&world, bare("ping")).await;
    hear(&mut stream).await;
    let padding = "x".repeat(200 - bare("").to_string().len());
    say(&mut stream, bare(&padding)).await;
    assert_eq!(hear(&mut stream).await["error"]["code"], -32601);
    say(&mut stream, bare(&format!("{padding}x"))).await;
    let error = hear(&mut stream).await;
    assert_eq!((&error["id"], &error["error"]["code"]), (&Value::Null, &json!(-32600)));
    assert_eq!(stream.line_message().await, None);
}

#[tokio::test]
async fn a_line_that_does_not_end_in_time_ends_the_connection() {
    let world = with_limits(|limits| limits.request_body_ms_max = 20).await;
    let mut stream = connect(&world, bare("ping")).await;
    hear(&mut stream).await;
    stream.write(b"{\"jsonrpc\"").await;
    assert_eq!(stream.line_message().await, None);
    let silent = with_limits(|limits| limits.request_head_ms_max = 20).await;
    assert_eq!(raw(&silent.unix, b" \n").await.line_message().await, None);
}

#[tokio::test]
async fn http_is_spoken_as_before() {
    let world = world().await;
    let body = bare("ping").to_string();
    let request = format!(
        "\r\nPOST /mcp HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = raw(&world.unix, request.as_bytes()).await;
    assert_eq!(stream.answer().await.json()["result"], json!({}));
    stream.write(&request.as_bytes()[2..]).await;
    assert_eq!(stream.answer().await.status, 200);
}

#[tokio::test]
async fn a_session_lives_as_long_as_its_connection() {
    let world = world().await;
    let mut stream = greeted(&world).await;
    say(&mut stream, bare("tools/list")).await;
    let list = hear(&mut stream).await;
    assert_eq!(list["result"]["tools"][0]["name"], "billing__get_invoice");
    say(&mut stream, call("billing__note", json!({"text": "a\nb"}))).await;
    let note = hear(&mut stream).await;
    assert_eq!(note["result"]["content"][0]["text"], "Noted: a\nb");
    world.change(|setup| setup.agent("alice").grants = vec![("billing", &["note"], &[])]);
    assert_eq!(hear(&mut stream).await["method"], "notifications/tools/list_changed");
    // A client may greet again, and is then in another session.
    say(&mut stream, initialize("2024-11-05")).await;
    assert_eq!(hear(&mut stream).await["result"]["protocolVersion"], "2024-11-05");
    world.change(|setup| setup.agent("alice").grants = vec![("billing", &["*"], &[])]);
    say(&mut stream, json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    world.shutdown.cancel();
    assert_eq!(stream.line_message().await, None);
}

#[tokio::test]
async fn a_batch_is_answered_where_the_version_has_batches() {
    let world = world().await;
    let mut stream = connect(&world, json!([bare("ping"), bare("tools/list")])).await;
    assert_eq!(hear(&mut stream).await.as_array().unwrap().len(), 2);
    let mut stream = greeted(&world).await;
    say(&mut stream, json!([bare("ping")])).await;
    assert_eq!(hear(&mut stream).await["error"]["code"], -32600);
}

#[tokio::test]
async fn messages_of_the_stateless_version_need_no_session() {
    let world = world().await;
    let mut stream = connect(&world, modern(1, "server/discover", json!({}))).await;
    assert_eq!(hear(&mut stream).await["result"]["resultType"], "complete");
    let wanted = json!({"notifications": {"toolsListChanged": true}});
    say(&mut stream, modern(2, "subscriptions/listen", wanted.clone())).await;
    let first = hear(&mut stream).await;
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    world.change(|setup| setup.agent("alice").grants = vec![("billing", &["note"], &[])]);
    assert_eq!(hear(&mut stream).await["method"], "notifications/tools/list_changed");
    // Nobody asks for it any more: it ends without an answer.
    say(&mut stream, cancelled(2)).await;
    say(&mut stream, modern(3, "tools/list", json!({}))).await;
    assert_eq!(hear(&mut stream).await["id"], 3);
    world.change(|setup| setup.agent("alice").grants = vec![("billing", &["*"], &[])]);
    say(&mut stream, modern(4, "subscriptions/listen", wanted)).await;
    let first = hear(&mut stream).await;
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    world.shutdown.cancel();
    let farewell = hear(&mut stream).await;
    assert_eq!(
        (&farewell["id"], &farewell["result"]["resultType"]),
        (&json!(4), &json!("complete"))
    );
    assert_eq!(stream.line_message().await, None);
}

#[tokio::test]
async fn calls_run_beside_each_other_and_one_can_be_cancelled() {
    let world = world().await;
    let mut stream = greeted(&world).await;
    let slow = |id: u64| {
        let mut slow = call("billing__slow", json!({}));
        slow["id"] = json!(id);
        slow
    };
    say(&mut stream, slow(7)).await;
    say(&mut stream, slow(8)).await;
    world.api.until_seen(2).await;
    say(&mut stream, bare("ping")).await;
    assert_eq!(hear(&mut stream).await["id"], 1);
    say(&mut stream, cancelled(7)).await;
    until(|| world.log.open_calls() == 1).await;
    world.api.release();
    assert_eq!(hear(&mut stream).await["id"], 8);
    say(&mut stream, bare("ping")).await;
    assert_eq!(hear(&mut stream).await["id"], 1);
}

#[tokio::test]
async fn who_has_said_all_still_gets_the_answers() {
    let world = world().await;
    let mut stream = greeted(&world).await;
    stream.write(call("billing__slow", json!({})).to_string().as_bytes()).await;
    stream.half_close().await;
    world.api.until_seen(1).await;
    world.api.release();
    assert_eq!(hear(&mut stream).await["id"], 1);
    assert_eq!(stream.line_message().await, None);
}

#[tokio::test]
async fn a_client_that_leaves_ends_its_calls() {
    let world = world().await;
    let mut stream = greeted(&world).await;
    say(&mut stream, call("billing__slow", json!({}))).await;
    world.api.until_seen(1).await;
    drop(stream);
    assert_eq!(world.settled().await.pop().unwrap()["failure"], "cancelled");
}

#[tokio::test]
async fn answers_are_given_before_the_gateway_stops() {
    let world = world().await;
    let mut stream = greeted(&world).await;
    say(&mut stream, call("billing__slow", json!({}))).await;
    world.api.until_seen(1).await;
    world.shutdown.cancel();
    world.api.release();
    assert_eq!(hear(&mut stream).await["id"], 1);
    assert_eq!(stream.line_message().await, None);
}

#[tokio::test]
async fn an_agent_has_so_many_connections_and_calls_and_no_more() {
    let world = with_limits(|limits| {
        limits.agent_streams_max = 2;
        limits.agent_calls_max = 1;
    })
    .await;
    let mut first = connect(&world, bare("ping")).await;
    hear(&mut first).await;
    let mut second = greeted(&world).await;
    let mut third = connect(&world, bare("ping")).await;
    let busy = hear(&mut third).await;
    assert_eq!((&busy["id"], &busy["error"]["code"]), (&json!(1), &json!(-32600)));
    assert_eq!(third.line_message().await, None);
    say(&mut first, call("billing__slow", json!({}))).await;
    world.api.until_seen(1).await;
    say(&mut first, bare("ping")).await;
    assert_eq!(hear(&mut first).await["error"]["code"], -32603);
    // What tells something is taken in, even now.
    say(&mut first, cancelled(1)).await;
    until(|| world.log.open_calls() == 0).await;
    say(&mut second, bare("ping")).await;
    assert_eq!(hear(&mut second).await["result"], json!({}));
    drop(first);
    for _ in 0..1000 {
        let mut again = connect(&world, bare("ping")).await;
        if hear(&mut again).await["result"] == json!({}) {
            return;
        }
    }
    panic!("the place of a client that went away was not given back");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_not_read() {
    let world = with_limits(|limits| limits.agent_calls_max = 2).await;
    let mut stream = connect(&world, bare("ping")).await;
    hear(&mut stream).await;
    let list = format!("{}\n", bare("tools/list"));
    // Nothing but a gateway that reads on and on takes in all of it.
    let written = async {
        for _ in 0..1_000_000 {
            stream.write(list.as_bytes()).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_millis(500), written).await.is_err());
    world.shutdown.cancel();
}

/// The same with a server that speaks MCP.
async fn with_server(server: &Mcp) -> World {
    World::with(Conditions::default(), |setup| {
        mine(setup);
        setup.origins.push(server.origin.clone());
        setup.mcp.push(McpSetup::new("fake", server));
        setup.agent("alice").grants.push(("fake", &["*"], &[]));
    })
    .await
}

/// Greeted by a client that can be asked.
async fn askable(world: &World) -> Stream {
    let mut hello = initialize("2025-11-25");
    hello["params"]["capabilities"] = json!({"elicitation": {}});
    let mut stream = connect(world, hello).await;
    hear(&mut stream).await;
    say(&mut stream, json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    stream
}

fn ask(id: u64, tool: &str) -> Value {
    let params = json!({"name": tool, "arguments": {}, "_meta": {"progressToken": "mine"}});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})
}

#[tokio::test]
async fn a_server_tells_and_asks_on_the_connection() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let server = Mcp::start(speaks).await;
        let world = with_server(&server).await;
        let mut stream = askable(&world).await;
        say(&mut stream, ask(7, "fake__steps")).await;
        for step in 1..=3 {
            let note = hear(&mut stream).await;
            assert_eq!(
                (&note["params"]["progress"], &note["params"]["progressToken"]),
                (&json!(step), &json!("mine"))
            );
        }
        assert_eq!(hear(&mut stream).await["id"], 7);
        say(&mut stream, ask(8, "fake__ask")).await;
        let question = hear(&mut stream).await;
        assert_eq!(question["method"], "elicitation/create", "{question}");
        let reply = json!({"action": "accept", "content": {"name": "Ada"}});
        say(&mut stream, json!({"jsonrpc": "2.0", "id": question["id"], "result": reply})).await;
        let answer = hear(&mut stream).await;
        assert!(answer["result"]["content"].to_string().contains("Hello Ada"), "{answer}");
    }
}

#[tokio::test]
async fn what_is_cancelled_here_is_cancelled_there() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = with_server(&server).await;
    let mut stream = askable(&world).await;
    say(&mut stream, ask(7, "fake__slow")).await;
    server.until_heard("tools/call", 1).await;
    say(&mut stream, cancelled(7)).await;
    server.until_heard("notifications/cancelled", 1).await;
    let stateless = modern(9, "tools/call", json!({"name": "fake__slow"}));
    say(&mut stream, stateless).await;
    server.until_heard("tools/call", 2).await;
    say(&mut stream, cancelled(9)).await;
    server.until_heard("notifications/cancelled", 2).await;
}

#[tokio::test]
async fn whoever_leaves_wants_nothing_any_more() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = with_server(&server).await;
    // The one has a conversation of its own with the server, the other shares the agent's.
    for (times, client) in [(1, askable(&world).await), (2, greeted(&world).await)] {
        let mut stream = client;
        say(&mut stream, ask(10, "fake__slow")).await;
        server.until_heard("tools/call", times).await;
        drop(stream);
        assert_eq!(world.settled().await.pop().unwrap()["failure"], "cancelled");
    }
    server.until_heard("notifications/cancelled", 1).await;
}
