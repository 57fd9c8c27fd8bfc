//! Tags: what operators say of agents, servers and tools, for policies to read.

use std::collections::BTreeMap;

use thiserror::Error;

/// Keys with values.
pub type Tags = BTreeMap<String, String>;

/// The tag that says what a session has seen once it called there: words, comma-separated.
pub const LABELS_TAG: &str = "labels";

/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 64;

/// The longest value, in bytes.
const VALUE_BYTES_MAX: usize = 256;

/// The most tags of one thing.
const TAGS_MAX: usize = 64;

/// Why something is no tag. No value is repeated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TagError {
    /// The key has another form.
    #[error(
        "tag `{0}` is not valid: a key begins with a lower-case letter or a digit, has only those, `_`, `.` and `-`, and 64 bytes at most"
    )]
    Key(String),
    /// The value is too long, or has characters that nobody sees.
    #[error("the value of tag `{0}` is not valid: at most 256 bytes without control characters")]
    Value(String),
    /// More than fit.
    #[error("at most 64 tags stand on one thing")]
    TooMany,
}

/// Sets one tag; an empty value takes it off.
pub fn tag_set(tags: &mut Tags, key: &str, value: &str) -> Result<(), TagError> {
    let shown = || key.chars().take(80).collect::<String>();
    let is_part = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
    let is_key = (1..=KEY_BYTES_MAX).contains(&key.len())
        && key.bytes().all(is_part)
        && !key.starts_with(['_', '.', '-']);
    if !is_key {
        return Err(TagError::Key(shown()));
    }
    if value.len() > VALUE_BYTES_MAX || value.chars().any(char::is_control) {
        return Err(TagError::Value(shown()));
    }
    if value.is_empty() {
        tags.remove(key);
    } else {
        tags.insert(key.to_owned(), value.to_owned());
    }
    if tags.len() > TAGS_MAX { Err(TagError::TooMany) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{TagError, Tags, tag_set};

    #[test]
    fn keys_and_values() {
        let set = |key: &str, value: &str| tag_set(&mut Tags::new(), key, value);
        for key in ["region", "a", "9", "a.b-c_d", &"k".repeat(64)] {
            assert_eq!(set(key, "v"), Ok(()), "{key}");
        }
        for key in ["", "Region", ".a", "-a", "_a", "a b", "a=b", "ä", "a\n", &"k".repeat(65)] {
            assert!(matches!(set(key, "v"), Err(TagError::Key(_))), "{key:?}");
        }
        for value in ["", "EU", "a,b", "größe", &"v".repeat(256)] {
            assert_eq!(set("k", value), Ok(()), "{value}");
        }
        for value in ["a\nb", "\0", "\u{85}", &"v".repeat(257)] {
            assert!(matches!(set("k", value), Err(TagError::Value(_))), "{value:?}");
        }
    }

    #[test]
    fn an_empty_value_takes_a_tag_off() {
        let mut tags = Tags::from([("a".to_owned(), "b".to_owned())]);
        tag_set(&mut tags, "a", "").unwrap();
        assert!(tags.is_empty());
        for number in 0..64 {
            tag_set(&mut tags, &format!("k{number}"), "v").unwrap();
        }
        assert_eq!(tag_set(&mut tags, "k64", "v"), Err(TagError::TooMany));
    }
}
