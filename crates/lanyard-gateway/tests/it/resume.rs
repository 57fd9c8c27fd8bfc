//! Clients of the versions with sessions that lose their connection in the middle of an answer, or
//! are sent away, and come back for the rest.

use serde_json::{Value, json};

use crate::harness::World;
use crate::harness::{bare, call};
use crate::http::{Request, Stream};
use crate::mcp::{FAKE, in_session, session, world};
use crate::mcp_server::{Mcp, Speaks};

const EITHER: &str = "application/json, text/event-stream";
const STREAM: &str = "text/event-stream, application/json";

fn post(world: &World, session: &str, accept: &str, message: Value) -> Request {
    in_session(world, FAKE, session).header("Accept", accept).json(message)
}

fn back(world: &World, agent: &str, path: &str, session: &str, last: &str) -> Request {
    let get = world.by(agent, "GET", path).header("Mcp-Session-Id", session);
    get.header("Accept", "text/event-stream").header("Last-Event-ID", last)
}

async fn events(request: Request) -> Stream {
    let mut stream = request.open().await;
    let head = stream.head().await;
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
    stream
}

fn message((_, data): (String, String)) -> Value {
    serde_json::from_str(&data).unwrap()
}

#[tokio::test]
async fn a_slow_answer_is_there_for_a_client_that_lost_its_connection() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    let session = session(&world, FAKE).await;
    let mut stream = events(post(&world, &session, EITHER, call("slow", json!({})))).await;
    let (id, data) = stream.known_event().await.unwrap();
    assert_eq!(data, "");
    drop(stream);
    server.release();
    // The call went on, and what it came to is kept.
    world.settled().await;
    for _ in 0..2 {
        let mut stream = events(back(&world, "alice", FAKE, &session, &id)).await;
        let answer = message(stream.known_event().await.unwrap());
        assert_eq!(answer["id"], 1);
        assert_eq!(answer["result"]["content"][0]["text"], "at last");
        assert_eq!(stream.known_event().await, None);
    }
    assert_eq!(server.heard_of("tools/call").len(), 1);
    assert_eq!(server.heard_of("notifications/cancelled").len(), 0);
}

#[tokio::test]
async fn what_is_kept_is_for_its_session_and_endpoint_alone() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    let mine = session(&world, FAKE).await;
    let mut stream = events(post(&world, &mine, STREAM, call("echo", json!({"n": 1})))).await;
    let (id, _) = stream.known_event().await.unwrap();
    assert!(message(stream.known_event().await.unwrap())["result"].is_object());
    assert_eq!(back(&world, "bob", FAKE, &mine, &id).send().await.status, 404);
    let other = session(&world, FAKE).await;
    // Where nothing is known of an id there is the stream of the session, which says nothing.
    for (path, session) in [(FAKE, &other), ("/mcp", &mine)] {
        let mut stream = events(back(&world, "alice", path, session, &id)).await;
        world.change(|_| {});
        let ended = world.by("alice", "DELETE", FAKE).header("Mcp-Session-Id", session);
        assert_eq!(ended.send().await.status, 204);
        assert_eq!(stream.known_event().await, None);
    }
}

#[tokio::test]
async fn notifications_come_again_from_where_the_client_was() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    let session = session(&world, FAKE).await;
    let mut steps = call("steps", json!({}));
    steps["params"]["_meta"] = json!({"progressToken": "mine"});
    let mut stream = events(post(&world, &session, EITHER, steps)).await;
    let mut ids = Vec::new();
    while let Some((id, _)) = stream.known_event().await {
        ids.push(id);
    }
    assert_eq!(ids.len(), 5, "{ids:?}");
    let mut stream = events(back(&world, "alice", FAKE, &session, &ids[2])).await;
    let third = message(stream.known_event().await.unwrap());
    assert_eq!(third["params"], json!({"progressToken": "mine", "progress": 3, "total": 3}));
    let answer = message(stream.known_event().await.unwrap());
    assert_eq!(answer["result"]["content"][0]["text"], "done");
    assert_eq!(stream.known_event().await, None);
}

