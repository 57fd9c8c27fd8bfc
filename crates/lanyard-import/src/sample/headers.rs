//! The headers of samples: which become part of a tool, and which belong to the message or to the
//! program that sent it.

use super::{Pair, Sample};

/// Headers of the connection and the message: they are made anew for each request.
const FRAMING: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers that depend on an earlier answer, or that only a browser sends.
const BROWSER: &[&str] = &[
    "dnt",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "priority",
    "range",
    "upgrade-insecure-requests",
];

/// What browsers add to every request, of which a recording is full.
const RECORDED: &[&str] = &[
    "accept-language",
    "baggage",
    "cache-control",
    "origin",
    "pragma",
    "referer",
    "sentry-trace",
    "traceparent",
    "tracestate",
    "user-agent",
];

/// Takes out what is no part of a tool, and says so. `recorded`: a browser wrote them.
pub(super) fn prune(sample: &mut Sample, recorded: bool) {
    let mut left_out: Vec<String> = Vec::new();
    let host = sample.header("host").map(|header| header.value().to_ascii_lowercase());
    if host.is_some_and(|host| host != sample.origin.authority()) {
        sample.warn("the header `Host` names another host than the URL: it is left out");
    }
    let mut kept: Vec<Pair> = Vec::new();
    for header in std::mem::take(&mut sample.headers) {
        let name = header.name.to_ascii_lowercase();
        let is = |list: &[&str]| list.contains(&name.as_str());
        let sent_by_browser = name.starts_with("sec-") || name.starts_with(':') || is(BROWSER);
        if is(FRAMING) || sent_by_browser || (recorded && is(RECORDED)) {
            left_out.push(format!("`{}`", header.name));
            continue;
        }
        match kept.iter_mut().find(|other| other.name.eq_ignore_ascii_case(&header.name)) {
            // Two lines of one name are one list.
            Some(other) => other.value = Some(format!("{}, {}", other.value(), header.value())),
            None => kept.push(header),
        }
    }
    sample.headers = kept;
    left_out.dedup();
    if !left_out.is_empty() {
        sample.info(format!(
            "headers that are made for each request, depend on an earlier answer or belong to a \
             browser are left out: {}",
            left_out.join(", ")
        ));
    }
}
