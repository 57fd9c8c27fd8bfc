//! A recorded day, held against texts that were not in force.

use http::Method;
use lanyard_core::{
    AgentName, CallFacts, CallRecord, Decision, Ending, EndingStatus, OpenRecord, Record, RecordId,
    RecordWho, ServerName, TenantName,
};

use super::*;
use crate::fixture::World;

const CALLS: u64 = 3_000;

async fn world() -> World {
    let world = World::new();
    let definition = "server:\n  name: billing\ntools:\n- name: pay\n  description: d\n  args:\n  \
        - {name: amount, description: d, type: integer, position: query}\n  \
        - {name: note, description: d, type: string, default: none, position: query}\n  \
        requestTemplate: {url: \"https://a.example/t\", method: GET}\n";
    let add = json!({ "name": "billing", "file": "b.yaml", "source": definition });
    world.ok(Method::POST, "/v1/servers", add).await;
    world.ok(Method::POST, "/v1/agents", json!({ "name": "alice" })).await;
    world.ok(Method::PUT, "/v1/grants/alice/billing", json!({ "allow": ["*"] })).await;
    world
}

fn record(number: u64, decision: Decision, attributes: Option<&str>) -> Record {
    let began = Timestamp(1_795_302_341_000_000);
    let time = began.plus(std::time::Duration::from_secs(number));
    Record::Opened(Box::new(OpenRecord {
        id: RecordId::from_parts(time, u128::from(number)),
        time,
        who: RecordWho {
            tenant: TenantName::default_tenant(),
            agent: AgentName::parse("alice").unwrap(),
            user: None,
            token: None,
            peer: "127.0.0.1:50000".to_owned(),
        },
        method: "tools/call",
        server: Some(ServerName::parse("billing").unwrap()),
        tool: Some("pay".to_owned()),
        arguments_digest: None,
        snapshot: 1,
        decision,
        continues: None,
        facts: CallFacts { attributes: attributes.map(str::to_owned), ..CallFacts::default() },
    }))
}

fn allowed() -> Decision {
    Decision::Allowed { by: vec!["grant:alice/billing".to_owned()] }
}

fn denied(code: &'static str) -> Decision {
    Decision::Denied { code, detail: None, by: Vec::new() }
}

/// Writes records, the open ones with their ends.
fn write(world: &World, records: impl Iterator<Item = Record>) {
    let log = &world.admin.shared.parts.log;
    for record in records {
        log.append(&record).unwrap();
        let Record::Opened(open) = record else { continue };
        if matches!(open.decision, Decision::Denied { .. }) {
            continue;
        }
        let ending = Ending {
            status: EndingStatus::Answered,
            failure: None,
            upstream_status: None,
            upstream_bytes: 0,
            result_bytes: 0,
            masked: 0,
            took_micros: 5,
        };
        log.append(&Record::Closed(CallRecord { id: open.id, time: open.time, ending })).unwrap();
    }
    log.close().unwrap();
}

fn replayed(world: &World, text: &str) -> Value {
    let shared = &world.admin.shared;
    let request: TextRequest = serde_json::from_value(json!({ "text": text })).unwrap();
    let policies = request.parse("UTC", shared).unwrap();
    let mut replay = Replay::new(shared, policies, &shared.rows().unwrap()).unwrap();
    audit::export(&shared.parts.audit_directory, &Filter::default(), &mut replay).unwrap();
    replay.result()
}

/// `WAS > WOULD BE: CALLS` of all counts.
fn counts(result: &Value) -> Vec<String> {
    let count = |it: &Value| {
        let of = |key: &str| it[key].as_str().unwrap().to_owned();
        format!("{} > {}: {}", of("was"), of("would_be"), it["calls"])
    };
    result["counts"].as_array().unwrap().iter().map(count).collect()
}

fn forbid(condition: &str) -> String {
    format!(
        "@id(\"a\") forbid (principal, action == Action::\"call:billing/pay\", resource) when {{ {condition} }};"
    )
}

