//! The text of a file as such: where a part of a scalar stands in it, and editing it in place.

use super::{Mark, Node, NodeValue, Style};

/// Where the byte `offset` of a scalar's text stands in the file. Escapes and folded lines make
/// the two differ, so both are walked side by side.
pub(crate) fn mark_in_text(source: &str, node: &Node, offset: usize) -> Mark {
    let NodeValue::Scalar(scalar) = &node.value else { return node.span.start };
    let Some(written) = source.get(node.span.start.offset..node.span.end) else {
        return node.span.start;
    };
    let quote = written.chars().next().filter(|_| scalar.style == Style::Quoted);
    let mut walk = Walk { mark: node.span.start, rest: written };
    if quote.is_some() {
        walk.step();
    }
    let mut passed: usize = 0;
    for expected in scalar.text.chars() {
        if passed >= offset {
            break;
        }
        passed = passed.saturating_add(expected.len_utf8());
        walk.pass(expected, quote);
    }
    walk.settle();
    walk.mark
}

struct Walk<'a> {
    mark: Mark,
    rest: &'a str,
}

impl Walk<'_> {
    /// Passes one character of the file.
    fn step(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let character = characters.next()?;
        self.rest = characters.as_str();
        self.mark.offset = self.mark.offset.saturating_add(character.len_utf8());
        if character == '\n' {
            self.mark.line = self.mark.line.saturating_add(1);
            self.mark.column = 1;
        } else {
            self.mark.column = self.mark.column.saturating_add(1);
        }
        Some(character)
    }

    /// Passes what stands in the file for one character of the text.
    fn pass(&mut self, expected: char, quote: Option<char>) {
        if quote == Some('"') && self.rest.starts_with('\\') {
            self.escape();
            return;
        }
        // Indentation and folded line breaks stand in the file and not in the text.
        while let Some(next) = self.rest.chars().next() {
            if next == expected {
                self.step();
                // Within single quotes a quote is written twice.
                if quote == Some('\'') && expected == '\'' {
                    self.step();
                }
                return;
            }
            // A space or line break of the text that a folded line stands for.
            if !next.is_whitespace() {
                return;
            }
            if expected.is_whitespace() {
                self.step();
                return;
            }
            self.step();
        }
    }

    fn escape(&mut self) {
        self.step();
        let digits = match self.step() {
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            Some(_) | None => 0,
        };
        for _ in 0..digits {
            self.step();
        }
    }

    /// A place at the end of a line is shown at the next character.
    fn settle(&mut self) {
        if self.mark.column == 1 {
            while self.rest.starts_with(' ') {
                self.step();
            }
        }
    }
}

/// Replacements in the text of a file, made all at once.
#[derive(Debug, Default)]
pub(crate) struct Edits {
    list: Vec<(usize, usize, String)>,
}

impl Edits {
    /// Replaces a scalar by one in double quotes. The number of lines stays.
    pub(crate) fn replace(&mut self, source: &str, node: &Node, text: &str) {
        let quoted = format!("\"{text}\"");
        let (start, end) = (node.span.start.offset, node.span.end);
        let (style, empty) = match &node.value {
            NodeValue::Scalar(scalar) => (scalar.style, start == end),
            NodeValue::List(_) | NodeValue::Map(_) => return,
        };
        if style == Style::Block {
            // The indicator stands before the first line of the block, which may be far down.
            let before = source.get(..start).unwrap_or_default();
            let indicator = before.rfind(['|', '>']).unwrap_or(start);
            // It ends with its last line: what follows indents the next member.
            let block = source.get(indicator..end).unwrap_or_default();
            let after = block.len().saturating_sub(block.trim_end_matches(' ').len());
            let lines = block.matches('\n').count();
            let text = format!("{quoted}{}", "\n".repeat(lines));
            self.push(indicator, end.saturating_sub(after), text);
        } else if empty {
            // The place of a value that is not there is that of the colon before it.
            let colon = source.get(start..).is_some_and(|rest| rest.starts_with(':'));
            let at = if colon { start.saturating_add(1) } else { start };
            self.push(at, at, format!(" {quoted}"));
        } else {
            let lines = source.get(start..end).unwrap_or_default().matches('\n').count();
            self.push(start, end, format!("{quoted}{}", "\n".repeat(lines)));
        }
    }

    /// Inserts text after a place.
    pub(crate) fn insert(&mut self, at: usize, text: String) {
        self.push(at, at, text);
    }

    fn push(&mut self, start: usize, end: usize, text: String) {
        // A value that an alias repeats is one place of the file.
        if !self.list.iter().any(|edit| edit.0 == start && edit.1 == end) {
            self.list.push((start, end, text));
        }
    }

    /// The text with all replacements made.
    pub(crate) fn apply(mut self, source: &str) -> String {
        self.list.sort_by_key(|edit| edit.0);
        let mut edited = String::with_capacity(source.len());
        let mut done = 0;
        for (start, end, text) in &self.list {
            edited.push_str(source.get(done..*start).unwrap_or_default());
            edited.push_str(text);
            done = *end;
        }
        edited.push_str(source.get(done..).unwrap_or_default());
        edited
    }
}
