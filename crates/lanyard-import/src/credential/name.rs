//! What names say of their values, and which values are none.

use lanyard_core::credential::{looks_random, names_credential};
use lanyard_core::spelling::words;
use serde_json::Value;

use super::beside::names_beside;
use super::looks_like_live_credential;
use crate::shell::variable;

/// Words beside `key` or `token` that make it something else.
const HARMLESS_WORDS: &[&str] = &[
    "cache",
    "continuation",
    "count",
    "cursor",
    "foreign",
    "group",
    "idempotency",
    "limit",
    "max",
    "min",
    "next",
    "page",
    "pagination",
    "partition",
    "prev",
    "previous",
    "primary",
    "resume",
    "sort",
    "start",
    "sync",
];

/// Ends that make a name one of a kind, a place or a number.
const HARMLESS_ENDS: &[&str] = &[
    "algorithm",
    "email",
    "enabled",
    "encoding",
    "expiry",
    "expires",
    "file",
    "format",
    "host",
    "id",
    "ids",
    "length",
    "method",
    "mode",
    "name",
    "path",
    "scheme",
    "size",
    "ttl",
    "type",
    "types",
    "url",
    "user",
    "username",
    "version",
];

/// Further words of credentials in headers and queries.
const MORE_WORDS: &[&str] = &["session", "sessionid", "sig", "signature"];

/// Names of credentials that no word of theirs gives away, without their separators.
const MORE_NAMES: &[&str] = &[
    "appid",
    "appkey",
    "jsessionid",
    "pass",
    "passcode",
    "phpsessid",
    "sessionid",
    "sid",
    "userpass",
    "xauthentication",
    "xpass",
    "xsessionid",
];

/// Names of what a person types once: an argument, and its value is no example.
const TYPED_NAMES: &[&str] = &["cvc", "cvv", "otp", "pin", "pincode", "totp"];

/// Names of members of a body whose value is a credential, without their separators. A body is full
/// of keys and tokens that are data, so here doubt is a no.
const BODY_NAMES: &[&str] = &[
    "accesstoken",
    "apikey",
    "apisecret",
    "authtoken",
    "bearertoken",
    "bottoken",
    "clientassertion",
    "clientsecret",
    "pass",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "refreshtoken",
    "secretkey",
    "sessiontoken",
    "signingsecret",
    "webhooksecret",
];

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Whether a name is one of a credential wherever it stands.
pub(super) fn is_clear_name(name: &str) -> bool {
    BODY_NAMES.contains(&plain(name).as_str())
}

/// Whether the name of a header, query pair or variable is one of a credential.
pub(crate) fn names_secret(name: &str) -> bool {
    let words = words(name);
    let harmless = words.iter().any(|word| HARMLESS_WORDS.contains(&word.as_str()))
        || words.last().is_some_and(|word| HARMLESS_ENDS.contains(&word.as_str()));
    let more = || words.iter().any(|word| MORE_WORDS.contains(&word.as_str()));
    MORE_NAMES.contains(&plain(name).as_str()) || (!harmless && (names_credential(name) || more()))
}

/// Whether a value under a name of a header or query pair is a credential.
pub(super) fn is_credential(name: &str, value: &str) -> bool {
    if value.is_empty() {
        return false;
    }
    if looks_like_live_credential(value).is_some() || holds_secret_variable(value) {
        return true;
    }
    let number = value.len() <= 6 && value.bytes().all(|byte| byte.is_ascii_digit());
    if !names_secret(name) || number || matches!(value, "true" | "false") {
        return false;
    }
    // A short word under a name that means many things.
    let vague = matches!(plain(name).as_str(), "key" | "keys" | "token" | "auth" | "signature");
    !vague || value.len() >= 8 || is_placeholder(value)
}

/// Whether a member of a body is a credential.
pub(super) fn is_body_credential(name: &str, value: &str) -> bool {
    !value.is_empty()
        && (looks_like_live_credential(value).is_some()
            || holds_secret_variable(value)
            || is_clear_name(name))
}

/// Whether a value within a body may be a credential, so that it is no example. In doubt it is: that
/// costs an example and no call.
pub(crate) fn body_holds_credential(name: &str, value: &Value) -> bool {
    let typed = || TYPED_NAMES.contains(&plain(name).as_str());
    match value {
        Value::Null | Value::Bool(_) => false,
        Value::Number(_) => is_clear_name(name) || typed(),
        Value::String(text) => {
            let vague = matches!(words(name).last().map(String::as_str), Some("keys"))
                || matches!(plain(name).as_str(), "key" | "auth");
            is_body_credential(name, text)
                || (typed() && !text.is_empty())
                || names_beside(text)
                || (names_secret(name) && !text.is_empty() && (!vague || looks_random(text)))
        }
        Value::Array(items) => items.iter().any(|item| body_holds_credential(name, item)),
        Value::Object(members) => members.iter().any(|(key, member)| {
            looks_like_live_credential(key).is_some() || body_holds_credential(key, member)
        }),
    }
}

/// Whether a text holds a variable that is named like a credential.
fn holds_secret_variable(text: &str) -> bool {
    variable::has(text)
        && variable::pieces(text)
            .iter()
            .any(|piece| matches!(piece, variable::Piece::Variable(name) if names_secret(name)))
}

/// Something that stands for a credential: `$TOKEN`, `<token>`, `YOUR_API_KEY`, `sk_test_...`.
pub(super) fn is_placeholder(text: &str) -> bool {
    let text = text.trim().trim_end_matches(':');
    let words = words(text);
    let is_upper =
        text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte == b'-');
    let says = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    text.is_empty()
        || variable::has(text)
        || text.contains("...")
        || text.contains('\u{2026}')
        || (text.starts_with(['<', '{', '[']) && text.ends_with(['>', '}', ']']))
        || text.chars().all(|c| matches!(c, '*' | 'x' | 'X' | '.' | '-' | '_'))
        || (is_upper && text.contains('_') && says(&["key", "token", "secret", "password"]))
        || (says(&["your", "my"]) && says(&["key", "token", "secret", "password", "api"]))
        || text.split(':').all(|part| part.starts_with('<') && part.ends_with('>'))
}
