//! Structured answers.

use expect_test::{Expect, expect};
use serde_json::json;

use super::OutputSchema;

#[track_caller]
fn check(answer: &str, expected: Expect) {
    let schema = json!({
        "type": "object",
        "properties": {"total": {"type": "number"}, "lines": {"items": {"type": "string"}}},
        "required": ["total"]
    });
    let outcome = OutputSchema::compile(&schema).unwrap().check(answer);
    expected.assert_eq(&outcome.map_or_else(|problem| problem, |()| "holds".to_owned()));
}

#[test]
fn a_root_that_is_no_object_is_refused() {
    for schema in [json!(true), json!({}), json!({"type": "array"}), json!({"type": ["object"]})] {
        let error = OutputSchema::compile(&schema).unwrap_err().to_string();
        assert_eq!(error, "#/type: the root of an output schema has the type `object`", "{schema}");
    }
    assert!(OutputSchema::compile(&json!({"type": "object", "required": 1})).is_err());
}

#[test]
fn answers_are_checked_without_being_told() {
    check("<html>", expect!["the answer is not JSON"]);
    check("", expect!["the answer is not JSON"]);
    check("[]", expect!["the answer must be an object (an array came)"]);
    check("{}", expect!["`total` is required"]);
    check(r#"{"total":"hunter2"}"#, expect!["`total` must be a number (a string came)"]);
    check(
        r#"{"total":1,"lines":["a",1]}"#,
        expect!["`lines[1]` must be a string (an integer came)"],
    );
    check(r#"{"total":1e400,"more":true}"#, expect!["holds"]);
}
