//! What operator commands print: data on stdout, notices on stderr, tables for people and JSON
//! for programs.

use std::io::{self, IsTerminal as _, Write as _};

use serde_json::Value;

/// Writes a line of data.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// Writes bytes of data as they are.
pub(crate) fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes)?;
    stdout.flush()
}

/// Writes a notice, marked as ours.
pub(crate) fn notice(text: &str) {
    aside(&format!("[lanyard] {text}"));
}

/// Writes a line to stderr as it is. A reader that closed stderr does not want to know.
pub(crate) fn aside(text: &str) {
    let written = writeln!(io::stderr().lock(), "{text}");
    tracing::trace!(written = written.is_ok(), "A notice was written.");
}

/// Tells how far something is, in place of what was told before; an empty text takes it away. Only
/// where somebody looks.
pub(crate) fn progress(text: &str) {
    if io::stderr().is_terminal() {
        let written = write!(io::stderr().lock(), "\r\u{1b}[K{text}");
        tracing::trace!(written = written.is_ok(), "Progress was told.");
    }
}

/// Writes JSON, indented for people who look at it.
pub(crate) fn json(value: &Value) -> io::Result<()> {
    line(&serde_json::to_string_pretty(value).unwrap_or_default())
}

/// Bold on a terminal, plain elsewhere.
pub(crate) fn bold(text: &str) -> String {
    if io::stdout().is_terminal() { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// Columns, as wide as their widest cell, two spaces apart.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let write = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (cell, width) in cells.zip(&widths) {
            text.push_str(cell);
            let padding = width.saturating_sub(cell.chars().count()).saturating_add(2);
            text.extend(std::iter::repeat_n(' ', padding));
        }
        text.trim_end().to_owned()
    };
    let mut lines = vec![write(&mut head.iter().copied())];
    lines.extend(rows.iter().map(|row| write(&mut row.iter().map(String::as_str))));
    lines.join("\n")
}

/// The members of an array under a key.
pub(crate) fn items<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A text of somebody else on one line, without what steers a terminal: a description in a
/// definition and a tool's name in a record are not written by who reads them.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

/// A member as text for people: text on one line, nothing for null, a list joined by commas.
pub(crate) fn text(value: &Value, key: &str) -> String {
    plain(&member(value, key))
}

/// The first line of a member.
pub(crate) fn first_line(value: &Value, key: &str) -> String {
    plain(member(value, key).lines().next().unwrap_or_default())
}

fn member(value: &Value, key: &str) -> String {
    match value.get(key) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Bool(true)) => "yes".to_owned(),
        Some(Value::Bool(false)) => "no".to_owned(),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned))
            .collect::<Vec<_>>()
            .join(","),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::{first_line, table, text};

    #[test]
    fn what_others_wrote_does_not_steer_the_terminal() {
        let value = serde_json::json!({"a": "x\u{1b}[2J\u{9b}1m\ny", "b": ["p", "q\r"]});
        assert_eq!(text(&value, "a"), "x [2J 1m y");
        assert_eq!(text(&value, "b"), "p,q ");
        assert_eq!(first_line(&value, "a"), "x [2J 1m");
    }

    #[test]
    fn columns_are_aligned() {
        let rows =
            vec![vec!["a".to_owned(), "1".to_owned()], vec!["long".to_owned(), "2".to_owned()]];
        assert_eq!(table(&["NAME", "N"], &rows), "NAME  N\na     1\nlong  2");
    }
}
