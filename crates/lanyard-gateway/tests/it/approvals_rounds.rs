//! Calls that a person approved and whose server then asks for more: the yes goes on with that call,
//! and with no other.

use std::time::Duration;

use lanyard_core::Limits;
use lanyard_policy::limit::TermsAsked;
use serde_json::{Value, json};

use crate::harness::{AgentSetup, Conditions, LimitSetup, McpSetup, Said, World};
use crate::http::Answer;
use crate::mcp::{FAKE, modern_that_elicits};
use crate::mcp_server::{Mcp, Speaks};

const POLICY: &str = r#"
@id("hold")
@approval("this agent is watched")
@approval_ttl("10m")
forbid (principal, action in Action::"call", resource);
"#;

struct Held {
    world: World,
    server: Mcp,
}

impl Held {
    async fn new() -> Self {
        Self::limited(&[]).await
    }

    async fn limited(limits: &[LimitSetup]) -> Self {
        let server = Mcp::start(Speaks::Modern).await;
        let world = World::with(Conditions::default(), |setup| {
            (setup.policy, setup.policy_version) = (POLICY.to_owned(), Some(1));
            setup.limits.extend(limits.iter().cloned());
            setup.origins.push(server.origin.clone());
            let timeout = Duration::from_secs(60);
            setup.mcp.push(McpSetup { timeout, ..McpSetup::new("fake", &server) });
            setup.agents.push(AgentSetup::new("held").granted("fake", &["*"], &[]));
            setup.agents.push(AgentSetup::new("held-too").granted("fake", &["*"], &[]));
            setup.agent("held").users = &["ann"];
        })
        .await;
        Self { world, server }
    }

    /// A call of the tool that asks, with what the client comes back with.
    async fn ask(&self, agent: &str, arguments: Value, back: &Value) -> Answer {
        let mut params = json!({ "name": "ask", "arguments": arguments });
        for (key, value) in back.as_object().into_iter().flatten() {
            params[key] = value.clone();
        }
        modern_that_elicits(self.world.by(agent, "POST", FAKE), params).send().await
    }

    async fn again(&self, back: &Value) -> Answer {
        self.ask("held", json!({}), back).await
    }

    /// A call that was approved and has reached its server: what to come back with to answer it.
    async fn asked_by_server(&self) -> Value {
        let waits = self.again(&Value::Null).await;
        let state = state_of(&waits);
        assert_eq!(waits.json()["result"].get("inputRequests"), None, "{waits:?}");
        self.world.people.say(true);
        let asked = self.again(&json!({ "requestState": state })).await;
        answer_to(&asked)
    }

    /// How many calls the server got.
    fn heard(&self) -> usize {
        self.server.heard_of("tools/call").len()
    }

    /// How many requests people got.
    fn asked(&self) -> usize {
        self.world.people.asked().len()
    }
}

#[track_caller]
fn state_of(answer: &Answer) -> Value {
    let result = &answer.json()["result"];
    assert_eq!(result["resultType"], "input_required", "{answer:?}");
    assert_ne!(result["requestState"], "state-1", "the server's own state is not given out");
    assert!(result["requestState"].is_string());
    result["requestState"].clone()
}

/// What a client comes back with that answers the server's question.
#[track_caller]
fn answer_to(answer: &Answer) -> Value {
    assert!(answer.json()["result"]["inputRequests"]["who"].is_object(), "{answer:?}");
    let reply = json!({ "action": "accept", "content": { "name": "Ada" } });
    json!({ "requestState": state_of(answer), "inputResponses": { "who": reply } })
}

#[track_caller]
fn greeted(answer: &Answer) {
    assert_eq!(answer.json()["result"]["content"][0]["text"], "Hello Ada", "{answer:?}");
}

#[track_caller]
fn does_not_fit(answer: &Answer) {
    let (code, text) = answer.error();
    assert!(code == -32602 && text.contains("requestState does not fit"), "{text}");
}

#[tokio::test]
async fn a_server_that_asks_gets_its_answer_within_one_yes() {
    let held = Held::new().await;
    let back = held.asked_by_server().await;
    greeted(&held.again(&back).await);
    assert_eq!((held.asked(), held.heard()), (1, 2), "one yes, and two rounds with the server");
    let heard = held.server.heard_of("tools/call");
    assert_eq!(heard[0].message["params"].get("requestState"), None);
    assert_eq!(heard[1].message["params"]["requestState"], "state-1");
    let records = held.world.settled().await;
    let opened: Vec<_> = records.iter().filter(|it| it["kind"] == "call.open").collect();
    assert_eq!(opened.len(), 2);
    assert!(opened[0]["approval"].is_string());
    assert_eq!(opened[0]["approval"], opened[1]["approval"]);
    assert_eq!(opened[1]["continues"], opened[0]["id"]);
}

