//! What an agent sees, in both eras and under every name.

use serde_json::json;

use crate::harness::{BILLING, Conditions, World, bare, call, modern};
use crate::http::Answer;
use lanyard_core::Limits;

fn names(answer: &Answer) -> Vec<String> {
    let answer = answer.json();
    let tools = answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("{answer}"));
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn only_what_is_granted_is_listed() {
    let world = World::start().await;
    assert_eq!(names(&world.ask("eve", "/mcp", bare("tools/list")).await), [""; 0]);
    assert_eq!(names(&world.ask("bob", "/mcp", bare("tools/list")).await), ["billing__note"]);
    assert_eq!(names(&world.ask("bob", BILLING, bare("tools/list")).await), ["note"]);
    world.change(|setup| setup.agent("bob").grants = vec![("billing", &["*"], &["echo", "slow"])]);
    let listed = names(&world.ask("bob", BILLING, bare("tools/list")).await);
    assert!(listed.len() == 11 && !listed.contains(&"echo".to_owned()), "{listed:?}");
}

#[tokio::test]
async fn both_eras_list_the_same_tools() {
    let world = World::start().await;
    let legacy = world.ask("alice", "/mcp", bare("tools/list")).await;
    let answer = modern(world.by("alice", "POST", "/mcp"), "tools/list", json!({})).send().await;
    assert_eq!(names(&legacy), names(&answer));
    let result = &answer.json()["result"];
    assert_eq!(result["resultType"], "complete");
    assert_eq!(result["ttlMs"], 0);
    assert_eq!(legacy.json()["result"].get("ttlMs"), None);
    let discovered =
        modern(world.by("eve", "POST", "/mcp"), "server/discover", json!({})).send().await;
    assert_eq!(discovered.status, 200);
    assert_eq!(discovered.json()["result"]["supportedVersions"], json!(["2026-07-28"]));
}

#[tokio::test]
async fn a_request_says_by_its_method_whether_it_changes_something() {
    let world = World::start().await;
    let listed = world.ask("alice", BILLING, bare("tools/list")).await.json();
    let said = |name: &str| {
        let tools = listed["result"]["tools"].as_array().unwrap();
        tools.iter().find(|tool| tool["name"] == name).unwrap()["annotations"].clone()
    };
    let reads = json!({"readOnlyHint": true, "destructiveHint": false, "idempotentHint": true});
    assert_eq!(said("get_invoice"), reads);
    assert_eq!(said("echo"), json!({"readOnlyHint": false, "idempotentHint": false}));
}

#[tokio::test]
async fn both_eras_call_the_same_tool() {
    let world = World::start().await;
    let arguments = json!({"number": "INV-7"});
    let legacy = world.call("alice", "get_invoice", arguments.clone()).await;
    let params = json!({"name": "billing__get_invoice", "arguments": arguments});
    let answer = modern(world.by("alice", "POST", "/mcp"), "tools/call", params).send().await;
    assert_eq!(legacy.result(), answer.result());
    assert_eq!(answer.json()["result"]["resultType"], "complete");
    let seen = world.api.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|seen| seen.line == "GET /invoices/INV-7"), "{seen:?}");
}

#[tokio::test]
async fn headers_that_disagree_with_the_body_are_refused() {
    let world = World::start().await;
    let request = || {
        let params = json!({"name": "note", "arguments": {}});
        modern(world.by("alice", "POST", BILLING), "tools/call", params)
    };
    for (name, value) in
        [("Mcp-Name", "echo"), ("Mcp-Method", "tools/list"), ("MCP-Protocol-Version", "2025-11-25")]
    {
        let answer = request().replace(name, value).send().await;
        assert_eq!((answer.status, answer.error().0), (400, -32020), "{name}");
        let answer = request().without(name).send().await;
        assert_eq!((answer.status, answer.error().0), (400, -32020), "{name}");
        let answer = request().header(name, value).send().await;
        assert_eq!((answer.status, answer.error().0), (400, -32020), "{name} twice");
    }
    // A header that repeats an argument concerns only tools whose schema asks for it.
    assert_eq!(request().header("Mcp-Param-Region", "eu").send().await.status, 200);
    assert!(world.api.seen().is_empty());
}

