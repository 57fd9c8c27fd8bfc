//! What a definition may say: one set of rules for adding, testing, importing and connecting.

use lanyard_core::{Origin, SecretName};

/// Headers that the protocol or the connection writes.
const RESERVED_HEADERS: &[&str] = &[
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "last-event-id",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

const NO_SECRET_HERE: &str =
    "a secret cannot stand here: other processes could read it; put it into `env`";

/// Why a path to a program or directory is not used.
pub(super) fn absolute_path(path: &str) -> Result<(), &'static str> {
    if !path.starts_with('/') {
        Err("is not an absolute path")
    } else if path.chars().any(char::is_control) {
        Err("holds a control character")
    } else if path.split('/').any(|segment| matches!(segment, "." | "..")) {
        Err("holds `.` or `..`; write the path that it leads to")
    } else if path.contains(SecretName::REFERENCE_PREFIX) {
        Err(NO_SECRET_HERE)
    } else {
        Ok(())
    }
}

/// Why an argument of a process is not used.
pub(super) fn argument(argument: &str) -> Result<(), &'static str> {
    if argument.contains('\0') {
        Err("holds a NUL")
    } else if argument.contains(SecretName::REFERENCE_PREFIX) {
        Err(NO_SECRET_HERE)
    } else {
        Ok(())
    }
}

/// Why this is no name of an environment variable.
pub(super) fn variable_name(name: &str) -> Result<(), &'static str> {
    let mut bytes = name.bytes();
    let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if first && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        Ok(())
    } else {
        Err("is no name of an environment variable: use letters, digits and `_`")
    }
}

/// Why a text cannot be the value of an environment variable.
pub(super) fn variable_value(text: &str) -> Result<(), &'static str> {
    if text.contains('\0') { Err("holds a NUL") } else { Ok(()) }
}

/// Why a header is not set by a definition. The name is in lower case.
pub(crate) fn header_name(name: &str) -> Result<(), &'static str> {
    let is_token = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte));
    if !is_token {
        Err("is no name of a header")
    } else if name.starts_with("mcp-") {
        Err("belongs to the protocol")
    } else if RESERVED_HEADERS.contains(&name) || name.starts_with("proxy-") {
        Err("belongs to the connection and is written by it")
    } else {
        Ok(())
    }
}

/// Why a text cannot be the value of a header.
pub(super) fn header_value(text: &str) -> Result<(), &'static str> {
    if text.chars().any(|character| character.is_control() && character != '\t') {
        Err("holds a line break or another control character")
    } else {
        Ok(())
    }
}

/// Why a text cannot be a part of a query.
pub(super) fn query_text(text: &str) -> Result<(), &'static str> {
    if text.contains('\0') { Err("holds a NUL") } else { Ok(()) }
}

/// Splits a URL into its origin and the path with its query.
pub(super) fn url(url: &str) -> Result<(Origin, String), String> {
    if url.contains(SecretName::REFERENCE_PREFIX) {
        return Err("a secret cannot stand here; put it into `query` or `headers`".to_owned());
    }
    let (origin, target) = Origin::split_url(url).map_err(|error| match error {
        lanyard_core::OriginError::Scheme => "a URL starts with http:// or https://".to_owned(),
        lanyard_core::OriginError::UserInfo => {
            "a URL holds no user or password; put them into `headers`".to_owned()
        }
        other @ (lanyard_core::OriginError::Host(_)
        | lanyard_core::OriginError::Port(_)
        | lanyard_core::OriginError::Trailing) => other.to_string(),
    })?;
    if target.contains('#') {
        return Err("a URL of a server has no fragment".to_owned());
    }
    if !target.chars().all(stands_in_target) || !escapes_are_whole(target) {
        return Err("the path or query holds a character that must be percent-encoded".to_owned());
    }
    let slash = if target.starts_with('/') { "" } else { "/" };
    Ok((origin, format!("{slash}{target}")))
}

fn stands_in_target(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?%".contains(character)
}

fn escapes_are_whole(target: &str) -> bool {
    target.split('%').skip(1).all(|rest| {
        let mut bytes = rest.bytes();
        let mut is_digit = || bytes.next().is_some_and(|byte| byte.is_ascii_hexdigit());
        is_digit() && is_digit()
    })
}

/// Appends a text with everything but the unreserved characters of RFC 3986 percent-encoded.
pub(super) fn push_encoded(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
}

/// Undoes percent-encoding in a part of a query. `None` where that is no text.
pub(crate) fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                let digits = std::str::from_utf8(&digits).ok()?;
                out.push(u8::from_str_radix(digits, 16).ok()?);
            }
            other => out.push(other),
        }
    }
    String::from_utf8(out).ok()
}
