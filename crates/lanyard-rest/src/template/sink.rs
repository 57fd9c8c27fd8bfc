//! Where the output of a template goes, and how that of its actions is encoded there. Literal text
//! is the operator's and is copied; it tells the sink where in the output it stands. What an action
//! gives is encoded for that place, so that a value is never more than a value.

mod form;
mod json;
mod pairs;
mod url;

pub(super) use url::Url;

use form::Form;
use json::Json;

use lanyard_core::Limits;

use super::Context;
use super::value::{Fault, Origin, Outcome, failed};

/// What an action gives to the output.
pub(super) struct Action<'v> {
    /// Its printed form.
    pub(super) text: &'v str,
    pub(super) presence: Presence,
    /// Whether it is a list or an object, whose printed form is JSON.
    pub(super) structured: bool,
    /// Where the value comes from.
    pub(super) origin: Origin,
    /// Whether the last function was `urlquery`, so that the text is already encoded.
    pub(super) urlquery: bool,
}

impl Action<'_> {
    /// Whether it is left out where missing values are.
    fn is_missing(&self) -> bool {
        !matches!(self.presence, Presence::Present)
    }
}

/// Whether an action gives anything.
#[derive(Debug, Clone, Copy)]
pub(super) enum Presence {
    Present,
    Missing,
    /// Missing, but made JSON: `null` stands for it where something must stand.
    MissingJson,
}

/// The output of one rendering.
#[derive(Debug)]
pub(super) enum Sink {
    Plain(Buffer),
    Header(Buffer),
    Url(Url),
    Json(Json),
    Form(Form),
}

impl Sink {
    pub(super) fn new(context: Context, limits: &Limits) -> Self {
        let buffer = Buffer::new(Limits::size(limits.template_output_bytes_max));
        match context {
            Context::Plain | Context::Other => Self::Plain(buffer),
            Context::Header => Self::Header(buffer),
            Context::Url => Self::Url(Url::new(buffer)),
            Context::Json => Self::Json(Json::new(buffer)),
            Context::Form => Self::Form(Form::new(buffer)),
        }
    }

    /// Text of the template.
    pub(super) fn literal(&mut self, text: &str) -> Outcome<()> {
        match self {
            Self::Plain(buffer) | Self::Header(buffer) => buffer.push(text),
            Self::Url(url) => url.literal(text),
            Self::Json(json) => json.literal(text),
            Self::Form(form) => form.literal(text),
        }
    }

    /// The output of an action.
    pub(super) fn action(&mut self, action: &Action<'_>) -> Outcome<()> {
        match self {
            Self::Plain(buffer) => buffer.push(action.text),
            Self::Header(buffer) => {
                if action.text.contains(char::is_control) {
                    return failed("a control character in a header");
                }
                buffer.push(action.text)
            }
            Self::Url(url) => url.action(action),
            Self::Json(json) => json.action(action),
            Self::Form(form) => form.action(action),
        }
    }

    /// The whole output.
    pub(super) fn finish(self) -> Outcome<String> {
        match self {
            Self::Plain(buffer) => Ok(buffer.text),
            Self::Header(buffer) => {
                let trimmed = buffer.text.trim_matches([' ', '\t', '\r', '\n']);
                if trimmed.contains(char::is_control) {
                    return failed("a control character in a header");
                }
                Ok(trimmed.to_owned())
            }
            Self::Url(url) => url.finish(),
            Self::Json(json) => json.finish(),
            Self::Form(form) => form.finish(),
        }
    }
}

/// Text that does not grow past its limit.
#[derive(Debug, Clone)]
pub(super) struct Buffer {
    text: String,
    bytes_max: usize,
}

impl Buffer {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { text: String::new(), bytes_max }
    }

    fn push(&mut self, text: &str) -> Outcome<()> {
        if text.len() > self.bytes_max.saturating_sub(self.text.len()) {
            return Err(Fault::Limit("template_output_bytes_max"));
        }
        self.text.push_str(text);
        Ok(())
    }

    fn push_char(&mut self, next: char) -> Outcome<()> {
        self.push(next.encode_utf8(&mut [0; 4]))
    }

    /// Percent-encodes everything but unreserved characters; a space becomes `space`.
    fn push_encoded(&mut self, text: &str, space: &str) -> Outcome<()> {
        for byte in text.bytes() {
            if is_unreserved(byte) {
                self.push_char(char::from(byte))?;
            } else if byte == b' ' {
                self.push(space)?;
            } else {
                self.push(&percent(byte))?;
            }
        }
        Ok(())
    }

    fn len(&self) -> usize {
        self.text.len()
    }

    fn from(&self, start: usize) -> &str {
        self.text.get(start..).unwrap_or("")
    }
}

/// The characters that mean nothing in a URL: RFC 3986, section 2.3.
pub(super) fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~')
}

/// `%XX`
pub(super) fn percent(byte: u8) -> String {
    format!("%{byte:02X}")
}