#[tokio::test]
async fn a_list_goes_on_from_its_cursor_and_from_no_other() {
    let limits = Limits { list_page_tools_max: 5, ..Conditions::default().limits };
    let conditions = Conditions { limits, strict: false };
    let world = World::with(conditions, |_| {}).await;
    let page = async |cursor: Option<&str>| {
        let mut message = bare("tools/list");
        if let Some(cursor) = cursor {
            message["params"] = json!({"cursor": cursor});
        }
        world.ask("alice", BILLING, message).await
    };
    for cursor in ["", "5", "tools-", "tools--1", "tools-x", "tools-99999999999999999999"] {
        assert_eq!(page(Some(cursor)).await.error().0, -32602, "{cursor}");
    }
    let (mut cursor, mut all): (Option<String>, Vec<String>) = (None, Vec::new());
    loop {
        let answer = page(cursor.as_deref()).await;
        all.extend(names(&answer));
        let next = answer.json()["result"]["nextCursor"].as_str().map(str::to_owned);
        if next.is_none() {
            break;
        }
        cursor = next;
    }
    assert_eq!(all.len(), 13);
    assert_eq!(names(&page(Some("tools-900")).await), [""; 0]);
}

#[tokio::test]
async fn a_prefix_stands_before_a_name_on_mcp_alone() {
    let world = World::start().await;
    world.change(|setup| {
        setup.agent("alice").grants.push(("wiki", &["*"], &[]));
        setup.servers[0].prefix = Some("b_");
        setup.servers[1].prefix = Some("");
    });
    let listed = names(&world.ask("alice", "/mcp", bare("tools/list")).await);
    assert!(listed.contains(&"b_note".to_owned()) && listed.contains(&"find_page".to_owned()));
    for (path, tool, status) in [
        ("/mcp", "b_note", true),
        ("/mcp", "note", false),
        ("/mcp", "billing__note", false),
        (BILLING, "note", true),
        (BILLING, "b_note", false),
    ] {
        let answer = world.ask("alice", path, call(tool, json!({}))).await;
        assert_eq!(answer.json().get("result").is_some(), status, "{path} {tool}");
    }
    let page = call("find_page", json!({"title": "x"}));
    assert_eq!(world.ask("alice", "/mcp", page).await.result().1, "Page x");
}

#[tokio::test]
async fn a_set_shows_what_is_granted_of_the_servers_behind_it() {
    let world = World::start().await;
    const DESK: &str = "/servers/desk/mcp";
    let list = async |agent| names(&world.ask(agent, DESK, bare("tools/list")).await);
    assert_eq!(list("bob").await, ["billing___note"]);
    assert_eq!(list("alice").await, ["billing___note", "billing___get_invoice"]);
    for tool in ["wiki___find_page", "note", "desk___note"] {
        assert_eq!(
            world.ask("alice", DESK, call(tool, json!({"title": "x"}))).await.error().0,
            -32602
        );
    }
    for tool in ["billing___note", "billing/note"] {
        let answer = world.ask("bob", DESK, call(tool, json!({"text": "x"}))).await;
        assert_eq!(answer.result().1, "Noted: x");
    }
    // The set has no tools of its own, so nothing of it is on /mcp.
    assert_eq!(names(&world.ask("bob", "/mcp", bare("tools/list")).await), ["billing__note"]);
    world.change(|setup| setup.servers[0].enabled = false);
    assert_eq!(world.ask("bob", DESK, bare("tools/list")).await.status, 404);
}

#[tokio::test]
async fn an_agent_learns_what_its_token_may_use_and_no_more() {
    let world = World::start().await;
    let ask = async |agent| world.by(agent, "GET", "/v1/agent/servers").send().await.json();
    assert_eq!(ask("eve").await, json!({"agent": "eve", "servers": []}));
    let bob = ask("bob").await;
    let names: Vec<_> = bob["servers"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["billing", "desk"]);
    assert_eq!(bob["servers"][0]["tools"], 1);
    assert_eq!(world.by("bob", "POST", "/v1/agent/servers").send().await.status, 405);
}

#[tokio::test]
async fn every_alias_leads_to_the_same_server() {
    let world = World::start().await;
    for path in [
        "/servers/billing/mcp/",
        "/mcp-servers/billing/mcp",
        "/mcp-servers/billing",
        "/mcp/billing",
    ] {
        assert_eq!(names(&world.ask("bob", path, bare("tools/list")).await), ["note"], "{path}");
    }
}
