//! Where a description sends the key that it asks for. A key that is typed for an API is meant for
//! that API, and one operation of six hundred may name another host.

use std::collections::BTreeSet;

use lanyard_core::Origin;
use lanyard_import::Draft;

use crate::cli::server::add::AddArgs;
use crate::failure::Failure;
use crate::{output, prompt};

/// Where the API itself is: what its paths stand below, else where its first tool is.
pub(super) fn main(draft: &Draft) -> Option<String> {
    let first = || draft.tools.first().map(|tool| tool.url.as_str());
    origin(draft.base_url.as_deref().or_else(first)?)
}

fn origin(url: &str) -> Option<String> {
    Origin::split_url(url).ok().map(|(origin, _)| origin.to_string())
}

/// The other origins that credentials would go to.
fn others(draft: &Draft) -> BTreeSet<String> {
    let main = main(draft);
    let asks = |own: &Option<Vec<_>>| !own.as_ref().unwrap_or(&draft.default_security).is_empty();
    let tools = draft.tools.iter().filter(|tool| asks(&tool.security));
    tools.filter_map(|tool| origin(&tool.url)).filter(|it| Some(it) != main.as_ref()).collect()
}

/// Finds out whether keys may go to every origin that a new server's description names.
pub(super) fn agreed(args: &AddArgs, draft: &Draft) -> Result<(), Failure> {
    let accepted: Vec<String> = args
        .import
        .secret_origin
        .iter()
        .map(|text| {
            let wrong = |error| Failure::usage(format!("--secret-origin {text}: {error}"));
            Origin::parse(text).map(|origin| origin.to_string()).map_err(wrong)
        })
        .collect::<Result<_, _>>()?;
    let open: Vec<String> = others(draft).into_iter().filter(|it| !accepted.contains(it)).collect();
    if open.is_empty() {
        return Ok(());
    }
    let all = open.join(" ");
    if prompt::is_attended() && !args.json {
        let main = main(draft).unwrap_or_default();
        let question =
            format!("The API is at {main}, and some tools send the key to {all}. Let them?");
        if prompt::confirm(&question, false)? {
            return Ok(());
        }
    }
    let accept: Vec<String> = open.iter().map(|it| format!("--secret-origin {it}")).collect();
    Err(Failure::other(output::plain(&format!(
        "some tools would send the key elsewhere than the API itself is: to {all}; accept that with {}, or leave them out with --exclude; nothing was changed",
        accept.join(" ")
    ))))
}
