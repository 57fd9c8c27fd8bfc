//! Lists what a server offers: every page of tools, prompts, resources and templates.
//!
//! A list is whole or not at all: what fails half way leaves things as they were. The server is a
//! stranger, so pages, items, bytes and time are limited, and a cursor that comes back ends it.

use std::time::Duration;

use lanyard_connect::mcp::{Outgoing, Reply, ServerFacts, Step};
use lanyard_core::{Failure, Limits};
use lanyard_mcp::{Item, Kind, LeftOut, ListReader};
use lanyard_wire::Version;
use lanyard_wire::splice::{Edit, member};
use lanyard_wire::translate::{EnvelopeParts, ErrorFacts, params_for_modern};
use thiserror::Error;
use tokio::time::Instant;

use super::house;
use super::links::{Flow as _, Talk};

/// JSON-RPC's code for a method that is not there.
const METHOD_NOT_FOUND: i64 = -32_601;

/// What a server said of itself and offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What it said of itself.
    pub facts: ServerFacts,
    /// Tools, prompts, resources and templates, each in the server's order.
    pub items: Vec<Item>,
    /// What is not taken in, and why.
    pub left_out: Vec<LeftOut>,
    /// Whether what is missing is gone. Else the session may not have been shown everything: its
    /// client can do less, or its user may do less.
    pub whole: bool,
}

/// Why there is no list. No text repeats what the server said.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ListError {
    /// The conversation failed.
    #[error(transparent)]
    Failed(Failure),
    /// It answered with an error.
    #[error("it answers {method} with error {code}")]
    Refused {
        /// What was asked.
        method: &'static str,
        /// The code of the error.
        code: i64,
    },
    /// It answered with an error that is none.
    #[error("it answers {method} with an error without a code")]
    Malformed {
        /// What was asked.
        method: &'static str,
    },
    /// A list of its is not one.
    #[error(transparent)]
    Unreadable(lanyard_mcp::ListError),
    /// A list holds a credential that the server was given, where it cannot be masked.
    #[error("its answer to {method} holds a credential where it cannot be masked")]
    Credential {
        /// What was asked.
        method: &'static str,
    },
    /// All it lists is longer than it may be.
    #[error("its lists are longer than {bytes_max} bytes (`catalog_bytes_max`)")]
    TooLong {
        /// The limit.
        bytes_max: u64,
    },
    /// It took too long.
    #[error("it did not list everything within {limit_ms} ms (`server_list_ms_max`)")]
    TooSlow {
        /// The limit.
        limit_ms: u64,
    },
}

impl From<ListError> for Failure {
    fn from(error: ListError) -> Self {
        match error {
            ListError::Failed(failure) => failure,
            ListError::TooSlow { limit_ms: _ } => Self::TimedOut,
            ListError::TooLong { bytes_max: _ } => Self::AnswerTooLarge,
            ListError::Refused { method: _, code: _ }
            | ListError::Malformed { method: _ }
            | ListError::Credential { method: _ }
            | ListError::Unreadable(_) => Self::AnswerUnusable { problem: error.to_string() },
        }
    }
}

/// Lists everything that a server offers.
pub(super) async fn list(talk: &impl Talk, limits: &Limits) -> Result<Listed, ListError> {
    let limit_ms = limits.server_list_ms_max;
    let span = Limits::span(limit_ms);
    let late = || ListError::TooSlow { limit_ms };
    let deadline = Instant::now().checked_add(span).unwrap_or_else(far_future);
    let listing = Listing { talk, limits, deadline, bytes: 0 };
    tokio::time::timeout_at(deadline, listing.run()).await.unwrap_or_else(|_| Err(late()))
}

/// Where a span of time is so long that it has no end.
fn far_future() -> Instant {
    let now = Instant::now();
    now.checked_add(Duration::from_secs(86_400)).unwrap_or(now)
}

struct Listing<'a, T> {
    talk: &'a T,
    limits: &'a Limits,
    deadline: Instant,
    bytes: u64,
}

