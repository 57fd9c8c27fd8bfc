//! Names of tools, arguments and servers made of whatever a source calls them.

use std::collections::HashSet;

/// The longest name of a tool. MCP allows 128 characters, models' interfaces 64, and clients put
/// the server's name before it.
const TOOL_MAX: usize = 56;

/// The longest name of an argument: the limit of models' interfaces.
const ARGUMENT_MAX: usize = 64;

/// The longest name of a server.
const SERVER_MAX: usize = 40;

/// Names that were given, so that none is given twice: not even to two that differ only by case
/// and separators, which clients that write names in camel case would confuse.
#[derive(Debug, Clone, Default)]
pub struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// Gives out `wanted`, or, where that is taken, the name with what tells its bearer from all
    /// others: a digest of `identity` (method and path, say), so that it does not depend on how
    /// many came before.
    pub fn take(&mut self, wanted: &str, identity: &str) -> String {
        if self.taken.insert(folded(wanted)) {
            return wanted.to_owned();
        }
        let mut salt = 0_u32;
        loop {
            let suffix = digest(&format!("{identity}\u{0}{salt}"));
            let kept = head(wanted, TOOL_MAX.saturating_sub(suffix.len()).saturating_sub(1));
            let name = format!("{kept}_{suffix}");
            if self.taken.insert(folded(&name)) {
                return name;
            }
            salt = salt.wrapping_add(1);
        }
    }

    /// Keeps a name for a bearer that had it before. False if it is taken.
    pub fn keep(&mut self, name: &str) -> bool {
        self.taken.insert(folded(name))
    }
}

/// The form in which two names are the same: in lower case, without separators.
fn folded(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// A name of a tool: letters, digits, `_` and `-`, not too long. `tool` if nothing is left.
pub fn tool_name(text: &str) -> String {
    let name = bounded(&sanitised(text, "_-"), TOOL_MAX, text);
    if name.is_empty() { "tool".to_owned() } else { name }
}

/// A name of an argument: letters, digits, `_`, `-` and `.`. `value` if nothing is left.
pub fn argument_name(text: &str) -> String {
    let name = bounded(&sanitised(text, "_-."), ARGUMENT_MAX, text);
    if name.is_empty() { "value".to_owned() } else { name }
}

/// A name of a server: lower case, digits and inner hyphens. `api` if nothing is left.
pub fn server_name(text: &str) -> String {
    let lower = text.to_lowercase();
    let parts = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    let joined = parts.collect::<Vec<_>>().join("-");
    let name = head(&joined, SERVER_MAX).trim_matches('-');
    if name.is_empty() { "api".to_owned() } else { name.to_owned() }
}

/// Everything but letters, digits and `allowed` becomes one `_`, and none at either end that was
/// not there.
fn sanitised(text: &str, allowed: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut gap = false;
    for character in text.chars() {
        if character.is_ascii_alphanumeric() || allowed.contains(character) {
            if gap && !out.is_empty() && !out.ends_with('_') && character != '_' {
                out.push('_');
            }
            gap = false;
            out.push(character);
        } else {
            gap = true;
        }
    }
    out
}

/// A name that is too long is cut and gets a digest of the whole, so that it stays its own.
fn bounded(name: &str, max: usize, whole: &str) -> String {
    if name.len() <= max {
        return name.to_owned();
    }
    let suffix = digest(whole);
    let kept = head(name, max.saturating_sub(suffix.len()).saturating_sub(1));
    format!("{}_{suffix}", kept.trim_end_matches(['_', '-', '.']))
}

/// The first bytes of an ASCII text.
fn head(text: &str, max: usize) -> &str {
    text.get(..max).unwrap_or(text)
}

/// Eight hexadecimal digits that depend on the text alone (FNV-1a, folded): not a secret, and the
/// same in every version.
fn digest(text: &str) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{:08x}", (hash ^ (hash >> 32)) & 0xffff_ffff)
}
