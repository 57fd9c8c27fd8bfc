//! Reading and writing small pieces of JSON without a tree: the text of a string, and objects
//! whose members may be raw JSON.

use std::borrow::Cow;

use serde_json::value::RawValue;

/// The text of a JSON string that was already accepted as JSON, borrowed where it has no escape;
/// `None` where the value is no string.
pub(crate) fn text(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(raw).ok().map(Cow::Owned)
}

/// A stretch of JSON as a value.
pub(crate) fn raw(text: &str) -> Option<&RawValue> {
    serde_json::from_str(text).ok()
}

/// Whether a value that was already accepted as JSON is an object.
pub(crate) fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

/// Whether a value that was already accepted as JSON is `null`.
pub(crate) fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

/// Reads a member that is there even where its value is `null`, which an `Option` would take for
/// an absent one.
pub(crate) fn present<'de, D>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    <&RawValue as serde::Deserialize>::deserialize(deserializer).map(Some)
}

/// Writes a text as a JSON string.
pub(crate) fn push_text(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    // Whole stretches are copied at once: most texts hold nothing to escape, and answers are long.
    while let Some(at) = rest.bytes().position(needs_escape) {
        let (plain, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut characters = from.chars();
        match characters.next() {
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\n') => out.push_str("\\n"),
            Some('\r') => out.push_str("\\r"),
            Some('\t') => out.push_str("\\t"),
            Some(control) => push_control(out, control),
            None => break,
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    out.push('"');
}

/// Whether a byte cannot stand in a JSON string as it is. None of these is part of a longer
/// character, so a text can be cut before them.
fn needs_escape(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

/// A text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    push_text(&mut out, text);
    out
}

/// Writes a character below the space by its number.
fn push_control(out: &mut String, control: char) {
    const HEX: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let number = u32::from(control);
    out.push_str("\\u");
    for shift in [12_u32, 8, 4, 0] {
        let digit = usize::try_from((number >> shift) & 0xf).unwrap_or(0);
        out.extend(HEX.get(digit));
    }
}

/// An object being written, member by member.
pub(crate) struct Object {
    out: String,
}

impl Object {
    /// Begins an object.
    pub(crate) fn new() -> Self {
        Self { out: String::from("{") }
    }

    /// Begins an object that will be about this long.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        let mut out = String::with_capacity(bytes);
        out.push('{');
        Self { out }
    }

    /// Adds a member whose value is JSON already.
    pub(crate) fn raw(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        self.out.push_str(value);
        self
    }

    /// Adds a member whose value is JSON already, if there is one.
    pub(crate) fn raw_if(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.raw(key, value),
            None => self,
        }
    }

    /// Adds a text.
    pub(crate) fn text(mut self, key: &str, value: &str) -> Self {
        self.key(key);
        push_text(&mut self.out, value);
        self
    }

    /// Adds a text, if there is one.
    pub(crate) fn text_if(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    /// Adds a list of values, each written by `write`.
    pub(crate) fn list<T>(
        mut self,
        key: &str,
        values: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut String, T),
    ) -> Self {
        self.key(key);
        self.out.push('[');
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            write(&mut self.out, value);
        }
        self.out.push(']');
        self
    }

    /// Ends the object.
    pub(crate) fn end(mut self) -> String {
        self.out.push('}');
        self.out
    }

    fn key(&mut self, key: &str) {
        if self.out.len() > 1 {
            self.out.push(',');
        }
        push_text(&mut self.out, key);
        self.out.push(':');
    }
}

#[cfg(test)]
mod tests;
