//! `not`, equality and order.

use std::cmp::Ordering;

use super::super::number;
use super::super::runtime::Runtime;
use super::super::value::{Data, Outcome, Val};
use super::Input;

pub(super) fn not<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    Ok(Val::bool(!input.value(0).truth()))
}

/// True if the first equals any of the others.
pub(super) fn eq<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let first = input.value(0);
    for other in input.rest(1) {
        if equal(input.runtime, &first, &other)? {
            return Ok(Val::bool(true));
        }
    }
    Ok(Val::bool(false))
}

pub(super) fn ne<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let (first, other) = (input.value(0), input.value(1));
    Ok(Val::bool(!equal(input.runtime, &first, &other)?))
}

pub(super) fn lt<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    Ok(Val::bool(order(input)?.is_lt()))
}

pub(super) fn le<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    Ok(Val::bool(order(input)?.is_le()))
}

pub(super) fn gt<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    Ok(Val::bool(order(input)?.is_gt()))
}

pub(super) fn ge<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    Ok(Val::bool(order(input)?.is_ge()))
}

/// Numerical if both are numbers, else by text.
fn order(input: &mut Input<'_, '_>) -> Outcome<Ordering> {
    let (left, right) = (input.value(0), input.value(1));
    if left.is_number()
        && right.is_number()
        && let Some(order) = number::compare(&left, &right)
    {
        return Ok(order);
    }
    let (left, right) = (input.text(0)?, input.text(1)?);
    Ok(left.as_bytes().cmp(right.as_bytes()))
}

/// Equality of content. Numbers are compared by value, also with a numeric text; missing equals
/// only missing.
pub(in super::super) fn equal<'a>(
    runtime: &mut Runtime<'a>,
    left: &Val<'a>,
    right: &Val<'a>,
) -> Outcome<bool> {
    runtime.elements(1)?;
    if left.is_number() || right.is_number() {
        return Ok(number::compare(left, right) == Some(Ordering::Equal));
    }
    if left.is_list() && right.is_list() {
        return equal_lists(runtime, left, right);
    }
    if left.is_object() && right.is_object() {
        return equal_objects(runtime, left, right);
    }
    Ok(match (&left.data, &right.data) {
        (Data::Missing, Data::Missing)
        | (Data::Null, Data::Null)
        | (Data::MissingJson, Data::MissingJson) => true,
        (Data::Bool(left), Data::Bool(right)) => left == right,
        (Data::Time(left), Data::Time(right)) => left == right,
        (Data::Text(left), Data::Text(right)) => {
            runtime.work(if left.len() == right.len() { left.len() } else { 0 })?;
            **left == **right
        }
        _ => false,
    })
}

fn equal_lists<'a>(runtime: &mut Runtime<'a>, left: &Val<'a>, right: &Val<'a>) -> Outcome<bool> {
    if left.length() != right.length() {
        return Ok(false);
    }
    for index in 0..left.length() {
        let (left, right) = (runtime.element(left, index)?, runtime.element(right, index)?);
        if !equal(runtime, &left, &right)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn equal_objects<'a>(runtime: &mut Runtime<'a>, left: &Val<'a>, right: &Val<'a>) -> Outcome<bool> {
    if left.length() != right.length() {
        return Ok(false);
    }
    for (key, value) in runtime.members(left)?.unwrap_or_default() {
        // A missing member never equals: no member of an object is missing.
        let other = runtime.member(right, &key)?;
        if other.is_missing() || !equal(runtime, &value, &other)? {
            return Ok(false);
        }
    }
    Ok(true)
}
