//! Reads an answer: its head into plain texts, its body decoded and within the limit.

use std::fmt;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use lanyard_core::{Failure, Limits};

use super::decode::{DecodeError, Decoder, Encoding};
use super::fault::{Fault, unusable};

/// What the server answered, whatever its status: a redirect is an answer too and is not followed.
pub struct UpstreamAnswer {
    /// The status, 200 to 999.
    pub status: u16,
    /// The headers as they came, names in lower case. Where the body was unpacked, the headers
    /// that described the packed one (`content-encoding`, `content-length`) are left out.
    pub headers: Vec<(String, String)>,
    /// The whole body, unpacked.
    pub body: Bytes,
}

/// Header values and the body may hold what is nobody's business, so only their sizes are shown.
impl fmt::Debug for UpstreamAnswer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, headers, body } = self;
        formatter
            .debug_struct("UpstreamAnswer")
            .field("status", status)
            .field("headers", &headers.len())
            .field("body_bytes", &body.len())
            .finish()
    }
}

/// Reads the whole answer. Trailers are left out.
pub(super) async fn read(
    response: Response<Incoming>,
    limits: &Limits,
) -> Result<UpstreamAnswer, Fault> {
    let (head, mut body) = response.into_parts();
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(unusable("it changes to another protocol, which was not asked for"));
    }
    let bytes_max = Limits::size(limits.answer_bytes_max);
    // An answer without a body (to HEAD, or 204) may still name an encoding.
    let encoding = if body.is_end_stream() {
        Encoding::Identity
    } else {
        Encoding::of(&head.headers)
            .ok_or_else(|| unusable("its content encoding is not one that was offered"))?
    };
    if encoding == Encoding::Identity && body.size_hint().lower() > limits.answer_bytes_max {
        return Err(Fault::Sent(Failure::AnswerTooLarge));
    }
    let mut decoder = Decoder::new(encoding, bytes_max);
    let mut packed_bytes = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|error| Fault::of(&error))?.into_data() else { continue };
        packed_bytes = packed_bytes.saturating_add(piece.len());
        decoder.push(piece).map_err(fault)?;
    }
    // No encoding makes something out of nothing, and servers label empty bodies too.
    let body = if packed_bytes == 0 { Bytes::new() } else { decoder.finish().map_err(fault)? };
    let unpacked = encoding != Encoding::Identity;
    Ok(UpstreamAnswer {
        status: head.status.as_u16(),
        headers: texts(&head.headers, unpacked),
        body,
    })
}

fn fault(error: DecodeError) -> Fault {
    Fault::Sent(error.failure())
}

fn texts(headers: &HeaderMap, unpacked: bool) -> Vec<(String, String)> {
    headers
        .iter()
        .filter(|(name, _)| !unpacked || (*name != CONTENT_ENCODING && *name != CONTENT_LENGTH))
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect()
}
