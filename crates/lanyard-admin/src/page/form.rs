//! Forms: where they come from, and what they say.

use axum::body::to_bytes;
use axum::extract::{Form as Read, FromRequest, FromRequestParts, Request};
use http::header::{CONTENT_TYPE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use lanyard_core::Peer;
use serde::de::DeserializeOwned;

use super::PageError;
use crate::Admin;
use crate::asked::AskedQuery;
use crate::error::ApiError;

/// The largest form, in bytes.
const FORM_BYTES_MAX: usize = 64 << 10;

/// What a browser sends beside what it asks for.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) headers: HeaderMap,
    pub(crate) peer: Peer,
}

impl FromRequestParts<Admin> for Visit {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, _: &Admin) -> Result<Self, PageError> {
        let peer = *parts.extensions.get::<Peer>().ok_or_else(ApiError::unauthorized)?;
        Ok(Self { headers: parts.headers.clone(), peer })
    }
}

impl Visit {
    /// The value of a header that stands there once.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        one(&self.headers, name)
    }
}

/// What the address of a page says.
#[derive(Debug)]
pub(crate) struct PageQuery<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Admin> for PageQuery<T> {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, PageError> {
        Ok(Self(AskedQuery::from_request_parts(parts, admin).await?.0))
    }
}

/// A form that a page of this very origin sent: the same name and the same port. To a browser all
/// ports of a machine are one site, and on another one may be anybody's page, an agent's too.
#[derive(Debug)]
pub(crate) struct Form<T, const BYTES_MAX: usize = FORM_BYTES_MAX>(pub(crate) T);

impl<T: DeserializeOwned, const BYTES_MAX: usize> FromRequest<Admin> for Form<T, BYTES_MAX> {
    type Rejection = PageError;

    async fn from_request(request: Request, admin: &Admin) -> Result<Self, PageError> {
        if !is_own(request.headers()) {
            let error = ApiError::forbidden(
                "this form was not sent by a page of the console: open the console by the address \
                 it is reached at, and try again",
            );
            return Err(error.into());
        }
        let kind = request.headers().get(CONTENT_TYPE).cloned();
        // No more of it is read than a form has: whoever sends one need not be signed in.
        let bytes = to_bytes(request.into_body(), BYTES_MAX).await;
        let bytes = bytes
            .map_err(|_| ApiError::invalid("the form is too large or did not arrive whole"))?;
        let mut again = Request::new(bytes.into());
        *again.method_mut() = http::Method::POST;
        if let Some(kind) = kind {
            again.headers_mut().insert(CONTENT_TYPE, kind);
        }
        let read = Read::<T>::from_request(again, admin).await;
        // The answer repeats nothing of a form: a field may be a token.
        read.map(|Read(form)| Self(form))
            .map_err(|_| ApiError::invalid("the form is not what this page sends").into())
    }
}

/// Whether a browser says that a page of the asked origin sends this.
fn is_own(headers: &HeaderMap) -> bool {
    let Some((host, origin)) = one(headers, &HOST).zip(one(headers, &ORIGIN)) else { return false };
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
}

fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_the_same_name_and_port_send_forms() {
        let check = |host: &str, origins: &[&str]| {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            for origin in origins {
                headers.append(ORIGIN, origin.parse().unwrap());
            }
            is_own(&headers)
        };
        assert!(check("127.0.0.1:7411", &["http://127.0.0.1:7411"]));
        assert!(check("LANYARD.example", &["https://lanyard.example"]));
        for origins in [
            &[][..],
            &["null"],
            &["http://127.0.0.1:3000"],
            &["http://localhost:7411"],
            &["http://127.0.0.1"],
            &["http://evil.example:7411"],
            &["http://127.0.0.1:7411.evil.example"],
            &["http://127.0.0.1:7411", "http://127.0.0.1:7411"],
        ] {
            assert!(!check("127.0.0.1:7411", origins), "{origins:?}");
        }
    }
}
