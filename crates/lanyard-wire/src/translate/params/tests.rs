//! Tests of `params`.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::Value;

use super::{
    EnvelopeParts, cancelled_params, discover_params, initialize_params, listen_params,
    mcp_name_of, notified_progress_token, params_for_legacy, params_for_modern, progress_token,
    restore_progress_token, set_level_params, subscribe_params, with_arguments, with_name,
    with_progress_token,
};
use crate::splice::member;
use crate::{Id, ListenParams, LogLevel, Version};

const ENVELOPE: EnvelopeParts<'_> = EnvelopeParts {
    version: Version::V2026_07_28,
    client_capabilities: r#"{"sampling":{}}"#,
    client_info: Some(r#"{"name":"c","version":"1"}"#),
    log_level: Some(LogLevel::Warning),
};

const BARE: EnvelopeParts<'_> = EnvelopeParts { client_info: None, log_level: None, ..ENVELOPE };

#[track_caller]
fn check(actual: impl Into<Option<String>>, expected: Expect) {
    expected.assert_eq(&actual.into().unwrap_or_else(|| "none".to_owned()));
}

#[test]
fn towards_a_stateless_server() {
    check(
        params_for_modern(None, BARE),
        expect![[
            r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"sampling":{}}}}"#
        ]],
    );
    check(
        discover_params(ENVELOPE),
        expect![[
            r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"sampling":{}},"io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/logLevel":"warning"}}"#
        ]],
    );
    check(
        params_for_modern(
            Some(
                r#"{"name":"t","_meta":{"progressToken":1.0,"traceparent":"00-1"},"arguments":{"n":1e2}}"#,
            ),
            BARE,
        ),
        expect![[
            r#"{"name":"t","_meta":{"progressToken":1.0,"traceparent":"00-1","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"sampling":{}}},"arguments":{"n":1e2}}"#
        ]],
    );
    // An envelope that is there already is replaced as a whole.
    check(
        params_for_modern(Some(&params_for_modern(None, ENVELOPE)), BARE),
        expect![[
            r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"sampling":{}}}}"#
        ]],
    );
    check(
        params_for_modern(Some(r#"{"_meta":[7]}"#), BARE),
        expect![[
            r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"sampling":{}}}}"#
        ]],
    );
    check(
        params_for_modern(Some("7"), BARE),
        expect![[
            r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"sampling":{}}}}"#
        ]],
    );
}

