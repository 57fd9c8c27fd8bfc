//! Finds credentials that an agent gives to a tool as an argument: it was told one by a person or
//! read it somewhere, and now it stands in the model's context, and soon in records and at the tool.
//!
//! It goes by the forms that issuers publish ([`lanyard_core::credential`]), so it is no wall: a key
//! that looks like nothing passes. It is against the accident.

use lanyard_core::credential::{json_may_hold_credential, live_credential};
use serde_json::{Map, Value};

/// Where a credential was found, and nothing of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialFound {
    /// Which argument, in words.
    pub argument: String,
    /// What kind of credential.
    pub kind: &'static str,
}

/// The most that is said of an argument's name, in characters.
const NAME_CHARS_MAX: usize = 60;

/// The first argument that holds a credential. Where there is none, arguments are read once, as they
/// were written, and nothing is made of them.
pub fn credential_in(arguments: Option<&str>) -> Option<CredentialFound> {
    let arguments = arguments.filter(|text| json_may_hold_credential(text))?;
    // What is no object is refused by who reads it.
    let members: Map<String, Value> = serde_json::from_str(arguments).ok()?;
    members.iter().find_map(|(name, value)| {
        if let Some(kind) = live_credential(name) {
            return Some(CredentialFound { argument: "the name of an argument".to_owned(), kind });
        }
        let kind = held(name, value)?;
        let name: String = name.chars().take(NAME_CHARS_MAX).collect();
        Some(CredentialFound { argument: format!("the argument {name:?}"), kind })
    })
}

/// What a value holds under a name, at any depth, names included.
fn held(name: &str, value: &Value) -> Option<&'static str> {
    let mut open = vec![(name, value)];
    while let Some((name, value)) = open.pop() {
        match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::String(text) => {
                // Some are told by the name in front of them.
                if let Some(kind) = live_credential(&format!("{name}={text}")) {
                    return Some(kind);
                }
            }
            Value::Array(items) => open.extend(items.iter().map(|item| (name, item))),
            Value::Object(members) => {
                if let Some(kind) = members.keys().find_map(|key| live_credential(key)) {
                    return Some(kind);
                }
                open.extend(members.iter().map(|(key, member)| (key.as_str(), member)));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use lanyard_core::credential::samples_for_test;

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
        ] {
            assert!(credential_in(Some(&json)).is_some(), "{json}");
        }
        assert_eq!(credential_in(Some(&format!(r#"{{"digest":"{key}"}}"#))), None);
    }
}
