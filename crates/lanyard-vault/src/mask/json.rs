//! Where the texts and numbers of a JSON text are, and what is put in place of parts of them so that
//! it stays JSON of the same shape.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr2;

use super::REPLACEMENT;

/// A number in which a shorter credential stands is that credential, or chance.
const WITHIN_NUMBER_BYTES_MIN: usize = 8;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The name of a member, without its quotes.
    Key,
    /// A text, without its quotes.
    Text,
    /// A number.
    Number,
}

/// A text or number of a JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) range: Range<usize>,
}

/// The texts and numbers of a JSON text, in order. Of what is no JSON, something.
pub(super) fn tokens(text: &[u8]) -> Tokens<'_> {
    Tokens { text, at: 0 }
}

/// See [`tokens`].
pub(super) struct Tokens<'a> {
    text: &'a [u8],
    at: usize,
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            let rest = self.text.get(self.at..)?;
            let (skipped, first) =
                rest.iter().enumerate().find(|(_, byte)| begins(**byte)).map(|(at, b)| (at, *b))?;
            let start = self.at.saturating_add(skipped);
            if first == b'"' {
                let inside = start.saturating_add(1);
                let end = self.end_of_string(inside);
                self.at = end.saturating_add(1);
                let kind = if self.colon_follows() { Kind::Key } else { Kind::Text };
                return Some(Token { kind, range: inside..end });
            }
            let number = self.text.get(start..)?;
            let length = number.iter().take_while(|byte| is_numeric(**byte)).count();
            self.at = start.saturating_add(length.max(1));
            if length > 0 {
                return Some(Token { kind: Kind::Number, range: start..self.at });
            }
        }
    }
}

impl Tokens<'_> {
    fn end_of_string(&self, inside: usize) -> usize {
        let mut at = inside;
        loop {
            let rest = self.text.get(at..).unwrap_or_default();
            let Some(found) = memchr2(b'"', b'\\', rest) else { return self.text.len() };
            at = at.saturating_add(found);
            if rest.get(found) == Some(&b'"') {
                return at;
            }
            at = at.saturating_add(2);
        }
    }

    fn colon_follows(&self) -> bool {
        let mut rest = self.text.get(self.at..).unwrap_or_default().iter();
        rest.find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
    }
}

fn begins(byte: u8) -> bool {
    matches!(byte, b'"' | b'-' | b'0'..=b'9')
}

fn is_numeric(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
}

/// Something else to stand in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) range: Range<usize>,
    pub(super) with: Cow<'static, str>,
}

/// What to put where, so that nothing in these ranges is left and the text stays JSON: inside of
/// texts `[masked]`, in place of a number the text `"[masked]"`. A range that goes over the end of a
/// text takes from the texts on its way what is inside of them, and leaves names of members. The
/// ranges are sorted and do not overlap, and end at whole escapes.
pub(super) fn edits(json: &str, ranges: &[Range<usize>]) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut waiting = ranges;
    let mut keys = 0_u64;
    for Token { kind, range: token } in tokens(json.as_bytes()) {
        while let Some((first, rest)) = waiting.split_first()
            && first.end <= token.start
        {
            waiting = rest;
        }
        let Some(next) = waiting.first() else { break };
        if next.start >= token.end {
            continue;
        }
        let touching = waiting.iter().take_while(|range| range.start < token.end);
        for range in touching {
            let within = range.start >= token.start && range.end <= token.end;
            let cut = range.start.max(token.start)..range.end.min(token.end);
            match kind {
                Kind::Key if within => {
                    keys = keys.saturating_add(1);
                    edits.push(Edit { range: whole(json, cut), with: key_mask(keys) });
                }
                Kind::Text => {
                    edits.push(Edit { range: whole(json, cut), with: Cow::Borrowed(REPLACEMENT) });
                }
                Kind::Number if cut == token || range.len() >= WITHIN_NUMBER_BYTES_MIN => {
                    edits.push(Edit { range: token.clone(), with: Cow::Borrowed("\"[masked]\"") });
                    break;
                }
                Kind::Key | Kind::Number => {}
            }
        }
    }
    edits
}

/// What stands in names of members differs, so that no object has two members of one name.
fn key_mask(number: u64) -> Cow<'static, str> {
    match number {
        0 | 1 => Cow::Borrowed(REPLACEMENT),
        more => Cow::Owned(format!("[masked {more}]")),
    }
}

/// A range that begins and ends between characters.
pub(super) fn whole(text: &str, range: Range<usize>) -> Range<usize> {
    let (mut start, mut end) = (range.start, range.end);
    while !text.is_char_boundary(start) {
        start = start.saturating_sub(1);
    }
    while end < text.len() && !text.is_char_boundary(end) {
        end = end.saturating_add(1);
    }
    start..end
}
