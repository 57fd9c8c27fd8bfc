//! Tests of `errors`.

use expect_test::{Expect, expect};

use super::{ErrorFacts, error_for};
use crate::Version;
use crate::translate::Crossing;

const OLD: Version = Version::V2025_11_25;
const NEW: Version = Version::V2026_07_28;

#[track_caller]
fn check(reader: Version, writer: Version, method: &str, error: &str, expected: Expect) {
    let crossing = Crossing { reader, writer, server_info: "{}", private: false };
    expected.assert_eq(&error_for(crossing, method, error));
}

#[test]
fn towards_a_stateless_client() {
    let gone = r#"{"code": -32002,"message":"gone","data":{"uri":"u"},"x":1}"#;
    check(
        NEW,
        OLD,
        "resources/read",
        gone,
        expect![[r#"{"code": -32602,"message":"gone","data":{"uri":"u"},"x":1}"#]],
    );
    check(
        NEW,
        OLD,
        "tools/call",
        gone,
        expect![[r#"{"code": -32002,"message":"gone","data":{"uri":"u"},"x":1}"#]],
    );
    for code in [-32020, -32021, -32022, -32042] {
        let error = format!(r#"{{"message":"m","code":{code}}}"#);
        check(NEW, OLD, "tools/call", &error, expect![[r#"{"message":"m","code":-32600}"#]]);
    }
    check(
        NEW,
        OLD,
        "tools/call",
        r#"{"code":-32000,"message":"own"}"#,
        expect![[r#"{"code":-32000,"message":"own"}"#]],
    );
}

#[test]
fn towards_an_older_client() {
    let gone = r#"{"code":-32602,"message":"gone","data":{"uri":"u"}}"#;
    check(
        OLD,
        NEW,
        "resources/read",
        gone,
        expect![[r#"{"code":-32002,"message":"gone","data":{"uri":"u"}}"#]],
    );
    check(
        OLD,
        NEW,
        "tools/call",
        gone,
        expect![[r#"{"code":-32602,"message":"gone","data":{"uri":"u"}}"#]],
    );
    check(
        OLD,
        NEW,
        "resources/read",
        r#"{"code":-32602,"message":"bad"}"#,
        expect![[r#"{"code":-32602,"message":"bad"}"#]],
    );
    let lacks = r#"{"code":-32021,"message":"m","data":{"requiredCapabilities":{"sampling":{}}}}"#;
    check(
        OLD,
        NEW,
        "tools/call",
        lacks,
        expect![[
            r#"{"code":-32600,"message":"m","data":{"requiredCapabilities":{"sampling":{}}}}"#
        ]],
    );
    let version = r#"{"code":-32022,"data":{"supported":["2026-07-28"]},"message":"m"}"#;
    check(OLD, NEW, "tools/call", version, expect![[r#"{"code":-32600,"message":"m"}"#]]);
    check(
        OLD,
        NEW,
        "tools/call",
        r#"{"code":-32020,"message":"m"}"#,
        expect![[r#"{"code":-32600,"message":"m"}"#]],
    );
}

#[test]
fn within_an_era_nothing_changes() {
    for code in [-32002, -32020, -32021, -32022, -32042, -32602] {
        let error = format!(r#"{{"code":{code},"message":"m","data":{{"uri":"u"}}}}"#);
        for version in [OLD, NEW] {
            let crossing =
                Crossing { reader: version, writer: version, server_info: "{}", private: true };
            assert_eq!(error_for(crossing, "resources/read", &error), error);
        }
    }
    check(NEW, OLD, "resources/read", "7", expect!["7"]);
    check(NEW, OLD, "resources/read", r#"{"code":1.5}"#, expect![[r#"{"code":1.5}"#]]);
}

#[test]
fn facts() {
    let facts = ErrorFacts::read(r#"{"code":-1,"message":"a\n","data":[1]}"#).unwrap();
    assert_eq!((facts.code, &*facts.message, facts.data), (-1, "a\n", Some("[1]")));
    let facts = ErrorFacts::read(r#"{"code":5}"#).unwrap();
    assert_eq!((facts.code, &*facts.message, facts.data), (5, "", None));
    assert!(ErrorFacts::read(r#"{"code":"5"}"#).is_none());
    assert!(ErrorFacts::read("[]").is_none());
}
