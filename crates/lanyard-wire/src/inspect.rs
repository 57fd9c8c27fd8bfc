//! The second pass over a body that was already accepted as JSON: nesting, duplicate keys, keys
//! that are reserved, lone surrogates.
//!
//! It walks without recursion, and no value is built. What is JSON was decided by the first pass;
//! on other bytes the answer means nothing, and still nothing panics.

use std::borrow::Cow;

use crate::WireError;
use crate::error::echo;

/// `serde_json` marks numbers and raw values inside its own data model with keys that begin so. In
/// a body they would let a client write one value and have another one read.
const RESERVED_PREFIX: &[u8] = b"$serde_json::private::";

/// Objects with at most this many keys are compared key by key, larger ones are sorted first.
const PAIRWISE_KEYS_MAX: usize = 8;

/// Inspects a body, and counts the commas of its outermost array or object.
pub(crate) fn inspect(json: &[u8], depth_max: usize) -> Result<usize, WireError> {
    let mut inspector = Inspector {
        rest: json,
        open: Vec::with_capacity(16),
        keys: Vec::with_capacity(32),
        key_next: false,
        outer_commas: 0,
        depth_max,
    };
    inspector.run()?;
    Ok(inspector.outer_commas)
}

/// An array or object that has begun and not ended.
struct Open {
    is_object: bool,
    /// How many keys of the objects around this one stand before its own.
    keys_before: usize,
}

struct Inspector<'a> {
    rest: &'a [u8],
    open: Vec<Open>,
    /// The keys of every open object, outermost first.
    keys: Vec<Cow<'a, [u8]>>,
    /// Whether the next string is a key.
    key_next: bool,
    outer_commas: usize,
    depth_max: usize,
}

impl<'a> Inspector<'a> {
    fn run(&mut self) -> Result<(), WireError> {
        while let Some((byte, rest)) = self.rest.split_first() {
            let token = self.rest;
            self.rest = rest;
            match byte {
                b'"' => self.string(token)?,
                b'{' => self.enter(true)?,
                b'[' => self.enter(false)?,
                b'}' | b']' => self.leave()?,
                b',' => self.comma(),
                _ => {}
            }
        }
        Ok(())
    }

    fn enter(&mut self, is_object: bool) -> Result<(), WireError> {
        if self.open.len() >= self.depth_max {
            return Err(WireError::invalid_request(&format!(
                "arrays and objects are nested deeper than {} levels",
                self.depth_max
            )));
        }
        self.open.push(Open { is_object, keys_before: self.keys.len() });
        self.key_next = is_object;
        Ok(())
    }

    fn leave(&mut self) -> Result<(), WireError> {
        self.key_next = false;
        let Some(closed) = self.open.pop() else { return Ok(()) };
        if let Some(key) = self.keys.get_mut(closed.keys_before..).and_then(duplicate) {
            let key = String::from_utf8_lossy(key);
            return Err(WireError::invalid_request(&format!("duplicate key `{}`", echo(&key))));
        }
        self.keys.truncate(closed.keys_before);
        Ok(())
    }

    fn comma(&mut self) {
        self.key_next = self.open.last().is_some_and(|open| open.is_object);
        if self.open.len() == 1 {
            self.outer_commas = self.outer_commas.saturating_add(1);
        }
    }

    /// Reads a string; `token` begins at its opening quote, `self.rest` after it.
    fn string(&mut self, token: &'a [u8]) -> Result<(), WireError> {
        let mut escapes = Escapes::None;
        while let Some((_, tail)) =
            memchr::memchr2(b'"', b'\\', self.rest).and_then(|at| self.rest.split_at_checked(at))
        {
            match tail {
                [b'\\', b'u', b'd' | b'D', rest @ ..] => {
                    escapes = Escapes::Surrogate;
                    self.rest = rest;
                }
                [b'\\', _, rest @ ..] => {
                    escapes = escapes.or_plain();
                    self.rest = rest;
                }
                [_, rest @ ..] => {
                    self.rest = rest;
                    break;
                }
                [] => break,
            }
        }
        let length = token.len().saturating_sub(self.rest.len());
        let token = token.get(..length).unwrap_or_default();
        if std::mem::take(&mut self.key_next) {
            self.key(token, escapes)
        } else if escapes == Escapes::Surrogate {
            unescape(token).map(drop)
        } else {
            Ok(())
        }
    }

    fn key(&mut self, token: &'a [u8], escapes: Escapes) -> Result<(), WireError> {
        let key = if escapes == Escapes::None {
            match token {
                [b'"', inner @ .., b'"'] => Cow::Borrowed(inner),
                other => Cow::Borrowed(other),
            }
        } else {
            Cow::Owned(unescape(token)?.into_bytes())
        };
        if key.starts_with(RESERVED_PREFIX) {
            return Err(WireError::invalid_request("a key begins with a reserved prefix"));
        }
        self.keys.push(key);
        Ok(())
    }
}

/// What escapes a string has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escapes {
    None,
    Plain,
    /// One that may be half of a surrogate pair.
    Surrogate,
}

impl Escapes {
    fn or_plain(self) -> Self {
        match self {
            Self::None | Self::Plain => Self::Plain,
            Self::Surrogate => Self::Surrogate,
        }
    }
}

/// The text of a string with escapes. `serde_json` decides which surrogates make a pair, since it
/// is what reads the same string later.
fn unescape(token: &[u8]) -> Result<String, WireError> {
    serde_json::from_slice(token)
        .map_err(|_| WireError::parse_error("a string holds half of a surrogate pair"))
}

/// A key that occurs twice. Sorting keeps an object of a million keys from being compared a
/// million times a million times.
fn duplicate<'k>(keys: &'k mut [Cow<'_, [u8]>]) -> Option<&'k [u8]> {
    if keys.len() > PAIRWISE_KEYS_MAX {
        keys.sort_unstable();
        return keys.windows(2).find_map(|pair| match pair {
            [left, right] if left == right => Some(left.as_ref()),
            _ => None,
        });
    }
    let mut rest: &[Cow<'_, [u8]>] = keys;
    while let Some((first, others)) = rest.split_first() {
        if others.contains(first) {
            return Some(first);
        }
        rest = others;
    }
    None
}

#[cfg(test)]
mod tests;
