//! The texts of a definition, and what is suspicious in those that nobody approved.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Code, Reason, diff};
use crate::text::{Sign, suspicious as signs, suspicious_data};

/// Reasons of one kind that are given for one item.
const REASONS_MAX: usize = 10;

/// A text of a definition and where it stands.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text {
    /// Its place: `inputSchema.properties.path.description`.
    pub(super) place: String,
    /// The text.
    pub(super) text: String,
    /// Whether it is a title or description.
    pub(super) is_wording: bool,
}

/// What is suspicious in the texts of a definition, those aside that stand in the pinned one.
pub(super) fn suspicious(pinned: Option<&str>, seen: &str) -> Vec<Reason> {
    let mut reasons = Vec::new();
    for text in new_texts(pinned, seen) {
        let found = if text.is_wording { signs(&text.text) } else { suspicious_data(&text.text) };
        // A hundred hidden characters are one reason.
        let mut codes = BTreeSet::new();
        for sign in found.into_iter().map(|sign| sign.what) {
            if !codes.insert(sign.code()) && !matches!(sign, Sign::Instruction(_)) {
                continue;
            }
            let sentence = format!("`{}` holds {sign}", text.place);
            reasons.push(Reason::new(Code::SuspiciousText, sentence));
            if reasons.len() >= REASONS_MAX {
                return reasons;
            }
        }
    }
    reasons
}

/// The texts of a definition that the pinned one does not hold at the same place.
pub(super) fn new_texts(pinned: Option<&str>, seen: &str) -> Vec<Text> {
    let approved: BTreeSet<Text> = pinned.map(texts).unwrap_or_default().into_iter().collect();
    let mut texts = texts(seen);
    texts.retain(|text| !approved.contains(text));
    texts
}

fn texts(raw: &str) -> Vec<Text> {
    let mut texts = Vec::new();
    match serde_json::from_str::<Value>(raw) {
        Ok(value) => collect(&value, "", &mut texts),
        // It is no JSON, so the whole is looked at as it stands.
        Err(_) => {
            texts.push(Text { place: String::new(), text: raw.to_owned(), is_wording: false });
        }
    }
    texts
}

fn collect(value: &Value, place: &str, texts: &mut Vec<Text>) {
    match value {
        Value::String(text) => {
            let last = place.rsplit('.').next().unwrap_or(place);
            let is_wording = matches!(last, "title" | "description");
            texts.push(Text { place: place.to_owned(), text: text.clone(), is_wording });
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &format!("{place}[{index}]"), texts);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                let dot = if place.is_empty() { "" } else { "." };
                let place = format!("{place}{dot}{}", diff::visible(key));
                // The names of arguments are read by the model too.
                texts.push(Text { place: place.clone(), text: key.clone(), is_wording: false });
                collect(member, &place, texts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
