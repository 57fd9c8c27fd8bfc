//! What becomes of the rows of a server that speaks MCP.

use lanyard_core::{Limits, ServerName, TenantName, Timestamp};
use lanyard_store::{DefinitionKind, DefinitionRow, DefinitionState, ServerRow};

use super::super::Settings;
use super::{ListedRows, StoredOptions, compile};

const TIME: Timestamp = Timestamp(1_795_302_341_000_000);

fn row(options: &str) -> ServerRow {
    ServerRow {
        tenant: TenantName::default_tenant(),
        name: ServerName::parse("s").unwrap(),
        kind: "mcp".to_owned(),
        source: r#"{"type":"http","url":"https://s.example/mcp"}"#.to_owned(),
        file_name: "definition".to_owned(),
        options: options.to_owned(),
        enabled: true,
        verified: true,
        version: 1,
        created_at: TIME,
        updated_at: TIME,
    }
}

fn tool(position: u64, name: &str) -> DefinitionRow {
    DefinitionRow {
        tenant: TenantName::default_tenant(),
        server: ServerName::parse("s").unwrap(),
        kind: DefinitionKind::Tool,
        name: name.to_owned(),
        position,
        pinned: Some(format!(r#"{{"name":"{name}","inputSchema":{{"type":"object"}}}}"#)),
        seen: None,
        state: DefinitionState::Pinned,
        reasons: Vec::new(),
        changed_at: TIME,
        approved_at: None,
        approved_by: None,
    }
}

fn seen(options: &str) -> Vec<String> {
    let definitions = vec![tool(0, "a"), tool(1, "b"), tool(2, "c")];
    let listed = ListedRows { definitions, facts: None };
    let settings = Settings { limits: Limits::standard(), servers_directory: "/x".into() };
    let row = row(options);
    let options = StoredOptions::read(&row).unwrap();
    let entry = compile(&row, &options, &listed, &settings).unwrap();
    entry.tools().iter().map(|tool| tool.name().to_string()).collect()
}

#[test]
fn only_the_tools_that_are_named_are_there() {
    assert_eq!(seen("{}"), ["a", "b", "c"]);
    assert_eq!(seen(r#"{"tools":["c","a","x"]}"#), ["a", "c"]);
    assert_eq!(seen(r#"{"tools":[]}"#), [""; 0]);
}
