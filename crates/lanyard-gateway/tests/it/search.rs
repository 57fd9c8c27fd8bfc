//! Search mode: what an agent with more tools than it is shown lists, finds and calls.

use serde_json::{Value, json};

use crate::harness::{World, bare, call};

/// The names that an agent lists on `/mcp`.
async fn listed(world: &World, agent: &str) -> Vec<String> {
    let answer = world.ask(agent, "/mcp", bare("tools/list")).await.json();
    let tools = answer["result"]["tools"].as_array().unwrap();
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

/// The names that a search finds.
async fn found(world: &World, agent: &str, query: &str) -> Vec<String> {
    let message = call("mcp_tool_search", json!({ "query": query }));
    let answer = world.ask(agent, "/mcp", message).await.json();
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    let found: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap_or_default();
    let tools = found["tools"].as_array().cloned().unwrap_or_default();
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_agent_has_its_own_threshold() {
    let world = World::start().await;
    world.change(|setup| {
        setup.agent("alice").grants = vec![("billing", &["*"], &["slow"])];
        setup.agent("bob").grants = vec![("billing", &["*"], &["slow"])];
        setup.agent("bob").search_above = Some(2);
    });
    let all = listed(&world, "alice").await;
    assert!(all.len() > 5 && !all.contains(&"mcp_tool_search".to_owned()), "{all:?}");
    let shown = listed(&world, "bob").await;
    assert_eq!(shown.len(), 3, "{shown:?}");
    assert_eq!(shown.last().unwrap(), "mcp_tool_search");

    // What is found, or called by its name, is listed from then on.
    assert_eq!(found(&world, "bob", "get invoice").await.first().unwrap(), "billing__get_invoice");
    assert!(listed(&world, "bob").await.contains(&"billing__get_invoice".to_owned()));
    assert!(!listed(&world, "bob").await.contains(&"billing__note".to_owned()));
    world.ask("bob", "/mcp", call("billing__note", json!({}))).await;
    assert!(listed(&world, "bob").await.contains(&"billing__note".to_owned()));

    // Nobody finds what was not granted, and nobody lists it for having called it.
    assert_eq!(found(&world, "bob", "slow").await, [""; 0]);
    world.ask("bob", "/mcp", call("billing__slow", json!({}))).await;
    assert!(!listed(&world, "bob").await.contains(&"billing__slow".to_owned()));

    // Up to the threshold there is nothing to search.
    let count = u64::try_from(all.len()).unwrap();
    world.change(|setup| setup.agent("bob").search_above = Some(count));
    assert_eq!(listed(&world, "bob").await, all);
    world.change(|setup| setup.agent("bob").search_above = Some(0));
    assert_eq!(listed(&world, "bob").await.last().unwrap(), "mcp_tool_search");
}
