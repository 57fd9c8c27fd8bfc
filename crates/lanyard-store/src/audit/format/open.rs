//! The lines of decided calls: `call.open` and `call.denied`.

use lanyard_core::{CallFacts, CredentialUse, Decision, OpenRecord, SecretName};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{Body, CALL_DENIED, CALL_OPEN};

/// The members of the line. Those after `continues` came later: what has none of them is written
/// as it always was.
#[derive(Serialize)]
pub(super) struct Open<'a> {
    id: &'a str,
    tenant: &'a str,
    agent: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    peer: &'a str,
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments_digest: Option<&'a str>,
    snapshot: u64,
    #[serde(skip_serializing_if = "Rules::is_empty")]
    allowed_by: Rules<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    denied_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    denied_detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continues: Option<&'a str>,
    #[serde(skip_serializing_if = "Rules::is_empty")]
    denied_by: Rules<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    shadow: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    obligations: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pin: Option<&'a str>,
    #[serde(skip_serializing_if = "Credentials::is_empty")]
    credentials: Credentials<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<Client<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attributes: Option<Value>,
}

impl<'a> Open<'a> {
    pub(super) fn of(record: &'a OpenRecord) -> Self {
        let OpenRecord { id, time: _, who, method, server, tool, arguments_digest, .. } = record;
        let OpenRecord { snapshot, decision, continues, facts, .. } = record;
        let CallFacts { pin, credentials, client, trace, policy, shadow, obligations, .. } = facts;
        let CallFacts { approval, attributes, .. } = facts;
        let (allowed_by, denied_by, denied_code, denied_detail) = match decision {
            Decision::Allowed { by } => (Rules(by), Rules(&[]), None, None),
            Decision::Denied { code, detail, by } => {
                (Rules(&[]), Rules(by), Some(*code), detail.as_deref())
            }
        };
        Self {
            id: id.as_str(),
            tenant: who.tenant.as_str(),
            agent: who.agent.as_str(),
            user: who.user.as_ref().map(AsRef::as_ref),
            token: who.token.as_ref().map(AsRef::as_ref),
            peer: &who.peer,
            method,
            server: server.as_ref().map(AsRef::as_ref),
            tool: tool.as_deref(),
            arguments_digest: arguments_digest.as_deref(),
            snapshot: *snapshot,
            allowed_by,
            denied_code,
            denied_detail,
            continues: continues.as_ref().map(AsRef::as_ref),
            denied_by,
            policy: *policy,
            shadow,
            obligations,
            approval: approval.as_deref(),
            pin: pin.as_deref(),
            credentials: Credentials(credentials),
            client: client
                .as_ref()
                .map(|it| Client { name: &it.name, version: it.version.as_deref() }),
            trace: trace.as_deref(),
            attributes: attributes.as_deref().map(compact),
        }
    }
}

impl Body for Open<'_> {
    fn kind(&self) -> &'static str {
        if self.denied_code.is_none() { CALL_OPEN } else { CALL_DENIED }
    }
}

/// Raw JSON in the canonical form of a line, which has no white space. What is no JSON is kept as
/// a string, so that a line is JSON whatever it was given.
fn compact(raw: &str) -> Value {
    serde_json::from_str(raw).unwrap_or_else(|_| Value::from(raw))
}

/// One rule as a string, several as a list of them: as it is with a detail's values.
struct Rules<'a>(&'a [String]);

impl Rules<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Rules<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [one] => serializer.serialize_str(one),
            several => several.serialize(serializer),
        }
    }
}

/// An object of names and versions. A call uses one version of a secret.
struct Credentials<'a>(&'a [CredentialUse]);

impl Credentials<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Credentials<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for CredentialUse { name, version } in self.0 {
            map.serialize_entry(SecretName::as_str(name), version)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Client<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
}
