//! Finds credentials that an agent gives to a tool as an argument: it was told one by a person or
//! read it somewhere, and now it stands in the model's context, and soon in records and at the tool.
//!
//! It goes by the forms that issuers publish ([`lanyard_core::credential`]), so it is no wall: a key
//! that looks like nothing passes. It is against the accident.

use lanyard_core::credential::{json_may_hold_credential, live_credential, live_credential_under};
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
    arguments.filter(|text| json_may_hold_credential(text)).and_then(found_in)
}

/// The same of arguments that may hold one. Whoever sent them had duplicate names refused, so that
/// no value hides behind another.
fn found_in(arguments: &str) -> Option<CredentialFound> {
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
                if let Some(live) = live_credential_under(name, text) {
                    return Some(live.kind);
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
mod tests;
