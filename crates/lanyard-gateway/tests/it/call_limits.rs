//! Limits on calls, from outside: who is told what, what counts and what does not, and that a place
//! is given back however a call ends.

use std::time::Duration;

use lanyard_policy::limit::TermsAsked;
use serde_json::{Value, json};

use crate::harness::{
    AgentSetup, BILLING, Conditions, LimitSetup, McpSetup, NOW, World, bare, call, modern, until,
};
use crate::mcp::FAKE;
use crate::mcp_server::{Mcp, Speaks};
use crate::outcomes::produced;

const NONE: TermsAsked<'static> = TermsAsked {
    rate: None,
    burst: None,
    concurrency: None,
    calls_per_day: None,
    cost_per_day: None,
};

fn daily(calls: u64) -> TermsAsked<'static> {
    TermsAsked { calls_per_day: Some(calls), ..NONE }
}

fn at_a_time(calls: u64) -> TermsAsked<'static> {
    TermsAsked { concurrency: Some(calls), ..NONE }
}

async fn with(calls: &'static str, terms: TermsAsked<'static>) -> World {
    World::with(Conditions::default(), |setup| setup.limits.push(LimitSetup::new(calls, terms)))
        .await
}

/// A call that sends nothing: whether it went on.
async fn notes(world: &World, agent: &str) -> bool {
    let (is_error, text) = world.call(agent, "note", json!({})).await.result();
    assert_eq!(is_error, text.starts_with("the limit on "), "{text}");
    !is_error
}

#[tokio::test]
async fn who_calls_too_often_is_told_when_to_come_again() {
    produced("limit_reached");
    let rate = TermsAsked { rate: Some("2/m"), burst: Some(1), ..NONE };
    let world = with("alice/billing/*", rate).await;
    assert!(notes(&world, "alice").await);
    let answer = world.call("alice", "note", json!({})).await;
    let (is_error, text) = answer.result();
    let told = "the limit on calls per minute of this agent to this server is reached; try again \
                in 30 seconds (record ";
    assert!(answer.status == 200 && is_error && text.starts_with(told), "{text}");
    assert_eq!(answer.json()["result"]["_meta"], json!({"io.lanyard/retryAfter": 30}));
    let request = world.by("alice", "POST", BILLING);
    let params = json!({"name": "note", "arguments": {}});
    let result = modern(request, "tools/call", params).send().await.json()["result"].clone();
    assert_eq!((&result["resultType"], &result["isError"]), (&json!("complete"), &json!(true)));
    assert_eq!(result["_meta"]["io.lanyard/retryAfter"], 30);
    assert!(result["_meta"]["io.modelcontextprotocol/serverInfo"].is_object());
    // Others are not held back, and being refused costs nothing.
    assert!(notes(&world, "bob").await);
    world.advance(Duration::from_secs(30));
    assert!(notes(&world, "alice").await);
    let records = world.settled().await;
    let allowed = &records[0];
    assert_eq!(allowed["obligations"], json!(["limit:alice/billing/*"]));
    let denied = records.iter().find(|it| it["kind"] == "call.denied").unwrap();
    assert_eq!(denied["denied_code"], "limit_reached");
    assert_eq!(denied["denied_detail"], "calls per minute of this agent to this server");
    assert!(denied.to_string().contains("limit:alice/billing/*"), "{denied}");
    assert_eq!(denied["arguments_digest"], allowed["arguments_digest"]);
    let bob = records.iter().find(|it| it["agent"] == "bob").unwrap();
    assert_eq!(bob["obligations"], Value::Null);
}

#[tokio::test]
async fn a_budget_is_that_of_a_day_and_no_denied_call_costs_any_of_it() {
    let world = with("*/*/*", daily(2)).await;
    for _ in 0..3 {
        world.call("bob", "total", json!({})).await;
        world.call("alice", "none", json!({})).await;
        world.call("alice", "get_invoice", json!({"number": "7"})).await;
        world.call("eve", "note", json!({})).await;
        world.ask("alice", BILLING, bare("tools/list")).await;
    }
    assert!(notes(&world, "alice").await && notes(&world, "bob").await);
    for _ in 0..3 {
        assert!(!notes(&world, "alice").await);
    }
    // 23:05:41 in UTC.
    let (_, text) = world.call("bob", "note", json!({})).await.result();
    let told =
        "the limit on calls per day of all agents together is reached; try again in 55 minutes";
    assert!(text.starts_with(told), "{text}");
    world.advance(Duration::from_secs(54 * 60 + 18));
    assert!(!notes(&world, "alice").await);
    world.advance(Duration::from_secs(1));
    assert!(notes(&world, "alice").await);
}

