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
    check(r#"{"name":"a","list":"tst_secret"}"#, expect![[""]]);
    check(r#"{"name":["tst_secret"]}"#, expect![[""]]);
    check(r#"{"name":tst_secret}"#, expect![[""]]);
    check(r#"{"name":"tst_secret"#, expect![[""]]);
    check(r#"{"nmae":"tst_secret"}"#, expect![[""]]);
    check("{}", expect![[""]]);
    check(r#"{"name":"a"}"#, expect!["a"]);
}
