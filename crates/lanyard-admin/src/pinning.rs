//! What becomes of the definitions of a server when it lists something. Pure: rows and a list in,
//! rows out.
//!
//! A tool is listed and callable by its pinned text alone. What else a server says of it waits
//! beside the pin, until somebody approves it.

use std::collections::{BTreeMap, BTreeSet};

use lanyard_core::{ServerName, TenantName, Timestamp};
use lanyard_mcp::pin::compare_among;
use lanyard_mcp::{Change as Drifted, Drift, Grade, Item, Kind, OtherTools};
use lanyard_store::{DefinitionKind, DefinitionReason, DefinitionRow, DefinitionState};
use serde_json::{Map, Value, json};

mod partial;

pub(crate) use partial::{completed, completed_facts};

/// The server whose rows they are, and the time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) tenant: &'a TenantName,
    pub(crate) server: &'a ServerName,
    pub(crate) now: Timestamp,
}

/// What is to be written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Weighed {
    /// Rows that are new or other than before.
    pub(crate) put: Vec<DefinitionRow>,
    /// What is to be forgotten.
    pub(crate) forget: Vec<(DefinitionKind, String)>,
    /// Those of `put` that somebody has to look at.
    pub(crate) drift: Vec<(DefinitionKind, String)>,
}

/// The items that can be kept: each with a name of its own, the first of two equal ones.
pub(crate) fn sound(items: Vec<Item>) -> Vec<Item> {
    let mut names = BTreeSet::new();
    items
        .into_iter()
        .filter_map(|item| Item::read(item.kind, &item.raw).ok())
        .filter(|item| names.insert((item.kind, item.name.clone())))
        .collect()
}

/// Whether a list says what was seen last. It costs a comparison of texts.
pub(crate) fn is_same(rows: &[DefinitionRow], items: &[Item]) -> bool {
    let is_listed =
        |row: &&DefinitionRow| row.state != DefinitionState::Gone && kind(row.kind).is_some();
    let listed: Vec<&DefinitionRow> = rows.iter().filter(is_listed).collect();
    if listed.len() != items.len() {
        return false;
    }
    let places = positions(items);
    let known: BTreeMap<(DefinitionKind, &str), &DefinitionRow> =
        listed.into_iter().map(|row| ((row.kind, row.name.as_str()), row)).collect();
    items.iter().zip(places).all(|(item, position)| {
        known.get(&(stored(item.kind), item.name.as_str())).is_some_and(|row| {
            row.position == position && last_seen(row) == Some(item.raw.as_str())
        })
    })
}

/// The text that a row was listed with last.
fn last_seen(row: &DefinitionRow) -> Option<&str> {
    row.seen.as_deref().or(row.pinned.as_deref())
}

/// The first list of a server: what has no sign of deceit is pinned, the rest waits.
pub(crate) fn first(place: Place<'_>, items: &[Item], others: &OtherTools) -> Weighed {
    let held: BTreeSet<(Kind, String)> =
        lanyard_mcp::pin::screen(items, place.server.as_str(), others)
            .into_iter()
            .map(|drift| (drift.kind, drift.name))
            .collect();
    let is_held = |item: &Item| held.contains(&(item.kind, item.name.clone()));
    let rows: Vec<DefinitionRow> = items
        .iter()
        .zip(positions(items))
        .filter(|(item, _)| !is_held(item))
        .map(|(item, position)| accepted(place, item, position))
        .collect();
    let mut weighed = later(place, &rows, items, others);
    weighed.put.extend(rows);
    weighed.put.sort_by(|left, right| (left.kind, &left.name).cmp(&(right.kind, &right.name)));
    weighed
}

/// Any later list: compared with the pins.
pub(crate) fn later(
    place: Place<'_>,
    rows: &[DefinitionRow],
    items: &[Item],
    others: &OtherTools,
) -> Weighed {
    let pins: Vec<Item> = rows.iter().filter_map(pin).collect();
    let drifts: BTreeMap<(Kind, String), Drift> =
        compare_among(&pins, items, place.server.as_str(), others)
            .into_iter()
            .map(|drift| ((drift.kind, drift.name.clone()), drift))
            .collect();
    let known: BTreeMap<(DefinitionKind, &str), &DefinitionRow> =
        rows.iter().map(|row| ((row.kind, row.name.as_str()), row)).collect();
    let mut weighed = Weighed::default();
    for (item, position) in items.iter().zip(positions(items)) {
        let before = known.get(&(stored(item.kind), item.name.as_str())).copied();
        let drift = drifts.get(&(item.kind, item.name.clone()));
        let row = listed(place, before, (item, position), drift);
        weighed.take(before, row);
    }
    let seen: BTreeSet<(DefinitionKind, &str)> =
        items.iter().map(|item| (stored(item.kind), item.name.as_str())).collect();
    let renamed: BTreeMap<&str, &str> = drifts
        .values()
        .filter_map(|drift| match &drift.change {
            Drifted::Renamed { from } => Some((from.as_str(), drift.name.as_str())),
            Drifted::New | Drifted::Gone | Drifted::Changed => None,
        })
        .collect();
    let is_gone = |row: &&DefinitionRow| {
        kind(row.kind).is_some() && !seen.contains(&(row.kind, row.name.as_str()))
    };
    for row in rows.iter().filter(is_gone) {
        weighed.vanished(place, row, renamed.get(row.name.as_str()).copied());
    }
    weighed
}

