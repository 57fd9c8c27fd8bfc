//! Revoked means now: also for what runs, and for what was on its way.

use std::sync::Arc;

use serde_json::json;

use crate::door::own_uid;
use crate::harness::{BILLING, World, call, until};
use crate::outcomes::produced;

#[tokio::test]
async fn a_running_call_is_cancelled_and_its_record_says_so() {
    produced("cancelled");
    let world = World::start().await;
    for change in [
        (|setup| setup.agent("alice").revoked = true) as fn(&mut crate::harness::Setup),
        |setup| setup.agent("alice").grants = vec![("billing", &["*"], &["slow"])],
        |setup| setup.servers[0].enabled = false,
        |setup| setup.servers.clear(),
    ] {
        let seen = world.api.seen().len();
        let mut stream =
            world.by("alice", "POST", BILLING).json(call("slow", json!({}))).open().await;
        world.api.until_seen(seen + 1).await;
        world.change(change);
        let answer = stream.answer().await;
        let (is_error, text) = answer.result();
        assert!(is_error && text.starts_with("the call was cancelled (record "), "{text}");
        let closed = world.settled().await.pop().unwrap();
        assert_eq!(
            (&closed["status"], &closed["failure"]),
            (&json!("failed"), &json!("cancelled"))
        );
        world.change(|setup| {
            let fresh = crate::harness::Setup::standard(&world.api);
            setup.agent("alice").revoked = false;
            setup.agent("alice").grants = vec![("billing", &["*"], &[])];
            setup.servers = fresh.servers;
        });
    }
}

#[tokio::test]
async fn a_change_that_takes_nothing_away_lets_a_call_run() {
    let world = World::start().await;
    let mut stream = world.by("alice", "POST", BILLING).json(call("slow", json!({}))).open().await;
    world.api.until_seen(1).await;
    world.revoke("bob");
    world.change(|setup| setup.agent("alice").grants = vec![("billing", &["slow"], &[])]);
    world.api.release();
    assert!(!stream.answer().await.result().0);
    assert_eq!(world.settled().await.pop().unwrap()["status"], "answered");
}

#[tokio::test]
async fn a_call_whose_body_was_on_its_way_is_not_made() {
    let world = World::start().await;
    let body = call("total", json!({})).to_string();
    let head = |length: usize| {
        let request = world.by("alice", "POST", BILLING).header("Content-Type", "application/json");
        request.header("Content-Length", &length.to_string())
    };
    for half in [0, body.len() / 2] {
        let mut stream = head(body.len()).open().await;
        stream.write(&body.as_bytes()[..half]).await;
        // An answered request on another connection: by now the head above may have been read or
        // not; either way no call may begin after the revocation.
        assert_eq!(world.by("bob", "GET", "/v1/agent/servers").send().await.status, 200);
        world.revoke("alice");
        stream.write(&body.as_bytes()[half..]).await;
        assert_eq!(stream.head().await.status, 401);
        world.change(|setup| setup.agent("alice").revoked = false);
    }
    assert!(world.api.seen().is_empty());
    assert_eq!(world.records().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_nothing_is_admitted_after_the_revocation() {
    let world = Arc::new(World::start().await);
    let mut callers = Vec::new();
    for _ in 0..16 {
        let world = Arc::clone(&world);
        let tasks = tokio_util::task::TaskTracker::new();
        callers.push(tasks.spawn(async move {
            let mut last = 200;
            while last == 200 {
                last = world.call("alice", "total", json!({})).await.status;
            }
            last
        }));
    }
    world.api.until_seen(50).await;
    world.revoke("alice");
    let version = 2;
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 401);
    }
    until(|| world.log.open_calls() == 0).await;
    let records = world.records();
    let opened = records.iter().filter(|record| record["kind"] == "call.open").count();
    assert!(records.iter().all(|record| record["snapshot"] != json!(version)), "a call began");
    assert!(opened >= world.api.seen().len());
}

#[tokio::test]
async fn a_user_id_that_stands_for_another_agent_takes_no_stream_along() {
    let world = World::start().await;
    let uid = own_uid();
    world.change(|setup| setup.agent("alice").uid = Some(uid));
    let request = crate::http::Request::new(&world.unix, "POST", BILLING);
    let mut stream = request.json(call("slow", json!({}))).open().await;
    let mut events = crate::http::Request::new(&world.unix, "GET", "/sse").open().await;
    assert_eq!(events.head().await.status, 200);
    world.api.until_seen(1).await;
    world.change(|setup| {
        setup.agent("alice").uid = None;
        setup.agent("bob").uid = Some(uid);
        setup.agent("bob").grants = vec![("billing", &["*"], &[])];
    });
    assert!(stream.answer().await.result().1.starts_with("the call was cancelled"));
    assert_eq!(events.until_end().await.len(), 1);
}
