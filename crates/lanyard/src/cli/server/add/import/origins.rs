//! Where a description sends the key that it asks for. A key that is typed for an API is meant for
//! that API, and one operation of six hundred may name another host.

use std::collections::BTreeSet;
use std::net::IpAddr;

use lanyard_core::Origin;
use lanyard_import::Draft;
use serde_json::Value;

use super::again::Standing;
use super::read::Read;
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

/// Finds out whether requests and keys may go where a description says.
pub(super) fn check(
    args: &AddArgs,
    read: &Read,
    standing: Option<&Standing>,
) -> Result<(), Failure> {
    check_base(&read.draft)?;
    check_reach(args, read, standing)?;
    // A server that is there sends its secrets to no new origin without a word on that.
    if standing.is_none() { agreed(args, &read.draft) } else { Ok(()) }
}

/// Refuses a draft that does not say which host it is about: told once, and not for every tool.
pub(super) fn check_base(draft: &Draft) -> Result<(), Failure> {
    let needs = draft.tools.iter().any(|tool| tool.url.starts_with('/'));
    if draft.base_url.is_some() || !needs {
        return Ok(());
    }
    let what = "it does not say at which host the API is, as the warning above says";
    Err(Failure::other(format!(
        "{what}: give its base URL with --base-url https://...; nothing was changed"
    )))
}

/// Refuses addresses near this machine that a description names and nobody here wrote: those of a
/// link, where metadata services answer, always; private ones where the description is a stranger's.
fn check_reach(args: &AddArgs, read: &Read, standing: Option<&Standing>) -> Result<(), Failure> {
    let Read { draft, place, .. } = read;
    let before = standing.and_then(|it| it.options.get("allow_private")).and_then(Value::as_array);
    let before = before.into_iter().flatten().filter_map(Value::as_str);
    let allowed: Vec<&str> = args.allow_private.iter().map(String::as_str).chain(before).collect();
    let host = |url: &str| Origin::split_url(url).ok().map(|(origin, _)| origin.host().to_owned());
    let own = [args.base_url.as_deref().and_then(host), host(place)];
    let is_strange = host(place).is_some();
    let urls = draft.tools.iter().map(|tool| tool.url.as_str()).chain(draft.base_url.as_deref());
    for named in urls.filter_map(host).collect::<BTreeSet<_>>() {
        let meant = allowed.iter().any(|it| it.eq_ignore_ascii_case(&named))
            || own.iter().flatten().any(|it| *it == named);
        if !meant && is_near(&named, is_strange) {
            return Err(Failure::other(format!(
                "the description names {named}, an address near this machine; if that is meant, allow it with --allow-private {named}; nothing was changed"
            )));
        }
    }
    Ok(())
}

/// Whether a host is an address of the link, or one that only a network of one's own has.
fn is_near(host: &str, private_too: bool) -> bool {
    if host == "localhost" {
        return private_too;
    }
    match host.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(address)) => {
            address.is_link_local()
                || (private_too && (address.is_private() || address.is_loopback()))
        }
        Ok(IpAddr::V6(address)) => {
            address.is_unicast_link_local()
                || (private_too && (address.is_unique_local() || address.is_loopback()))
        }
        Err(_) => false,
    }
}

/// The other origins that credentials would go to.
fn others(draft: &Draft) -> BTreeSet<String> {
    let main = main(draft);
    let asks = |own: &Option<Vec<_>>| !own.as_ref().unwrap_or(&draft.default_security).is_empty();
    let tools = draft.tools.iter().filter(|tool| asks(&tool.security));
    tools.filter_map(|tool| origin(&tool.url)).filter(|it| Some(it) != main.as_ref()).collect()
}

/// Finds out whether keys may go to every origin that a new server's description names.
fn agreed(args: &AddArgs, draft: &Draft) -> Result<(), Failure> {
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