#[tokio::test]
async fn a_call_that_cannot_be_recorded_costs_nothing() {
    let limit = LimitSetup::new("*/*/*", daily(1));
    let (kept, setup) = (limit.clone(), limit.clone());
    let world = World::with(Conditions::default(), |it| it.limits.push(setup)).await;
    world.log.close().unwrap();
    for _ in 0..3 {
        let (_, text) = world.call("alice", "note", json!({})).await.result();
        assert!(text.starts_with("the call cannot be recorded"), "{text}");
    }
    assert_eq!(kept.counted(NOW), (0, 0));
}

#[tokio::test]
async fn a_place_is_given_back_however_a_call_ends() {
    let limit = LimitSetup::new("*/billing/*", at_a_time(2));
    let kept = limit.clone();
    let world = World::with(Conditions::default(), |it| it.limits.push(limit)).await;
    let slow = || world.by("alice", "POST", BILLING).json(call("slow", json!({}))).open();
    let (first, second) = (slow().await, slow().await);
    world.api.until_seen(2).await;
    assert!(!notes(&world, "alice").await && !notes(&world, "bob").await);
    // The client goes away in the middle.
    drop(first);
    until(|| kept.counted(NOW).1 == 1).await;
    assert!(notes(&world, "bob").await);
    let third = slow().await;
    world.api.until_seen(3).await;
    assert!(!notes(&world, "bob").await);
    // The agent is revoked in the middle: that ends what it runs.
    world.revoke("alice");
    until(|| kept.counted(NOW).1 == 0).await;
    drop((second, third));
    assert!(notes(&world, "bob").await);
    world.settled().await;
    assert_eq!(kept.counted(NOW).1, 0);
}

#[tokio::test]
async fn what_runs_is_counted_whatever_happens_to_the_limit() {
    let limit = LimitSetup::new("*/*/*", at_a_time(1));
    let kept = limit.clone();
    let world = World::with(Conditions::default(), |it| it.limits.push(limit)).await;
    let mut running =
        vec![world.by("alice", "POST", BILLING).json(call("slow", json!({}))).open().await];
    world.api.until_seen(1).await;
    // Another configuration, and the same count.
    world.change(|_| {});
    assert!(!notes(&world, "bob").await);
    // The limit is taken away while a call runs, and put back while another does.
    world.change(|it| it.limits.clear());
    assert!(notes(&world, "bob").await);
    let put_back = kept.clone();
    world.change(|it| it.limits.push(put_back));
    assert!(!notes(&world, "bob").await);
    let wider = LimitSetup { terms: at_a_time(2), ..kept.clone() };
    world.change(|it| it.limits = vec![wider]);
    running.push(world.by("alice", "POST", BILLING).json(call("slow", json!({}))).open().await);
    world.api.until_seen(2).await;
    assert!(!notes(&world, "bob").await);
    world.api.release();
    for stream in &mut running {
        assert_eq!(stream.answer().await.status, 200);
    }
    until(|| kept.counted(NOW).1 == 0).await;
    assert!(notes(&world, "bob").await);
}

#[tokio::test]
async fn no_more_run_at_a_time_than_may_however_many_agents_try() {
    let limit = LimitSetup::new("*/billing/*", at_a_time(3));
    let kept = limit.clone();
    let world = World::with(Conditions::default(), |it| it.limits.push(limit)).await;
    let tries = (0..40).map(|_| async {
        let slow = call("slow", json!({}));
        world.by("alice", "POST", BILLING).json(slow).open().await
    });
    let mut streams = Vec::new();
    for one in tries {
        streams.push(one.await);
    }
    world.api.until_seen(3).await;
    until(|| world.records().len() == 40).await;
    assert_eq!(world.api.seen().len(), 3);
    world.api.release();
    let mut refused = 0;
    for stream in &mut streams {
        refused += usize::from(stream.answer().await.result().1.starts_with("the limit on "));
    }
    assert_eq!((refused, world.api.seen().len()), (37, 3));
    until(|| kept.counted(NOW).1 == 0).await;
}

