//! Which family of versions a message belongs to, and whether its headers agree with its body.
//!
//! The body decides first: a request that claims an envelope is modern, even where the envelope is
//! malformed, and is never taken for a legacy one. A header alone makes a message modern only to
//! refuse it. Order of refusals: doubled headers, the envelope's shape, headers against the body,
//! the version, headers that are missing.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::headers::{VersionHeader, header_value, mirrored_member, only, plain};
use crate::json::{is_object, present, text};
use crate::params::LogLevel;
use crate::{Kind, Message, Method, RoutingHeaders, Version, WireError};

/// What carried a message.
#[derive(Debug, Clone, Copy)]
pub enum Carrier<'h> {
    /// An HTTP POST with these headers.
    Http(&'h RoutingHeaders<'h>),
    /// One line on a pipe or socket: there are no headers to agree with.
    Lines,
}

/// What a message turned out to be.
#[derive(Debug, Clone)]
pub enum Classified<'a> {
    /// A message of a stateless version. A request may still be for a method that the version does
    /// not have: see [`Method::is_request_in`].
    Modern(Envelope<'a>),
    /// The request that begins a session.
    Initialize(Handshake<'a>),
    /// A message of a version with sessions.
    Legacy {
        /// The session's version; without a session what the header names, else 2025-03-26.
        version: Version,
    },
}

/// The envelope of a modern message.
#[derive(Debug, Clone)]
pub struct Envelope<'a> {
    /// The version it claims: one that we speak.
    pub version: Version,
    /// What the client can do, an object. Always there on a request.
    pub client_capabilities: Option<&'a RawValue>,
    /// Who the client says it is, an object. Good for display, never for a decision.
    pub client_info: Option<&'a RawValue>,
    /// The least severe log message that the client wants, if it wants any.
    pub log_level: Option<LogLevel>,
}

/// What `initialize` asks for, and what we answer.
#[derive(Debug, Clone)]
pub struct Handshake<'a> {
    /// The version as the client wrote it.
    pub requested: Cow<'a, str>,
    /// The version of the session: never a modern one.
    pub chosen: Version,
    /// What the client can do, an object.
    pub client_capabilities: Option<&'a RawValue>,
    /// Who the client says it is, an object.
    pub client_info: Option<&'a RawValue>,
}

/// Classifies one message. `session` is the version of the session that it belongs to, if it names
/// one that exists; that one which does not exist is refused before, by the keeper of sessions.
pub fn classify<'a>(
    carrier: Carrier<'_>,
    message: &Message<'a>,
    session: Option<Version>,
) -> Result<Classified<'a>, WireError> {
    judge(carrier, message, session).map_err(|error| error.with_id(message.id.as_ref()))
}

/// Classifies a batch as a whole: the version of the session, where that version has batches.
/// None of its messages may claim an envelope or be `initialize`.
pub fn classify_batch(
    carrier: Carrier<'_>,
    messages: &[Result<Message<'_>, WireError>],
    session: Option<Version>,
) -> Result<Version, WireError> {
    let version = legacy_version(version_header(carrier)?, session)?;
    if !version.has_batches() {
        return Err(WireError::batch_refused());
    }
    for message in messages.iter().flatten() {
        if Claim::read(message.params()).version.is_some() {
            return Err(WireError::batch_refused());
        }
        if message.method() == Some(&Method::Initialize) {
            return Err(WireError::invalid_request("`initialize` cannot be part of a batch"));
        }
    }
    Ok(version)
}

fn judge<'a>(
    carrier: Carrier<'_>,
    message: &Message<'a>,
    session: Option<Version>,
) -> Result<Classified<'a>, WireError> {
    let header = version_header(carrier)?;
    let (method, params, is_request) = match &message.kind {
        Kind::Request { method, params } => (method, *params, true),
        Kind::Notification { method, params } => (method, *params, false),
        Kind::Response { reply: _ } => {
            return legacy_version(header, session).map(|version| Classified::Legacy { version });
        }
    };
    let claim = Claim::read(params);
    if claim.version.is_some() || (header.is_modern() && !is_request) {
        return modern(carrier, header, method, &claim, is_request).map(Classified::Modern);
    }
    if is_request && *method == Method::Initialize {
        return initialize(header, params).map(Classified::Initialize);
    }
    // A client that meets a server of either era asks `server/discover` first, and must be able to
    // tell that it asked wrongly from a server that does not know the question.
    if header.is_modern() || (is_request && *method == Method::Discover) {
        return Err(missing(PROTOCOL_VERSION));
    }
    legacy_version(header, session).map(|version| Classified::Legacy { version })
}

