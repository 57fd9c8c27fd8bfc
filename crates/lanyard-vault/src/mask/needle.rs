//! The forms in which one credential can appear in a text, and the search for them.
//!
//! A search of our own instead of an automaton, for two reasons: an automaton holds copies of
//! its patterns that cannot be wiped, and a credential has about ten forms, each of which
//! `memchr` passes over at many bytes a cycle by looking for its rarest byte.

use std::fmt;
use std::ops::Range;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, Encoding, HEXLOWER, HEXUPPER};
use memchr::{memchr_iter, memmem};
use zeroize::Zeroizing;

use super::escape::Specials;

/// The shortest form that is looked for.
pub(super) const NEEDLE_BYTES_MIN: usize = 4;

/// Bytes of a candidate that are compared at once, for one byte of the text at most. Only where a
/// longer needle begins like this does a search follow that takes linear time whatever the text
/// holds, and some time to prepare.
const COMPARED_BYTES_MAX: usize = 256;

/// Every form of one credential.
pub(crate) struct Needles {
    needles: Vec<Needle>,
    specials: Specials,
}

/// One form, and the place of its byte that is rarest in answers.
struct Needle {
    bytes: Zeroizing<Vec<u8>>,
    rare_at: usize,
    rare: u8,
}

impl Needles {
    /// The forms of a credential.
    pub(crate) fn new(value: &str) -> Self {
        let bytes = value.as_bytes();
        let mut forms = vec![Zeroizing::new(bytes.to_vec())];
        if bytes.contains(&b' ') {
            // Forms and queries write a blank as `+`; their percent escapes are undone before.
            forms.push(Zeroizing::new(value.replace(' ', "+").into_bytes()));
        }
        for encoding in [&BASE64_NOPAD, &BASE64URL_NOPAD] {
            forms.extend((0..3).map(|before| base64_core(encoding, bytes, before)));
        }
        for encoding in [&HEXLOWER, &HEXUPPER] {
            forms.push(Zeroizing::new(encoding.encode(bytes).into_bytes()));
        }
        forms.sort_unstable_by(|one, other| one.as_slice().cmp(other.as_slice()));
        forms.dedup();
        let specials = Specials::of(&forms);
        let needles = forms.into_iter().filter_map(Needle::new).collect();
        Self { needles, specials }
    }

    /// Adds where the forms are in a text. Occurrences of one form do not overlap.
    pub(super) fn find(&self, text: &[u8], found: &mut Vec<Range<usize>>) {
        for needle in &self.needles {
            needle.find(text, found);
        }
    }

    /// The characters of the forms that only some escapes hide.
    pub(super) fn specials(&self) -> Specials {
        self.specials
    }
}

impl fmt::Debug for Needles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Needles(..)")
    }
}

impl Needle {
    fn new(bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        if bytes.len() < NEEDLE_BYTES_MIN {
            return None;
        }
        let begin = bytes.iter().copied().take(COMPARED_BYTES_MAX);
        let (rare_at, rare) = begin.enumerate().min_by_key(|(_, byte)| frequency(*byte))?;
        Some(Self { bytes, rare_at, rare })
    }

    fn find(&self, text: &[u8], found: &mut Vec<Range<usize>>) {
        let length = self.bytes.len();
        let begin = self.bytes.get(..COMPARED_BYTES_MAX).unwrap_or(&self.bytes);
        if text.len() < length {
            return;
        }
        let mut free_from = 0;
        for at in memchr_iter(self.rare, text) {
            let Some(start) = at.checked_sub(self.rare_at) else { continue };
            let end = start.saturating_add(begin.len());
            if start < free_from || text.get(start..end) != Some(begin) {
                continue;
            }
            if length > begin.len() {
                let starts = memmem::find_iter(text, self.bytes.as_slice());
                found.extend(starts.map(|start| start..start.saturating_add(length)));
                return;
            }
            found.push(start..end);
            free_from = end;
        }
    }
}

/// The characters of a base64 text that depend on nothing but `bytes`, when `before` bytes (0 to
/// 2) stand before them in the first group. The characters at either end mix with neighbours.
#[expect(clippy::arithmetic_side_effects, reason = "a credential has at most 64 KiB")]
fn base64_core(encoding: &Encoding, bytes: &[u8], before: usize) -> Zeroizing<Vec<u8>> {
    let mut padded = Zeroizing::new(Vec::with_capacity(before + bytes.len()));
    padded.resize(before, 0);
    padded.extend_from_slice(bytes);
    let encoded = Zeroizing::new(encoding.encode(&padded).into_bytes());
    // Each character holds 6 bits.
    let core = (before * 8).div_ceil(6)..padded.len() * 8 / 6;
    Zeroizing::new(encoded.get(core).unwrap_or_default().to_vec())
}

/// How often a byte is in an answer, roughly: JSON, HTML and prose.
fn frequency(byte: u8) -> u8 {
    match byte {
        b' ' | b'"' | b'e' => 9,
        b'a' | b't' | b'i' | b'n' | b'o' | b's' | b'r' => 8,
        b',' | b':' | b'l' | b'd' | b'c' | b'u' | b'm' | b'p' | b'h' | b'0' => 7,
        b'1' | b'2' | b'-' | b'_' | b'.' | b'/' | b'g' | b'f' | b'y' | b'b' | b'\n' => 6,
        b'3'..=b'9' | b'v' | b'w' | b'k' | b'{' | b'}' | b'[' | b']' | b'<' | b'>' | b'=' => 5,
        b'A' | b'C' | b'D' | b'E' | b'I' | b'M' | b'N' | b'O' | b'P' | b'R' | b'S' | b'T' => 4,
        b'a'..=b'z' | b'A'..=b'Z' => 3,
        _ => 2,
    }
}
