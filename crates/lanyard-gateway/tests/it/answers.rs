//! What comes back of a call: refusals and failures in their own words, and no key in any of it.

use std::time::Duration;

use data_encoding::{BASE64, HEXLOWER};
use serde_json::{Value, json};

use crate::harness::{BILLING, World, call, modern};
use crate::http::Answer;
use crate::outcomes::produced;
use crate::server::KEY;

/// The text of an error result without the id of its record, which it must name.
#[track_caller]
fn failure(answer: &Answer) -> String {
    let (is_error, text) = answer.result();
    assert!(is_error, "{answer:?}");
    let (text, record) = text.split_once(" (record ").unwrap_or_else(|| panic!("{text}"));
    assert_eq!(record.len(), 27, "{record}");
    text.to_owned()
}

async fn check_failure(world: &World, tool: &str, arguments: Value, code: &str, text: &str) {
    let answer = world.call("alice", tool, arguments).await;
    assert_eq!(failure(&answer), text, "{tool}");
    let closed = world.settled().await.pop().unwrap();
    assert_eq!((&closed["kind"], &closed["failure"]), (&json!("call.close"), &json!(code)));
}

#[tokio::test]
async fn a_tool_that_is_not_there_looks_like_one_that_is_not_granted() {
    produced("tool_unknown");
    produced("tool_not_granted");
    let world = World::start().await;
    for (path, tool) in
        [(BILLING, "echo"), (BILLING, "none"), ("/mcp", "billing__echo"), ("/mcp", "x")]
    {
        let answer = world.ask("bob", path, call(tool, json!({}))).await;
        assert_eq!(
            (answer.status, answer.error()),
            (200, (-32602, format!("Tool {tool} not found")))
        );
        let request = world.by("bob", "POST", path);
        let params = json!({"name": tool, "arguments": {}});
        let answer = modern(request, "tools/call", params).send().await;
        assert_eq!((answer.status, answer.error().0), (200, -32602));
    }
    // What is wrong with the arguments of a tool is told only to who may call it.
    let answer = world.call("bob", "get_invoice", json!({"number": 7})).await;
    assert_eq!(answer.error().1, "Tool get_invoice not found");
    assert!(world.api.seen().is_empty());
}

#[tokio::test]
async fn arguments_that_break_the_schema_are_an_error_result_without_their_values() {
    produced("arguments_invalid");
    let world = World::start().await;
    for arguments in [
        json!({}),
        json!({"number": "tst_value"}),
        json!({"number": ["tst_value"]}),
        json!({"number": "INV-7\r\nX: tst_value"}),
        json!({"number": "INV-7/../../tst_value"}),
        json!({"number": "INV-7?tst_value"}),
    ] {
        let answer = world.call("alice", "get_invoice", arguments).await;
        let text = failure(&answer);
        assert!(text.contains("number") && !text.contains("tst_value"), "{text}");
    }
    for arguments in [json!([]), json!("x"), json!(1)] {
        let answer = world.call("alice", "note", arguments).await;
        assert!(answer.json().get("result").is_none_or(|it| it["isError"] == true), "{answer:?}");
    }
    assert!(world.api.seen().is_empty());
    assert!(!world.log_text().contains("tst_value"));
}

#[tokio::test]
async fn a_request_that_cannot_be_written_is_not_sent() {
    produced("request_unbuildable");
    let world = World::start().await;
    let answer = world.call("alice", "line", json!({"text": "a\r\nX-Api-Key: b"})).await;
    assert!(failure(&answer).starts_with("the request cannot be built: "), "{answer:?}");
    let closed = world.settled().await.pop().unwrap();
    assert_eq!(closed["failure"], "request_unbuildable");
    assert!(world.api.seen().is_empty());
}

#[tokio::test]
async fn a_key_that_is_not_set_stops_the_call() {
    produced("secret_unset");
    let world = World::start().await;
    world.change(|setup| setup.key = None);
    let text = "the credential secret://billing-key is not set; an operator can set it with \
                `lanyard secret set billing-key`";
    check_failure(&world, "total", json!({}), "secret_unset", text).await;
    assert!(world.api.seen().is_empty());
}

#[tokio::test]
async fn a_key_goes_nowhere_but_to_its_origins() {
    produced("secret_origin");
    let world = World::start().await;
    let text = "the credential secret://billing-key is not bound to the origin of this request; \
                an operator can bind it";
    for origins in [vec![], vec!["http://127.0.0.1:2".to_owned()]] {
        world.change(|setup| setup.origins = origins);
        check_failure(&world, "total", json!({}), "secret_origin", text).await;
    }
    assert!(world.api.seen().is_empty());
}

#[tokio::test]
async fn a_key_that_was_moved_does_not_open() {
    produced("secret_unreadable");
    let world = World::start().await;
    world.change(|setup| setup.key_moved = true);
    let text = "the credential secret://billing-key cannot be opened; the gateway's log says why";
    check_failure(&world, "total", json!({}), "secret_unreadable", text).await;
    assert!(world.api.seen().is_empty());
}