fn version_header<'h>(carrier: Carrier<'h>) -> Result<VersionHeader<'h>, WireError> {
    match carrier {
        Carrier::Http(headers) => headers.version(),
        Carrier::Lines => Ok(VersionHeader::Absent),
    }
}

impl VersionHeader<'_> {
    fn is_modern(self) -> bool {
        match self {
            Self::Known(version) => version.is_modern(),
            Self::Absent | Self::Unknown(_) => false,
        }
    }
}

/// The version of a message without envelope. A session's version stands, whichever older version
/// the header names; a header that names none we know is refused in any case.
fn legacy_version(
    header: VersionHeader<'_>,
    session: Option<Version>,
) -> Result<Version, WireError> {
    let named = match header {
        VersionHeader::Unknown(text) => return Err(WireError::version_unsupported(text)),
        VersionHeader::Known(version) if version.is_modern() => {
            return Err(WireError::invalid_request(
                "version 2026-07-28 has neither batches nor responses from a client",
            ));
        }
        VersionHeader::Known(version) => version,
        VersionHeader::Absent => Version::UNSTATED,
    };
    Ok(session.unwrap_or(named))
}

/// A key of the envelope.
pub(crate) const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// A key of the envelope.
pub(crate) const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// A key of the envelope.
pub(crate) const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// A key of the envelope.
pub(crate) const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

fn missing(key: &str) -> WireError {
    WireError::envelope_invalid(&format!("`params._meta` lacks `{key}`"))
}

fn malformed(key: &str, expected: &str) -> WireError {
    WireError::envelope_invalid(&format!("`{key}` in `params._meta` must be {expected}"))
}

/// The members of `params._meta` that make an envelope.
#[derive(Deserialize, Default)]
struct Meta<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    #[serde(rename = "io.modelcontextprotocol/protocolVersion")]
    version: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    #[serde(rename = "io.modelcontextprotocol/clientCapabilities")]
    client_capabilities: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    #[serde(rename = "io.modelcontextprotocol/clientInfo")]
    client_info: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    #[serde(rename = "io.modelcontextprotocol/logLevel")]
    log_level: Option<&'a RawValue>,
}

/// The members of `params` that headers repeat.
#[derive(Deserialize, Default)]
struct Mirrored<'a> {
    #[serde(borrow, default, rename = "_meta")]
    meta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    uri: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "taskId")]
    task: Option<&'a RawValue>,
}

/// What the parameters of a message claim.
struct Claim<'a> {
    version: Option<&'a RawValue>,
    meta: Meta<'a>,
    mirrored: Mirrored<'a>,
}

impl<'a> Claim<'a> {
    fn read(params: Option<&'a RawValue>) -> Self {
        let mirrored: Mirrored<'a> = params.map(members).unwrap_or_default();
        let meta: Meta<'a> = mirrored.meta.map(members).unwrap_or_default();
        Self { version: meta.version, meta, mirrored }
    }
}

/// The members of an object. What is no object has none: an array must not be taken for a list of
/// members, which a derived reader would do.
fn members<'a, T: Deserialize<'a> + Default>(raw: &'a RawValue) -> T {
    if !is_object(raw) {
        return T::default();
    }
    serde_json::from_str(raw.get()).unwrap_or_default()
}

fn modern<'a>(
    carrier: Carrier<'_>,
    header: VersionHeader<'_>,
    method: &Method<'_>,
    claim: &Claim<'a>,
    is_request: bool,
) -> Result<Envelope<'a>, WireError> {
    let envelope = envelope(header, &claim.meta, is_request)?;
    if let Carrier::Http(headers) = carrier {
        if header == VersionHeader::Absent {
            return Err(WireError::header_mismatch("MCP-Protocol-Version is missing"));
        }
        check_method(headers, method)?;
        check_name(headers, method, &claim.mirrored)?;
    }
    Ok(envelope)
}

fn envelope<'a>(
    header: VersionHeader<'_>,
    meta: &Meta<'a>,
    is_request: bool,
) -> Result<Envelope<'a>, WireError> {
    let object = |key: &str, value: Option<&'a RawValue>| match value {
        Some(value) if !is_object(value) => Err(malformed(key, "an object")),
        other => Ok(other),
    };
    let client_capabilities = object(CLIENT_CAPABILITIES, meta.client_capabilities)?;
    if is_request && client_capabilities.is_none() {
        return Err(missing(CLIENT_CAPABILITIES));
    }
    let client_info = object(CLIENT_INFO, meta.client_info)?;
    let log_level = match meta.log_level {
        Some(value) => Some(
            text(value.get())
                .and_then(|level| LogLevel::parse(&level))
                .ok_or_else(|| malformed(LOG_LEVEL, "a log level"))?,
        ),
        None => None,
    };
    let version = claimed_version(header, meta.version)?;
    Ok(Envelope { version, client_capabilities, client_info, log_level })
}

