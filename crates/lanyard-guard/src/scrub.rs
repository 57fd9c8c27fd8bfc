//! Finds what looks like a credential in what a server says, whoever it belongs to: the forms that
//! issuers publish so that scanners can find them.
//!
//! It is a guess by form, so it is switched on by an operator. What is known to be a credential, the
//! vault finds by value. All forms are one expression, which takes time linear in the text, and
//! little of it where nothing begins like one of them.

use std::ops::Range;
use std::sync::LazyLock;

use lanyard_core::credential::REQUEST_FORMS;
use regex::bytes::Regex;

pub use lanyard_core::credential::{FORMS, Form};

/// The forms of common credentials, ready to be looked for.
#[derive(Debug, Clone, Copy)]
pub struct Forms(&'static Regex);

/// Compiled once. The expressions are constants, so a test tells whether they compile.
static ALL: LazyLock<Option<Regex>> =
    LazyLock::new(|| one_of(FORMS.iter().map(|form| form.pattern)));

/// The same with the forms that only requests are searched for.
static REQUESTS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let more = REQUEST_FORMS.iter().map(|(_, pattern)| *pattern);
    one_of(FORMS.iter().map(|form| form.pattern).chain(more))
});

fn one_of(patterns: impl Iterator<Item = &'static str>) -> Option<Regex> {
    let each: Vec<String> = patterns.map(|pattern| format!("(?:{pattern})")).collect();
    Regex::new(&format!("(?-u){}", each.join("|"))).ok()
}

impl Forms {
    /// All that are known.
    pub fn common() -> Option<Self> {
        ALL.as_ref().map(Self)
    }

    /// Those, and the ones that are looked for in arguments alone: all answers of all servers would
    /// be searched slowly for them.
    pub fn of_requests() -> Option<Self> {
        REQUESTS.as_ref().map(Self)
    }

    /// Adds where a text holds one.
    pub fn find(self, text: &[u8], found: &mut Vec<Range<usize>>) {
        found.extend(self.0.find_iter(text).map(|one| one.range()));
    }
}

#[cfg(test)]
mod tests;
