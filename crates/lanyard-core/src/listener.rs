//! Which `Host` and `Origin` headers a listener accepts: the defence against DNS rebinding.
//!
//! A web page can make a browser send requests to 127.0.0.1, and, by rebinding a name of its
//! own to 127.0.0.1, read the answers. Such a request carries the page's host in `Host` and the
//! page's origin in `Origin`. So a listener answers only for the hosts it is known by, and only
//! to pages of origins that were named.

use crate::{Denial, Origin};

/// What one listener is known by.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Whether the listener is reachable from this machine alone; then `localhost` and loopback
    /// addresses are its names, with any port (a port may be forwarded).
    pub loopback: bool,
    /// Hosts that `--public-url` gives, as a `Host` header writes them.
    pub hosts: Vec<String>,
    /// Origins of web pages that may call: `--allow-origin` and the public URL's own.
    pub origins: Vec<Origin>,
}

impl Known {
    /// Checks every `Host` header (in HTTP/2 there is the authority of the request instead) and
    /// every `Origin` header of a request.
    pub fn check<'a>(
        &self,
        authority: Option<&str>,
        mut hosts: impl Iterator<Item = &'a [u8]>,
        mut origins: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), Denial> {
        let header = hosts.next().map(|host| std::str::from_utf8(host).unwrap_or(""));
        let host = match (authority, header) {
            (Some(authority), Some(header)) if authority != header => None,
            (Some(host), _) | (None, Some(host)) => Some(host),
            (None, None) => None,
        };
        if hosts.next().is_some() || !host.is_some_and(|host| self.knows_host(host)) {
            return Err(Denial::HostForeign);
        }
        let known = |origin: &[u8]| {
            std::str::from_utf8(origin).is_ok_and(|origin| self.knows_origin(origin))
        };
        if origins.all(known) { Ok(()) } else { Err(Denial::OriginForeign) }
    }

    fn knows_host(&self, host: &str) -> bool {
        if self.hosts.iter().any(|known| known.eq_ignore_ascii_case(host)) {
            return true;
        }
        // The host is read as the authority of a URL, so that it has one normal form.
        self.loopback
            && Origin::parse(&format!("http://{host}")).is_ok_and(|origin| origin.is_loopback())
    }

    fn knows_origin(&self, origin: &str) -> bool {
        Origin::parse(origin).is_ok_and(|origin| {
            self.origins.contains(&origin) || (self.loopback && origin.is_loopback())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Known;
    use crate::Origin;

    #[track_caller]
    fn check(known: &Known, host: &str, origin: Option<&str>, expected: &str) {
        let hosts = [host.as_bytes()].into_iter();
        let origins = origin.iter().map(|origin| origin.as_bytes());
        let checked = known.check(None, hosts, origins);
        let actual = checked.map_or_else(|denial| denial.code(), |()| "ok");
        assert_eq!(actual, expected, "{host} {origin:?}");
    }

    #[test]
    fn one_host_and_no_other() {
        let known = Known { loopback: true, ..Known::default() };
        let none = || std::iter::empty::<&[u8]>();
        let two = [b"localhost".as_slice(), b"localhost"].into_iter();
        assert!(known.check(None, two, none()).is_err());
        assert!(known.check(None, none(), none()).is_err());
        assert!(known.check(Some("localhost"), [b"evil".as_slice()].into_iter(), none()).is_err());
        assert!(known.check(Some("localhost"), none(), none()).is_ok());
    }

    #[test]
    fn a_loopback_listener_answers_to_its_own_names_only() {
        let known = Known { loopback: true, ..Known::default() };
        for host in [
            "evil.com",
            "evil.com:7410",
            "127.0.0.1.evil.com",
            "localhost.evil.com",
            "",
            "10.0.0.1",
        ] {
            check(&known, host, None, "host_foreign");
        }
        check(&known, "localhost:7410", Some("https://evil.com"), "origin_foreign");
        check(&known, "localhost:7410", Some("null"), "origin_foreign");
        check(&known, "localhost:7410", Some("http://localhost.evil.com"), "origin_foreign");
        check(&known, "localhost:7410", Some("http://localhost:3000"), "ok");
        for host in ["localhost", "LOCALHOST:1", "127.0.0.1:7410", "[::1]:7410", "127.9.9.9"] {
            check(&known, host, None, "ok");
        }
    }

    #[test]
    fn a_public_listener_answers_to_its_public_url() {
        let known = Known {
            loopback: false,
            hosts: vec!["mcp.example.com".to_owned()],
            origins: vec![Origin::parse("https://app.example.com").unwrap()],
        };
        check(&known, "localhost", None, "host_foreign");
        check(&known, "mcp.example.com", Some("https://mcp.example.com"), "origin_foreign");
        check(&known, "mcp.example.com", Some("https://app.example.com"), "ok");
        check(&known, "MCP.example.com", None, "ok");
    }
}
