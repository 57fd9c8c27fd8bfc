//! Escapes that can hide a credential: JSON's, URLs', HTML's, and the line breaks within base64.
//! Undoes them, and finds the way back from a place in the unescaped text to the bytes of the
//! original.
//!
//! All families are undone in one pass, so that the work does not grow with the number of orders in
//! which escapes can stand within one another, which a server chooses. Where several families stand
//! in a text, each is undone by itself too: the end of a value and what follows it may look like an
//! escape of another family.

use std::ops::Range;

use memchr::{memchr, memchr2, memchr2_iter, memchr3, memchr3_iter};

/// Characters of base64 that stand before a line break which may be one of a wrapped text. Prose
/// seldom ends a line like that, and encoders wrap at 64 or 76.
const WRAPPED_CHARS_MIN: usize = 16;

/// Which escapes are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// `\n`, `\"`, `\/`, `\u00e9`, and pairs of the latter.
    Json,
    /// `%41`, hexadecimal digits of either case.
    Percent,
    /// `&amp;`, `&#39;`, `&#x27;`.
    Html,
    /// All of those, and a line break within base64, which stands for nothing.
    All,
}

/// Which text a range is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The original.
    Escaped,
    /// What [`Escapes::unescape`] made of it.
    Unescaped,
}

/// Bytes that stand in what is looked for. A text whose escapes stand for none of them need not be
/// unescaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bytes([u64; 4]);

impl Bytes {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if let Some(word) = self.0.get_mut(usize::from(byte >> 6)) {
                *word |= 1 << (byte & 63);
            }
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        let mut both = self;
        for (word, more) in both.0.iter_mut().zip(other.0) {
            *word |= more;
        }
        both
    }

    fn has(self, byte: u8) -> bool {
        self.0.get(usize::from(byte >> 6)).is_some_and(|word| word & (1 << (byte & 63)) != 0)
    }
}

/// A stretch of the original text.
enum Piece<'a> {
    /// Stands for itself.
    Plain(&'a [u8]),
    /// An escape of so many bytes that stands for others.
    Escape(usize, Meaning),
}

/// What one escape stands for: at most one character in UTF-8.
struct Meaning {
    bytes: [u8; 4],
    length: usize,
}

impl Meaning {
    const NOTHING: Self = Self { bytes: [0; 4], length: 0 };

    fn byte(byte: u8) -> Self {
        Self { bytes: [byte, 0, 0, 0], length: 1 }
    }

