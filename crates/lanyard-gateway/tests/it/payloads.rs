//! What is kept of arguments and answers: scrubbed, cut, under the key of whom the call is about, and
//! never lost without a word.

use lanyard_core::Limits;
use serde_json::{Value, json};

use crate::harness::{BILLING, Conditions, HeldSetup, McpSetup, Setup, World, call};
use crate::http::Answer;
use crate::mcp_server::{Mcp, Speaks};
use crate::server::KEY;

const ANN: &str = "ann.tst_7f3a9c2e";

async fn keeping(conditions: Conditions, change: impl FnOnce(&mut Setup)) -> World {
    World::with(conditions, |setup| {
        setup.payloads = true;
        change(setup);
    })
    .await
}

/// Kind and part of each record.
fn shapes(records: &[Value]) -> Vec<String> {
    let told = |it: &Value| {
        let part = it["part"].as_str().unwrap_or_default();
        format!("{} {part}", it["kind"].as_str().unwrap()).trim().to_owned()
    };
    records.iter().map(told).collect()
}

fn payloads(records: &[Value]) -> Vec<&Value> {
    records.iter().filter(|it| it["kind"] == "call.payload").collect()
}

const WHOLE: [&str; 4] =
    ["call.open", "call.payload arguments", "call.payload result", "call.close"];

