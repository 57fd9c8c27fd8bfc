//! What can be set for a server, and what cannot.

use super::{ServerKind, StoredOptions, apply, checked_host, seconds};

#[track_caller]
fn check<T: std::fmt::Debug>(
    read: impl Fn(&str) -> Result<T, crate::error::ApiError>,
    refused: &[&str],
    accepted: &[(&str, &str)],
) {
    for text in refused {
        assert!(read(text).is_err(), "{text} is accepted");
    }
    for (text, expected) in accepted {
        assert_eq!(format!("{:?}", read(text).unwrap()), *expected, "{text}");
    }
}

#[test]
fn hosts() {
    let refused = [
        "",
        " ",
        "http://a",
        "a:80",
        "a.example:443",
        "a/b",
        "user@a",
        "a?b",
        "a#b",
        "::1",
        "a b",
        "[::1]:80",
        "a\u{0}",
    ];
    let accepted = [
        ("a.example", "\"a.example\""),
        ("A.Example", "\"a.example\""),
        ("10.0.0.1", "\"10.0.0.1\""),
        ("localhost", "\"localhost\""),
    ];
    check(checked_host, &refused, &accepted);
}

#[test]
fn timeouts() {
    let refused = ["", "0", "-1", "NaN", "inf", "1e9", "3601", "5ss", "s", "five"];
    check(seconds, &refused, &[("5", "5000"), ("5s", "5000"), ("0.5", "500"), ("3600", "3600000")]);
}

#[test]
fn settings_by_name() {
    let set = |kind: ServerKind, pair: &str| {
        let (key, value) = pair.split_once('=').unwrap();
        let mut options = StoredOptions { timeout_ms: Some(1), ..StoredOptions::default() };
        apply(&mut options, kind, key, (value != "null").then_some(value))?;
        Ok(serde_json::to_string(&options).unwrap())
    };
    let refused = [
        "enabled=no",
        "prefix=a b",
        "prefix=\u{e9}",
        "allow_private=a:1",
        "secrets=x",
        "=x",
        "concurrency=0",
        "concurrency=1025",
        "concurrency=many",
        "untrusted_wrap=yes",
        "strip_optional_args=maybe",
        "inline=a b",
    ];
    let mcp_only = [
        ("era=auto", r#""{\"timeout_ms\":1,\"era\":\"auto\"}""#),
        ("keep=always", r#""{\"timeout_ms\":1,\"keep\":\"always\"}""#),
        ("keep=idle 10m", r#""{\"timeout_ms\":1,\"keep\":\"idle 600s\"}""#),
        ("keep=90s", r#""{\"timeout_ms\":1,\"keep\":\"idle 90s\"}""#),
        (
            "require_user_credentials=on",
            r#""{\"timeout_ms\":1,\"require_user_credentials\":true}""#,
        ),
        ("isolation=none", r#""{\"timeout_ms\":1,\"isolation\":\"none\"}""#),
    ];
    let accepted = [
        ("prefix=", r#""{\"prefix\":\"\",\"timeout_ms\":1}""#),
        ("prefix=default", r#""{\"timeout_ms\":1}""#),
        ("timeout=", r#""{}""#),
        ("timeout=null", r#""{}""#),
        ("timeout=default", r#""{}""#),
        ("allow_private=", r#""{\"timeout_ms\":1}""#),
        ("allow_private=a, b", r#""{\"timeout_ms\":1,\"allow_private\":[\"a\",\"b\"]}""#),
        ("concurrency=4", r#""{\"timeout_ms\":1,\"concurrency\":4}""#),
        ("untrusted_wrap=exact", r#""{\"timeout_ms\":1,\"untrusted_wrap\":\"exact\"}""#),
        ("strip_optional_args=off", r#""{\"timeout_ms\":1,\"strip_optional_args\":false}""#),
        ("inline=b,a", r#""{\"timeout_ms\":1,\"inline\":[\"b\",\"a\"]}""#),
    ];
    let no_rest: Vec<&str> =
        refused.iter().copied().chain(mcp_only.iter().map(|(pair, _)| *pair)).collect();
    check(|pair| set(ServerKind::Rest, pair), &no_rest, &accepted);
    let no_mcp = [&refused[..], &["era=old", "keep=never", "keep=idle 8d", "isolation=full"]];
    let accepted = [&accepted[..], &mcp_only].concat();
    check(|pair| set(ServerKind::Mcp, pair), &no_mcp.concat(), &accepted);
}

#[test]
fn a_misspelt_setting_is_told_its_name() {
    let mut options = StoredOptions::default();
    let message = |error: crate::error::ApiError| error.message().to_owned();
    let refused =
        apply(&mut options, ServerKind::Mcp, "strip-optional-arg", Some("on")).unwrap_err();
    let message_text = message(refused);
    assert!(
        message_text.starts_with(
            "`strip-optional-arg` cannot be set; did you mean `strip_optional_args`?; what can:"
        ),
        "{message_text}"
    );
    let refused = apply(&mut options, ServerKind::Rest, "era", Some("auto")).unwrap_err();
    assert_eq!(message(refused), "`era` is for MCP servers, and this is a REST API");
    let refused = apply(&mut options, ServerKind::Mcp, "era", Some("new")).unwrap_err();
    assert_eq!(message(refused), "`era` is auto, legacy or modern, not `new`");
}

#[test]
fn options_from_outside_are_checked_as_a_whole() {
    let read = |kind: ServerKind, text: &str| {
        let options: StoredOptions = crate::asked::read(text.as_bytes())?;
        Ok(serde_json::to_string(&options.checked(kind)?).unwrap())
    };
    let refused = [
        r#"{"timeout_ms":0}"#,
        r#"{"timeout_ms":3600001}"#,
        r#"{"timeout_ms":-1}"#,
        r#"{"prefix":"a b"}"#,
        r#"{"allow_private":["http://a"]}"#,
        r#"{"insecure_origins":["a"]}"#,
        r#"{"verified":true}"#,
        r#"{"concurrency":0}"#,
        r#"{"inline":["a b"]}"#,
    ];
    let accepted = [(
        r#"{"insecure_origins":["HTTP://A.example:80"]}"#,
        r#""{\"insecure_origins\":[\"http://a.example\"]}""#,
    )];
    let no_rest = [&refused[..], &[r#"{"keep":"always"}"#, r#"{"isolation":"none"}"#]].concat();
    check(|text| read(ServerKind::Rest, text), &no_rest, &accepted);
    let no_mcp = [
        &refused[..],
        &[
            r#"{"base_url":"https://a"}"#,
            r#"{"secrets":{"a":"secret://b"}}"#,
            r#"{"keep":"sometimes"}"#,
            r#"{"keep":600}"#,
        ],
    ];
    let kept = (r#"{"keep":"idle 10m"}"#, r#""{\"keep\":\"idle 600s\"}""#);
    check(|text| read(ServerKind::Mcp, text), &no_mcp.concat(), &[&accepted[..], &[kept]].concat());
}
