//! Names of credentials beside their values within a text that is not taken apart: JSON with a
//! mistake, XML, GraphQL, JSON in a form, a URL in a query.

use lanyard_core::credential::{looks_random, names_credential};
use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use super::name::{is_clear_name, names_secret};
use crate::shell::variable;

/// The longest name that is looked at, in bytes.
const NAME_BYTES_MAX: usize = 60;

/// What is looked at of a value, in characters.
const VALUE_CHARS_MAX: usize = 200;

/// Whether a text holds the name of a credential beside a value, as it is or percent-decoded once
/// or twice. Doubt is a yes: that costs an example and no call.
pub(crate) fn names_beside(text: &str) -> bool {
    if within(text) {
        return true;
    }
    let mut text = Zeroizing::new(text.to_owned());
    for _ in 0..2 {
        if !text.contains('%') {
            return false;
        }
        let decoded = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        text = Zeroizing::new(decoded);
        if within(&text) {
            return true;
        }
    }
    false
}

/// Whether a comment speaks of a credential: `# my key is ...`.
pub(crate) fn speaks_of_one(text: &str) -> bool {
    let plain = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    names_beside(text)
        || text
            .split_whitespace()
            .map(plain)
            .any(|word| names_credential(&word) || is_clear_name(&word))
}

fn within(text: &str) -> bool {
    text.match_indices([':', '=', '>']).any(|(at, separator)| {
        let (before, after) = text.split_at_checked(at).unwrap_or_default();
        let after = after.strip_prefix(separator).unwrap_or_default();
        has_value(after) && name_before(before, separator).is_some_and(|name| fits(name, after))
    })
}

/// The name that ends where a text ends: quotes and blanks aside.
fn name_before<'t>(before: &'t str, separator: &str) -> Option<&'t str> {
    let before = before.trim_end_matches([' ', '\t', '"', '\'', '\\', ']']);
    let is_name = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    let name = before.trim_end_matches(is_name);
    let at = name.len();
    let name = before.get(at..).filter(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX)?;
    let ahead = before.get(..at).unwrap_or_default();
    // `$password: String!` declares a variable, and `<name>` alone is a name in XML.
    let is_stray = ahead.ends_with('$') || (separator == ">" && !ahead.ends_with(['<', ':']));
    (!is_stray).then_some(name)
}

/// Whether a value follows, and no structure, variable or end.
fn has_value(after: &str) -> bool {
    let value = after.trim_start_matches([' ', '\t', '"', '\'', '\\']);
    let first = value.chars().next();
    !value.starts_with("//")
        && !["null", "true", "false"].iter().any(|word| value.starts_with(word))
        && first.is_some_and(|c| !"{[<$,;&)}]\r\n".contains(c) && !variable::is_marker(c))
}

fn fits(name: &str, after: &str) -> bool {
    let vague = matches!(name.to_ascii_lowercase().as_str(), "key" | "keys");
    let is_random = || {
        let value = after.trim_start_matches([' ', '\t', '"', '\'', '\\']);
        let ends = |c: &char| c.is_whitespace() || "\"'&,;<".contains(*c);
        let value: Zeroizing<String> =
            Zeroizing::new(value.chars().take(VALUE_CHARS_MAX).take_while(|c| !ends(c)).collect());
        looks_random(&value)
    };
    is_clear_name(name) || (names_secret(name) && (!vague || is_random()))
}
