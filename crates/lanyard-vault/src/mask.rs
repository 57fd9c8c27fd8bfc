//! Masks credentials in what comes back: an upstream that echoes its request must not hand the
//! key to the agent.
//!
//! Found are the exact value, its base64 (both alphabets, at any alignment, so that also inside
//! `user:key`), its hexadecimal form, and each of these behind up to [`ROUNDS_MAX`] rounds of
//! JSON, percent or HTML escapes, in any mixture with unescaped characters.
//!
//! The same holds for what the gateway or an upstream makes of a stored value: the value without
//! blanks around it, without a scheme word (`Bearer`, `Basic`, `Token`) before it, the text that a
//! `Basic` value or the base64 of a pair holds, and of a pair `user:password` the password (the
//! user, where there is no password). A part of fewer than four bytes is not looked for: it is in
//! every answer. Not found is what somebody hides on purpose, by encryption for instance: an upstream that wants to give a key
//! away can. The defence is against the echo.
//!
//! INVARIANT: in a JSON text that holds a credential inside a string, masking leaves valid JSON:
//! the replacement needs no escape, and an escape is replaced whole or not at all.

mod escape;
mod needle;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use escape::{Escapes, Side, Specials};
pub(crate) use needle::Needles;

/// What stands in place of a credential.
const REPLACEMENT: &[u8] = b"[masked]";

/// Escapes within escapes: a JSON text inside a JSON string, a URL inside a URL.
const ROUNDS_MAX: u8 = 2;

/// Masks the credentials that one call could have sent. Cheap to clone.
#[derive(Clone)]
pub struct Masker {
    secrets: Vec<Arc<Needles>>,
}

impl Masker {
    pub(crate) fn new(secrets: impl Iterator<Item = Arc<Needles>>) -> Self {
        Self { secrets: secrets.collect() }
    }

    /// The bytes with every credential replaced by `[masked]`, and how many there were. What
    /// holds none is given back as it is.
    pub fn mask<'a>(&self, text: &'a [u8]) -> (Cow<'a, [u8]>, u64) {
        let mut found = Vec::new();
        self.search(text, ROUNDS_MAX, &mut found);
        if found.is_empty() {
            return (Cow::Borrowed(text), 0);
        }
        merge(&mut found);
        // A value found in place may begin or end inside an escape, as in `\nabc`.
        let mut whole = Escapes::Json.project(text, &found, Side::Escaped);
        merge(&mut whole);
        let count = u64::try_from(whole.len()).unwrap_or(u64::MAX);
        (Cow::Owned(replace(text, &whole)), count)
    }

    fn search(&self, text: &[u8], rounds: u8, found: &mut Vec<Range<usize>>) {
        for needles in &self.secrets {
            needles.find(text, found);
        }
        let Some(rounds) = rounds.checked_sub(1) else { return };
        let specials = self.secrets.iter().map(|needles| needles.specials());
        let specials = specials.fold(Specials::default(), Specials::or);
        for escapes in Escapes::ALL {
            if self.secrets.is_empty() || !escapes.may_hide(specials, text) {
                continue;
            }
            let mut inner = Vec::new();
            self.search(&escapes.unescape(text), rounds, &mut inner);
            if !inner.is_empty() {
                merge(&mut inner);
                found.extend(escapes.project(text, &inner, Side::Unescaped));
            }
        }
    }
}

impl fmt::Debug for Masker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Masker(..)")
    }
}

/// Sorts ranges, and makes one of those that overlap.
fn merge(ranges: &mut Vec<Range<usize>>) {
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    ranges.dedup_by(|next, kept| {
        let overlaps = next.start < kept.end;
        if overlaps {
            kept.end = kept.end.max(next.end);
        }
        overlaps
    });
}

fn replace(text: &[u8], ranges: &[Range<usize>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut from = 0;
    for range in ranges {
        out.extend_from_slice(text.get(from..range.start).unwrap_or_default());
        out.extend_from_slice(REPLACEMENT);
        from = range.end;
    }
    out.extend_from_slice(text.get(from..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests;