#[tokio::test]
async fn what_a_server_does_wrong_is_told_in_our_own_words() {
    produced("redirected");
    produced("answer_too_large");
    produced("answer_unusable");
    produced("unreachable");
    let world = World::start().await;
    let redirected = "the server answered with a redirect, which is not followed";
    check_failure(&world, "redirect", json!({}), "redirected", redirected).await;
    assert_eq!(world.api.seen().len(), 1, "the redirect was followed");
    let large = "the server's answer is larger than the limit";
    check_failure(&world, "huge", json!({}), "answer_too_large", large).await;
    let answer = world.call("alice", "garbage", json!({})).await;
    assert!(failure(&answer).starts_with("the server's answer cannot be used: "), "{answer:?}");
    assert_eq!(world.settled().await.pop().unwrap()["failure"], "answer_unusable");
    world.change(|setup| setup.origins.push("http://127.0.0.1:1".to_owned()));
    let nowhere = "the server cannot be reached";
    check_failure(&world, "nowhere", json!({}), "unreachable", nowhere).await;
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_not_dialled() {
    produced("address_forbidden");
    let world = World::start().await;
    world.change(|setup| setup.origins.push("http://metadata.internal".to_owned()));
    let text = "the server's address is private or reserved and was not allowed for it";
    check_failure(&world, "metadata", json!({}), "address_forbidden", text).await;
}

#[tokio::test]
async fn a_server_that_is_slower_than_its_limit_is_given_up() {
    produced("timed_out");
    let world = World::start().await;
    world.change(|setup| setup.servers[0].timeout = Duration::from_millis(20));
    let text = "the server did not answer in time; the call may have taken effect";
    check_failure(&world, "slow", json!({}), "timed_out", text).await;
}

#[tokio::test]
async fn an_echoed_key_is_masked_in_every_form() {
    let world = World::start().await;
    let answer = world.call("alice", "echo", json!({"text": "hello"})).await;
    let (is_error, text) = answer.result();
    assert!(!is_error && text.contains("hello"), "{text}");
    assert_eq!(world.api.seen()[0].key.as_deref(), Some(KEY));
    no_key(&answer);
    let page: Value = serde_json::from_str(&text).unwrap();
    for field in ["key", "hex", "percent", "escaped"] {
        assert_eq!(page[field], "[masked]", "{field}");
    }
    assert!(page["basic"].as_str().unwrap().contains("[masked]"), "{page}");
    let closed = world.settled().await.pop().unwrap();
    assert!(closed["masked"].as_u64().unwrap() >= 5, "{closed}");
    assert!(!world.log_text().contains(KEY));
}

#[tokio::test]
async fn a_key_in_an_error_and_in_its_headers_is_masked() {
    let world = World::start().await;
    let answer = world.call("alice", "refused", json!({})).await;
    assert_eq!(answer.result(), (true, "Billing said: bad key [masked], [masked]".to_owned()));
    no_key(&answer);
    assert_eq!(world.settled().await.pop().unwrap()["status"], "answered_error");
}

#[tokio::test]
async fn a_key_that_another_tool_sends_is_masked_too() {
    let world = World::start().await;
    let answer = world.call("alice", "note", json!({"text": format!("I was told {KEY}")})).await;
    assert_eq!(answer.result().1, "Noted: I was told [masked]");
}

#[track_caller]
fn no_key(answer: &Answer) {
    let all = format!("{answer:?}");
    let forms = [KEY.to_owned(), BASE64.encode(KEY.as_bytes()), HEXLOWER.encode(KEY.as_bytes())];
    for form in forms {
        assert!(!all.contains(&form), "{form} in {all}");
    }
}

#[tokio::test]
async fn structured_content_keeps_its_promise_or_is_an_error() {
    let world = World::start().await;
    let params = |tool: &str| json!({"name": tool, "arguments": {}});
    let total =
        modern(world.by("alice", "POST", BILLING), "tools/call", params("total")).send().await;
    assert_eq!(total.json()["result"]["structuredContent"]["total"], 3);
    let wrong =
        modern(world.by("alice", "POST", BILLING), "tools/call", params("wrong")).send().await;
    let (is_error, text) = wrong.result();
    assert!(is_error && text.contains("output schema") && !text.contains("many"), "{text}");
    assert_eq!(wrong.json()["result"].get("structuredContent"), None);
    // A version that does not know structured content is not sent any.
    let old = world.by("alice", "POST", BILLING).header("MCP-Protocol-Version", "2025-03-26");
    let old = old.json(call("total", json!({}))).send().await;
    assert_eq!(old.json()["result"].get("structuredContent"), None);
}

#[tokio::test]
async fn numbers_and_unknown_members_arrive_as_they_were_written() {
    let world = World::start().await;
    let text = r#"{"jsonrpc":"2.0","id":12345678901234567890123,"method":"tools/call","params":{"name":"note","arguments":{"text":"x"},"more":1.50},"extra":true}"#;
    let answer = world.by("alice", "POST", BILLING).json(text).send().await;
    assert!(answer.body.contains("\"id\":12345678901234567890123"), "{answer:?}");
    assert_eq!(answer.result().1, "Noted: x");
}
