//! Tests of `splice`.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Edit, array, elements, member, members, remove_members, set_member};

#[track_caller]
fn check(actual: Option<String>, expected: Expect) {
    expected.assert_eq(&actual.unwrap_or_else(|| "none".to_owned()));
}

const ODD: &str =
    "{ \"a\" : 1e2 ,\n\t\"b\":{ \"c\":[1, {\"b\":2}],\"d\":\"}\\\"{\" } , \"é\\u0041\":-0.0}";

#[test]
fn what_is_no_object_has_no_members() {
    for text in
        ["", " ", "[]", "1", "\"{}\"", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{a:1}", "{\"a\":}"]
    {
        assert_eq!(set_member(text, &["a"], "1"), None, "{text}");
        assert_eq!(remove_members(text, &[], &["a"]), None, "{text}");
        assert!(member(text, &["a"]).is_none(), "{text}");
        assert!(members(text).is_none(), "{text}");
    }
    assert_eq!(set_member("{}", &[], "1"), None);
    assert_eq!(set_member(r#"{"a":7}"#, &["a", "b"], "1"), None);
    assert_eq!(set_member(r#"{"a":[]}"#, &["a", "b"], "1"), None);
    assert!(elements("{}").is_none());
}

#[test]
fn members_are_found_by_what_their_key_says() {
    let found = |path: &[&str]| member(ODD, path).map(|raw| raw.get().to_owned());
    check(found(&["a"]), expect!["1e2"]);
    check(found(&["b", "c"]), expect![[r#"[1, {"b":2}]"#]]);
    check(found(&["b", "d"]), expect![[r#""}\"{""#]]);
    check(found(&["éA"]), expect!["-0.0"]);
    check(found(&["c"]), expect!["none"]);
    check(found(&["a", "c"]), expect!["none"]);
    check(found(&["b", "c", "b"]), expect!["none"]);
    let keys: Vec<_> = members(ODD).unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["a", "b", "éA"]);
}

#[test]
fn members_are_set_where_they_stand() {
    check(
        set_member(ODD, &["a"], "\"x\""),
        expect![[r#"
            { "a" : "x" ,
            	"b":{ "c":[1, {"b":2}],"d":"}\"{" } , "é\u0041":-0.0}"#]],
    );
    check(
        set_member(ODD, &["éA"], "[]"),
        expect![[r#"
            { "a" : 1e2 ,
            	"b":{ "c":[1, {"b":2}],"d":"}\"{" } , "é\u0041":[]}"#]],
    );
    check(
        set_member(ODD, &["b", "e\"", "f"], "null"),
        expect![[r#"
            { "a" : 1e2 ,
            	"b":{ "c":[1, {"b":2}],"d":"}\"{","e\"":{"f":null} } , "é\u0041":-0.0}"#]],
    );
    check(set_member("{}", &["a", "b"], "1"), expect![[r#"{"a":{"b":1}}"#]]);
    check(set_member(" { } ", &["a"], "1"), expect![[r#" {"a":1 } "#]]);
    check(set_member(r#"{"a":null}"#, &["a", "b"], "1"), expect![[r#"{"a":{"b":1}}"#]]);
}

#[test]
fn members_are_removed_with_their_commas() {
    let remove = |keys: &[&str]| remove_members(r#"{ "a":1, "b" : 2 ,"c":3 }"#, &[], keys);
    check(remove(&["a"]), expect![[r#"{ "b" : 2 ,"c":3 }"#]]);
    check(remove(&["b"]), expect![[r#"{ "a":1 ,"c":3 }"#]]);
    check(remove(&["c"]), expect![[r#"{ "a":1, "b" : 2 }"#]]);
    check(remove(&["a", "b"]), expect![[r#"{ "c":3 }"#]]);
    check(remove(&["c", "a"]), expect![[r#"{ "b" : 2 }"#]]);
    check(remove(&["b", "c"]), expect![[r#"{ "a":1 }"#]]);
    check(remove(&["a", "b", "c"]), expect!["{  }"]);
    check(remove(&["d"]), expect![[r#"{ "a":1, "b" : 2 ,"c":3 }"#]]);
    check(remove_members(r#"{"a":{"b":1,"c":2}}"#, &["a"], &["b"]), expect![[r#"{"a":{"c":2}}"#]]);
    check(remove_members(r#"{"a":[]}"#, &["a"], &["b"]), expect![[r#"{"a":[]}"#]]);
    check(remove_members(r#"{"b":1}"#, &["a"], &["b"]), expect![[r#"{"b":1}"#]]);
    check(remove_members(r#"{"b":1,"a":2,"b":3}"#, &[], &["b"]), expect![[r#"{"a":2}"#]]);
}

#[test]
fn several_changes_at_once() {
    let edit = Edit::of(r#"{"a":1,"b":2,"c":3}"#).unwrap();
    let edit = edit.remove(&["a", "x"]).set("d", "4").set_text("b", "\n").set_missing("c", "7");
    let edit = edit.set_missing("e", "5").set("d", "44").set_or_remove("c", None::<&str>);
    check(Some(edit.write()), expect![[r#"{"b":"\n","d":44,"e":5}"#]]);
    let edit = Edit::of(r#"{"a":1}"#).unwrap().remove(&["a"]).set("b", "2");
    check(Some(edit.write()), expect![[r#"{"b":2}"#]]);
    let edit = Edit::of(r#"{"a":1,"a":2,"b":3}"#).unwrap().set("a", "0");
    check(Some(edit.write()), expect![[r#"{"a":0,"b":3}"#]]);
    check(Some(array(["1", "{}"])), expect!["[1,{}]"]);
    check(Some(array::<&str>([])), expect!["[]"]);
    let texts: Vec<_> = elements("[ 1 ,{ }]").unwrap().iter().map(|raw| raw.get()).collect();
    assert_eq!(texts, ["1", "{ }"]);
}

/// Keys that collide often, some of which need escapes.
fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "_meta", "é", "q\"", "\\", "\n"]).prop_map(str::to_owned)
}

fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z{}\\[\\],:\"\\\\ é\u{1F600}]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            object_of(inner),
        ]
    })
}

fn object_of(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::vec((key(), inner), 0..5)
        .prop_map(|members| Value::Object(members.into_iter().collect()))
}

/// The same value as text, with or without white space.
fn written(value: &Value, pretty: bool) -> String {
    if pretty { serde_json::to_string_pretty(value).unwrap() } else { value.to_string() }
}

/// What [`set_member`] does, on a tree.
fn set_in_tree(tree: &mut Value, path: &[&str], value: Value) -> bool {
    let Some((key, rest)) = path.split_first() else {
        *tree = value;
        return true;
    };
    if tree.is_null() {
        *tree = Value::Object(Map::new());
    }
    let Value::Object(members) = tree else { return false };
    set_in_tree(members.entry((*key).to_owned()).or_insert(Value::Null), rest, value)
}

proptest! {
    #[test]
    fn setting_is_what_it_is_on_a_tree(
        object in object_of(tree()),
        path in prop::collection::vec(key(), 1..4),
        value in tree(),
        pretty: bool,
    ) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let actual = set_member(&written(&object, pretty), &path, &written(&value, pretty));
        let mut expected = object;
        let expected = set_in_tree(&mut expected, &path, value).then_some(expected);
        let actual = actual.map(|text| serde_json::from_str::<Value>(&text).unwrap());
        prop_assert_eq!(&actual, &expected);
        // `Value` compares objects without order, and order is promised.
        prop_assert_eq!(actual.map(|tree| tree.to_string()), expected.map(|tree| tree.to_string()));
    }

    #[test]
    fn removing_is_what_it_is_on_a_tree(
        object in object_of(tree()),
        path in prop::collection::vec(key(), 0..3),
        keys in prop::collection::vec(key(), 0..4),
        pretty: bool,
    ) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let actual = remove_members(&written(&object, pretty), &path, &keys).unwrap();
        let mut expected = object;
        let inner = path.iter().try_fold(&mut expected, |tree, key| tree.get_mut(*key));
        if let Some(Value::Object(members)) = inner {
            members.retain(|key, _| !keys.contains(&key.as_str()));
        }
        let actual: Value = serde_json::from_str(&actual).unwrap();
        prop_assert_eq!(actual.to_string(), expected.to_string());
    }

    #[test]
    fn reading_is_what_it_is_on_a_tree(object in object_of(tree()), path in prop::collection::vec(key(), 1..4)) {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let text = object.to_string();
        let actual = member(&text, &path).map(|raw| raw.get().to_owned());
        let expected = path.iter().try_fold(&object, |tree, key| tree.get(*key));
        prop_assert_eq!(actual, expected.map(Value::to_string));
    }

    #[test]
    fn no_bytes_make_it_panic(text in "[{}\\[\\]\":,\\\\ua0 é]{0,24}", key in key()) {
        let _ = (member(&text, &[&key]).is_some(), members(&text).is_some());
        let _ = (set_member(&text, &[&key, "x"], "1"), remove_members(&text, &[&key], &["a"]));
        let _ = remove_members(&text, &[], &[&key, "a"]);
    }
}

#[test]
fn a_large_object_keeps_everything_else() {
    let value = json!({ "content": [{ "type": "text", "text": "x".repeat(100_000) }] }).to_string();
    let changed = set_member(&value, &["resultType"], "\"complete\"").unwrap();
    assert_eq!(
        changed,
        format!("{},\"resultType\":\"complete\"}}", value.strip_suffix('}').unwrap())
    );
}
