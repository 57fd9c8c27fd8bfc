//! Where an MCP endpoint is, and with which credentials it is asked.

use std::fmt;
use std::path::PathBuf;

use http::{HeaderName, HeaderValue};
use lanyard_core::Origin;

use super::ClientError;

/// What a Unix-socket address starts with.
const UNIX_PREFIX: &str = "unix:";

/// An address, a path and the headers that every request carries.
#[derive(Clone)]
pub(crate) struct Endpoint {
    place: Place,
    path: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The credentials inside `headers`, for masking.
    credentials: Vec<String>,
}

/// What a connection is opened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A host and port, with or without TLS.
    Host(Origin),
    /// A socket of this machine.
    Socket(PathBuf),
}

impl Endpoint {
    /// Reads `http://host/path`, `https://host/path` or `unix:/path/of.sock`.
    pub(crate) fn parse(url: &str) -> Result<Self, ClientError> {
        if let Some(socket) = url.strip_prefix(UNIX_PREFIX) {
            let socket = socket.strip_prefix("//").unwrap_or(socket);
            if !socket.starts_with('/') {
                let problem = format!("{UNIX_PREFIX} is followed by an absolute path");
                return Err(ClientError::Unsendable(problem));
            }
            return Ok(Self::new(Place::Socket(PathBuf::from(socket)), "/"));
        }
        let (origin, rest) = Origin::split_url(url.trim())
            .map_err(|problem| ClientError::Unsendable(format!("not a usable URL: {problem}")))?;
        let rest = rest.split('#').next().unwrap_or("");
        let path = if rest.starts_with('/') { rest.to_owned() } else { format!("/{rest}") };
        Ok(Self::new(Place::Host(origin), &path))
    }

    fn new(place: Place, path: &str) -> Self {
        Self { place, path: path.to_owned(), headers: Vec::new(), credentials: Vec::new() }
    }

    /// The same address and credentials with another path.
    #[must_use]
    pub(crate) fn with_path(&self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self.clone() }
    }

    /// The endpoint with a bearer token on every request.
    pub(crate) fn with_bearer(self, token: &str) -> Result<Self, ClientError> {
        self.with_header("authorization", &format!("Bearer {token}"))
    }

    /// The endpoint with one more header on every request. Its value counts as a credential.
    pub(crate) fn with_header(mut self, name: &str, value: &str) -> Result<Self, ClientError> {
        let unsendable = || ClientError::Unsendable(format!("header {name} cannot be sent"));
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unsendable())?;
        let mut sent = HeaderValue::from_str(value).map_err(|_| unsendable())?;
        sent.set_sensitive(true);
        self.headers.retain(|(present, _)| *present != header);
        self.headers.push((header, sent));
        // A peer may echo the credential with or without its scheme. Short values are no
        // credentials, and masking them would only garble a text.
        let bare = value.split_once(' ').map_or(value, |(_scheme, bare)| bare);
        self.credentials
            .extend([value, bare].iter().filter(|it| it.len() >= 8).map(|it| (*it).into()));
        Ok(self)
    }

    /// Whether the path is empty: the address of a gateway rather than of one server.
    pub(crate) fn is_base(&self) -> bool {
        self.path == "/"
    }

    /// The path with its query.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// A text of a peer without the credentials that it was shown.
    pub(crate) fn mask(&self, text: &str) -> String {
        self.credentials
            .iter()
            .fold(text.to_owned(), |text, hidden| text.replace(hidden, "[masked]"))
    }

    /// Where the connection goes, for messages.
    pub(crate) fn place_text(&self) -> String {
        match &self.place {
            Place::Host(origin) => origin.to_string(),
            Place::Socket(path) => format!("{UNIX_PREFIX}{}", path.display()),
        }
    }

    /// The host, where there is one.
    pub(crate) fn host(&self) -> Option<&str> {
        match &self.place {
            Place::Host(origin) => Some(origin.host()),
            Place::Socket(_) => None,
        }
    }

    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// The `Host` header.
    pub(super) fn authority(&self) -> String {
        match &self.place {
            Place::Host(origin) => origin.authority(),
            Place::Socket(_) => "localhost".to_owned(),
        }
    }

    pub(super) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }
}

/// The endpoint as `list` shows it: `HTTP https://host/path`, a query masked.
impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.place_text();
        match self.path.split_once('?') {
            None if self.is_base() => write!(formatter, "HTTP {place}/"),
            None => write!(formatter, "HTTP {place}{}", self.path),
            // Some services take their key in the query.
            Some((path, _query)) => write!(formatter, "HTTP {place}{path}?****"),
        }
    }
}

/// Names of headers only: values are credentials.
impl fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers = self.headers.iter().map(|(name, _value)| name.as_str()).collect::<Vec<_>>();
        write!(formatter, "Endpoint({self}, headers {headers:?})")
    }
}
