//! Who gets in: tokens, user ids, hosts, origins; the same answer whatever is asked.

use std::time::Duration;

use serde_json::json;

use crate::harness::{BILLING, NOW, World, bare, call, until};
use crate::http::{Request, raw};
use crate::outcomes::produced;

const REFUSAL: &str = "a valid token is needed\n";

#[track_caller]
fn refused(answer: &crate::http::Answer) {
    assert_eq!((answer.status, answer.body.as_str()), (401, REFUSAL), "{answer:?}");
    assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"lanyard\""));
}

#[tokio::test]
async fn without_a_token_every_method_and_path_is_refused_alike() {
    produced("token_missing");
    let world = World::start().await;
    for path in [
        "/mcp",
        BILLING,
        "/servers/none/mcp",
        "/sse",
        "/messages",
        "/v1/agent/servers",
        "/v1/agent/servers/billing",
        "/",
    ] {
        for method in ["GET", "POST", "DELETE", "PUT", "PATCH", "OPTIONS"] {
            refused(&world.request(method, path).send().await);
        }
        let head = world.request("HEAD", path).send().await;
        assert_eq!((head.status, head.body.as_str()), (401, ""), "{path}");
    }
    refused(&world.request("POST", "/mcp").json(bare("tools/list")).send().await);
}

#[tokio::test]
async fn a_token_that_is_not_one_is_refused() {
    produced("token_unknown");
    let world = World::start().await;
    let token = world.token("alice");
    let other_end = if token.ends_with('x') { 'y' } else { 'x' };
    let damaged = format!("{}{other_end}", token.strip_suffix(|_: char| true).unwrap());
    for value in [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        format!("Basic {token}"),
        format!("Bearer {damaged}"),
        format!("Bearer {token} {token}"),
        "Bearer lyd_a_".to_owned(),
        format!("Bearer {}", token.replace("lyd_a_", "lyd_o_")),
    ] {
        let request = world.request("GET", "/mcp").header("Authorization", &value);
        refused(&request.send().await);
    }
    // Two tokens are none, even where both are good: which of them counted would depend on who
    // reads the request.
    refused(&world.by("alice", "GET", "/mcp").token(&token).send().await);
    // A token of another gateway is well-formed and stands for nobody here.
    let other = World::start().await.token("alice");
    refused(&world.request("GET", "/mcp").token(&other).send().await);
}

#[tokio::test]
async fn a_token_whose_time_is_over_is_refused() {
    produced("token_expired");
    let world = World::start().await;
    let end = NOW.plus(Duration::from_secs(60));
    world.change(|setup| setup.agent("alice").expires_at = Some(end));
    assert_eq!(world.ask("alice", "/mcp", bare("tools/list")).await.status, 200);
    world.advance(Duration::from_secs(60));
    refused(&world.ask("alice", "/mcp", bare("tools/list")).await);
    refused(&world.by("alice", "GET", "/mcp").send().await);
    refused(&world.by("alice", "DELETE", "/mcp").send().await);
}

#[tokio::test]
async fn a_revoked_token_is_refused_over_every_door() {
    produced("token_revoked");
    let world = World::start().await;
    world.revoke("alice");
    refused(&world.ask("alice", "/mcp", bare("tools/list")).await);
    refused(&world.by("alice", "GET", "/sse").send().await);
    let unix = Request::new(&world.unix, "POST", "/mcp").token(&world.token("alice"));
    refused(&unix.json(bare("tools/list")).send().await);
}

#[tokio::test]
async fn a_user_id_stands_for_its_agent_and_for_nobody_else() {
    let world = World::start().await;
    let ask = || Request::new(&world.unix, "POST", BILLING).json(call("note", json!({})));
    refused(&ask().send().await);
    let uid = own_uid();
    world.change(|setup| setup.agent("alice").uid = Some(uid));
    assert_eq!(ask().send().await.result(), (false, "Noted: none".to_owned()));
    let opened = world.settled().await.pop().unwrap();
    assert!(
        world.records().iter().any(|record| {
            record["kind"] == "call.open"
                && record["agent"] == "alice"
                && record.get("token").is_none()
                && record["peer"].as_str().unwrap().starts_with(&format!("uid:{uid}"))
        }),
        "{opened}"
    );
    // A token that is sent counts, whoever sent it.
    let bad = ask().header("Authorization", "Bearer nonsense").send().await;
    refused(&bad);
    let bob = ask().token(&world.token("bob")).send().await;
    assert_eq!(bob.status, 200);
    // Over TCP there is no user id.
    refused(&world.request("POST", BILLING).json(call("note", json!({}))).send().await);
    world.revoke("alice");
    refused(&ask().send().await);
}

