//! The forms in which one credential can appear in a text, and the search for them.
//!
//! A search of our own instead of an automaton, because an automaton holds copies of its patterns
//! that cannot be wiped. What is long and varied enough to be looked for in all that comes to a
//! tenant goes into an [`Index`](super::index::Index); the rest is looked for one by one, each by its
//! rarest byte, and only where its own server speaks.
//!
//! What is sent is not always the stored text: the gateway trims it, does not double a scheme
//! word, encodes a pair for `Basic`. And an upstream takes apart what it gets, and may echo a
//! part. So the forms are not those of the stored text alone but those of its [`parts`] too.

use std::fmt;
use std::ops::Range;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, Encoding, HEXLOWER, HEXUPPER};
use memchr::{memchr_iter, memmem};
use zeroize::Zeroizing;

use super::escape::{Bytes, Escapes};
use super::index::INDEXED_BYTES_MIN;
use super::json;

/// The shortest form that is looked for, and the shortest part that has forms.
pub(super) const NEEDLE_BYTES_MIN: usize = 4;

/// A text within a credential that is JSON itself, from this length on, is a credential.
const MEMBER_BYTES_MIN: usize = 24;

/// Words before a credential that name how it is used, and are no secret.
const SCHEMES: [&str; 3] = ["bearer", "basic", "token"];

/// Bytes of a candidate that are compared at once, for one byte of the text at most. Only where a
/// longer needle begins like this does a search follow that takes linear time whatever the text
/// holds, and some time to prepare.
const COMPARED_BYTES_MAX: usize = 256;

/// How often the escapes in a credential itself are undone.
const ROUNDS_MAX: usize = 4;

/// Every form of one credential.
pub(crate) struct Needles {
    /// Those that are looked for where the credential's own server speaks.
    narrow: Vec<Needle>,
    /// Those that are looked for everywhere in their tenant.
    wide: Vec<Form>,
    bytes: Bytes,
    longest: usize,
}

/// One form of a credential.
pub(super) type Form = Zeroizing<Vec<u8>>;

/// A narrow form, and the place of its byte that is rarest in answers.
struct Needle {
    bytes: Form,
    rare_at: usize,
    rare: u8,
}

impl Needles {
    /// The forms of a credential as it is stored, and of its parts.
    pub(crate) fn new(value: &str) -> Self {
        let (mut wide, mut narrow) = (Vec::new(), Vec::new());
        let parts = parts(value);
        for part in std::iter::once(value).chain(parts.iter().map(|part| part.as_str())) {
            let part = part.as_bytes();
            add_forms(part, if is_varied(part) { &mut wide } else { &mut narrow });
        }
        for forms in [&mut wide, &mut narrow] {
            forms.sort_unstable_by(|one, other| one.as_slice().cmp(other.as_slice()));
            forms.dedup();
        }
        narrow.extend(wide.extract_if(.., |form| form.len() < INDEXED_BYTES_MIN));
        narrow.retain(|form| wide.binary_search_by(|it| it.as_slice().cmp(form)).is_err());
        let mut bytes = Bytes::default();
        wide.iter().chain(&narrow).for_each(|form| bytes.add(form));
        let longest = wide.iter().chain(&narrow).map(|form| form.len()).max().unwrap_or(0);
        let narrow = narrow.into_iter().filter_map(Needle::new).collect();
        Self { narrow, wide, bytes, longest }
    }

    /// Adds where the narrow forms are in a text. Occurrences of one form do not overlap.
    pub(super) fn find_narrow(&self, text: &[u8], found: &mut Vec<Range<usize>>) {
        for needle in &self.narrow {
            needle.find(text, found);
        }
    }

    /// Whether there are forms that are looked for where its own server speaks alone.
    pub(crate) fn has_narrow(&self) -> bool {
        !self.narrow.is_empty()
    }

    /// Whether there are forms that are looked for everywhere.
    pub(crate) fn has_wide(&self) -> bool {
        !self.wide.is_empty()
    }

    /// The forms that are looked for everywhere.
    pub(super) fn wide(&self) -> &[Form] {
        &self.wide
    }

