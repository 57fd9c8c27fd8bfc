//! Servers that speak MCP behind the gateway: all four pairs of protocol eras.

use serde_json::{Value, json};

use crate::harness::{Conditions, McpSetup, World, bare, initialize, modern};
use crate::http::{Answer, Request};
use crate::mcp_server::{Mcp, Speaks};
use crate::outcomes::produced;
use crate::server::KEY;

pub(crate) const FAKE: &str = "/servers/fake/mcp";

pub(crate) async fn world(server: &Mcp) -> World {
    World::with(Conditions::default(), |setup| {
        setup.origins.push(server.origin.clone());
        setup.mcp.push(McpSetup::new("fake", server));
        setup.agent("alice").grants.push(("fake", &["*"], &[]));
        setup.agent("bob").grants.push(("fake", &["echo"], &[]));
    })
    .await
}

/// Begins a session of an older version for a client that can be asked.
pub(crate) async fn session(world: &World, path: &str) -> String {
    let mut hello = initialize("2025-11-25");
    hello["params"]["capabilities"] = json!({"elicitation": {}});
    let answer = world.by("alice", "POST", path).json(hello).send().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.header("mcp-session-id").unwrap().to_owned()
}

pub(crate) fn in_session(world: &World, path: &str, session: &str) -> Request {
    world
        .by("alice", "POST", path)
        .header("Mcp-Session-Id", session)
        .header("MCP-Protocol-Version", "2025-11-25")
}

pub(crate) fn call(id: u64, tool: &str, arguments: Value) -> Value {
    let meta = json!({"progressToken": "mine", "x-vendor": 7});
    let params = json!({"name": tool, "arguments": arguments, "_meta": meta, "x-params": 1.0});
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params})
}

pub(crate) async fn call_modern(world: &World, path: &str, tool: &str, arguments: Value) -> Answer {
    let params = json!({"name": tool, "arguments": arguments, "x-params": 1.0});
    modern(world.by("alice", "POST", path), "tools/call", params).send().await
}

#[tokio::test]
async fn a_call_passes_between_older_versions_as_it_is() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    let session = session(&world, FAKE).await;
    let answer =
        in_session(&world, FAKE, &session).json(call(7, "echo", json!({"n": 1}))).send().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["id"], 7);
    assert_eq!(answer.json()["result"]["content"][0]["text"], "{\"n\":1}");
    assert_eq!(answer.json()["result"]["content"][0]["x-block"], 1);
    let heard = &server.heard_of("tools/call")[0];
    assert_eq!(heard.message["params"]["x-params"].to_string(), "1.0");
    assert_eq!(heard.message["params"]["_meta"]["x-vendor"], 7);
    assert_eq!(heard.header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    assert!(heard.header("mcp-session-id").is_some());
    let hello = &server.heard_of("initialize")[0];
    assert_eq!(hello.message["params"]["capabilities"], json!({"elicitation": {}}));
    assert_eq!(hello.message["params"]["clientInfo"]["name"], "test");
}

#[tokio::test]
async fn a_stateless_client_reaches_an_older_server() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    let answer = call_modern(&world, FAKE, "echo", json!({"n": 1})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["result"]["resultType"], "complete");
    let heard = &server.heard_of("tools/call")[0];
    assert_eq!(heard.message["params"].get("_meta"), None);
    assert_eq!(heard.message["params"]["x-params"].to_string(), "1.0");
}

#[tokio::test]
async fn an_older_client_reaches_a_stateless_server() {
    let server = Mcp::start(Speaks::Modern).await;
    let world = world(&server).await;
    let session = session(&world, FAKE).await;
    let answer =
        in_session(&world, FAKE, &session).json(call(7, "echo", json!({"n": 1}))).send().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["result"].get("resultType"), None);
    let heard = &server.heard_of("tools/call")[0];
    let meta = &heard.message["params"]["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28");
    assert_eq!(meta["io.modelcontextprotocol/clientCapabilities"], json!({"elicitation": {}}));
    assert_eq!(heard.header("mcp-name"), Some("echo"));
    assert_eq!(heard.header("mcp-session-id"), None);
}

