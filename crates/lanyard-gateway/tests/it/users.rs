//! Agents that call for users: how a user is named, who may, and with whose credential.

use serde_json::{Value, json};

use crate::door::own_uid;
use crate::harness::{
    BILLING, Conditions, HeldSetup, McpSetup, Setup, World, bare, call, initialize, modern,
};
use crate::http::{Answer, Request, raw};
use crate::mcp_server::{Heard, Mcp, Speaks};
use crate::outcomes::produced;
use crate::server::KEY;

const FAKE: &str = "/servers/fake/mcp";
const ANN: &str = "ann.tst_7f3a9c2e";
const BEA: &str = "bea.tst_1d8b4e6f";

/// `alice` may call for ann and bea, `bob` for himself. Both users hold a token.
async fn world(server: &Mcp, change: impl FnOnce(&mut Setup)) -> World {
    World::with(Conditions::default(), |setup| {
        setup.origins.push(server.origin.clone());
        let fake = McpSetup::new("fake", server);
        setup.held = vec![HeldSetup::new("ann", &fake, ANN), HeldSetup::new("bea", &fake, BEA)];
        setup.mcp.push(fake);
        setup.agent("alice").users = &["ann", "bea", "carl"];
        setup.agent("alice").grants.push(("fake", &["*"], &[]));
        setup.agent("bob").grants.push(("fake", &["*"], &[]));
        change(setup);
    })
    .await
}

async fn remote() -> (Mcp, World) {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server, |_| {}).await;
    (server, world)
}

fn who() -> Value {
    call("who", json!({}))
}

fn who_for(user: impl Into<Value>) -> Value {
    let mut message = who();
    message["params"]["_meta"] = json!({"io.lanyard/user": user.into(), "x-kept": 1.0});
    message
}

fn naming(request: Request, user: &str) -> Request {
    request.header("X-Lanyard-User", user)
}

