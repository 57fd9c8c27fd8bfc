//! Looks at a text that a model will read for what a person would not see in it, and for what is
//! said to the model instead of about the tool.
//!
//! These are signs, not proof: what has one waits for a person. A text without signs may still
//! lie.

use std::fmt;
use std::ops::RangeInclusive;

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

mod instructions;

/// The longest description that needs no second look.
const LONG_BYTES: usize = 4 << 10;

/// The longest run of base64 that needs none.
const BLOB_CHARS: usize = 200;

/// Signs that are looked for in one text. The rest would change nothing.
const SIGNS_MAX: usize = 20;

/// A sign of something that is not meant for the eyes of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    /// What it is.
    pub what: Sign,
    /// Where in the text it begins, in bytes.
    pub at: usize,
}

/// What a [`Suspicion`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// A character that shows nothing, or changes the order of what is shown.
    Hidden(char),
    /// A control character other than tab and line ends.
    Control(char),
    /// The begin of a terminal's escape sequence.
    Escape,
    /// Words to the reader; the name of the rule.
    Instruction(&'static str),
    /// A long run of what looks like base64.
    Blob,
    /// More text than a description needs; how many bytes.
    Long(usize),
}

impl Sign {
    /// A stable word for it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Hidden(_) => "hidden_character",
            Self::Control(_) => "control_character",
            Self::Escape => "terminal_escape",
            Self::Instruction(_) => "instruction",
            Self::Blob => "encoded_text",
            Self::Long(_) => "long_text",
        }
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hidden(character) => {
                write!(formatter, "a character that is not shown (U+{:04X})", u32::from(*character))
            }
            Self::Control(character) => {
                write!(formatter, "a control character (U+{:04X})", u32::from(*character))
            }
            Self::Escape => formatter.write_str("an escape sequence for terminals"),
            Self::Instruction(rule) => write!(formatter, "words to the reader: {rule}"),
            Self::Blob => formatter.write_str("a long run of encoded text"),
            Self::Long(bytes) => write!(formatter, "{bytes} bytes of text"),
        }
    }
}

/// The signs in a text, in their order.
pub fn suspicious(text: &str) -> Vec<Suspicion> {
    let mut signs = characters(text);
    signs.extend(instructions::find(&Folded::of(text)));
    signs.extend(blob(text).map(|at| Suspicion { what: Sign::Blob, at }));
    if text.len() > LONG_BYTES {
        signs.push(Suspicion { what: Sign::Long(text.len()), at: 0 });
    }
    signs.sort_by_key(|sign| sign.at);
    signs.truncate(SIGNS_MAX);
    signs
}

/// The signs in a text that only machines read, such as a vendor's own members: what cannot be
/// seen, and words to the reader.
pub(crate) fn suspicious_data(text: &str) -> Vec<Suspicion> {
    let mut signs = suspicious(text);
    signs.retain(|sign| !matches!(sign.what, Sign::Blob | Sign::Long(_)));
    signs
}

/// Whether a person sees nothing of this character, or sees others in a changed order, wherever it
/// stands. Exceptions that need a look around are in [`characters`].
pub(crate) fn is_hidden(character: char) -> bool {
    HIDDEN.iter().any(|range| range.contains(&character))
}

