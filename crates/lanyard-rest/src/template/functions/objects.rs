//! Functions on objects. Members keep their order; an object is never changed, each function gives
//! a new one.

use super::super::value::{Data, Members, Outcome, Text, Val, failed};
use super::Input;
use super::values::setting_exists;

/// `dict key value ...`; a last key without value gets the empty text.
pub(super) fn dict<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let mut members = Members::new();
    let mut index = 0;
    while index < input.count() {
        let key = input.text(index)?;
        let value = input.arguments.get(index.saturating_add(1)).cloned();
        put(input, &mut members, key, value.unwrap_or_else(|| Val::text(String::new())))?;
        index = index.saturating_add(2);
    }
    input.runtime.object(members)
}

fn put<'a>(
    input: &mut Input<'a, '_>,
    members: &mut Members<'a>,
    key: Text<'a>,
    value: Val<'a>,
) -> Outcome<()> {
    input.runtime.work(members.len())?;
    match members.iter_mut().find(|(known, _)| **known == *key) {
        Some((_, place)) => *place = value,
        None => members.push((key, value)),
    }
    Ok(())
}

/// A member, or the empty text.
pub(super) fn get<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let (object, key) = (input.value(0), input.text(1)?);
    if !object.is_object() && !object.is_nothing() {
        return failed("an object is wanted");
    }
    let found = input.runtime.member(&object, &key)?;
    if !found.is_missing() {
        return Ok(found);
    }
    if !object.is_computed() {
        setting_exists(input, &found)?;
    }
    Ok(Val::text(String::new()))
}

pub(super) fn set<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let mut members = input.object(0)?;
    let (key, value) = (input.text(1)?, input.value(2));
    put(input, &mut members, key, value)?;
    input.runtime.object(members)
}

pub(super) fn has_key<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let (object, key) = (input.value(0), input.text(1)?);
    if !object.is_object() && !object.is_nothing() {
        return failed("an object is wanted");
    }
    Ok(Val::bool(object.is_object() && !input.runtime.member(&object, &key)?.is_missing()))
}

/// The keys of all arguments.
pub(super) fn keys<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let mut keys = Vec::new();
    for index in 0..input.count() {
        let members = input.object(index)?.into_iter();
        keys.extend(members.map(|(key, _)| Val::own(Data::Text(key))));
    }
    input.runtime.list(keys)
}

pub(super) fn values<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let values = input.object(0)?.into_iter().map(|(_, value)| value).collect();
    input.runtime.list(values)
}

/// Only the members with one of the keys.
pub(super) fn pick<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    with_keys(input, true)
}

/// All but the members with one of the keys.
pub(super) fn omit<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    with_keys(input, false)
}

fn with_keys<'a>(input: &mut Input<'a, '_>, kept: bool) -> Outcome<Val<'a>> {
    let mut named = Vec::new();
    for index in 1..input.count() {
        named.push(input.text(index)?);
    }
    let mut members = input.object(0)?;
    input.runtime.elements(members.len().saturating_mul(named.len()))?;
    members.retain(|(key, _)| named.iter().any(|name| **name == **key) == kept);
    input.runtime.object(members)
}

/// `pluck key object ...`: the member of that key of every object that has it.
pub(super) fn pluck<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let key = input.text(0)?;
    let mut found = Vec::new();
    for object in input.rest(1) {
        let value = input.runtime.member(&object, &key)?;
        if object.is_object() && !value.is_missing() {
            found.push(value);
        }
    }
    input.runtime.list(found)
}

/// `dig key ... default object`
pub(super) fn dig<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let keys = input.count().saturating_sub(2);
    let mut value = input.last();
    for index in 0..keys {
        let key = input.text(index)?;
        if !value.is_object() && index == 0 && !value.is_nothing() {
            return failed("an object is wanted");
        }
        value = input.runtime.member(&value, &key)?;
        if value.is_missing() {
            return Ok(input.value(keys));
        }
    }
    Ok(value)
}
