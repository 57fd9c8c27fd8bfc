//! Masks credentials in what comes back: an upstream that echoes its request must not hand the
//! key to the agent.
//!
//! Found are the exact value, its base64 (both alphabets, at any alignment, so that also inside
//! `user:key`, and broken into lines), its hexadecimal form, and each of these behind up to
//! [`ROUNDS_MAX`] rounds of JSON, percent or HTML escapes, in any mixture with unescaped characters.
//!
//! The same holds for what the gateway or an upstream makes of a stored value: the value without
//! blanks around it, without a scheme word (`Bearer`, `Basic`, `Token`) before it, the text that a
//! `Basic` value or the base64 of a pair holds, of a pair `user:password` the password (the
//! user, where there is no password), the password of a URL, and the long texts of a JSON document.
//! A part of fewer than four bytes is not looked for: it is in every answer.
//!
//! A value that is long and varied enough to stand nowhere by chance is looked for in what every
//! server of its tenant says; any other only in what the servers say that are given it. Tokens of
//! Lanyard are always masked.
//!
//! Not found is what somebody hides on purpose, by encryption for instance: an upstream that wants to
//! give a key away can. The defence is against the echo.
//!
//! INVARIANT: masking a JSON text leaves JSON of the same shape ([`Masker::mask_json`]): the
//! replacement needs no escape, an escape is replaced whole or not at all, what stands in a number
//! makes a text of it, and nothing outside of texts and numbers is touched.

mod blob;
mod escape;
mod index;
mod join;
mod json;
mod needle;
mod own_tokens;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use escape::{Bytes, Escapes, Side};
pub(crate) use index::Index;
pub use join::Tail;
pub(crate) use needle::Needles;

use crate::token::TOKEN_BYTES;

/// What stands in place of a credential.
const REPLACEMENT: &str = "[masked]";

/// Escapes within escapes: a JSON text inside a JSON string in a message, and in it base64 in lines.
const ROUNDS_MAX: u8 = 4;

/// Finds what is to be masked beside the secrets that are known, such as forms of credentials.
pub trait Finder: Send + Sync + fmt::Debug {
    /// Adds where a text holds something.
    fn find(&self, text: &[u8], found: &mut Vec<Range<usize>>);
}

/// Masks the credentials that may stand in what one server says. Cheap to clone.
#[derive(Clone)]
pub struct Masker {
    /// What is looked for everywhere in the tenant.
    everywhere: Arc<Index>,
    /// The credentials of the server, as far as they are looked for in what it says alone.
    own: Vec<Arc<Needles>>,
    beside: Option<Arc<dyn Finder>>,
    bytes: Bytes,
    /// The length of the longest form of any of them.
    longest: usize,
}

impl Masker {
    pub(crate) fn new(everywhere: Arc<Index>, own: impl Iterator<Item = Arc<Needles>>) -> Self {
        let own: Vec<_> = own.filter(|needles| needles.has_narrow()).collect();
        let bytes = own.iter().fold(everywhere.bytes(), |bytes, one| bytes.or(one.bytes()));
        let longest = own.iter().map(|needles| needles.longest());
        let longest = longest.chain([everywhere.longest(), TOKEN_BYTES]).max().unwrap_or(0);
        Self { everywhere, own, beside: None, bytes: bytes.or(own_tokens::bytes()), longest }
    }

    /// The same, that masks what this finds as well. It is shown texts with escapes undone, too,
    /// where they stand for letters, digits and what is in the secrets.
    #[must_use]
    pub fn with(self, beside: Arc<dyn Finder>) -> Self {
        Self { beside: Some(beside), ..self }
    }

    /// The bytes with every credential replaced by `[masked]`, and how many there were. What
    /// holds none is given back as it is.
    pub fn mask<'a>(&self, text: &'a [u8]) -> (Cow<'a, [u8]>, u64) {
        let found = self.found(text);
        if found.is_empty() {
            return (Cow::Borrowed(text), 0);
        }
        (Cow::Owned(replace(text, &found)), count(found.len()))
    }

    /// A JSON text with every credential replaced by `[masked]`, so that it stays JSON of the same
    /// shape, and how many there were. What holds none is given back as it is.
    pub fn mask_json<'a>(&self, json: &'a str) -> (Cow<'a, str>, u64) {
        let blobs = blob::edits(self, json.as_bytes());
        let mut found = self.found(json.as_bytes());
        // What is written anew need not be masked as it was.
        found.retain(|range| {
            let meets =
                |edit: &json::Edit| range.start < edit.range.end && edit.range.start < range.end;
            !blobs.iter().any(meets)
        });
        let mut edits = json::edits(json, &found);
        edits.extend(blobs);
        if edits.is_empty() {
            return (Cow::Borrowed(json), 0);
        }
        edits.sort_by_key(|edit| edit.range.start);
        let mut out = String::with_capacity(json.len());
        let mut from = 0;
        for edit in &edits {
            out.push_str(json.get(from..edit.range.start).unwrap_or_default());
            out.push_str(&edit.with);
            from = edit.range.end;
        }
        out.push_str(json.get(from..).unwrap_or_default());
        (Cow::Owned(out), count(edits.len()))
    }

    /// Where credentials are, sorted, without overlaps, and with the whole of each escape.
    fn found(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        self.search(text, ROUNDS_MAX, Apart::Twice, &mut found);
        if found.is_empty() {
            return found;
        }
        merge(&mut found);
        // A value found in place may begin or end inside an escape, as in `\nabc`.
        let mut whole = Escapes::Json.project(text, &found, Side::Escaped);
        merge(&mut whole);
        whole
    }

    fn search(&self, text: &[u8], rounds: u8, apart: Apart, found: &mut Vec<Range<usize>>) {
        self.everywhere.find(text, found);
        for needles in &self.own {
            needles.find_narrow(text, found);
        }
        own_tokens::find(text, found);
        if let Some(beside) = &self.beside {
            beside.find(text, found);
        }
        let Some(rounds) = rounds.checked_sub(1) else { return };
        if !Escapes::All.may_hide(self.bytes, text) {
            return;
        }
        let mut within = |escapes: Escapes, apart| {
            let mut inner = Vec::new();
            self.search(&escapes.unescape(text), rounds, apart, &mut inner);
            if !inner.is_empty() {
                merge(&mut inner);
                found.extend(escapes.project(text, &inner, Side::Unescaped));
            }
        };
        within(Escapes::All, Apart::Never);
        let families = Escapes::FAMILIES.into_iter().filter(|family| family.stands_in(text));
        let families: Vec<Escapes> =
            if apart == Apart::Never { Vec::new() } else { families.collect() };
        if families.len() > 1 {
            for family in families {
                within(family, apart.within(family));
            }
        }
    }
}

/// How deep families of escapes are undone apart from one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Apart {
    Twice,
    Once,
    Never,
}

impl Apart {
    /// What is left of it within escapes of a family. JSON stands within JSON; the others, so that
    /// somebody wrote it, do not stand within others.
    fn within(self, family: Escapes) -> Self {
        match (self, family) {
            (Self::Twice, Escapes::Json) => Self::Once,
            (Self::Twice | Self::Once | Self::Never, _) => Self::Never,
        }
    }
}

fn count(places: usize) -> u64 {
    u64::try_from(places).unwrap_or(u64::MAX)
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
        out.extend_from_slice(REPLACEMENT.as_bytes());
        from = range.end;
    }
    out.extend_from_slice(text.get(from..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests;
