//! Endpoints, and which of them are refused.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;

fn resolved(target: &str, data: &str) -> String {
    let origin = Origin::parse("https://mcp.example.com:8443").unwrap();
    match resolve(&origin, target, data.as_bytes()) {
        Ok(endpoint) => endpoint,
        Err(failure) => failure.to_string(),
    }
}

#[track_caller]
fn check(target: &str, data: &str, expected: Expect) {
    expected.assert_eq(&resolved(target, data));
}

#[test]
fn an_endpoint_at_another_origin_is_refused() {
    let refused = "the server's answer cannot be used: its endpoint is at another origin";
    for data in [
        "https://evil.example.com:8443/messages",
        "http://mcp.example.com:8443/messages",
        "https://mcp.example.com/messages",
        "https://mcp.example.com:8443@evil.example.com/messages",
        "https://user:password@mcp.example.com:8443/messages",
        "//evil.example.com/messages",
        "///messages",
        "file:///etc/passwd",
        "https:messages",
        "data:text/plain,x",
    ] {
        assert_eq!(resolved("/sse", data), refused);
    }
}

#[test]
fn what_is_no_uri_is_refused() {
    let refused = "the server's answer cannot be used: its endpoint is no URI";
    for data in ["", " ", "#x", "/a b", "/a\r\nHost: b", "/\u{e9}", "/\\evil.example.com", "\\\\b"]
    {
        assert_eq!(resolved("/sse", data), refused);
    }
    let origin = Origin::parse("https://mcp.example.com:8443").unwrap();
    resolve(&origin, "/sse", b"/\xff").unwrap_err();
}

#[test]
fn a_reference_is_resolved_against_the_stream() {
    check("/sse", "/messages?session=1", expect!["/messages?session=1"]);
    check("/a/sse?key=x", "messages/?session=1", expect!["/a/messages/?session=1"]);
    check("/a/sse?key=x", "?session=1", expect!["/a/sse?session=1"]);
    check("/a/b/sse", "../messages", expect!["/a/messages"]);
    check("/a/b/sse", "../../../../messages/.", expect!["/messages/"]);
    check("/a/b/sse", "./x/../y/..", expect!["/a/b/"]);
    check("/a/sse", "  /messages#part  ", expect!["/messages"]);
    check(
        "/a/sse",
        "x:y",
        expect!["the server's answer cannot be used: its endpoint is at another origin"],
    );
    check("/a/sse", "./x:y?a:b", expect!["/a/x:y?a:b"]);
    check("/a/sse", "/b?x=https://other.example.com", expect!["/b?x=https://other.example.com"]);
}

#[test]
fn the_same_origin_may_be_written_out() {
    check("/sse", "https://mcp.example.com:8443/messages?a=b", expect!["/messages?a=b"]);
    check("/sse", "HTTPS://MCP.example.COM:8443/messages", expect!["/messages"]);
    check("/sse", "https://mcp.example.com:8443", expect!["/"]);
    check("/sse", "https://mcp.example.com:8443?a=b", expect!["/?a=b"]);
    check("/sse", "//mcp.example.com:8443/messages", expect!["/messages"]);
}

proptest! {
    #[test]
    fn an_endpoint_is_a_path_without_dots_or_nothing(
        target in "/[a-z/.]{0,12}",
        data in "[a-z/.:?#@\\\\ %]{0,24}",
    ) {
        let origin = Origin::parse("https://mcp.example.com:8443").unwrap();
        if let Ok(endpoint) = resolve(&origin, &target, data.as_bytes()) {
            prop_assert!(endpoint.starts_with('/'), "{endpoint}");
            let (path, _) = split_query(&endpoint);
            prop_assert!(!path.split('/').any(|segment| matches!(segment, "." | "..")), "{endpoint}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic(data in proptest::collection::vec(any::<u8>(), 0..64)) {
        let origin = Origin::parse("https://mcp.example.com:8443").unwrap();
        drop(resolve(&origin, "/sse?a=b", &data));
    }
}
