//! Changes in the text of a JSON object: members are set, replaced and removed where they stand.
//! What is not named stays as it is, byte for byte, and in its order.
//!
//! Positions are found by walking over the text. Nothing is built and nothing is written anew, so
//! numbers keep their digits and strings their escapes. The text is one that was accepted as JSON
//! before, with keys that are unique, as [`decode`](crate::decode()) sees to; of another text the
//! result means nothing, and still nothing panics.

mod scan;

use std::borrow::Cow;
use std::ops::Range;

use serde_json::value::RawValue;

use crate::json::{push_text, quoted, raw};
use scan::{Layout, Slot};

/// The member that a path of keys leads to, if every object on the way has the next key.
pub fn member<'a>(object: &'a str, path: &[&str]) -> Option<&'a RawValue> {
    raw(value(object, path)?)
}

/// The same as its text, which is not looked at.
pub(crate) fn value<'a>(object: &'a str, path: &[&str]) -> Option<&'a str> {
    path.iter().try_fold(object, |object, key| Layout::of(object)?.value(key))
}

/// The text with the member at this path set to a value, which is raw JSON. A member that is
/// missing comes last in its object; objects that are missing on the way, or `null`, are made.
/// `None` where the text is no object, or the path leads through something else.
pub fn set_member(object: &str, path: &[&str], value: &str) -> Option<String> {
    let (key, rest) = path.split_first()?;
    let edit = Edit::of(object)?;
    if rest.is_empty() {
        return Some(edit.set(key, value).write());
    }
    let inner = match edit.value(key) {
        Some("null") | None => "{}",
        Some(inner) => inner,
    };
    let inner = set_member(inner, rest, value)?;
    Some(edit.set(key, inner).write())
}

/// The text without these members of the object at this path; an empty path means the object
/// itself. Where the path leads to no object there is nothing to remove. `None` where the text is
/// no object.
pub fn remove_members(object: &str, path: &[&str], keys: &[&str]) -> Option<String> {
    let edit = Edit::of(object)?;
    let Some((key, rest)) = path.split_first() else {
        return Some(edit.remove(keys).write());
    };
    match edit.value(key).and_then(|inner| remove_members(inner, rest, keys)) {
        Some(inner) => Some(edit.set(key, inner).write()),
        None => Some(object.to_owned()),
    }
}

/// The elements of an array, each as it was written; `None` where the text is no array.
pub fn elements(array: &str) -> Option<Vec<&RawValue>> {
    serde_json::from_str(array).ok()
}

/// The members of an object in their order: the text of the key, and the value as it was written.
/// `None` where the text is no object.
pub fn members(object: &str) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    Layout::of(object)?.members().map(|(key, value)| Some((key?, raw(value)?))).collect()
}

/// Raw JSON values as an array.
pub fn array<T: AsRef<str>>(values: impl IntoIterator<Item = T>) -> String {
    let mut out = String::from("[");
    for value in values {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(value.as_ref());
    }
    out.push(']');
    out
}

/// Several changes to one object, written together.
#[derive(Debug, Clone)]
pub struct Edit<'a> {
    layout: Layout<'a>,
    /// Later changes of the same key replace earlier ones.
    changes: Vec<(&'a str, Change<'a>)>,
}

/// What becomes of a member.
#[derive(Debug, Clone)]
enum Change<'a> {
    Set(Cow<'a, str>),
    Remove,
}

impl<'a> Edit<'a> {
    /// Begins to change an object; `None` where the text is none.
    pub fn of(object: &'a str) -> Option<Self> {
        Some(Self { layout: Layout::of(object)?, changes: Vec::new() })
    }

    /// Begins to change an object, or an empty one where there is none.
    pub fn of_or_empty(object: Option<&'a str>) -> Self {
        let layout = object.and_then(Layout::of).unwrap_or_else(Layout::empty);
        Self { layout, changes: Vec::new() }
    }

