//! Tests of `inspect`.

use proptest::prelude::*;
use serde_json::value::RawValue;

use super::inspect;

const DEPTH_MAX: usize = 6;

#[track_caller]
fn check(json: &str, expected: Result<usize, &str>) {
    let actual = inspect(json.as_bytes(), DEPTH_MAX).map_err(|error| error.message);
    let expected = expected.map_err(|text| match text.strip_prefix("!") {
        Some(parse) => format!("Parse error: {parse}"),
        None => format!("Invalid request: {text}"),
    });
    assert_eq!(actual, expected, "{json}");
}

#[test]
fn a_key_given_twice_is_refused_at_every_depth() {
    check(r#"{"a":1,"a":2}"#, Err("duplicate key `a`"));
    check(r#"{"a":1,"b":2,"a":3}"#, Err("duplicate key `a`"));
    check(r#"{"a":1,"\u0061":2}"#, Err("duplicate key `a`"));
    check(r#"{"a\/b":1,"a/b":2}"#, Err("duplicate key `a/b`"));
    check(r#"{"😀":1,"\ud83d\ude00":2}"#, Err("duplicate key `😀`"));
    check(r#"{"":1,"":2}"#, Err("duplicate key ``"));
    check(r#"{"x":{"y":[{"a":1,"a":1}]}}"#, Err("duplicate key `a`"));
    check(r#"[{"a":{}},{"a":{"b":1,"b":2}}]"#, Err("duplicate key `b`"));
    check(r#"{"a":{"b":1},"b":2,"a":3}"#, Err("duplicate key `a`"));
    let many: String = (0..50).map(|number| format!("\"k{number}\":0,")).collect();
    check(&format!("{{{many}\"k31\":0}}"), Err("duplicate key `k31`"));
    check(&format!("{{\"x\":[{{{many}\"k\\u0039\":0}}]}}"), Err("duplicate key `k9`"));
}

#[test]
fn the_same_key_in_different_objects_is_no_duplicate() {
    check(r#"{"a":{"a":{"a":1}}}"#, Ok(0));
    check(r#"[{"a":1},{"a":2}]"#, Ok(1));
    check(r#"{"a":"a","b":["a","a"],"A":1}"#, Ok(2));
    check(r#"{"a":"\"a\":1,\"a\":2","é":1,"e\u0301":2}"#, Ok(2));
    let many: String = (0..50).map(|number| format!("\"k{number}\":0,")).collect();
    check(&format!("{{{many}\"k\":0}}"), Ok(50));
}

#[test]
fn nesting_is_bounded() {
    check("[[[[[[[]]]]]]]", Err("arrays and objects are nested deeper than 6 levels"));
    check(
        r#"{"a":{"a":{"a":[[[[]]]]}}}"#,
        Err("arrays and objects are nested deeper than 6 levels"),
    );
    check("[[[[[[]]]]]]", Ok(0));
    check(r#"["[[[[[[[[[[","{{{{{{{{"]"#, Ok(1));
    check("[[],[],[[]],{}]", Ok(3));
}

#[test]
fn keys_that_belong_to_the_parser_are_refused() {
    let problem = "a key begins with a reserved prefix";
    check(r#"{"$serde_json::private::Number":"1"}"#, Err(problem));
    check(r#"{"a":{"$serde_json::private::RawValue":"{}"}}"#, Err(problem));
    check(r#"{"\u0024serde_json::private::Number":"1"}"#, Err(problem));
    check(r#"{"a":"$serde_json::private::Number","$serde_json":1}"#, Ok(1));
}

#[test]
fn half_of_a_surrogate_pair_is_refused() {
    let problem = "!a string holds half of a surrogate pair";
    check(r#"["\ud800"]"#, Err(problem));
    check(r#"["\uDC00"]"#, Err(problem));
    check(r#"["\ud800\u0041"]"#, Err(problem));
    check(r#"{"\udfff":1}"#, Err(problem));
    check(r#"{"a":["x",{"b":"\ud83d"}]}"#, Err(problem));
    check(r#"["\ud83d\ude00","\\ud800","\u00e9\ud7ff"]"#, Ok(2));
}

#[test]
fn many_keys_take_no_quadratic_time() {
    let mut json = String::from("{");
    for number in 0..200_000 {
        json.push_str(&format!("\"{number}\":0,"));
    }
    json.push_str("\"x\":0}");
    check(&json, Ok(200_000));
}

/// JSON texts with few keys, so that they collide.
fn json() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        r#""a""#,
        r#""\u0061""#,
        r#""b""#,
        r#""\"""#,
        r#""\\""#,
        r#""é""#,
        r#""\u00e9""#,
    ]);
    let leaf = prop::sample::select(vec!["1", "null", r#""a""#, r#""\"{,""#, "-1.5e3", "true"])
        .prop_map(str::to_owned);
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|v| format!("[{}]", v.join(" , "))),
            prop::collection::vec((key.clone(), inner), 0..5).prop_map(|members| {
                let members: Vec<_> =
                    members.into_iter().map(|(key, value)| format!("{key} : {value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

/// The model: a tree that keeps every key, read member by member.
fn model(raw: &str) -> bool {
    struct Pairs(Vec<(String, Box<RawValue>)>);
    impl<'de> serde::Deserialize<'de> for Pairs {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Pairs;
                fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    formatter.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Pairs, A::Error> {
                    let mut pairs = Vec::new();
                    while let Some(pair) = map.next_entry()? {
                        pairs.push(pair);
                    }
                    Ok(Pairs(pairs))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    if let Ok(Pairs(pairs)) = serde_json::from_str(raw) {
        let mut seen = std::collections::BTreeSet::new();
        return pairs.into_iter().all(|(key, value)| seen.insert(key) && model(value.get()));
    }
    match serde_json::from_str::<Vec<Box<RawValue>>>(raw) {
        Ok(members) => members.into_iter().all(|member| model(member.get())),
        Err(_) => true,
    }
}

proptest! {
    #[test]
    fn a_simple_model_agrees_on_duplicates(json in json()) {
        prop_assert_eq!(inspect(json.as_bytes(), 100).is_ok(), model(&json), "{}", json);
    }

    #[test]
    fn serde_json_agrees_on_surrogates(units in prop::collection::vec(
        prop::sample::select(vec!["\\ud83d", "\\ude00", "\\u0041", "a", "\\n", "\\uD800", "\\\\"]),
        0..6,
    )) {
        let token = format!("\"{}\"", units.concat());
        let expected = serde_json::from_str::<String>(&token).is_ok();
        prop_assert_eq!(inspect(format!("[{token}]").as_bytes(), 4).is_ok(), expected);
        prop_assert_eq!(inspect(format!("{{{token}:0}}").as_bytes(), 4).is_ok(), expected);
    }

    #[test]
    fn bytes_that_are_no_json_do_not_panic(bytes in any::<Vec<u8>>()) {
        drop(inspect(&bytes, 8));
    }

    #[test]
    fn text_near_json_does_not_panic(text in r#"[{}\[\]",:\\ud8a0 ]{0,60}"#) {
        drop(inspect(text.as_bytes(), 8));
    }
}