impl<T: Talk> Listing<'_, T> {
    async fn run(mut self) -> Result<Listed, ListError> {
        let facts = self.talk.facts().clone();
        let mut listed = Listed { facts, items: Vec::new(), left_out: Vec::new(), whole: true };
        for kind in Kind::ALL {
            if has_capability(&listed.facts, kind) {
                let (items, left_out) = self.pages(kind, listed.facts.version).await?;
                listed.items.extend(items);
                listed.left_out.extend(left_out);
            }
        }
        Ok(listed)
    }

    async fn pages(
        &mut self,
        kind: Kind,
        version: Version,
    ) -> Result<(Vec<Item>, Vec<LeftOut>), ListError> {
        let mut reader = ListReader::new(kind, self.limits);
        let mut cursor = None;
        while let Some(result) = self.page(kind, version, cursor.as_deref()).await? {
            // Whole pages are counted, so that cursors cannot fill the memory either.
            self.bytes = self.bytes.saturating_add(result.len() as u64);
            if self.bytes > self.limits.catalog_bytes_max {
                return Err(ListError::TooLong { bytes_max: self.limits.catalog_bytes_max });
            }
            cursor = reader.page(&result).map_err(ListError::Unreadable)?;
            if cursor.is_none() {
                break;
            }
        }
        Ok(reader.finish())
    }

    /// One page as its raw result; `None` where the server does not know the method after all. In
    /// the middle of a list it is an error like any other: what comes after is not gone.
    async fn page(
        &self,
        kind: Kind,
        version: Version,
        cursor: Option<&str>,
    ) -> Result<Option<String>, ListError> {
        let method = kind.list_method();
        let request = Outgoing {
            method,
            params: params(version, cursor),
            param_headers: Vec::new(),
            deadline: Some(self.deadline),
        };
        let reply = ask(self.talk, request).await.map_err(ListError::Failed)?;
        match reply {
            Reply::Result(result) => match self.talk.clean(&result) {
                Some(result) => Ok(Some(result.into_owned())),
                None => Err(ListError::Credential { method }),
            },
            Reply::Error(error) => match ErrorFacts::read(&error).map(|facts| facts.code) {
                Some(METHOD_NOT_FOUND) if cursor.is_none() => Ok(None),
                Some(code) => Err(ListError::Refused { method, code }),
                None => Err(ListError::Malformed { method }),
            },
        }
    }
}

/// Sends a request of the house's own and waits for its answer. What the server asks meanwhile is
/// answered as by a client that can do nothing.
async fn ask(talk: &impl Talk, request: Outgoing<'_>) -> Result<Reply, Failure> {
    let mut flow = talk.request(request).await?;
    loop {
        match flow.next().await? {
            Step::Done(reply) => return Ok(reply),
            Step::Request(asked) => {
                flow.respond(&asked.id, house::answer(&asked.method)).await?;
            }
            Step::Notification(_) | Step::Pause(_) => {}
        }
    }
}

/// The parameters of a request for a page.
fn params(version: Version, cursor: Option<&str>) -> Option<String> {
    let params = cursor.map(|cursor| Edit::of_or_empty(None).set_text("cursor", cursor).write());
    for_version(version, params)
}

/// Parameters as a server of this version wants them.
pub(super) fn for_version(version: Version, params: Option<String>) -> Option<String> {
    if !version.is_modern() {
        return params;
    }
    let envelope = EnvelopeParts {
        version,
        client_capabilities: house::CAPABILITIES,
        client_info: Some(house::INFO),
        log_level: None,
    };
    Some(params_for_modern(params.as_deref(), envelope))
}

/// Whether a server says that it offers such things.
fn has_capability(facts: &ServerFacts, kind: Kind) -> bool {
    member(&facts.capabilities, &[capability(kind)])
        .is_some_and(|declared| declared.get().starts_with('{'))
}

/// The capability that a server with such things declares.
fn capability(kind: Kind) -> &'static str {
    match kind {
        Kind::Tool => "tools",
        Kind::Prompt => "prompts",
        Kind::Resource | Kind::Template => "resources",
    }
}

#[cfg(test)]
mod tests;