#[tokio::test]
async fn a_server_may_ask_more_than_once_and_not_for_ever() {
    let held = Held::new().await;
    let mut back = held.asked_by_server().await;
    // What it does not understand it asks again.
    let confused = json!({ "other": { "action": "decline" } });
    for _ in 1..Limits::standard().input_rounds_max {
        back["inputResponses"] = confused.clone();
        back = answer_to(&held.again(&back).await);
    }
    back["inputResponses"] = confused;
    let (is_error, text) = held.again(&back).await.result();
    assert!(is_error && text.contains("it asked more than 10 times"), "{text}");
    does_not_fit(&held.again(&back).await);
    assert_eq!(held.asked(), 1);
}

#[tokio::test]
async fn what_a_call_goes_on_with_is_for_no_other_call() {
    let held = Held::new().await;
    let back = held.asked_by_server().await;
    does_not_fit(&held.ask("held", json!({ "n": 1 }), &back).await);
    does_not_fit(&held.ask("held-too", json!({}), &back).await);
    let mut params = json!({ "name": "ask", "arguments": {} });
    for (key, value) in back.as_object().unwrap() {
        params[key] = value.clone();
    }
    let for_ann = held.world.by("held", "POST", FAKE).header("X-Lanyard-User", "ann");
    does_not_fit(&modern_that_elicits(for_ann, params.clone()).send().await);
    params["name"] = json!("echo");
    let other_tool = modern_that_elicits(held.world.by("held", "POST", FAKE), params);
    does_not_fit(&other_tool.send().await);
    // What the server gave, without what the gateway made of it, is no yes.
    let mut bare = back.clone();
    bare["requestState"] = json!("state-1");
    state_of(&held.again(&bare).await);
    assert_eq!((held.heard(), held.asked()), (1, 2));
    greeted(&held.again(&back).await);
}

#[tokio::test]
async fn the_whole_sequence_sent_again_reaches_no_server() {
    let held = Held::new().await;
    let state = state_of(&held.again(&Value::Null).await);
    held.world.people.say(true);
    let first = json!({ "requestState": state });
    let back = answer_to(&held.again(&first).await);
    greeted(&held.again(&back).await);
    assert_eq!(held.heard(), 2);
    let waits = held.again(&first).await;
    state_of(&waits);
    assert_eq!(waits.json()["result"].get("inputRequests"), None, "a person is asked anew");
    does_not_fit(&held.again(&back).await);
    assert_eq!((held.heard(), held.asked()), (2, 2));
}

#[tokio::test]
async fn one_answer_sent_twice_at_once_goes_on_once() {
    let held = Held::new().await;
    let back = held.asked_by_server().await;
    let (one, two) = tokio::join!(held.again(&back), held.again(&back));
    let went_on = [&one, &two].map(|it| it.json()["result"]["resultType"] == "complete");
    assert_eq!(went_on.iter().filter(|it| **it).count(), 1, "{one:?} {two:?}");
    assert_eq!(held.heard(), 2);
}

#[tokio::test]
async fn a_call_goes_on_only_in_time_and_under_the_same_policy() {
    let held = Held::new().await;
    let back = held.asked_by_server().await;
    held.world.change(|setup| setup.policy_version = Some(2));
    let waits = held.again(&back).await;
    assert_eq!(waits.json()["result"].get("inputRequests"), None, "asked anew: {waits:?}");
    assert_eq!((held.heard(), held.asked()), (1, 2));
    does_not_fit(&held.again(&back).await);
    let held = Held::new().await;
    let back = held.asked_by_server().await;
    held.world.advance(Limits::span(Limits::standard().input_wait_ms_max));
    does_not_fit(&held.again(&back).await);
    assert_eq!(held.heard(), 1);
}

#[tokio::test]
async fn a_restart_ends_what_was_about_to_go_on() {
    let mut held = Held::new().await;
    let back = held.asked_by_server().await;
    held.world = held.world.restarted().await;
    does_not_fit(&held.again(&back).await);
    assert_eq!(held.heard(), 1);
}

#[tokio::test]
async fn a_limit_in_between_takes_nothing_away() {
    let terms = TermsAsked {
        rate: Some("1/m"),
        burst: Some(1),
        concurrency: None,
        calls_per_day: None,
        cost_per_day: None,
    };
    let held = Held::limited(&[LimitSetup::new("held/fake/*", terms)]).await;
    let back = held.asked_by_server().await;
    let (refused, text) = held.again(&back).await.result();
    assert!(refused && text.starts_with("the limit on "), "{text}");
    held.world.advance(Duration::from_secs(60));
    greeted(&held.again(&back).await);
    assert_eq!((held.asked(), held.heard()), (1, 2));
    assert_eq!(held.world.people.asked()[0].said, Said::Used);
}
