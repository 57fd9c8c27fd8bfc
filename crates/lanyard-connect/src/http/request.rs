//! Builds the request that goes out: what was given, `Host`, `Content-Length` and, unless given,
//! `Accept-Encoding`. Everything is checked again here, whoever rendered it: a line break that came
//! this far would be a second request.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use http::uri::{Parts, PathAndQuery, Scheme as HttpScheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use http_body_util::Full;
use lanyard_core::{Failure, Origin, Principal, ServerName, TenantName};

use super::address::PrivateAllowance;
use super::connection::Outgoing;

/// Whose connections a request uses. Nothing is shared between two keys: no connection, no TLS
/// session.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PoolKey {
    /// The wall.
    pub tenant: TenantName,
    /// The server.
    pub server: ServerName,
    /// Whose call it is, where callers have credentials of their own; `None` where all of them
    /// share the server's.
    pub principal: Option<Principal>,
    /// Which state of that user's own credentials; 0 without any.
    pub credential: u64,
}

/// One request, rendered and armed.
#[derive(Clone)]
pub struct UpstreamRequest<'a> {
    /// Whose connections to use.
    pub pool: &'a PoolKey,
    /// Where it goes.
    pub origin: &'a Origin,
    /// The method.
    pub method: &'a str,
    /// Path and query, encoded, beginning with `/`.
    pub target: &'a str,
    /// The headers to send.
    pub headers: &'a [(String, String)],
    /// The body, empty for none.
    pub body: Bytes,
    /// Time for all of it: look-up, connection, request, answer.
    pub deadline: Duration,
    /// Which names may lead to private addresses.
    pub private: &'a PrivateAllowance,
}

/// A target, a header value and the body may hold a credential, so only sizes are shown.
impl fmt::Debug for UpstreamRequest<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("UpstreamRequest")
            .field("pool", self.pool)
            .field("origin", self.origin)
            .field("method", &self.method)
            .field("target_bytes", &self.target.len())
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// The encodings that [`super::decode`] undoes.
pub(super) const PACKED: HeaderValue = HeaderValue::from_static("gzip, br");

/// No encoding, for what is read as it comes: a packer holds back what it has not filled yet.
pub(super) const PLAIN: HeaderValue = HeaderValue::from_static("identity");

/// Headers that speak about the connection and not about the request (RFC 9110, 7.6.1), and
/// `Expect`, which asks the server to wait for what this connector sends at once.
const OF_THE_CONNECTION: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
    EXPECT,
];

/// What every version of HTTP sends: checked once, written for the version of the connection.
pub(super) struct Prepared {
    method: Method,
    target: PathAndQuery,
    headers: HeaderMap,
    body: Bytes,
}

impl Prepared {
    /// Checks a request. The encodings are those that are asked for unless it says others.
    pub(super) fn new(
        request: &UpstreamRequest<'_>,
        encodings: HeaderValue,
    ) -> Result<Self, Failure> {
        let method = method(request.method)?;
        let target = target(request.target)?;
        let authority = request.origin.authority();
        let length = request.body.len();
        let mut headers = HeaderMap::with_capacity(request.headers.len().saturating_add(3));
        for (name, value) in request.headers {
            let (name, value) = header(name, value)?;
            if name == HOST {
                same(&name, value.as_bytes(), authority.as_bytes())?;
            } else if name == CONTENT_LENGTH {
                same(&name, value.as_bytes(), length.to_string().as_bytes())?;
            } else {
                headers.append(name, value);
            }
        }
        let authority = HeaderValue::try_from(authority).map_err(|_| unbuildable("its host"))?;
        headers.insert(HOST, authority);
        if length > 0 || matches!(method, Method::POST | Method::PUT | Method::PATCH) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        headers.entry(ACCEPT_ENCODING).or_insert(encodings);
        Ok(Self { method, target, headers, body: request.body.clone() })
    }
}

impl Prepared {
    /// Writes the request for a connection of one version of HTTP: HTTP/2 wants the whole URL and
    /// makes `:authority` of it, HTTP/1.1 the target alone beside `Host`.
    pub(super) fn write(mut self, origin: &Origin, http2: bool) -> Result<Outgoing, Failure> {
        let mut parts = Parts::default();
        parts.path_and_query = Some(self.target);
        if http2 {
            self.headers.remove(HOST);
            parts.scheme = Some(HttpScheme::HTTPS);
            parts.authority = origin.authority().parse().ok();
        }
        let uri = Uri::from_parts(parts).map_err(|_| unbuildable("its URL is not valid"))?;
        let mut outgoing = Outgoing::new(Full::new(self.body));
        *outgoing.method_mut() = self.method;
        *outgoing.uri_mut() = uri;
        *outgoing.headers_mut() = self.headers;
        Ok(outgoing)
    }
}

fn method(name: &str) -> Result<Method, Failure> {
    match Method::from_bytes(name.as_bytes()) {
        // CONNECT asks for a tunnel, and its answer is no answer.
        Ok(Method::CONNECT) | Err(_) => Err(unbuildable("its method is not one that can be sent")),
        Ok(method) => Ok(method),
    }
}

fn target(text: &str) -> Result<PathAndQuery, Failure> {
    // A second slash at the beginning is a part of the path: where the request goes was decided
    // by the origin, and the target is never read as a URL.
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    match PathAndQuery::try_from(text) {
        Ok(target) if visible && text.starts_with('/') => Ok(target),
        Ok(_) | Err(_) => Err(unbuildable("its path or query is not encoded, or too long")),
    }
}

fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Failure> {
    // Only the name is told: it comes from the definition, and the value may be a credential.
    let named = || name.chars().take(80).filter(|c| c.is_ascii_graphic()).collect::<String>();
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| unbuildable(&format!("`{}` is no header name", named())))?;
    if OF_THE_CONNECTION.contains(&parsed) {
        let problem = format!("the header `{parsed}` belongs to the connection and cannot be set");
        return Err(unbuildable(&problem));
    }
    let mut value = HeaderValue::from_bytes(value.trim_matches([' ', '\t']).as_bytes())
        .map_err(|_| unbuildable(&format!("the header `{parsed}` holds a control character")))?;
    // Never kept in a compression table of HTTP/2, never shown by `Debug`.
    value.set_sensitive(true);
    Ok((parsed, value))
}

/// What the connector writes itself may be given, but not differently.
fn same(name: &HeaderName, given: &[u8], own: &[u8]) -> Result<(), Failure> {
    if given.eq_ignore_ascii_case(own) {
        Ok(())
    } else {
        Err(unbuildable(&format!("the header `{name}` does not fit the request")))
    }
}

fn unbuildable(problem: &str) -> Failure {
    Failure::RequestUnbuildable { problem: problem.to_owned() }
}
