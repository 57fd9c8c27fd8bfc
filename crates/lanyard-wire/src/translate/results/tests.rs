//! Tests of `results`.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::Value;

use super::{Crossing, is_cacheable, result_for, result_type};
use crate::{Method, Version};

const OLD: Version = Version::V2025_11_25;
const NEW: Version = Version::V2026_07_28;

fn cross(reader: Version, writer: Version) -> Crossing<'static> {
    Crossing { reader, writer, server_info: r#"{"name":"s"}"#, private: false }
}

#[track_caller]
fn check(crossing: Crossing<'_>, method: &str, result: &str, expected: Expect) {
    expected.assert_eq(&result_for(crossing, method, result));
}

#[test]
fn what_an_older_server_says_is_completed() {
    let crossing = cross(NEW, OLD);
    check(
        crossing,
        "tools/call",
        r#"{"content":[ ],"x":1e2}"#,
        expect![[
            r#"{"content":[ ],"x":1e2,"resultType":"complete","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"}}}"#
        ]],
    );
    check(
        crossing,
        "tools/list",
        r#"{"tools":[],"_meta":{"a":1}}"#,
        expect![[
            r#"{"tools":[],"_meta":{"a":1,"io.modelcontextprotocol/serverInfo":{"name":"s"}},"resultType":"complete","ttlMs":0,"cacheScope":"private"}"#
        ]],
    );
    check(
        crossing,
        "ping",
        r#"{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"own"}}}"#,
        expect![[
            r#"{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"own"}},"resultType":"complete"}"#
        ]],
    );
    check(
        crossing,
        "ping",
        r#"{"_meta":null}"#,
        expect![[
            r#"{"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"}},"resultType":"complete"}"#
        ]],
    );
    // No older server can ask for input in a result, or have its answers shared.
    check(
        crossing,
        "resources/read",
        r#"{"resultType":"input_required","ttlMs":99,"cacheScope":"public"}"#,
        expect![[
            r#"{"resultType":"complete","ttlMs":0,"cacheScope":"private","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s"}}}"#
        ]],
    );
    check(crossing, "tools/call", "7", expect!["7"]);
}

#[test]
fn what_a_stateless_server_says_to_a_stateless_client() {
    let crossing = cross(NEW, NEW);
    let private = Crossing { private: true, ..crossing };
    let list = r#"{"resultType":"complete","tools":[],"ttlMs":5,"cacheScope":"public"}"#;
    check(
        crossing,
        "tools/list",
        list,
        expect![[r#"{"resultType":"complete","tools":[],"ttlMs":5,"cacheScope":"public"}"#]],
    );
    check(
        private,
        "tools/list",
        list,
        expect![[r#"{"resultType":"complete","tools":[],"ttlMs":5,"cacheScope":"private"}"#]],
    );
    check(
        crossing,
        "tools/list",
        r#"{"tools":[]}"#,
        expect![[r#"{"tools":[],"resultType":"complete","ttlMs":0,"cacheScope":"private"}"#]],
    );
    check(
        private,
        "tools/call",
        r#"{"content":[],"cacheScope":"public"}"#,
        expect![[r#"{"content":[],"cacheScope":"public","resultType":"complete"}"#]],
    );
    check(
        private,
        "resources/read",
        r#"{"resultType":"input_required","requestState":"s"}"#,
        expect![[r#"{"resultType":"input_required","requestState":"s"}"#]],
    );
    check(
        crossing,
        "tools/call",
        r#"{"resultType":"task","taskId":"1"}"#,
        expect![[r#"{"resultType":"task","taskId":"1"}"#]],
    );
}

#[test]
fn what_a_stateless_server_says_to_an_older_client() {
    let crossing = cross(OLD, NEW);
    check(
        crossing,
        "resources/read",
        r#"{"resultType":"complete","contents":[],"ttlMs":5,"cacheScope":"public","_meta":{"a":1}}"#,
        expect![[r#"{"contents":[],"_meta":{"a":1}}"#]],
    );
    check(
        crossing,
        "tools/call",
        r#"{"resultType":"complete","content":[],"structuredContent":[1],"ttlMs":5}"#,
        expect![[r#"{"content":[],"ttlMs":5}"#]],
    );
    check(
        crossing,
        "tools/call",
        r#"{"structuredContent":{"a":1},"content":[]}"#,
        expect![[r#"{"structuredContent":{"a":1},"content":[]}"#]],
    );
}

#[test]
fn older_versions_understand_each_other() {
    let result = r#"{"resultType":"x","content":[],"structuredContent":7}"#;
    check(
        cross(OLD, Version::V2024_11_05),
        "tools/call",
        result,
        expect![[r#"{"resultType":"x","content":[],"structuredContent":7}"#]],
    );
}

#[test]
fn types_of_results() {
    assert_eq!(result_type(r#"{"a":1,"resultType":"t\u0061sk"}"#).as_deref(), Some("task"));
    assert_eq!(result_type(r#"{"resultType":7}"#), None);
    assert_eq!(result_type("{}"), None);
    let cacheable = [
        Method::Discover,
        Method::ToolsList,
        Method::PromptsList,
        Method::ResourcesList,
        Method::ResourceTemplatesList,
        Method::ResourcesRead,
    ];
    assert!(cacheable.iter().all(|method| is_cacheable(method.as_str())));
    assert!(!is_cacheable("tools/call") && !is_cacheable("x"));
}

proptest! {
    #[test]
    fn what_no_rule_names_stays_byte_for_byte(
        unknown in prop::collection::vec(("x[a-z]{1,6}", "[ -~é]{0,8}", any::<i64>()), 0..5),
        modern_reader: bool,
        modern_writer: bool,
    ) {
        let members: Vec<String> = unknown
            .iter()
            .enumerate()
            .map(|(index, (key, text, number))| {
                format!("{}:{{\"v\" : [{number}e0, {}]}}", Value::from(format!("{key}{index}")), Value::from(text.as_str()))
            })
            .collect();
        let result = format!("{{{}}}", members.join(" ,"));
        let version = |modern| if modern { NEW } else { OLD };
        let crossing = cross(version(modern_reader), version(modern_writer));
        for method in ["tools/call", "tools/list", "x/y"] {
            let crossed = result_for(crossing, method, &result);
            serde_json::from_str::<Value>(&crossed).unwrap();
            let kept = result.strip_suffix('}').unwrap();
            prop_assert!(crossed.starts_with(kept), "{} {}", result, crossed);
        }
    }

    #[test]
    fn nothing_panics(text in "[{}\\[\\]\":,\\\\a_metresulTyp ]{0,24}", reader: bool, writer: bool) {
        let version = |modern| if modern { NEW } else { OLD };
        let _ = result_for(cross(version(reader), version(writer)), "tools/call", &text);
    }
}
