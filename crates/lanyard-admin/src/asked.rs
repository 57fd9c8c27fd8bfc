//! What is asked, read from a request: a JSON body or a query.
//!
//! INVARIANT: the answer to what cannot be read repeats none of it. A value in the wrong place of
//! a body may be a credential.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use http::request::Parts;
use http::{StatusCode, header};
use serde::de::DeserializeOwned;

use crate::error::ApiError;
use crate::{Admin, stated};

/// A JSON body. No body at all is an empty object.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Admin> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, admin: &Admin) -> Result<Self, ApiError> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
        let json = kind.is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or_default();
            kind.trim().eq_ignore_ascii_case("application/json")
        });
        let bytes = Bytes::from_request(request, admin).await.map_err(|error| {
            ApiError::new(error.status(), "the body is too large or did not arrive whole")
        })?;
        if bytes.is_empty() {
            return read(b"{}").map(Self);
        }
        if !json {
            let message = "a body needs the header `Content-Type: application/json`";
            return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
        }
        stated::check_body(admin, &bytes).await?;
        read(&bytes).map(Self)
    }
}

pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let text = error.to_string();
        let why = match error.classify() {
            // These name fields and what they take, and no value.
            serde_json::error::Category::Data
                if ["unknown field", "missing field", "keep is"]
                    .iter()
                    .any(|begin| text.starts_with(begin)) =>
            {
                text
            }
            serde_json::error::Category::Data => format!("a value of another type at {place}"),
            serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof
            | serde_json::error::Category::Io => format!("no valid JSON at {place}"),
        };
        ApiError::invalid(format!("the body is not what this route takes: {why}"))
    })
}

/// A query.
#[derive(Debug)]
pub(crate) struct AskedQuery<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Admin> for AskedQuery<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, admin: &Admin) -> Result<Self, ApiError> {
        let read = Query::<T>::from_request_parts(parts, admin).await;
        read.map(|Query(query)| Self(query)).map_err(|_| {
            ApiError::invalid("the query is not what this route takes: an unknown name or a value of another type")
        })
    }
}

#[cfg(test)]
mod tests;
