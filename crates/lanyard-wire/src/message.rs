//! One JSON-RPC message, borrowed from the body it came in.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde_json::value::RawValue;

use crate::Method;
use crate::json::{quoted, text};

/// A message whose envelope was checked. Everything it says is still in `raw`, byte for byte.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    /// The id of a request or response. A notification has none; an error response may have none.
    pub id: Option<Id<'a>>,
    /// What the message is.
    pub kind: Kind<'a>,
    /// The whole message as it came, without the white space around it.
    pub raw: &'a RawValue,
}

/// What a message is.
#[derive(Debug, Clone)]
pub enum Kind<'a> {
    /// Asks for an answer.
    Request {
        /// What is asked.
        method: Method<'a>,
        /// An object, if there is any.
        params: Option<&'a RawValue>,
    },
    /// Asks for none.
    Notification {
        /// What is told.
        method: Method<'a>,
        /// An object, if there is any.
        params: Option<&'a RawValue>,
    },
    /// Answers a request that the server sent.
    Response {
        /// The answer.
        reply: Reply<'a>,
    },
}

/// The answer in a response.
#[derive(Debug, Clone, Copy)]
pub enum Reply<'a> {
    /// The member `result`.
    Result(&'a RawValue),
    /// The member `error`, an object.
    Error(&'a RawValue),
}

impl<'a> Message<'a> {
    /// The method of a request or notification.
    pub fn method(&self) -> Option<&Method<'a>> {
        match &self.kind {
            Kind::Request { method, params: _ } | Kind::Notification { method, params: _ } => {
                Some(method)
            }
            Kind::Response { reply: _ } => None,
        }
    }

    /// The parameters of a request or notification.
    pub fn params(&self) -> Option<&'a RawValue> {
        match &self.kind {
            Kind::Request { method: _, params } | Kind::Notification { method: _, params } => {
                *params
            }
            Kind::Response { reply: _ } => None,
        }
    }
}

/// The id of a request: a string or an integer. It is echoed as it was written, never written
/// anew, so that a number of any length survives.
///
/// Two ids are equal when they mean the same: `"a"` and `"\u0061"` are, `1` and `"1"` are not.
#[derive(Clone)]
pub struct Id<'a> {
    raw: Cow<'a, str>,
}

impl<'a> Id<'a> {
    /// The id that this JSON value is, or `None` where it is neither a string nor an integer.
    pub(crate) fn from_raw(raw: &'a RawValue) -> Option<Self> {
        let json = raw.get();
        let digits = json.strip_prefix('-').unwrap_or(json);
        let integer = digits.bytes().all(|byte| byte.is_ascii_digit());
        (integer || json.starts_with('"')).then_some(Self { raw: Cow::Borrowed(json) })
    }

    /// The id of a request that we send, as a text.
    pub fn from_text(text: &str) -> Id<'static> {
        Id { raw: Cow::Owned(quoted(text)) }
    }

    /// The id of a request that we send, as a number.
    pub fn from_number(number: i64) -> Id<'static> {
        Id { raw: Cow::Owned(number.to_string()) }
    }

    /// The JSON value as it was written.
    pub fn as_raw(&self) -> &str {
        &self.raw
    }

    /// The same id, apart from the body it came in.
    pub fn into_owned(self) -> Id<'static> {
        Id { raw: Cow::Owned(self.raw.into_owned()) }
    }
}

impl PartialEq for Id<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.raw == other.raw
            || matches!((text(&self.raw), text(&other.raw)), (Some(left), Some(right)) if left == right)
    }
}

impl Eq for Id<'_> {}

impl Hash for Id<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match text(&self.raw) {
            Some(text) => text.hash(state),
            None => self.raw.hash(state),
        }
    }
}

impl fmt::Debug for Id<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Id({})", self.raw)
    }
}

/// The JSON value as it was written.
impl fmt::Display for Id<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.raw)
    }
}

#[cfg(test)]
mod tests;
