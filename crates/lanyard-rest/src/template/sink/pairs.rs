//! `key=value&key=value`, as in the query of a URL and in a form body. A pair whose whole value is
//! one action that is missing is left out.

use super::super::value::Outcome;
use super::{Action, Buffer};

/// The pair being written.
#[derive(Debug, Clone)]
pub(super) struct Pairs {
    /// What a space becomes.
    space: &'static str,
    /// Where the first pair begins.
    first: usize,
    /// Where this pair begins.
    start: usize,
    /// Where its value begins, once there is a `=`.
    value: Option<usize>,
    /// How many actions wrote into it.
    actions: usize,
    /// Whether the last of them was missing.
    missing: bool,
}

impl Pairs {
    pub(super) fn new(buffer: &Buffer, space: &'static str) -> Self {
        let start = buffer.len();
        Self { space, first: start, start, value: None, actions: 0, missing: false }
    }

    /// One character of the template. `&` ends the pair.
    pub(super) fn literal(&mut self, buffer: &mut Buffer, next: char) -> Outcome<()> {
        if next == '&' {
            self.end(buffer);
            if buffer.len() > self.first {
                buffer.push_char('&')?;
            }
            let space = self.space;
            *self = Self { first: self.first, ..Self::new(buffer, space) };
            return Ok(());
        }
        buffer.push_char(next)?;
        if next == '=' && self.value.is_none() {
            self.value = Some(buffer.len());
        }
        Ok(())
    }

    pub(super) fn action(&mut self, buffer: &mut Buffer, action: &Action<'_>) -> Outcome<()> {
        self.actions = self.actions.saturating_add(1);
        self.missing = action.is_missing();
        if action.is_missing() {
            return Ok(());
        }
        if action.urlquery {
            return buffer.push(action.text);
        }
        buffer.push_encoded(action.text, self.space)
    }

    /// Whether nothing is written.
    pub(super) fn is_empty(&self, buffer: &Buffer) -> bool {
        buffer.len() == self.first
    }

    /// The end of the pair: if its only content is one missing action, it is taken back, and so is
    /// the `&` before it.
    pub(super) fn end(&mut self, buffer: &mut Buffer) {
        let written = buffer.from(self.value.unwrap_or(self.start)).trim();
        let blank = matches!(written, "" | "\"\"" | "''");
        if self.actions != 1 || !self.missing || !blank {
            return;
        }
        buffer.text.truncate(self.start);
        if self.start > self.first && buffer.text.ends_with('&') {
            buffer.text.pop();
        }
    }
}
