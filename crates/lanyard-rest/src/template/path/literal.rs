//! Literals: `!"text"`, `!true`, `!{"a":1}`.

use serde_json::Value;

use super::super::functions::owned;
use super::super::runtime::Runtime;
use super::super::value::{Outcome, Val};
use super::syntax::balanced;

/// The literal at the beginning of a path, and what follows it. One that is not JSON is missing.
pub(super) fn read<'a, 'p>(
    runtime: &mut Runtime<'a>,
    path: &'p str,
) -> Outcome<Option<(Val<'a>, &'p str)>> {
    let Some(text) = path.strip_prefix('!') else {
        return Ok(None);
    };
    let written = if text.starts_with(['{', '[', '"']) {
        balanced(text).unwrap_or(text)
    } else {
        text.get(..text.find(['.', '|']).unwrap_or(text.len())).unwrap_or("")
    };
    runtime.work(written.len())?;
    let rest = text.get(written.len()..).unwrap_or("");
    let value = match serde_json::from_str::<Value>(written) {
        Ok(json) => owned(runtime, json)?,
        Err(_) => Val::missing(),
    };
    Ok(Some((value, rest)))
}
