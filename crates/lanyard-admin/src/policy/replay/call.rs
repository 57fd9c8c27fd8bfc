//! A call as its record has it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use lanyard_core::{Peer, Timestamp, TokenId, UserName};
use lanyard_policy::Prospect;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// The members of a record that are read here.
#[derive(Deserialize)]
struct Read<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(default, borrow)]
    tenant: Cow<'a, str>,
    #[serde(default, borrow)]
    method: Cow<'a, str>,
    #[serde(default, borrow)]
    agent: Cow<'a, str>,
    #[serde(default, borrow)]
    user: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    token: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    peer: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    server: Cow<'a, str>,
    #[serde(default, borrow)]
    tool: Cow<'a, str>,
    #[serde(default, borrow)]
    denied_code: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    approval: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    attributes: Option<&'a RawValue>,
}

/// A call of a tool.
pub(super) struct RecordedCall<'a> {
    pub(super) tenant: Cow<'a, str>,
    pub(super) agent: Cow<'a, str>,
    pub(super) server: Cow<'a, str>,
    pub(super) tool: Cow<'a, str>,
    pub(super) user: Option<UserName>,
    pub(super) token: Option<TokenId>,
    pub(super) peer: Option<Peer>,
    pub(super) time: Timestamp,
    /// What was decided by grants and policies; `None` where they were not asked.
    pub(super) was: Option<&'static str>,
    /// What was kept of its arguments, raw.
    pub(super) attributes: &'a str,
}

impl<'a> RecordedCall<'a> {
    /// Reads a line of the log; `None` for what is no call of a tool.
    pub(super) fn read(line: &'a [u8]) -> Option<Self> {
        let read: Read<'a> = serde_json::from_slice(line).ok()?;
        let is_call = matches!(&*read.kind, "call.open" | "call.denied");
        if !is_call || read.method != "tools/call" {
            return None;
        }
        let was = was(read.denied_code.as_deref(), read.approval.is_some());
        Some(Self {
            was: was.map(Prospect::as_str),
            time: time(&read.time)?,
            user: read.user.and_then(|it| UserName::parse(&it).ok()),
            token: read.token.and_then(|it| TokenId::parse(&it).ok()),
            peer: read.peer.and_then(|it| peer(&it)),
            attributes: read.attributes.map_or("", RawValue::get),
            tenant: read.tenant,
            agent: read.agent,
            server: read.server,
            tool: read.tool,
        })
    }

    /// Where it led.
    pub(super) fn place(&self) -> super::Place {
        (self.agent.to_string(), self.server.to_string(), self.tool.to_string())
    }
}

/// What grants and policies said. A limit that was reached comes after them; arguments that do not
/// fit, and a tool that changed, come before.
fn was(denied: Option<&str>, approved: bool) -> Option<Prospect> {
    match denied {
        None | Some("limit_reached") if approved => Some(Prospect::Asks),
        None | Some("limit_reached") => Some(Prospect::Allowed),
        Some("approval_needed" | "approval_refused" | "approvals_full") => Some(Prospect::Asks),
        Some("arguments_invalid" | "tool_changed") => None,
        Some(_) => Some(Prospect::Denied),
    }
}

/// What a record keeps of arguments: see `lanyard-gateway`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Kept {
    /// What was there.
    #[serde(default)]
    pub(super) args: Map<String, Value>,
    /// What was not.
    #[serde(default)]
    absent: Vec<String>,
}

impl Kept {
    /// Reads what was kept; what cannot be read says nothing.
    pub(super) fn read(raw: &str) -> Self {
        serde_json::from_str(raw).unwrap_or_default()
    }

    /// What is known of these arguments, as one text: the same text means that the same is known.
    pub(super) fn said_of(&self, names: &BTreeSet<String>) -> String {
        let mut said = String::new();
        for name in names {
            // Values are JSON, so that nothing in one ends it.
            match self.args.get(name) {
                Some(value) => said.push_str(&value.to_string()),
                None if self.absent.contains(name) => said.push('-'),
                None => said.push('?'),
            }
            said.push('\n');
        }
        said
    }

    /// The arguments of which something is known.
    pub(super) fn known(&self) -> BTreeSet<String> {
        self.args.keys().chain(&self.absent).cloned().collect()
    }
}

fn time(text: &str) -> Option<Timestamp> {
    let time: jiff::Timestamp = text.parse().ok()?;
    Some(Timestamp(time.as_microsecond()))
}

/// The peer of a record: `127.0.0.1:50000`, `uid:1000` or `uid:1000,pid:77`.
fn peer(text: &str) -> Option<Peer> {
    let Some(unix) = text.strip_prefix("uid:") else {
        return text.parse().ok().map(Peer::Tcp);
    };
    let (uid, pid) = unix.split_once(",pid:").map_or((unix, None), |(uid, pid)| (uid, Some(pid)));
    Some(Peer::Unix { uid: uid.parse().ok()?, pid: pid.and_then(|it| it.parse().ok()) })
}
