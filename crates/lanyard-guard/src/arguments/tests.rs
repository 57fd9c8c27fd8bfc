//! Intake as lines of data: refusals first. One `check` knows the API.

use expect_test::{Expect, expect};
use lanyard_core::Denial;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::ArgumentSchema;

/// The schema that the cases share: one argument of each kind.
const TOOL: &str = r##"{
    "type": "object",
    "properties": {
        "number": {"type": "string", "pattern": "^INV-[0-9]+$"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 50, "default": 20},
        "rate": {"type": "number", "exclusiveMinimum": 0},
        "dry": {"type": "boolean"},
        "state": {"type": "string", "enum": ["open", "closed"]},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 5}, "maxItems": 3},
        "due": {"type": "string", "format": "date"},
        "note": {"type": ["string", "null"]},
        "owner": {
            "type": "object",
            "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
            "required": ["id"],
            "additionalProperties": false
        },
        "any": {"$ref": "#/$defs/maybe"}
    },
    "required": ["number"],
    "additionalProperties": false,
    "$defs": {"maybe": {"anyOf": [{"type": "null"}, {"type": "integer"}]}}
}"##;

fn compile(schema: &str) -> ArgumentSchema {
    ArgumentSchema::compile(&serde_json::from_str(schema).unwrap()).unwrap()
}

fn outcome(schema: &str, arguments: Option<&str>) -> String {
    match compile(schema).clear(arguments) {
        Ok(clearance) => Value::Object(clearance.arguments().clone()).to_string(),
        Err(Denial::ArgumentsInvalid { problem }) => problem
            .strip_prefix("the call was not made: ")
            .map_or_else(|| panic!("{problem}"), |problem| format!("refused: {problem}")),
        Err(other) => panic!("{other}"),
    }
}

#[track_caller]
fn check(arguments: &str, expected: Expect) {
    expected.assert_eq(&outcome(TOOL, Some(arguments)));
}

