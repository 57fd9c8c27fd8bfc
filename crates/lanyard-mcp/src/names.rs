//! Names as they are exposed side by side: which of them clients cannot tell apart.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization as _;

/// The tool that finds other tools. No server's tool may be exposed under this name.
pub const SEARCH_TOOL: &str = "mcp_tool_search";

/// The longest name that the interfaces of models commonly accept, in characters.
const CHARS_COMMON: usize = 64;

/// Two exposed names that some client takes for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collision<'a> {
    /// Who had the name first, and the name.
    pub first: (&'a str, &'a str),
    /// Who came later, and the name.
    pub second: (&'a str, &'a str),
}

/// The collisions among exposed names, each given with its owner: for every name that equals an
/// earlier one, that one. Names are equal for this that differ only in case or compatibility form,
/// or become equal in camel case. A name that its owner gives twice, letter by letter, is one.
pub fn collisions<'a>(names: &[(&'a str, &'a str)]) -> Vec<Collision<'a>> {
    let mut known: HashMap<String, (&'a str, &'a str)> = HashMap::new();
    let mut collisions = Vec::new();
    for second in names {
        let keys = keys(second.1);
        let first = keys.iter().find_map(|key| known.get(key)).copied();
        match first {
            Some(first) if first != *second => {
                collisions.push(Collision { first, second: *second });
            }
            Some(_) => {}
            None => known.extend(keys.map(|key| (key, *second))),
        }
    }
    collisions
}

/// Whether two names are equal for [`collisions`].
pub fn collide(left: &str, right: &str) -> bool {
    let (left, right) = (keys(left), keys(right));
    left.iter().zip(&right).any(|(left, right)| left == right)
}

/// Whether a name is, or could be taken for, one that Lanyard itself uses.
pub fn is_reserved(exposed: &str) -> bool {
    collide(exposed, SEARCH_TOOL)
}

/// Why a name is not exposed at all.
pub fn refusal(exposed: &str) -> Option<&'static str> {
    if exposed.is_empty() {
        Some("the name is empty")
    } else if exposed.chars().any(char::is_control) {
        Some("the name holds a control character")
    } else if is_reserved(exposed) {
        Some("`mcp_tool_search` is the tool that finds other tools")
    } else {
        None
    }
}

/// What some models' interfaces will not accept in a name.
pub fn warnings(exposed: &str) -> Vec<&'static str> {
    let mut warnings = Vec::new();
    if exposed.chars().nth(CHARS_COMMON).is_some() {
        warnings.push("the name has more than 64 characters, which some models refuse");
    }
    let is_common = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !exposed.chars().all(is_common) {
        warnings.push(
            "the name holds more than letters, digits, `_` and `-`, which some models refuse",
        );
    }
    warnings
}

/// The name that GoClaw gives a tool: accepted in its configuration files, never listed.
pub fn goclaw_name(server: &str, prefix: &str, original: &str) -> String {
    let prefix = if prefix.is_empty() {
        format!("mcp_{}", server.replace('-', "_"))
    } else if prefix.starts_with("mcp_") {
        prefix.to_owned()
    } else {
        format!("mcp_{prefix}")
    };
    format!("{prefix}__{original}")
}

/// What a name is compared by: its compatibility form in lower case, and its words as camel case
/// finds them. The two are told apart by their first character.
fn keys(name: &str) -> [String; 2] {
    let plain: String = name.nfkc().collect();
    let lower: String = plain.to_lowercase().nfkc().collect();
    [format!("a{lower}"), format!("w{}", words(&plain).join(" "))]
}

/// The words that camel case is made of: parted by what is neither letter nor digit, and by a
/// capital after a small letter or before one.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut before = ' ';
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        let after_small = before.is_lowercase() || before.is_numeric();
        let before_small = characters.peek().is_some_and(|next| next.is_lowercase());
        let starts =
            character.is_uppercase() && (after_small || (before.is_uppercase() && before_small));
        if (starts || !character.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if character.is_alphanumeric() {
            word.extend(character.to_lowercase());
        }
        before = character;
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests;
