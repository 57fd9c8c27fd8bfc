//! The forms of credentials, looked for in one value.

use std::sync::LazyLock;

use lanyard_core::credential::FORMS;
use regex::bytes::Regex;

/// Forms that begin with nothing of their own, so that looking for them in all answers of all
/// servers would be slow, and those that only a request has.
const MORE: &[(&str, &str)] = &[
    ("Telegram bot token", r"(?:\b|bot)[0-9]{6,12}:[A-Za-z0-9_-]{35}\b"),
    (
        "Discord bot token",
        r"\b[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,40}(?:$|[^A-Za-z0-9_.-])",
    ),
    ("Airtable token", r"\bpat[A-Za-z0-9]{14}\.[a-f0-9]{64}\b"),
    ("Mailgun key", r"\bkey-[a-f0-9]{32}\b"),
    (
        "HubSpot token",
        r"\bpat-(?:na|eu|ap)[0-9]-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}\b",
    ),
    ("Notion token", r"\b(?:ntn_[A-Za-z0-9]{40,60}|secret_[A-Za-z0-9]{43})\b"),
    ("Linear key", r"\blin_(?:api|oauth)_[A-Za-z0-9]{32,}"),
    ("Groq key", r"\bgsk_[A-Za-z0-9]{40,}"),
    ("Atlassian token", r"\bATATT3[A-Za-z0-9_=-]{60,}"),
    ("Brevo key", r"\bxkeysib-[a-f0-9]{64}-[A-Za-z0-9]{16}\b"),
    (
        "value of an Authorization header",
        r"(?i)\b(?:bearer|basic) [A-Za-z0-9+/=._~-]*[0-9][A-Za-z0-9+/=._~-]{15,}",
    ),
    (
        "password in a URL",
        r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s/?#@:]{1,100}:[^\s/?#@]{3,200}@[a-z0-9]",
    ),
];

static ALL: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    let common = FORMS.iter().map(|form| (form.name, form.pattern));
    common
        .chain(MORE.iter().copied())
        // The expressions are constants: a test tells whether they compile.
        .filter_map(|(name, pattern)| Some((name, Regex::new(&format!("(?-u){pattern}")).ok()?)))
        .collect()
});

/// All of them as one expression, which tells in one pass that a text holds none.
static ANY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let each: Vec<String> = ALL.iter().map(|(_, form)| format!("(?:{form})")).collect();
    Regex::new(&format!("(?-u){}", each.join("|"))).ok()
});

/// What kind of credential a text holds, if it holds one in a form that is known: what a person or
/// an agent typed where no credential belongs. The answer names the kind and never the value.
///
/// It goes by published forms, not by how random a text looks: ids, hashes, UUIDs and encoded
/// images are none.
pub fn looks_like_live_credential(text: &str) -> Option<&'static str> {
    // The shortest form is longer.
    if text.len() < 12 {
        return None;
    }
    if !ANY.as_ref().is_some_and(|any| any.is_match(text.as_bytes())) {
        return None;
    }
    ALL.iter().find(|(_, form)| form.is_match(text.as_bytes())).map(|(name, _)| *name)
}

#[cfg(test)]
pub(crate) mod tests;
