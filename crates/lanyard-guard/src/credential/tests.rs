//! Credentials at every place of arguments, and what is none.

use lanyard_core::credential::samples_for_test;
use proptest::prelude::*;

use super::*;

#[test]
fn a_credential_is_found_wherever_it_stands_and_never_repeated() {
    for (kind, sample) in samples_for_test() {
        let quoted = Value::from(sample.as_str()).to_string();
        for (json, argument) in [
            (format!(r#"{{"a":1,"key":{quoted}}}"#), r#"the argument "key""#),
            (format!(r#"{{"key":{{"deep":[1,[{quoted}]]}}}}"#), r#"the argument "key""#),
            (format!(r#"{{"key":{{{quoted}:1}}}}"#), r#"the argument "key""#),
            (format!(r#"{{{quoted}:1}}"#), "the name of an argument"),
            (format!(r#"{{"key":"use this:\n{sample}\n"}}"#), r#"the argument "key""#),
            (format!(r#"{{"key":"{{\"b\":\"{sample}\"}}"}}"#), r#"the argument "key""#),
        ] {
            let found = credential_in(Some(&json));
            let expected = CredentialFound { argument: argument.to_owned(), kind };
            assert_eq!(found, Some(expected), "{json}");
        }
    }
    // Every letter written as an escape.
    let (kind, sample) = samples_for_test().swap_remove(0);
    let escaped: String =
        sample.chars().map(|letter| format!("\\u{:04x}", u32::from(letter))).collect();
    let found = credential_in(Some(&format!(r#"{{"key":"{escaped}"}}"#))).unwrap();
    assert_eq!(found.kind, kind);
    assert!(!format!("{found:?}").contains(&sample));
}

#[test]
fn what_is_none_passes() {
    for json in [
        "",
        "null",
        "[1]",
        "{",
        r#"{"number":"INV-7"}"#,
        r#"{"text":"a\u00e9 \u0067hp https:\/\/example.com\/a?b=c:d@e"}"#,
        r#"{"code":"Authorization: Bearer TOKEN\nkey: sk_test_..."}"#,
    ] {
        assert_eq!(credential_in(Some(json)), None, "{json}");
    }
    assert_eq!(credential_in(None), None);
}

#[test]
fn a_secret_key_is_told_by_its_name() {
    let key = "abcdefghij/ABCDEFGHIJ+klmnopqrstKLMNOPQR";
    for json in [
        format!(r#"{{"aws_secret_access_key":"{key}"}}"#),
        format!(r#"{{"env":{{"AWS_SECRET_ACCESS_KEY":"{key}"}}}}"#),
        format!(r#"{{"aws_secret_access_key":["{key}"]}}"#),
        format!(r#"{{"aws_secret_access_key": [ [ 1, {{"a": [2]}}, "x" ], "{key}" ]}}"#),
        format!(r#"{{"env":"aws_secret_access_key\t=\n\t{key}"}}"#),
    ] {
        assert!(credential_in(Some(&json)).is_some(), "{json}");
    }
    assert_eq!(credential_in(Some(&format!(r#"{{"digest":"{key}"}}"#))), None);
}

const NAMES: &[&str] = &[
    "aws_secret_access_key",
    "secretAccessKey",
    "SECRET_ACCESSKEY=",
    "http://u:p",
    "bearer a",
    "a",
];

/// Texts that are credentials or parts of some, and what has to be escaped.
fn text() -> impl Strategy<Value = String> {
    let key = "abcdefghij/ABCDEFGHIJ+klmnopqrstKLMNOPQR";
    let mut pieces: Vec<String> = samples_for_test().into_iter().map(|(_, it)| it).collect();
    pieces.extend(NAMES.iter().map(|name| (*name).to_owned()));
    pieces.push(key.to_owned());
    pieces.push(format!("-----BEGIN {} KEY-----\r\n{key}\n", "PRIVATE"));
    // Nearly as long as a password may be, and twice that where it is escaped.
    pieces.push(format!("ftp://{}:{}@db", "\"".repeat(99), "\\".repeat(150)));
    for plain in ["\n", "\t", "\"", "\\", "'", " ", "=", ":", "/", "\u{8}", "\u{1}", "é", "x@y"] {
        pieces.push(plain.to_owned());
    }
    let any = prop::collection::vec(prop::sample::select(pieces), 0..5);
    prop_oneof![Just(key.to_owned()), any.prop_map(|all| all.concat())]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i8>().prop_map(Value::from),
        text().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = prop_oneof![prop::sample::select(NAMES).prop_map(str::to_owned), text()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// The quick look never says no to what the thorough one finds.
    #[test]
    fn nothing_is_missed_by_the_first_look(name in prop::sample::select(NAMES), value in value()) {
        let arguments = serde_json::json!({ name: value });
        for json in [arguments.to_string(), format!("{arguments:#}")] {
            if found_in(&json).is_some() {
                prop_assert!(json_may_hold_credential(&json), "{json}");
            }
        }
    }
}
