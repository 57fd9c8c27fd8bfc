//! What can be set for a server, and what cannot.

use super::{StoredOptions, apply, checked_host, seconds};

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
    let set = |pair: &str| {
        let (key, value) = pair.split_once('=').unwrap();
        let mut options = StoredOptions { timeout_ms: Some(1), ..StoredOptions::default() };
        apply(&mut options, key, value)?;
        Ok(serde_json::to_string(&options).unwrap())
    };
    let refused =
        ["enabled=no", "prefix=a b", "prefix=\u{e9}", "allow_private=a:1", "secrets=x", "=x"];
    let accepted = [
        ("prefix=", r#""{\"prefix\":\"\",\"timeout_ms\":1}""#),
        ("prefix=default", r#""{\"timeout_ms\":1}""#),
        ("timeout=", r#""{}""#),
        ("allow_private=", r#""{\"timeout_ms\":1}""#),
        ("allow_private=a, b", r#""{\"timeout_ms\":1,\"allow_private\":[\"a\",\"b\"]}""#),
    ];
    check(set, &refused, &accepted);
}

#[test]
fn options_from_outside_are_checked_as_a_whole() {
    let read = |text: &str| {
        let options: StoredOptions = crate::asked::read(text.as_bytes())?;
        Ok(serde_json::to_string(&options.checked()?).unwrap())
    };
    let refused = [
        r#"{"timeout_ms":0}"#,
        r#"{"timeout_ms":3600001}"#,
        r#"{"timeout_ms":-1}"#,
        r#"{"prefix":"a b"}"#,
        r#"{"allow_private":["http://a"]}"#,
        r#"{"insecure_origins":["a"]}"#,
        r#"{"verified":true}"#,
    ];
    let accepted = [(
        r#"{"insecure_origins":["HTTP://A.example:80"]}"#,
        r#""{\"insecure_origins\":[\"http://a.example\"]}""#,
    )];
    check(read, &refused, &accepted);
}
