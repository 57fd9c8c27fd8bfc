//! What a record tells of the client and its request: who the client says it is, and which trace
//! the request belongs to. Both are what a client says, and nothing is decided by them.

use std::sync::Arc;

use lanyard_core::ClientNote;
use lanyard_mcp::text::visible;
use lanyard_wire::splice;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::open::{Subject, cut};
use crate::edge::client::Client;

/// The longest name, and the longest version, of a client that a record repeats, in bytes.
const CLIENT_BYTES_MAX: usize = 64;

/// The member of `_meta`, and the header, that carry a trace. Source: W3C Trace Context, section
/// 3.2; MCP 2026-07-28 for `_meta`.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// The id of a trace: 32 hexadecimal digits, not all of them 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TraceId(Arc<str>);

impl TraceId {
    /// Reads a `traceparent`: version, trace, parent and flags, the digits in lower case. A
    /// version that is not known may have more behind them. `None` for anything else.
    pub(crate) fn of_parent(text: &str) -> Option<Self> {
        let mut parts = text.splitn(5, '-');
        let [version, trace, parent, flags] =
            [(); 4].map(|()| parts.next().filter(|part| is_hex(part)).unwrap_or_default());
        let more = parts.next();
        let lengths = [version.len(), trace.len(), parent.len(), flags.len()];
        let known = version != "00" || more.is_none();
        let is_zero = |text: &str| text.bytes().all(|byte| byte == b'0');
        let valid = lengths == [2, 32, 16, 2] && version != "ff" && known;
        (valid && !is_zero(trace) && !is_zero(parent)).then(|| Self(trace.into()))
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

impl Subject {
    /// The same with what the client tells. What a request says in `_meta` goes before what its
    /// head says.
    pub(super) fn told(
        mut self,
        client: &Client,
        head: Option<&TraceId>,
        params: Option<&RawValue>,
    ) -> Self {
        self.facts.client = client_note(&client.facts.info);
        let trace = params.and_then(|params| trace_of(params.get())).or_else(|| head.cloned());
        self.facts.trace = trace.map(|trace| trace.0.to_string());
        self
    }
}

fn trace_of(params: &str) -> Option<TraceId> {
    // Most requests belong to no trace, and looking for a word is cheaper than reading JSON.
    if !params.contains(TRACEPARENT) {
        return None;
    }
    let member = splice::member(params, &["_meta", TRACEPARENT])?;
    TraceId::of_parent(&serde_json::from_str::<String>(member.get()).ok()?)
}

#[derive(Deserialize)]
struct Info {
    name: String,
    version: Option<String>,
}

/// What a client says of itself, fit for people to read. `None` for one that says nothing.
fn client_note(info: &str) -> Option<ClientNote> {
    if info == crate::edge::client::ANONYMOUS {
        return None;
    }
    let Info { name, version } = serde_json::from_str(info).ok()?;
    Some(ClientNote { name: clean(&name)?, version: version.as_deref().and_then(clean) })
}

fn clean(text: &str) -> Option<String> {
    let text = visible(cut(text.trim(), CLIENT_BYTES_MAX));
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_trace_is_read_where_it_is_one() {
        let trace = |text: &str| TraceId::of_parent(text).map(|id| id.0.to_string());
        let good = format!("00-{TRACE}-00f067aa0ba902b7-01");
        for text in [good.clone(), format!("cc-{TRACE}-00f067aa0ba902b7-01-what-comes-later")] {
            assert_eq!(trace(&text).as_deref(), Some(TRACE), "{text}");
        }
        for (from, to) in [
            ("00-", ""),
            ("00-", "ff-"),
            ("00-", "0-"),
            ("4b", "4B"),
            ("4b", "4"),
            ("4b", "\u{661}\u{662}"),
            (TRACE, &"0".repeat(32)),
            ("00f067aa0ba902b7", &"0".repeat(16)),
            ("-01", ""),
            ("-01", "-1"),
            ("-01", "-01-"),
            ("-01", "-01 "),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good);
            assert_eq!(trace(&bad), None, "{bad}");
        }
        assert_eq!(trace(""), None);
    }

    #[test]
    fn the_trace_of_a_request_is_in_its_meta_and_nowhere_else() {
        let parent = format!(r#""traceparent":"00-{TRACE}-00f067aa0ba902b7-01""#);
        assert!(trace_of(&format!(r#"{{"_meta":{{{parent}}}}}"#)).is_some());
        for other in [format!("{{{parent}}}"), format!(r#"{{"arguments":{{{parent}}}}}"#)] {
            assert!(trace_of(&other).is_none(), "{other}");
        }
        assert!(trace_of(r#"{"_meta":{"traceparent":7}}"#).is_none());
    }

    #[test]
    fn a_client_is_noted_short_and_with_everything_shown() {
        let note = |info: &str| client_note(info).map(|it| (it.name, it.version));
        let named = |name: &str| Some((name.to_owned(), None));
        assert_eq!(
            note(r#"{"name":"an editor","version":"1.2","title":"x"}"#),
            Some(("an editor".to_owned(), Some("1.2".to_owned())))
        );
        assert_eq!(note("{\"name\":\"a\\u202eb\\n\"}"), named("a\\u{202e}b"));
        assert_eq!(note(&format!(r#"{{"name":"{}"}}"#, "x".repeat(100))), named(&"x".repeat(64)));
        for nothing in [r#"{"name":"unknown","version":"0"}"#, "{}", r#"{"name":""}"#, "[", ""] {
            assert_eq!(note(nothing), None, "{nothing}");
        }
    }
}
