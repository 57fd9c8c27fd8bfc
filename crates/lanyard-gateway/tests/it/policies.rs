//! Policies on the way of a call: what they stop is not sent, and what no arguments could do is not
//! there. How they decide is tested in `lanyard-policy`.

use serde_json::json;

use crate::harness::{BILLING, Conditions, Setup, World, bare, call};
use crate::outcomes::produced;

const NO_PROD: &str = r#"
@id("no-prod") @message("not in production")
forbid(principal, action in Action::"call", resource == Tool::"billing/echo")
when { context.args.text == "prod" };
"#;

async fn with(policy: &str) -> World {
    let policy = policy.to_owned();
    World::with(Conditions::default(), move |setup: &mut Setup| setup.policy = policy).await
}

/// The names that an agent's list shows.
async fn listed(world: &World, agent: &str) -> Vec<String> {
    let answer = world.ask(agent, BILLING, bare("tools/list")).await.json();
    let tools = answer["result"]["tools"].as_array().cloned().unwrap_or_default();
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_forbid_stops_what_it_is_about_and_is_recorded() {
    produced("policy_forbids");
    let world = with(NO_PROD).await;
    let (is_error, _) = world.call("alice", "echo", json!({"text": "test"})).await.result();
    assert!(!is_error);
    assert_eq!(world.api.seen().len(), 1);
    let (is_error, text) = world.call("alice", "echo", json!({"text": "prod"})).await.result();
    assert!(is_error);
    let expected = "forbidden by policy (rule `no-prod`): not in production (record ";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(world.api.seen().len(), 1, "nothing was sent");
    assert!(listed(&world, "alice").await.contains(&"echo".to_owned()));
    let records = world.settled().await;
    let denied = records.iter().find(|it| it["kind"] == "call.denied").unwrap();
    assert_eq!(denied["denied_code"], "policy_forbids", "{denied}");
    assert_eq!(denied["denied_by"], "policy:no-prod", "{denied}");
    assert_eq!(denied["policy"], 1, "{denied}");
    assert!(!denied.to_string().contains("prod\"}"), "no value is in the record");
}

/// The call that the forbid is meant to stop, in every other way in which it can be written.
#[tokio::test]
async fn no_way_of_writing_an_argument_gets_past_a_forbid() {
    let world = with(NO_PROD).await;
    for text in [
        r#""prod""#,
        r#""p\u0072od""#,
        "\"\u{ff50}rod\"",
        r#"["prod"]"#,
        r#"{"text": "prod"}"#,
        "1",
        "1.0",
        "1e400",
        "true",
        r#""prod", "text": "test""#,
        r#""test", "text": "prod""#,
        r#""test", "te\u0078t": "prod""#,
    ] {
        let message = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"echo","arguments":{{"text":{text}}}}}}}"#
        );
        let answer = world.by("alice", "POST", BILLING).json(message).send().await;
        let answer = answer.body;
        assert!(
            answer.contains("isError\":true") || answer.contains("\"error\""),
            "{text}: {answer}"
        );
    }
    assert!(world.api.seen().is_empty(), "nothing was sent: {:?}", world.api.seen());
}

#[tokio::test]
async fn what_no_arguments_could_do_does_not_exist() {
    let world = with(
        r#"@id("read") forbid(principal, action in Action::"call", resource)
           unless { resource.hints has readOnly && resource.hints.readOnly };"#,
    )
    .await;
    let listed = listed(&world, "alice").await;
    assert!(listed.contains(&"total".to_owned()) && !listed.contains(&"echo".to_owned()));
    let answer = world.call("alice", "echo", json!({"text": "x"})).await.json();
    assert_eq!(answer["error"]["message"], "Tool echo not found", "{answer}");
    let records = world.settled().await;
    let denied = records.iter().find(|it| it["kind"] == "call.denied").unwrap();
    assert_eq!(denied["denied_code"], "tool_not_granted", "{denied}");
}

#[tokio::test]
async fn a_permit_opens_a_server_that_no_grant_names() {
    let permit = r#"@id("eve") permit(principal == Agent::"eve", action in Action::"call",
        resource == Tool::"billing/note");"#;
    let world = with(permit).await;
    assert_eq!(listed(&world, "eve").await, ["note"]);
    let (is_error, text) = world.call("eve", "note", json!({"text": "x"})).await.result();
    assert!(!is_error, "{text}");
    let answer = world.call("eve", "total", json!({})).await.json();
    assert_eq!(answer["error"]["message"], "Tool total not found");
    // And on the endpoint for all servers.
    let answer = world.ask("eve", "/mcp", bare("tools/list")).await.json();
    assert_eq!(answer["result"]["tools"][0]["name"], "billing__note", "{answer}");
    let answer = world.ask("eve", "/mcp", call("billing__note", json!({}))).await;
    assert!(!answer.result().0);
    // Taken away, it is gone with the next request.
    world.change(|setup| setup.policy = String::new());
    assert_eq!(world.call("eve", "note", json!({})).await.status, 404);
    let records = world.settled().await;
    assert_eq!(records[0]["allowed_by"], json!("policy:eve"), "{}", records[0]);
}

#[tokio::test]
async fn what_cannot_be_decided_is_not_done() {
    produced("policy_undecidable");
    let world = with(
        r#"@id("large") forbid(principal, action in Action::"call", resource)
           when { context.args has text && context.args.text > 5 };"#,
    )
    .await;
    // For tools without the argument the rule says nothing; for this one it makes no sense.
    assert!(!world.call("alice", "total", json!({})).await.result().0);
    let answer = world.call("alice", "echo", json!({"text": "x"})).await.json();
    assert_eq!(answer["error"]["message"], "Tool echo not found", "{answer}");
    assert_eq!(world.api.seen().len(), 1);
    let world = with(
        r#"@id("sum") forbid(principal, action in Action::"call", resource)
           when { context.session.calls * 9223372036854775806 > 5 };"#,
    )
    .await;
    assert!(!world.call("alice", "total", json!({})).await.result().0);
    assert!(world.call("alice", "total", json!({})).await.result().0, "forbidden");
    let (is_error, text) = world.call("alice", "total", json!({})).await.result();
    assert!(is_error && !text.is_empty());
}

#[tokio::test]
async fn what_a_session_did_counts() {
    let world = World::with(Conditions::default(), |setup: &mut Setup| {
        setup.policy = r#"@id("apart") forbid(principal, action in Action::"call", resource == Tool::"billing/echo")
            when { context.session.calls >= 1 };"#
            .to_owned();
    })
    .await;
    assert!(!world.call("alice", "echo", json!({"text": "x"})).await.result().0);
    assert!(world.call("alice", "echo", json!({"text": "x"})).await.result().0);
    assert!(!world.call("alice", "total", json!({})).await.result().0);
    world.advance(std::time::Duration::from_secs(3601));
    assert!(!world.call("alice", "echo", json!({"text": "x"})).await.result().0);
}

#[tokio::test]
async fn a_rule_in_shadow_is_recorded_and_not_enforced() {
    let world = with(&NO_PROD.replace("@id", "@shadow @id")).await;
    assert!(!world.call("alice", "echo", json!({"text": "prod"})).await.result().0);
    let records = world.settled().await;
    assert_eq!(records[0]["shadow"], json!(["policy:no-prod"]), "{}", records[0]);
}
