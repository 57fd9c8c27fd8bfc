//! What differs between two definitions, line by line, for people.

use serde_json::Value;

use crate::json::quoted;
use crate::text::visible;

/// Lines around a change that are shown with it.
const CONTEXT_LINES: usize = 3;

/// Cells of the table that finds what two texts share. Beyond it the whole is shown as replaced.
const CELLS_MAX: usize = 4_000_000;

/// The difference between two definitions in JSON, members sorted, as a unified diff: ` ` before
/// what both have, `-` before what was pinned, `+` before what is seen. Characters that are not
/// shown stand as `\u{200b}`. Empty where nothing differs.
pub fn diff(pinned: Option<&str>, seen: Option<&str>) -> String {
    let before = pinned.map(lines).unwrap_or_default();
    let after = seen.map(lines).unwrap_or_default();
    let edits = edits(&before, &after);
    let mut out = String::new();
    let mut skipped = false;
    for (index, edit) in edits.iter().enumerate() {
        let start = index.saturating_sub(CONTEXT_LINES);
        let end = index.saturating_add(CONTEXT_LINES).saturating_add(1).min(edits.len());
        let near = edits.get(start..end).unwrap_or(&[]);
        if near.iter().all(|edit| matches!(edit, Edit::Both(_))) {
            skipped = true;
            continue;
        }
        if std::mem::take(&mut skipped) {
            out.push_str("  ...\n");
        }
        let (mark, line) = match edit {
            Edit::Both(line) => (' ', line),
            Edit::Before(line) => ('-', line),
            Edit::After(line) => ('+', line),
        };
        out.push(mark);
        out.push(' ');
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// A definition as lines: JSON with sorted members, a long text broken where it breaks itself.
fn lines(raw: &str) -> Vec<String> {
    match serde_json::from_str::<Value>(raw) {
        Ok(value) => {
            let mut out = String::new();
            pretty(&value, 0, &mut out);
            out.lines().map(str::to_owned).collect()
        }
        Err(_) => raw.lines().map(visible).collect(),
    }
}

fn pretty(value: &Value, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(members) if !members.is_empty() => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            out.push_str("{\n");
            for (index, (key, member)) in sorted.iter().enumerate() {
                out.push_str(&format!("{indent}  {}: ", string(key, &indent)));
                pretty(member, depth.saturating_add(1), out);
                out.push_str(if index.saturating_add(1) < sorted.len() { ",\n" } else { "\n" });
            }
            out.push_str(&format!("{indent}}}"));
        }
        Value::Array(items) if !items.is_empty() => {
            out.push_str("[\n");
            for (index, item) in items.iter().enumerate() {
                out.push_str(&format!("{indent}  "));
                pretty(item, depth.saturating_add(1), out);
                out.push_str(if index.saturating_add(1) < items.len() { ",\n" } else { "\n" });
            }
            out.push_str(&format!("{indent}]"));
        }
        Value::String(text) => out.push_str(&string(text, &indent)),
        Value::Object(_) | Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {
            out.push_str(&value.to_string());
        }
    }
}

/// A string in quotes, on a new line after each of its own line ends.
fn string(text: &str, indent: &str) -> String {
    visible(&quoted(text)).replace("\\n", &format!("\\n\n{indent}    "))
}

enum Edit<'a> {
    Both(&'a str),
    Before(&'a str),
    After(&'a str),
}

/// The shortest way from one list of lines to the other: what both begin and end with is set
/// aside, and the rest is compared by the longest common subsequence.
fn edits<'a>(before: &'a [String], after: &'a [String]) -> Vec<Edit<'a>> {
    let shared = |pair: &(&String, &String)| pair.0 == pair.1;
    let start = before.iter().zip(after).take_while(shared).count();
    let (head, before) = before.split_at_checked(start).unwrap_or((before, &[]));
    let after = after.get(start..).unwrap_or(&[]);
    let end = before.iter().rev().zip(after.iter().rev()).take_while(shared).count();
    let (before, tail) =
        before.split_at_checked(before.len().saturating_sub(end)).unwrap_or((before, &[]));
    let after = after.get(..after.len().saturating_sub(end)).unwrap_or(after);
    let mut edits: Vec<Edit<'a>> = head.iter().map(|line| Edit::Both(line)).collect();
    if before.len().saturating_mul(after.len()) > CELLS_MAX {
        edits.extend(before.iter().map(|line| Edit::Before(line)));
        edits.extend(after.iter().map(|line| Edit::After(line)));
    } else {
        middle(before, after, &mut edits);
    }
    edits.extend(tail.iter().map(|line| Edit::Both(line)));
    edits
}

fn middle<'a>(before: &'a [String], after: &'a [String], edits: &mut Vec<Edit<'a>>) {
    // `table[row][column]` is the length of what the rests from there share.
    let mut table: Vec<Vec<u32>> = vec![vec![0; after.len().saturating_add(1)]];
    for line in before.iter().rev() {
        let below = table.last().map(Vec::as_slice).unwrap_or_default();
        let mut row = vec![0; after.len().saturating_add(1)];
        for column in (0..after.len()).rev() {
            let right = column.saturating_add(1);
            let at = |row: &[u32], column: usize| row.get(column).copied().unwrap_or(0);
            let length = if after.get(column) == Some(line) {
                at(below, right).saturating_add(1)
            } else {
                at(below, column).max(at(&row, right))
            };
            if let Some(cell) = row.get_mut(column) {
                *cell = length;
            }
        }
        table.push(row);
    }
    table.reverse();
    let at = |row: usize, column: usize| {
        table.get(row).and_then(|cells| cells.get(column)).copied().unwrap_or(0)
    };
    let (mut row, mut column) = (0, 0);
    loop {
        match (before.get(row), after.get(column)) {
            (Some(left), Some(right)) if left == right => {
                edits.push(Edit::Both(left));
                row = row.saturating_add(1);
                column = column.saturating_add(1);
            }
            (Some(left), right)
                if right.is_none()
                    || at(row.saturating_add(1), column) >= at(row, column.saturating_add(1)) =>
            {
                edits.push(Edit::Before(left));
                row = row.saturating_add(1);
            }
            (_, Some(right)) => {
                edits.push(Edit::After(right));
                column = column.saturating_add(1);
            }
            (_, None) => return,
        }
    }
}
