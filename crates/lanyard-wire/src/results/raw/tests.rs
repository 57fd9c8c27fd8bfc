//! Tests of `raw`.

use expect_test::expect;

use super::{RawDiscover, RawInitialize};
use crate::Version;

#[test]
fn what_a_server_says_of_itself_passes_as_it_is() {
    let (capabilities, server_info) = (r#"{ "x":1e2 }"#, r#"{"name":"s","y":[]}"#);
    let instructions = Some("read\nme");
    let result =
        RawInitialize { version: Version::V2025_11_25, capabilities, server_info, instructions };
    expect![[r#"{"protocolVersion":"2025-11-25","capabilities":{ "x":1e2 },"serverInfo":{"name":"s","y":[]},"instructions":"read\nme"}"#]].assert_eq(&result.to_json());
    let result = RawDiscover { capabilities, server_info, instructions, ttl_ms: 5 };
    expect![[r#"{"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","y":[]}},"supportedVersions":["2026-07-28"],"capabilities":{ "x":1e2 },"instructions":"read\nme","ttlMs":5,"cacheScope":"private"}"#]].assert_eq(&result.to_json());
    let result = RawDiscover { instructions: None, ..result };
    expect![[r#"{"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","y":[]}},"supportedVersions":["2026-07-28"],"capabilities":{ "x":1e2 },"ttlMs":5,"cacheScope":"private"}"#]].assert_eq(&result.to_json());
}
