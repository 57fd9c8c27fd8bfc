//! A URL with an authority, read strictly: what clients disagree about is not parsed.

use std::net::{Ipv4Addr, Ipv6Addr};

/// The longest URL that is read, in bytes.
const URL_BYTES_MAX: usize = 8192;

/// What a URL leads to. Where it is not parsed, everything else is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Url {
    /// Every client reads it as told here.
    pub parsed: bool,
    /// In lower case, without its colon.
    pub scheme: String,
    /// In lower case, without a dot at the end; an address in its shortest form. Empty in `file:`.
    pub host: String,
    /// As written, else the scheme's own; 0 where that is unknown.
    pub port: i64,
    /// Without dot segments and needless encoding; `/` where there is none.
    pub path: String,
    /// It carries a user's name or password.
    pub user_info: bool,
}

/// Reads a URL.
#[must_use]
pub fn url(text: &str) -> Url {
    parse(text).unwrap_or_default()
}

fn parse(text: &str) -> Option<Url> {
    // Clients drop, trim or convert these; some read a backslash as a slash. Names beyond ASCII
    // are mapped by tables of different age.
    let plain = text.len() <= URL_BYTES_MAX
        && text.bytes().all(|it| it.is_ascii_graphic() && !matches!(it, b'\\' | b'`' | b'"'));
    if !plain {
        return None;
    }
    let (scheme, rest) = text.split_once("://")?;
    let is_word = scheme.starts_with(|it: char| it.is_ascii_alphabetic())
        && scheme.chars().all(|it| it.is_ascii_alphanumeric() || matches!(it, '+' | '-' | '.'));
    let scheme = is_word.then(|| scheme.to_ascii_lowercase())?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at_checked(end)?;
    let (user_info, place) = match authority.split_once('@') {
        None => (false, authority),
        Some((_, place)) => (true, place),
    };
    let (host, port) = place_of(place, &scheme)?;
    let path = rest.split(['?', '#']).next().unwrap_or_default();
    Some(Url { parsed: true, host, port, path: path_of(path)?, user_info, scheme })
}

/// The host and the port. Only a file needs none.
fn place_of(place: &str, scheme: &str) -> Option<(String, i64)> {
    if place.is_empty() {
        return (scheme == "file").then(|| (String::new(), 0));
    }
    let (host, port) = if let Some(rest) = place.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        (format!("[{address}]"), if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
    } else {
        let (name, port) = place.split_once(':').map_or((place, None), |(a, b)| (a, Some(b)));
        (host_of(name)?, port)
    };
    let port = match port {
        None | Some("") => port_of(scheme),
        Some(digits) if digits.bytes().all(|it| it.is_ascii_digit()) => {
            i64::from(digits.parse::<u16>().ok()?)
        }
        Some(_) => return None,
    };
    Some((host, port))
}

/// A name of letters, digits, hyphens and underscores, or an address in four decimal numbers.
fn host_of(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_'))
    };
    if name.len() > 253 || !name.split('.').all(is_label) {
        return None;
    }
    // `127.1`, `0x7f.1` and `2130706433` are addresses to some clients and names to others.
    let last = name.rsplit('.').next()?;
    let is_number = last.bytes().all(|it| it.is_ascii_digit())
        || last
            .strip_prefix("0x")
            .is_some_and(|it| it.bytes().all(|digit| digit.is_ascii_hexdigit()));
    if is_number { name.parse::<Ipv4Addr>().ok().map(|it| it.to_string()) } else { Some(name) }
}

fn port_of(scheme: &str) -> i64 {
    match scheme {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "ftp" => 21,
        "ssh" | "sftp" => 22,
        _ => 0,
    }
}

/// Decodes what needs no encoding and resolves dot segments. Encoded slashes and ends are read
/// differently behind every proxy, so they are not read at all.
fn path_of(text: &str) -> Option<String> {
    let decoded = decoded(text)?;
    let (mut kept, mut open) = (Vec::new(), true);
    for segment in decoded.split('/').skip(1) {
        open = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(segment),
        }
    }
    if open {
        kept.push("");
    }
    Some(format!("/{}", kept.join("/")))
}

fn decoded(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let digits = after.get(..2)?;
        let is_hex = digits.bytes().all(|it| it.is_ascii_hexdigit());
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
        match byte {
            b'/' | b'\\' | b'%' | 0..=0x1f | 0x7f => return None,
            _ if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') => {
                out.push(char::from(byte));
            }
            _ => {
                out.push('%');
                out.push_str(&digits.to_ascii_uppercase());
            }
        }
        rest = after.get(2..)?;
    }
    out.push_str(rest);
    Some(out)
}

#[cfg(test)]
mod tests;
