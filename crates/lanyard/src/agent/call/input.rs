//! Files and standard input of a call.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::agent::arguments::{Base, Given, Raw, json};
use crate::agent::content::Image;
use crate::agent::issue::Issue;
use crate::agent::streams::Streams;

/// Numbers that an image's file name counts up to before giving up.
const NAMES_TRIED_MAX: usize = 10_000;

/// Reads what the line names: the object of `--args`, and the files of `key=@path`.
pub(in crate::agent) fn read_inputs(
    base: Option<Base>,
    mut given: Given,
    streams: &mut Streams<'_>,
) -> Result<(Option<Map<String, Value>>, Given), Issue> {
    let base = base.map(|base| read_base(base, streams)).transpose()?;
    let named = given.named.iter_mut().map(|(_name, raw)| raw);
    for raw in named.chain(&mut given.positional) {
        if let Raw::File(path) = raw {
            *raw = Raw::Text(std::fs::read_to_string(&*path).map_err(|problem| {
                Issue::usage(format!("cannot read {path}: {problem} (write @@ for a literal @)"))
            })?);
        }
    }
    Ok((base, given))
}

fn read_base(base: Base, streams: &mut Streams<'_>) -> Result<Map<String, Value>, Issue> {
    let text = match base {
        Base::Text(text) => text,
        Base::Stdin => {
            let mut text = String::new();
            let read = streams.stdin.read_to_string(&mut text);
            read.map_err(|problem| Issue::usage(format!("cannot read standard input: {problem}")))?;
            text
        }
    };
    match json::read(&text) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(Issue::usage("--args takes a JSON object")),
        Err(problem) => Err(Issue::usage(format!("--args {problem}"))),
    }
}

/// Writes an image under a name that nothing has yet: a tool's answer must not replace a file.
pub(in crate::agent) fn write_new(
    directory: &Path,
    tool: &str,
    index: usize,
    image: &Image,
) -> io::Result<PathBuf> {
    let tool = tool.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-");
    let first = index.saturating_add(1);
    for number in first..first.saturating_add(NAMES_TRIED_MAX) {
        let path = directory.join(format!("{tool}-{number}.{}", image.extension));
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(&image.bytes)?;
                return Ok(path);
            }
            Err(problem) if problem.kind() == io::ErrorKind::AlreadyExists => {}
            Err(problem) => return Err(problem),
        }
    }
    Err(io::Error::other("every name is taken"))
}
