//! Packed bodies, whole and broken, in pieces of every size, at the limit and one past it.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderValue;

use super::*;

/// `hello`, and a megabyte of zeros, packed by another implementation of br.
const BROTLI_HELLO: &[u8] = b"\x0b\x02\x80hello\x03";
const BROTLI_BOMB: &[u8] = b"\x5b\xff\xff\x8f\x7f\x02\x20\x1e\x0b\x04\x72\xef\x1f\x00";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn decode(
    encoding: Encoding,
    packed: &[u8],
    piece_bytes: usize,
    bytes_max: usize,
) -> Result<Bytes, DecodeError> {
    let mut decoder = Decoder::new(encoding, bytes_max);
    for piece in packed.chunks(piece_bytes) {
        decoder.push(Bytes::copy_from_slice(piece))?;
    }
    decoder.finish()
}

#[track_caller]
fn check(
    encoding: Encoding,
    packed: &[u8],
    bytes_max: usize,
    expected: Result<&[u8], DecodeError>,
) {
    for piece_bytes in [1, 2, 7, 1 << 20] {
        let actual = decode(encoding, packed, piece_bytes, bytes_max);
        assert_eq!(actual.as_deref().map_err(|error| *error), expected, "by {piece_bytes}");
    }
}

#[test]
fn what_is_not_what_it_says_is_garbled() {
    let packed = gzip(b"hello");
    let cut = packed.split_last().unwrap().1;
    let mut flipped = packed.clone();
    flipped[12] ^= 0x40;
    let trailing = [&packed[..], b"more"].concat();
    for broken in [b"hello" as &[u8], cut, &flipped, &trailing, &packed[..4]] {
        check(Encoding::Gzip, broken, 100, Err(DecodeError::Garbled));
    }
    let cut = BROTLI_HELLO.split_last().unwrap().1;
    for broken in [b"\xff\xff\xff\xff" as &[u8], cut, &BROTLI_HELLO[..3]] {
        check(Encoding::Brotli, broken, 100, Err(DecodeError::Garbled));
    }
}

#[test]
fn the_limit_counts_what_comes_out() {
    for (encoding, packed) in [
        (Encoding::Identity, b"hello".to_vec()),
        (Encoding::Gzip, gzip(b"hello")),
        (Encoding::Brotli, BROTLI_HELLO.to_vec()),
    ] {
        check(encoding, &packed, 4, Err(DecodeError::TooLarge));
        check(encoding, &packed, 5, Ok(b"hello"));
    }
    check(Encoding::Gzip, &gzip(&vec![0; 1 << 20]), 1000, Err(DecodeError::TooLarge));
    check(Encoding::Brotli, BROTLI_BOMB, 1000, Err(DecodeError::TooLarge));
    assert_eq!(decode(Encoding::Brotli, BROTLI_BOMB, 1, 1 << 20).unwrap().len(), 1 << 20);
}

#[test]
fn several_gzip_members_are_one_body() {
    check(Encoding::Gzip, &[gzip(b"hel"), gzip(b"lo")].concat(), 100, Ok(b"hello"));
}

#[test]
fn one_known_encoding_is_understood() {
    for (values, expected) in [
        (&["deflate"][..], None),
        (&["zstd"], None),
        (&["gzip, br"], None),
        (&["gzip", "gzip"], None),
        (&["gzip", ""], None),
        (&["g\u{fc}zip"], None),
        (&[], Some(Encoding::Identity)),
        (&[""], Some(Encoding::Identity)),
        (&["identity"], Some(Encoding::Identity)),
        (&["GZip"], Some(Encoding::Gzip)),
        (&["x-gzip"], Some(Encoding::Gzip)),
        (&["br"], Some(Encoding::Brotli)),
    ] {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(CONTENT_ENCODING, HeaderValue::from_str(value).unwrap());
        }
        assert_eq!(Encoding::of(&headers), expected, "{values:?}");
    }
}
