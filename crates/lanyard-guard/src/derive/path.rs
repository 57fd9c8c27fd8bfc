//! A path, cleaned by its text alone.

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// The longest path that is read, in bytes; longer ones are odd.
const PATH_BYTES_MAX: usize = 4096;

/// The most segments that are read; a path with more is odd.
const SEGMENTS_MAX: usize = 128;

/// Beginnings of percent-encoded separators, dots and ends, and of encoded percent signs.
const ENCODED: &[&str] = &["%2e", "%2f", "%5c", "%00", "%25", "%c0", "%e0%80", "%u00", "%u22"];

/// What an absolute or relative path leads to when nothing but its text is known.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an attribute that policies name")]
pub struct Path {
    /// It begins with a slash.
    pub absolute: bool,
    /// Without `.`, empty segments and `..` that can be resolved.
    pub clean: String,
    /// Every path from the start down to itself: `/`, `/data`, `/data/x`, or `a`, `a/b`.
    pub ancestors: Vec<String>,
    /// It is relative and leads above its start.
    pub escapes: bool,
    /// A segment begins with a dot.
    pub hidden: bool,
    /// Programs read it in different ways, so `clean` is only one of its meanings.
    pub odd: bool,
}

/// Reads a path. Symbolic links are not known here: that is why a `..` after a name is odd.
#[must_use]
pub fn path(text: &str) -> Path {
    let absolute = text.starts_with('/');
    let (mut kept, mut above, mut turned) = (Vec::new(), 0_usize, false);
    let read = cut(text);
    for segment in read.split('/').filter(|it| !matches!(*it, "" | ".")).take(SEGMENTS_MAX) {
        if segment != ".." {
            kept.push(segment);
            continue;
        }
        // After a name it depends on where that name leads; above a root, on the reader.
        turned |= absolute || !kept.is_empty();
        if kept.pop().is_none() && !absolute {
            above = above.saturating_add(1);
        }
    }
    let up = std::iter::repeat_n("..", above);
    let segments: Vec<&str> = up.chain(kept).collect();
    Path {
        absolute,
        clean: joined(absolute, &segments),
        ancestors: ancestors(absolute, &segments),
        escapes: above > 0,
        hidden: segments.iter().any(|it| it.starts_with('.') && *it != ".."),
        odd: turned || read.len() < text.len() || is_odd(text),
    }
}

/// The part of a text that is read at all.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(PATH_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default()
}

fn joined(absolute: bool, segments: &[&str]) -> String {
    match (absolute, segments.is_empty()) {
        (true, _) => format!("/{}", segments.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => segments.join("/"),
    }
}

fn ancestors(absolute: bool, segments: &[&str]) -> Vec<String> {
    let from = if absolute { 0 } else { 1 };
    let upto = from..=segments.len();
    upto.filter_map(|count| segments.get(..count)).map(|it| joined(absolute, it)).collect()
}

/// Whether programs are known to read this text in different ways.
fn is_odd(text: &str) -> bool {
    let folded = text.to_ascii_lowercase();
    text.is_empty()
        || text.trim() != text
        || text.starts_with("//")
        || text.starts_with(['~', '$', '-'])
        || has_scheme(text)
        || text.split('/').count() > SEGMENTS_MAX
        || text.chars().any(is_odd_char)
        || ENCODED.iter().any(|it| folded.contains(it))
        || text.contains("${")
        || text.contains("$(")
        || !is_nfc(text)
        || looks_alike(text)
        || text.split('/').any(is_odd_segment)
}

/// `file:/x`, `C:\x`, `c:x`: what comes before the colon is no name.
fn has_scheme(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_word = scheme.starts_with(|it: char| it.is_ascii_alphabetic())
        && scheme.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '+' | '-' | '.'));
    is_word
        && (scheme.len() == 1
            || rest.starts_with(['/', '\\'])
            || scheme.eq_ignore_ascii_case("file"))
}

/// Characters that end a text early, separate, expand, or are not seen.
fn is_odd_char(char: char) -> bool {
    char.is_control()
        || matches!(char, '\\' | '*' | '?' | '`')
        || matches!(char, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(char, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}')
        || matches!(char, '\u{e0000}'..='\u{e007f}' | '\u{fffd}')
}

/// Characters beyond ASCII whose compatibility form separates segments or names one.
fn looks_alike(text: &str) -> bool {
    text.chars().filter(|it| !it.is_ascii()).any(|it| {
        matches!(it, '\u{2215}' | '\u{2044}' | '\u{29f8}' | '\u{2216}')
            || it.nfkc().any(|form| matches!(form, '/' | '\\' | '.' | '~' | '%' | '$' | ':'))
    })
}

/// Some systems drop the spaces and dots at the end of a name; some shells make many of braces.
fn is_odd_segment(segment: &str) -> bool {
    let is_dots = matches!(segment, "" | "." | "..");
    (!is_dots && (segment.ends_with([' ', '.']) || segment.starts_with(' ')))
        || segment.contains("[.]")
        || (segment.contains('{') && segment.contains(".."))
}

#[cfg(test)]
mod tests;