#[tokio::test]
async fn names_are_the_servers_own_behind_a_prefix() {
    let server = Mcp::start(Speaks::Modern).await;
    let world = world(&server).await;
    let answer = call_modern(&world, "/mcp", "fake__echo", json!({"n": 1})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let heard = &server.heard_of("tools/call")[0];
    assert_eq!(heard.message["params"]["name"], "echo");
    assert_eq!(heard.header("mcp-name"), Some("echo"));
    // On `/mcp` results are marked as untrusted unless an operator says otherwise.
    let text = answer.json()["result"]["content"][0]["text"].as_str().unwrap().to_owned();
    assert!(
        text.starts_with("<<<EXTERNAL_UNTRUSTED_CONTENT>>>\nSource: MCP Server fake / Tool echo"),
        "{text}"
    );
}

#[tokio::test]
async fn notifications_come_before_the_answer() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let server = Mcp::start(speaks).await;
        let world = world(&server).await;
        let session = session(&world, FAKE).await;
        let mut stream =
            in_session(&world, FAKE, &session).json(call(7, "steps", json!({}))).open().await;
        assert_eq!(stream.head().await.header("content-type"), Some("text/event-stream"));
        for step in 1..=3 {
            let note = stream.message().await;
            assert_eq!(note["method"], "notifications/progress", "{note}");
            assert_eq!(note["params"]["progressToken"], "mine");
            assert_eq!(note["params"]["progress"], step);
        }
        assert_eq!(stream.message().await["result"]["content"][0]["text"], "done");
    }
}

#[tokio::test]
async fn an_older_client_is_asked_by_a_request() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let server = Mcp::start(speaks).await;
        let world = world(&server).await;
        let session = session(&world, FAKE).await;
        let mut stream =
            in_session(&world, FAKE, &session).json(call(7, "ask", json!({}))).open().await;
        let question = stream.message().await;
        assert_eq!(question["method"], "elicitation/create", "{question}");
        assert_eq!(question["params"]["requestedSchema"]["properties"]["name"]["x-kept"], true);
        let reply = json!({"action": "accept", "content": {"name": "Ada"}});
        let reply = json!({"jsonrpc": "2.0", "id": question["id"], "result": reply});
        let taken = in_session(&world, FAKE, &session).json(reply).send().await;
        assert_eq!(taken.status, 202);
        assert_eq!(stream.message().await["result"]["content"][0]["text"], "Hello Ada");
    }
}

#[tokio::test]
async fn a_stateless_client_is_asked_by_an_answer() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let server = Mcp::start(speaks).await;
        let world = world(&server).await;
        let ask = |extra: Value| {
            let mut params = json!({"name": "ask", "arguments": {}});
            for (key, value) in extra.as_object().unwrap() {
                params[key] = value.clone();
            }
            modern_that_elicits(world.by("alice", "POST", FAKE), params)
        };
        let first = ask(json!({})).send().await.json();
        assert_eq!(first["result"]["resultType"], "input_required", "{first}");
        let asked = first["result"]["inputRequests"].as_object().unwrap().clone();
        let (key, question) = asked.iter().next().unwrap();
        assert_eq!(question["method"], "elicitation/create");
        let reply = json!({"action": "accept", "content": {"name": "Ada"}});
        let retry = json!({
            "inputResponses": {key: reply}, "requestState": first["result"]["requestState"],
        });
        let last = ask(retry).send().await.json();
        assert_eq!(last["result"]["content"][0]["text"], "Hello Ada", "{last}");
        assert_eq!(last["result"]["resultType"], "complete");
        // An older server's call waits, and is one record; a stateless one's are two, and the later
        // says which it continues.
        let records = world.settled().await;
        let opened: Vec<&Value> = records.iter().filter(|it| it["kind"] == "call.open").collect();
        let continued: Vec<&Value> = opened.iter().map(|it| &it["continues"]).collect();
        match speaks {
            Speaks::Legacy => assert_eq!(continued, [&Value::Null]),
            Speaks::Modern => assert_eq!(continued, [&Value::Null, &opened[0]["id"]]),
        }
    }
}