#[tokio::test]
async fn arguments_and_answer_stand_beside_the_call_and_hold_no_secret() {
    let world = keeping(Conditions::default(), |_| {}).await;
    // The agent knows the key, and the API tells it in its answer in many forms.
    let answer = world.call("alice", "echo", json!({ "text": KEY })).await;
    let (is_error, told) = answer.result();
    assert!(!is_error, "{told}");
    let records = world.settled().await;
    assert_eq!(shapes(&records), WHOLE, "{records:#?}");
    let ids: Vec<_> = records.iter().map(|it| &it["id"]).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{records:#?}");
    let kept = payloads(&records);
    assert!(kept.iter().all(|it| it["subject"] == "agent:alice"));
    let opened = kept.iter().map(|it| world.keys.open(it)).collect::<Vec<_>>();
    assert_eq!(opened[0], r#"{"text":"[masked]"}"#);
    let result: Value = serde_json::from_str(&opened[1]).unwrap();
    assert_eq!(result["content"][0]["text"], told.as_str(), "as the agent got it");
    for text in opened.iter().chain([&world.log_text()]) {
        assert!(!text.contains(KEY), "{text}");
    }
    assert!(!world.log_text().contains("[masked]"), "what is kept is sealed");
    assert_eq!(kept[0]["bytes"], json!(opened[0].len()));
}

#[tokio::test]
async fn nothing_is_kept_unless_it_is_asked_for_and_nothing_of_what_is_denied() {
    let world = World::start().await;
    world.call("alice", "total", json!({})).await;
    assert_eq!(shapes(&world.settled().await), ["call.open", "call.close"]);
    world.change(|setup| setup.payloads = true);
    world.call("bob", "total", json!({})).await;
    world.call("alice", "get_invoice", json!({ "number": "77" })).await;
    assert!(payloads(&world.settled().await).is_empty());
    world.change(|setup| setup.payloads = false);
    world.call("alice", "total", json!({})).await;
    assert!(payloads(&world.settled().await).is_empty());
}

#[tokio::test]
async fn calls_for_users_are_about_the_user_on_mcp_servers_too() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let server = Mcp::start(speaks).await;
        let world = keeping(Conditions::default(), |setup| {
            setup.origins.push(server.origin.clone());
            let fake = McpSetup::new("fake", &server);
            setup.held = vec![HeldSetup::new("ann", &fake, ANN)];
            setup.mcp.push(fake);
            setup.agent("alice").users = &["ann"];
            setup.agent("alice").grants.push(("fake", &["*"], &[]));
        })
        .await;
        let echo = |user: Option<&str>, text: &str| {
            let request = world.by("alice", "POST", "/servers/fake/mcp");
            let request = match user {
                Some(user) => request.header("X-Lanyard-User", user),
                None => request,
            };
            request.json(call("echo", json!({ "secret": text }))).send()
        };
        // Her own credential is masked, though no agent was ever shown it.
        let answer: Answer = echo(Some("ann"), ANN).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        echo(None, "of nobody").await;
        let records = world.settled().await;
        let told: Vec<_> = payloads(&records)
            .iter()
            .map(|it| format!("{} {}", it["subject"], it["part"]).replace('"', ""))
            .collect();
        assert_eq!(
            told,
            [
                "user:ann arguments",
                "user:ann result",
                "agent:alice arguments",
                "agent:alice result"
            ]
        );
        let opened: Vec<_> = payloads(&records).iter().map(|it| world.keys.open(it)).collect();
        assert_eq!(opened[0], r#"{"secret":"[masked]"}"#);
        assert_eq!(opened[2], r#"{"secret":"of nobody"}"#);
        assert!(opened.iter().all(|text| !text.contains(ANN)), "{opened:?}");
        assert!(opened[3].contains("of nobody"), "{opened:?}");
    }
}

#[tokio::test]
async fn what_is_long_is_cut_and_says_so() {
    let limits = Limits { payload_bytes_max: 15, ..Conditions::default().limits };
    let world = keeping(Conditions { limits, strict: false }, |_| {}).await;
    // Cut within a character: what is kept ends before it.
    let answer = world.call("alice", "echo", json!({ "text": "aaaaaé" })).await;
    assert!(!answer.result().0);
    let records = world.settled().await;
    let kept = payloads(&records);
    assert_eq!(world.keys.open(kept[0]), r#"{"text":"aaaaa"#);
    assert_eq!((&kept[0]["bytes"], &kept[0]["kept_bytes"]), (&json!(18), &json!(14)));
    assert_eq!(kept[1]["kept_bytes"], 15);
    assert!(kept[1]["bytes"].as_u64().unwrap() > 15);
}

#[tokio::test]
async fn without_a_key_no_call_is_made() {
    for strict in [false, true] {
        let conditions = Conditions { strict, ..Conditions::default() };
        let world = keeping(conditions, |_| {}).await;
        *world.keys.broken.lock().unwrap() = true;
        let (is_error, text) = world.call("alice", "total", json!({})).await.result();
        assert!(is_error && text.starts_with("the call cannot be recorded"), "{text}");
        assert!(world.api.seen().is_empty());
        let records = world.settled().await;
        assert_eq!(shapes(&records), ["call.open", "call.close"]);
        assert_eq!(records[1]["failure"], "unrecordable");
        *world.keys.broken.lock().unwrap() = false;
        assert!(!world.call("alice", "total", json!({})).await.result().0);
    }
}

/// A person asks to be forgotten while a call for them runs: its answer is not kept, and that is told.
#[tokio::test]
async fn a_call_that_runs_adds_nothing_to_what_was_erased() {
    let world = keeping(Conditions::default(), |_| {}).await;
    let request = world.by("alice", "POST", BILLING).json(call("slow", json!({})));
    let erasing = async {
        world.api.until_seen(1).await;
        world.keys.erase("agent:alice");
        world.api.release();
    };
    let (answer, ()) = tokio::join!(request.send(), erasing);
    assert!(!answer.result().0);
    let records = world.settled().await;
    assert_eq!(shapes(&records), WHOLE);
    let lost = &records[2];
    assert_eq!((&lost["lost"], &lost["sealed"]), (&json!("erased"), &Value::Null), "{lost}");
    // The next one is kept, under another key.
    world.call("alice", "total", json!({})).await;
    let records = world.settled().await;
    let kept = payloads(&records);
    assert_eq!(world.keys.open(kept[2]), "{}");
}
