//! What is wrong with a text: every problem with its place, and the near name that may have been
//! meant.

use std::fmt;

use lanyard_core::spelling::edits;

use crate::text::visible;

/// Characters of a name that are shown.
const SHOWN_CHARS_MAX: usize = 80;

/// One thing that is wrong. `Display` is `path: message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where in the document: `headers.authorization`, `args[2]`. Empty for the whole.
    pub path: String,
    /// What is wrong. It holds no value.
    pub message: String,
}

impl Problem {
    /// A problem at a place.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(formatter, "{}: ", self.path)?;
        }
        formatter.write_str(&self.message)
    }
}

/// A name as it may stand in a message: what would not be shown is escaped, cut where it is long.
pub(crate) fn shown(name: &str) -> String {
    let cut: String = name.chars().take(SHOWN_CHARS_MAX).collect();
    let mut out = visible(&cut);
    if name.chars().nth(SHOWN_CHARS_MAX).is_some() {
        out.push_str("...");
    }
    out
}

/// The known name that a wrong one was most likely meant to be: equal but for case and
/// separators, or at most a third of its characters away.
pub fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| -> Vec<char> {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let wanted = plain(given);
    if wanted.is_empty() || wanted.len() > 64 {
        return None;
    }
    known
        .into_iter()
        .map(|name| (edits(&wanted, &plain(name)), name))
        .filter(|(distance, _)| distance.saturating_mul(3) <= wanted.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn only_what_is_near_is_suggested() {
        let known = ["command", "args", "env", "headers", "url"];
        for (given, expected) in [
            ("comand", Some("command")),
            ("Headers", Some("headers")),
            ("arg_s", Some("args")),
            ("frobnicate", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, known), expected, "{given}");
        }
    }
}
