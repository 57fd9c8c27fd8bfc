//! Where a request goes: scheme, host and port, in one normal form.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

/// The two schemes that a REST request can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// Plaintext.
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// The scheme as a URL writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Scheme, host and port. The host is lower-case ASCII: a DNS name, an IPv4 address in the
/// four-number form, or an IPv6 address without brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    scheme: Scheme,
    host: Arc<str>,
    port: u16,
}

/// Why a text is not an origin.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum OriginError {
    /// No `http://` or `https://` at the start.
    #[error("an origin starts with http:// or https://")]
    Scheme,
    /// Something like `user:password@` before the host.
    #[error("an origin holds no user or password")]
    UserInfo,
    /// The host is empty or has characters that no host has.
    #[error("`{0}` is not a host name (write an international name in its xn-- form)")]
    Host(String),
    /// The port is not a number from 1 to 65535.
    #[error("`{0}` is not a port")]
    Port(String),
    /// A path, query or fragment follows.
    #[error("an origin ends after host and port")]
    Trailing,
}

impl Origin {
    /// Reads `https://host[:port]`, with at most one `/` after it.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let (origin, rest) = Self::split_url(text)?;
        if rest.is_empty() || rest == "/" { Ok(origin) } else { Err(OriginError::Trailing) }
    }

    /// Reads the origin at the start of an absolute URL, and gives back what follows it: the
    /// path with its query, possibly empty.
    pub fn split_url(url: &str) -> Result<(Self, &str), OriginError> {
        let (scheme, rest) = split_scheme(url).ok_or(OriginError::Scheme)?;
        // A backslash ends the authority for browsers but not for RFC 3986; no host holds one,
        // so that both readings end in a refusal.
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if authority.contains('@') {
            return Err(OriginError::UserInfo);
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            None | Some("") => scheme.default_port(),
            Some(port) => parse_port(port)?,
        };
        Ok((Self { scheme, host: normal_host(host)?, port }, path))
    }

    /// Plaintext or TLS.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host, lower-case, an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port; the scheme's own when none was written.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port as a `Host` header writes them: the scheme's own port is left out.
    pub fn authority(&self) -> String {
        let host = &self.host;
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host.to_string() };
        if self.port == self.scheme.default_port() {
            bracketed
        } else {
            format!("{bracketed}:{}", self.port)
        }
    }

    /// Whether the host is written as `localhost` or as an address literal of this machine.
    pub fn is_loopback(&self) -> bool {
        &*self.host == "localhost"
            || self.host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
            || self.host.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
    }
}

fn split_scheme(url: &str) -> Option<(Scheme, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    if scheme.eq_ignore_ascii_case("https") {
        Some((Scheme::Https, rest))
    } else if scheme.eq_ignore_ascii_case("http") {
        Some((Scheme::Http, rest))
    } else {
        None
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), OriginError> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) =
            rest.split_once(']').ok_or_else(|| OriginError::Host(authority.to_owned()))?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(OriginError::Host(authority.to_owned())),
        };
    }
    match authority.split_once(':') {
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((authority, None)),
    }
}

fn parse_port(port: &str) -> Result<u16, OriginError> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(number) if digits && number != 0 => Ok(number),
        Ok(_) | Err(_) => Err(OriginError::Port(port.to_owned())),
    }
}

fn normal_host(host: &str) -> Result<Arc<str>, OriginError> {
    let bad = || OriginError::Host(host.to_owned());
    if let Ok(address) = host.parse::<Ipv6Addr>() {
        return Ok(address.to_string().into());
    }
    let lower = host.to_ascii_lowercase();
    let lower = lower.strip_suffix('.').unwrap_or(&lower);
    let labels_hold = lower.split('.').all(|label| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    });
    if !labels_hold || lower.len() > 253 {
        return Err(bad());
    }
    // `127.1`, `0x7f000001` and `2130706433` are addresses for some resolvers. A last label of
    // digits (or hexadecimal digits after 0x) is therefore an address in four numbers or nothing.
    let last = lower.rsplit('.').next().unwrap_or("");
    let numeric = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
    if numeric && lower.parse::<Ipv4Addr>().is_err() {
        return Err(bad());
    }
    Ok(lower.into())
}

impl FromStr for Origin {
    type Err = OriginError;
    fn from_str(text: &str) -> Result<Self, OriginError> {
        Self::parse(text)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.scheme.as_str(), self.authority())
    }
}

#[cfg(test)]
mod tests;
