//! Writes an HTTP request to an endpoint. Pure.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body_util::Full;

use super::{ClientError, Endpoint};

/// A request with the endpoint's headers and these.
pub(super) fn request(
    endpoint: &Endpoint,
    method: Method,
    body: Bytes,
    headers: &HeaderMap,
) -> Result<Request<Full<Bytes>>, ClientError> {
    let unsendable = |_| ClientError::Unsendable("the endpoint's path is not valid".to_owned());
    let mut request = Request::builder()
        .method(method)
        .uri(endpoint.path())
        .body(Full::new(body))
        .map_err(unsendable)?;
    let sent = request.headers_mut();
    sent.extend(endpoint.headers().iter().cloned());
    sent.extend(headers.clone());
    let host = HeaderValue::from_str(&endpoint.authority())
        .map_err(|_| ClientError::Unsendable("the endpoint's host is not valid".to_owned()))?;
    sent.insert(HOST, host);
    sent.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
    sent.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let agent = HeaderValue::from_static(concat!("lanyard/", env!("CARGO_PKG_VERSION")));
    sent.insert(USER_AGENT, agent);
    Ok(request)
}
