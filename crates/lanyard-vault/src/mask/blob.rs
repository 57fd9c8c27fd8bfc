//! Base64 in JSON that a client decodes: the members `blob` and `data`. What is inside is looked at
//! too, so that it can be written there in any form that would be found outside.

use std::borrow::Cow;
use std::ops::Range;

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD};
use memchr::{memchr, memmem};

use super::json::Edit;
use super::{Masker, replace};

/// The members that hold base64.
const NAMES: [&[u8]; 2] = [b"\"blob\"", b"\"data\""];

/// The edits for what such members hold: base64 of the same with everything masked that was found.
pub(super) fn edits(masker: &Masker, json: &[u8]) -> Vec<Edit> {
    let mut edits = Vec::new();
    for name in NAMES {
        for at in memmem::find_iter(json, name) {
            let Some(range) = text_after(json, at.saturating_add(name.len())) else { continue };
            let encoded = json.get(range.clone()).unwrap_or_default();
            let Some(plain) = decoded(encoded) else { continue };
            let found = masker.found(&plain);
            if !found.is_empty() {
                let with = BASE64.encode(&replace(&plain, &found));
                edits.push(Edit { range, with: Cow::Owned(with) });
            }
        }
    }
    edits.sort_unstable_by_key(|edit| edit.range.start);
    edits
}

/// The text that is the value of the member whose name ends here.
fn text_after(json: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = json.get(at..)?;
    let blank = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let before = blank(rest);
    let rest = rest.get(before..)?.strip_prefix(b":")?;
    let between = blank(rest);
    let rest = rest.get(between..)?.strip_prefix(b"\"")?;
    let start = json.len().checked_sub(rest.len())?;
    Some(start..start.saturating_add(memchr(b'"', rest)?))
}

/// What base64 of either alphabet holds, padded or not, and also where slashes are escaped.
fn decoded(encoded: &[u8]) -> Option<Vec<u8>> {
    let unescaped: Cow<'_, [u8]> = match memchr(b'\\', encoded) {
        None => Cow::Borrowed(encoded),
        Some(_) => Cow::Owned(super::escape::Escapes::All.unescape(encoded)),
    };
    let padded = unescaped.iter().rev().take_while(|byte| **byte == b'=').count();
    let bare = unescaped.get(..unescaped.len().checked_sub(padded)?)?;
    [&BASE64_NOPAD, &BASE64URL_NOPAD].into_iter().find_map(|encoding| encoding.decode(bare).ok())
}
