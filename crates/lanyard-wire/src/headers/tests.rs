//! Tests of `headers`.

use proptest::prelude::*;

use super::{RoutingHeaders, VersionHeader, encode_header_value, header_value};
use crate::Version;

#[track_caller]
fn check(value: &str, expected: Option<&str>) {
    assert_eq!(header_value(value.as_bytes()).as_deref(), expected, "{value}");
}

#[test]
fn a_value_that_is_not_encoded_correctly_is_refused() {
    check("=?base64?SGVsbG8?=", None);
    check("=?base64?SGVs!!!bG8=?=", None);
    check("=?base64?SGVsbG9=?=", None);
    check("=?base64?SGVsbG8==?=", None);
    check("=?base64?SGVs bG8=?=", None);
    check("=?base64?_-8=?=", None);
    check("=?base64?/w==?=", None);
    check("=?base64?7aCA?=", None);
    check("caf\u{e9}", None);
    check("a\u{7f}", None);
    check("a\u{1}b", None);
    check("a\nb", None);
    check("a\0", None);
    assert_eq!(header_value(b"\xff"), None);
}

#[test]
fn a_value_stands_for_a_text() {
    check("", Some(""));
    check("Hello", Some("Hello"));
    check(" \t Hello world \t", Some("Hello world"));
    check("=?base64?SGVsbG8=?=", Some("Hello"));
    check("  =?base64?SGVsbG8=?=\t", Some("Hello"));
    check("=?base64??=", Some(""));
    check("=?base64?Y2Fmw6k=?=", Some("café"));
    check("=?base64?IGEg?=", Some(" a "));
    check("=?base64?PT9iYXNlNjQ/eD89?=", Some("=?base64?x?="));
    check("SGVsbG8=", Some("SGVsbG8="));
    check("=?base64?SGVsbG8=", Some("=?base64?SGVsbG8="));
    check("=?BASE64?SGVsbG8=?=", Some("=?BASE64?SGVsbG8=?="));
    check("x=?base64?SGVsbG8=?=", Some("x=?base64?SGVsbG8=?="));
    check("=?base64?=", Some("=?base64?="));
}

#[test]
fn names_are_compared_without_case() {
    let headers = RoutingHeaders::collect([
        ("MCP-METHOD", b"a".as_slice()),
        ("mcp-method", b"b"),
        ("Mcp-Param-Region", b"eu"),
        ("mcp-param-", b"x"),
        ("mcp-protocol-version", b" 2025-06-18 "),
        ("mcp-session-id", b"s-1"),
        ("mcp-names", b"no"),
        ("xmcp-name", b"no"),
        ("mc", b"no"),
        ("mcp\u{e9}-name", b"no"),
    ]);
    assert_eq!(headers.method, [b"a", b"b"]);
    assert_eq!(headers.params, [("Region", b"eu".as_slice()), ("", b"x")]);
    assert_eq!(headers.version(), Ok(VersionHeader::Known(Version::V2025_06_18)));
    assert_eq!(headers.session(), Ok(Some("s-1")));
    assert!(headers.name.is_empty());
}

#[test]
fn a_session_id_is_printable() {
    let session = |values: Vec<&'static [u8]>| {
        let headers = RoutingHeaders { session: values, ..RoutingHeaders::default() };
        headers.session().map_err(|error| (error.code, error.status))
    };
    assert_eq!(session(vec![b"a", b"a"]), Err((-32020, 400)));
    assert_eq!(session(vec![b""]), Err((-32600, 404)));
    assert_eq!(session(vec![b"a b"]), Err((-32600, 404)));
    assert_eq!(session(vec![b"a\xff"]), Err((-32020, 400)));
    assert_eq!(session(vec![]), Ok(None));
    assert_eq!(session(vec![b" a~!"]), Ok(Some("a~!")));
}

#[test]
fn a_request_without_body_may_name_a_version() {
    let named = |values: Vec<&'static [u8]>| {
        let headers = RoutingHeaders { protocol_version: values, ..RoutingHeaders::default() };
        headers.named_version().map_err(|error| (error.code, error.status))
    };
    assert_eq!(named(vec![b"1.0"]), Err((-32022, 400)));
    assert_eq!(named(vec![b""]), Err((-32022, 400)));
    assert_eq!(named(vec![b"2025-06-18", b"2025-06-18"]), Err((-32020, 400)));
    assert_eq!(named(vec![]), Ok(None));
    assert_eq!(named(vec![b"2026-07-28 "]), Ok(Some(Version::V2026_07_28)));
}

#[test]
fn a_value_is_encoded_where_it_must_be() {
    for (text, expected) in [
        ("", ""),
        ("plain text", "plain text"),
        ("=?base64?x", "=?base64?x"),
        ("=?BASE64?x?=", "=?BASE64?x?="),
        ("=?base64?x?=", "=?base64?PT9iYXNlNjQ/eD89?="),
        (" a", "=?base64?IGE=?="),
        ("a ", "=?base64?YSA=?="),
        ("a\tb", "=?base64?YQli?="),
        ("a\r\nb", "=?base64?YQ0KYg==?="),
        ("é", "=?base64?w6k=?="),
    ] {
        assert_eq!(encode_header_value(text), expected, "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_encoded_is_read_back(text in "(=\\?base64\\?)?[ -~\t\né]{0,8}(\\?=)?") {
        let value = encode_header_value(&text);
        prop_assert!(value.bytes().all(|byte| matches!(byte, b' '..=b'~')));
        let read = header_value(value.as_bytes());
        prop_assert_eq!(read.as_deref(), Some(text.as_str()));
    }
}
