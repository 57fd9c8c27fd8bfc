//! Where an HTTP+SSE server wants its messages: a URI reference (RFC 3986, section 4.1) that must
//! stay at the origin of the stream, because credentials go with every message. Pure.

use std::borrow::Cow;

use lanyard_core::{Failure, Origin};

use crate::mcp::link::events::unusable;

/// Path and query of the endpoint that `data` names, on a stream of this origin, path and query.
pub(super) fn resolve(origin: &Origin, target: &str, data: &[u8]) -> Result<String, Failure> {
    let text = std::str::from_utf8(data).map_err(|_| unusable("its endpoint is no text"))?;
    let reference = text.trim();
    // A fragment is for the reader of a document, and is never sent.
    let reference = reference.split('#').next().unwrap_or_default();
    if reference.is_empty()
        || !reference.bytes().all(|byte| byte.is_ascii_graphic())
        || reference.contains('\\')
    {
        return Err(unusable("its endpoint is no URI"));
    }
    let local = at_origin(origin, reference)?;
    let (base, _) = split_query(target);
    let (path, query) = split_query(&local);
    let path = match path {
        "" => base.to_owned(),
        absolute if absolute.starts_with('/') => absolute.to_owned(),
        relative => {
            let directory = base.rsplit_once('/').map_or("", |(directory, _)| directory);
            format!("{directory}/{relative}")
        }
    };
    let mut endpoint = without_dots(&path);
    if let Some(query) = query {
        endpoint.push('?');
        endpoint.push_str(query);
    }
    Ok(endpoint)
}

/// The reference without scheme and authority, if they are absent or those of the origin.
fn at_origin<'r>(origin: &Origin, reference: &'r str) -> Result<Cow<'r, str>, Failure> {
    let absolute = if reference.starts_with("//") {
        Cow::Owned(format!("{}:{reference}", origin.scheme().as_str()))
    } else if has_scheme(reference) {
        Cow::Borrowed(reference)
    } else {
        return Ok(Cow::Borrowed(reference));
    };
    match Origin::split_url(&absolute) {
        Ok((named, rest)) if named == *origin => {
            // An authority alone means its root, not the path of the stream.
            let slash = if rest.starts_with('/') { "" } else { "/" };
            Ok(Cow::Owned(format!("{slash}{rest}")))
        }
        Ok(_) | Err(_) => Err(unusable("its endpoint is at another origin")),
    }
}

/// Whether a reference begins with a scheme: letters, digits, `+`, `-`, `.` and then a colon.
fn has_scheme(reference: &str) -> bool {
    let is_scheme = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    reference.split_once(':').is_some_and(|(name, _)| is_scheme(name))
}

fn split_query(target: &str) -> (&str, Option<&str>) {
    match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    }
}

/// A path from which the segments `.` and `..` are gone (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let segments = path.strip_prefix('/').unwrap_or(path);
    let mut ends_in_directory = false;
    for segment in segments.split('/') {
        ends_in_directory = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    if ends_in_directory {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests;
