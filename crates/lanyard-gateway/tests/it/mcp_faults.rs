//! What goes wrong with servers that speak MCP, and what the agent is told.

use std::time::Duration;

use lanyard_core::Limits;
use serde_json::{Value, json};

use crate::harness::{Conditions, McpSetup, World, modern};
use crate::http::Answer;
use crate::mcp_server::{Mcp, Speaks};
use crate::outcomes::produced;

const FAKE: &str = "/servers/fake/mcp";

async fn world(server: &Mcp, limits: Limits, change: impl FnOnce(&mut McpSetup)) -> World {
    World::with(Conditions { limits, strict: false }, |setup| {
        setup.origins.push(server.origin.clone());
        let mut fake = McpSetup::new("fake", server);
        change(&mut fake);
        setup.mcp.push(fake);
        setup.agent("alice").grants.push(("fake", &["*"], &[]));
    })
    .await
}

async fn call(world: &World, tool: &str) -> Answer {
    let request = world.by("alice", "POST", FAKE);
    modern(request, "tools/call", json!({"name": tool, "arguments": {}})).send().await
}

#[track_caller]
fn says(answer: &Answer, what: &str) {
    let answer = answer.json();
    let text = answer["result"]["content"][0]["text"].as_str().unwrap_or("");
    assert!(text.starts_with(what), "{answer}");
    assert_eq!(answer["result"]["isError"], true);
}

#[tokio::test]
async fn a_program_that_is_not_there_cannot_be_started() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server, Limits::standard(), |fake| {
        fake.definition = json!({"type": "stdio", "command": "/nonexistent/program"});
    })
    .await;
    says(&call(&world, "echo").await, "the server's process cannot be started");
    produced("server_start");
}

#[tokio::test]
async fn a_stream_that_ends_before_its_answer() {
    let server = Mcp::start(Speaks::Modern).await;
    let world = world(&server, Limits::standard(), |_| {}).await;
    says(&call(&world, "break").await, "the server ended before it answered");
    produced("server_ended");
}

#[tokio::test]
async fn a_server_that_refuses_the_credential() {
    let server = Mcp::start(Speaks::Modern).await;
    let world = world(&server, Limits::standard(), |_| {}).await;
    server.refuse();
    says(&call(&world, "echo").await, "the server refused the credential");
    produced("credential_rejected");
}

#[tokio::test]
async fn as_many_calls_as_may_run_at_a_time() {
    let server = Mcp::start(Speaks::Modern).await;
    let limits = Limits { server_wait_ms_max: 20, ..Limits::standard() };
    let world = world(&server, limits, |fake| fake.concurrency = 1).await;
    let request = world.by("alice", "POST", FAKE);
    let slow = modern(request, "tools/call", json!({"name": "slow"})).open().await;
    server.until_heard("tools/call", 1).await;
    says(&call(&world, "echo").await, "the server is busy");
    produced("server_busy");
    drop(slow);
}

#[tokio::test]
async fn a_server_that_is_down_is_not_called_again_and_again() {
    let server = Mcp::start(Speaks::Modern).await;
    let world = world(&server, Limits::standard(), |fake| {
        fake.definition = json!({"type": "http", "url": "http://127.0.0.1:1/mcp"});
    })
    .await;
    let mut told = Vec::new();
    for _ in 0..20 {
        let answer = call(&world, "echo").await.json();
        let text = answer["result"]["content"][0]["text"].as_str().unwrap().to_owned();
        let unavailable = text.starts_with("the server is not available at the moment");
        told.push(text);
        if unavailable {
            produced("server_unavailable");
            return;
        }
    }
    panic!("{told:#?}");
}

#[tokio::test]
async fn a_server_that_takes_too_long_is_cancelled() {
    let server = Mcp::start(Speaks::Modern).await;
    let world =
        world(&server, Limits::standard(), |fake| fake.timeout = Duration::from_millis(50)).await;
    says(&call(&world, "slow").await, "the server did not answer in time");
    server.until_heard("test/closed", 1).await;
}

#[tokio::test]
async fn a_client_that_does_not_answer_a_question() {
    let server = Mcp::start(Speaks::Modern).await;
    let world = world(&server, Limits::standard(), |_| {}).await;
    // It declares no elicitation, and has no session in which it could be asked.
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "ask", "arguments": {}}});
    let answer: Value = world.ask("alice", FAKE, message).await.json();
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("the server asked the client for something it cannot give"), "{text}");
    produced("client_unable");
}