#[tokio::test]
async fn what_was_kept_of_arguments_decides_and_what_was_not_is_undecidable() {
    let world = world().await;
    write(
        &world,
        (0..CALLS).map(|number| {
            let kept = match number % 3 {
                0 => Some(format!(r#"{{"args":{{"amount":{number}}},"absent":["note"]}}"#)),
                1 => Some(r#"{"args":{"note":"some"},"absent":["amount"]}"#.to_owned()),
                _ => None,
            };
            record(number, allowed(), kept.as_deref())
        }),
    );
    // Of the first third half are above; in the second it was absent; of the third nothing is known.
    let above = "context.args has amount && context.args.amount > 1500";
    for _ in 0..2 {
        let result = replayed(&world, &forbid(above));
        let expected =
            ["allowed > allowed: 1501", "allowed > denied: 499", "allowed > undecidable: 1000"];
        assert_eq!(counts(&result), expected);
        let (calls, same) = (&result["calls"], &result["same"]);
        assert_eq!((calls, same, &result["unknown"]), (&json!(CALLS), &json!(1501), &json!(0)));
        assert_eq!(result["changed"][0]["calls"], 499);
        assert_eq!(result["changed"][0]["tool"], "pay");
    }
    // For what was absent the default stands, and for what is not known nothing does.
    let none = "context.args has note && context.args.note == \"none\"";
    let expected =
        ["allowed > allowed: 1000", "allowed > denied: 1000", "allowed > undecidable: 1000"];
    assert_eq!(counts(&replayed(&world, &forbid(none))), expected);
    // With the time read nothing can be remembered. The second one is about the first 600 calls.
    let early = format!("context.time.at < datetime(\"2026-11-21T23:15:41Z\") && {above}");
    let late = format!("{above} && context.time.hour < 25");
    assert_eq!(counts(&replayed(&world, &forbid(&late)))[1], "allowed > denied: 499");
    let expected = ["allowed > allowed: 2800", "allowed > undecidable: 200"];
    assert_eq!(counts(&replayed(&world, &forbid(&early))), expected);
}

#[tokio::test]
async fn what_was_decided_is_told_from_what_was_refused_before_and_after() {
    let world = world().await;
    let decisions = [
        allowed(),
        denied("policy_forbids"),
        denied("approval_needed"),
        denied("limit_reached"),
        denied("arguments_invalid"),
        denied("tool_changed"),
        denied("tool_not_granted"),
    ];
    write(&world, (0..).zip(decisions).map(|(number, decision)| record(number, decision, None)));
    let result = replayed(&world, "");
    let expected = ["allowed > allowed: 2", "denied > allowed: 2", "needs approval > allowed: 1"];
    assert_eq!(
        (counts(&result), &result["beside"]),
        (expected.map(str::to_owned).to_vec(), &json!(2))
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_never_decided_by_guess() {
    let world = world().await;
    let odd = [
        "[]",
        "\"text\"",
        r#"{"args":[1]}"#,
        r#"{"args":{},"absent":"amount"}"#,
        r#"{"args":{},"absent":[]}"#,
        "{}",
    ];
    write(&world, (0..).zip(odd).map(|(number, kept)| record(number, allowed(), Some(kept))));
    let above = "context.args has amount && context.args.amount > 1500";
    assert_eq!(counts(&replayed(&world, &forbid(above))), ["allowed > undecidable: 6"]);
}

#[tokio::test]
async fn a_record_is_explained_in_a_large_log() {
    let world = world().await;
    let kept = r#"{"args":{"amount":7},"absent":["note"]}"#;
    write(&world, (0..CALLS).map(|number| record(number, allowed(), Some(kept))));
    for number in [0, CALLS / 2, CALLS - 1] {
        let Record::Opened(open) = record(number, allowed(), None) else { continue };
        let explained = world
            .ok(Method::POST, "/v1/policy/explain", json!({ "record": open.id.as_str() }))
            .await;
        assert_eq!(explained["record"]["id"], open.id.as_str(), "{explained}");
        assert_eq!(explained["record"]["attributes"]["args"]["amount"], 7, "{explained}");
    }
}
