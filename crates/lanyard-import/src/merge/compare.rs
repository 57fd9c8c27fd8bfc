//! One value in three versions.

use serde_json::{Map, Value};

use super::Told;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) changes: Vec<Told>,
    pub(super) conflicts: Vec<Told>,
}

/// What became of one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    New,
    Changed,
    Gone,
    /// Changed on both sides.
    Both,
}

impl Report {
    pub(super) fn tell(&mut self, tool: Option<&str>, outcome: Outcome, what: &str) {
        let text = match outcome {
            Outcome::New => format!("{what} is new"),
            Outcome::Changed => format!("{what} changed"),
            Outcome::Gone => format!("{what} is gone"),
            Outcome::Both => format!("{what} changed here and upstream: yours is kept"),
        };
        if outcome == Outcome::Both {
            self.conflict(tool, text);
        } else {
            self.change(tool, text);
        }
    }

    pub(super) fn change(&mut self, tool: Option<&str>, text: impl Into<String>) {
        self.changes.push(Told { tool: tool.map(str::to_owned), text: text.into() });
    }

    pub(super) fn conflict(&mut self, tool: Option<&str>, text: impl Into<String>) {
        self.conflicts.push(Told { tool: tool.map(str::to_owned), text: text.into() });
    }
}

/// The value that stays: the person's where it differs from what was imported, else upstream's.
pub(super) fn three_way(
    base: Option<&Value>,
    own: Option<&Value>,
    fresh: Option<&Value>,
    tell: impl FnOnce(Outcome),
) -> Option<Value> {
    if own == fresh {
        return own.cloned();
    }
    if own != base {
        if fresh != base {
            tell(Outcome::Both);
        }
        return own.cloned();
    }
    tell(match (own, fresh) {
        (None, _) => Outcome::New,
        (Some(_), None) => Outcome::Gone,
        (Some(_), Some(_)) => Outcome::Changed,
    });
    fresh.cloned()
}

/// The keys of three objects: the person's in their order, then upstream's.
pub(super) fn keys(base: &Value, own: &Value, fresh: &Value, left_out: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for object in [own, fresh, base] {
        for key in object.as_object().into_iter().flatten().map(|(key, _)| key) {
            if !left_out.contains(&key.as_str()) && !all.contains(key) {
                all.push(key.clone());
            }
        }
    }
    all
}

/// An object whose members stand as the person's do, then as upstream's.
pub(super) fn in_order(mut members: Map<String, Value>, own: &Value, fresh: &Value) -> Value {
    let mut ordered = Map::new();
    for key in keys(&Value::Null, own, fresh, &[]) {
        if let Some(value) = members.shift_remove(&key) {
            ordered.insert(key, value);
        }
    }
    ordered.extend(members);
    Value::Object(ordered)
}

/// The text of a member.
pub(super) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The elements of a member that is a list.
pub(super) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
