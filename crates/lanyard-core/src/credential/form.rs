//! The forms of credentials, looked for in a text that somebody typed.
//!
//! It goes by published forms, not by how random a text looks: ids, hashes, UUIDs and encoded images
//! are none.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::{BEHIND_ITS_NAME, FORMS};

/// Forms that begin with nothing of their own, so that looking for them in all answers of all
/// servers would be slow, and those that only a request has.
pub const REQUEST_FORMS: &[(&str, &str)] = &[
    ("Telegram bot token", r"(?:\b|bot)[0-9]{6,12}:[A-Za-z0-9_-]{35}\b"),
    (
        DISCORD,
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
    (URL, r"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s/?#@:]{1,100}:[^\s/?#@]{3,200}@[a-z0-9]"),
];

const URL: &str = "password in a URL";
const DISCORD: &str = "Discord bot token";

/// The shortest form is longer.
const BYTES_MIN: usize = 12;

static ALL: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    let common = FORMS.iter().map(|form| (form.name, form.pattern));
    common
        .chain(REQUEST_FORMS.iter().copied())
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
/// Doubt is a yes: an example in that form is one too.
pub fn looks_like_live_credential(text: &str) -> Option<&'static str> {
    if text.len() < BYTES_MIN || !ANY.as_ref().is_some_and(|any| any.is_match(text.as_bytes())) {
        return None;
    }
    ALL.iter().find(|(_, form)| form.is_match(text.as_bytes())).map(|(name, _)| *name)
}

/// The same without examples: keys for tests, those that documentation shows, and what stands for a
/// credential in one.
pub fn live_credential(text: &str) -> Option<&'static str> {
    looks_like_live_credential(text)?;
    let live = |(name, form): &&(&'static str, Regex)| {
        form.find_iter(text.as_bytes()).any(|found| !is_example(name, found.as_bytes()))
    };
    ALL.iter().find(live).map(|(name, _)| *name)
}

/// Where a text holds a credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    /// Its kind.
    pub kind: &'static str,
    /// The byte of the text at which it begins.
    pub at: usize,
}

/// The first credential of a text that stands under a name, which is no example. Each form goes over
/// the text once, however many lines it has.
pub fn live_credential_under(name: &str, text: &str) -> Option<Live> {
    if let Some(live) = first(text) {
        return Some(live);
    }
    if !NAME.as_ref().is_some_and(|known| known.is_match(name.as_bytes())) {
        return None;
    }
    // Only what the text begins with stands behind the name.
    let begin: String = text.chars().take(BEHIND_NAME_CHARS_MAX).collect();
    live_credential(&format!("{name}={begin}")).map(|kind| Live { kind, at: 0 })
}

fn first(text: &str) -> Option<Live> {
    if text.len() < BYTES_MIN || !ANY.as_ref().is_some_and(|any| any.is_match(text.as_bytes())) {
        return None;
    }
    let each = ALL.iter().filter_map(|(kind, form)| {
        let mut found = form.find_iter(text.as_bytes());
        let live = found.find(|found| !is_example(kind, found.as_bytes()))?;
        Some(Live { kind, at: live.start() })
    });
    each.min_by_key(|live| live.at)
}

/// More than a key takes behind its name, with all that may stand between.
const BEHIND_NAME_CHARS_MAX: usize = 64;

/// The name by which alone a key is told that looks like nothing of its own.
const NAME_PATTERN: &str = "(?i:secret_?access_?key)";

static NAME: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(&format!("(?-u){NAME_PATTERN}")).ok());

/// Words that stand in an example, and in no credential but by a chance that nobody meets.
const EXAMPLE_WORDS: &[&str] = &[
    "_test_",
    "example",
    "xxxx",
    "your_",
    "your-",
    "placeholder",
    "dummy",
    "redacted",
    "changeme",
    "replace_me",
];

/// Parts of examples that issuers and standards show.
/// Sources: <https://core.telegram.org/bots/api>, <https://www.jwt.io>,
/// <https://www.rfc-editor.org/rfc/rfc7617#section-2>, <https://www.rfc-editor.org/rfc/rfc7519#section-3.1>
const SHOWN: &[&str] = &[
    "abc-def1234ghikl-zyx57w2v1u123ew11",
    "sflkxwrjsmekkf2qt4fwpmejf36pok6yjv_adqssw5c",
    "qwxhzgrpbjpvcgvuihnlc2ftzq",
    "dbjftjez4cvp-mb92k27uhbujxu1xgww1gfwforxjxbk",
];

/// What is written for a password in the example of a URL.
const PASSWORD_WORDS: &[&str] =
    &["pass", "passwd", "password", "pw", "pwd", "secret", "token", "user", "username", "key"];