/// The user id of this process.
pub(crate) fn own_uid() -> u32 {
    let (one, _other) = tokio::net::UnixStream::pair().unwrap();
    one.peer_cred().unwrap().uid()
}

#[tokio::test]
async fn a_foreign_host_is_refused_before_the_token_is_looked_at() {
    produced("host_foreign");
    let world = World::start().await;
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", ""] {
        for request in [world.request("GET", "/mcp"), world.by("alice", "POST", "/mcp")] {
            assert_eq!(request.replace("Host", host).send().await.status, 421, "{host}");
        }
    }
    let twice = world.by("alice", "GET", "/mcp").header("Host", "localhost");
    assert_ne!(twice.send().await.status, 405);
    assert_eq!(world.by("alice", "GET", "/mcp").without("Host").send().await.status, 421);
    // The request's own address wins over the header, so the two must not disagree.
    let absolute = world.by("alice", "GET", "http://evil.example/mcp");
    assert_eq!(absolute.send().await.status, 421);
    assert_eq!(world.by("alice", "GET", "/mcp").send().await.status, 405);
}

#[tokio::test]
async fn a_web_page_of_another_origin_is_refused() {
    produced("origin_foreign");
    let world = World::start().await;
    for origin in ["https://evil.example", "null", "http://localhost.evil.example"] {
        for method in ["GET", "POST", "DELETE", "OPTIONS"] {
            let request = world.by("alice", method, "/mcp").header("Origin", origin);
            assert_eq!(request.send().await.status, 403, "{method} {origin}");
        }
    }
    let two = world.by("alice", "GET", "/mcp").header("Origin", "http://localhost");
    assert_eq!(two.header("Origin", "https://evil.example").send().await.status, 403);
    let own = world.by("alice", "POST", "/mcp").header("Origin", "http://localhost:3000");
    assert_eq!(own.json(bare("tools/list")).send().await.status, 200);
}

#[tokio::test]
async fn a_server_that_is_not_there_looks_like_one_that_is_not_granted() {
    produced("server_unknown");
    produced("server_disabled");
    produced("server_not_granted");
    let world = World::start().await;
    world.change(|setup| {
        setup.agent("alice").grants.push(("wiki", &["*"], &[]));
        setup.servers[1].enabled = false;
    });
    for (agent, path) in [
        ("alice", "/servers/none/mcp"),
        ("alice", "/servers/wiki/mcp"),
        ("eve", BILLING),
        ("eve", "/servers/desk/mcp"),
        ("eve", "/mcp-servers/billing"),
        ("eve", "/mcp/billing"),
    ] {
        for message in [bare("tools/list"), bare("ping"), call("note", json!({}))] {
            let answer = world.ask(agent, path, message).await;
            assert_eq!(
                (answer.status, answer.body.as_str()),
                (404, "server not found\n"),
                "{path}"
            );
        }
        let stream = world.by(agent, "GET", path).send().await;
        assert_eq!((stream.status, stream.body.as_str()), (404, "server not found\n"), "{path}");
    }
    let sse = world.by("eve", "GET", "/servers/billing/sse").send().await;
    assert_eq!((sse.status, sse.body.as_str()), (404, "server not found\n"));
    assert_eq!(world.by("alice", "GET", "/servers").send().await.status, 404);
}

#[tokio::test]
async fn a_pipelined_request_is_answered_by_its_own_token() {
    let world = World::start().await;
    let body = bare("tools/list").to_string();
    let one = |token: &str| {
        format!(
            "POST /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let text = format!("{}{}{}", one(&world.token("bob")), one("nobody"), one(&world.token("eve")));
    let mut stream = raw(&world.tcp, text.as_bytes()).await;
    let tools =
        |answer: &crate::http::Answer| answer.json()["result"]["tools"].as_array().unwrap().len();
    let first = stream.answer().await;
    assert_eq!((first.status, tools(&first)), (200, 1));
    assert_eq!(stream.answer().await.status, 401);
    let third = stream.answer().await;
    assert_eq!((third.status, tools(&third)), (200, 0));
}

#[tokio::test]
async fn refusals_at_the_door_make_one_record_for_each_reason() {
    let world = World::start().await;
    for _ in 0..5 {
        world.request("GET", "/mcp").send().await;
    }
    world.request("GET", "/mcp").replace("Host", "evil.example").send().await;
    world.shutdown.cancel();
    until(|| world.records().len() == 2).await;
    let counted: Vec<_> = world
        .records()
        .iter()
        .map(|record| (record["kind"].clone(), record["reason"].clone(), record["count"].clone()))
        .collect();
    let kind = || json!("edge.refused");
    assert_eq!(
        counted,
        [(kind(), json!("host_foreign"), json!(1)), (kind(), json!("token_missing"), json!(5))]
    );
}