impl Weighed {
    /// The two together.
    pub(crate) fn add(&mut self, other: Self) {
        self.put.extend(other.put);
        self.forget.extend(other.forget);
        self.drift.extend(other.drift);
    }

    /// Keeps a row if it says something new.
    fn take(&mut self, before: Option<&DefinitionRow>, row: DefinitionRow) {
        if before.is_some_and(|before| *before == row) {
            return;
        }
        let told = |it: &DefinitionRow| (it.state, it.seen.clone(), it.reasons.clone());
        let is_new = before.is_none_or(|before| told(before) != told(&row));
        if row.state != DefinitionState::Pinned && is_new {
            self.drift.push((row.kind, row.name.clone()));
        }
        self.put.push(row);
    }

    /// A definition that is no longer listed. The pin of a tool stays, so that its return is
    /// compared with it; what was never approved, or needs no approval, is forgotten.
    fn vanished(&mut self, place: Place<'_>, row: &DefinitionRow, now: Option<&str>) {
        if row.kind != DefinitionKind::Tool || row.pinned.is_none() {
            self.forget.push((row.kind, row.name.clone()));
            return;
        }
        let text = match now {
            Some(name) => format!("the server lists it as `{name}` now"),
            None => "the tool is no longer listed".to_owned(),
        };
        let reasons = vec![DefinitionReason { code: "gone_tool".to_owned(), text }];
        let gone =
            DefinitionRow { seen: None, state: DefinitionState::Gone, reasons, ..row.clone() };
        self.take(Some(row), dated(place, Some(row), gone));
    }
}

/// The row of something that is listed.
fn listed(
    place: Place<'_>,
    before: Option<&DefinitionRow>,
    (item, position): (&Item, u64),
    drift: Option<&Drift>,
) -> DefinitionRow {
    let Some(drift) = drift else {
        return match before {
            // Equal to the letter, or, where that counts, in meaning: what was approved stays.
            Some(row) if stays(row, item) => {
                let is_other = row.pinned.as_deref() != Some(item.raw.as_str());
                let seen = is_other.then(|| item.raw.clone());
                let state = DefinitionState::Pinned;
                let same =
                    DefinitionRow { position, seen, state, reasons: Vec::new(), ..row.clone() };
                dated(place, before, same)
            }
            Some(_) | None => dated(place, before, accepted(place, item, position)),
        };
    };
    let state = match drift.grade {
        Grade::Reported => DefinitionState::Reported,
        Grade::Quarantined => DefinitionState::Quarantined,
    };
    let reasons = drift
        .reasons
        .iter()
        .map(|it| DefinitionReason { code: it.code.as_str().to_owned(), text: it.sentence.clone() })
        .collect();
    let held = DefinitionRow {
        position,
        pinned: before.and_then(|row| row.pinned.clone()),
        seen: Some(item.raw.clone()),
        state,
        reasons,
        approved_at: before.and_then(|row| row.approved_at),
        approved_by: before.and_then(|row| row.approved_by.clone()),
        ..accepted(place, item, position)
    };
    dated(place, before, held)
}

/// Whether a pin without drift is kept rather than replaced by what is listed now.
fn stays(row: &DefinitionRow, item: &Item) -> bool {
    match &row.pinned {
        Some(pinned) => row.kind == DefinitionKind::Tool || *pinned == item.raw,
        None => false,
    }
}

/// Keeps the date of a row that only moved.
fn dated(place: Place<'_>, before: Option<&DefinitionRow>, row: DefinitionRow) -> DefinitionRow {
    let moved = before.is_some_and(|before| {
        let (position, changed_at) = (row.position, row.changed_at);
        DefinitionRow { position, changed_at, ..before.clone() } == row
    });
    let changed_at = before.filter(|_| moved).map_or(place.now, |before| before.changed_at);
    DefinitionRow { changed_at, ..row }
}

fn accepted(place: Place<'_>, item: &Item, position: u64) -> DefinitionRow {
    DefinitionRow {
        tenant: place.tenant.clone(),
        server: place.server.clone(),
        kind: stored(item.kind),
        name: item.name.clone(),
        position,
        pinned: Some(item.raw.clone()),
        seen: None,
        state: DefinitionState::Pinned,
        reasons: Vec::new(),
        changed_at: place.now,
        approved_at: None,
        approved_by: None,
    }
}

fn pin(row: &DefinitionRow) -> Option<Item> {
    let raw = row.pinned.clone()?;
    Some(Item { kind: kind(row.kind)?, name: row.name.clone(), raw })
}