#[track_caller]
fn label(answer: &Answer) -> String {
    let (is_error, text) = answer.result();
    assert!(!is_error, "{text}");
    let text: Value = serde_json::from_str(&text).unwrap();
    text["label"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_user_is_named_by_header_or_in_the_request_and_no_server_hears_of_it() {
    let (server, world) = remote().await;
    let post = |path: &str| world.by("alice", "POST", path);
    let named = naming(post(FAKE), "ann").json(who()).send().await;
    assert_eq!(label(&named), "ann");
    assert_eq!(label(&post(FAKE).json(who_for("bea")).send().await), "bea");
    let both = naming(post(FAKE), "ann").json(who_for("ann")).send().await;
    assert_eq!(label(&both), "ann");
    let mut merged = who_for("ann");
    merged["params"]["name"] = json!("fake__who");
    let merged = post("/mcp").json(merged).send().await;
    assert!(merged.body.contains(r#"\"label\":\"ann\""#), "{}", merged.body);
    let params = json!({"name": "who", "arguments": {}});
    let stateless = modern(naming(post(FAKE), "bea"), "tools/call", params).send().await;
    assert_eq!(label(&stateless), "bea");
    for heard in server.heard() {
        let text = heard.message.to_string();
        assert!(!text.contains("io.lanyard"), "{text}");
        assert_eq!(heard.header("x-lanyard-user"), None);
    }
    let calls = server.heard_of("tools/call");
    assert_eq!(calls[1].message["params"]["_meta"]["x-kept"].to_string(), "1.0");
    // The user is no part of what a REST API hears, and part of the record.
    let note = naming(world.by("alice", "POST", BILLING), "ann").json(call("note", json!({})));
    assert_eq!(note.send().await.status, 200);
    for record in world.settled().await.iter().filter(|it| it["kind"] == "call.open") {
        assert!(matches!(record["user"].as_str(), Some("ann" | "bea")), "{record}");
    }
}

#[tokio::test]
async fn a_credential_of_its_own_takes_the_place_of_the_servers() {
    let (server, world) = remote().await;
    let post = || world.by("alice", "POST", FAKE);
    let own = naming(post(), "ann").json(who()).send().await;
    assert_eq!(label(&own), "ann");
    // Whoever holds nothing is called for with what the server has, and in a session of their own.
    for request in [post(), naming(post(), "carl")] {
        let house = request.json(who()).send().await;
        let (_, text) = house.result();
        assert!(!text.contains("ann") && !text.contains("bea"), "{text}");
    }
    let records = world.settled().await;
    let used: Vec<_> = records
        .iter()
        .filter(|it| it["kind"] == "call.open")
        .map(|it| it["credentials"].to_string())
        .collect();
    let house = r#"{"billing-key":1}"#;
    assert_eq!(used, [r#"{"fake-ann-bearer":1}"#, house, house]);
    let sessions: Vec<_> = server
        .heard_of("tools/call")
        .iter()
        .map(|heard| {
            let header = |name| heard.header(name).unwrap().to_owned();
            (header("mcp-session-id"), header("authorization"))
        })
        .collect();
    let bearers: Vec<_> = sessions.iter().map(|(_, bearer)| bearer.as_str()).collect();
    let house = format!("Bearer {KEY}");
    assert_eq!(bearers, [&format!("Bearer {ANN}"), &house, &house]);
    assert_ne!(sessions[1].0, sessions[2].0);
    assert_ne!(sessions[0].0, sessions[2].0);
}

#[tokio::test]
async fn a_header_beside_those_of_the_definition_and_what_comes_back_are_the_users() {
    let server = Mcp::start(Speaks::Modern).await;
    let world = world(&server, |setup| {
        setup.held[0].key = "header:x-own-key";
    })
    .await;
    let leak = |user: &'static str| {
        let request = naming(world.by("alice", "POST", FAKE), user);
        request.json(call("leak", json!({}))).send()
    };
    let (ann, bea) = (leak("ann").await, leak("bea").await);
    let heard = server.heard_of("tools/call");
    assert_eq!(heard[0].header("x-own-key"), Some(ANN));
    assert_eq!(heard[0].header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    assert_eq!(heard[1].header("x-own-key"), None);
    assert_eq!(heard[1].header("authorization"), Some(format!("Bearer {BEA}").as_str()));
    for answer in [ann, bea] {
        assert_eq!(answer.status, 200);
        for value in [ANN, BEA, KEY] {
            assert!(!answer.body.contains(value), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn for_whom_an_agent_may_not_call_it_is_denied_and_the_record_says_for_whom() {
    produced("user_not_granted");
    let (server, world) = remote().await;
    let text = |user| {
        format!(
            "this agent may not call for user {user} here; an operator can allow it with `lanyard grant --users`"
        )
    };
    for (agent, user) in [("alice", "dora"), ("bob", "ann")] {
        let no = naming(world.by(agent, "POST", FAKE), user).json(who()).send().await;
        let (is_error, said) = no.result();
        assert!(is_error && said.starts_with(&text(user)), "{said}");
        let mut read = bare("resources/read");
        read["params"] = json!({"uri": "fake://one"});
        let no = naming(world.by(agent, "POST", FAKE), user).json(read).send().await;
        let (code, said) = no.error();
        assert!(code == -32602 && said.starts_with(&text(user)), "{said}");
    }
    assert!(server.heard_of("tools/call").is_empty());
    let records = world.settled().await;
    let denied: Vec<_> = records
        .iter()
        .map(|it| ["kind", "agent", "user", "denied_code"].map(|key| it[key].as_str().unwrap()))
        .collect();
    let of = |agent, user| ["call.denied", agent, user, "user_not_granted"];
    let expected = [("alice", "dora"), ("bob", "ann")].map(|(agent, user)| [of(agent, user); 2]);
    assert_eq!(denied, expected.concat(), "{records:#?}");
    // What an agent may not use does not exist for it, whomever it names.
    let none = naming(world.by("eve", "POST", FAKE), "ann").json(who()).send().await;
    assert_eq!(none.status, 404);
}

#[tokio::test]
async fn a_server_for_users_takes_no_call_without_a_users_credential() {
    produced("user_credential_missing");
    let server = Mcp::start(Speaks::Modern).await;
    let world = world(&server, |setup| {
        setup.mcp[0].per_user = true;
        setup.held[1].bound = vec!["server:other".to_owned()];
    })
    .await;
    let post = || world.by("alice", "POST", FAKE);
    assert_eq!(label(&naming(post(), "ann").json(who()).send().await), "ann");
    // A credential that is bound to another place is none.
    for user in ["carl", "bea"] {
        let (is_error, text) = naming(post(), user).json(who()).send().await.result();
        let expected = format!(
            "user {user} has no credential for this server; an operator can set it with `lanyard user credential set fake {user}`"
        );
        assert!(is_error && text.starts_with(&expected), "{text}");
    }
    let (is_error, text) = post().json(who()).send().await.result();
    let expected = "this server is called with users' own credentials, and the call names no user";
    assert!(is_error && text.starts_with(expected), "{text}");
    assert!(text.contains("`lanyard user credential set fake USER`"), "{text}");
    assert_eq!(server.heard_of("tools/call").len(), 1);
}

#[tokio::test]
async fn what_only_users_can_look_at_is_listed_for_the_first_who_comes() {
    let server = Mcp::start(Speaks::Modern).await;
    let world = world(&server, |setup| {
        (setup.mcp[0].per_user, setup.mcp[0].is_listed) = (true, false);
    })
    .await;
    let list = |user: &'static str, path| {
        naming(world.by("alice", "POST", path), user).json(bare("tools/list")).send()
    };
    for user in ["carl", "dora"] {
        assert_eq!(list(user, "/mcp").await.status, 200);
    }
    assert_eq!(world.ask("alice", "/mcp", bare("tools/list")).await.status, 200);
    assert!(server.heard().is_empty());
    for path in ["/mcp", FAKE] {
        assert_eq!(list("ann", path).await.status, 200);
    }
    let lists = server.heard_of("tools/list");
    assert_eq!(lists.len(), 1, "{lists:?}");
    assert_eq!(lists[0].header("authorization"), Some(format!("Bearer {ANN}").as_str()));
    assert!(server.heard_of("tools/call").is_empty());
}

#[tokio::test]
async fn a_name_that_cannot_be_read_is_refused() {
    let (server, world) = remote().await;
    let post = || world.by("alice", "POST", FAKE);
    for request in [naming(post(), "ann smith"), naming(naming(post(), "ann"), "bea")] {
        let answer = request.json(who()).send().await;
        assert_eq!(answer.status, 400);
        assert!(answer.body.starts_with("X-Lanyard-User: name one user"), "{}", answer.body);
    }
    for user in [json!(7), json!(null), json!(""), json!(["ann"]), json!("a/b")] {
        let (code, text) = post().json(who_for(user)).send().await.error();
        assert!(code == -32602 && text.contains("name one user"), "{text}");
    }
    let (code, text) = naming(post(), "ann").json(who_for("bea")).send().await.error();
    assert!(code == -32602 && text.contains("another user than the header"), "{text}");
    assert!(server.heard_of("tools/call").is_empty());
}

#[tokio::test]
async fn a_session_that_begins_for_a_user_is_that_users() {
    let (_server, world) = remote().await;
    let begin = async |request: Request, message: Value| {
        let answer = request.json(message).send().await;
        answer.header("mcp-session-id").unwrap().to_owned()
    };
    let post = || world.by("alice", "POST", FAKE);
    let mut hello = initialize("2025-11-25");
    let by_header = begin(naming(post(), "ann"), hello.clone()).await;
    let nobodys = begin(post(), hello.clone()).await;
    hello["params"]["_meta"] = json!({"io.lanyard/user": "ann"});
    let by_request = begin(post(), hello).await;
    let within = |session: &str| post().header("Mcp-Session-Id", session);
    for session in [&by_header, &by_request] {
        assert_eq!(label(&within(session).json(who()).send().await), "ann");
        assert_eq!(label(&naming(within(session), "ann").json(who()).send().await), "ann");
        assert_eq!(naming(within(session), "bea").json(who()).send().await.status, 404);
        let (code, _) = within(session).json(who_for("bea")).send().await.error();
        assert_eq!(code, -32602);
    }
    // In nobody's session each request says for itself.
    assert_eq!(label(&naming(within(&nobodys), "ann").json(who()).send().await), "ann");
    assert_eq!(label(&within(&nobodys).json(who_for("bea")).send().await), "bea");
    let end = world.by("alice", "DELETE", FAKE).header("Mcp-Session-Id", &by_header);
    assert_eq!(end.send().await.status, 204);
    assert_eq!(within(&by_header).json(who()).send().await.status, 404);
}

#[tokio::test]
async fn messages_of_a_batch_name_their_users_one_by_one() {
    let (_server, world) = remote().await;
    let hello = initialize("2025-03-26");
    let begun = world.by("alice", "POST", FAKE).json(hello).send().await;
    let session = begun.header("mcp-session-id").unwrap();
    let batch = json!([who_for("ann"), who_for("bea"), who_for(7)]);
    let request = world.by("alice", "POST", FAKE).header("Mcp-Session-Id", session);
    let answers = request.json(batch).send().await.json();
    let text = |at: usize| answers[at]["result"]["content"][0]["text"].to_string();
    assert!(text(0).contains("ann") && text(1).contains("bea"), "{answers}");
    assert_eq!(answers[2]["error"]["code"], -32602);
}

#[tokio::test]
async fn on_a_stream_and_on_lines_a_user_is_named_as_well() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server, |setup| setup.agent("alice").uid = Some(own_uid())).await;
    // HTTP+SSE: the stream begins for a user, and is theirs.
    let mut stream = naming(world.by("alice", "GET", "/servers/fake/sse"), "ann").open().await;
    assert_eq!(stream.head().await.status, 200);
    let path = stream.event().await.unwrap();
    let post = || world.by("alice", "POST", &path);
    assert_eq!(post().json(who()).send().await.status, 202);
    assert!(stream.message().await.to_string().contains("ann"));
    assert_eq!(naming(post(), "bea").json(who()).send().await.status, 404);
    assert_eq!(naming(post(), "ann").json(who()).send().await.status, 202);
    assert!(stream.message().await.to_string().contains("ann"));
    // Lines have no headers.
    let mut hello = initialize("2025-11-25");
    let merged = |mut message: Value| {
        message["params"]["name"] = json!("fake__who");
        message
    };
    let mut lines = raw(&world.unix, format!("{hello}\n").as_bytes()).await;
    assert!(lines.line_message().await.unwrap()["result"].is_object());
    lines.write(format!("{}\n", merged(who_for("bea"))).as_bytes()).await;
    assert!(lines.line_message().await.unwrap().to_string().contains("bea"));
    hello["params"]["_meta"] = json!({"io.lanyard/user": "ann"});
    lines.write(format!("{hello}\n").as_bytes()).await;
    assert!(lines.line_message().await.unwrap()["result"].is_object());
    lines.write(format!("{}\n", merged(who())).as_bytes()).await;
    assert!(lines.line_message().await.unwrap().to_string().contains("ann"));
    lines.write(format!("{}\n", merged(who_for("bea"))).as_bytes()).await;
    assert_eq!(lines.line_message().await.unwrap()["error"]["code"], -32602);
}

/// What ends ann's access, or the credential that she has it by.
const ENDS: [fn(&mut Setup); 4] = [
    |setup| setup.agent("alice").users = &["bea"],
    |setup| setup.agent("alice").revoked = true,
    |setup| drop(setup.held.remove(0)),
    |setup| setup.held[0].version = 2,
];

#[tokio::test]
async fn a_session_ends_with_the_access_that_it_was_begun_by() {
    let [grant, revoked, removed, renewed] = ENDS;
    for (change, is_revoked) in [(grant, false), (revoked, true)] {
        let (server, world) = remote().await;
        for user in ["ann", "bea"] {
            assert_eq!(label(&for_user(&world, user).await), user);
        }
        let begun = server.heard_of("initialize").len();
        world.change(change);
        server.until_heard("test/ended", 1).await;
        if !is_revoked {
            let session = |heard: &Heard| heard.header("mcp-session-id").map(str::to_owned);
            let (ended, calls) = (server.heard_of("test/ended"), server.heard_of("tools/call"));
            assert_eq!(session(&ended[0]), session(&calls[0]));
            assert_eq!(label(&for_user(&world, "bea").await), "bea");
            assert_eq!(server.heard_of("initialize").len(), begun);
        }
    }
    // A credential that is gone is not used any more, not even for a farewell.
    for change in [removed, renewed] {
        let (server, world) = remote().await;
        for_user(&world, "ann").await;
        world.change(change);
        for_user(&world, "ann").await;
        let calls = server.heard_of("tools/call");
        assert_ne!(calls[0].header("mcp-session-id"), calls[1].header("mcp-session-id"));
        assert_ne!(calls[0].connection, calls[1].connection);
    }
}

async fn for_user(world: &World, user: &str) -> Answer {
    naming(world.by("alice", "POST", FAKE), user).json(who()).send().await
}

#[tokio::test]
async fn what_ends_a_users_access_ends_what_runs_for_them() {
    for (place, change) in ENDS.into_iter().enumerate() {
        let (server, world) = remote().await;
        let slow = naming(world.by("alice", "POST", FAKE), "ann");
        let slow = world.tasks.spawn(slow.json(call("slow", json!({}))).send());
        let other = naming(world.by("alice", "POST", FAKE), "bea");
        let other = world.tasks.spawn(other.json(call("slow", json!({}))).send());
        server.until_heard("tools/call", 2).await;
        world.change(change);
        let (is_error, text) = slow.await.unwrap().result();
        assert!(is_error && text.starts_with("the call was cancelled"), "{text}");
        server.release();
        // The second ends it for both.
        if place != 1 {
            assert_eq!(other.await.unwrap().result(), (false, "at last".to_owned()));
        }
    }
}
