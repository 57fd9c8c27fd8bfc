//! Escapes that can hide a credential: JSON's, URLs' and HTML's. Undoes them, and finds the way
//! back from a place in the unescaped text to the bytes of the original.

use std::ops::Range;

use memchr::{memchr, memchr_iter};
use zeroize::Zeroizing;

/// A family of escapes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// `\n`, `\"`, `\/`, `\u00e9`, and pairs of the latter.
    Json,
    /// `%41`, hexadecimal digits of either case.
    Percent,
    /// `&amp;`, `&#39;`, `&#x27;`.
    Html,
}

/// Which text a range is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// The original.
    Escaped,
    /// What [`Escapes::unescape`] made of it.
    Unescaped,
}

/// Which characters a credential's forms hold that need an escape in some formats. Without them,
/// a text that has no other escapes need not be unescaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Specials {
    /// Quotes, backslashes, control characters: `\"`, `\\`, `\n`.
    json: bool,
    /// Slashes: `\/`.
    slash: bool,
    /// `&`, `<`, `>` and quotes: `&amp;`.
    html: bool,
}

impl Specials {
    /// Those of several credentials together.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            json: self.json || other.json,
            slash: self.slash || other.slash,
            html: self.html || other.html,
        }
    }

    pub(super) fn of(forms: &[Zeroizing<Vec<u8>>]) -> Self {
        let mut specials = Self::default();
        for byte in forms.iter().flat_map(|form| form.iter()) {
            specials.json |= matches!(byte, b'"' | b'\\' | 0..=0x1f);
            specials.slash |= *byte == b'/';
            specials.html |= matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'');
        }
        specials
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
    pub(super) const ALL: [Self; 3] = [Self::Json, Self::Percent, Self::Html];

    /// Whether the text holds an escape that could stand for a character of a credential.
    pub(super) fn may_hide(self, specials: Specials, text: &[u8]) -> bool {
        memchr_iter(self.first(), text).any(|at| {
            let rest = text.get(at..).unwrap_or_default();
            match (self, rest.get(1)) {
                (_, None) => false,
                (Self::Json, Some(b'u')) => true,
                (Self::Json, Some(b'/')) => specials.slash,
                (Self::Json, Some(_)) => specials.json,
                (Self::Html, Some(b'#')) => true,
                (Self::Html, Some(_)) => specials.html,
                (Self::Percent, Some(_)) => self.escape(rest).is_some(),
            }
        })
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
        Pieces { escapes: self, rest: text }
    }

    fn first(self) -> u8 {
        match self {
            Self::Json => b'\\',
            Self::Percent => b'%',
            Self::Html => b'&',
        }
    }

    /// The escape at the start of `rest`: how long it is, and what it stands for.
    fn escape(self, rest: &[u8]) -> Option<(usize, Meaning)> {
        match self {
            Self::Json => json_escape(rest),
            Self::Percent => {
                let code = hexadecimal(rest.get(1..3)?)?;
                Some((3, Meaning::byte(u8::try_from(code).ok()?)))
            }
            Self::Html => html_escape(rest),
        }
    }
}

struct Pieces<'a> {
    escapes: Escapes,
    rest: &'a [u8],
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let plain = match memchr(self.escapes.first(), self.rest) {
            Some(0) => match self.escapes.escape(self.rest) {
                Some((length, meaning)) => {
                    self.rest = self.rest.get(length..).unwrap_or_default();
                    return Some(Piece::Escape(length, meaning));
                }
                // What begins like an escape and is none stands for itself.
                None => 1,
            },
            Some(length) => length,
            None => self.rest.len(),
        };
        let (piece, rest) = self.rest.split_at_checked(plain)?;
        self.rest = rest;
        Some(Piece::Plain(piece))
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
const HTML_ESCAPE_BYTES_MAX: usize = 12;

fn html_escape(rest: &[u8]) -> Option<(usize, Meaning)> {
    let window = rest.get(1..rest.len().min(HTML_ESCAPE_BYTES_MAX))?;
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