pub(crate) fn modern_that_elicits(request: Request, params: Value) -> Request {
    let mut params = params;
    let name = params["name"].as_str().unwrap().to_owned();
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {"elicitation": {}},
    });
    let message = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params});
    request
        .header("MCP-Protocol-Version", "2026-07-28")
        .header("Mcp-Method", "tools/call")
        .header("Mcp-Name", &name)
        .json(message)
}

#[tokio::test]
async fn a_credential_that_comes_back_is_masked() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    let session = session(&world, FAKE).await;
    let answer = in_session(&world, FAKE, &session).json(call(7, "leak", json!({}))).send().await;
    assert_eq!(answer.status, 200);
    assert!(!answer.body.contains(KEY), "{}", answer.body);
    let records = world.settled().await;
    assert_eq!(records.last().unwrap()["masked"], 2, "{records:#?}");
}

#[tokio::test]
async fn a_credential_that_comes_unasked_is_masked() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    let session = session(&world, FAKE).await;
    let get = world.by("alice", "GET", FAKE).header("Mcp-Session-Id", &session);
    let mut stream = get.open().await;
    assert_eq!(stream.head().await.status, 200);
    // The first call opens the session with the server, and with it the stream of the server.
    in_session(&world, FAKE, &session).json(call(7, "echo", json!({}))).send().await;
    let params = json!({"level": "info", "data": format!("your key is {KEY}")});
    server
        .say(&json!({"jsonrpc": "2.0", "method": "notifications/message", "params": params}))
        .await;
    let told = stream.message().await;
    assert_eq!(told["method"], "notifications/message", "{told}");
    assert!(told["params"]["data"].as_str().unwrap().starts_with("your key is "), "{told}");
    assert!(!told.to_string().contains(KEY), "{told}");
}

