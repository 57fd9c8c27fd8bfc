//! Calls that a person has to approve: who waits how, and which calls a yes is for.

use std::time::Duration;

use lanyard_core::Limits;
use lanyard_policy::limit::TermsAsked;
use serde_json::{Value, json};

use crate::harness::{
    AgentSetup, BILLING, Conditions, LimitSetup, McpSetup, People, Said, Setup, World, call,
    initialize, modern, until,
};
use crate::http::{Answer, Request};
use crate::mcp::FAKE;
use crate::mcp_server::{Mcp, Speaks};
use crate::outcomes::produced;

const HELD: &str = "held";

/// Every call of `held` and of `held-too` needs a yes, and is good for ten minutes.
const POLICY: &str = r#"
@id("hold")
@approval("this agent is watched")
@approval_ttl("10m")
forbid (principal, action in Action::"call", resource)
when { [Agent::"held", Agent::"held-too"].contains(principal) };
"#;

/// A world in which every call of the agent `held` needs a yes.
fn hold(setup: &mut Setup) {
    (setup.policy, setup.policy_version) = (POLICY.to_owned(), Some(1));
    setup.agents.push(AgentSetup::new(HELD).granted("billing", &["*"], &[]));
    setup.agent(HELD).users = &["ann", "bea"];
}

/// The same with servers that wait no longer than `patience` for anything.
async fn held_for(patience: Duration) -> World {
    World::with(Conditions::default(), |setup| {
        hold(setup);
        setup.servers.iter_mut().for_each(|server| server.timeout = patience);
    })
    .await
}

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(60);

/// A call of `held` that sends a request.
fn invoice(number: &str) -> Value {
    call("get_invoice", json!({ "number": number }))
}

async fn ask(world: &World, message: Value) -> Answer {
    world.ask(HELD, BILLING, message).await
}

async fn ask_for(world: &World, user: &str, message: Value) -> Answer {
    world.by(HELD, "POST", BILLING).header("X-Lanyard-User", user).json(message).send().await
}

/// How many requests the API got.
fn reached(world: &World) -> usize {
    world.api.seen().len()
}

fn waiting(people: &People) -> usize {
    people.waiting().len()
}