/// A text in which everything is shown: control characters and hidden ones are escaped.
pub fn visible(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        if character.is_control() || is_hidden(character) {
            out.push_str(&format!("\\u{{{:x}}}", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    out
}

const HIDDEN: &[RangeInclusive<char>] = &[
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{2800}'..='\u{2800}',
    '\u{3164}'..='\u{3164}',
    '\u{e000}'..='\u{f8ff}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
    '\u{f0000}'..='\u{10ffff}',
];

/// Control and hidden characters, without those that scripts and emoji need.
fn characters(text: &str) -> Vec<Suspicion> {
    let mut signs: Vec<Suspicion> = Vec::new();
    let mut before = None;
    let mut places = text.char_indices().peekable();
    while let Some((at, character)) = places.next() {
        let after = places.peek().map(|(_, next)| *next);
        let what = match character {
            '\t' | '\n' | '\r' => None,
            '\u{1b}' | '\u{9b}' => Some(Sign::Escape),
            other if other.is_control() => Some(Sign::Control(other)),
            other if is_hidden(other) && !has_a_place(before, other, after) => {
                Some(Sign::Hidden(other))
            }
            _ => None,
        };
        if let Some(what) = what {
            signs.push(Suspicion { what, at });
            if signs.len() >= SIGNS_MAX {
                break;
            }
        }
        before = Some(character);
    }
    let flags = emoji_flags(text);
    signs.retain(|sign| !flags.iter().any(|flag| flag.contains(&sign.at)));
    signs
}

/// Whether a hidden character does between these two what it was made for.
fn has_a_place(before: Option<char>, character: char, after: Option<char>) -> bool {
    let is = |neighbour: Option<char>, test: fn(char) -> bool| neighbour.is_some_and(test);
    match character {
        // A soft hyphen parts a word. A run of them parts nothing.
        '\u{ad}' => is(before, char::is_alphanumeric) && is(after, char::is_alphanumeric),
        // Joiners shape letters of some scripts, and glue emoji together.
        '\u{200c}' => is(before, is_joining) && is(after, is_joining),
        '\u{200d}' => {
            let emoji = is(before, |c| is_pictograph(c) || c == '\u{fe0f}' || is_skin(c))
                && is(after, is_pictograph);
            emoji || (is(before, is_joining) && is(after, is_joining))
        }
        // A choice between text and picture follows something that has both.
        '\u{fe0e}' | '\u{fe0f}' => is(before, |c| is_pictograph(c) || "#*0123456789©®".contains(c)),
        // A variant of an ideograph.
        '\u{e0100}'..='\u{e01ef}' => is(before, is_ideograph),
        _ => false,
    }
}

/// Letters and marks of scripts that are written joined: Arabic, Syriac, the scripts of India,
/// Mongolian.
fn is_joining(character: char) -> bool {
    matches!(character, '\u{600}'..='\u{dff}' | '\u{1800}'..='\u{18aa}')
}

fn is_pictograph(character: char) -> bool {
    matches!(character, '\u{2190}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1faff}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}')
        && character != '\u{2800}'
}

fn is_skin(character: char) -> bool {
    matches!(character, '\u{1f3fb}'..='\u{1f3ff}')
}

fn is_ideograph(character: char) -> bool {
    matches!(character, '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// Where flags of regions are: a black flag, a few tag characters, and their end.
fn emoji_flags(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut flags = Vec::new();
    for (at, flag) in text.match_indices('\u{1f3f4}') {
        let start = at.saturating_add(flag.len());
        let rest = text.get(start..).unwrap_or("");
        let tags = |c: &char| matches!(c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
        let count = rest.chars().take(7).take_while(tags).count();
        let ends = rest.chars().nth(count) == Some('\u{e007f}');
        if ends && (2..=6).contains(&count) {
            let bytes = count.saturating_add(1).saturating_mul('\u{e007f}'.len_utf8());
            flags.push(start..start.saturating_add(bytes));
        }
    }
    flags
}

/// Where a run of base64 begins that is long enough to hold a text.
fn blob(text: &str) -> Option<usize> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+/-_=".contains(c);
    let mut at: usize = 0;
    for run in text.split(|c| !is_part(c)) {
        let has = |test: fn(&u8) -> bool| run.as_bytes().iter().any(test);
        let mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
        if run.len() > BLOB_CHARS && mixed && has(u8::is_ascii_digit) {
            return Some(at);
        }
        let separator = text.get(at.saturating_add(run.len())..).and_then(|s| s.chars().next());
        at = at.saturating_add(run.len()).saturating_add(separator.map_or(0, char::len_utf8));
    }
    None
}

/// A text as a reader takes it: in lower case, without what cannot be seen, compatibility forms
/// and look-alikes as the letters that they stand for, one space between words.
pub(crate) struct Folded {
    pub(crate) text: String,
    /// For each byte of `text`, where what it came from begins.
    origins: Vec<usize>,
}

impl Folded {
    pub(crate) fn of(text: &str) -> Self {
        let mut folded = Self {
            text: String::with_capacity(text.len()),
            origins: Vec::with_capacity(text.len()),
        };
        for (at, character) in text.char_indices() {
            if !is_hidden(character) {
                decompose_compatible(character, |part| folded.push(part, at));
            }
        }
        folded
    }

    fn push(&mut self, part: char, at: usize) {
        if is_combining_mark(part) || (part.is_control() && !part.is_whitespace()) {
            return;
        }
        if part.is_whitespace() {
            if !self.text.ends_with(' ') {
                self.append(' ', at);
            }
            return;
        }
        for lower in part.to_lowercase() {
            self.append(look_alike(lower), at);
        }
    }

    fn append(&mut self, character: char, at: usize) {
        self.text.push(character);
        self.origins.extend(std::iter::repeat_n(at, character.len_utf8()));
    }

    /// Where in the original text a place of this one is.
    pub(crate) fn origin(&self, at: usize) -> usize {
        self.origins.get(at).copied().unwrap_or(0)
    }
}

/// Cyrillic and Greek letters that look like Latin ones, and quotation marks.
fn look_alike(lower: char) -> char {
    match lower {
        'а' | 'α' => 'a',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' => 'e',
        'һ' => 'h',
        'і' | 'ι' | 'ı' => 'i',
        'ј' => 'j',
        'о' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'ѕ' => 's',
        'υ' => 'u',
        'ѵ' | 'ν' => 'v',
        'ԝ' => 'w',
        'х' => 'x',
        'у' => 'y',
        '’' | '‘' | 'ʼ' => '\'',
        '‐' | '‑' | '–' | '—' => '-',
        other => other,
    }
}

#[cfg(test)]
mod tests;
