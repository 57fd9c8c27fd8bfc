//! A form body: pairs, without the white space around them.

use super::super::value::Outcome;
use super::pairs::Pairs;
use super::{Action, Buffer};

/// A form body being written.
#[derive(Debug)]
pub(in super::super) struct Form {
    buffer: Buffer,
    pairs: Pairs,
}

impl Form {
    pub(super) fn new(buffer: Buffer) -> Self {
        Self { pairs: Pairs::new(&buffer, "+"), buffer }
    }

    pub(super) fn literal(&mut self, text: &str) -> Outcome<()> {
        for next in text.chars() {
            if self.buffer.len() == 0 && next.is_whitespace() {
                continue;
            }
            self.pairs.literal(&mut self.buffer, next)?;
        }
        Ok(())
    }

    pub(super) fn action(&mut self, action: &Action<'_>) -> Outcome<()> {
        self.pairs.action(&mut self.buffer, action)
    }

    pub(super) fn finish(mut self) -> Outcome<String> {
        // Actions write no white space, so what is trimmed is the template's.
        let length = self.buffer.text.trim_end().len();
        self.buffer.text.truncate(length);
        self.pairs.end(&mut self.buffer);
        Ok(self.buffer.text)
    }
}
