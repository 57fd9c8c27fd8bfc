//! JSON, escapes, encodings and digests.

use data_encoding::{BASE32, BASE64, Encoding, HEXLOWER};
use ring::digest::{self, Algorithm};
use serde_json::Value;

use super::super::json::Writer;
use super::super::runtime::Runtime;
use super::super::sink::{is_unreserved, percent};
use super::super::value::{Data, Members, Outcome, Text, Val, failed};
use super::Input;
use super::values::printed;

pub(super) fn to_json<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    json(input, Writer::escaped())
}

pub(super) fn to_raw_json<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    json(input, Writer::compact())
}

pub(super) fn to_pretty_json<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    json(input, Writer::indented())
}

fn json<'a>(input: &mut Input<'a, '_>, writer: Writer) -> Outcome<Val<'a>> {
    let value = input.value(0);
    if matches!(value.data, Data::Missing | Data::MissingJson) {
        return Ok(Val::own(Data::MissingJson));
    }
    Ok(Val::text(writer.write(input.runtime, &value)?))
}

/// The value of a JSON text; a value that is no text is given back.
pub(super) fn from_json<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let value = input.value(0);
    let Data::Text(text) = &value.data else {
        return Ok(value);
    };
    match serde_json::from_str::<Value>(text) {
        Ok(json) => owned(input.runtime, json),
        Err(_) => failed("the text is not JSON"),
    }
}

/// A JSON value that does not belong to the data.
pub(in super::super) fn owned<'a>(runtime: &mut Runtime<'a>, json: Value) -> Outcome<Val<'a>> {
    Ok(Val::own(match json {
        Value::Null => Data::Null,
        Value::Bool(bool) => Data::Bool(bool),
        Value::Number(number) => Data::Number(Text::from(number.as_str().to_owned())),
        Value::String(text) => Data::Text(text.into()),
        Value::Array(items) => {
            let items = items.into_iter().map(|item| owned(runtime, item));
            let items = items.collect::<Outcome<Vec<_>>>()?;
            return runtime.list(items);
        }
        Value::Object(object) => {
            let mut members = Members::with_capacity(object.len());
            for (key, value) in object {
                members.push((key.into(), owned(runtime, value)?));
            }
            return runtime.object(members);
        }
    }))
}

pub(super) fn html<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    changed(input, |next| match next {
        '\0' => Some("\u{fffd}".to_owned()),
        '"' => Some("&#34;".to_owned()),
        '\'' => Some("&#39;".to_owned()),
        '&' => Some("&amp;".to_owned()),
        '<' => Some("&lt;".to_owned()),
        '>' => Some("&gt;".to_owned()),
        _ => None,
    })
}

pub(super) fn js<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    changed(input, |next| match next {
        '\\' => Some("\\\\".to_owned()),
        '\'' => Some("\\'".to_owned()),
        '"' => Some("\\\"".to_owned()),
        '<' | '>' | '&' | '=' | '\u{2028}' | '\u{2029}' => Some(unicode_escape(next)),
        _ if next.is_control() => Some(unicode_escape(next)),
        _ => None,
    })
}

fn unicode_escape(next: char) -> String {
    format!("\\u{:04X}", u32::from(next))
}

fn changed<'a>(
    input: &mut Input<'a, '_>,
    change: impl Fn(char) -> Option<String>,
) -> Outcome<Val<'a>> {
    let text = printed(input)?;
    let mut out = String::with_capacity(text.len());
    for next in text.chars() {
        match change(next) {
            Some(written) => out.push_str(&written),
            None => out.push(next),
        }
    }
    Ok(Val::text(out))
}

pub(super) fn urlquery<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    let missing = input.count() == 1 && input.value(0).is_missing();
    if missing {
        return Ok(Val::missing());
    }
    let text = printed(input)?;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            _ if is_unreserved(byte) => out.push(char::from(byte)),
            _ => out.push_str(&percent(byte)),
        }
    }
    Ok(Val::text(out))
}

pub(super) fn b64enc<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    encoded(input, &BASE64)
}

pub(super) fn b64dec<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    decoded(input, &BASE64)
}

pub(super) fn b32enc<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    encoded(input, &BASE32)
}

pub(super) fn b32dec<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    decoded(input, &BASE32)
}

fn encoded<'a>(input: &mut Input<'a, '_>, encoding: &Encoding) -> Outcome<Val<'a>> {
    Ok(Val::text(encoding.encode(input.text(0)?.as_bytes())))
}

fn decoded<'a>(input: &mut Input<'a, '_>, encoding: &Encoding) -> Outcome<Val<'a>> {
    let text = input.text(0)?;
    let bytes = encoding.decode(text.as_bytes()).ok();
    match bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(text) => Ok(Val::text(text)),
        None => failed("the text is not encoded text"),
    }
}

pub(super) fn sha1sum<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    digest(input, &digest::SHA1_FOR_LEGACY_USE_ONLY)
}

pub(super) fn sha256sum<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    digest(input, &digest::SHA256)
}

pub(super) fn sha512sum<'a>(input: &mut Input<'a, '_>) -> Outcome<Val<'a>> {
    digest(input, &digest::SHA512)
}

fn digest<'a>(input: &mut Input<'a, '_>, algorithm: &'static Algorithm) -> Outcome<Val<'a>> {
    let text = input.text(0)?;
    Ok(Val::text(HEXLOWER.encode(digest::digest(algorithm, text.as_bytes()).as_ref())))
}
