//! Functions on text. Positions count bytes, as in the original; one inside a character means the
//! beginning of that character.

use super::super::value::{Data, Members, Outcome, Text, Val, failed};
use super::Input;

fn plain<'a>(text: &str) -> Outcome<Val<'a>> {
    Ok(Val::text(text.to_owned()))
}

pub(super) fn trim<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    plain(input.text(0)?.trim())
}

/// `trimAll characters text`
pub(super) fn trim_all<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let (characters, text) = (input.text(0)?, input.text(1)?);
    // Every character may be compared with every one of the set.
    input.runtime.work(characters.len().saturating_mul(text.len()))?;
    plain(text.trim_matches(|next| characters.contains(next)))
}

pub(super) fn trim_prefix<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let (prefix, text) = (input.text(0)?, input.text(1)?);
    plain(text.strip_prefix(&*prefix).unwrap_or(&text))
}

pub(super) fn trim_suffix<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let (suffix, text) = (input.text(0)?, input.text(1)?);
    plain(text.strip_suffix(&*suffix).unwrap_or(&text))
}

pub(super) fn upper<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    Ok(Val::text(input.text(0)?.to_uppercase()))
}

pub(super) fn lower<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    Ok(Val::text(input.text(0)?.to_lowercase()))
}

/// The first letter of every word in upper case.
pub(super) fn title<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let text = input.text(0)?;
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for next in text.chars() {
        if inside {
            out.push(next);
        } else {
            out.extend(next.to_uppercase());
        }
        let separates = if next.is_ascii() {
            !(next.is_ascii_alphanumeric() || next == '_')
        } else {
            next.is_whitespace()
        };
        inside = !separates;
    }
    Ok(Val::text(out))
}

pub(super) fn nospace<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let text = input.text(0)?;
    Ok(Val::text(text.chars().filter(|next| !next.is_whitespace()).collect()))
}

pub(super) fn repeat<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let (count, text) = (input.count_of(0)?, input.text(1)?);
    input.runtime.fits(count.saturating_mul(text.len()))?;
    Ok(Val::text(text.repeat(if text.is_empty() { 0 } else { count })))
}

/// `substr from to text`; a negative start means the beginning, a negative end the end.
pub(super) fn substr<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let (from, to, text) = (input.int(0)?, input.int(1)?, input.text(2)?);
    let end = match usize::try_from(to) {
        Ok(end) if end <= text.len() => end,
        _ if from < 0 && to >= 0 => return failed("the end is behind the text"),
        _ if from < 0 => return failed("both ends are negative"),
        _ => text.len(),
    };
    let start = usize::try_from(from).unwrap_or(0);
    if start > end {
        return failed("the start is behind the end");
    }
    plain(between(&text, start, end))
}

/// The first bytes of a text, or with a negative count the last.
pub(super) fn trunc<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let (count, text) = (input.int(0)?, input.text(1)?);
    let bytes = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if bytes >= text.len() {
        return plain(&text);
    }
    if count < 0 {
        return plain(between(&text, text.len().saturating_sub(bytes), text.len()));
    }
    plain(between(&text, 0, bytes))
}

fn between(text: &str, start: usize, end: usize) -> &str {
    text.get(boundary(text, start)..boundary(text, end)).unwrap_or("")
}

/// The beginning of the character that a byte belongs to.
fn boundary(text: &str, at: usize) -> usize {
    let before = (0..=at).rev().find(|at| text.is_char_boundary(*at));
    before.unwrap_or(0).min(text.len())
}

pub(super) fn contains<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let (part, text) = (input.text(0)?, input.text(1)?);
    Ok(Val::bool(text.contains(&*part)))
}

pub(super) fn has_prefix<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let (prefix, text) = (input.text(0)?, input.text(1)?);
    Ok(Val::bool(text.starts_with(&*prefix)))
}

pub(super) fn has_suffix<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let (suffix, text) = (input.text(0)?, input.text(1)?);
    Ok(Val::bool(text.ends_with(&*suffix)))
}

/// `replace old new text`
pub(super) fn replace<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let (old, new, text) = (input.text(0)?, input.text(1)?, input.text(2)?);
    let found = text.matches(&*old).count();
    input.runtime.fits(found.saturating_mul(new.len()).saturating_add(text.len()))?;
    Ok(Val::text(text.replace(&*old, &new)))
}

pub(super) fn quote<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    joined(input, " ", go_quoted)
}

pub(super) fn squote<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    joined(input, " ", |text| format!("'{text}'"))
}

pub(super) fn cat<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    joined(input, " ", str::to_owned)
}

