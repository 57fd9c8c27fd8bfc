//! Why a command brought no result: one kind, one exit code, one JSON form.

use serde_json::{Map, Value};

use super::client::ClientError;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// As asked.
    Success,
    /// For this reason.
    Failure(IssueKind),
}

/// The kinds of failure that scripts can tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IssueKind {
    /// The command line or the arguments are wrong; nothing was sent to the tool.
    Usage,
    /// Anything without a kind of its own: a configuration, an unknown server or tool.
    Other,
    /// The token is missing, expired or revoked.
    Auth,
    /// No connection.
    Offline,
    /// The tool answered `isError: true`.
    Tool,
    /// The gateway said no.
    Denied,
    /// No answer in time.
    Timeout,
    /// Any other HTTP status.
    Http,
    /// A JSON-RPC error or a malformed answer.
    Protocol,
}

impl Exit {
    /// The code for the shell. With `simple`, every failure is 1.
    pub(crate) fn code(self, simple: bool) -> u8 {
        match self {
            Self::Success => 0,
            Self::Failure(_) if simple => 1,
            Self::Failure(kind) => kind.code(),
        }
    }
}

impl IssueKind {
    /// The word that JSON holds.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Other => "other",
            Self::Auth => "auth",
            Self::Offline => "offline",
            Self::Tool => "tool",
            Self::Denied => "denied",
            Self::Timeout => "timeout",
            Self::Http => "http",
            Self::Protocol => "protocol",
        }
    }

    /// INVARIANT: 2 is never used, since shells and argument parsers give it a meaning.
    fn code(self) -> u8 {
        match self {
            Self::Usage | Self::Other => 1,
            Self::Auth => 3,
            Self::Offline => 4,
            Self::Tool => 5,
            Self::Denied => 6,
            Self::Timeout => 7,
            Self::Http | Self::Protocol => 8,
        }
    }
}

/// A failure with its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Issue {
    /// What kind it is.
    pub(super) kind: IssueKind,
    /// The HTTP status, where one came.
    pub(super) status_code: Option<u16>,
    /// The text for people.
    pub(super) message: String,
}

/// Who answered, which decides what a 404 means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answerer {
    /// A gateway: what the token may not use does not exist for it.
    Gateway,
    /// A server of a configuration file.
    Server,
}

impl Issue {
    /// The command line or the arguments are wrong.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self::of(IssueKind::Usage, message)
    }

    /// Anything without a kind of its own.
    pub(super) fn other(message: impl Into<String>) -> Self {
        Self::of(IssueKind::Other, message)
    }

    /// A failure of a kind.
    pub(super) fn of(kind: IssueKind, message: impl Into<String>) -> Self {
        Self { kind, status_code: None, message: message.into() }
    }

    /// What a client error means: decided by its variant and its status alone.
    pub(super) fn from_client(error: &ClientError, answerer: Answerer) -> Self {
        let (kind, status_code) = match error {
            ClientError::Unauthorized(_) => (IssueKind::Auth, Some(401)),
            ClientError::Denied(_) => (IssueKind::Denied, Some(403)),
            ClientError::Status { status: 404, .. } if answerer == Answerer::Gateway => {
                (IssueKind::Denied, Some(404))
            }
            ClientError::Status { status, .. } => (IssueKind::Http, Some(*status)),
            ClientError::Offline { .. } => (IssueKind::Offline, None),
            ClientError::Rpc { .. } | ClientError::Protocol(_) => (IssueKind::Protocol, None),
            ClientError::Unsendable(_) => (IssueKind::Other, None),
        };
        let message = match (kind, error) {
            (IssueKind::Denied, ClientError::Status { status, detail }) => {
                format!("access was refused (HTTP {status}){detail}")
            }
            _ => error.to_string(),
        };
        Self { kind, status_code, message }
    }

    /// How a command ends that meets this.
    pub(super) fn exit(&self) -> Exit {
        Exit::Failure(self.kind)
    }

    /// The `issue` of a JSON answer.
    pub(super) fn to_json(&self) -> Value {
        let mut issue = Map::new();
        issue.insert("kind".to_owned(), self.kind.as_str().into());
        if let Some(status) = self.status_code {
            issue.insert("statusCode".to_owned(), status.into());
        }
        issue.insert("rawMessage".to_owned(), self.message.clone().into());
        issue.into()
    }
}
