//! What looks like a credential, by the name it stands under or by itself.
//!
//! Taken for one by mistake, a value becomes a secret and works as before. Not taken for one, it
//! stays readable. So doubt is a yes.

use lanyard_core::credential::{looks_random, names_credential};
use lanyard_core::spelling::words;

/// Words that make a name one of a place, a name or a number, whatever else it holds.
const HARMLESS_ENDS: &[&str] = &[
    "count",
    "dir",
    "directory",
    "enabled",
    "expiry",
    "file",
    "id",
    "limit",
    "max",
    "min",
    "mode",
    "name",
    "path",
    "size",
    "timeout",
    "ttl",
    "type",
];

/// How keys of well-known issuers begin.
const PREFIXES: &[&str] = &[
    "AIza",
    "AKIA",
    "ASIA",
    "SG.",
    "dop_v1_",
    "figd_",
    "ghp_",
    "gho_",
    "ghr_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "gsk_",
    "hf_",
    "lin_api_",
    "npm_",
    "ntn_",
    "pypi-",
    "r8_",
    "rk_live_",
    "rk_test_",
    "secret_",
    "shpat_",
    "sk-",
    "sk_live_",
    "sk_test_",
    "tvly-",
    "whsec_",
    "xapp-",
    "xoxa-",
    "xoxb-",
    "xoxp-",
    "xoxs-",
    "ya29.",
];

/// Words before a credential that are no part of it.
const SCHEMES: &[&str] = &["apikey", "api-key", "basic", "bearer", "key", "token"];

/// The shortest text that is taken for a key of a known issuer.
const PREFIXED_BYTES_MIN: usize = 16;

/// Whether a value under this name is a credential.
pub(super) fn is_credential(name: &str, value: &str) -> bool {
    let value = value.trim();
    if is_placeholder(value) {
        return false;
    }
    looks_like_one(value) || (names_credential(name) && !is_setting(name, value))
}

/// A scheme word with the space after it, and the credential behind it.
pub(super) fn split_scheme(value: &str) -> (&str, &str) {
    let Some((word, rest)) = value.split_once(' ') else { return ("", value) };
    let credential = rest.trim_start();
    let known = SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
    if known && !credential.is_empty() && !credential.contains(' ') {
        value.split_at_checked(value.len().saturating_sub(credential.len())).unwrap_or(("", value))
    } else {
        ("", value)
    }
}

/// Whether a value is a credential wherever it stands.
pub(super) fn looks_like_one(value: &str) -> bool {
    let (_, bare) = split_scheme(value.trim());
    let has_scheme = bare.len() < value.trim().len();
    let prefixed = bare.len() >= PREFIXED_BYTES_MIN
        && !bare.contains(char::is_whitespace)
        && PREFIXES.iter().any(|prefix| bare.starts_with(prefix));
    prefixed
        || (has_scheme && bare.len() >= PREFIXED_BYTES_MIN)
        || is_jwt(bare)
        || bare.starts_with("-----BEGIN ")
        || has_password(bare)
        || looks_random(bare)
}

/// Nothing, or something that stands for a value: `${TOKEN}`, `$TOKEN`, `<token>`, `***`.
fn is_placeholder(value: &str) -> bool {
    let (_, bare) = split_scheme(value);
    bare.is_empty()
        || SCHEMES.iter().any(|scheme| bare.eq_ignore_ascii_case(scheme))
        || (bare.starts_with("${") && bare.ends_with('}'))
        || (bare.starts_with('<') && bare.ends_with('>'))
        || bare.chars().all(|c| c == '*')
        || bare.strip_prefix('$').is_some_and(|name| {
            name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        })
}

/// A switch, a number or a path under a name that only sounds like a credential's:
/// `MAX_TOKENS=4096`, `KEY_FILE=/etc/key`.
fn is_setting(name: &str, value: &str) -> bool {
    let words = words(name);
    let says_so =
        |word: Option<&String>| word.is_some_and(|word| HARMLESS_ENDS.contains(&word.as_str()));
    matches!(value.to_ascii_lowercase().as_str(), "true" | "false" | "yes" | "no" | "on" | "off")
        || says_so(words.last())
        || (says_so(words.first()) && value.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_jwt(value: &str) -> bool {
    value.starts_with("eyJ") && value.split('.').count() == 3
}

/// A URL with a password: `postgres://user:password@host`.
fn has_password(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.and_then(|user| user.split_once(':')).is_some_and(|(_, password)| !password.is_empty())
}