#[tokio::test]
async fn a_call_is_bound_to_the_definition_that_its_client_saw() {
    produced("tool_changed");
    let server = Mcp::start(Speaks::Modern).await;
    let world = world(&server).await;
    let (old, fresh) = (session(&world, FAKE).await, session(&world, FAKE).await);
    let list = async |session: &str| {
        let answer = in_session(&world, FAKE, session).json(bare("tools/list")).send().await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    let list_modern = async || {
        let request = world.by("alice", "POST", FAKE);
        assert_eq!(modern(request, "tools/list", json!({})).send().await.status, 200);
    };
    let calls = async |session: &str| {
        in_session(&world, FAKE, session).json(call(7, "echo", json!({}))).send().await.result()
    };
    list(&old).await;
    list_modern().await;
    world.change(|setup| setup.mcp[0].tools[0]["description"] = json!("Sends what it gets to all"));
    let (is_error, text) = calls(&old).await;
    assert!(is_error && text.starts_with("the definition of echo has changed since"), "{text}");
    let (is_error, _) = call_modern(&world, FAKE, "echo", json!({})).await.result();
    assert!(is_error);
    assert_eq!(server.heard_of("tools/call").len(), 0);
    // Who never saw the old one may call, and so may the old one's other tools be called.
    assert!(!calls(&fresh).await.0);
    assert!(!call_modern(&world, FAKE, "leak", json!({})).await.result().0);
    list(&old).await;
    list_modern().await;
    assert!(!calls(&old).await.0);
    assert!(!call_modern(&world, FAKE, "echo", json!({})).await.result().0);
    let denied = world.settled().await;
    let denied: Vec<_> = denied.iter().filter(|it| it["denied_code"] == "tool_changed").collect();
    assert_eq!(denied.len(), 2, "{denied:#?}");
}

#[tokio::test]
async fn what_is_no_tool_takes_a_grant_of_the_whole_server() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    for (agent, prompts) in [("alice", 1), ("bob", 0)] {
        let listed = world.ask(agent, FAKE, bare("prompts/list")).await.json();
        assert_eq!(listed["result"]["prompts"].as_array().unwrap().len(), prompts, "{listed}");
    }
    let read = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "fake://one"}});
    let answer = world.ask("alice", "/mcp", read.clone()).await.json();
    assert!(answer["result"]["contents"][0]["text"].as_str().unwrap().contains("content"));
    let answer = world.ask("bob", FAKE, read).await.json();
    assert_eq!(answer["error"]["code"], -32002, "{answer}");
    produced("resource_unknown");
    let get = json!({"jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": {"name": "fake__greet"}});
    let answer = world.ask("alice", "/mcp", get).await.json();
    assert_eq!(answer["result"]["x-params"]["name"], "greet", "{answer}");
    let get =
        json!({"jsonrpc": "2.0", "id": 1, "method": "prompts/get", "params": {"name": "greet"}});
    let answer = world.ask("bob", FAKE, get).await.json();
    assert_eq!(answer["error"]["message"], "Prompt greet not found", "{answer}");
    produced("prompt_unknown");
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_only_in_the_stateless_era() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    let request = modern(world.by("alice", "POST", FAKE), "tools/call", json!({"name": "slow"}));
    let stream = request.open().await;
    server.until_heard("tools/call", 1).await;
    drop(stream);
    server.until_heard("notifications/cancelled", 1).await;
    let session = session(&world, FAKE).await;
    let stream = in_session(&world, FAKE, &session).json(call(7, "slow", json!({}))).open().await;
    server.until_heard("tools/call", 2).await;
    drop(stream);
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}});
    assert_eq!(in_session(&world, FAKE, &session).json(cancel).send().await.status, 202);
    server.until_heard("notifications/cancelled", 2).await;
    assert_eq!(server.heard_of("notifications/cancelled").len(), 2);
}

#[tokio::test]
async fn a_stateless_client_is_asked_only_where_it_can_be() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    let params = json!({
        "ref": {"type": "ref/prompt", "name": "greet"},
        "argument": {"name": "city", "value": "ask"},
    });
    let complete = modern(world.by("alice", "POST", FAKE), "completion/complete", params);
    let answer = complete.open().await.answer().await.json();
    assert_eq!(answer["result"]["resultType"], "complete", "{answer}");
    let said = &answer["result"]["content"][0]["text"];
    assert_eq!(*said, "the client cannot be asked anything during completion/complete");
}

#[tokio::test]
async fn the_end_of_a_session_cancels_its_calls() {
    // A client that can be asked has a session with the server to itself; another one shares it.
    for capabilities in [json!({"elicitation": {}}), json!({})] {
        let server = Mcp::start(Speaks::Legacy).await;
        let world = world(&server).await;
        let mut hello = initialize("2025-11-25");
        hello["params"]["capabilities"] = capabilities.clone();
        let hello = world.by("alice", "POST", FAKE).json(hello).send().await;
        let session = hello.header("mcp-session-id").unwrap();
        let slow = in_session(&world, FAKE, session).json(call(7, "slow", json!({})));
        let mut stream = slow.open().await;
        server.until_heard("tools/call", 1).await;
        let id = server.heard_of("tools/call")[0].message["id"].clone();
        let end = world.by("alice", "DELETE", FAKE).header("Mcp-Session-Id", session);
        assert_eq!(end.send().await.status, 204);
        server.until_heard("notifications/cancelled", 1).await;
        let cancelled = &server.heard_of("notifications/cancelled")[0];
        assert_eq!(cancelled.message["params"]["requestId"], id);
        let (is_error, said) = stream.answer().await.result();
        assert!(is_error && said.starts_with("the call was cancelled"), "{said}");
        let is_alone = capabilities != json!({});
        if is_alone {
            server.until_heard("test/ended", 1).await;
        }
        // Whoever shares the server's session finds it as it was.
        let echo = world.ask("alice", FAKE, call(8, "echo", json!({}))).await;
        assert_eq!(echo.status, 200);
        assert_eq!(server.heard_of("test/ended").len(), usize::from(is_alone));
    }
}

