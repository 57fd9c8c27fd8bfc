//! No record, no call; and every record that was opened is closed, whatever happens.

use serde_json::json;

use crate::harness::{BILLING, Conditions, World, call, modern};
use crate::outcomes::produced;
use crate::server::KEY;

#[tokio::test]
async fn a_call_that_cannot_be_recorded_is_not_made() {
    produced("unrecordable");
    for strict in [false, true] {
        let conditions = Conditions { strict, ..Conditions::default() };
        let world = World::with(conditions, |_| {}).await;
        world.log.close().unwrap();
        let text = "the call cannot be recorded, so it was not made; an operator must look at \
                    the gateway's disk (record ";
        for tool in ["total", "note", "none"] {
            let (is_error, answer) = world.call("alice", tool, json!({})).await.result();
            assert!(is_error && answer.starts_with(text), "{answer}");
        }
        assert!(world.api.seen().is_empty());
        assert!(world.records().is_empty());
    }
}

#[tokio::test]
async fn a_record_says_who_what_why_and_how_it_ended() {
    let world = World::start().await;
    world.call("alice", "get_invoice", json!({"number": "INV-77"})).await;
    world.call("bob", "get_invoice", json!({"number": "INV-77"})).await;
    world.call("alice", "get_invoice", json!({"number": "77"})).await;
    world.ask("alice", "/mcp", call("none", json!({}))).await;
    world.ask("eve", BILLING, call("note", json!({}))).await;
    let records = world.settled().await;
    let decisions: Vec<_> = records
        .iter()
        .map(|it| {
            [&it["kind"], &it["agent"], &it["server"], &it["tool"], &it["denied_code"]]
                .map(|it| it.as_str().unwrap_or("-").to_owned())
        })
        .collect();
    let expected = [
        ["call.open", "alice", "billing", "get_invoice", "-"],
        ["call.close", "-", "-", "-", "-"],
        ["call.denied", "bob", "billing", "get_invoice", "tool_not_granted"],
        ["call.denied", "alice", "billing", "get_invoice", "arguments_invalid"],
        ["call.denied", "alice", "-", "none", "tool_unknown"],
        ["call.denied", "eve", "billing", "note", "server_not_granted"],
    ];
    assert_eq!(decisions, expected, "{records:#?}");
    let (open, close) = (&records[0], &records[1]);
    assert_eq!(open["id"], close["id"]);
    assert_eq!(open["allowed_by"], "grant:alice/billing", "{open}");
    assert_eq!((&close["status"], &close["upstream_status"]), (&json!("answered"), &json!(200)));
    assert!(open["peer"].as_str().unwrap().starts_with("127.0.0.1:"));
    assert!(open["token"].as_str().unwrap().starts_with("tk_"));
    // The digest of the file's text, which anybody can compute from `server show --source`.
    assert_eq!(open["pin"].as_str().unwrap().len(), 64);
    assert_eq!(records[3]["pin"], open["pin"]);
    assert_eq!(open["credentials"], json!({"billing-key": 1}));
    assert_eq!(open["client"], serde_json::Value::Null);
    let text = world.log_text();
    for value in ["INV-77", KEY, &world.token("alice")] {
        assert!(!text.contains(value), "{value}");
    }
}

#[tokio::test]
async fn a_record_notes_what_a_client_says_of_itself_and_of_its_trace() {
    let world = World::start().await;
    let (one, other) = ("11".repeat(16), "22".repeat(16));
    let parent = |trace: &str| format!("00-{trace}-00f067aa0ba902b7-01");
    let post = || world.by("alice", "POST", BILLING).header("traceparent", &parent(&one));
    modern(post(), "tools/call", json!({"name": "note", "arguments": {}})).send().await;
    let mut within = call("note", json!({}));
    within["params"]["_meta"] = json!({"traceparent": parent(&other)});
    post().json(within).send().await;
    let broken = world.by("alice", "POST", BILLING).header("traceparent", "00-1-1-1");
    broken.json(call("none", json!({}))).send().await;
    let records = world.settled().await;
    let told: Vec<_> = records.iter().filter(|it| it["kind"] != "call.close").collect();
    assert_eq!(told[0]["client"], json!({"name": "test", "version": "1"}));
    let traces: Vec<_> = told.iter().map(|it| it["trace"].as_str()).collect();
    assert_eq!(traces, [Some(&*one), Some(&*other), None]);
}

#[tokio::test]
async fn a_client_that_goes_away_closes_its_record() {
    for strict in [false, true] {
        let world = World::with(Conditions { strict, ..Conditions::default() }, |_| {}).await;
        let stream = world.by("alice", "POST", BILLING).json(call("slow", json!({}))).open().await;
        world.api.until_seen(1).await;
        assert_eq!(world.log.open_calls(), 1);
        drop(stream);
        let closed = world.settled().await.pop().unwrap();
        assert_eq!(
            (&closed["status"], &closed["failure"]),
            (&json!("failed"), &json!("cancelled"))
        );
    }
}

#[tokio::test]
async fn a_client_that_goes_away_at_any_moment_leaves_no_record_open() {
    let world = World::with(Conditions { strict: true, ..Conditions::default() }, |_| {}).await;
    for _ in 0..40 {
        // In strict mode a call spends its first milliseconds waiting for its record's sync.
        let before = world.records().len();
        let stream = world.by("alice", "POST", BILLING).json(call("total", json!({}))).open().await;
        while world.records().len() == before {
            tokio::task::yield_now().await;
        }
        drop(stream);
    }
    world.settled().await;
    world.shutdown.cancel();
    world.tasks.close();
    tokio::time::timeout(crate::http::PATIENCE, world.tasks.wait()).await.unwrap();
    let records = world.records();
    let count = |kind| records.iter().filter(|record| record["kind"] == kind).count();
    assert_eq!(count("call.open"), count("call.close"));
}

#[tokio::test]
async fn a_name_that_is_too_long_is_cut_in_the_record() {
    let world = World::start().await;
    let name = "é".repeat(500);
    let answer = world.call("alice", &name, json!({})).await;
    assert_eq!(answer.error().0, -32602);
    let record = world.settled().await.pop().unwrap();
    assert_eq!(record["tool"].as_str().unwrap(), "é".repeat(64));
}
