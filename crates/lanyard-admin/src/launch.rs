//! What a server is started or reached with, held against what was pinned: a database that was
//! changed by other hands could start anything.

use std::collections::BTreeSet;

use lanyard_mcp::Definition;
use lanyard_store::{
    Change, Configuration, DefinitionKind, DefinitionReason, DefinitionRow, DefinitionState,
    FactsRow, ServerRow, StoreError,
};
use serde_json::{Map, Value};

use crate::options::ServerKind;

/// The name under which it is looked at and approved, beside what the server lists.
pub(crate) const LAUNCH: &str = "launch";

/// Whether a server's definition is still the one under which its definitions were pinned. To be
/// asked before it is used. A server that was listed when it was added has a pin; one that never
/// was gets it with its first list.
pub fn launch_is_pinned(row: &ServerRow, facts: Option<&FactsRow>) -> bool {
    let Some(facts) = facts else { return !row.verified };
    definition(row).is_ok_and(|definition| definition.pinned_text() == facts.launch_pin)
}

/// The definition of a stored MCP server.
pub(crate) fn definition(row: &ServerRow) -> Result<Definition, String> {
    Definition::parse(&row.source).map_err(|problems| {
        problems.first().map_or_else(|| "unreadable".to_owned(), ToString::to_string)
    })
}

/// What waits for somebody to look at it where a definition is not the one that was pinned, in the
/// form of what servers list. It stands in no table: it follows from the rows.
pub(crate) fn drift(row: &ServerRow, rows: &Configuration) -> Option<DefinitionRow> {
    if ServerKind::of(row) != ServerKind::Mcp {
        return None;
    }
    let facts = rows.facts_of(&row.tenant, &row.name);
    if launch_is_pinned(row, facts) {
        return None;
    }
    let pinned = facts.map(|facts| facts.launch_pin.clone());
    let seen = definition(row).ok()?.pinned_text();
    let reasons = reasons(pinned.as_deref(), &seen);
    Some(DefinitionRow {
        tenant: row.tenant.clone(),
        server: row.name.clone(),
        kind: DefinitionKind::Server,
        name: LAUNCH.to_owned(),
        position: 0,
        pinned,
        seen: Some(seen),
        state: DefinitionState::Quarantined,
        reasons,
        changed_at: row.updated_at,
        approved_at: None,
        approved_by: None,
    })
}

/// What all servers of a configuration have to show of this kind.
pub(crate) fn drifts(rows: &Configuration) -> impl Iterator<Item = DefinitionRow> {
    rows.servers.iter().filter_map(|row| drift(row, rows))
}

/// In a sentence, for whoever wants to use such a server.
pub(crate) fn held(row: &ServerRow) -> String {
    format!(
        "the definition of `{name}` is not the one that was pinned, so nothing is started or sent; look at it with `lanyard pin diff {name} {LAUNCH}`, then `lanyard pin approve {name} {LAUNCH}`",
        name = row.name
    )
}

/// A sentence for each part that differs.
fn reasons(pinned: Option<&str>, seen: &str) -> Vec<DefinitionReason> {
    let reason = |text: String| DefinitionReason { code: LAUNCH.to_owned(), text };
    let Some(pinned) = pinned else {
        return vec![reason(
            "its pin is gone, although it was listed when it was added".to_owned(),
        )];
    };
    let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
    let (before, after) = (object(pinned), object(seen));
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    keys.into_iter()
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| reason(format!("{} not what was approved", part(key))))
        .collect()
}

fn part(key: &str) -> &'static str {
    match key {
        "command" => "the command is",
        "args" => "the arguments are",
        "env" => "the names of the environment are",
        "cwd" => "the directory is",
        "url" => "the URL is",
        "headers" => "the names of the headers are",
        "query" => "the names of the query are",
        _ => "the transport is",
    }
}

/// Pins what was looked at. What the server lists is compared with its own pins as before.
pub(crate) fn approve(
    row: &ServerRow,
    looked: &DefinitionRow,
    rows: &Configuration,
    change: &Change<'_>,
) -> Result<(), StoreError> {
    let Some(launch_pin) = looked.seen.clone() else { return Ok(()) };
    let known = rows.facts_of(&row.tenant, &row.name).cloned();
    let facts = known.unwrap_or_else(|| FactsRow {
        tenant: row.tenant.clone(),
        server: row.name.clone(),
        generation: row.version,
        facts: "{}".to_owned(),
        launch_pin: String::new(),
        seen_at: change.time(),
    });
    change.facts_put(&FactsRow { launch_pin, ..facts })
}