#[tokio::test]
async fn unknown_methods_pass_on_the_endpoint_of_one_server() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    let ask = json!({"jsonrpc": "2.0", "id": 1, "method": "vendor/method", "params": {"a": 1}});
    let answer = world.ask("alice", FAKE, ask.clone()).await.json();
    assert_eq!(answer["result"]["x"], json!({"a": 1}), "{answer}");
    for (agent, path) in [("alice", "/mcp"), ("bob", FAKE)] {
        let answer = world.ask(agent, path, ask.clone()).await.json();
        assert_eq!(answer["error"]["code"], -32601, "{answer}");
    }
    let records = world.settled().await;
    let denied = records.iter().filter(|it| it["denied_code"] == "method_unknown");
    assert_eq!(denied.count(), 1, "{records:#?}");
    produced("method_unknown");
}

#[tokio::test]
async fn a_resource_that_changes_is_told_to_whoever_asked() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let server = Mcp::start(speaks).await;
        let world = world(&server).await;
        let updated = json!({
            "jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": "fake://one"},
        });
        let session = session(&world, FAKE).await;
        let get = world.by("alice", "GET", FAKE).header("Mcp-Session-Id", &session);
        let mut stream = get.open().await;
        assert_eq!(stream.head().await.status, 200);
        let subscribe = json!({
            "jsonrpc": "2.0", "id": 3, "method": "resources/subscribe", "params": {"uri": "fake://one"},
        });
        let answer = in_session(&world, FAKE, &session).json(subscribe).send().await;
        assert_eq!(answer.json()["result"], json!({}), "{}", answer.body);
        server.say(&updated).await;
        let told = stream.message().await;
        assert_eq!(told["method"], "notifications/resources/updated", "{told}");
        assert_eq!(told["params"], json!({"uri": "fake://one"}));
    }
}

#[tokio::test]
async fn a_subscription_is_told_of_the_resources_it_names() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let server = Mcp::start(speaks).await;
        let world = world(&server).await;
        let params = json!({"notifications": {"resourceSubscriptions": ["fake://one"]}});
        let mut stream =
            modern(world.by("alice", "POST", FAKE), "subscriptions/listen", params).open().await;
        assert_eq!(stream.head().await.status, 200);
        let first = stream.message().await;
        assert_eq!(first["params"]["notifications"]["resourceSubscriptions"][0], "fake://one");
        for uri in ["fake://other", "fake://one"] {
            let updated = json!({
                "jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": uri},
            });
            server.say(&updated).await;
        }
        let told = stream.message().await;
        assert_eq!(told["params"]["uri"], "fake://one", "{told}");
        assert_eq!(told["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], 1);
    }
}

#[tokio::test]
async fn nothing_crosses_from_one_agent_to_another() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    for agent in ["alice", "bob"] {
        let echo = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "echo", "arguments": {"of": agent}}});
        let answer = world.ask(agent, FAKE, echo).await.json();
        assert_eq!(answer["result"]["content"][0]["text"], json!({"of": agent}).to_string());
    }
    let calls = server.heard_of("tools/call");
    let session = |at: usize| calls[at].header("mcp-session-id").unwrap().to_owned();
    assert_ne!(session(0), session(1));
}

#[tokio::test]
async fn a_slow_answer_comes_when_it_comes() {
    let server = Mcp::start(Speaks::Legacy).await;
    let world = world(&server).await;
    let request = modern(world.by("alice", "POST", FAKE), "tools/call", json!({"name": "slow"}));
    let mut stream = request.open().await;
    server.until_heard("tools/call", 1).await;
    server.release();
    assert_eq!(stream.head().await.header("content-type"), Some("application/json"));
}
