//! What becomes of the rows of a server that speaks MCP.

use lanyard_connect::mcp::EraChoice;
use lanyard_core::{Limits, ServerName, TenantName, Timestamp};
use lanyard_gateway::ServerEntry;
use lanyard_gateway::snapshot::Scrub;
use lanyard_store::{DefinitionKind, DefinitionRow, DefinitionState, FactsRow, ServerRow};

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

/// What was pinned with another version of the row.
fn facts(launch_pin: &str) -> FactsRow {
    FactsRow {
        tenant: TenantName::default_tenant(),
        server: ServerName::parse("s").unwrap(),
        generation: 7,
        facts: r#"{"version":"2025-06-18","capabilities":{"tools":{}},"info":{}}"#.to_owned(),
        launch_pin: launch_pin.to_owned(),
        seen_at: TIME,
    }
}

const LAUNCH: &str = r#"{"type":"http","url":"https://s.example/mcp","headers":[],"query":[]}"#;

fn entry(row: &ServerRow, facts: Option<FactsRow>) -> ServerEntry {
    let definitions = vec![tool(0, "a"), tool(1, "b"), tool(2, "c")];
    let listed = ListedRows { definitions, facts };
    let settings = Settings {
        limits: Limits::standard(),
        servers_directory: "/x".into(),
        scrub: Scrub::Exact,
    };
    let options = StoredOptions::read(row).unwrap();
    compile(row, &options, &listed, &settings).unwrap()
}

fn seen(options: &str) -> Vec<String> {
    let entry = entry(&row(options), Some(facts(LAUNCH)));
    entry.tools().iter().map(|tool| tool.name().to_string()).collect()
}

fn is_used(row: &ServerRow, facts: Option<FactsRow>) -> bool {
    entry(row, facts).enabled
}

#[test]
fn what_a_server_said_stays_known_when_its_options_change() {
    let spoken = |era| {
        let facts = super::facts(Some(&facts(LAUNCH)), era);
        facts.map(|facts| facts.version.as_str())
    };
    assert_eq!(spoken(EraChoice::Auto), Some("2025-06-18"));
    assert_eq!(spoken(EraChoice::Legacy), Some("2025-06-18"));
    // But not where it is to be spoken to otherwise from now on.
    assert_eq!(spoken(EraChoice::Modern), None);
}

#[test]
fn what_was_not_pinned_is_not_used() {
    let row = row("{}");
    assert!(is_used(&row, Some(facts(LAUNCH))));
    assert!(!is_used(&row, Some(facts("{}"))));
    assert!(!is_used(&row, Some(facts(&LAUNCH.replace("s.example", "t.example")))));
    // It was listed when it was added: so there was a pin.
    assert!(!is_used(&row, None));
    assert!(is_used(&ServerRow { verified: false, ..row.clone() }, None));
    assert!(!is_used(&ServerRow { enabled: false, ..row }, Some(facts(LAUNCH))));
}

#[test]
fn only_the_tools_that_are_named_are_there() {
    assert_eq!(seen("{}"), ["a", "b", "c"]);
    assert_eq!(seen(r#"{"tools":["c","a","x"]}"#), ["a", "c"]);
    assert_eq!(seen(r#"{"tools":[]}"#), [""; 0]);
}
