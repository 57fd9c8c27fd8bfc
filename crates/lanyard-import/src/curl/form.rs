//! The values of `--data-urlencode` and `-F`.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::sample::{Pair, Part};
use crate::shell::variable;

const FILE: &str = "no file is read: write the content itself, or import without it and add it to \
                    the definition";

/// What `--data-urlencode` adds to the data, encoded.
pub(super) fn urlencoded(text: &str) -> Result<String, &'static str> {
    let at = text.find(['=', '@']);
    let (name, content) = match at.and_then(|at| text.split_at_checked(at)) {
        Some((_, rest)) if rest.starts_with('@') => return Err(FILE),
        Some((name, rest)) => (name, rest.strip_prefix('=').unwrap_or(rest)),
        None => ("", text),
    };
    let encoded = variable::map_plain(content, percent_encoded);
    Ok(if name.is_empty() { encoded } else { format!("{name}={encoded}") })
}

/// As curl encodes: everything but unreserved characters, a space as `+`.
fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string().replace("%20", "+")
}

/// Everything but unreserved characters.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What `-F NAME=CONTENT` adds to the parts, and whether curl leaves out what follows a `;`.
pub(super) fn part(text: &str) -> Result<(Part, bool), &'static str> {
    let (name, content) = named(text)?;
    if content.starts_with(['@', '<']) {
        return Err(FILE);
    }
    let (content, rest) = match content.strip_prefix('"') {
        Some(quoted) => unquoted(quoted)?,
        None => match content.split_once(';') {
            Some((content, rest)) => (content.to_owned(), rest),
            None => (content.to_owned(), ""),
        },
    };
    if rest.contains("filename=") || rest.contains("headers=") {
        return Err(
            "a part with a file name or headers of its own is not supported: leave them out",
        );
    }
    let rest = rest.trim_start_matches(';');
    let cut = !rest.trim().is_empty() && !is_parameter(rest);
    Ok((Part { pair: Pair::new(name, content), file: false }, cut))
}

/// What `--form-string NAME=CONTENT` adds: nothing in it means anything.
pub(super) fn plain_part(text: &str) -> Result<Part, &'static str> {
    let (name, content) = named(text)?;
    Ok(Part { pair: Pair::new(name, content), file: false })
}

fn named(text: &str) -> Result<(&str, &str), &'static str> {
    match text.split_once('=') {
        Some((name, content)) if !name.is_empty() && !variable::has(name) => Ok((name, content)),
        _ => Err("a part of a form is written NAME=CONTENT"),
    }
}

fn is_parameter(rest: &str) -> bool {
    let rest = rest.trim_start();
    ["type=", "filename=", "headers=", "encoder="].iter().any(|name| rest.starts_with(name))
}

/// A content in double quotes, in which a backslash keeps a quote, and what follows it.
fn unquoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '"' => return Ok((out, characters.as_str())),
            '\\' => match characters.next() {
                Some(escaped @ ('"' | '\\')) => out.push(escaped),
                Some(other) => out.extend(['\\', other]),
                None => break,
            },
            _ => out.push(character),
        }
    }
    Err("the quote around this content is never closed")
}
