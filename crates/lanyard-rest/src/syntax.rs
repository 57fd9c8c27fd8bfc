//! The characters of HTTP and URLs, and percent-encoding.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Percent-encodes everything but unreserved characters.
pub(crate) fn encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, RESERVED)
}

/// Appends `text`, percent-encoded.
pub(crate) fn push_encoded(out: &mut String, text: &str) {
    out.extend(encoded(text));
}

/// Appends `text` as a component of a form: a space is `+`.
pub(crate) fn push_form(out: &mut String, text: &str) {
    for (index, part) in text.split(' ').enumerate() {
        if index > 0 {
            out.push('+');
        }
        push_encoded(out, part);
    }
}

/// Whether a character stands for itself in a path or query: unreserved, a delimiter that may
/// stand in either, or the percent sign of an escape. Brackets are encoded, as servers expect.
pub(crate) fn stands_in_target(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/%".contains(character)
}

/// Appends the percent-encoding of one character.
pub(crate) fn push_escaped(out: &mut String, character: char) {
    let mut buffer = [0; 4];
    for byte in character.encode_utf8(&mut buffer).bytes() {
        // Writing to a string cannot fail.
        let _infallible = write!(out, "%{byte:02X}");
    }
}

/// A token of RFC 9110 (5.6.2): the name of a header or cookie.
pub fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// Whether a text can be the value of a header as it is.
pub(crate) fn is_header_value(text: &str) -> bool {
    !text.chars().any(|character| character.is_control() && character != '\t')
}

/// Whether a `%` at this place begins an escape.
pub(crate) fn is_escape(rest: &str) -> bool {
    let mut bytes = rest.bytes();
    bytes.next() == Some(b'%')
        && bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit())
        && bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit())
}

/// Whether a segment of a path means this or the parent directory, however it is written.
pub(crate) fn is_dot_segment(segment: &str) -> bool {
    let plain = segment.replace("%2e", ".").replace("%2E", ".");
    plain == "." || plain == ".."
}
