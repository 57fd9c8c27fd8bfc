//! What a body that cannot be read is answered with, and what of it is not repeated.

use expect_test::{Expect, expect};
use serde::Deserialize;

use super::read;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    #[expect(dead_code, reason = "only its type matters here")]
    #[serde(default)]
    list: Vec<String>,
}

#[track_caller]
fn check(body: &str, expected: Expect) {
    let actual = match read::<Wanted>(body.as_bytes()) {
        Ok(wanted) => wanted.name,
        Err(error) => error.message().to_owned(),
    };
    assert!(!actual.contains("tst_"), "a value is repeated: {actual}");
    expected.assert_eq(&actual);
}

#[test]
fn refusals_repeat_no_value() {
    check(
        r#"{"name":"a","list":"tst_secret"}"#,
        expect![
            "the body is not what this route takes: a value of another type at line 1, column 31"
        ],
    );
    check(
        r#"{"name":["tst_secret"]}"#,
        expect![
            "the body is not what this route takes: a value of another type at line 1, column 8"
        ],
    );
    check(
        r#"{"name":tst_secret}"#,
        expect!["the body is not what this route takes: no valid JSON at line 1, column 10"],
    );
    check(
        r#"{"name":"tst_secret"#,
        expect!["the body is not what this route takes: no valid JSON at line 1, column 19"],
    );
    check(
        r#"{"nmae":"tst_secret"}"#,
        expect![
            "the body is not what this route takes: unknown field `nmae`, expected `name` or `list` at line 1 column 7"
        ],
    );
    check(
        "{}",
        expect!["the body is not what this route takes: missing field `name` at line 1 column 2"],
    );
    check(r#"{"name":"a"}"#, expect!["a"]);
}
