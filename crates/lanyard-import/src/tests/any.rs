//! Whatever is given to an importer, it answers: with a server that reads back, or with an error.

use proptest::prelude::*;
use serde_json::{Map, Value};

use super::accepted;
use crate::shell::variable::is_marker;
use crate::{Collected, ImportOptions, Imported, import_curl, import_har, import_postman};

/// Members that collections and recordings have, so that any JSON goes deep.
const KEYS: &[&str] = &[
    "item",
    "name",
    "request",
    "url",
    "raw",
    "host",
    "path",
    "query",
    "key",
    "value",
    "method",
    "header",
    "body",
    "mode",
    "urlencoded",
    "formdata",
    "graphql",
    "auth",
    "type",
    "bearer",
    "basic",
    "apikey",
    "token",
    "variable",
    "log",
    "entries",
    "headers",
    "postData",
    "mimeType",
    "text",
    "params",
    "cookies",
    "response",
    "status",
    "content",
    "description",
    "disabled",
];

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..600_i64).prop_map(Value::from),
        "[ -~äß]{0,12}".prop_map(Value::from),
        prop_oneof![
            Just("https://api.example.com/{{id}}/x?a=1&b[c]=2"),
            Just("{{baseUrl}}/v1/:id"),
            Just("application/json"),
            Just("{\"a\":1}"),
            Just("raw"),
            Just("POST"),
            Just("bearer"),
            Just("{{token}}"),
            Just("{{name}} {{x}}"),
            Just("https://api.example.com/?{{q}}=1&{{apiKey}}=2"),
            Just("apikey"),
            Just("basic"),
        ]
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 5, |inner| {
        let member = (0..KEYS.len(), inner.clone())
            .prop_map(|(index, value)| (KEYS.get(index).map_or("", |key| key).to_owned(), value));
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::from),
            proptest::collection::vec(member, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// The definition reads back, and no mark of a variable is left in it.
fn sound(imported: &Imported) {
    let yaml = imported.draft.to_yaml();
    assert!(!yaml.contains(is_marker), "{yaml}");
    accepted(&yaml);
}

fn reads_back(collected: &Collected) {
    for server in &collected.servers {
        sound(server);
    }
}

/// What is read as curl words: pieces of lines in any order.
const PIECES: &[&str] = &[
    "curl ",
    "https://api.example.com/a/{b}/:c?d=1&e[f]=2 ",
    "http://h.example ",
    "-H ",
    "-d ",
    "'",
    "\"",
    "--json ",
    "{\"a\": [1]} ",
    "-u ",
    "a:b ",
    "-G ",
    "-F ",
    "x=y ",
    "\\\n",
    "$NAME",
    "\"https://api.example.com/?$Q=1&$API_KEY=$V\" ",
    "-d \"$K=v\" ",
    "-H \"$H: v\" ",
    "-b \"$C=v\" ",
    "--json \"{\\\"$J\\\": $V, \\\"k\\\": \\\"a $V b\\\"}\" ",
    "${N}",
    "-b ",
    "k=v; l=w ",
    "-X ",
    "PATCH ",
    "Authorization: Bearer tst ",
    "X-A: b ",
    "--url-query ",
    "$'\\x41'",
    "# c\n",
    "--oauth2-bearer ",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_pieces_of_a_line_are_answered(
        pieces in proptest::collection::vec(
            prop_oneof![(0..PIECES.len()).prop_map(|index| PIECES[index].to_owned()), ".{0,6}"],
            0..12,
        )
    ) {
        let line = format!("curl {}", pieces.concat());
        if let Ok(imported) = import_curl(&line, &ImportOptions { path_ids: true, ..Default::default() }) {
            sound(&imported);
        }
    }

    #[test]
    fn any_members_of_a_file_are_answered(json in json()) {
        let options = ImportOptions { base_url: Some("https://h.example/b"), ..Default::default() };
        let text = json.to_string();
        let item = format!("{{\"item\":[{text},{{\"request\":{text}}},{{\"request\":{{\"url\":\"https://h.example\",\"body\":{text}}}}}],\"variable\":[{text}]}}");
        for text in [&text, &item] {
            if let Ok(collected) = import_postman(text, Some(text), &options) {
                reads_back(&collected);
            }
        }
        let entry = format!("{{\"log\":{{\"entries\":[{text},{{\"request\":{text}}},{{\"request\":{{\"url\":\"https://h.example/x\",\"method\":\"POST\",\"postData\":{text},\"headers\":[{text}]}}}}]}}}}");
        for text in [&text, &entry] {
            if let Ok(collected) = import_har(text, &options) {
                reads_back(&collected);
            }
        }
    }
}

#[test]
fn what_would_grow_without_end_is_bounded() {
    let many = "{{a}}".repeat(1_000);
    let values: Vec<String> = ["a", "b", "c"]
        .iter()
        .zip(["b", "c", "a"])
        .map(|(name, next)| {
            let value = many.replace('a', next);
            format!("{{\"key\":\"{name}\",\"value\":\"{value}\"}}")
        })
        .collect();
    let collection = format!(
        "{{\"variable\":[{}],\"item\":[{{\"request\":\"https://h.example/x?q={{{{a}}}}\"}}]}}",
        values.join(",")
    );
    import_postman(&collection, None, &ImportOptions::default()).unwrap();
    let line = format!("curl https://h.example/x -d '{}'", "a=1&".repeat(100_000));
    let errors = import_curl(&line, &ImportOptions::default()).map(|_| ()).unwrap_err();
    assert!(errors[0].message.contains("1000 pairs"), "{errors:?}");
    let deep =
        format!("curl https://h.example/x --json '{}1{}'", "[".repeat(9_000), "]".repeat(9_000));
    import_curl(&deep, &ImportOptions::default()).map(|_| ()).unwrap_err();
}
