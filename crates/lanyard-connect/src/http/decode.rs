//! Takes an answer's body apart as it arrives: undoes gzip and br, and stops at the size limit, which
//! counts the bytes that come out. So a small body that swells into a large one is cut off early.

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;
use lanyard_core::Failure;

/// Buffer between the br decoder and the body.
const BROTLI_BUFFER_BYTES: usize = 16 << 10;

/// How a body is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// As it is.
    Identity,
    /// gzip, RFC 1952.
    Gzip,
    /// br, RFC 7932.
    Brotli,
}

impl Encoding {
    /// What the headers of an answer say; `None` when it is something else, or several at once.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        let Some(value) = values.next() else { return Some(Self::Identity) };
        if values.next().is_some() {
            return None;
        }
        let value = value.to_str().ok()?.trim();
        let is = |name: &str| value.eq_ignore_ascii_case(name);
        if value.is_empty() || is("identity") {
            Some(Self::Identity)
        } else if is("gzip") || is("x-gzip") {
            Some(Self::Gzip)
        } else if is("br") {
            Some(Self::Brotli)
        } else {
            None
        }
    }
}

/// Why a body cannot be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DecodeError {
    /// It passed the limit.
    TooLarge,
    /// It is not what its encoding says, or it ends too early.
    Garbled,
}

impl DecodeError {
    /// The same, in the words of `lanyard-core`.
    pub(super) fn failure(self) -> Failure {
        match self {
            Self::TooLarge => Failure::AnswerTooLarge,
            Self::Garbled => {
                let problem = "its body is not what its content encoding says".to_owned();
                Failure::AnswerUnusable { problem }
            }
        }
    }
}

/// A body on its way in.
pub(super) enum Decoder {
    /// Nothing yet, or one piece that needs no copy.
    Whole(Bytes, usize),
    Pieces(Limited),
    Gzip(Box<MultiGzDecoder<Limited>>),
    Brotli(Box<DecompressorWriter<Limited>>),
}

impl Decoder {
    pub(super) fn new(encoding: Encoding, bytes_max: usize) -> Self {
        let limited = Limited { bytes: Vec::new(), bytes_max, passed: false };
        match encoding {
            Encoding::Identity => Self::Whole(Bytes::new(), bytes_max),
            Encoding::Gzip => Self::Gzip(Box::new(MultiGzDecoder::new(limited))),
            Encoding::Brotli => {
                Self::Brotli(Box::new(DecompressorWriter::new(limited, BROTLI_BUFFER_BYTES)))
            }
        }
    }

    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: Bytes) -> Result<(), DecodeError> {
        let (written, passed) = match self {
            Self::Whole(first, bytes_max) if first.is_empty() && piece.len() <= *bytes_max => {
                *first = piece;
                return Ok(());
            }
            Self::Whole(first, bytes_max) => {
                let mut pieces =
                    Limited { bytes: first.to_vec(), bytes_max: *bytes_max, passed: false };
                let written = pieces.write_all(&piece);
                let passed = pieces.passed;
                *self = Self::Pieces(pieces);
                (written, passed)
            }
            Self::Pieces(pieces) => (pieces.write_all(&piece), pieces.passed),
            Self::Gzip(decoder) => (decoder.write_all(&piece), decoder.get_ref().passed),
            Self::Brotli(decoder) => (decoder.write_all(&piece), decoder.get_ref().passed),
        };
        judge(written, passed)
    }

    /// The whole body, if it came to its proper end.
    pub(super) fn finish(self) -> Result<Bytes, DecodeError> {
        match self {
            Self::Whole(bytes, _) => Ok(bytes),
            Self::Pieces(pieces) => Ok(pieces.bytes.into()),
            Self::Gzip(mut decoder) => {
                let written = decoder.try_finish();
                judge(written, decoder.get_ref().passed)?;
                Ok(std::mem::take(&mut decoder.get_mut().bytes).into())
            }
            Self::Brotli(mut decoder) => {
                let written = decoder.close();
                judge(written, decoder.get_ref().passed)?;
                Ok(std::mem::take(&mut decoder.get_mut().bytes).into())
            }
        }
    }
}

fn judge(written: io::Result<()>, passed: bool) -> Result<(), DecodeError> {
    match written {
        Ok(()) if !passed => Ok(()),
        Ok(()) | Err(_) if passed => Err(DecodeError::TooLarge),
        Ok(()) | Err(_) => Err(DecodeError::Garbled),
    }
}

/// Bytes up to a limit.
pub(super) struct Limited {
    bytes: Vec<u8>,
    bytes_max: usize,
    /// Whether more came than fits.
    passed: bool,
}

impl Write for Limited {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if piece.len() > self.bytes_max.saturating_sub(self.bytes.len()) {
            self.passed = true;
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
