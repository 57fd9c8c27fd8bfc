//! Sessions of the versions that have them: a handle, and no credential.

use std::time::Duration;

use serde_json::json;

use crate::harness::{BILLING, World, bare, call, initialize, modern};
use crate::http::{Answer, Request};

const SESSION: &str = "Mcp-Session-Id";

pub(crate) async fn begin(world: &World, agent: &str, version: &str) -> String {
    let answer = world.ask(agent, BILLING, initialize(version)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.header("mcp-session-id").unwrap().to_owned()
}

fn with(world: &World, agent: &str, method: &str, session: &str) -> Request {
    world.by(agent, method, BILLING).header(SESSION, session)
}

async fn list(world: &World, agent: &str, session: &str) -> Answer {
    with(world, agent, "POST", session).json(bare("tools/list")).send().await
}

#[tokio::test]
async fn a_session_that_was_not_made_here_is_404() {
    let world = World::start().await;
    let session = begin(&world, "alice", "2025-11-25").await;
    let cut = session.strip_prefix(|_: char| true).unwrap();
    for id in ["", "x", cut, &format!("{cut}A"), &session.repeat(50)] {
        assert_eq!(list(&world, "alice", id).await.status, 404, "{id}");
        assert_eq!(with(&world, "alice", "GET", id).send().await.status, 404, "{id}");
        assert_eq!(with(&world, "alice", "DELETE", id).send().await.status, 404, "{id}");
    }
    // Two ids are as good as a wrong one.
    let twice = with(&world, "alice", "POST", &session).header(SESSION, &session);
    assert!([400, 404].contains(&twice.json(bare("tools/list")).send().await.status));
    let other = World::start().await;
    assert_eq!(list(&other, "alice", &session).await.status, 404);
}

#[tokio::test]
async fn the_session_of_another_agent_is_404() {
    let world = World::start().await;
    let session = begin(&world, "alice", "2025-11-25").await;
    assert_eq!(list(&world, "bob", &session).await.status, 404);
    assert_eq!(with(&world, "bob", "GET", &session).send().await.status, 404);
    assert_eq!(with(&world, "bob", "DELETE", &session).send().await.status, 404);
    assert_eq!(list(&world, "alice", &session).await.status, 200);
    // It is no credential: without a token it opens nothing.
    let bare_request = world.request("POST", BILLING).header(SESSION, &session);
    assert_eq!(bare_request.json(bare("tools/list")).send().await.status, 401);
}

#[tokio::test]
async fn a_session_begins_is_used_and_ends() {
    let world = World::start().await;
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let answer = world.ask("alice", BILLING, initialize(version)).await;
        assert_eq!(answer.json()["result"]["protocolVersion"], version);
        assert_eq!(answer.json()["result"]["instructions"], "Invoices");
        let session = answer.header("mcp-session-id").unwrap();
        let told = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let told = with(&world, "alice", "POST", session).json(told).send().await;
        assert_eq!((told.status, told.body.as_str()), (202, ""));
        let answer =
            with(&world, "alice", "POST", session).json(call("note", json!({}))).send().await;
        assert_eq!(answer.result().1, "Noted: none");
        assert_eq!(with(&world, "alice", "DELETE", session).send().await.status, 204);
        assert_eq!(list(&world, "alice", session).await.status, 404, "{version}");
        let batch = json!([call("note", json!({}))]);
        let batch = with(&world, "alice", "POST", session).json(batch).send().await;
        assert_eq!(batch.status, 404, "{version}");
        assert_eq!(with(&world, "alice", "DELETE", session).send().await.status, 404);
    }
    let unknown = world.ask("alice", BILLING, initialize("1999-01-01")).await;
    assert_eq!(unknown.json()["result"]["protocolVersion"], "2025-11-25");
    let modern = world.ask("alice", BILLING, initialize("2026-07-28")).await;
    assert_eq!(modern.json()["result"]["protocolVersion"], "2025-11-25");
}

#[tokio::test]
async fn a_session_outlives_a_restart_and_so_does_its_end() {
    let world = World::start().await;
    let living = begin(&world, "alice", "2025-11-25").await;
    let ended = begin(&world, "alice", "2025-11-25").await;
    assert_eq!(with(&world, "alice", "DELETE", &ended).send().await.status, 204);
    let world = world.restarted().await;
    assert_eq!(list(&world, "alice", &living).await.status, 200);
    assert_eq!(list(&world, "alice", &ended).await.status, 404);
}

#[tokio::test]
async fn a_session_grows_too_old() {
    let world = World::start().await;
    let session = begin(&world, "alice", "2025-11-25").await;
    world.advance(Duration::from_millis(604_799_999));
    assert_eq!(list(&world, "alice", &session).await.status, 200);
    world.advance(Duration::from_millis(1));
    assert_eq!(list(&world, "alice", &session).await.status, 404);
}

#[tokio::test]
async fn a_session_gives_no_access_that_was_taken_away() {
    let world = World::start().await;
    let session = begin(&world, "alice", "2025-11-25").await;
    world.change(|setup| setup.agent("alice").grants.clear());
    assert_eq!(list(&world, "alice", &session).await.status, 404);
    world.revoke("alice");
    assert_eq!(list(&world, "alice", &session).await.status, 401);
}

#[tokio::test]
async fn the_stateless_era_knows_no_session() {
    let world = World::start().await;
    let request = world.by("alice", "POST", BILLING);
    let answer = modern(request, "tools/list", json!({})).send().await;
    assert_eq!((answer.status, answer.header("mcp-session-id")), (200, None));
    assert_eq!(world.by("alice", "DELETE", BILLING).send().await.status, 405);
    assert_eq!(world.by("alice", "GET", BILLING).send().await.status, 405);
    let begun = modern(world.by("alice", "POST", BILLING), "ping", json!({})).send().await;
    assert_eq!((begun.status, begun.error().0), (404, -32601));
}
