//! A look at a server that did not get everything: what it did not get is not gone.

use std::collections::{BTreeMap, BTreeSet};

use lanyard_mcp::{Item, Kind};
use lanyard_store::{DefinitionRow, DefinitionState};
use serde_json::{Map, Value};

use super::{kind, last_seen};

/// What was listed, completed with what was seen last. What is known keeps its place, and what is
/// new comes last.
pub(crate) fn completed(rows: &[DefinitionRow], items: Vec<Item>) -> Vec<Item> {
    let mut known: Vec<(Kind, &DefinitionRow)> = rows
        .iter()
        .filter(|row| row.state != DefinitionState::Gone)
        .filter_map(|row| Some((kind(row.kind)?, row)))
        .collect();
    known.sort_by_key(|(kind, row)| (*kind, row.position));
    let names: BTreeSet<(Kind, &str)> =
        known.iter().map(|(kind, row)| (*kind, row.name.as_str())).collect();
    let (seen, added): (Vec<Item>, Vec<Item>) =
        items.into_iter().partition(|item| names.contains(&(item.kind, item.name.as_str())));
    let mut seen: BTreeMap<(Kind, String), Item> =
        seen.into_iter().map(|item| ((item.kind, item.name.clone()), item)).collect();
    let kept =
        known.into_iter().filter_map(|(kind, row)| match seen.remove(&(kind, row.name.clone())) {
            Some(item) => Some(item),
            None => {
                let raw = last_seen(row)?.to_owned();
                Some(Item { kind, name: row.name.clone(), raw })
            }
        });
    kept.chain(added).collect()
}

/// What a server said of itself in such a look. What it can do may depend on whom it speaks with,
/// so that is taken from what it said before.
pub(crate) fn completed_facts(before: &str, seen: &str) -> String {
    let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
    let (before, mut now) = (object(before), object(seen));
    if let Some(capabilities) = before.get("capabilities") {
        now.insert("capabilities".to_owned(), capabilities.clone());
    }
    Value::Object(now).to_string()
}
