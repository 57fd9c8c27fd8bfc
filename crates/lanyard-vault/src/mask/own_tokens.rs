//! Finds tokens of Lanyard, whoever they belong to: none has a place in what a server says.

use std::ops::Range;

use memchr::memmem;

use super::escape::Bytes;
use crate::token::{TOKEN_BYTES, TokenHash, TokenKind};

/// What every token begins with.
const PREFIX: &[u8] = b"lyd_";

/// Adds where tokens are in a text.
pub(super) fn find(text: &[u8], found: &mut Vec<Range<usize>>) {
    for at in memmem::find_iter(text, PREFIX) {
        let range = at..at.saturating_add(TOKEN_BYTES);
        let token = text.get(range.clone()).and_then(|token| std::str::from_utf8(token).ok());
        let is = |kind| token.is_some_and(|token| TokenHash::of(token, kind).is_some());
        if [TokenKind::Agent, TokenKind::Operator, TokenKind::Intake].into_iter().any(is) {
            found.push(range);
        }
    }
}

/// The bytes that tokens consist of.
pub(super) fn bytes() -> Bytes {
    let mut bytes = Bytes::default();
    bytes.add(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_");
    bytes
}