#[test]
fn towards_a_server_with_sessions() {
    let legacy = |params: &str| params_for_legacy(Some(params));
    check(params_for_legacy(None), expect!["none"]);
    check(legacy("{}"), expect!["{}"]);
    check(legacy(r#"{"_meta":{}}"#), expect![[r#"{"_meta":{}}"#]]);
    check(legacy(&discover_params(ENVELOPE)), expect!["none"]);
    check(
        legacy(
            r#"{"name":"t","inputResponses":{"a":{}},"requestState":"s","_meta":{"io.modelcontextprotocol\/protocolVersion":"2026-07-28","io.modelcontextprotocol/related-task":{},"progressToken":"p"} }"#,
        ),
        expect![[
            r#"{"name":"t","_meta":{"io.modelcontextprotocol/related-task":{},"progressToken":"p"} }"#
        ]],
    );
    check(legacy("7"), expect!["7"]);
}

#[test]
fn names_and_arguments() {
    let params = r#"{ "name" : "old","arguments":{"a": 1},"task":{"ttl":1} }"#;
    check(
        with_name(params, "n\"ew"),
        expect![[r#"{ "name" : "n\"ew","arguments":{"a": 1},"task":{"ttl":1} }"#]],
    );
    check(
        with_arguments(params, r#"{"b":2}"#),
        expect![[r#"{ "name" : "old","arguments":{"b":2},"task":{"ttl":1} }"#]],
    );
    check(with_arguments("{}", "{}"), expect![[r#"{"arguments":{}}"#]]);
    check(with_name("[]", "x"), expect!["none"]);
    let name = |method, params| mcp_name_of(method, Some(params)).map(String::from);
    check(name("tools/call", r#"{"name":"a\u0062"}"#), expect!["ab"]);
    check(name("prompts/get", r#"{"name":"p"}"#), expect!["p"]);
    check(name("resources/read", r#"{"name":"x","uri":"u"}"#), expect!["u"]);
    check(name("tasks/get", r#"{"taskId":"7"}"#), expect!["7"]);
    check(name("tools/list", r#"{"name":"x"}"#), expect!["none"]);
    check(name("tools/call", r#"{"name":7}"#), expect!["none"]);
    assert_eq!(mcp_name_of("tools/call", None), None);
}

#[test]
fn progress_tokens_there_and_back() {
    let show = |(params, old): (String, Option<String>)| format!("{params} was {old:?}");
    let ours = Id::from_number(7);
    check(
        show(with_progress_token(None, &ours)),
        expect![[r#"{"_meta":{"progressToken":7}} was None"#]],
    );
    let params = r#"{"_meta":{"progressToken":"\u0061","x":1}}"#;
    check(
        show(with_progress_token(Some(params), &ours)),
        expect![[r#"{"_meta":{"progressToken":7,"x":1}} was Some("\"\\u0061\"")"#]],
    );
    assert_eq!(progress_token(Some(params)), Some(Id::from_text("a")));
    assert_eq!(progress_token(Some(r#"{"_meta":{"progressToken":[]}}"#)), None);
    assert_eq!(progress_token(Some(r#"{"progressToken":1}"#)), None);
    assert_eq!(progress_token(None), None);
    let message = r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,"progress":0.50}}"#;
    assert_eq!(notified_progress_token(member(message, &["params"])), Some(ours));
    check(
        restore_progress_token(message, r#""\u0061""#),
        expect![[
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"\u0061","progress":0.50}}"#
        ]],
    );
}

#[test]
fn parameters_that_we_originate() {
    check(
        initialize_params(Version::V2025_11_25, "{}", r#"{"name":"c"}"#),
        expect![[
            r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c"}}"#
        ]],
    );
    check(
        cancelled_params(&Id::from_number(3), Some("gone")),
        expect![[r#"{"requestId":3,"reason":"gone"}"#]],
    );
    let wanted = ListenParams {
        resource_subscriptions: vec!["u".into()],
        tools_list_changed: true,
        ..ListenParams::default()
    };
    check(
        listen_params(&wanted, BARE),
        expect![[
            r#"{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["u"]},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"sampling":{}}}}"#
        ]],
    );
    check(subscribe_params("u\""), expect![[r#"{"uri":"u\""}"#]]);
    check(set_level_params(LogLevel::Error), expect![[r#"{"level":"error"}"#]]);
    check(cancelled_params(&Id::from_text("3"), None), expect![[r#"{"requestId":"3"}"#]]);
}

/// Parameters without an envelope.
fn params() -> impl Strategy<Value = Value> {
    let meta = prop::collection::vec(
        (prop::sample::select(vec!["progressToken", "traceparent", "x/y"]), any::<u32>()),
        1..3,
    );
    let other = prop::collection::vec(
        (prop::sample::select(vec!["name", "arguments", "cursor", "é\""]), "[a-z\"\\\\]{0,4}"),
        1..4,
    );
    (prop::option::of(meta), other, any::<bool>()).prop_map(|(meta, other, first)| {
        let mut members: Vec<(String, Value)> =
            other.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect();
        if let Some(meta) = meta {
            let meta: serde_json::Map<String, Value> =
                meta.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect();
            let at = if first { 0 } else { members.len() };
            members.insert(at, ("_meta".to_owned(), meta.into()));
        }
        Value::Object(members.into_iter().collect())
    })
}

proptest! {
    #[test]
    fn an_envelope_comes_off_as_it_went_on(params in params(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&params).unwrap() } else { params.to_string() };
        let there = params_for_modern(Some(&text), ENVELOPE);
        serde_json::from_str::<Value>(&there).unwrap();
        prop_assert_eq!(params_for_legacy(Some(&there)), Some(text));
    }

    #[test]
    fn a_token_comes_back_as_it_was(params in params(), token: i64) {
        let text = params.to_string();
        let (there, old) = with_progress_token(Some(&text), &Id::from_number(token));
        prop_assert_eq!(progress_token(Some(&there)), Some(Id::from_number(token)));
        if let Some(old) = old {
            let message = format!("{{\"params\":{text}}}");
            let member = member(&message, &["params", "_meta", "progressToken"]).unwrap();
            prop_assert_eq!(member.get(), old.as_str());
        }
    }

    #[test]
    fn nothing_panics(text in "[{}\\[\\]\":,\\\\a_met ]{0,24}") {
        let _ = (params_for_modern(Some(&text), ENVELOPE), params_for_legacy(Some(&text)));
        let _ = (with_name(&text, &text), mcp_name_of("tools/call", Some(&text)).is_some());
        let _ = (with_progress_token(Some(&text), &Id::from_number(1)), restore_progress_token(&text, "1"));
    }
}
