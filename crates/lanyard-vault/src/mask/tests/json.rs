//! Masking JSON: what comes out is JSON of the same shape.

use std::borrow::Cow;

use data_encoding::BASE64;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::masker;

const KEY: &str = "tst-Key/42+\"q\\9f8e7d6c";
const PIN: &str = "90817263544536271809";

#[track_caller]
fn check(secrets: &[&str], json: &str, expected: &str, count: u64) {
    let masker = masker(secrets);
    let (masked, counted) = masker.mask_json(json);
    assert_eq!((&*masked, counted), (expected, count));
    assert_eq!(counted == 0, matches!(masked, Cow::Borrowed(_)), "unchanged is not copied");
    serde_json::from_str::<Value>(&masked).unwrap();
}

#[test]
fn numbers_become_texts() {
    check(&[PIN], &format!("[{PIN}]"), r#"["[masked]"]"#, 1);
    check(&[PIN], &format!(r#"{{"a":-{PIN}.5e+1 , "b":1}}"#), r#"{"a":"[masked]" , "b":1}"#, 1);
    check(
        &["2024"],
        r#"{"year":2024,"id":120245,"t":"2024"}"#,
        r#"{"year":"[masked]","id":120245,"t":"[masked]"}"#,
        2,
    );
}

#[test]
fn names_of_members_stay_apart() {
    check(&[PIN], &format!(r#"{{"{PIN}":1,"x{PIN}":2}}"#), r#"{"[masked]":1,"x[masked 2]":2}"#, 2);
}

#[test]
fn the_structure_is_not_touched() {
    // Values that look like parts of JSON.
    for secret in ["null", "true", "\":\"a", "[1, 2]", "}, {", "\",\""] {
        let json = r#"[{"k":"a","null":null}, {"t":true},[1, 2],"a","b"]"#;
        let (masked, _) = masker(&[secret]).mask_json(json);
        let parsed: Value = serde_json::from_str(&masked).unwrap();
        assert_eq!(parsed.as_array().unwrap().len(), 5, "{masked}");
    }
}

#[test]
fn a_credential_that_is_json_itself() {
    let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----\n";
    let secret = json!({"type": "service_account", "private_key_id": "0123456789abcdef0123456789abcdef",
        "private_key": key, "client_email": "robot@project.example", "token_uri": "https://auth.example/token"});
    let secret = secret.to_string();
    let listed = format!("[{secret}]");
    let (masked, _) = masker(&[&secret]).mask_json(&listed);
    let parsed: Value = serde_json::from_str(&masked).unwrap();
    assert_eq!(parsed[0]["private_key"], "[masked]", "{masked}");
    for part in [key, "0123456789abcdef0123456789abcdef"] {
        check(&[&secret], &json!({ "k": part }).to_string(), r#"{"k":"[masked]"}"#, 1);
    }
    check(&[&secret], r#"["https://auth.example/token"]"#, r#"["https://auth.example/token"]"#, 0);
}

#[test]
fn the_password_of_a_url() {
    let url = "postgres://app:s3cr3t-Pass@db.example:5432/app";
    check(&[url], r#"["password s3cr3t-Pass of app"]"#, r#"["password [masked] of app"]"#, 1);
    check(&[url], r#"["postgres", "db.example:5432"]"#, r#"["postgres", "db.example:5432"]"#, 0);
}

#[test]
fn base64_that_clients_decode() {
    let percent: String = KEY.bytes().map(|byte| format!("%{byte:02x}")).collect();
    for inside in [KEY.to_owned(), percent, json!(KEY).to_string()] {
        let inside = format!("\u{0}{inside}\u{1}");
        for name in ["blob", "data"] {
            let blob = BASE64.encode(inside.as_bytes());
            let json = json!({ name: blob, "x": 1.50 }).to_string().replace('/', "\\/");
            let (masked, count) = masker(&[KEY]).mask_json(&json);
            assert_eq!(count, 1, "{masked}");
            let parsed: Value = serde_json::from_str(&masked).unwrap();
            let decoded = BASE64.decode(parsed[name].as_str().unwrap().as_bytes()).unwrap();
            let decoded = String::from_utf8(decoded).unwrap().replace('"', "");
            assert_eq!(decoded, "\u{0}[masked]\u{1}");
        }
    }
    let clean = json!({"blob": BASE64.encode(&[7; 999]), "data": "no base64!", "x": {"data": []}});
    check(&[KEY], &clean.to_string(), &clean.to_string(), 0);
}

#[test]
fn base64_in_lines() {
    let encoded = BASE64.encode(format!("0123456789abcdefghijkl{KEY}").as_bytes());
    for (width, ending) in [(64, "\n"), (76, "\r\n"), (16, "\n  "), (17, "\n")] {
        let lines: Vec<_> = encoded.as_bytes().chunks(width).collect();
        let wrapped = lines.join(ending.as_bytes());
        let json = json!({ "k": String::from_utf8(wrapped.clone()).unwrap() }).to_string();
        let within = json!({ "k": json }).to_string();
        let masker = masker(&[KEY]);
        assert_eq!(masker.mask(&wrapped).1, 1, "{width}");
        assert_eq!((masker.mask_json(&json).1, masker.mask_json(&within).1), (1, 1), "{width}");
    }
}

#[test]
fn tokens_of_lanyard() {
    let random = |bytes: &mut [u8]| {
        bytes.fill(17);
        Ok(())
    };
    let token = crate::token::mint(crate::token::TokenKind::Agent, &random).unwrap();
    let token = token.plain.expose();
    check(&[], &format!(r#"["a {token}."]"#), r#"["a [masked]."]"#, 1);
    let escaped = token.replace('_', "\\u005f");
    check(&[], &format!(r#"["{escaped}"]"#), r#"["[masked]"]"#, 1);
    // The checksum does not hold.
    let other = token.replace("lyd_a_", "lyd_o_");
    check(&[], &format!(r#"["{other}"]"#), &format!(r#"["{other}"]"#), 0);
}

/// Any JSON, with credentials in it everywhere.
fn any_json() -> impl Strategy<Value = Value> {
    let piece = || {
        prop_oneof![
            Just(KEY.to_owned()),
            Just(PIN.to_owned()),
            Just("ab1!".to_owned()),
            any::<String>()
        ]
    };
    let text = move || prop::collection::vec(piece(), 0..3).prop_map(|pieces| pieces.concat());
    let number = prop_oneof![
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(serde_json::from_str(PIN).unwrap()),
        Just(serde_json::from_str(&format!("-{PIN}.25E-3")).unwrap()),
    ];
    let leaf = prop_oneof![
        text().prop_map(Value::from),
        number,
        Just(Value::Null),
        any::<bool>().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((text(), inner), 0..6)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Whether the same is in the same places, but for texts and what became of numbers.
fn same_shape(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| same_shape(a, b))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.values().zip(other.values()).all(|(a, b)| same_shape(a, b))
        }
        (Value::Number(_) | Value::String(_), Value::String(_)) => true,
        (one, other) => one == other,
    }
}

proptest! {
    #[test]
    fn any_json_keeps_its_shape(value in any_json(), pretty: bool) {
        let json = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
        let json = json.unwrap();
        let masker = masker(&[KEY, PIN, "ab1!", "null", "\":", "{\"", "e-3"]);
        let (masked, count) = masker.mask_json(&json);
        let parsed: Result<Value, _> = serde_json::from_str(&masked);
        prop_assert!(parsed.is_ok(), "{} of {}", masked, json);
        let parsed = parsed.unwrap();
        prop_assert!(same_shape(&value, &parsed), "{} of {}", masked, json);
        prop_assert_eq!(count == 0, *masked == *json);
        let printed = parsed.to_string();
        prop_assert!(!printed.contains(&json!(KEY).to_string().trim_matches('"').to_owned()), "{}", printed);
        prop_assert!(!printed.contains(PIN), "{}", printed);
    }
}
