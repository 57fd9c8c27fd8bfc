//! What heads and refusals mean.

use expect_test::{Expect, expect};

use super::*;

#[test]
fn headers_of_the_protocol_are_ours() {
    for name in ["Accept", "content-TYPE", "mcp-session-id", "Mcp-Param-Region", "last-event-id"] {
        assert!(is_protocol(name), "{name}");
    }
    for name in ["authorization", "mcp-key", "x-mcp-session-id", "acceptance"] {
        assert!(!is_protocol(name), "{name}");
    }
}

#[test]
fn a_status_means_what_it_means_with_and_without_session() {
    let told = |status, in_session| refusal(status, in_session).to_string();
    let check = |status, expected: Expect| {
        expected.assert_eq(&format!("{} | {}", told(status, false), told(status, true)));
    };
    check(
        302,
        expect![
            "the server answered with a redirect, which is not followed | the server answered with a redirect, which is not followed"
        ],
    );
    check(
        401,
        expect![
            "the server refused the credential with HTTP status 401 | the server refused the credential with HTTP status 401"
        ],
    );
    check(
        404,
        expect![
            "the server answered with HTTP status 404 | the server does not know the session any more"
        ],
    );
    check(
        500,
        expect![
            "the server answered with HTTP status 500 | the server answered with HTTP status 500"
        ],
    );
}

#[test]
fn an_error_becomes_the_response_to_the_request() {
    let limits = Limits::standard();
    let id = Id::from_text("ours");
    let response = |body: &[u8]| error_response(body, &id, &limits);
    for own in ["null", "\"server-error\"", "7", "\"ours\""] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{own},"error":{{"code":-32000, "x":1e2}}}}"#);
        assert_eq!(
            response(body.as_bytes()).unwrap(),
            r#"{"jsonrpc":"2.0","id":"ours","error":{"code":-32000, "x":1e2}}"#
        );
    }
    for none in [
        &b""[..],
        b"Bad Request",
        b"{}",
        b"[]",
        br#"{"jsonrpc":"2.0","id":1,"result":{}}"#,
        br#"{"jsonrpc":"2.0","id":1,"error":"no"}"#,
        br#"{"jsonrpc":"2.0","id":1,"error":{},"error":{}}"#,
        br#"{"error":{"code":1}}"#,
    ] {
        assert_eq!(response(none), None);
    }
}
