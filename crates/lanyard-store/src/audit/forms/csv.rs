//! Records as a table (RFC 4180), one row for a call, a change or a count of refusals.
//!
//! Texts in records are partly those of agents. A cell that a spreadsheet would take for a formula
//! begins with an apostrophe, and control characters are escaped, so that no cell is another row.

use std::borrow::Cow;
use std::io::{self, Write};

use serde_json::Value;

/// The columns: the member of the record, or of the call's end.
const COLUMNS: [&str; 37] = [
    "time",
    "kind",
    "id",
    "tenant",
    "agent",
    "user",
    "actor",
    "token",
    "peer",
    "method",
    "server",
    "tool",
    "action",
    "subject",
    "allowed_by",
    "denied_code",
    "denied_detail",
    "denied_by",
    "policy",
    "shadow",
    "obligations",
    "approval",
    "status",
    "failure",
    "upstream_status",
    "took_micros",
    "masked",
    "upstream_bytes",
    "result_bytes",
    "pin",
    "credentials",
    "client",
    "trace",
    "arguments_digest",
    "continues",
    "detail",
    "snapshot",
];

/// Of counted refusals.
const COUNTED: [&str; 4] = ["reason", "count", "since", "last_peer"];

/// The columns' names.
pub(super) fn head(out: &mut dyn Write) -> io::Result<()> {
    let names = COLUMNS.iter().chain(&COUNTED).chain(&["ended", "seq"]);
    line(names.copied(), out)
}

/// One row.
pub(super) fn row(record: &Value, close: Option<&Value>, out: &mut dyn Write) -> io::Result<()> {
    let of = |name: &str| record.get(name).or_else(|| close?.get(name)).map(cell);
    let ended = close.and_then(|close| close.get("time")).map(cell);
    let cells = COLUMNS.iter().chain(&COUNTED).map(|name| of(name));
    line(cells.chain([ended, of("seq")]).map(Option::unwrap_or_default), out)
}

fn line(cells: impl Iterator<Item = impl AsRef<str>>, out: &mut dyn Write) -> io::Result<()> {
    for (index, cell) in cells.enumerate() {
        let cell = cell.as_ref();
        if index > 0 {
            out.write_all(b",")?;
        }
        if cell.contains([',', '"', ' ']) || cell.starts_with('\'') {
            write!(out, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            out.write_all(cell.as_bytes())?;
        }
    }
    out.write_all(b"\r\n")
}

fn cell(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => safe(text),
        Value::Array(several) if several.iter().all(Value::is_string) => {
            let texts: Vec<&str> = several.iter().filter_map(Value::as_str).collect();
            Cow::Owned(safe(&texts.join("; ")).into_owned())
        }
        // Numbers are our own; what is nested begins with a bracket, and is JSON, so that its
        // control characters are escaped.
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Cow::Owned(value.to_string())
        }
    }
}

/// What spreadsheets take for the beginning of a formula, also behind white space and in their
/// full-width forms.
fn begins_formula(text: &str) -> bool {
    let first = text.trim_start().chars().next();
    matches!(first, Some('=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}'))
}

fn safe(text: &str) -> Cow<'_, str> {
    let hides = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    if !begins_formula(text) && !text.contains(hides) {
        return Cow::Borrowed(text);
    }
    // Looked at before control characters are escaped: some programs take them out.
    let mut safe = if begins_formula(text.trim_start_matches(hides)) || begins_formula(text) {
        "'".to_owned()
    } else {
        String::new()
    };
    for letter in text.chars() {
        if hides(letter) {
            safe.push_str(&format!("\\u{{{:x}}}", u32::from(letter)));
        } else {
            safe.push(letter);
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::{begins_formula, safe};

    #[test]
    fn no_cell_is_a_formula_or_a_row() {
        for text in ["=1+1", "+1", "-1", "@x", " =1", "\t=1", "\r=1", "\u{0}=1", "\u{ff1d}1"] {
            let cell = safe(text);
            assert!(cell.starts_with('\''), "{text:?}: {cell}");
            assert!(!cell.contains(char::is_control), "{text:?}");
        }
        assert_eq!(safe("a\r\nb"), "a\\u{d}\\u{a}b");
        assert_eq!(safe("a=b"), "a=b");
        assert!(!begins_formula("grant:alice/billing"));
    }
}
