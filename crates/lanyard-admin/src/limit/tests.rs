//! Limits on calls as operators set them: what makes no sense is refused, what is said is kept.

use http::Method;
use serde_json::{Value, json};

use crate::fixture::World;

const PATH: &str = "/v1/call-limits";

async fn world() -> World {
    let world = World::new();
    let definition = "server:\n  name: billing\ntools:\n- name: refund\n  description: d\n  \
        requestTemplate: {url: \"https://a.example/t\", method: GET}\n";
    let add = json!({ "name": "billing", "file": "billing.yaml", "source": definition });
    world.ok(Method::POST, "/v1/servers", add).await;
    world.ok(Method::POST, "/v1/agents", json!({ "name": "alice" })).await;
    world
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let world = world().await;
    for (body, part) in [
        (json!({}), "a limit needs a rate, a concurrency, calls per day or cost per day"),
        (json!({ "agent": "alice" }), "a limit needs a rate"),
        (json!({ "calls_per_day": 0 }), "calls per day: a number from 1 to"),
        (json!({ "calls_per_day": -1 }), "a value of another type"),
        (json!({ "calls_per_day": "7" }), "a value of another type"),
        (json!({ "rate": "10" }), "rate: write a number of calls and a unit"),
        (json!({ "burst": 1, "concurrency": 1 }), "burst: it belongs to a rate"),
        (json!({ "calls": 1 }), "unknown field `calls`"),
        (json!({ "tool": "refund", "concurrency": 1 }), "name the server too"),
        (json!({ "agent": "bob", "concurrency": 1 }), "agent `bob`"),
        (json!({ "agent": "B b", "concurrency": 1 }), "agent name"),
        (json!({ "server": "crm", "concurrency": 1 }), "server `crm`"),
        (
            json!({ "server": "billing", "tool": "pay", "concurrency": 1 }),
            "server `billing` has no tool `pay`; it has: refund",
        ),
    ] {
        let (status, answer) = world.ask(Method::PUT, PATH, body.clone()).await;
        let message = answer["error"].as_str().unwrap();
        assert!(status >= 400 && message.contains(part), "{body}: {status} {message}");
    }
    let published = world.published();
    for query in ["", "?agent=alice", "?server=billing&tool=refund"] {
        let (status, answer) =
            world.ask(Method::DELETE, &format!("{PATH}{query}"), Value::Null).await;
        let message = answer["error"].as_str().unwrap();
        assert!(
            status == 404 && message.starts_with("there is no limit on the calls "),
            "{message}"
        );
    }
    let (status, _) = world.ask(Method::DELETE, &format!("{PATH}?tool=refund"), Value::Null).await;
    assert_eq!(status, 422);
    assert_eq!((world.published(), world.rows().limits.len()), (published, 0));
}

#[tokio::test]
async fn a_limit_is_set_shown_with_what_it_counted_replaced_and_taken_away() {
    let world = world().await;
    let body = json!({ "agent": "alice", "server": "billing", "tool": "refund", "rate": "10/s" });
    let set = world.ok(Method::PUT, PATH, body).await;
    let expected = json!({
        "limit": "alice/billing/refund", "agent": "alice", "server": "billing", "tool": "refund",
        "rate": "10/s", "burst": 10, "concurrency": null, "calls_per_day": null,
        "cost_per_day": null, "updated_at": set["updated_at"], "running": 2, "calls_today": 12,
        "cost_today": 30,
    });
    assert_eq!(set, expected);
    let told = world.told().await;
    assert!(
        told.starts_with(r#""call-limit.set" "call-limit:alice/billing/refund""#)
            && told.contains(r#""rate""#),
        "{told}"
    );
    let again = json!({
        "agent": "alice", "server": "billing", "tool": "refund", "concurrency": 4, "cost_per_day": 9
    });
    world.ok(Method::PUT, PATH, again).await;
    world.ok(Method::PUT, PATH, json!({ "calls_per_day": 1000 })).await;
    let listed = world.ok(Method::GET, PATH, Value::Null).await;
    let shown: Vec<_> = listed["call_limits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| json!([it["limit"], it["rate"], it["concurrency"], it["calls_today"]]))
        .collect();
    let expected = [json!(["*/*/*", null, null, 0]), json!(["alice/billing/refund", null, 4, 12])];
    assert_eq!(shown, expected);
    // Another tenant has limits of its own.
    world.ok(Method::POST, "/v1/tenants", json!({ "name": "other" })).await;
    let (_, theirs) = world.ask_of(Some("other"), Method::GET, PATH, Value::Null).await;
    assert_eq!(theirs, json!({ "call_limits": [] }));
    let gone = world.ask_of(Some("other"), Method::DELETE, PATH, Value::Null).await;
    assert_eq!(gone.0, 404);
    world.ok(Method::DELETE, PATH, Value::Null).await;
    let told = world.told().await;
    assert!(told.starts_with(r#""call-limit.remove" "call-limit:*/*/*""#), "{told}");
    assert_eq!(world.rows().limits.len(), 1);
}