    /// The narrow forms.
    pub(super) fn narrow(&self) -> impl Iterator<Item = &[u8]> {
        self.narrow.iter().map(|needle| needle.bytes.as_slice())
    }

    /// The bytes that the forms consist of.
    pub(super) fn bytes(&self) -> Bytes {
        self.bytes
    }

    /// The length of the longest form.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }
}

/// Whether a text is so long and varied that it stands nowhere by chance: then it can be looked for
/// in what any server says. A credential that is a word of every language must not take that word
/// out of what other servers say.
fn is_varied(text: &[u8]) -> bool {
    let has = |kind: fn(&u8) -> bool| text.iter().any(kind);
    let (lower, upper) = (has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase));
    let (digit, other) = (has(u8::is_ascii_digit), has(|byte| !byte.is_ascii_alphanumeric()));
    let kinds = [lower, upper, digit, other].into_iter().filter(|has| *has).count();
    let mixed = (digit && (lower || upper)) || (lower && upper);
    match text.len() {
        24.. => kinds > 1,
        12..=23 => mixed,
        8..=11 => kinds > 2,
        _ => false,
    }
}

impl fmt::Debug for Needles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Needles(..)")
    }
}

impl Needle {
    fn new(bytes: Form) -> Option<Self> {
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
/// without blanks around it, without its scheme word, the pair that its base64 holds, the secret
/// half of a pair, the password of a URL, and the long texts of a JSON document.
fn parts(value: &str) -> Vec<Zeroizing<String>> {
    let trimmed = value.trim();
    let (scheme, bare) = without_schemes(trimmed);
    let decoded = base64_text(bare);
    // `Basic` may be the scheme without being written: what looks like a pair is taken for one.
    let basic = scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic"));
    let decoded = decoded.as_deref().map(|text| text.trim());
    let decoded = decoded.filter(|text| basic || text.contains(':'));
    let halves = if bare.contains("://") || bare.starts_with('{') {
        [url_password(bare), None]
    } else {
        [Some(bare), decoded].map(|text| text.and_then(secret_half))
    };
    let parts = [Some(trimmed), Some(bare), decoded].into_iter().chain(halves).flatten();
    // The stored value has its forms already, and most values are their own only part.
    let parts = parts.filter(|part| part.len() >= NEEDLE_BYTES_MIN && *part != value);
    let mut parts: Vec<_> = parts.map(|part| Zeroizing::new(part.to_owned())).collect();
    parts.extend(members(bare));
    parts.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
    parts.dedup();
    parts
}

/// The password of `scheme://user:password@host`.
fn url_password(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (authority, _) = rest.split_once(['/', '?', '#']).unwrap_or((rest, ""));
    let (user_info, _) = authority.rsplit_once('@')?;
    secret_half(user_info)
}

/// The long texts of a JSON document, such as the private key of a service account. Addresses are
/// no secret.
fn members(document: &str) -> Vec<Zeroizing<String>> {
    if !document.starts_with('{') {
        return Vec::new();
    }
    let document = document.as_bytes();
    let texts = json::tokens(document).filter(|token| token.kind == json::Kind::Text);
    let texts = texts.filter_map(|token| {
        let text = Zeroizing::new(Escapes::Json.unescape(document.get(token.range)?));
        Some(Zeroizing::new(std::str::from_utf8(&text).ok()?.to_owned()))
    });
    let secret = |text: &Zeroizing<String>| {
        let address = text.contains("://") || text.contains('@');
        text.len() >= MEMBER_BYTES_MIN && !address
    };
    texts.filter(secret).collect()
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
fn add_forms(bytes: &[u8], forms: &mut Vec<Form>) {
    forms.push(Zeroizing::new(bytes.to_vec()));
    // A text that is unescaped on the search has the escapes undone that are the value's own, too.
    let mut bare = Zeroizing::new(bytes.to_vec());
    for _ in 0..ROUNDS_MAX {
        let next = Zeroizing::new(Escapes::All.unescape(&bare));
        if next == bare || next.len() < NEEDLE_BYTES_MIN {
            break;
        }
        forms.push(next.clone());
        bare = next;
    }
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
