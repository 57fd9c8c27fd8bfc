//! Cuts a path into its first part and the rest.

use std::borrow::Cow;

use super::modifiers;
use super::query::{self, Query};

/// What follows a part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Rest<'p> {
    End,
    /// After a dot: applies below the value, and in a list to every element.
    More(&'p str),
    /// After a bar, or a dot before a modifier: applies to the value as a whole.
    Pipe(&'p str),
}

/// A part that is a key of an object.
#[derive(Debug)]
pub(super) struct Part<'p> {
    /// The key, or the pattern with its escapes.
    pub(super) name: Cow<'p, str>,
    pub(super) wild: bool,
    pub(super) rest: Rest<'p>,
}

/// A part that is applied to a list.
#[derive(Debug)]
pub(super) enum ArrayPart<'p> {
    /// `#`
    Count { rest: Rest<'p> },
    /// `#.path`
    Each { path: &'p str },
    /// `#(..)`, or with `all` `#(..)#`
    Query { query: Query<'p>, all: bool, rest: Rest<'p> },
    /// A position, or something that a list does not have.
    Plain { name: &'p str, rest: Rest<'p> },
}

pub(super) fn object_part(path: &str) -> Part<'_> {
    let end = part_end(path);
    let written = path.get(..end).unwrap_or(path);
    let wild = has_wildcard(written);
    let name = if wild { Cow::Borrowed(written) } else { unescaped(written) };
    Part { name, wild, rest: rest(path, end, true) }
}

pub(super) fn array_part(path: &str) -> ArrayPart<'_> {
    if let Some(each) = path.strip_prefix("#.") {
        return ArrayPart::Each { path: each };
    }
    if path.starts_with("#(") || path.starts_with("#[") {
        return query_part(path);
    }
    let end = part_end(path);
    let name = path.get(..end).unwrap_or(path);
    if name == "#" {
        return ArrayPart::Count { rest: rest(path, end, false) };
    }
    ArrayPart::Plain { name, rest: rest(path, end, true) }
}

fn query_part(path: &str) -> ArrayPart<'_> {
    let nothing = ArrayPart::Plain { name: "", rest: Rest::End };
    let Some(inside) = path.get(1..).and_then(balanced) else {
        return nothing;
    };
    let content = inside.get(1..inside.len().saturating_sub(1)).unwrap_or("");
    let Some(query) = query::parse(content) else {
        return nothing;
    };
    let after = path.get(inside.len().saturating_add(1)..).unwrap_or("");
    let (all, after) = match after.strip_prefix('#') {
        Some(after) => (true, after),
        None => (false, after),
    };
    let rest = rest(after, part_end(after), false);
    ArrayPart::Query { query, all, rest }
}

/// Where the first part ends: at a dot or a bar that is not escaped.
fn part_end(path: &str) -> usize {
    let mut escaped = false;
    for (at, next) in path.char_indices() {
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '.' | '|' => return at,
            _ => {}
        }
    }
    path.len()
}

fn rest(path: &str, end: usize, dot_pipes: bool) -> Rest<'_> {
    let mut after = path.get(end..).unwrap_or("").chars();
    match after.next() {
        Some('|') => Rest::Pipe(after.as_str()),
        Some(_) if dot_pipes && is_piped(after.as_str()) => Rest::Pipe(after.as_str()),
        Some(_) => Rest::More(after.as_str()),
        None => Rest::End,
    }
}

/// Whether what follows a dot is no key: a modifier, a multipath or a literal.
fn is_piped(path: &str) -> bool {
    match path.strip_prefix('@') {
        Some(modifier) => {
            let end = modifier.find(['.', '|', ':']).unwrap_or(modifier.len());
            modifiers::is_known(modifier.get(..end).unwrap_or(""))
        }
        None => path.starts_with(['[', '{', '!']),
    }
}

fn has_wildcard(part: &str) -> bool {
    let mut escaped = false;
    for next in part.chars() {
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '*' | '?' => return true,
            _ => {}
        }
    }
    false
}

fn unescaped(part: &str) -> Cow<'_, str> {
    if !part.contains('\\') {
        return Cow::Borrowed(part);
    }
    let mut out = String::with_capacity(part.len());
    let mut rest = part.chars();
    while let Some(next) = rest.next() {
        out.extend(if next == '\\' { rest.next() } else { Some(next) });
    }
    Cow::Owned(out)
}

/// The path of a `#.` or a query up to its bar, and what follows the bar: it applies to the list
/// of results.
pub(super) fn split_pipe(path: &str) -> (&str, Option<&str>) {
    let mut at: usize = 0;
    while let Some(here) = path.get(at..)
        && let Some(next) = here.chars().next()
    {
        let length = match next {
            '|' => return (path.get(..at).unwrap_or(path), here.get(1..)),
            '\\' => 2,
            '(' | '[' | '{' | '"' => balanced(here).map_or(1, str::len),
            _ => next.len_utf8(),
        };
        at = at.saturating_add(length);
    }
    (path, None)
}

/// The bracketed or quoted text at the beginning, brackets and quotes included.
pub(super) fn balanced(text: &str) -> Option<&str> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, next) in text.char_indices() {
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth = depth.saturating_add(1),
            ')' | ']' | '}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && !quoted && !escaped {
            return text.get(..at.saturating_add(next.len_utf8()));
        }
    }
    None
}