#[track_caller]
fn is_pending(answer: &Answer) -> String {
    let (is_error, text) = answer.result();
    assert!(is_error && text.contains("pending approval ID: "), "{text}");
    let (_, rest) = text.split_once("pending approval ID: ").unwrap();
    rest.split(',').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_call_waits_and_goes_on_when_somebody_says_yes() {
    let world = held_for(LONG).await;
    let calling = ask(&world, invoice("INV-7"));
    let deciding = async {
        until(|| waiting(&world.people) == 1).await;
        assert_eq!(reached(&world), 0, "nothing is sent before");
        world.people.say(true)
    };
    let (answer, id) = tokio::join!(calling, deciding);
    assert!(!answer.result().0, "{answer:?}");
    assert_eq!(reached(&world), 1);
    let records = world.settled().await;
    let opened = records.iter().find(|it| it["kind"] == "call.open").expect("a call");
    assert_eq!(opened["approval"], id.as_str(), "{opened}");
    assert!(opened["allowed_by"].to_string().contains(&format!("approval:{id}")), "{opened}");
    let wanted = &world.people.asked()[0].wanted;
    assert_eq!((wanted.principal.agent.as_str(), wanted.tool.as_str()), (HELD, "get_invoice"));
    assert_eq!(wanted.shown, r#"{"number":"INV-7"}"#);
}

#[tokio::test]
async fn a_call_that_waited_long_enough_is_told_so_and_made_again() {
    let world = held_for(SHORT).await;
    let answer = ask(&world, invoice("INV-7")).await;
    let id = is_pending(&answer);
    produced("approval_needed");
    assert_eq!(id, world.people.waiting()[0].id.as_str());
    assert_eq!(is_pending(&ask(&world, invoice("INV-7")).await), id, "it is one request");
    assert_eq!(world.people.asked().len(), 1);
    let denied = world.settled().await.pop().unwrap();
    assert_eq!(
        (&denied["kind"], &denied["denied_code"]),
        (&json!("call.denied"), &json!("approval_needed"))
    );
    world.people.say(true);
    assert!(!ask(&world, invoice("INV-7")).await.result().0);
    assert_eq!(reached(&world), 1);
    // Replay: the yes is used up.
    assert_ne!(is_pending(&ask(&world, invoice("INV-7")).await), id);
    assert_eq!(reached(&world), 1);
}

#[tokio::test]
async fn a_no_is_told_with_its_reason() {
    let world = held_for(SHORT).await;
    ask(&world, invoice("INV-7")).await;
    let id = world.people.say(false);
    let (is_error, text) = ask(&world, invoice("INV-7")).await.result();
    produced("approval_refused");
    assert!(is_error && text.starts_with("a person refused this call: not today"), "{text}");
    assert!(text.contains(id.as_str()) && reached(&world) == 0);
    // Another call is another matter.
    is_pending(&ask(&world, invoice("INV-8")).await);
}

#[tokio::test]
async fn a_yes_is_for_no_other_arguments_user_agent_or_tool() {
    let world = World::with(Conditions::default(), |setup| {
        hold(setup);
        let other = AgentSetup::new("held-too").granted("billing", &["*"], &[]);
        setup.agents.push(other);
        setup.servers.iter_mut().for_each(|server| server.timeout = SHORT);
    })
    .await;
    ask_for(&world, "ann", invoice("INV-7")).await;
    world.people.say(true);
    is_pending(&ask_for(&world, "ann", invoice("INV-8")).await);
    is_pending(&ask_for(&world, "bea", invoice("INV-7")).await);
    is_pending(&ask(&world, invoice("INV-7")).await);
    is_pending(&world.ask("held-too", BILLING, invoice("INV-7")).await);
    is_pending(&ask_for(&world, "ann", call("total", json!({}))).await);
    assert_eq!((reached(&world), waiting(&world.people)), (0, 5));
    assert!(!ask_for(&world, "ann", invoice("INV-7")).await.result().0);
    assert_eq!(reached(&world), 1);
}

#[tokio::test]
async fn a_yes_is_for_the_definition_and_the_policy_it_was_given_for() {
    let world = held_for(SHORT).await;
    ask(&world, invoice("INV-7")).await;
    world.people.say(true);
    world.change(|setup| {
        let yaml = &mut setup.servers[0].yaml;
        *yaml = yaml.replace("One invoice by number", "One invoice, by number");
    });
    is_pending(&ask(&world, invoice("INV-7")).await);
    world.people.say(true);
    new_policy(&world);
    is_pending(&ask(&world, invoice("INV-7")).await);
    assert_eq!(reached(&world), 0);
}

/// Another version of the policy, which says the same.
fn new_policy(world: &World) {
    world.change(|setup| setup.policy_version = Some(2));
}

#[tokio::test]
async fn a_yes_that_comes_after_the_access_ended_gives_nothing() {
    let world = held_for(LONG).await;
    let calling = ask(&world, invoice("INV-7"));
    let revoking = async {
        until(|| waiting(&world.people) == 1).await;
        world.revoke(HELD);
        world.people.say(true);
    };
    let (answer, ()) = tokio::join!(calling, revoking);
    assert!(answer.result().0, "{answer:?}");
    assert_eq!(reached(&world), 0);
}

#[tokio::test]
async fn a_yes_expires() {
    let world = held_for(SHORT).await;
    ask(&world, invoice("INV-7")).await;
    world.people.say(true);
    world.advance(Duration::from_secs(600));
    is_pending(&ask(&world, invoice("INV-7")).await);
    assert_eq!(reached(&world), 0);
}

#[tokio::test]
async fn two_calls_with_one_yes_are_one_call() {
    let world = held_for(SHORT).await;
    ask(&world, invoice("INV-7")).await;
    world.people.say(true);
    let calls = (ask(&world, invoice("INV-7")), ask(&world, invoice("INV-7")));
    let (one, two) = tokio::join!(calls.0, calls.1);
    assert!(one.result().0 != two.result().0, "{one:?} {two:?}");
    assert_eq!(reached(&world), 1);
}

#[tokio::test]
async fn a_call_that_a_limit_refuses_has_used_up_no_yes() {
    let none = TermsAsked {
        rate: None,
        burst: None,
        concurrency: None,
        calls_per_day: None,
        cost_per_day: None,
    };
    for terms in [
        TermsAsked { rate: Some("1/h"), burst: Some(1), ..none },
        TermsAsked { calls_per_day: Some(1), ..none },
    ] {
        let world = World::with(Conditions::default(), |setup| {
            hold(setup);
            setup.limits.push(LimitSetup::new("held/billing/*", terms));
            setup.servers.iter_mut().for_each(|server| server.timeout = SHORT);
        })
        .await;
        // To be told that a person is needed uses up nothing of a limit, however often.
        for _ in 0..2 {
            is_pending(&ask(&world, invoice("INV-1")).await);
        }
        world.people.say(true);
        assert!(!ask(&world, invoice("INV-1")).await.result().0);
        let (refused, text) = ask(&world, invoice("INV-2")).await.result();
        assert!(refused && text.starts_with("the limit on "), "nobody is asked: {text}");
        world.advance(Duration::from_secs(3_600));
        is_pending(&ask(&world, invoice("INV-2")).await);
        is_pending(&ask(&world, invoice("INV-3")).await);
        world.people.say(true);
        world.people.say(true);
        let calls = (ask(&world, invoice("INV-2")), ask(&world, invoice("INV-3")));
        let (one, two) = tokio::join!(calls.0, calls.1);
        assert!(one.result().0 != two.result().0, "{one:?} {two:?}");
        world.advance(Duration::from_secs(3_600 * 24));
        let left = world.people.asked().iter().filter(|it| it.said == Said::Yes).count();
        assert_eq!((left, reached(&world)), (1, 2), "the yes of the other is still there");
    }
}

#[tokio::test]
async fn a_yes_survives_a_restart_of_the_gateway() {
    let world = held_for(SHORT).await;
    ask(&world, invoice("INV-7")).await;
    let world = world.restarted().await;
    world.people.say(true);
    let world = world.restarted().await;
    assert!(!ask(&world, invoice("INV-7")).await.result().0);
}

#[tokio::test]
async fn an_agent_may_ask_only_so_much() {
    let limits = Limits { agent_approvals_max: 2, ..Limits::standard() };
    let world = World::with(Conditions { limits, strict: false }, |setup| {
        hold(setup);
        setup.servers.iter_mut().for_each(|server| server.timeout = SHORT);
    })
    .await;
    for number in ["INV-1", "INV-2"] {
        is_pending(&ask(&world, invoice(number)).await);
    }
    let (is_error, text) = ask(&world, invoice("INV-3")).await.result();
    produced("approvals_full");
    assert!(is_error && text.contains("2 calls of this agent wait for that already"), "{text}");
    is_pending(&ask(&world, invoice("INV-1")).await);
}

#[tokio::test]
async fn who_wants_progress_hears_that_the_call_waits() {
    let world = held_for(LONG).await;
    let mut message = invoice("INV-7");
    message["params"]["_meta"] = json!({ "progressToken": "t" });
    let begun = world.by(HELD, "POST", BILLING).json(initialize("2025-11-25")).send().await;
    let session = begun.header("mcp-session-id").unwrap().to_owned();
    let request = world
        .by(HELD, "POST", BILLING)
        .header("Mcp-Session-Id", &session)
        .header("Accept", "application/json, text/event-stream");
    let mut stream = request.json(message).open().await;
    stream.head().await;
    let told = loop {
        match stream.event().await.expect("an event") {
            event if event.is_empty() => {}
            event => break serde_json::from_str::<Value>(&event).unwrap(),
        }
    };
    assert_eq!(told["params"]["progressToken"], "t", "{told}");
    let text = told["params"]["message"].as_str().unwrap();
    assert!(text.contains(world.people.waiting()[0].id.as_str()), "{text}");
    world.people.say(true);
    let events = stream.until_end().await;
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(last["result"]["content"][0]["type"], "text", "{last}");
}

fn stateless(world: &World, agent: &str, params: Value) -> Request {
    modern(world.by(agent, "POST", BILLING), "tools/call", params)
}

fn invoice_params(number: &str) -> Value {
    json!({ "name": "get_invoice", "arguments": { "number": number } })
}

fn with_state(mut params: Value, state: &Value) -> Value {
    params["requestState"] = state.clone();
    params
}

/// The state of an answer that asks for nothing but to be asked again.
#[track_caller]
fn state_of(answer: &Answer) -> Value {
    let result = &answer.json()["result"];
    assert_eq!(result["resultType"], "input_required", "{answer:?}");
    assert_eq!(result.get("inputRequests"), None);
    assert!(result["requestState"].is_string());
    result["requestState"].clone()
}

#[tokio::test]
async fn a_stateless_client_comes_back_with_a_state_and_waits_there() {
    let world = held_for(LONG).await;
    let answer = stateless(&world, HELD, invoice_params("INV-7")).send().await;
    let state = state_of(&answer);
    let again = with_state(invoice_params("INV-7"), &state);
    let calling = stateless(&world, HELD, again).send();
    let deciding = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        world.people.say(true)
    };
    let (answer, _) = tokio::join!(calling, deciding);
    assert_eq!(answer.json()["result"]["resultType"], "complete", "{answer:?}");
    assert_eq!(world.people.asked().len(), 1);
    assert_eq!(world.people.asked()[0].said, Said::Used);
}

#[tokio::test]
async fn a_state_is_for_its_request_and_its_agent_and_gives_nothing() {
    let world = World::with(Conditions::default(), |setup| {
        hold(setup);
        setup.agents.push(AgentSetup::new("held-too").granted("billing", &["*"], &[]));
        setup.servers.iter_mut().for_each(|server| server.timeout = SHORT);
    })
    .await;
    let state = state_of(&stateless(&world, HELD, invoice_params("INV-7")).send().await);
    world.people.say(true);
    for (agent, number) in [(HELD, "INV-8"), ("held-too", "INV-7")] {
        let params = with_state(invoice_params(number), &state);
        let (code, text) = stateless(&world, agent, params).send().await.error();
        assert_eq!((code, text.contains("requestState does not fit")), (-32602, true), "{text}");
    }
    assert_eq!(reached(&world), 0);
    let params = with_state(invoice_params("INV-7"), &state);
    let answer = stateless(&world, HELD, params.clone()).send().await;
    assert_eq!(answer.json()["result"]["resultType"], "complete", "{answer:?}");
    // The same state again is no yes.
    state_of(&stateless(&world, HELD, params).send().await);
    assert_eq!(reached(&world), 1);
}

#[tokio::test]
async fn a_stateless_client_that_knows_no_states_is_told_in_words() {
    let world = held_for(SHORT).await;
    let state = state_of(&stateless(&world, HELD, invoice_params("INV-7")).send().await);
    let answer = stateless(&world, HELD, invoice_params("INV-7")).send().await;
    is_pending(&answer);
    // And one that would give up, too.
    let mut state = state;
    for _ in 2..Limits::standard().input_rounds_max {
        let params = with_state(invoice_params("INV-7"), &state);
        state = state_of(&stateless(&world, HELD, params).send().await);
    }
    let params = with_state(invoice_params("INV-7"), &state);
    is_pending(&stateless(&world, HELD, params).send().await);
    assert_eq!(world.people.asked().len(), 1);
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_its_request_and_gives_its_place_back() {
    let limits = Limits { agent_calls_max: 1, ..Limits::standard() };
    let world = World::with(Conditions { limits, strict: false }, |setup| {
        hold(setup);
        setup.servers.iter_mut().for_each(|server| server.timeout = LONG);
    })
    .await;
    let state = state_of(&stateless(&world, HELD, invoice_params("INV-7")).send().await);
    let params = with_state(invoice_params("INV-7"), &state);
    let stream = stateless(&world, HELD, params.clone()).open().await;
    drop(stream);
    world.people.say(true);
    // Until the first has gone, the agent has no place for a second.
    let answer = loop {
        let answer = stateless(&world, HELD, params.clone()).send().await;
        if answer.status != 429 {
            break answer;
        }
    };
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_server_that_speaks_mcp_sees_nothing_of_it() {
    for speaks in [Speaks::Modern, Speaks::Legacy] {
        let server = Mcp::start(speaks).await;
        let world = World::with(Conditions::default(), |setup| {
            hold(setup);
            setup.origins.push(server.origin.clone());
            setup.mcp.push(McpSetup { timeout: LONG, ..McpSetup::new("fake", &server) });
            setup.agent(HELD).grants.push(("fake", &["*"], &[]));
        })
        .await;
        let params = json!({ "name": "echo", "arguments": { "text": "hi" } });
        let request = |params| modern(world.by(HELD, "POST", FAKE), "tools/call", params);
        let state = state_of(&request(params.clone()).send().await);
        assert!(server.heard_of("tools/call").is_empty());
        world.people.say(true);
        let answer = request(with_state(params, &state)).send().await;
        assert_eq!(answer.json()["result"]["resultType"], "complete", "{answer:?}");
        let heard = server.heard_of("tools/call");
        assert_eq!(heard.len(), 1);
        assert_eq!(heard[0].message["params"].get("requestState"), None);
        assert_eq!(heard[0].message["params"]["arguments"], json!({ "text": "hi" }));
    }
}
