//! Regular expressions. A pattern written in the template was compiled when it was parsed; one that
//! is computed is compiled here, and pays for it.

use std::borrow::Cow;

use regex::{NoExpand, Regex};

use super::super::regexes::{Author, compile};
use super::super::value::{Fault, Outcome, Text, Val};
use super::Input;

/// What compiling a pattern costs in bytes of work.
const COMPILE_BYTES: usize = 64 << 10;

/// How much slower than reading a byte it is to search it.
const SEARCH_FACTOR: usize = 16;

/// The pattern and the text, which are the first two arguments.
struct Search<'a> {
    regex: Cow<'a, Regex>,
    text: Text<'a>,
}

fn search<'a>(input: &mut Input<'a, '_>) -> Outcome<Search<'a>> {
    let text = input.text(1)?;
    input.runtime.work(text.len().saturating_mul(SEARCH_FACTOR))?;
    if let Some(regex) = &input.call.regex {
        return Ok(Search { regex: Cow::Borrowed(regex), text });
    }
    input.runtime.work(COMPILE_BYTES)?;
    let pattern = input.text(0)?;
    // The compiler's own message would show the pattern, which may be an argument.
    let regex = compile(&pattern, Author::Value)
        .map_err(|_| Fault::Failed("the pattern is wrong".to_owned()))?;
    Ok(Search { regex: Cow::Owned(regex), text })
}

pub(super) fn is_match<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let Search { regex, text } = search(input)?;
    Ok(Val::bool(regex.is_match(&text)))
}

pub(super) fn find<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let Search { regex, text } = search(input)?;
    Ok(Val::text(regex.find(&text).map_or("", |found| found.as_str()).to_owned()))
}

/// `regexFindAll pattern text most`; a negative number is no limit.
pub(super) fn find_all<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let Search { regex, text } = search(input)?;
    let most = usize::try_from(input.int(2)?).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for one in regex.find_iter(&text).take(most) {
        input.runtime.elements(1)?;
        found.push(Val::text(one.as_str().to_owned()));
    }
    input.runtime.list(found)
}

pub(super) fn replace_all<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let Search { regex, text } = search(input)?;
    let with = input.text(2)?;
    let mut out = String::new();
    let mut copied = 0;
    for found in regex.captures_iter(&text) {
        let Some(whole) = found.get(0) else { continue };
        out.push_str(text.get(copied..whole.start()).unwrap_or(""));
        found.expand(&with, &mut out);
        copied = whole.end();
        input.runtime.fits(out.len())?;
    }
    out.push_str(text.get(copied..).unwrap_or(""));
    Ok(Val::text(out))
}

pub(super) fn replace_all_literal<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let Search { regex, text } = search(input)?;
    let with = input.text(2)?;
    let found = regex.find_iter(&text).count();
    input.runtime.fits(found.saturating_mul(with.len()).saturating_add(text.len()))?;
    Ok(Val::text(regex.replace_all(&text, NoExpand(&with)).into_owned()))
}

/// `regexSplit pattern text most`; a negative number is no limit, none at all for 0.
pub(super) fn split<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let Search { regex, text } = search(input)?;
    let most = usize::try_from(input.int(2)?).unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    for part in regex.splitn(&text, most) {
        input.runtime.elements(1)?;
        parts.push(Val::text(part.to_owned()));
    }
    input.runtime.list(parts)
}
