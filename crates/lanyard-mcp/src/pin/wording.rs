//! The texts of a definition, and what is suspicious in those that nobody approved.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Code, Reason};
use crate::text::{Sign, suspicious as signs, suspicious_data, visible};

/// Reasons of one kind that are given for one item.
const REASONS_MAX: usize = 10;

/// Characters of the name of a member that are shown.
const KEY_CHARS_MAX: usize = 60;

/// The length from which a place is not told any closer. Names are the server's choice, and every
/// text carries its place.
const PLACE_BYTES_MAX: usize = 200;

/// A text of a definition and where it stands.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text {
    /// Its place: `inputSchema.properties.path.description`.
    pub(super) place: String,
    /// The text.
    pub(super) text: String,
    /// Whether it is a title, a description or instructions.
    pub(super) is_wording: bool,
}

/// What is suspicious in the texts of a definition, those aside that stand in the pinned one.
pub(super) fn suspicious(pinned: Option<&str>, seen: &str) -> Vec<Reason> {
    let Some(texts) = new_texts(pinned, seen) else {
        return vec![Reason::new(Code::Unreadable, "the definition cannot be read")];
    };
    let mut reasons = Vec::new();
    for text in texts {
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

/// The texts of a definition that the pinned one does not hold at the same place. `None` where it
/// is no JSON.
pub(super) fn new_texts(pinned: Option<&str>, seen: &str) -> Option<Vec<Text>> {
    let approved: BTreeSet<Text> = pinned.and_then(texts).unwrap_or_default().into_iter().collect();
    let mut texts = texts(seen)?;
    texts.retain(|text| !approved.contains(text));
    Some(texts)
}

fn texts(raw: &str) -> Option<Vec<Text>> {
    let mut texts = Vec::new();
    collect(&serde_json::from_str(raw).ok()?, "", false, &mut texts);
    Some(texts)
}

fn collect(value: &Value, place: &str, is_wording: bool, texts: &mut Vec<Text>) {
    match value {
        Value::String(text) => {
            texts.push(Text { place: place.to_owned(), text: text.clone(), is_wording });
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &below(place, &format!("[{index}]")), is_wording, texts);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                let dot = if place.is_empty() { "" } else { "." };
                let shown: String = key.chars().take(KEY_CHARS_MAX).collect();
                let place = below(place, &format!("{dot}{}", visible(&shown)));
                // The names of arguments are read by the model too.
                texts.push(Text { place: place.clone(), text: key.clone(), is_wording: false });
                let is_wording = matches!(key.as_str(), "title" | "description" | "instructions");
                collect(member, &place, is_wording, texts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn below(place: &str, step: &str) -> String {
    if place.len() > PLACE_BYTES_MAX { place.to_owned() } else { format!("{place}{step}") }
}
