//! Answers that are given before the request's body has come: the connection can be used again, or
//! the answer says that it closes.

use serde_json::json;

use crate::harness::{BILLING, Conditions, World, bare};
use crate::http::{Request, raw};
use lanyard_core::Limits;

/// A request whose body is refused unread, by what is wrong with it.
fn refused(world: &World) -> Vec<(u16, Request)> {
    let post =
        |path: &str| world.by("alice", "POST", path).header("Content-Type", "application/json");
    vec![
        (421, post("/mcp").replace("Host", "evil.example")),
        (403, post("/mcp").header("Origin", "http://evil.example")),
        (401, post("/mcp").without("Authorization")),
        (404, post("/nowhere")),
        (405, world.by("alice", "PUT", "/mcp")),
        (405, world.by("alice", "POST", "/sse")),
        (405, world.by("alice", "GET", "/mcp")),
        (405, world.by("alice", "DELETE", "/mcp")),
        (404, world.by("alice", "GET", "/mcp").header("Mcp-Session-Id", "x")),
        (415, world.by("alice", "POST", "/mcp").header("Content-Type", "text/plain")),
        (431, post("/mcp").header("X-Long", &"x".repeat(66_000))),
        (200, world.by("alice", "GET", "/v1/agent/servers")),
    ]
}

#[tokio::test]
async fn a_connection_goes_on_after_an_answer_that_did_not_wait_for_the_body() {
    let world = World::start().await;
    let next = || world.by("alice", "POST", BILLING).json(bare("ping"));
    for (status, request) in refused(&world) {
        // The head goes first, as clients send it, and the body a moment later.
        let mut stream = request.header("Content-Length", "300").open().await;
        tokio::task::yield_now().await;
        stream.write(&[b' '; 300]).await;
        let answer = stream.answer().await;
        assert_eq!((answer.status, answer.header("connection")), (status, None), "{answer:?}");
        stream.write(next().text().as_bytes()).await;
        assert_eq!(stream.answer().await.status, 200, "after {status}");
    }
}

#[tokio::test]
async fn an_answer_says_that_the_connection_closes_where_the_body_does_not_come() {
    let world = World::start().await;
    for (status, request) in refused(&world) {
        let mut stream = request.header("Content-Length", "300").open().await;
        let answer = stream.answer().await;
        let said = (answer.status, answer.header("connection"));
        assert_eq!(said, (status, Some("close")), "{answer:?}");
        assert_eq!(stream.until_end().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_answer_says_that_the_connection_closes_where_the_body_is_large() {
    let limits = Limits { request_body_bytes_max: 1000, ..Conditions::default().limits };
    let world = World::with(Conditions { limits, strict: false }, |_| {}).await;
    let post = || world.by("alice", "POST", "/mcp").header("Content-Type", "application/json");
    let mut announced = post().header("Content-Length", "50000000").open().await;
    announced.write(&[b' '; 2000]).await;
    let answer = announced.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    let mut chunked = post().header("Transfer-Encoding", "chunked").open().await;
    chunked.write(b"7d0\r\n").await;
    chunked.write(&[b' '; 2000]).await;
    let answer = chunked.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    // One that is little too large is taken in, and the connection goes on.
    let mut little = post().header("Content-Length", "2000").open().await;
    little.write(&[b' '; 2000]).await;
    let answer = little.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (413, None));
    little.write(world.by("alice", "POST", BILLING).json(bare("ping")).text().as_bytes()).await;
    assert_eq!(little.answer().await.status, 200);
}

#[tokio::test]
async fn who_waits_for_leave_to_send_a_body_is_refused_without_it() {
    let world = World::start().await;
    let asks = world.request("POST", "/mcp").header("Expect", "100-continue");
    let mut stream = asks.header("Content-Length", "300").open().await;
    let answer = stream.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (401, Some("close")));
}

#[tokio::test]
async fn requests_behind_one_another_are_answered_in_turn_whatever_their_bodies_were() {
    let world = World::start().await;
    let first = world.request("POST", "/mcp").json(json!({"a": "b"})).text();
    let second = world.by("alice", "POST", BILLING).json(bare("ping")).text();
    for door in [&world.tcp, &world.unix] {
        let mut stream = raw(door, format!("{first}{second}").as_bytes()).await;
        assert_eq!(stream.answer().await.status, 401);
        assert_eq!(stream.answer().await.status, 200);
    }
}