#[tokio::test]
async fn a_question_waits_for_a_client_that_comes_back() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    let session = session(&world, FAKE).await;
    let mut stream = events(post(&world, &session, EITHER, call("ask", json!({})))).await;
    let (id, _) = stream.known_event().await.unwrap();
    drop(stream);
    let mut stream = events(back(&world, "alice", FAKE, &session, &id)).await;
    let question = message(stream.known_event().await.unwrap());
    assert_eq!(question["method"], "elicitation/create");
    let result = json!({"action": "accept", "content": {"name": "Ann"}});
    let reply = json!({"jsonrpc": "2.0", "id": question["id"], "result": result});
    assert_eq!(in_session(&world, FAKE, &session).json(reply).send().await.status, 202);
    let answer = message(stream.known_event().await.unwrap());
    assert_eq!(answer["result"]["content"][0]["text"], "Hello Ann");
}

#[tokio::test]
async fn a_client_is_sent_away_as_the_server_sends_the_gateway_away() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    let session = session(&world, FAKE).await;
    let mut stream = events(post(&world, &session, EITHER, call("poll", json!({})))).await;
    let (id, data) = stream.known_event().await.unwrap();
    assert_eq!(data, "");
    assert_eq!(stream.until_end().await, Vec::<String>::new());
    let mut stream = events(back(&world, "alice", FAKE, &session, &id)).await;
    server.release();
    let answer = message(stream.known_event().await.unwrap());
    assert_eq!(
        (&answer["id"], &answer["result"]["content"][0]["text"]),
        (&json!(1), &json!("after all"))
    );
    assert_eq!(stream.known_event().await, None);
}

#[tokio::test]
async fn who_cannot_come_back_is_not_sent_away() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    let session = session(&world, FAKE).await;
    server.release();
    // It does not say that it reads streams.
    let answer = in_session(&world, FAKE, &session).json(call("poll", json!({}))).send().await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.result().1, "after all");
    // Its version has no such thing.
    let hello = crate::harness::initialize("2025-06-18");
    let begun = world.by("alice", "POST", FAKE).json(hello).send().await;
    let session = begun.header("mcp-session-id").unwrap();
    let request = world.by("alice", "POST", FAKE).header("Mcp-Session-Id", session);
    let answer = request.header("Accept", EITHER).json(call("poll", json!({}))).send().await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn a_client_that_would_rather_have_a_stream_gets_one() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    let session = session(&world, FAKE).await;
    for (accept, content_type) in [(EITHER, "application/json"), (STREAM, "text/event-stream")] {
        let mut stream = post(&world, &session, accept, bare("tools/list")).open().await;
        assert_eq!(stream.head().await.header("content-type"), Some(content_type));
    }
    let mut stream = events(post(&world, &session, STREAM, bare("ping"))).await;
    assert_eq!(stream.known_event().await.unwrap().1, "");
    assert_eq!(message(stream.known_event().await.unwrap())["result"], json!({}));
    assert_eq!(stream.known_event().await, None);
    // What is refused as a whole has its status.
    let unknown = post(&world, "x", STREAM, bare("ping")).send().await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test]
async fn the_end_of_a_session_is_the_end_of_what_is_kept() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    let session = session(&world, FAKE).await;
    let mut stream = events(post(&world, &session, EITHER, call("slow", json!({})))).await;
    let (id, _) = stream.known_event().await.unwrap();
    let end = world.by("alice", "DELETE", FAKE).header("Mcp-Session-Id", &session);
    assert_eq!(end.send().await.status, 204);
    assert_eq!(stream.known_event().await, None);
    assert_eq!(back(&world, "alice", FAKE, &session, &id).send().await.status, 404);
    server.release();
    world.settled().await;
}
