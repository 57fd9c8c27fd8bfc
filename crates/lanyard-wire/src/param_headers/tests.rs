//! Tests of `param_headers`.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{Decimal, ParamHeaders};
use crate::RoutingHeaders;

fn schema() -> Value {
    json!({
        "type": "object",
        "properties": {
            "region": { "type": "string", "x-mcp-header": "Region" },
            "size": { "type": "integer", "x-mcp-header": "Size" },
            "deep": {
                "type": "object",
                "properties": { "dry": { "type": "boolean", "x-mcp-header": "Dry-Run" } }
            },
            "x-mcp-header": { "type": "number", "default": { "x-mcp-header": 1 } },
            "other": { "enum": [{ "x-mcp-header": "no annotation" }] }
        }
    })
}

#[track_caller]
fn check(arguments: &str, headers: &[(&str, &str)], expected: Result<(), &str>) {
    let pairs = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
    let headers = RoutingHeaders::collect(pairs);
    let raw: Option<&RawValue> =
        (!arguments.is_empty()).then(|| serde_json::from_str(arguments).unwrap());
    let actual = ParamHeaders::compile(&schema()).unwrap().check(raw, &headers).map_err(|error| {
        assert_eq!((error.code, error.status), (-32020, 400));
        error.message
    });
    assert_eq!(actual, expected.map_err(|text| format!("Header mismatch: Mcp-Param-{text}")));
}

