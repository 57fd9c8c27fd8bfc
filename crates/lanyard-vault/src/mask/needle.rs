//! The forms in which one credential can appear in a text, and the search for them.
//!
//! A search of our own instead of an automaton, for two reasons: an automaton holds copies of
//! its patterns that cannot be wiped, and a credential has about ten forms, each of which
//! `memchr` passes over at many bytes a cycle by looking for its rarest byte.
//!
//! What is sent is not always the stored text: the gateway trims it, does not double a scheme
//! word, encodes a pair for `Basic`. And an upstream takes apart what it gets, and may echo a
//! part. So the forms are not those of the stored text alone but those of its [`parts`] too.

use std::fmt;
use std::ops::Range;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, Encoding, HEXLOWER, HEXUPPER};
use memchr::{memchr_iter, memmem};
use zeroize::Zeroizing;

use super::escape::Specials;

/// The shortest form that is looked for, and the shortest part that has forms.
const NEEDLE_BYTES_MIN: usize = 4;

/// Words before a credential that name how it is used, and are no secret.
const SCHEMES: [&str; 3] = ["bearer", "basic", "token"];

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
    /// The forms of a credential as it is stored, and of its parts.
    pub(crate) fn new(value: &str) -> Self {
        let mut forms = Vec::new();
        add_forms(value.as_bytes(), &mut forms);
        for part in parts(value) {
            add_forms(part.as_bytes(), &mut forms);
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

/// What the gateway or an upstream makes of a stored value, as far as it is long enough: the value
/// without blanks around it, without its scheme word, the pair that its base64 holds, and the
/// secret half of a pair.
fn parts(value: &str) -> Vec<Zeroizing<String>> {
    let trimmed = value.trim();
    let (scheme, bare) = without_schemes(trimmed);
    let decoded = base64_text(bare);
    // `Basic` may be the scheme without being written: what looks like a pair is taken for one.
    let basic = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic"));
    let decoded = decoded.as_deref().map(|text| text.trim());
    let decoded = decoded.filter(|text| basic || text.contains(':'));
    let halves = [Some(bare), decoded].map(|text| text.and_then(secret_half));
    let parts = [Some(trimmed), Some(bare), decoded].into_iter().chain(halves).flatten();
    // The stored value has its forms already, and most values are their own only part.
    let parts = parts.filter(|part| part.len() >= NEEDLE_BYTES_MIN && *part != value);
    let mut parts: Vec<_> = parts.map(|part| Zeroizing::new(part.to_owned())).collect();
    parts.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    parts.dedup();
    parts
}

/// The last scheme word at the beginning of a trimmed text, and what is after it and its blanks.
/// One word may stand behind another: one was stored, and one of another scheme is put before it.
fn without_schemes(text: &str) -> (Option<&str>, &str) {
    let (mut scheme, mut bare) = (None, text);
    while let Some((word, rest)) = bare.split_once(char::is_whitespace)
        && SCHEMES.iter().any(|known| known.eq_ignore_ascii_case(word))
    {
        (scheme, bare) = (Some(word), rest.trim_start());
    }
    (scheme, bare)
}

/// The password of `user:password`; of `key:`, where there is none, the key.
fn secret_half(text: &str) -> Option<&str> {
    let (user, password) = text.split_once(':')?;
    let password = password.trim();
    Some(if password.is_empty() { user.trim() } else { password })
}

/// The text that a base64 text of either alphabet holds, padded or not.
fn base64_text(encoded: &str) -> Option<Zeroizing<String>> {
    let encoded = encoded.trim_end_matches('=').as_bytes();
    [&BASE64_NOPAD, &BASE64URL_NOPAD].into_iter().find_map(|encoding| {
        // Decoded in place, so that a text which turns out to be none is wiped as well.
        let mut bytes = Zeroizing::new(vec![0; encoding.decode_len(encoded.len()).ok()?]);
        let length = encoding.decode_mut(encoded, &mut bytes).ok()?;
        let text = std::str::from_utf8(bytes.get(..length)?).ok()?;
        Some(Zeroizing::new(text.to_owned()))
    })
}

/// Adds every form of one value.
fn add_forms(bytes: &[u8], forms: &mut Vec<Zeroizing<Vec<u8>>>) {
    forms.push(Zeroizing::new(bytes.to_vec()));
    if bytes.contains(&b' ') {
        // Forms and queries write a blank as `+`; their percent escapes are undone before.
        let plus = bytes.iter().map(|byte| if *byte == b' ' { b'+' } else { *byte });
        forms.push(Zeroizing::new(plus.collect()));
    }
    for encoding in [&BASE64_NOPAD, &BASE64URL_NOPAD] {
        forms.extend((0..3).map(|before| base64_core(encoding, bytes, before)));
    }
    for encoding in [&HEXLOWER, &HEXUPPER] {
        forms.push(Zeroizing::new(encoding.encode(bytes).into_bytes()));
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