/// The version of a modern message. A notification may leave it to the header.
fn claimed_version(
    header: VersionHeader<'_>,
    claimed: Option<&RawValue>,
) -> Result<Version, WireError> {
    let claimed = match (claimed, header) {
        (Some(raw), _) => text(raw.get()).ok_or_else(|| malformed(PROTOCOL_VERSION, "a string"))?,
        (None, VersionHeader::Known(version)) => Cow::Borrowed(version.as_str()),
        (None, VersionHeader::Unknown(text)) => Cow::Borrowed(text),
        (None, VersionHeader::Absent) => return Err(missing(PROTOCOL_VERSION)),
    };
    let agrees = match header {
        VersionHeader::Known(version) => version.as_str() == claimed,
        VersionHeader::Unknown(text) => text == claimed,
        VersionHeader::Absent => true,
    };
    if !agrees {
        return Err(WireError::header_mismatch(
            "MCP-Protocol-Version differs from the version in `params._meta`",
        ));
    }
    Version::parse(&claimed)
        .filter(|version| version.is_modern())
        .ok_or_else(|| WireError::version_unsupported(&claimed))
}

fn check_method(headers: &RoutingHeaders<'_>, method: &Method<'_>) -> Result<(), WireError> {
    let value = only("Mcp-Method", &headers.method)?
        .ok_or_else(|| WireError::header_mismatch("Mcp-Method is missing"))?;
    if plain("Mcp-Method", value)? == method.as_str() {
        Ok(())
    } else {
        Err(WireError::header_mismatch("Mcp-Method differs from the method in the body"))
    }
}

/// Compares `Mcp-Name` with the member that it repeats for this method, if it repeats any.
fn check_name(
    headers: &RoutingHeaders<'_>,
    method: &Method<'_>,
    mirrored: &Mirrored<'_>,
) -> Result<(), WireError> {
    let value = only("Mcp-Name", &headers.name)?;
    let body = match mirrored_member(method.as_str()) {
        Some("name") => mirrored.name,
        Some("uri") => mirrored.uri,
        Some("taskId") => mirrored.task,
        Some(_) | None => return Ok(()),
    };
    match (value, body.and_then(|raw| text(raw.get()))) {
        // That the body lacks it is for the reader of the parameters to say.
        (None, None) => Ok(()),
        (None, Some(_)) => Err(WireError::header_mismatch("Mcp-Name is missing")),
        (Some(value), body) => match header_value(value) {
            None => Err(WireError::header_mismatch("Mcp-Name is not encoded correctly")),
            Some(named) if Some(&named) == body.as_ref() => Ok(()),
            Some(_) => Err(WireError::header_mismatch("Mcp-Name differs from the body")),
        },
    }
}

/// The members of the parameters of `initialize`.
#[derive(Deserialize, Default)]
struct InitializeParams<'a> {
    #[serde(borrow, default, rename = "protocolVersion")]
    version: Option<&'a RawValue>,
    #[serde(borrow, default)]
    capabilities: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "clientInfo")]
    client_info: Option<&'a RawValue>,
}

/// Reads the request that begins a session. It has no envelope, so a header that names a modern
/// version contradicts it.
fn initialize<'a>(
    header: VersionHeader<'_>,
    params: Option<&'a RawValue>,
) -> Result<Handshake<'a>, WireError> {
    if header.is_modern() {
        return Err(WireError::header_mismatch(
            "`initialize` without an envelope is older than the version in MCP-Protocol-Version",
        ));
    }
    legacy_version(header, None)?;
    let params: InitializeParams<'a> = params.map(members).unwrap_or_default();
    let requested = params
        .version
        .and_then(|raw| text(raw.get()))
        .ok_or_else(|| WireError::envelope_invalid("`params.protocolVersion` must be a string"))?;
    Ok(Handshake {
        chosen: Version::negotiate(&requested),
        requested,
        client_capabilities: params.capabilities.filter(|raw| is_object(raw)),
        client_info: params.client_info.filter(|raw| is_object(raw)),
    })
}

#[cfg(test)]
mod tests;
