//! Policies held against the tools that are there: what makes no sense for one is refused as a whole.

use http::Method;
use serde_json::{Value, json};

use crate::fixture::World;

const PATH: &str = "/v1/policy";

async fn world() -> World {
    let world = World::new();
    add(&world, "billing", "{name: number, description: d, type: string, position: query}").await;
    add(&world, "clock", "{name: hour, description: d, type: integer, position: query}").await;
    world.ok(Method::POST, "/v1/agents", json!({ "name": "alice" })).await;
    for server in ["billing", "clock"] {
        let path = format!("/v1/grants/alice/{server}");
        world.ok(Method::PUT, &path, json!({ "allow": ["*"] })).await;
    }
    world
}

async fn add(world: &World, server: &str, argument: &str) {
    let definition = format!(
        "server:\n  name: {server}\ntools:\n- name: get\n  description: d\n  args:\n  - {argument}\n  \
         requestTemplate: {{url: \"https://a.example/t\", method: GET}}\n"
    );
    let add = json!({ "name": server, "file": "s.yaml", "source": definition });
    world.ok(Method::POST, "/v1/servers", add).await;
}

fn forbid(id: &str, action: &str, condition: &str) -> String {
    format!(
        "@id(\"{id}\")\nforbid (principal, action {action}, resource)\nwhen {{ {condition} }};\n"
    )
}

fn body(text: &str) -> Value {
    json!({ "text": text, "file": "p.cedar" })
}

#[tokio::test]
async fn what_cannot_be_evaluated_for_a_tool_is_refused() {
    let world = world().await;
    let published = world.published();
    let any = "in Action::\"call\"";
    for (action, condition, of, line) in [
        (
            "== Action::\"call:billing/get\"",
            "context.args has number && context.args.number == 5",
            "billing.get",
            3,
        ),
        ("== Action::\"call:clock/get\"", "context.args.number == \"x\"", "clock.get", 3),
        (any, "context.args has number && context.args.number > 5", "billing.get", 3),
        // It reads what the one has and the other has not, and does not ask whether it is there.
        (any, "context.args.hour > 5", "billing.get", 3),
    ] {
        let good = forbid("good", any, "context.time.hour > 25");
        let text = format!("{}{good}", forbid("bad", action, condition));
        for extra in [json!({}), json!({ "shadow": true }), json!({ "dry_run": true })] {
            let mut body = body(&text);
            body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            let (status, answer) = world.ask(Method::PUT, PATH, body).await;
            assert_eq!(status, 422, "{condition}: {answer}");
            let problem = &answer["problems"][0];
            let found = (&problem["file"], &problem["line"], &problem["path"]);
            assert_eq!(found, (&json!("p.cedar"), &json!(line), &json!("bad")), "{condition}");
            let message = problem["message"].as_str().unwrap();
            let told = message.contains(of) && message.contains("name in its head the tools");
            assert!(told, "{condition}: {message}");
            let checked = world.ok(Method::POST, "/v1/policy/check", self::body(&text)).await;
            assert_eq!(checked["findings"][0]["message"], problem["message"], "{condition}");
            assert_eq!(checked["findings"][0]["severity"], "error", "{condition}");
        }
    }
    let shown = world.ok(Method::GET, PATH, Value::Null).await;
    assert_eq!((world.published(), &shown["version"]), (published, &json!(0)));
}

#[tokio::test]
async fn a_broad_rule_that_asks_whether_an_argument_is_there_is_taken() {
    let world = world().await;
    let any = "in Action::\"call\"";
    let text = forbid("late", any, "context.args has hour && context.args.hour > 22");
    assert_eq!(world.ok(Method::PUT, PATH, body(&text)).await["version"], 1);
    let checked = world.ok(Method::GET, "/v1/policy/check", Value::Null).await;
    assert_eq!((&checked["version"], &checked["findings"]), (&json!(1), &json!([])));
}

/// What fitted when it was applied need not fit what came since: that is denied, and told.
#[tokio::test]
async fn a_tool_that_comes_later_and_does_not_fit_is_told() {
    let world = world().await;
    let any = "in Action::\"call\"";
    let text = forbid("late", any, "context.args has hour && context.args.hour > 22");
    world.ok(Method::PUT, PATH, body(&text)).await;
    add(&world, "diary", "{name: hour, description: d, type: string, position: query}").await;
    let checked = world.ok(Method::GET, "/v1/policy/check", Value::Null).await;
    let finding = &checked["findings"][0];
    assert_eq!((&finding["severity"], &finding["rule"]), (&json!("error"), &json!("late")));
    let message = finding["message"].as_str().unwrap();
    assert!(message.contains("for diary.get and stops every call there"), "{message}");
    let status = world.ok(Method::GET, "/v1/status", Value::Null).await;
    let told = "1 rules of the policies stop calls that they cannot be evaluated for";
    assert!(status["findings"].to_string().contains(told), "{status}");
    // The same text again is no way around it, and taking the rule back is.
    assert_eq!(world.ask(Method::PUT, PATH, body(&text)).await.0, 422);
    assert_eq!(world.ok(Method::PUT, PATH, body("")).await["version"], 2);
}

/// The clock of the tests stands at one in the night.
#[tokio::test]
async fn a_check_says_the_same_at_night() {
    let world = world().await;
    let text = "@id(\"hours\")\nforbid (principal, action, resource)\nunless { context.time.hour >= 9 && \
                context.time.hour < 17 };\n";
    let checked = world.ok(Method::POST, "/v1/policy/check", body(text)).await;
    assert_eq!(checked["findings"], json!([]));
    let never = "@id(\"never\")\nforbid (principal, action, resource);\n";
    let checked = world.ok(Method::POST, "/v1/policy/check", body(never)).await;
    let message = checked["findings"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("no agent can call billing.get, clock.get:"), "{message}");
}