    /// A number that is no character becomes the replacement character, so that its escape
    /// still counts as one.
    fn character(code: u32) -> Self {
        let mut bytes = [0; 4];
        let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        let length = character.encode_utf8(&mut bytes).len();
        Self { bytes, length }
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Escapes {
    /// The families with a sign of their own.
    pub(super) const FAMILIES: [Self; 3] = [Self::Json, Self::Percent, Self::Html];

    /// Whether an escape of one of the families stands in the text.
    pub(super) fn stands_in(self, text: &[u8]) -> bool {
        self.pieces(text).any(|piece| matches!(piece, Piece::Escape(..)))
    }

    /// Whether the text holds an escape that could stand for one of these bytes, or for the
    /// beginning of another escape that could.
    pub(super) fn may_hide(self, bytes: Bytes, text: &[u8]) -> bool {
        let mut free_from = 0;
        for at in memchr3_iter(b'\\', b'%', b'&', text) {
            if at < free_from {
                continue;
            }
            let Some((length, meaning)) = self.escape(text, at) else { continue };
            free_from = at.saturating_add(length);
            // Once it is undone, it may be a line break within base64.
            let line = || {
                let before = text.get(..at).unwrap_or_default();
                bytes.has(b'\n') || ends_in_base64(before)
            };
            let may = match meaning.as_bytes() {
                [] | [b'%' | b'&'] => true,
                [b'\n' | b'\r'] => line(),
                [b'\\'] if bytes.has(b'\\') => true,
                [b'\\'] => match text.get(free_from) {
                    Some(b'n' | b'r') => line(),
                    Some(b'u' | b'\\') => true,
                    Some(same @ (b'"' | b'/')) => bytes.has(*same),
                    Some(_) | None => false,
                },
                [first, ..] => bytes.has(*first),
            };
            if may {
                return true;
            }
        }
        let mut lines = memchr2_iter(b'\n', b'\r', text);
        self == Self::All && lines.any(|at| self.escape(text, at).is_some())
    }

    /// The text without an escape that it ends inside of, if it does.
    pub(super) fn without_begun(self, text: &[u8]) -> &[u8] {
        let last = text.len().saturating_sub(ESCAPE_BYTES_MAX);
        let begun = (last..text.len()).find(|at| {
            let sign = matches!(text.get(*at), Some(b'\\' | b'%' | b'&'));
            sign && self.escape(text, *at).is_none()
        });
        begun.and_then(|at| text.get(..at)).unwrap_or(text)
    }

    /// The text with every escape of this family replaced by what it stands for.
    pub(super) fn unescape(self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        for piece in self.pieces(text) {
            match piece {
                Piece::Plain(bytes) => out.extend_from_slice(bytes),
                Piece::Escape(_, meaning) => out.extend_from_slice(meaning.as_bytes()),
            }
        }
        out
    }

    /// Ranges of the original text that cover the given ranges of one side. An escape that a
    /// range touches is covered whole. The given ranges are sorted and do not overlap; the
    /// result is sorted.
    #[expect(clippy::arithmetic_side_effects, reason = "all are places within one text in memory")]
    pub(super) fn project(
        self,
        text: &[u8],
        ranges: &[Range<usize>],
        side: Side,
    ) -> Vec<Range<usize>> {
        let mut covered: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
        let mut waiting = ranges.iter().peekable();
        // The places that the walk has reached, in the original and on the side of the ranges.
        let (mut original, mut measured) = (0, 0);
        // Where the first waiting range begins in the original, once the walk has passed that.
        let mut begun = None;
        for piece in self.pieces(text) {
            let (length, span, plain) = match &piece {
                Piece::Plain(bytes) => (bytes.len(), bytes.len(), true),
                Piece::Escape(length, _) if side == Side::Escaped => (*length, *length, false),
                Piece::Escape(length, meaning) => (*length, meaning.length, false),
            };
            while let Some(range) = waiting.peek() {
                if begun.is_none() && range.start < measured + span {
                    begun =
                        Some(if plain { original + (range.start - measured) } else { original });
                }
                let Some(start) = begun else { break };
                if range.end > measured + span {
                    break;
                }
                let end = if plain { original + (range.end - measured) } else { original + length };
                covered.push(start..end);
                begun = None;
                waiting.next();
            }
            original += length;
            measured += span;
        }
        covered
    }

    fn pieces(self, text: &[u8]) -> Pieces<'_> {
        Pieces { escapes: self, text, at: 0, sign: None, line: None }
    }

    /// The escape that begins at `at`: how long it is, and what it stands for.
    fn escape(self, text: &[u8], at: usize) -> Option<(usize, Meaning)> {
        let (before, rest) = text.split_at_checked(at)?;
        match (self, rest.first()?) {
            (Self::Json | Self::All, b'\\') => json_escape(rest),
            (Self::Percent | Self::All, b'%') => {
                let code = hexadecimal(rest.get(1..3)?)?;
                Some((3, Meaning::byte(u8::try_from(code).ok()?)))
            }
            (Self::Html | Self::All, b'&') => html_escape(rest),
            (Self::All, b'\n' | b'\r') => line_break(before, rest),
            (Self::Json | Self::Percent | Self::Html | Self::All, _) => None,
        }
    }
}

struct Pieces<'a> {
    escapes: Escapes,
    text: &'a [u8],
    at: usize,
    /// The next place of a sign that begins an escape, as far as it was looked for; the end of the
    /// text, where there is none.
    sign: Option<usize>,
    /// The same for line breaks.
    line: Option<usize>,
}

