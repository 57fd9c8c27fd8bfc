//! Functions on lists. A list is never changed; each gives a new one.

use std::collections::HashSet;

use super::super::value::{Data, Outcome, Val, failed};
use super::Input;
use super::compare::equal;

pub(super) fn list<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let items = input.rest(0);
    input.runtime.list(items)
}

pub(super) fn first<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    at(input, |_| 0)
}

pub(super) fn last<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    at(input, |length| length.saturating_sub(1))
}

/// One element, or null if there is none.
fn at<'a>(input: &mut Input<'a, '_>, place: impl Fn(usize) -> usize) -> Outcome<Val<'a>> {
    let list = input.value(0);
    if !list.is_list() && !list.is_nothing() {
        return failed("a list is wanted");
    }
    if list.length() == 0 {
        return Ok(Val::own(Data::Null));
    }
    input.runtime.element(&list, place(list.length()))
}

pub(super) fn rest<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let items = input.list(0)?;
    input.runtime.list(items.into_iter().skip(1).collect())
}

pub(super) fn initial<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let mut items = input.list(0)?;
    items.pop();
    input.runtime.list(items)
}

pub(super) fn append<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let mut items = input.list(0)?;
    items.push(input.value(1));
    input.runtime.list(items)
}

pub(super) fn prepend<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let mut items = vec![input.value(1)];
    items.extend(input.list(0)?);
    input.runtime.list(items)
}

pub(super) fn concat<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let mut items = Vec::new();
    for index in 0..input.count() {
        items.extend(input.list(index)?);
    }
    input.runtime.list(items)
}

pub(super) fn reverse<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let mut items = input.list(0)?;
    items.reverse();
    input.runtime.list(items)
}

/// Elements are the same if they are the same JSON.
pub(super) fn uniq<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let mut seen = HashSet::new();
    let mut kept = Vec::new();
    for item in input.list(0)? {
        if seen.insert(input.runtime.json(&item)?) {
            kept.push(item);
        }
    }
    input.runtime.list(kept)
}

/// A list without the elements that equal one of the other arguments.
pub(super) fn without<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let omitted = input.rest(1);
    let mut kept = Vec::new();
    for item in input.list(0)? {
        if !is_among(input, &item, &omitted)? {
            kept.push(item);
        }
    }
    input.runtime.list(kept)
}

/// `has element list`
pub(super) fn has<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let wanted = input.value(0);
    let items = input.list(1)?;
    Ok(Val::bool(is_among(input, &wanted, &items)?))
}

fn is_among<'a>(input: &mut Input<'a, '_>, wanted: &Val<'a>, items: &[Val<'a>]) -> Outcome<bool> {
    for item in items {
        if equal(input.runtime, item, wanted)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The elements that are not empty.
pub(super) fn compact<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let mut items = input.list(0)?;
    items.retain(Val::truth);
    input.runtime.list(items)
}

/// `slice list [from [to]]`
pub(super) fn slice<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let list = input.value(0);
    let Some(items) = input.runtime.items(&list)? else {
        return failed("a list is wanted");
    };
    let from = if input.count() > 1 { usize::try_from(input.int(1)?) } else { Ok(0) };
    let to = if input.count() > 2 { usize::try_from(input.int(2)?) } else { Ok(items.len()) };
    let part = match (from, to) {
        (Ok(from), Ok(to)) => items.get(from..to),
        _ => None,
    };
    match part {
        Some(part) => input.runtime.list(part.to_vec()),
        None => failed("the bounds are outside the list"),
    }
}