    /// A member as it stands in the text, before any change.
    pub fn value(&self, key: &str) -> Option<&'a str> {
        self.layout.value(key)
    }

    /// Sets a member to a value that is raw JSON.
    #[must_use]
    pub fn set(mut self, key: &'a str, value: impl Into<Cow<'a, str>>) -> Self {
        self.change(key, Change::Set(value.into()));
        self
    }

    /// Sets a member to a text.
    #[must_use]
    pub fn set_text(self, key: &'a str, text: &str) -> Self {
        self.set(key, quoted(text))
    }

    /// Sets a member to a value that is raw JSON, unless it is there already.
    #[must_use]
    pub fn set_missing(self, key: &'a str, value: impl Into<Cow<'a, str>>) -> Self {
        if self.value(key).is_some() { self } else { self.set(key, value) }
    }

    /// Sets a member to a value that is raw JSON, or removes it where there is none.
    #[must_use]
    pub fn set_or_remove(self, key: &'a str, value: Option<impl Into<Cow<'a, str>>>) -> Self {
        match value {
            Some(value) => self.set(key, value),
            None => self.remove(&[key]),
        }
    }

    /// Removes members.
    #[must_use]
    pub fn remove(mut self, keys: &[&'a str]) -> Self {
        for key in keys {
            self.change(key, Change::Remove);
        }
        self
    }

    fn change(&mut self, key: &'a str, change: Change<'a>) {
        match self.changes.iter_mut().find(|(changed, _)| *changed == key) {
            Some((_, earlier)) => *earlier = change,
            None => self.changes.push((key, change)),
        }
    }

    /// The text with all changes.
    pub fn write(&self) -> String {
        let mut splicer = Splicer::new(self.layout.text);
        let mut pending: Vec<Option<&(&str, Change<'_>)>> = self.changes.iter().map(Some).collect();
        let mut any_kept = false;
        for (index, slot) in self.layout.slots.iter().enumerate() {
            let key = self.layout.key(slot);
            let at = self.changes.iter().position(|(changed, _)| key.as_deref() == Some(*changed));
            match at.map(|at| pending.get_mut(at).and_then(Option::take)) {
                None => any_kept = true,
                Some(Some((_, Change::Set(value)))) => {
                    splicer.replace(slot.value.clone(), value);
                    any_kept = true;
                }
                // A second member of the same key goes with the first, should there be one.
                Some(Some((_, Change::Remove)) | None) => {
                    splicer.replace(self.removed(index, slot, any_kept), "");
                }
            }
        }
        let end = self.layout.end_of_members();
        splicer.replace(end..end, "");
        for (key, change) in pending.into_iter().flatten() {
            if let Change::Set(value) = change {
                splicer.push_member(std::mem::replace(&mut any_kept, true), key, value);
            }
        }
        splicer.end()
    }

    /// The same, or `None` where the changes left no member. What was empty before stays.
    pub fn written_unless_emptied(&self) -> Option<String> {
        let written = self.write();
        let emptied = !self.layout.slots.is_empty() && Layout::of(&written)?.slots.is_empty();
        (!emptied).then_some(written)
    }

    /// The bytes that go with a member, so that commas stay between those that are kept.
    fn removed(&self, index: usize, slot: &Slot, any_kept: bool) -> Range<usize> {
        if any_kept {
            let before = index.checked_sub(1).and_then(|before| self.layout.slots.get(before));
            let start = before.map_or(slot.key.start, |before| before.value.end);
            return start..slot.value.end;
        }
        let next = index.checked_add(1).and_then(|next| self.layout.slots.get(next));
        slot.key.start..next.map_or(slot.value.end, |next| next.key.start)
    }
}

/// A text that is copied piece by piece, with some pieces replaced.
struct Splicer<'a> {
    text: &'a str,
    /// How much of the text was copied or left out.
    at: usize,
    out: String,
}

impl<'a> Splicer<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0, out: String::with_capacity(text.len().saturating_add(256)) }
    }

    /// Copies up to a piece and writes something else in its place. Pieces come in order.
    fn replace(&mut self, piece: Range<usize>, replacement: &str) {
        self.out.push_str(self.text.get(self.at..piece.start).unwrap_or_default());
        self.out.push_str(replacement);
        self.at = piece.end.max(self.at);
    }

    fn push_member(&mut self, comma: bool, key: &str, value: &str) {
        if comma {
            self.out.push(',');
        }
        push_text(&mut self.out, key);
        self.out.push(':');
        self.out.push_str(value);
    }

    fn end(mut self) -> String {
        self.out.push_str(self.text.get(self.at..).unwrap_or_default());
        self.out
    }
}

#[cfg(test)]
mod tests;