#[test]
fn headers_that_disagree_with_the_arguments_are_refused() {
    let region = |value: &'static str| [("mcp-param-region", value)];
    check(r#"{"region":"eu"}"#, &[], Err("Region is missing"));
    check(r#"{"region":""}"#, &[], Err("Region is missing"));
    check(r#"{"deep":{"dry":false}}"#, &[], Err("Dry-Run is missing"));
    check(r#"{"region":"eu"}"#, &region("us"), Err("Region differs from the argument"));
    check(r#"{"region":"eu"}"#, &region("EU"), Err("Region differs from the argument"));
    check(r#"{"region":["eu"]}"#, &region("eu"), Err("Region differs from the argument"));
    check(r#"{"region":{}}"#, &region("{}"), Err("Region differs from the argument"));
    check(
        r#"{"region":"Hello"}"#,
        &region("=?base64?SGVsbG8?="),
        Err("Region is not encoded correctly"),
    );
    check(
        r#"{"region":"Hello"}"#,
        &region("=?base64?SGVs!!!bG8=?="),
        Err("Region is not encoded correctly"),
    );
    check("{}", &region("eu"), Err("Region is there, and the argument is not"));
    check("", &region("eu"), Err("Region is there, and the argument is not"));
    check(r#"{"region":null}"#, &region("null"), Err("Region is there, and the argument is not"));
    check(
        r#"{"region":"eu"}"#,
        &[("mcp-param-region", "eu"), ("Mcp-Param-REGION", "eu")],
        Err("Region is there more than once"),
    );
    check(r#"{"size":1}"#, &[("mcp-param-size", "2")], Err("Size differs from the argument"));
    check(r#"{"size":1}"#, &[("mcp-param-size", "one")], Err("Size differs from the argument"));
    check(r#"{"size":1}"#, &[("mcp-param-size", "")], Err("Size differs from the argument"));
    check(
        r#"{"deep":{"dry":true}}"#,
        &[("mcp-param-dry-run", "True")],
        Err("Dry-Run differs from the argument"),
    );
    check(
        r#"{"size":12345678901234567890123}"#,
        &[("mcp-param-size", "12345678901234567890124")],
        Err("Size differs from the argument"),
    );
}

#[test]
fn headers_that_agree_pass() {
    check("", &[], Ok(()));
    check("{}", &[], Ok(()));
    check(r#"{"region":null,"size":null}"#, &[], Ok(()));
    check(r#"{"deep":null}"#, &[], Ok(()));
    check(r#"{"deep":7}"#, &[], Ok(()));
    check(r#"{"region":"eu"}"#, &[("Mcp-Param-Region", " eu\t")], Ok(()));
    check(r#"{"region":""}"#, &[("Mcp-Param-Region", "")], Ok(()));
    check(r#"{"region":"Hello"}"#, &[("Mcp-Param-Region", "=?base64?SGVsbG8=?=")], Ok(()));
    check(r#"{"region":"caf\u00e9"}"#, &[("Mcp-Param-Region", "=?base64?Y2Fmw6k=?=")], Ok(()));
    check(r#"{"region":"SGVsbG8="}"#, &[("Mcp-Param-Region", "SGVsbG8=")], Ok(()));
    check(
        r#"{"region":"=?base64?SGVsbG8="}"#,
        &[("Mcp-Param-Region", "=?base64?SGVsbG8=")],
        Ok(()),
    );
    check(r#"{"size":100}"#, &[("Mcp-Param-Size", "1e2")], Ok(()));
    check(r#"{"size":42.0}"#, &[("Mcp-Param-Size", "42")], Ok(()));
    check(
        r#"{"size":12345678901234567890123}"#,
        &[("Mcp-Param-Size", "12345678901234567890123")],
        Ok(()),
    );
    check(r#"{"deep":{"dry":false}}"#, &[("Mcp-Param-Dry-Run", "false")], Ok(()));
    check(r#"{"x":1}"#, &[("Mcp-Param-Unknown", "a"), ("Mcp-Param-Unknown", "b")], Ok(()));
}

#[test]
fn headers_are_written_as_they_are_checked() {
    let headers = ParamHeaders::compile(&schema()).unwrap();
    for (arguments, expected) in [
        ("{}", ""),
        (r#"{"region":null,"size":[],"deep":7}"#, ""),
        (
            r#"{"region":"eu","size":12345678901234567890123}"#,
            "region: eu, size: 12345678901234567890123",
        ),
        (r#"{"size":1e2,"deep":{"dry":false}}"#, "size: 1e2, dry-run: false"),
        (r#"{"region":" caf\u00e9"}"#, "region: =?base64?IGNhZsOp?="),
        (r#"{"region":""}"#, "region: "),
    ] {
        let raw: &RawValue = serde_json::from_str(arguments).unwrap();
        let written = headers.headers(Some(raw));
        let shown: Vec<_> = written
            .iter()
            .map(|(name, value)| format!("{}: {value}", name.strip_prefix("mcp-param-").unwrap()))
            .collect();
        assert_eq!(shown.join(", "), expected);
        if !arguments.contains("[]") {
            let pairs = written.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
            headers.check(Some(raw), &RoutingHeaders::collect(pairs)).unwrap();
        }
    }
    assert!(headers.headers(None).is_empty());
}

#[test]
fn annotations_that_break_a_rule() {
    let string = |name: Value| json!({ "type": "string", "x-mcp-header": name });
    let property = |schema: Value| json!({ "type": "object", "properties": { "a": schema } });
    let good = string(json!("A"));
    for bad in [
        property(string(json!(""))),
        property(string(json!("a b"))),
        property(string(json!("a:b"))),
        property(string(json!("a\nb"))),
        property(string(json!("é"))),
        property(string(json!(7))),
        property(string(Value::Null)),
        property(json!({ "type": "number", "x-mcp-header": "A" })),
        property(json!({ "type": "array", "x-mcp-header": "A" })),
        property(json!({ "type": ["string", "null"], "x-mcp-header": "A" })),
        property(json!({ "x-mcp-header": "A" })),
        property(json!({ "type": "array", "items": good })),
        property(json!({ "anyOf": [good] })),
        property(json!({ "oneOf": [{ "properties": { "b": good } }] })),
        property(json!({ "additionalProperties": good })),
        property(json!({ "patternProperties": { "x": good } })),
        property(json!({ "prefixItems": [good] })),
        json!({ "type": "string", "x-mcp-header": "A" }),
        json!({ "type": "object", "$defs": { "d": good } }),
        json!({ "type": "object", "allOf": [property(good.clone())] }),
        json!({ "type": "object", "if": property(good.clone()) }),
        json!({ "properties": { "a": good, "b": string(json!("a")) } }),
    ] {
        assert!(ParamHeaders::compile(&bad).is_err(), "{bad}");
    }
    for fine in [schema(), json!({}), json!(true), property(good.clone()), property(property(good))]
    {
        assert!(ParamHeaders::compile(&fine).is_ok(), "{fine}");
    }
    assert!(ParamHeaders::compile(&json!({ "type": "object" })).unwrap().is_empty());
    assert!(!ParamHeaders::compile(&schema()).unwrap().is_empty());
}

#[test]
fn numbers_are_equal_by_value() {
    let equal = |left: &str, right: &str| {
        let left = Decimal::parse(left);
        left.is_some() && left == Decimal::parse(right)
    };
    for (left, right) in [
        ("1", "1.0"),
        ("100", "1e2"),
        ("100", "1E+2"),
        ("0.1", "1e-1"),
        ("-0", "0"),
        ("0e99999", "0.000"),
        ("007", "7"),
        ("1e999999999999", "10e999999999998"),
        ("1.50", "15e-1"),
    ] {
        assert!(equal(left, right), "{left} {right}");
    }
    for (left, right) in [("1", "2"), ("1", "-1"), ("10", "1"), ("1", "1.00000000000000000001")] {
        assert!(!equal(left, right), "{left} {right}");
    }
    for bad in [
        "",
        "-",
        ".",
        "1.",
        ".5",
        "+1",
        "1e",
        "e1",
        "1 ",
        "0x1",
        "1_0",
        "--1",
        "1e99999999999999999999",
        "1.5.5",
        "٣",
    ] {
        assert_eq!(Decimal::parse(bad), None, "{bad}");
    }
}
