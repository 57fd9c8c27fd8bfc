//! Finds what reads like a marker. One pass, and no copy of the text: an answer may be large.

use std::ops::Range;

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// The letters of the two markers between their angle brackets.
const START: &[u8] = b"externaluntrustedcontent";
const END: &[u8] = b"endexternaluntrustedcontent";

const BOUNDARY: &[u8] = b"boundary";

/// Something that reads like a marker.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) place: Range<usize>,
    pub(super) what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Start,
    End,
    Boundary,
}

/// A character as a reader takes it. What is none of these is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    Open,
    Close,
    Slash,
    Colon,
    /// A letter or digit; beyond ASCII it is one that no marker has.
    Letter(u8),
}

/// Everything in a text that reads like a marker, in order.
pub(super) fn find(text: &str) -> Vec<Found> {
    let mut finder = Finder::default();
    for (at, character) in text.char_indices() {
        let end = at.saturating_add(character.len_utf8());
        if ends_line(character) {
            finder.boundary = Some(Boundary::default());
        }
        if character.is_ascii() {
            finder.feed(sign(character), at..end);
        } else {
            decompose_compatible(character, |part| {
                if !is_combining_mark(part) {
                    part.to_lowercase().for_each(|lower| finder.feed(sign(lower), at..end));
                }
            });
        }
    }
    finder.close();
    finder.found
}

fn ends_line(character: char) -> bool {
    matches!(character, '\n' | '\u{b}' | '\u{c}' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn sign(character: char) -> Option<Sign> {
    Some(match character {
        '<' | '\u{ab}' | '\u{2039}' | '\u{2264}' | '\u{226a}' | '\u{22d8}' | '\u{2329}'
        | '\u{276e}' | '\u{2770}' | '\u{27e8}' | '\u{27ea}' | '\u{2a9e}' | '\u{3008}'
        | '\u{300a}' | '\u{2c2}' | '\u{1438}' | '\u{16b2}' => Sign::Open,
        '>' | '\u{bb}' | '\u{203a}' | '\u{2265}' | '\u{226b}' | '\u{22d9}' | '\u{232a}'
        | '\u{276f}' | '\u{2771}' | '\u{27e9}' | '\u{27eb}' | '\u{2a9f}' | '\u{3009}'
        | '\u{300b}' | '\u{2c3}' | '\u{1433}' | '\u{16b3}' => Sign::Close,
        '/' | '\u{2044}' | '\u{2215}' | '\u{29f8}' => Sign::Slash,
        ':' | '\u{2236}' | '\u{2d0}' | '\u{a789}' => Sign::Colon,
        other if other.is_alphanumeric() => Sign::Letter(letter(other)),
        _ => return None,
    })
}

/// The ASCII letter that a character is, or looks like; 0 for others.
fn letter(character: char) -> u8 {
    let plain = match character.to_ascii_lowercase() {
        'а' | 'α' | 'ɑ' => 'a',
        'в' | 'β' => 'b',
        'с' | 'ϲ' => 'c',
        'ԁ' | 'ɗ' => 'd',
        'е' | 'ε' | 'є' => 'e',
        'п' | 'η' => 'n',
        'о' | 'ο' | 'σ' | '0' => 'o',
        'г' => 'r',
        'ѕ' => 's',
        'т' | 'τ' => 't',
        'υ' | 'ս' => 'u',
        'х' | 'χ' => 'x',
        'у' | 'γ' => 'y',
        'ӏ' | 'ι' | 'ı' | '1' | 'ǀ' => 'l',
        other => other,
    };
    u8::try_from(plain).ok().filter(u8::is_ascii).unwrap_or(0)
}

#[derive(Default)]
struct Finder {
    found: Vec<Found>,
    marker: Option<Marker>,
    /// A line of which nothing but passed-over characters and `Boundary` was read.
    boundary: Option<Boundary>,
    started: bool,
}

/// A marker that is being read.
struct Marker {
    place: Range<usize>,
    letters: usize,
    /// The letters that it must have.
    word: &'static [u8],
    /// Whether a slash stood before them, which makes an end of either.
    slash: bool,
    closed: bool,
}

#[derive(Default)]
struct Boundary {
    start: usize,
    letters: usize,
}

impl Finder {
    fn feed(&mut self, sign: Option<Sign>, place: Range<usize>) {
        if !std::mem::replace(&mut self.started, true) {
            self.boundary = Some(Boundary::default());
        }
        let Some(sign) = sign else { return };
        self.feed_boundary(sign, &place);
        self.feed_marker(sign, &place);
    }

    fn feed_boundary(&mut self, sign: Sign, place: &Range<usize>) {
        let Some(line) = &mut self.boundary else { return };
        match sign {
            Sign::Letter(letter) if BOUNDARY.get(line.letters) == Some(&letter) => {
                if line.letters == 0 {
                    line.start = place.start;
                }
                line.letters = line.letters.saturating_add(1);
            }
            Sign::Colon if line.letters == BOUNDARY.len() => {
                let place = line.start..place.end;
                self.found.push(Found { place, what: What::Boundary });
                self.boundary = None;
            }
            // Quotation marks and list signs at the start of a line.
            Sign::Open | Sign::Close | Sign::Slash | Sign::Colon if line.letters == 0 => {}
            Sign::Open | Sign::Close | Sign::Slash | Sign::Colon | Sign::Letter(_) => {
                self.boundary = None;
            }
        }
    }

    fn feed_marker(&mut self, sign: Sign, place: &Range<usize>) {
        let reads_on = self.marker.as_mut().is_some_and(|marker| marker.feed(sign, place));
        if reads_on {
            return;
        }
        self.close();
        if sign == Sign::Open {
            self.marker = Some(Marker::new(place));
        }
    }

    /// Ends the marker that is being read, which counts if it was closed.
    fn close(&mut self) {
        let Some(marker) = self.marker.take() else { return };
        if marker.closed {
            let is_end = marker.slash || marker.word == END;
            let what = if is_end { What::End } else { What::Start };
            self.found.push(Found { place: marker.place, what });
        }
    }
}

impl Marker {
    fn new(place: &Range<usize>) -> Self {
        Self { place: place.clone(), letters: 0, word: START, slash: false, closed: false }
    }

    /// Takes in what comes next; `false` where that is no part of a marker.
    fn feed(&mut self, sign: Sign, place: &Range<usize>) -> bool {
        match sign {
            Sign::Open => self.letters == 0 && !self.slash,
            Sign::Slash => {
                self.slash = true;
                self.letters == 0
            }
            Sign::Letter(letter) if !self.closed => {
                // The second letter tells the two apart.
                if self.letters == 1 && letter == b'n' {
                    self.word = END;
                }
                let fits = self.word.get(self.letters) == Some(&letter);
                self.letters = self.letters.saturating_add(1);
                fits
            }
            Sign::Close if self.letters == self.word.len() => {
                self.closed = true;
                self.place.end = place.end;
                true
            }
            Sign::Letter(_) | Sign::Close | Sign::Colon => false,
        }
    }
}
