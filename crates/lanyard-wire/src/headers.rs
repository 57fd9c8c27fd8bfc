//! The HTTP headers that repeat what a body says, so that intermediaries can route without
//! reading it. They are only ever compared with the body; nothing is decided by them alone.

use std::borrow::Cow;

use data_encoding::BASE64;

use crate::{Version, WireError};

/// What a header whose value is encoded begins and ends with.
const ENCODED_BEFORE: &str = "=?base64?";
const ENCODED_AFTER: &str = "?=";

/// Every value seen of each routing header, so that a doubled one can be refused.
#[derive(Debug, Clone, Default)]
pub struct RoutingHeaders<'h> {
    /// `MCP-Protocol-Version`.
    pub protocol_version: Vec<&'h [u8]>,
    /// `Mcp-Method`.
    pub method: Vec<&'h [u8]>,
    /// `Mcp-Name`.
    pub name: Vec<&'h [u8]>,
    /// `Mcp-Session-Id`.
    pub session: Vec<&'h [u8]>,
    /// `Mcp-Param-*`: the part after the prefix, and the value.
    pub params: Vec<(&'h str, &'h [u8])>,
}

impl<'h> RoutingHeaders<'h> {
    /// Picks the routing headers out of all headers of a request. Names are compared without case.
    pub fn collect(headers: impl IntoIterator<Item = (&'h str, &'h [u8])>) -> Self {
        let mut routing = Self::default();
        for (name, value) in headers {
            routing.see(name, value);
        }
        routing
    }

    /// Takes note of one header if it is a routing header.
    pub fn see(&mut self, name: &'h str, value: &'h [u8]) {
        let Some(name) = after_prefix(name, "mcp-") else { return };
        if let Some(param) = after_prefix(name, "param-") {
            self.params.push((param, value));
        } else if name.eq_ignore_ascii_case("protocol-version") {
            self.protocol_version.push(value);
        } else if name.eq_ignore_ascii_case("method") {
            self.method.push(value);
        } else if name.eq_ignore_ascii_case("name") {
            self.name.push(value);
        } else if name.eq_ignore_ascii_case("session-id") {
            self.session.push(value);
        }
    }

    /// The version that the header names, or that none is named.
    pub(crate) fn version(&self) -> Result<VersionHeader<'h>, WireError> {
        let Some(value) = only("MCP-Protocol-Version", &self.protocol_version)? else {
            return Ok(VersionHeader::Absent);
        };
        let text = plain("MCP-Protocol-Version", value)?;
        Ok(Version::parse(text).map_or(VersionHeader::Unknown(text), VersionHeader::Known))
    }

    /// The version that the header of a request without body names (GET, DELETE), if it names one;
    /// one that we do not speak is refused. Requests with a body are for
    /// [`classify()`](crate::classify()).
    pub fn named_version(&self) -> Result<Option<Version>, WireError> {
        match self.version()? {
            VersionHeader::Absent => Ok(None),
            VersionHeader::Known(version) => Ok(Some(version)),
            VersionHeader::Unknown(text) => Err(WireError::version_unsupported(text)),
        }
    }

    /// The session that the header names. An id is printable ASCII without space.
    pub fn session(&self) -> Result<Option<&'h str>, WireError> {
        let Some(value) = only("Mcp-Session-Id", &self.session)? else { return Ok(None) };
        let text = plain("Mcp-Session-Id", value)?;
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(WireError::session_unknown());
        }
        Ok(Some(text))
    }
}

/// What the header `MCP-Protocol-Version` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VersionHeader<'h> {
    /// Nothing: it is not there.
    Absent,
    /// A version that we speak.
    Known(Version),
    /// Something else.
    Unknown(&'h str),
}

/// The text that a value of `Mcp-Name` or `Mcp-Param-*` stands for: without the white space around
/// it, and decoded where it is `=?base64?...?=`. `None` where it is not allowed: characters that
/// must be encoded and are not, or an encoding that is not canonical.
pub fn header_value(value: &[u8]) -> Option<Cow<'_, str>> {
    let text = visible(value)?;
    let encoded =
        text.strip_prefix(ENCODED_BEFORE).and_then(|rest| rest.strip_suffix(ENCODED_AFTER));
    match encoded {
        Some(encoded) => {
            let bytes = BASE64.decode(encoded.as_bytes()).ok()?;
            String::from_utf8(bytes).ok().map(Cow::Owned)
        }
        None => Some(Cow::Borrowed(text)),
    }
}

/// A text as a value of `Mcp-Name` or `Mcp-Param-*`: what [`header_value`] reads back. It is encoded
/// where it holds more than printable ASCII, where white space at its ends would get lost, and
/// where it looks encoded already.
pub fn encode_header_value(text: &str) -> String {
    let printable = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    let edges = text.starts_with(' ') || text.ends_with(' ');
    let looks_encoded = text.starts_with(ENCODED_BEFORE) && text.ends_with(ENCODED_AFTER);
    if printable && !edges && !looks_encoded {
        return text.to_owned();
    }
    format!("{ENCODED_BEFORE}{}{ENCODED_AFTER}", BASE64.encode(text.as_bytes()))
}

/// Which member of a request's parameters the header `Mcp-Name` repeats, if any.
pub(crate) fn mirrored_member(method: &str) -> Option<&'static str> {
    match method {
        "tools/call" | "prompts/get" => Some("name"),
        "resources/read" => Some("uri"),
        "tasks/get" | "tasks/update" | "tasks/cancel" => Some("taskId"),
        _ => None,
    }
}

/// The only value of a header, if it is there.
pub(crate) fn only<'h>(name: &str, values: &[&'h [u8]]) -> Result<Option<&'h [u8]>, WireError> {
    match values {
        [] => Ok(None),
        [value] => Ok(Some(value)),
        [_, _, ..] => Err(WireError::header_mismatch(&format!("{name} is there more than once"))),
    }
}

/// A value that is never encoded, without the white space around it.
pub(crate) fn plain<'h>(name: &str, value: &'h [u8]) -> Result<&'h str, WireError> {
    visible(value).ok_or_else(|| {
        WireError::header_mismatch(&format!("{name} has characters that a header cannot have"))
    })
}

/// A value without the white space around it, if it holds only printable ASCII, space and tab.
fn visible(value: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(value).ok()?;
    let text = text.trim_matches([' ', '\t']);
    text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')).then_some(text)
}

/// The rest of a name after a prefix, compared without case.
fn after_prefix<'h>(name: &'h str, prefix: &str) -> Option<&'h str> {
    let (head, rest) = name.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests;