fn is_example(name: &str, found: &[u8]) -> bool {
    let text = String::from_utf8_lossy(found).to_lowercase();
    if name == URL {
        let password = text.split_once("://").and_then(|(_, rest)| rest.split_once(':'));
        let password = password.and_then(|(_, rest)| rest.rsplit_once('@')).map(|(it, _)| it);
        return password.is_none_or(|it| {
            PASSWORD_WORDS.contains(&it.trim_matches(|c: char| !c.is_alphanumeric()))
                || it.starts_with(['{', '<', '$', '[', '%', '*'])
                || text.contains("xxxx")
        });
    }
    let holds = |words: &[&str]| words.iter().any(|word| text.contains(word));
    holds(EXAMPLE_WORDS) || holds(SHOWN)
}

/// The same forms as raw JSON may have them.
static ANYWHERE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let common = FORMS.iter().map(|form| (form.name, form.pattern));
    let each: Vec<String> = common
        .chain(REQUEST_FORMS.iter().copied())
        .map(|(name, pattern)| format!("(?:{})", in_json(name, pattern)))
        .collect();
    Regex::new(&format!("(?-u){}", each.join("|"))).ok()
});

/// What a form matches in JSON as it is written, and more. The letter of an escape may stand before
/// the first word of a line, so a form begins anywhere.
fn in_json(name: &str, pattern: &str) -> String {
    match name {
        // Between a name and what stands under it there may be brackets, blanks and other values.
        BEHIND_ITS_NAME => NAME_PATTERN.to_owned(),
        // An escape is longer than what it stands for.
        URL => r"(?i)[a-z][a-z0-9+.-]+://[^\s/?#@:]+:[^\s/?#@]{3,}@[a-z0-9]".to_owned(),
        _ => pattern.replace(r"\b", ""),
    }
}

/// Whether a JSON text may hold a credential in a form that is known, told in one pass over it as it
/// is written, without taking it apart: no is certain. So is yes not, and what is written in escapes
/// that hide letters is a yes.
pub fn json_may_hold_credential(json: &str) -> bool {
    if json.len() < BYTES_MIN {
        return false;
    }
    let bytes = json.as_bytes();
    let hides = || bytes.windows(2).any(|pair| pair == br"\u" || pair == br"\/");
    ANYWHERE.as_ref().is_none_or(|any| any.is_match(bytes)) || (bytes.contains(&b'\\') && hides())
}

/// Some of each kind, made up so that no scanner takes one for a credential.
pub fn samples_for_test() -> Vec<(&'static str, String)> {
    const WORD: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ012345678";
    let made_up = |alphabet: &str, length: usize| -> String {
        alphabet.chars().cycle().skip(5).step_by(7).take(length).collect()
    };
    let word = |length| made_up(WORD, length);
    let hex = |length| made_up("0123456789abcde", length);
    vec![
        ("GitHub token", format!("gh{}_{}", "p", word(36))),
        ("Stripe key", format!("sk_{}_{}", "live", word(24))),
        ("OpenAI key", format!("sk-{}-{}", "proj", word(48))),
        (
            "AWS access key id",
            format!("AK{}{}", "IA", made_up("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
        ),
        ("JSON Web Token", format!("eyJ{}.eyJ{}.{}", word(20), word(40), word(43))),
        ("Slack token", format!("xox{}-123456789012-{}", "b", word(24))),
        ("Google API key", format!("AI{}{}", "za", word(35))),
        ("Shopify token", format!("shp{}_{}", "at", hex(32))),
        ("Telegram bot token", format!("123456789:{}", word(35))),
        ("Telegram bot token", format!("/bot123456789:{}", word(35))),
        (DISCORD, format!("M{}.{}.{}", word(24), word(6), word(30))),
        ("Airtable token", format!("pat{}.{}", word(14), hex(64))),
        ("Mailgun key", format!("key-{}", hex(32))),
        (
            "HubSpot token",
            format!("pat-na1-{}-{}-{}-{}-{}", hex(8), hex(4), hex(4), hex(4), hex(12)),
        ),
        ("Notion token", format!("ntn_{}", word(43))),
        ("Notion token", format!("secret_{}", word(43))),
        ("Linear key", format!("lin_api_{}", word(40))),
        ("Groq key", format!("gsk_{}", word(52))),
        ("Atlassian token", format!("ATATT3{}", word(180))),
        ("Brevo key", format!("xkeysib-{}-{}", hex(64), word(16))),
        ("value of an Authorization header", format!("Bearer {}7", word(30))),
        ("value of an Authorization header", format!("basic {}1==", word(30))),
        (URL, format!("postgres://app:{}@db.example/x", word(10))),
    ]
}

#[cfg(test)]
mod tests;
