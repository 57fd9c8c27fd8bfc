//! Where the members of an object stand in its text.

use std::borrow::Cow;
use std::ops::Range;

use crate::json::text;

/// An object and the places of its members.
#[derive(Debug, Clone)]
pub(super) struct Layout<'a> {
    /// The object.
    pub(super) text: &'a str,
    /// Its members, in order.
    pub(super) slots: Vec<Slot>,
    /// Where a first member would stand.
    inside: usize,
}

/// Where one member stands.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    /// The key with its quotes.
    pub(super) key: Range<usize>,
    /// The value.
    pub(super) value: Range<usize>,
}

impl<'a> Layout<'a> {
    /// Finds the members; `None` where the text is no object.
    pub(super) fn of(text: &'a str) -> Option<Self> {
        let mut scanner = Scanner { text, at: 0 };
        scanner.white();
        scanner.take(b'{')?;
        let inside = scanner.at;
        let mut slots = Vec::new();
        scanner.white();
        if scanner.take(b'}').is_some() {
            return Some(Self { text, slots, inside });
        }
        loop {
            scanner.white();
            let key = scanner.string()?;
            scanner.white();
            scanner.take(b':')?;
            scanner.white();
            let value = scanner.value()?;
            slots.push(Slot { key, value });
            scanner.white();
            if scanner.take(b',').is_none() {
                scanner.take(b'}')?;
                return Some(Self { text, slots, inside });
            }
        }
    }

    /// An object without members.
    pub(super) fn empty() -> Self {
        Self { text: "{}", slots: Vec::new(), inside: 1 }
    }

    /// The text of a key.
    pub(super) fn key(&self, slot: &Slot) -> Option<Cow<'a, str>> {
        text(self.text.get(slot.key.clone())?)
    }

    /// The value of a member.
    pub(super) fn value(&self, key: &str) -> Option<&'a str> {
        let slot = self.slots.iter().find(|slot| self.key(slot).as_deref() == Some(key))?;
        self.text.get(slot.value.clone())
    }

    /// Every member: the text of its key, and its value.
    pub(super) fn members(&self) -> impl Iterator<Item = (Option<Cow<'a, str>>, &'a str)> {
        self.slots
            .iter()
            .map(|slot| (self.key(slot), self.text.get(slot.value.clone()).unwrap_or_default()))
    }

    /// Where one more member would stand.
    pub(super) fn end_of_members(&self) -> usize {
        self.slots.last().map_or(self.inside, |slot| slot.value.end)
    }
}

/// Walks over JSON without recursion. Every place at which it stops is a boundary of characters,
/// because it stops only beside ASCII.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn white(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.step();
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.step())
    }

    /// Walks over a string with its quotes.
    fn string(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        self.take(b'"')?;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            self.at = self.at.checked_add(memchr::memchr2(b'"', b'\\', rest)?)?;
            if self.take(b'"').is_some() {
                return Some(start..self.at);
            }
            self.step();
            // Whatever is escaped is one byte of ASCII, or the rest of the number is no quote.
            self.step();
        }
    }

    /// Walks over a value, whatever it holds.
    fn value(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        let mut open: usize = 0;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    open = open.checked_add(1)?;
                    self.step();
                }
                b'}' | b']' => {
                    open = open.checked_sub(1)?;
                    self.step();
                }
                _ if open > 0 => {
                    self.step();
                    continue;
                }
                _ => return self.scalar(start),
            }
            if open == 0 {
                return Some(start..self.at);
            }
        }
    }

    /// Walks over a number or a word.
    fn scalar(&mut self, start: usize) -> Option<Range<usize>> {
        while self.peek().is_some_and(|byte| !b",}] \t\n\r".contains(&byte)) {
            self.step();
        }
        (self.at > start).then_some(start..self.at)
    }
}
