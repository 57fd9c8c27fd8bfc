//! Functions on any value: choosing, reaching, printing, and what comes from the environment.

use super::super::ast::{Base, Operand};
use super::super::value::{Data, Fault, Origin, Outcome, Text, Tree, Val, failed};
use super::super::{number, path};
use super::Input;

pub(super) fn len<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let value = input.value(0);
    let length = match &value.data {
        Data::Text(text) => text.len(),
        _ => value.length(),
    };
    Ok(Val::int(i64::try_from(length).unwrap_or(i64::MAX)))
}

/// Goes down step by step.
pub(super) fn index<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let mut value = input.value(0);
    let mut computed = false;
    for key in input.rest(1) {
        computed = computed || value.is_computed();
        value = index_one(input, &value, &key)?;
    }
    if !computed {
        setting_exists(input, &value)?;
    }
    Ok(value)
}

fn index_one<'a>(input: &mut Input<'a, '_>, of: &Val<'a>, key: &Val<'a>) -> Outcome<Val<'a>> {
    if of.is_list() {
        if !key.is_number() {
            return failed("the key of a list is a whole number");
        }
        return match usize::try_from(number::whole(key)?) {
            Ok(position) if position < of.length() => input.runtime.element(of, position),
            _ => failed("the key is out of range"),
        };
    }
    if !of.is_object() {
        return failed("only lists and objects have keys");
    }
    let Data::Text(key) = &key.data else {
        return failed("the key of an object is a text");
    };
    let found = input.runtime.member(of, key)?;
    if !found.is_missing() {
        return Ok(found);
    }
    let found_by_path = path::get(input.runtime, of, key)?;
    Ok(if found_by_path.is_missing() { found } else { found_by_path })
}

/// A setting that is asked for and does not exist fails the call, unless `default` follows.
pub(super) fn setting_exists(input: &Input<'_, '_>, value: &Val<'_>) -> Outcome<()> {
    let needed = input.runtime.env.config_must_exist && !input.call.guarded;
    if needed && value.is_missing() && value.origin == Origin::Config {
        return Err(Fault::MissingPath(".config ..".to_owned()));
    }
    Ok(())
}

/// A path relative to dot.
pub(super) fn gjson<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let path = input.text(0)?;
    let value = path::get(input.runtime, input.dot, &path)?;
    let settings = match input.dot.data {
        Data::Json(_, Tree::Root) => path.starts_with("config.") || path.starts_with("config|"),
        Data::Json(_, Tree::Config) => true,
        _ => false,
    };
    if settings && value.is_missing() {
        setting_exists(input, &Val::new(Data::Missing, Origin::Config))?;
    }
    Ok(value)
}

pub(super) fn print<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    Ok(Val::text(printed(input)?))
}

pub(super) fn println<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let mut text = printed(input)?;
    text.push('\n');
    Ok(Val::text(text))
}

/// The arguments joined by spaces.
pub(super) fn printed(input: &mut Input<'_, '_>) -> Outcome<String> {
    let mut out = String::new();
    for index in 0..input.count() {
        let text = input.text(index)?;
        input.runtime.fits(out.len().saturating_add(text.len()))?;
        if index > 0 {
            out.push(' ');
        }
        out.push_str(&text);
    }
    Ok(out)
}

/// The second argument unless it is empty, else the first.
pub(super) fn default<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let given = input.value(1);
    Ok(if given.truth() { given } else { input.value(0) })
}

pub(super) fn empty<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    Ok(Val::bool(!input.value(0).truth()))
}

/// The first argument that is not empty.
pub(super) fn coalesce<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let found = input.arguments.iter().find(|value| value.truth());
    Ok(found.cloned().unwrap_or_else(|| Val::own(Data::Null)))
}

pub(super) fn ternary<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    Ok(if input.value(2).truth() { input.value(0) } else { input.value(1) })
}

/// Fails the rendering. Its message is shown if it is the template's own.
pub(super) fn fail<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    match input.call.arguments.first() {
        Some(Operand { base: Base::Text(message), .. }) => failed(message.to_string()),
        _ => failed("the template refuses these values"),
    }
}

pub(super) fn uuidv4<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let mut bytes = [0_u8; 16];
    (input.runtime.env.random)(&mut bytes);
    // The version and the variant of RFC 9562 stand in the high bits of two bytes.
    let number = u128::from_be_bytes(bytes);
    let number = number & !(0xf << 76) | (0x4 << 76);
    let number = number & !(0x3 << 62) | (0x2 << 62);
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or("");
    let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
    Ok(Val::text(parts.join("-")))
}

/// The caller's address.
pub(super) fn address<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let address = input.runtime.env.client_ip.map(|address| address.to_string());
    let text = Data::Text(Text::from(address.unwrap_or_default()));
    Ok(Val::new(text, Origin::Outside))
}
