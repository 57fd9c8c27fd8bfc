//! Bodies of parts: one part for each value, files decoded from base64.

use data_encoding::{BASE64, BASE64_NOPAD};
use serde_json::Value;

use crate::args::{Arg, ListStyle};
use crate::request::RenderError;
use crate::values::{Encoding, plain_texts, push_pairs, refused};

/// A body and the boundary between its parts.
#[derive(Debug)]
pub(crate) struct Multipart {
    pub(crate) boundary: String,
    pub(crate) body: Vec<u8>,
}

struct Part {
    head: String,
    content: Vec<u8>,
}

/// How often a boundary is drawn before giving up: with 128 random bits once is enough, unless
/// the source of randomness is broken.
const DRAWS_MAX: usize = 8;

/// Writes the parts of the arguments that are there, in the order given.
pub(crate) fn write<'a>(
    arguments: impl Iterator<Item = (&'a Arg, &'a Value)>,
    random: &dyn Fn(&mut [u8]),
) -> Result<Multipart, RenderError> {
    let mut parts = Vec::new();
    for (arg, value) in arguments {
        push_parts(&mut parts, arg, value)?;
    }
    let boundary = draw_boundary(&parts, random)?;
    let mut body = Vec::new();
    for part in &parts {
        body.extend_from_slice(format!("--{boundary}\r\n{}\r\n\r\n", part.head).as_bytes());
        body.extend_from_slice(&part.content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok(Multipart { boundary, body })
}

fn push_parts(parts: &mut Vec<Part>, arg: &Arg, value: &Value) -> Result<(), RenderError> {
    if !arg.binary {
        for (name, text) in texts(arg, value)? {
            let head = format!("Content-Disposition: form-data; name=\"{}\"", quoted(&name));
            parts.push(Part { head, content: text.into_bytes() });
        }
        return Ok(());
    }
    let name = quoted(&arg.wire);
    let files = match value {
        Value::Array(items) => items.as_slice(),
        Value::Null => &[],
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {
            std::slice::from_ref(value)
        }
    };
    for file in files {
        let content = file
            .as_str()
            .and_then(decode)
            .ok_or_else(|| refused(arg, "is a file and must be base64"))?;
        let head = format!(
            "Content-Disposition: form-data; name=\"{name}\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream"
        );
        parts.push(Part { head, content });
    }
    Ok(())
}

/// The parts of an argument that is no file: names and texts.
fn texts(arg: &Arg, value: &Value) -> Result<Vec<(String, String)>, RenderError> {
    if arg.style == ListStyle::DeepObject && value.is_object() {
        let mut members = Vec::new();
        push_pairs(&mut members, arg, value, Encoding::Plain)?;
        return Ok(members);
    }
    let texts = plain_texts(arg, value)?;
    Ok(texts.into_iter().map(|text| (arg.wire.clone(), text)).collect())
}

/// The bytes of a file that came as base64.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let encoding = if text.ends_with('=') { &BASE64 } else { &BASE64_NOPAD };
    encoding.decode(text.as_bytes()).ok()
}

/// A name within quotes, as the living HTML standard writes it.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn draw_boundary(parts: &[Part], random: &dyn Fn(&mut [u8])) -> Result<String, RenderError> {
    for _ in 0..DRAWS_MAX {
        let mut bytes = [0; 16];
        random(&mut bytes);
        let boundary = format!("lanyard-{}", data_encoding::HEXLOWER.encode(&bytes));
        if !parts.iter().any(|part| contains(&part.content, boundary.as_bytes())) {
            return Ok(boundary);
        }
    }
    Err(RenderError::Unbuildable("no boundary was found that no part holds".to_owned()))
}

fn contains(content: &[u8], wanted: &[u8]) -> bool {
    content.windows(wanted.len()).any(|window| window == wanted)
}
