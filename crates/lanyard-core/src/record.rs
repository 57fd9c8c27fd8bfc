//! What the audit log holds, as words. How a record is written as a line is the store's business.
//!
//! INVARIANT: a record holds no argument value, no answer and no credential, but for what a
//! [`Record::Payload`] holds sealed.

use crate::{
    AgentName, PayloadRecord, RecordId, SecretName, ServerName, TenantName, Timestamp, TokenId,
    UserName,
};

/// One entry of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A call was decided. An allowed call is open until its [`Record::Closed`]; a denied one is
    /// complete with this entry.
    Opened(Box<OpenRecord>),
    /// An allowed call ended.
    Closed(CallRecord),
    /// What is kept of an allowed call's arguments or answer.
    Payload(Box<PayloadRecord>),
    /// Somebody changed, or tried to change, what the gateway does.
    Changed(ChangeRecord),
    /// Refusals at the edge (no valid token, foreign host or origin), counted over a span of
    /// time, so that a stranger cannot fill the log.
    Refused {
        /// The id of this entry.
        id: RecordId,
        /// When the span ended.
        time: Timestamp,
        /// When the span began.
        since: Timestamp,
        /// The code of the denial: see [`crate::Denial::code`].
        reason: &'static str,
        /// How many there were.
        count: u64,
        /// The peer of the last one.
        last_peer: String,
    },
}

/// Who stands behind a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordWho {
    /// The tenant.
    pub tenant: TenantName,
    /// The agent.
    pub agent: AgentName,
    /// The user it called for.
    pub user: Option<UserName>,
    /// The token it showed; `None` where a uid stood for the agent.
    pub token: Option<TokenId>,
    /// Where the connection came from, in the form of [`crate::Peer`]'s `Display`.
    pub peer: String,
}

/// A decided call, before anything can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRecord {
    /// The id that the closing entry and the agent's error texts repeat.
    pub id: RecordId,
    /// When it was decided.
    pub time: Timestamp,
    /// Who called.
    pub who: RecordWho,
    /// The MCP method, `tools/call` for instance.
    pub method: &'static str,
    /// The server as the agent addressed it; possibly one that does not exist.
    pub server: Option<ServerName>,
    /// The tool as the agent wrote it, cut to a tool name's longest length.
    pub tool: Option<String>,
    /// Keyed digest (HMAC-SHA-256, hexadecimal) of the arguments' canonical text.
    pub arguments_digest: Option<String>,
    /// The configuration it was decided by.
    pub snapshot: u64,
    /// Yes or no, and why.
    pub decision: Decision,
    /// The record of the call that this one continues.
    pub continues: Option<RecordId>,
    /// What it was decided on, and what it will use.
    pub facts: CallFacts,
}

/// What a call was decided on and what it will use. What is not known, or does not apply, is
/// absent from the record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallFacts {
    /// The definition of the tool in force: SHA-256, hexadecimal, of its approved text, or of the
    /// stored file of a REST API.
    pub pin: Option<String>,
    /// The stored secrets that the call will use.
    pub credentials: Vec<CredentialUse>,
    /// What the client calls itself. Anybody can say anything here: it is no identity.
    pub client: Option<ClientNote>,
    /// The id of the trace that the call belongs to, as its client says: 32 hexadecimal digits.
    pub trace: Option<String>,
    /// The version of the policies it was decided by; `None` without policies.
    pub policy: Option<u64>,
    /// The rules in shadow that would have denied it, written `policy:ID`.
    pub shadow: Vec<String>,
    /// What the decision asked for beside a yes: `limit:NAME`, `cost:3`, ...
    pub obligations: Vec<String>,
    /// The approval that it used.
    pub approval: Option<String>,
    /// The attributes that policies read, raw JSON, where keeping them is switched on.
    pub attributes: Option<String>,
}

/// A stored secret that a call uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialUse {
    /// The secret.
    pub name: SecretName,
    /// Its version.
    pub version: u32,
}

/// What a client calls itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientNote {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
}

/// Yes or no, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Allowed, by these rules: a grant is written `grant:AGENT/SERVER`, a policy `policy:ID`.
    Allowed {
        /// The rules.
        by: Vec<String>,
    },
    /// Denied, with the code of [`crate::Denial::code`] and, for arguments, the problem (which
    /// names argument and rule, never a value).
    Denied {
        /// The code.
        code: &'static str,
        /// More, where the code alone does not say it.
        detail: Option<String>,
        /// The rules that decided it, where rules did.
        by: Vec<String>,
    },
}

/// How an allowed call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// The id of the opening entry.
    pub id: RecordId,
    /// When it ended.
    pub time: Timestamp,
    /// How it ended.
    pub ending: Ending,
}

/// How an allowed call ended, in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// In one word.
    pub status: EndingStatus,
    /// The code of [`crate::Failure::code`] for a failed call.
    pub failure: Option<&'static str>,
    /// The upstream's HTTP status, if one came.
    pub upstream_status: Option<u16>,
    /// Bytes of the upstream's answer, after decompression.
    pub upstream_bytes: u64,
    /// Bytes of the result as the agent got it.
    pub result_bytes: u64,
    /// How often a credential was found in the answer and masked.
    pub masked: u64,
    /// From the decision to the end, in microseconds.
    pub took_micros: u64,
}

/// How an allowed call ended, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndingStatus {
    /// With a result.
    Answered,
    /// With a result that says `isError` (the upstream refused, for instance).
    AnsweredError,
    /// Not carried out, or not to the end.
    Failed,
    /// The gateway stopped, or lost the call, before the end; found and closed later.
    Abandoned,
}

impl EndingStatus {
    /// The word that records hold.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::AnsweredError => "answered_error",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// A change of configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeRecord {
    /// The id of this entry.
    pub id: RecordId,
    /// When it was made.
    pub time: Timestamp,
    /// The tenant it concerns.
    pub tenant: TenantName,
    /// Who: `operator:NAME`, `owner:uid:N` (the data directory's owner over `admin.sock`), or
    /// `lanyard` for what the program does by itself.
    pub actor: String,
    /// Where the connection came from, in the form of [`crate::Peer`]'s `Display`.
    pub peer: Option<String>,
    /// What was done: `server.add`, `secret.set`, `agent.revoke`, `gateway.start`, ...
    pub action: String,
    /// To what: `server:billing`, `agent:alice`, ...
    pub subject: String,
    /// More, as pairs of name and value: never a credential.
    pub detail: Vec<(String, String)>,
}
