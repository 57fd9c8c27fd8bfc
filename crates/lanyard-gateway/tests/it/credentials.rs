//! Credentials that an agent gives to a tool: denied before anything is sent or recorded. Where a
//! server's tools take them, nothing that is kept holds one.

use lanyard_core::credential::samples_for_test;
use lanyard_gateway::snapshot::Recording;
use serde_json::{Value, json};

use crate::harness::{Conditions, Setup, World};
use crate::mcp::{FAKE, world as mcp_world};
use crate::mcp_server::{Mcp, Speaks};
use crate::outcomes::produced;

/// A rule that reads the argument, so that records may keep it.
const READS: &str = r#"
@id("no-prod")
forbid(principal, action == Action::"call:billing/echo", resource)
when { context.args has text && context.args.text == "prod" };
"#;

/// A gateway that keeps all that it may keep.
async fn keeping(takes_credentials: bool, change: impl FnOnce(&mut Setup)) -> World {
    World::with(Conditions::default(), |setup| {
        setup.policy = READS.to_owned();
        setup.recording = Recording::Read;
        setup.payloads = true;
        setup.takes_credentials = takes_credentials;
        change(setup);
    })
    .await
}

/// All that was kept: the log, and what is sealed in it of arguments.
fn kept(world: &World) -> String {
    let sealed = world.records().into_iter().filter(|it| it["part"] == "arguments");
    let opened: Vec<String> = sealed.map(|it| world.keys.open(&it)).collect();
    format!("{} {}", world.log_text(), opened.join(" "))
}

#[tokio::test]
async fn a_credential_in_an_argument_is_neither_sent_nor_recorded() {
    produced("argument_credential");
    let world = keeping(false, |_| {}).await;
    for (kind, sample) in samples_for_test() {
        for text in [sample.clone(), format!("use this:\n{sample}\nand go on")] {
            let answer = world.call("alice", "echo", json!({ "text": text })).await;
            let (is_error, told) = answer.result();
            assert!(is_error && told.contains("the argument \"text\""), "{told}");
            assert!(told.contains(kind) && told.contains("lanyard secret intake NAME"), "{told}");
            assert!(!told.contains(&sample), "{told}");
        }
        assert!(!kept(&world).contains(&sample), "{kind} is in the log");
    }
    assert!(world.api.seen().is_empty(), "something was sent");
    let records = world.settled().await;
    let denied = |it: &Value| it["kind"] == "call.denied";
    assert!(records.iter().all(denied), "{records:#?}");
    let last = records.last().unwrap();
    assert_eq!(last["denied_code"], "argument_credential");
    assert_eq!(last["denied_detail"], "the argument \"text\": password in a URL");
    assert_eq!(last["attributes"], Value::Null);
}

#[tokio::test]
async fn an_argument_whose_name_is_one_is_not_named() {
    let world = keeping(false, |_| {}).await;
    let (_, sample) = samples_for_test().swap_remove(0);
    let answer = world.call("alice", "echo", json!({ sample.as_str(): 1 })).await;
    let (is_error, told) = answer.result();
    assert!(is_error && told.starts_with("the name of an argument holds"), "{told}");
    assert!(!told.contains(&sample) && !kept(&world).contains(&sample), "{told}");
}

/// What an agent may not use does not exist for it, whatever it sends there.
#[tokio::test]
async fn a_tool_that_is_not_granted_says_nothing_of_it() {
    let world = keeping(false, |_| {}).await;
    let (_, sample) = samples_for_test().swap_remove(0);
    let arguments = json!({ "text": sample });
    let granted_to_nobody = world.call("bob", "echo", arguments.clone()).await.json();
    let not_there = world.call("bob", "nothing", arguments).await.json();
    let message = |answer: &Value| answer["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(message(&granted_to_nobody), "Tool echo not found");
    assert_eq!(message(&not_there), "Tool nothing not found");
    assert!(!kept(&world).contains(&sample));
}

/// The attack with the defence switched off: it is sent, and comes back, and what is kept of it is
/// masked.
#[tokio::test]
async fn a_server_whose_tools_take_credentials_is_sent_them_and_none_is_kept() {
    for (kind, sample) in samples_for_test() {
        let world = keeping(true, |_| {}).await;
        let answer = world.call("alice", "echo", json!({ "text": sample })).await;
        let (is_error, told) = answer.result();
        assert!(!is_error && told.contains(&sample), "{kind} did not come back: {told}");
        assert_eq!(world.api.seen().len(), 1);
        world.settled().await;
        let kept = kept(&world);
        assert!(!kept.contains(&sample), "{kind} is kept: {kept}");
        assert!(kept.contains("[masked]"), "{kind}: {kept}");
    }
}

/// What a person is asked to approve is stored too.
#[tokio::test]
async fn what_is_shown_of_a_call_that_waits_holds_none() {
    let (_, sample) = samples_for_test().swap_remove(0);
    let world = World::with(Conditions::default(), |setup| {
        setup.takes_credentials = true;
        setup.policy = format!("@approval(\"it is looked at\")\n{READS}").replace("prod", &sample);
        setup.policy_version = Some(1);
        setup.servers.iter_mut().for_each(|it| it.timeout = std::time::Duration::from_millis(50));
    })
    .await;
    let answer = world.call("alice", "echo", json!({ "text": sample })).await;
    assert!(answer.result().1.contains("pending approval"), "{answer:?}");
    assert_eq!(world.people.asked()[0].wanted.shown, r#"{"text":"[masked]"}"#);
}

#[tokio::test]
async fn tools_and_prompts_of_mcp_servers_are_held_to_it_too() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = mcp_world(&server).await;
    let (_, sample) = samples_for_test().swap_remove(0);
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {"name": "echo", "arguments": {"text": {"deep": [sample]}}}});
    let answer = world.ask("alice", FAKE, call).await;
    let (is_error, told) = answer.result();
    assert!(is_error && told.contains("the argument \"text\""), "{told}");
    let prompt = json!({"jsonrpc": "2.0", "id": 1, "method": "prompts/get",
        "params": {"name": "greet", "arguments": {"who": sample}}});
    let answer = world.ask("alice", FAKE, prompt).await.json();
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("the argument \"who\"") && !message.contains(&sample), "{answer}");
    assert_eq!(answer["error"]["code"], -32602);
    assert!(server.heard_of("tools/call").is_empty() && server.heard_of("prompts/get").is_empty());
    assert!(!world.log_text().contains(&sample));
}
