//! Names and ids: parsed once at the edge, never a bare `String` afterwards.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::Timestamp;

/// The longest name of a server, agent, secret, operator, tenant or user, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// The longest tool name, in bytes. Source: MCP 2025-11-25, server/tools, "Tool Names".
const TOOL_NAME_BYTES_MAX: usize = 128;

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} `{given}` is not valid: {rule}")]
pub struct NameError {
    what: &'static str,
    given: String,
    rule: &'static str,
}

impl NameError {
    fn new(what: &'static str, given: &str, rule: &'static str) -> Self {
        Self { what, given: given.chars().take(80).collect(), rule }
    }
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident: $what:literal, $rule:ident, $rule_text:expr;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses a name, or says which rule it breaks.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                if $rule(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(NameError::new($what, text, $rule_text))
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($name), "({})"), &self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    )*};
}

const SLUG_RULE: &str = "use 1 to 64 lower-case letters, digits and inner hyphens";
const TOOL_RULE: &str = "use 1 to 128 letters, digits, `_`, `-`, `.` and `/`";
const USER_RULE: &str = "use 1 to 64 letters, digits, `_`, `-`, `.` and `@`";
const ID_RULE: &str = "an id is 1 to 64 letters, digits, `_` and `-`";

names! {
    /// A server: what offers tools. `^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`, at most 64 bytes.
    ServerName: "server name", is_slug, SLUG_RULE;
    /// An agent: an identity that calls tools. Same form as [`ServerName`].
    AgentName: "agent name", is_slug, SLUG_RULE;
    /// A group of agents that policies name. Same form as [`ServerName`].
    TeamName: "team name", is_slug, SLUG_RULE;
    /// A stored credential, written `secret://name`. Same form as [`ServerName`].
    SecretName: "secret name", is_slug, SLUG_RULE;
    /// A person who administers. Same form as [`ServerName`].
    OperatorName: "operator name", is_slug, SLUG_RULE;
    /// A wall that nothing crosses. Same form as [`ServerName`].
    TenantName: "tenant name", is_slug, SLUG_RULE;
    /// The person an agent calls for.
    UserName: "user name", is_user, USER_RULE;
    /// A tool as its server names it.
    ToolName: "tool name", is_tool, TOOL_RULE;
    /// The id of one audit record.
    RecordId: "record id", is_id, ID_RULE;
    /// The id of a token: safe to show and to record, unlike the token.
    TokenId: "token id", is_id, ID_RULE;
}

impl TenantName {
    /// The tenant that everything belongs to until tenants are made.
    pub fn default_tenant() -> Self {
        Self("default".into())
    }
}

/// The alphabet of record ids. Source: Douglas Crockford, "Base 32".
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl RecordId {
    /// An id of 26 characters that sorts by time, in the form of a ULID: 48 bits of milliseconds,
    /// then the lower 80 bits of `rest`, which make it unique.
    pub fn from_parts(time: Timestamp, rest: u128) -> Self {
        let millis = u128::try_from(time.0.div_euclid(1000)).unwrap_or(0);
        let number = (millis << 80) | (rest & ((1 << 80) - 1));
        let text: String = (0..26_u32)
            .rev()
            .filter_map(|place| {
                let index = (number >> place.saturating_mul(5)) & 31;
                BASE32.get(usize::try_from(index).unwrap_or(0)).map(|byte| char::from(*byte))
            })
            .collect();
        Self(text.into())
    }
}

impl SecretName {
    /// What a reference to a secret starts with.
    pub const REFERENCE_PREFIX: &'static str = "secret://";

    /// Reads `secret://name`. `None` when the text is no reference at all.
    pub fn from_reference(text: &str) -> Option<Result<Self, NameError>> {
        text.strip_prefix(Self::REFERENCE_PREFIX).map(Self::parse)
    }

    /// This secret as it is written in configuration: `secret://name`.
    pub fn reference(&self) -> String {
        format!("{}{}", Self::REFERENCE_PREFIX, self.0)
    }
}

fn is_slug(text: &str) -> bool {
    text.len() <= NAME_BYTES_MAX
        && !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn is_user(text: &str) -> bool {
    text.len() <= NAME_BYTES_MAX
        && !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.@".contains(&byte))
}

fn is_tool(text: &str) -> bool {
    text.len() <= TOOL_NAME_BYTES_MAX
        && !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-./".contains(&byte))
}

fn is_id(text: &str) -> bool {
    text.len() <= NAME_BYTES_MAX
        && !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests;
