//! Tests of `notices`.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::value::RawValue;

use super::{
    logged_level, notification_for, notification_parts, subscription_id, updated_uri,
    with_subscription_id, without_subscription_id,
};
use crate::{ChangedList, Id, LogLevel, Version, notifications};

const NEW: Version = Version::V2026_07_28;
const OLD: Version = Version::V2025_11_25;

#[track_caller]
fn check(reader: Version, level: Option<LogLevel>, message: &str, expected: Expect) {
    let actual = notification_for(reader, level, message);
    expected.assert_eq(&actual.unwrap_or_else(|| "none".to_owned()));
}

fn raw(json: &str) -> &RawValue {
    serde_json::from_str(json).unwrap()
}

#[test]
fn log_messages_go_to_who_wants_them() {
    let message = r#"{"method":"notifications/message","params":{"level":"info","data":1e2}}"#;
    let odd = r#"{"method":"notifications/message","params":{"level":"loud"}}"#;
    let passes = |reader, level, message| notification_for(reader, level, message).is_some();
    assert!(!passes(NEW, None, message));
    assert!(!passes(NEW, Some(LogLevel::Notice), message));
    assert!(!passes(OLD, Some(LogLevel::Notice), message));
    assert!(!passes(NEW, Some(LogLevel::Debug), odd));
    assert!(passes(OLD, Some(LogLevel::Debug), odd));
    assert!(passes(OLD, None, message));
    for reader in [OLD, NEW] {
        assert_eq!(notification_for(reader, Some(LogLevel::Info), message).unwrap(), message);
    }
}

#[test]
fn what_a_version_does_not_have_is_dropped() {
    for (method, versions) in [
        ("elicitation/complete", "2025-11-25"),
        ("tasks/status", "2025-11-25"),
        ("tasks", "2026-07-28"),
        ("subscriptions/acknowledged", "2026-07-28"),
        ("progress", "2024-11-05 2025-03-26 2025-06-18 2025-11-25 2026-07-28"),
        ("x", "2024-11-05 2025-03-26 2025-06-18 2025-11-25 2026-07-28"),
    ] {
        let message = format!(r#"{{"method":"notifications/{method}"}}"#);
        let passes = |version: &Version| notification_for(*version, None, &message).is_some();
        let passed: Vec<_> =
            Version::ALL.into_iter().filter(passes).map(|version| version.as_str()).collect();
        assert_eq!(passed.join(" "), versions, "{method}");
    }
    check(OLD, None, "7", expect!["none"]);
    check(OLD, None, r#"{"params":{}}"#, expect!["none"]);
}

#[test]
fn subscriptions_are_named_and_hidden() {
    let id = Id::from_text("s");
    for (params, expected) in [
        ("{}", expect![[r#"{"_meta":{"io.modelcontextprotocol/subscriptionId":"s"}}"#]]),
        (
            r#"{"uri":"u","_meta":{"a":1}}"#,
            expect![[
                r#"{"uri":"u","_meta":{"a":1,"io.modelcontextprotocol/subscriptionId":"s"}}"#
            ]],
        ),
        (
            r#"{"_meta":{"io.modelcontextprotocol/subscriptionId":7}}"#,
            expect![[r#"{"_meta":{"io.modelcontextprotocol/subscriptionId":"s"}}"#]],
        ),
        (
            r#"{"_meta":7}"#,
            expect![[r#"{"_meta":{"io.modelcontextprotocol/subscriptionId":"s"}}"#]],
        ),
    ] {
        let with = with_subscription_id(params, &id);
        expected.assert_eq(&with);
        assert_eq!(subscription_id(raw(&with)), Some(id.clone()));
    }
    assert_eq!(subscription_id(raw("{}")), None);
    let updated = notifications::resource_updated("u", Some(&id));
    let updated = String::from_utf8(updated).unwrap();
    check(
        NEW,
        None,
        &updated,
        expect![[
            r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"s"},"uri":"u"}}"#
        ]],
    );
    check(
        OLD,
        None,
        &updated,
        expect![[
            r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"u"}}"#
        ]],
    );
    let changed = notifications::list_changed(ChangedList::Prompts, Some(&id));
    check(
        OLD,
        None,
        std::str::from_utf8(&changed).unwrap(),
        expect![[r#"{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}"#]],
    );
    let bare = r#"{ "method":"x","params":{ "_meta":{} } }"#;
    assert_eq!(without_subscription_id(bare), bare);
}

#[test]
fn what_they_are_about() {
    let (method, params) =
        notification_parts(r#"{"method":"\u0061","params":{"uri":"b\n","level":"alert"}}"#)
            .unwrap();
    assert_eq!(method, "a");
    assert_eq!(params.and_then(updated_uri).as_deref(), Some("b\n"));
    assert_eq!(params.and_then(logged_level), Some(LogLevel::Alert));
    assert!(notification_parts(r#"{"method":"a","params":[]}"#).unwrap().1.is_none());
    assert!(notification_parts("{}").is_none());
    assert_eq!(updated_uri(raw(r#"{"uri":7}"#)), None);
}

proptest! {
    #[test]
    fn a_subscription_comes_off_as_it_went_on(uri in "[ -~é]{0,8}", meta: bool, number: i64) {
        let meta = if meta { ",\"_meta\":{\"a\": 1}" } else { "" };
        let params = format!("{{\"uri\":{}{meta}}}", serde_json::Value::from(uri));
        let with = with_subscription_id(&params, &Id::from_number(number));
        let message = |params: &str| format!("{{\"method\":\"x\",\"params\":{params}}}");
        prop_assert_eq!(without_subscription_id(&message(&with)), message(&params));
    }

    #[test]
    fn nothing_panics(text in "[{}\\[\\]\":,\\\\a_methodprs/ ]{0,24}") {
        drop((notification_for(NEW, None, &text), notification_for(OLD, None, &text)));
        drop((with_subscription_id(&text, &Id::from_number(1)), without_subscription_id(&text)));
    }
}

#[test]
fn a_changed_list_is_known_by_its_method() {
    for list in ChangedList::ALL {
        assert_eq!(ChangedList::of(list.method()), Some(list));
    }
    // What a client tells, and what no version has.
    for method in ["notifications/roots/list_changed", "notifications/list_changed", ""] {
        assert_eq!(ChangedList::of(method), None, "{method}");
    }
}