/// For another schema than the shared one, given without its outer part.
#[track_caller]
fn check_schema(properties: &str, rest: &str, arguments: &str, expected: Expect) {
    let schema = format!(r#"{{"type": "object", "properties": {properties}{rest}}}"#);
    expected.assert_eq(&outcome(&schema, Some(arguments)));
}

#[test]
fn what_is_no_object_is_refused() {
    for text in ["", "{", "{]", "nul", r#"{"number":}"#, "{} {}"] {
        assert_eq!(outcome(TOOL, Some(text)), "refused: the arguments are not JSON", "{text}");
    }
    check("[]", expect!["refused: the arguments must be an object (an array came)"]);
    check("7", expect!["refused: the arguments must be an object (an integer came)"]);
    check(r#""number""#, expect!["refused: the arguments must be an object (a string came)"]);
}

#[test]
fn what_is_required_is_asked_for() {
    expect!["refused: `number` is required"].assert_eq(&outcome(TOOL, None));
    check("{}", expect!["refused: `number` is required"]);
    check("null", expect!["refused: `number` is required"]);
    check(r#"{"number":null}"#, expect!["refused: `number` must be a string (null came)"]);
    check(r#"{"number":"INV-1","owner":{}}"#, expect!["refused: `owner.id` is required"]);
}

#[test]
fn what_is_undeclared_is_refused_by_name() {
    check(
        r#"{"number":"INV-1","colour":"red"}"#,
        expect![[
            r#"refused: `colour` is not an argument; the arguments are `number`, `limit`, `rate`, `dry`, `state`, `tags`, `due`, `note`, `owner`, `any`"#
        ]],
    );
    check(
        r#"{"number":"INV-1","owner":{"id":1,"x":2,"y":3}}"#,
        expect!["refused: `owner` must not hold `x`, `y` (an object came)"],
    );
    check_schema(
        "{}",
        r#","additionalProperties":false"#,
        r#"{"a\nb":1}"#,
        expect!["refused: `a\\nb` is not an argument; this tool takes none"],
    );
    check_schema("{}", "", r#"{"a":1}"#, expect![[r#"{"a":1}"#]]);
    // A pattern can declare names too: then the validator decides.
    let patterns = r#","patternProperties":{"^x-":{}},"additionalProperties":false"#;
    check_schema("{}", patterns, r#"{"x-a":1}"#, expect![[r#"{"x-a":1}"#]]);
    check_schema(
        "{}",
        patterns,
        r#"{"y":1}"#,
        expect!["refused: the arguments must not hold `y` (an object came)"],
    );
}

#[test]
fn a_refusal_names_the_rule_and_never_the_value() {
    for (arguments, problem) in [
        (
            r#"{"number":"hunter2"}"#,
            "`number` must match the pattern `^INV-[0-9]+$` (a string came)",
        ),
        (r#"{"number":17}"#, "`number` must be a string (an integer came)"),
        (r#"{"number":["hunter2"]}"#, "`number` must be a string (an array came)"),
        (r#"{"number":"INV-1","limit":0}"#, "`limit` must be at least 1 (an integer came)"),
        (r#"{"number":"INV-1","limit":51}"#, "`limit` must be at most 50 (an integer came)"),
        (r#"{"number":"INV-1","limit":"51"}"#, "`limit` must be at most 50 (an integer came)"),
        (r#"{"number":"INV-1","limit":2.5}"#, "`limit` must be an integer (a number came)"),
        (r#"{"number":"INV-1","limit":"2.5"}"#, "`limit` must be an integer (a string came)"),
        (r#"{"number":"INV-1","limit":"3.0"}"#, "`limit` must be an integer (a string came)"),
        (r#"{"number":"INV-1","limit":" 3"}"#, "`limit` must be an integer (a string came)"),
        (r#"{"number":"INV-1","limit":"+3"}"#, "`limit` must be an integer (a string came)"),
        (r#"{"number":"INV-1","limit":"03"}"#, "`limit` must be an integer (a string came)"),
        (r#"{"number":"INV-1","limit":"0x3"}"#, "`limit` must be an integer (a string came)"),
        (r#"{"number":"INV-1","limit":""}"#, "`limit` must be an integer (a string came)"),
        (r#"{"number":"INV-1","limit":true}"#, "`limit` must be an integer (a boolean came)"),
        (r#"{"number":"INV-1","rate":0.0}"#, "`rate` must be more than 0 (a number came)"),
        (r#"{"number":"INV-1","rate":"fast"}"#, "`rate` must be a number (a string came)"),
        (r#"{"number":"INV-1","rate":"1.5 "}"#, "`rate` must be a number (a string came)"),
        (r#"{"number":"INV-1","rate":"NaN"}"#, "`rate` must be a number (a string came)"),
        (r#"{"number":"INV-1","rate":"1e"}"#, "`rate` must be a number (a string came)"),
        (r#"{"number":"INV-1","dry":"True"}"#, "`dry` must be a boolean (a string came)"),
        (r#"{"number":"INV-1","dry":"yes"}"#, "`dry` must be a boolean (a string came)"),
        (r#"{"number":"INV-1","dry":1}"#, "`dry` must be a boolean (an integer came)"),
        (
            r#"{"number":"INV-1","state":"ajar"}"#,
            r#"`state` must be one of "open", "closed" (a string came)"#,
        ),
        (
            r#"{"number":"INV-1","tags":["a","hunter2"]}"#,
            "`tags[1]` must have at most 5 characters (a string came)",
        ),
        (r#"{"number":"INV-1","tags":[1]}"#, "`tags[0]` must be a string (an integer came)"),
        (
            r#"{"number":"INV-1","tags":["a","b","c","d"]}"#,
            "`tags` must have at most 3 items (an array came)",
        ),
        (r#"{"number":"INV-1","tags":"a"}"#, "`tags` must be an array (a string came)"),
        (
            r#"{"number":"INV-1","due":"2026-02-30"}"#,
            "`due` must have the format `date` (a string came)",
        ),
        (r#"{"number":"INV-1","note":5}"#, "`note` must be null or a string (an integer came)"),
        (r#"{"number":"INV-1","owner":"me"}"#, "`owner` must be an object (a string came)"),
        // Nested values are never converted.
        (
            r#"{"number":"INV-1","owner":{"id":"7"}}"#,
            "`owner.id` must be an integer (a string came)",
        ),
        (r#"{"number":"INV-1","owner":{"id":null}}"#, "`owner.id` must be an integer (null came)"),
        (
            r#"{"number":"INV-1","any":"x"}"#,
            "`any` must have one of the allowed forms (a string came)",
        ),
        (r#"{"number":"INV-1","limit":1e400}"#, "`limit` must be at most 50 (a number came)"),
    ] {
        assert_eq!(outcome(TOOL, Some(arguments)), format!("refused: {problem}"), "{arguments}");
    }
}

#[test]
fn every_rule_has_its_words() {
    for (property, value, problem) in [
        (r#"{"const":"x"}"#, r#""y""#, r#"must be "x" (a string came)"#),
        (r#"{"minLength":3}"#, r#""ab""#, "must have at least 3 characters (a string came)"),
        (r#"{"minItems":1}"#, "[]", "must have at least 1 items (an array came)"),
        (r#"{"uniqueItems":true}"#, "[1,1]", "must have no item twice (an array came)"),
        (
            r#"{"contains":{"const":1}}"#,
            "[2]",
            "must contain an item that it lacks (an array came)",
        ),
        (r#"{"minProperties":1}"#, "{}", "must have at least 1 members (an object came)"),
        (
            r#"{"maxProperties":1}"#,
            r#"{"a":1,"b":2}"#,
            "must have at most 1 members (an object came)",
        ),
        (
            r#"{"propertyNames":{"maxLength":1}}"#,
            r#"{"long":1}"#,
            "must have only members whose names are allowed (an object came)",
        ),
        (r#"{"multipleOf":0.5}"#, "0.75", "must be a multiple of 0.5 (a number came)"),
        (r#"{"exclusiveMaximum":5}"#, "5", "must be less than 5 (an integer came)"),
        (r#"{"not":{"type":"string"}}"#, r#""x""#, "must not have this form (a string came)"),
        (
            r#"{"oneOf":[{"minimum":1},{"minimum":2}]}"#,
            "3",
            "must have exactly one of the allowed forms (an integer came)",
        ),
        (
            r#"{"oneOf":[{"minimum":5},{"minimum":6}]}"#,
            "3",
            "must have one of the allowed forms (an integer came)",
        ),
        (r#"{"unevaluatedProperties":false}"#, r#"{"z":1}"#, "must not hold `z` (an object came)"),
        (
            r#"{"unevaluatedItems":false}"#,
            r#"["hunter2"]"#,
            "must have no further items (an array came)",
        ),
        ("false", r#""hunter2""#, "must be left out (a string came)"),
    ] {
        let schema = format!(r#"{{"type":"object","properties":{{"p":{property}}}}}"#);
        let arguments = format!(r#"{{"p":{value}}}"#);
        let expected = format!("refused: `p` {problem}");
        assert_eq!(outcome(&schema, Some(&arguments)), expected, "{property}");
    }
    check_schema(
        r#"{"a":{},"b":{}}"#,
        r#","dependentRequired":{"a":["b"]}"#,
        r#"{"a":1}"#,
        expect!["refused: `b` is required"],
    );
}

#[test]
fn all_problems_are_told_up_to_ten() {
    check(
        r#"{"limit":99,"dry":"no","x":1}"#,
        expect![[
            r#"refused: `x` is not an argument; the arguments are `number`, `limit`, `rate`, `dry`, `state`, `tags`, `due`, `note`, `owner`, `any`; `limit` must be at most 50 (an integer came); `dry` must be a boolean (a string came); `number` is required"#
        ]],
    );
    let properties = r#"{"list":{"type":"array","items":{"type":"string"}}}"#;
    let list = |count: usize| format!(r#"{{"list":[{}]}}"#, vec!["1"; count].join(","));
    let schema = format!(r#"{{"properties":{properties}}}"#);
    let (ten, eleven) = (outcome(&schema, Some(&list(10))), outcome(&schema, Some(&list(11))));
    assert!(ten.ends_with("`list[9]` must be a string (an integer came)"), "{ten}");
    assert_eq!(eleven, format!("{ten}; and more"));
}

#[test]
fn what_is_too_much_is_refused_without_a_search() {
    let list = |count: usize| format!(r#"{{"list":[{}]}}"#, vec!["1"; count].join(","));
    let schema = r#"{"properties":{"list":{"type":"array","items":{"type":"string"}}}}"#;
    let text = outcome(schema, Some(&list(1998)));
    assert!(text.contains("`list[9]` must be a string (an integer came); and more"), "{text}");
    expect!["refused: the arguments must match the schema (where not is not looked for among more than 2000 values)"]
        .assert_eq(&outcome(schema, Some(&list(1999))));
    // The object, its list, and the items.
    assert!(!outcome("{}", Some(&list(99_997))).starts_with("refused"));
    expect!["refused: the arguments hold more than 100000 values"]
        .assert_eq(&outcome("{}", Some(&list(99_999))));
}

#[test]
fn long_and_hostile_names_are_cut() {
    let name = "n".repeat(5000);
    let text = outcome(r#"{"additionalProperties":false}"#, Some(&format!(r#"{{"{name}":1}}"#)));
    assert!(text.len() < 400, "{}", text.len());
    let text = outcome(
        r#"{"additionalProperties":{"type":"string"}}"#,
        Some("{\"a\\u001b[31m\\nrefused\":1}"),
    );
    expect!["refused: `a\\u{1b}[31m\\nrefused` must be a string (an integer came)"]
        .assert_eq(&text);
}

#[test]
fn what_fits_passes_as_it_was_written() {
    check(r#"{"number":"INV-1"}"#, expect![[r#"{"number":"INV-1","limit":20}"#]]);
    check(r#"{"limit":5,"number":"INV-1"}"#, expect![[r#"{"limit":5,"number":"INV-1"}"#]]);
    check(
        r#"{ "number" : "INV-1", "rate" : 1.50E+2 , "limit":1 }"#,
        expect![[r#"{"number":"INV-1","rate":1.50e+2,"limit":1}"#]],
    );
    check(
        r#"{"number":"INV-1","rate":0.1000000000000000055511151231257827,"limit":1}"#,
        expect![[r#"{"number":"INV-1","rate":0.1000000000000000055511151231257827,"limit":1}"#]],
    );
    check(
        r#"{"number":"INV-1","limit":1,"tags":[],"owner":{"id":123456789012345678901234567890}}"#,
        expect![[
            r#"{"number":"INV-1","limit":1,"tags":[],"owner":{"id":123456789012345678901234567890}}"#
        ]],
    );
}

#[test]
fn strings_and_whole_numbers_become_what_the_schema_declares() {
    for (given, sent) in [
        (r#""limit":"7""#, r#""limit":7"#),
        (r#""limit":3.0"#, r#""limit":3"#),
        (r#""limit":3.000"#, r#""limit":3"#),
        (r#""limit":1e1"#, r#""limit":10"#),
        (r#""limit":50E-1"#, r#""limit":5"#),
        (r#""limit":0.4e2"#, r#""limit":40"#),
        (r#""limit":1,"rate":"1.50""#, r#""limit":1,"rate":1.50"#),
        // serde_json gives every exponent a sign.
        (r#""limit":1,"rate":"1e2""#, r#""limit":1,"rate":1e+2"#),
        (r#""limit":1,"rate":3.0"#, r#""limit":1,"rate":3.0"#),
        (r#""limit":1,"dry":"true""#, r#""limit":1,"dry":true"#),
        (r#""limit":1,"dry":"false""#, r#""limit":1,"dry":false"#),
        // Not where the declared type is anything else.
        (r#""limit":1,"note":"true""#, r#""limit":1,"note":"true""#),
        (r#""limit":1,"any":3"#, r#""limit":1,"any":3"#),
    ] {
        let arguments = format!(r#"{{"number":"INV-1",{given}}}"#);
        let expected = format!(r#"{{"number":"INV-1",{sent}}}"#);
        assert_eq!(outcome(TOOL, Some(&arguments)), expected);
    }
    // What no digits can write is refused, although it is whole.
    check_schema(
        r#"{"n":{"type":"integer"}}"#,
        "",
        r#"{"n":1e400}"#,
        expect!["refused: `n` must be an integer, written in digits (a number came)"],
    );
    // A large number keeps its digits.
    check_schema(
        r#"{"n":{"type":"integer"}}"#,
        "",
        r#"{"n":"123456789012345678901234567890"}"#,
        expect![[r#"{"n":123456789012345678901234567890}"#]],
    );
}

#[test]
fn null_is_absent_where_it_may_be() {
    let none = r#"{"number":"INV-1","dry":null,"limit":null,"state":null}"#;
    check(none, expect![[r#"{"number":"INV-1","limit":20}"#]]);
    // The schema of these has a null, one of them behind a reference.
    check(
        r#"{"number":"INV-1","limit":1,"note":null,"any":null}"#,
        expect![[r#"{"number":"INV-1","limit":1,"note":null,"any":null}"#]],
    );
    // The order of the others stays.
    check(
        r#"{"dry":null,"number":"INV-1","rate":1,"limit":2}"#,
        expect![[r#"{"number":"INV-1","rate":1,"limit":2}"#]],
    );
    // A type that names null, and an enum that leaves it out.
    let properties = r#"{"e":{"type":["string","null"],"enum":["a"]},"a b/c~d":{"enum":[null,1]}}"#;
    check_schema(properties, "", r#"{"e":null}"#, expect!["{}"]);
    check_schema(properties, "", r#"{"a b/c~d":null}"#, expect![[r#"{"a b/c~d":null}"#]]);
}

#[test]
fn defaults_fill_what_is_absent() {
    let properties =
        r#"{"a":{"default":[1.0]},"b":{"default":null},"c":{"type":"integer","default":"x"}}"#;
    check_schema(properties, "", r#"{"c":1}"#, expect![[r#"{"c":1,"a":[1.0]}"#]]);
    // A default is validated like anything else.
    check_schema(properties, "", "{}", expect!["refused: `c` must be an integer (a string came)"]);
    // A default satisfies `required`.
    let required = r#","required":["a"]"#;
    check_schema(r#"{"a":{"default":1}}"#, required, "{}", expect![[r#"{"a":1}"#]]);
}

#[test]
fn nothing_prints_the_arguments() {
    let clearance = compile("{}").clear(Some(r#"{"a":"hunter2"}"#)).unwrap();
    assert_eq!(format!("{clearance:?}"), "Clearance(..)");
    assert_eq!(format!("{:?}", compile(TOOL)), "ArgumentSchema(10 arguments)");
    expect![[r#"{"a":"hunter2"}"#]].assert_eq(&clearance.canonical());
}

/// Any JSON of a few levels, with numbers in many spellings.
fn any_json() -> impl Strategy<Value = String> {
    let number = r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,12})?";
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        number.prop_map(|text| text),
        any::<String>().prop_map(|text| Value::String(text).to_string()),
        prop::sample::select(vec!["\"true\"", "\"3\"", "\"open\"", "\"INV-7\"", "3.0"])
            .prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let key = prop_oneof![any_name(), any::<String>()];
        let members = prop::collection::vec((key, inner.clone()), 0..6);
        let object = members.prop_map(|members| object(&members));
        let array =
            prop::collection::vec(inner, 0..5).prop_map(|items| format!("[{}]", items.join(",")));
        prop_oneof![object, array]
    })
}

fn any_name() -> impl Strategy<Value = String> {
    let names = ["number", "limit", "rate", "dry", "state", "tags", "due", "note", "owner", "any"];
    prop::sample::select(names.to_vec()).prop_map(str::to_owned)
}

fn object(members: &[(String, String)]) -> String {
    // The wire refuses keys that serde_json keeps for itself, and keys that come twice.
    let mut unique: Map<String, Value> = Map::new();
    for (key, value) in members.iter().filter(|(key, _)| !key.starts_with("$serde_json")) {
        if let Ok(value) = serde_json::from_str(value) {
            unique.insert(key.clone(), value);
        }
    }
    Value::Object(unique).to_string()
}

proptest! {
    #[test]
    fn arbitrary_json_never_panics(text in any_json()) {
        let _outcome = outcome(TOOL, Some(&text));
    }

    #[test]
    fn what_was_cleared_is_valid_and_clears_again(
        members in prop::collection::vec((any_name(), any_json()), 0..8),
        number in "INV-[0-9]{1,3}",
    ) {
        let mut members = members;
        members.push(("number".to_owned(), format!("\"{number}\"")));
        let schema: Value = serde_json::from_str(TOOL).unwrap();
        let compiled = compile(TOOL);
        if let Ok(clearance) = compiled.clear(Some(&object(&members))) {
            let value = Value::Object(clearance.arguments().clone());
            prop_assert!(jsonschema::draft202012::is_valid(&schema, &value));
            let again = compiled.clear(Some(&value.to_string())).unwrap();
            prop_assert_eq!(again.arguments(), clearance.arguments());
            prop_assert_eq!(again.canonical(), clearance.canonical());
        }
    }
}

/// What goes to somebody else's server, or why nothing does.
fn foreign(schema: &str, strip: bool, arguments: &str) -> String {
    let schema = serde_json::from_str(schema).unwrap();
    match ArgumentSchema::compile_foreign(&schema, strip).unwrap().clear(Some(arguments)) {
        Ok(clearance) => {
            let stripped = clearance.stripped().iter();
            let stripped = stripped.map(|it| format!("{} was {}; ", it.key, it.reason.as_str()));
            format!("{}{}", stripped.collect::<String>(), json!(clearance.arguments()))
        }
        Err(denial) => format!("refused: {denial}"),
    }
}

const FOREIGN: &str = r#"{"$schema":"http://json-schema.org/draft-07/schema#","type":"object","required":["q"],
    "properties":{"q":{"type":"string"},"n":{"type":"integer","default":5},"d":{"type":"string","format":"date"},
    "on":{"type":"boolean"}},"additionalProperties":false}"#;

#[test]
fn a_foreign_tool_gets_what_it_asked_for() {
    for (arguments, problem) in [
        (r#"{}"#, "`q` is required"),
        (r#"{"q":1}"#, "`q` must be a string (an integer came)"),
        (r#"{"q":"","n":"3"}"#, "`n` must be an integer (a string came)"),
        (r#"{"q":"","x":1}"#, "`x` is not an argument; the arguments are `q`, `n`, `d`, `on`"),
    ] {
        let expected = format!("refused: the call was not made: {problem}");
        assert_eq!(foreign(FOREIGN, true, arguments), expected);
    }
    assert_eq!(
        foreign(FOREIGN, false, r#"{"q":"","n":null}"#),
        "refused: the call was not made: `n` must be an integer (null came)"
    );
}

#[test]
fn a_foreign_tool_gets_arguments_as_they_came() {
    for arguments in [r#"{"q":"true","n":3.0}"#, r#"{"n":1,"q":"none","d":"no date"}"#] {
        assert_eq!(foreign(FOREIGN, true, arguments), arguments);
        assert_eq!(foreign(FOREIGN, false, arguments), arguments);
    }
    expect![[r#"n was null; d was empty; on was placeholder; {"q":"a"}"#]].assert_eq(&foreign(
        FOREIGN,
        true,
        r#"{"n":null,"q":"a","d":"","on":"undefined"}"#,
    ));
}

#[test]
fn a_schema_that_cannot_be_enforced_is_the_servers_business() {
    for schema in [
        r#"{"$schema":"https://example.com/own"}"#,
        r#"{"properties":{"a":{"pattern":"(?=x)"}}}"#,
        r#"{"properties":{"a":{"$ref":"https://example.com/a.json"}}}"#,
        r#"{"type":"objekt"}"#,
    ] {
        let value = serde_json::from_str(schema).unwrap();
        assert!(ArgumentSchema::compile_foreign(&value, true).unwrap().unenforced().is_some());
        assert_eq!(foreign(schema, true, r#"{"a":1,"b":""}"#), r#"b was empty; {"a":1}"#);
    }
    for schema in [json!(null), json!([]), json!("object")] {
        assert!(ArgumentSchema::compile_foreign(&schema, true).is_err());
    }
}

#[test]
fn dialects_are_told_apart() {
    // A list of schemas under `items` is a tuple up to 2019-09, and nothing in 2020-12.
    let tuple = |dialect: &str| {
        format!(r#"{{{dialect}"properties":{{"a":{{"items":[{{"type":"integer"}}]}}}}}}"#)
    };
    for dialect in [
        "",
        r#""$schema":"http://json-schema.org/draft-07/schema#","#,
        r#""$schema":"https://json-schema.org/draft/2019-09/schema","#,
    ] {
        assert!(
            foreign(&tuple(dialect), true, r#"{"a":["x"]}"#).starts_with("refused"),
            "{dialect}"
        );
    }
}