impl Pieces<'_> {
    /// The next place from `from` on at which an escape may begin.
    fn next_place(&mut self, from: usize) -> usize {
        let (end, escapes) = (self.text.len(), self.escapes);
        let rest = self.text.get(from..).unwrap_or_default();
        let place = |found: Option<usize>| found.map_or(end, |found| from.saturating_add(found));
        let sign = self.sign.filter(|place| *place >= from).unwrap_or_else(|| {
            place(match escapes {
                Escapes::Json => memchr(b'\\', rest),
                Escapes::Percent => memchr(b'%', rest),
                Escapes::Html => memchr(b'&', rest),
                Escapes::All => memchr3(b'\\', b'%', b'&', rest),
            })
        });
        let line = self.line.filter(|place| *place >= from).unwrap_or_else(|| match escapes {
            Escapes::Json | Escapes::Percent | Escapes::Html => end,
            Escapes::All => place(memchr2(b'\n', b'\r', rest)),
        });
        (self.sign, self.line) = (Some(sign), Some(line));
        sign.min(line)
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let (begin, end) = (self.at, self.text.len());
        if begin >= end {
            return None;
        }
        let mut place = self.next_place(begin);
        while place < end {
            if let Some((length, meaning)) = self.escapes.escape(self.text, place) {
                if place == begin {
                    self.at = begin.saturating_add(length);
                    return Some(Piece::Escape(length, meaning));
                }
                break;
            }
            // What begins like an escape and is none stands for itself.
            place = self.next_place(place.saturating_add(1));
        }
        self.at = place;
        self.text.get(begin..place).map(Piece::Plain)
    }
}

fn json_escape(rest: &[u8]) -> Option<(usize, Meaning)> {
    let byte = match rest.get(1)? {
        b'u' => return json_unicode(rest),
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 0x08,
        b'f' => 0x0c,
        same @ (b'"' | b'\\' | b'/') => *same,
        _ => return None,
    };
    Some((2, Meaning::byte(byte)))
}

/// `\u00e9`, or two such that make one character outside the basic plane (RFC 8259, 7).
fn json_unicode(rest: &[u8]) -> Option<(usize, Meaning)> {
    let first = hexadecimal(rest.get(2..6)?)?;
    if let (0xd800..=0xdbff, Some(b"\\u")) = (first, rest.get(6..8))
        && let Some(second @ 0xdc00..=0xdfff) = rest.get(8..12).and_then(hexadecimal)
    {
        let high = first.saturating_sub(0xd800) << 10;
        let code = high.saturating_add(second.saturating_sub(0xdc00)).saturating_add(0x1_0000);
        return Some((12, Meaning::character(code)));
    }
    Some((6, Meaning::character(first)))
}

/// The longest escape looked at is `&#x10FFFF;`, with some leading zeros.
const ESCAPE_BYTES_MAX: usize = 12;

fn html_escape(rest: &[u8]) -> Option<(usize, Meaning)> {
    let window = rest.get(1..rest.len().min(ESCAPE_BYTES_MAX))?;
    let (name, _) = window.split_at_checked(memchr(b';', window)?)?;
    let length = name.len().saturating_add(2);
    let code = match name {
        b"amp" => u32::from(b'&'),
        b"lt" => u32::from(b'<'),
        b"gt" => u32::from(b'>'),
        b"quot" => u32::from(b'"'),
        b"apos" => u32::from(b'\''),
        [b'#', b'x' | b'X', digits @ ..] => hexadecimal(digits)?,
        [b'#', digits @ ..] => std::str::from_utf8(digits).ok()?.parse().ok()?,
        _ => return None,
    };
    Some((length, Meaning::character(code)))
}

/// A line break between characters of base64, with what indents the next line.
fn line_break(before: &[u8], rest: &[u8]) -> Option<(usize, Meaning)> {
    let after = rest.strip_prefix(b"\r").unwrap_or(rest).strip_prefix(b"\n")?;
    let indent = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let continues = after.get(indent).is_some_and(|byte| is_base64(*byte));
    let length = rest.len().saturating_sub(after.len()).saturating_add(indent);
    (continues && ends_in_base64(before)).then_some((length, Meaning::NOTHING))
}

fn ends_in_base64(text: &[u8]) -> bool {
    let last = text.len().checked_sub(WRAPPED_CHARS_MIN).and_then(|from| text.get(from..));
    last.is_some_and(|last| last.iter().all(|byte| is_base64(*byte)))
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// The number that hexadecimal digits write; `None` for anything else, and for none or too many.
fn hexadecimal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    digits.iter().try_fold(0_u32, |number, digit| {
        let value = char::from(*digit).to_digit(16)?;
        Some((number << 4) | value)
    })
}
