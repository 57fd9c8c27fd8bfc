//! Which headers a definition and an argument may set.

use crate::syntax::is_token;

/// Headers that say how a message is framed or where it goes: they are made of the request
/// itself, never of a definition.
pub(crate) fn is_framing(name: &str) -> bool {
    const FRAMING: &[&str] = &[
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    FRAMING.iter().any(|framing| name.eq_ignore_ascii_case(framing))
}

/// Why an argument may not be the header of this name, whatever else the tool sets.
pub(crate) fn refusal_for_argument(name: &str) -> Option<&'static str> {
    const CREDENTIALS: &[&str] = &["authorization", "cookie"];
    const BODY: &[&str] = &["content-type", "content-encoding", "expect"];
    let is_one_of = |names: &[&str]| names.iter().any(|other| name.eq_ignore_ascii_case(other));
    if !is_token(name) {
        Some("is no name of a header")
    } else if is_one_of(CREDENTIALS) {
        Some("carries credentials, which no argument may set")
    } else if is_framing(name) || starts_with(name, "proxy-") {
        Some("belongs to the connection, not to the request")
    } else if is_one_of(BODY) {
        Some("says how the body is read, which no argument may change")
    } else {
        None
    }
}

fn starts_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
