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
        check_text(&bytes)?;
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

/// Refuses what no browser sends, and what the reader of forms would take for something else: a `%`
/// without two digits is kept by it as it stands, and bytes that are no text become other letters.
fn check_text(form: &[u8]) -> Result<(), ApiError> {
    // Of a form, which may hold a secret, letters beyond ASCII alone are copied.
    let (mut letters, mut rest) = (Vec::new(), form);
    while let Some((byte, behind)) = rest.split_first() {
        let (byte, behind) = match (byte, behind) {
            (b'%', [high, low, behind @ ..]) => match hexadecimal(*high).zip(hexadecimal(*low)) {
                Some((high, low)) => ((high << 4) | low, behind),
                None => return Err(ApiError::invalid(BAD_PERCENT)),
            },
            (b'%', _) => return Err(ApiError::invalid(BAD_PERCENT)),
            (byte, behind) => (*byte, behind),
        };
        rest = behind;
        if !byte.is_ascii() {
            letters.push(byte);
        } else if std::str::from_utf8(&letters).is_ok() {
            letters.clear();
        } else {
            break;
        }
    }
    match std::str::from_utf8(&letters) {
        Ok(_) => Ok(()),
        Err(_) => Err(ApiError::invalid("the form holds bytes that are no UTF-8 text")),
    }
}

const BAD_PERCENT: &str = "the form is not written as browsers write it: it has a % without two \
                           hexadecimal digits behind it (a % itself is %25)";

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
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
    fn forms_are_text_as_browsers_write_it() {
        for form in ["", "value=abc", "value=a+b%25%0d%C3%BC%E2%82%AC&b=%00", "value=sch\u{fc}ssel"]
        {
            assert!(check_text(form.as_bytes()).is_ok(), "{form}");
        }
        for form in ["value=abc%zz", "value=abc%", "value=abc%4", "value=%+1", "%-1=x"] {
            assert!(check_text(form.as_bytes()).is_err(), "{form}");
        }
        for form in ["value=%ff%fe", "value=%C3", "value=%C3a%BC", "value=%ED%A0%80"] {
            assert!(check_text(form.as_bytes()).is_err(), "{form}");
        }
        assert!(check_text(b"value=\xff").is_err());
    }

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