async fn with_fake(calls: &'static str, tenant: &'static str) -> (Mcp, World) {
    let server = Mcp::start(Speaks::Modern).await;
    let world = World::with(Conditions::default(), |setup| {
        setup.origins.push(server.origin.clone());
        setup.mcp.push(McpSetup::new("fake", &server));
        setup.agent("alice").grants.push(("fake", &["*"], &[]));
        setup.limits.push(LimitSetup { tenant, ..LimitSetup::new(calls, daily(2)) });
    })
    .await;
    (server, world)
}

#[tokio::test]
async fn prompts_and_resources_count_with_their_server_and_what_only_helps_does_not() {
    let (_server, world) = with_fake("*/fake/*", "default").await;
    let ask = |method: &'static str, params: Value| {
        let message = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        world.ask("alice", FAKE, message)
    };
    let reference = json!({"type": "ref/prompt", "name": "greet"});
    for _ in 0..3 {
        let argument = json!({"name": "who", "value": "a"});
        ask("completion/complete", json!({"ref": reference, "argument": argument})).await;
        ask("resources/subscribe", json!({"uri": "fake://one"})).await;
        ask("prompts/list", json!({})).await;
    }
    let got = ask("prompts/get", json!({"name": "greet"})).await.json();
    assert!(got["result"].is_object(), "{got}");
    let read = ask("resources/read", json!({"uri": "fake://one"})).await.json();
    assert!(read["result"].is_object(), "{read}");
    for (method, params) in [
        ("prompts/get", json!({"name": "greet"})),
        ("resources/read", json!({"uri": "fake://one"})),
    ] {
        let refused = ask(method, params).await;
        let (code, text) = refused.error();
        let told = "the limit on calls per day to this server, of all agents together is reached; try \
                    again in 55 minutes (record ";
        assert!(refused.status == 200 && code == -32603 && text.starts_with(told), "{code} {text}");
        assert_eq!(refused.json()["error"]["data"], json!({"io.lanyard/retryAfter": 3259}));
    }
    let (is_error, _) = ask("tools/call", json!({"name": "echo", "arguments": {}})).await.result();
    assert!(is_error);
}

#[tokio::test]
async fn a_limit_on_a_tool_is_that_of_the_tool_by_whatever_name_it_is_called() {
    let (_server, world) = with_fake("alice/fake/echo", "default").await;
    let mut ends = Vec::new();
    for (path, tool) in
        [(FAKE, "echo"), ("/mcp", "fake__echo"), (FAKE, "echo"), ("/mcp", "fake__echo")]
    {
        ends.push(world.ask("alice", path, call(tool, json!({}))).await.result().0);
    }
    assert_eq!(ends, [false, false, true, true]);
    let prompt = json!({"jsonrpc": "2.0", "id": 1, "method": "prompts/get",
        "params": {"name": "greet"}});
    assert!(world.ask("alice", FAKE, prompt).await.json()["result"].is_object());
    // A tool of another server with limits of its own, or none.
    assert!(notes(&world, "alice").await);
}

#[tokio::test]
async fn tenants_do_not_share_what_has_one_name() {
    let server = Mcp::start(Speaks::Modern).await;
    let world = World::with(Conditions::default(), |setup| {
        setup.origins.push(server.origin.clone());
        let mut other = McpSetup { tenant: "other", ..McpSetup::new("billing", &server) };
        other.definition["headers"] = json!({});
        setup.mcp.push(other);
        let mut bea = AgentSetup::new("bea");
        bea.tenant = "other";
        setup.agents.push(bea.granted("billing", &["*"], &[]));
        setup.limits.push(LimitSetup::new("*/billing/*", daily(1)));
        let others = LimitSetup::new("*/billing/*", daily(1));
        setup.limits.push(LimitSetup { tenant: "other", ..others });
    })
    .await;
    let echo = || world.ask("bea", BILLING, call("echo", json!({})));
    assert!(!echo().await.result().0);
    assert!(echo().await.result().0);
    assert!(notes(&world, "alice").await);
    assert!(!notes(&world, "bob").await);
    world.change(|it| it.limits.retain(|limit| limit.tenant == "default"));
    assert!(!echo().await.result().0);
    assert!(!notes(&world, "bob").await);
}
