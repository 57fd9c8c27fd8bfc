//! Tests of `error`.

use expect_test::expect;

use super::WireError;
use crate::{Id, Method, Version, encode_error};

/// Every case of the table, as one line.
fn table() -> Vec<WireError> {
    let ping = Method::Ping;
    vec![
        WireError::parse_error("not JSON"),
        WireError::invalid_request("no method"),
        WireError::body_too_large(4096),
        WireError::batch_refused(),
        WireError::method_not_found(Version::V2025_11_25, &ping),
        WireError::method_not_found(Version::V2026_07_28, &ping),
        WireError::invalid_params("Tool a not found"),
        WireError::envelope_invalid("no envelope"),
        WireError::internal("the gateway failed"),
        WireError::header_mismatch("Mcp-Name is missing"),
        WireError::capability_missing(r#"{"sampling":{}}"#),
        WireError::version_unsupported("v999.0.0"),
        WireError::resource_not_found(Version::V2025_11_25, "a://b"),
        WireError::resource_not_found(Version::V2026_07_28, "a://b"),
        WireError::session_unknown(),
        WireError::session_missing(),
    ]
}

#[test]
fn the_table() {
    let lines: Vec<_> = table()
        .into_iter()
        .map(|error| {
            let body = String::from_utf8(encode_error(None, &error)).unwrap();
            let body = body.strip_prefix(r#"{"jsonrpc":"2.0","id":null,"error":"#).unwrap();
            format!("{} {}", error.status, body.strip_suffix('}').unwrap())
        })
        .collect();
    expect![[r#"
        400 {"code":-32700,"message":"Parse error: not JSON"}
        400 {"code":-32600,"message":"Invalid request: no method"}
        413 {"code":-32600,"message":"Invalid request: the body is larger than 4096 bytes"}
        400 {"code":-32600,"message":"Invalid request: batches exist only in protocol version 2025-03-26"}
        200 {"code":-32601,"message":"Method not found: ping"}
        404 {"code":-32601,"message":"Method not found: ping"}
        200 {"code":-32602,"message":"Tool a not found"}
        400 {"code":-32602,"message":"Invalid params: no envelope"}
        200 {"code":-32603,"message":"the gateway failed"}
        400 {"code":-32020,"message":"Header mismatch: Mcp-Name is missing"}
        400 {"code":-32021,"message":"Missing required client capability","data":{"requiredCapabilities":{"sampling":{}}}}
        400 {"code":-32022,"message":"Unsupported protocol version","data":{"supported":["2026-07-28"],"requested":"v999.0.0"}}
        200 {"code":-32002,"message":"Resource not found","data":{"uri":"a://b"}}
        200 {"code":-32602,"message":"Resource not found","data":{"uri":"a://b"}}
        404 {"code":-32600,"message":"Session not found"}
        400 {"code":-32600,"message":"Invalid request: the header Mcp-Session-Id is missing"}"#]].assert_eq(&lines.join("\n"));
}

#[test]
fn an_error_is_answered_to_the_message_it_is_about() {
    let error = WireError::invalid_params("x").with_id(Some(&Id::from_number(7)));
    let body = |id: Option<&Id<'_>>| String::from_utf8(encode_error(id, &error)).unwrap();
    assert!(body(None).contains(r#""id":7,"#));
    assert!(body(Some(&Id::from_text("a\"b"))).contains(r#""id":"a\"b","#));
}

#[test]
fn what_an_error_repeats_is_cut() {
    let long = "é".repeat(100_000);
    let error = WireError::version_unsupported(&long);
    assert!(encode_error(None, &error).len() < 600);
    let method = Method::Other(long.into());
    assert!(WireError::method_not_found(Version::V2026_07_28, &method).message.len() < 300);
}
