//! Tests of `params`.

use expect_test::{Expect, expect};
use serde_json::value::RawValue;

use super::{
    CallParams, CancelledParams, ListParams, ListenParams, LogLevel, ReadParams, SetLevelParams,
};
use crate::WireError;

fn raw(json: &str) -> Option<&RawValue> {
    (!json.is_empty()).then(|| serde_json::from_str(json).unwrap())
}

#[track_caller]
fn check<T: std::fmt::Debug>(actual: Result<T, WireError>, expected: Expect) {
    let actual = match actual {
        Ok(params) => format!("{params:?}"),
        Err(error) => format!("{} {}: {error}", error.code, error.status),
    };
    expected.assert_eq(&actual);
}

#[test]
fn call() {
    check(CallParams::parse(None), expect!["-32602 200: `name` is missing"]);
    check(CallParams::parse(raw("{}")), expect!["-32602 200: `name` is missing"]);
    check(CallParams::parse(raw(r#"{"name":null}"#)), expect!["-32602 200: `name` is missing"]);
    check(CallParams::parse(raw(r#"{"name":1}"#)), expect!["-32602 200: `name` must be a string"]);
    check(
        CallParams::parse(raw(r#"{"name":"a","arguments":[]}"#)),
        expect!["-32602 200: `arguments` must be an object"],
    );
    check(
        CallParams::parse(raw(r#"{"name":"a","arguments":"{}"}"#)),
        expect!["-32602 200: `arguments` must be an object"],
    );
    check(
        CallParams::parse(raw(r#"{"name":"a","arguments":0}"#)),
        expect!["-32602 200: `arguments` must be an object"],
    );
    check(
        CallParams::parse(raw(r#"{"name":"a"}"#)),
        expect![[r#"CallParams { name: "a", arguments: None, progress_token: None }"#]],
    );
    check(
        CallParams::parse(raw(r#"{"name":"a","arguments":null}"#)),
        expect![[r#"CallParams { name: "a", arguments: None, progress_token: None }"#]],
    );
    check(
        CallParams::parse(raw(
            r#"{"name":"a\/b","arguments":{"x": 1e2,"y":12345678901234567890123},"_meta":{"progressToken":"t"},"task":{}}"#,
        )),
        expect![[
            r#"CallParams { name: "a/b", arguments: Some(RawValue({"x": 1e2,"y":12345678901234567890123})), progress_token: Some(Id("t")) }"#
        ]],
    );
    for token in ["null", "1.5", "{}", "true"] {
        let json = format!(r#"{{"name":"a","_meta":{{"progressToken":{token}}}}}"#);
        assert_eq!(CallParams::parse(raw(&json)).unwrap().progress_token, None, "{token}");
    }
    assert!(
        CallParams::parse(raw(r#"{"name":"a","_meta":["t"]}"#)).unwrap().progress_token.is_none()
    );
}

#[test]
fn list_and_read() {
    check(
        ListParams::parse(raw(r#"{"cursor":1}"#)),
        expect!["-32602 200: `cursor` must be a string"],
    );
    check(ListParams::parse(None), expect!["ListParams { cursor: None }"]);
    check(ListParams::parse(raw(r#"{"cursor":null}"#)), expect!["ListParams { cursor: None }"]);
    check(
        ListParams::parse(raw(r#"{"cursor":"c\u0041"}"#)),
        expect![[r#"ListParams { cursor: Some("cA") }"#]],
    );
    check(ReadParams::parse(raw("{}")), expect!["-32602 200: `uri` is missing"]);
    check(
        ReadParams::parse(raw(r#"{"uri":"a://b"}"#)),
        expect![[r#"ReadParams { uri: "a://b" }"#]],
    );
}

#[test]
fn listen() {
    let listen = |json: &str| ListenParams::parse(raw(json)).map(|params| params.to_json());
    check(listen(""), expect!["-32602 200: `notifications` must be an object"]);
    check(listen("{}"), expect!["-32602 200: `notifications` must be an object"]);
    check(
        listen(r#"{"notifications":[true]}"#),
        expect!["-32602 200: `notifications` must be an object"],
    );
    check(
        listen(r#"{"notifications":{"toolsListChanged":1}}"#),
        expect!["-32602 200: `toolsListChanged` must be a boolean"],
    );
    check(
        listen(r#"{"notifications":{"resourceSubscriptions":"a"}}"#),
        expect!["-32602 200: `resourceSubscriptions` must be a list of strings"],
    );
    check(
        listen(r#"{"notifications":{"resourceSubscriptions":[1]}}"#),
        expect!["-32602 200: `resourceSubscriptions` must be a list of strings"],
    );
    check(listen(r#"{"notifications":{}}"#), expect![[r#""{}""#]]);
    check(
        listen(
            r#"{"notifications":{"toolsListChanged":true,"promptsListChanged":false,"new":{}}}"#,
        ),
        expect![[r#""{\"toolsListChanged\":true}""#]],
    );
    check(
        listen(
            r#"{"notifications":{"resourcesListChanged":true,"taskIds":["t"],"resourceSubscriptions":["a\"","b"]}}"#,
        ),
        expect![[
            r#""{\"resourcesListChanged\":true,\"resourceSubscriptions\":[\"a\\\"\",\"b\"],\"taskIds\":[\"t\"]}""#
        ]],
    );
}

#[test]
fn cancelled() {
    let cancelled =
        |json| CancelledParams::parse(raw(json)).map(|params| params.request_id.to_string());
    assert_eq!(cancelled(""), None);
    assert_eq!(cancelled("{}"), None);
    assert_eq!(cancelled(r#"{"requestId":null}"#), None);
    assert_eq!(cancelled(r#"{"requestId":1.5}"#), None);
    assert_eq!(cancelled(r#"{"requestId":7,"reason":"x"}"#).as_deref(), Some("7"));
    assert_eq!(cancelled(r#"{"requestId":"7"}"#).as_deref(), Some(r#""7""#));
}

#[test]
fn level() {
    check(SetLevelParams::parse(None), expect!["-32602 200: `level` is missing"]);
    check(
        SetLevelParams::parse(raw(r#"{"level":"loud"}"#)),
        expect!["-32602 200: `level` is no log level"],
    );
    check(
        SetLevelParams::parse(raw(r#"{"level":"warning"}"#)),
        expect!["SetLevelParams { level: Warning }"],
    );
    assert!(LogLevel::Debug < LogLevel::Emergency);
}
