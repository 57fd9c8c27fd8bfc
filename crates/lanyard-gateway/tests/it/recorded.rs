//! What records keep of arguments where that is switched on: what policies read, and no secret.

use lanyard_gateway::snapshot::Recording;
use serde_json::{Value, json};

use crate::harness::{Conditions, McpSetup, World, bare};
use crate::mcp::{FAKE, call_modern};
use crate::mcp_server::{Mcp, Speaks};
use crate::server::KEY;

const NO_PROD: &str = r#"
@id("no-prod")
forbid(principal, action == Action::"call:billing/echo", resource)
when { context.args has text && context.args.text == "prod" };
"#;

async fn world(recording: Recording) -> World {
    World::with(Conditions::default(), move |setup| {
        setup.policy = NO_PROD.to_owned();
        setup.recording = recording;
    })
    .await
}

/// What the records of calls keep, one for each call.
async fn kept(world: &World) -> Vec<Value> {
    let records = world.settled().await;
    let calls = records.iter().filter(|it| it["kind"] != "call.close");
    calls.filter(|it| it["kind"] != "change").map(|it| it["attributes"].clone()).collect()
}

#[tokio::test]
async fn what_rules_read_is_kept_of_allowed_and_of_denied_calls() {
    let world = world(Recording::Read).await;
    world.call("alice", "echo", json!({"text": "test"})).await;
    world.call("alice", "echo", json!({"text": "prod"})).await;
    // Completed before it is decided: the default is what is sent.
    world.call("alice", "echo", json!({})).await;
    // No rule reads anything of this tool.
    world.call("alice", "line", json!({"text": "other"})).await;
    let expected = [
        json!({"args": {"text": "test"}, "absent": []}),
        json!({"args": {"text": "prod"}, "absent": []}),
        json!({"args": {"text": ""}, "absent": []}),
        Value::Null,
    ];
    assert_eq!(kept(&world).await, expected);
    let denied = world.records().into_iter().find(|it| it["kind"] == "call.denied").unwrap();
    assert_eq!(denied["denied_by"], "policy:no-prod", "{denied}");
}

#[tokio::test]
async fn nothing_is_kept_where_it_is_not_switched_on() {
    let world = world(Recording::Digest).await;
    world.call("alice", "echo", json!({"text": "test"})).await;
    world.call("alice", "echo", json!({"text": "prod"})).await;
    assert_eq!(kept(&world).await, [Value::Null, Value::Null]);
}

/// Secrets that the gateway knows, credentials by their form, and what is too large: the argument is
/// left out, and no part of it is in the log.
#[tokio::test]
async fn no_secret_gets_into_a_record() {
    let world = world(Recording::Read).await;
    let hex: String = KEY.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = KEY.bytes().map(|byte| format!("%{byte:02X}")).collect();
    // In two parts, so that this file holds nothing that has the form.
    let form = ["AKIA", "IOSFODNN7EXAMPLE"].concat();
    let large = "x".repeat(4096);
    let texts = [KEY, &format!("a {KEY} b"), &hex, &percent, &form, &large];
    for text in texts {
        world.call("alice", "echo", json!({"text": text})).await;
    }
    let nothing = json!({"args": {}, "absent": []});
    assert_eq!(kept(&world).await, vec![nothing; texts.len()]);
    let log = world.log_text();
    for text in [KEY, hex.as_str(), percent.as_str(), form.as_str(), large.as_str()] {
        assert!(!log.contains(text), "{text}");
    }
}

#[tokio::test]
async fn what_a_schema_hides_is_not_kept_and_absence_is() {
    let server = Mcp::start(Speaks::Modern).await;
    let world = World::with(Conditions::default(), |setup| {
        setup.origins.push(server.origin.clone());
        let mut fake = McpSetup::new("fake", &server);
        let schema = json!({"type": "object", "properties": {
            "user": {"type": "string"},
            "pin": {"type": "string", "format": "password"},
            "card": {"type": "object", "properties": {"number": {"type": "string", "writeOnly": true}}},
            "note": {"type": ["string", "null"], "default": "none"},
        }});
        fake.tools = vec![json!({"name": "echo", "description": "d", "inputSchema": schema})];
        setup.mcp.push(fake);
        setup.agent("alice").grants.push(("fake", &["*"], &[]));
        setup.recording = Recording::Read;
        setup.policy = r#"
            @id("a") forbid(principal, action == Action::"call:fake/echo", resource)
            when { context.args has user && context.args.user == "eve" ||
                   context.args has pin && context.args.pin == "0000" ||
                   context.args has card && context.args.card has number &&
                   context.args.card.number == "1" ||
                   context.args has note && context.args.note == "x" };"#
            .to_owned();
    })
    .await;
    world.by("alice", "POST", FAKE).json(bare("tools/list")).send().await;
    let hidden = json!({"user": "ann", "pin": "7193", "card": {"number": "5500-7193"}, "note": null, "more": 1});
    call_modern(&world, FAKE, "echo", hidden).await;
    call_modern(&world, FAKE, "echo", json!({})).await;
    let expected = [
        json!({"args": {"note": null, "user": "ann"}, "absent": []}),
        json!({"args": {}, "absent": ["note", "user"]}),
    ];
    assert_eq!(kept(&world).await, expected);
    assert!(!world.log_text().contains("7193"));
}
