//! Words that are said to the model instead of about the tool.
//!
//! The list is short on purpose: each rule is a form that was seen in attacks, and that an honest
//! description seldom needs. It is matched against the folded text.

use std::sync::LazyLock;

use regex::Regex;

use super::{Folded, Sign, Suspicion};

/// The rules: a name that says what is asked for, and its form.
const RULES: &[(&str, &str)] = &[
    (
        "to ignore other instructions",
        r"\b(ignore|disregard|forget|override)( all| any| of| the| your| every| these| those)* (previous|prior|earlier|above|preceding|other|existing|former)( [a-z]+)? (instruction|prompt|rule|message|direction|guideline|command|context)",
    ),
    (
        "to keep something from the user",
        r"\b(do not|don'?t|never|must not|should not) ([a-z]+ )?(tell|inform|mention|reveal|notify|alert|disclose|show)\b( [a-z]+){0,4} (user|human|operator)\b",
    ),
    (
        "to act without the user's knowledge",
        r"\bwithout (first )?(telling|informing|notifying|alerting|mentioning)\b( [a-z]+){0,4} (user|human|operator|anyone)\b",
    ),
    (
        "to do something else before this tool is used",
        r"\bbefore (you )?(use|using|call|calling|invoke|invoking|run|running|execute|executing) (this|any|the|other|these)( other)? (tool|function)s?\b[^.]{0,60}?\b(read|call|open|fetch|run|send|access|invoke|execute|load|cat)\b",
    ),
    (
        "a tag that claims authority",
        r"< ?/?(important|system|instructions?|critical|admin)( [^<>]{0,40})?/?>",
    ),
    ("the system prompt", r"\bsystem prompt"),
    (
        "to always or first call something",
        r"\byou (must|have to|need to) (first|always) (call|use|run|invoke|read|execute)\b",
    ),
    ("keys of SSH", r"~/\.ssh|\.ssh/|\bid_(rsa|ed25519|ecdsa)\b"),
    (
        "files with credentials",
        r"\bmcp\.json\b|\.env files?\b|\.aws/credentials|\.netrc\b|/etc/(passwd|shadow)\b",
    ),
    (
        "to send data elsewhere",
        r"\b(send|upload|forward|exfiltrate|leak|transmit)\b.{0,80}\bto:? ?`?https?://",
    ),
];

/// The longest text of patterns that is searched. What is behind it makes the text long anyway.
const SEARCHED_BYTES_MAX: usize = 256 << 10;

static COMPILED: LazyLock<Vec<(&'static str, Regex)>> = LazyLock::new(|| {
    RULES.iter().filter_map(|(name, rule)| Some((*name, Regex::new(rule).ok()?))).collect()
});

/// The first place of each rule that matches.
pub(super) fn find(folded: &Folded) -> Vec<Suspicion> {
    let text = match folded.text.char_indices().find(|(at, _)| *at >= SEARCHED_BYTES_MAX) {
        Some((end, _)) => folded.text.get(..end).unwrap_or(""),
        None => &folded.text,
    };
    let found = COMPILED.iter().filter_map(|(name, rule)| Some((*name, rule.find(text)?)));
    found
        .map(|(name, place)| Suspicion {
            what: Sign::Instruction(name),
            at: folded.origin(place.start()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_compiles() {
        assert_eq!(COMPILED.len(), RULES.len());
    }
}