/// The arguments that are not null, each changed, with something between them.
fn joined<'a>(
    input: &mut Input<'a, '_>,
    between: &str,
    change: impl Fn(&str) -> String,
) -> Outcome<Val<'a>> {
    let mut out = String::new();
    let mut first = true;
    for value in input.rest(0) {
        if value.is_nothing() {
            continue;
        }
        if !first {
            out.push_str(between);
        }
        first = false;
        let text = input.runtime.print(&value)?;
        out.push_str(&change(&text));
        input.runtime.fits(out.len())?;
    }
    Ok(Val::text(out))
}

/// A text in double quotes, as Go writes it.
pub(super) fn go_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    for next in text.chars() {
        match next {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{7f}' => out.push_str(&format!("\\x{:02x}", u32::from(next))),
            '\u{80}'..='\u{a0}' | '\u{ad}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(next)));
            }
            _ => out.push(next),
        }
    }
    out.push('"');
    out
}

pub(super) fn indent<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    Ok(Val::text(indented(input, "")?))
}

pub(super) fn nindent<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    Ok(Val::text(indented(input, "\n")?))
}

/// Every line begins with a number of spaces.
fn indented(input: &mut Input<'_, '_>, before: &str) -> Outcome<String> {
    let (width, text) = (input.count_of(0)?, input.text(1)?);
    let lines = text.matches('\n').count().saturating_add(2);
    input.runtime.fits(width.saturating_mul(lines).saturating_add(text.len()))?;
    let pad = " ".repeat(width);
    Ok(format!("{before}{pad}{}", text.replace('\n', &format!("\n{pad}"))))
}

/// `plural one many count`
pub(super) fn plural<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    Ok(input.value(usize::from(input.int(2)? != 1)))
}

/// The parts as an object with the keys `_0`, `_1` and so on.
pub(super) fn split<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let parts = parts(input)?.into_iter().enumerate();
    let members: Members<'a> =
        parts.map(|(index, part)| (format!("_{index}").into(), Val::text(part))).collect();
    input.runtime.object(members)
}

pub(super) fn split_list<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let parts = parts(input)?.into_iter().map(Val::text).collect();
    input.runtime.list(parts)
}

fn parts(input: &mut Input<'_, '_>) -> Outcome<Vec<String>> {
    let (separator, text) = (input.text(0)?, input.text(1)?);
    if separator.is_empty() {
        input.runtime.elements(text.len())?;
        return Ok(text.chars().map(String::from).collect());
    }
    input.runtime.elements(text.matches(&*separator).count())?;
    Ok(text.split(&*separator).map(str::to_owned).collect())
}

/// Separator and list, in either order.
pub(super) fn join<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let list_first = input.value(0).is_list() && !input.value(1).is_list();
    let (separator, list) = if list_first { (1, 0) } else { (0, 1) };
    let (separator, list) = (input.text(separator)?, input.value(list));
    let items = match input.runtime.items(&list)? {
        Some(items) => items,
        None => vec![list],
    };
    let mut out = String::new();
    let mut first = true;
    for item in items.iter().filter(|item| !item.is_nothing()) {
        let text = input.runtime.print(item)?;
        let added = separator.len().saturating_add(text.len());
        input.runtime.work(added)?;
        if !first {
            out.push_str(&separator);
        }
        first = false;
        out.push_str(&text);
    }
    Ok(Val::text(out))
}

pub(super) fn to_string<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    Ok(Val::own(Data::Text(input.text(0)?)))
}

/// The printed forms of the elements that are not null.
pub(super) fn to_strings<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let texts = texts(input, 0)?.into_iter();
    let items = texts.map(|text| Val::own(Data::Text(text))).collect();
    input.runtime.list(items)
}

pub(super) fn sort_alpha<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let mut texts = texts(input, 0)?;
    texts.sort_by(|left, right| left.as_bytes().cmp(right.as_bytes()));
    let items = texts.into_iter().map(|text| Val::own(Data::Text(text))).collect();
    input.runtime.list(items)
}

fn texts<'a>(input: &mut Input<'a, '_>, index: usize) -> Outcome<Vec<Text<'a>>> {
    let value = input.value(index);
    let items = match input.runtime.items(&value)? {
        Some(items) => items,
        None => vec![value],
    };
    let mut texts = Vec::with_capacity(items.len());
    for item in items.iter().filter(|item| !item.is_nothing()) {
        let text = input.runtime.print(item)?;
        input.runtime.work(text.len())?;
        texts.push(text);
    }
    Ok(texts)
}
