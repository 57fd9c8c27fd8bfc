//! The calls that `--run` names: what is no call of the tool, or would leave a credential in the file, is
//! refused before anything is called.

use std::collections::BTreeMap;

use lanyard_core::credential::live_credential;

use super::held::credential_in;
use super::line::split;
use crate::agent::arguments::{Base, Flags, coerce, parse};
use crate::agent::call::input::read_inputs;
use crate::agent::client::Tool;
use crate::agent::issue::Issue;
use crate::agent::signature::short_signature;
use crate::agent::streams::Streams;

/// The calls that `--run` names, by tool, as words of a line. What cannot be a call of the tool is
/// refused here, before anything is called, and so is what would leave a credential in the file.
pub(super) fn named_calls(
    run: &[String],
    server: &str,
    tools: &[Tool],
    streams: &mut Streams<'_>,
) -> Result<BTreeMap<String, Vec<String>>, Issue> {
    let mut named = BTreeMap::new();
    for text in run {
        let given = split(text).map_err(Issue::usage)?;
        let Some((name, rest)) = given.split_first() else {
            return Err(Issue::usage("--run takes 'TOOL k=v'"));
        };
        let refused = |why: &str| Issue::usage(format!("--run: `{name}`: {why}"));
        let Some(tool) = tools.iter().find(|tool| tool.name == *name) else {
            if let Some(kind) = live_credential(name) {
                return Err(Issue::usage(format!("--run begins with a {kind}, not with a tool")));
            }
            return Err(Issue::usage(format!("--run: there is no tool `{name}` on {server}")));
        };
        let words = [&[format!("{server}.{name}")], rest].concat();
        if let Some(kind) = credential_in(&words) {
            return Err(refused(&format!(
                "an argument holds what looks like a live credential ({kind}), and would stand in the \
                 file; nothing was called or written. Name a call without one: Lanyard adds the stored \
                 credential"
            )));
        }
        refuse_misfit(tool, &words, streams).map_err(|why| refused(&why))?;
        if named.insert(name.clone(), words).is_some() {
            return Err(Issue::usage(format!(
                "--run names `{name}` twice; one call is shown of each"
            )));
        }
    }
    Ok(named)
}

/// Refuses arguments that `lanyard call` would refuse before it sends anything.
fn refuse_misfit(tool: &Tool, words: &[String], streams: &mut Streams<'_>) -> Result<(), String> {
    let (flags, _, given) =
        parse(Flags::default(), words).map_err(|problem| problem.to_string())?;
    if flags.base == Some(Base::Stdin) {
        return Err("write the arguments out: a line of the file has no standard input".to_owned());
    }
    let (base, given) = read_inputs(flags.base, given, streams).map_err(|issue| issue.message)?;
    let base = base.unwrap_or_default();
    let made = coerce(base, &given, Some(&tool.input_schema), flags.texts);
    if made.problems.is_empty() {
        return Ok(());
    }
    let signature = short_signature(tool);
    Err(format!(
        "{}; nothing was called or written. Signature: {signature}",
        made.problems.join("; ")
    ))
}