/// The place of each item among those of its kind.
fn positions(items: &[Item]) -> Vec<u64> {
    let mut next: BTreeMap<Kind, u64> = BTreeMap::new();
    items
        .iter()
        .map(|item| {
            let place = next.entry(item.kind).or_default();
            let position = *place;
            *place = position.saturating_add(1);
            position
        })
        .collect()
}

/// A kind as rows hold it.
pub(crate) fn stored(kind: Kind) -> DefinitionKind {
    match kind {
        Kind::Tool => DefinitionKind::Tool,
        Kind::Prompt => DefinitionKind::Prompt,
        Kind::Resource => DefinitionKind::Resource,
        Kind::Template => DefinitionKind::Template,
    }
}

/// The kind of what is listed; nothing for what a server says of itself.
fn kind(kind: DefinitionKind) -> Option<Kind> {
    match kind {
        DefinitionKind::Tool => Some(Kind::Tool),
        DefinitionKind::Prompt => Some(Kind::Prompt),
        DefinitionKind::Resource => Some(Kind::Resource),
        DefinitionKind::Template => Some(Kind::Template),
        DefinitionKind::Server => None,
    }
}

/// What becomes of what a server says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OfItself {
    /// What agents are told, as JSON.
    pub(crate) in_use: String,
    /// What is to be written beside it.
    pub(crate) weighed: Weighed,
}

/// The row of what a server says of itself, which is there only where somebody has or had to look
/// at it.
pub(crate) fn of_itself_row(rows: &[DefinitionRow]) -> Option<&DefinitionRow> {
    rows.iter().find(|row| row.kind == DefinitionKind::Server)
}

/// What a server said of itself last.
pub(crate) fn said_last<'a>(rows: &'a [DefinitionRow], in_use: &'a str) -> &'a str {
    of_itself_row(rows).and_then(last_seen).unwrap_or(in_use)
}

/// What a server says of itself may change freely as long as it hides nothing and gives no
/// orders. Else agents are told what was said before, or nothing.
pub(crate) fn of_itself(
    place: Place<'_>,
    rows: &[DefinitionRow],
    in_use: Option<&str>,
    seen: &str,
) -> OfItself {
    let before = of_itself_row(rows);
    let basis = before.and_then(|row| row.pinned.as_deref()).or(in_use);
    let reasons = lanyard_mcp::pin::suspicious_facts(basis, seen);
    let mut weighed = Weighed::default();
    if reasons.is_empty() {
        let name = DefinitionRow::OF_ITSELF.to_owned();
        match before {
            Some(row) if row.pinned.as_deref() == Some(seen) => {
                let (state, reasons) = (DefinitionState::Pinned, Vec::new());
                let row = DefinitionRow { seen: None, state, reasons, ..row.clone() };
                weighed.take(before, dated(place, before, row));
            }
            Some(row) => weighed.forget.push((row.kind, name)),
            None => {}
        }
        return OfItself { in_use: seen.to_owned(), weighed };
    }
    let stored = |it: lanyard_mcp::Reason| DefinitionReason {
        code: it.code.as_str().to_owned(),
        text: it.sentence,
    };
    let row = DefinitionRow {
        tenant: place.tenant.clone(),
        server: place.server.clone(),
        kind: DefinitionKind::Server,
        name: DefinitionRow::OF_ITSELF.to_owned(),
        position: 0,
        pinned: basis.map(str::to_owned),
        seen: Some(seen.to_owned()),
        state: DefinitionState::Quarantined,
        reasons: reasons.into_iter().map(stored).collect(),
        changed_at: place.now,
        approved_at: before.and_then(|row| row.approved_at),
        approved_by: before.and_then(|row| row.approved_by.clone()),
    };
    weighed.take(before, dated(place, before, row));
    OfItself { in_use: held_back(basis, seen), weighed }
}

/// How it is spoken to, as it says now, with what it said for its readers before.
fn held_back(basis: Option<&str>, seen: &str) -> String {
    let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
    let (before, mut now) = (basis.map(object).unwrap_or_default(), object(seen));
    let nobody = || json!({ "name": "", "version": "" });
    now.insert("info".to_owned(), before.get("info").cloned().unwrap_or_else(nobody));
    now.insert("instructions".to_owned(), before.get("instructions").cloned().unwrap_or_default());
    Value::Object(now).to_string()
}

/// What somebody who was shown this row approves of by it.
pub(crate) fn approved(row: &DefinitionRow, by: &str, now: Timestamp) -> Option<DefinitionRow> {
    let seen = row.seen.clone()?;
    Some(DefinitionRow {
        pinned: Some(seen),
        seen: None,
        state: DefinitionState::Pinned,
        reasons: Vec::new(),
        changed_at: now,
        approved_at: Some(now),
        approved_by: Some(by.to_owned()),
        ..row.clone()
    })
}

#[cfg(test)]
mod tests;
