//! Lists what a server offers: every page of tools, prompts, resources and templates.
//!
//! A list is whole or not at all: what fails half way leaves things as they were. The server is a
//! stranger, so pages, items, bytes and time are limited, and a cursor that comes back ends it.

use std::collections::HashSet;
use std::time::Duration;

use lanyard_connect::mcp::{Outgoing, Reply, ServerFacts, Step};
use lanyard_core::{Failure, Limits};
use lanyard_wire::Version;
use lanyard_wire::splice::{Edit, elements, member};
use lanyard_wire::translate::{EnvelopeParts, ErrorFacts, params_for_modern};
use serde_json::value::RawValue;
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
    /// Everything, in the order in which it came: tools, prompts, resources, templates.
    pub items: Vec<ListedItem>,
}

/// One thing that a server offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedItem {
    /// What it is.
    pub kind: ItemKind,
    /// The server's own name for it: of a tool or prompt its name, of a resource its URI, of a
    /// template its URI template.
    pub name: String,
    /// The whole object, as it came.
    pub raw: String,
}

/// What a server can offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ItemKind {
    /// A tool.
    Tool,
    /// A prompt.
    Prompt,
    /// A resource.
    Resource,
    /// A resource template.
    Template,
}

impl ItemKind {
    const ALL: [Self; 4] = [Self::Tool, Self::Prompt, Self::Resource, Self::Template];

    /// What lists it.
    fn method(self) -> &'static str {
        match self {
            Self::Tool => "tools/list",
            Self::Prompt => "prompts/list",
            Self::Resource => "resources/list",
            Self::Template => "resources/templates/list",
        }
    }

    /// The capability that a server with such things declares.
    pub(super) fn capability(self) -> &'static str {
        match self {
            Self::Tool => "tools",
            Self::Prompt => "prompts",
            Self::Resource | Self::Template => "resources",
        }
    }

    /// The member of the result that holds them.
    fn member(self) -> &'static str {
        match self {
            Self::Tool => "tools",
            Self::Prompt => "prompts",
            Self::Resource => "resources",
            Self::Template => "resourceTemplates",
        }
    }

    /// The member that names one.
    fn name(self) -> &'static str {
        match self {
            Self::Tool | Self::Prompt => "name",
            Self::Resource => "uri",
            Self::Template => "uriTemplate",
        }
    }
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
    /// Its answer is not what the protocol says.
    #[error("its answer to {method} is malformed: {problem}")]
    Malformed {
        /// What was asked.
        method: &'static str,
        /// What is wrong.
        problem: &'static str,
    },
    /// It lists more than it may.
    #[error("its answer to {method} lists more than {items_max} (`catalog_items_max`)")]
    TooMany {
        /// What was asked.
        method: &'static str,
        /// The limit.
        items_max: u64,
    },
    /// All it lists is longer than it may be.
    #[error("its lists are longer than {bytes_max} bytes (`catalog_bytes_max`)")]
    TooLong {
        /// The limit.
        bytes_max: u64,
    },
    /// A page leads back to one that was there already.
    #[error("the pages of its answer to {method} lead in a circle")]
    Circle {
        /// What was asked.
        method: &'static str,
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
            | ListError::Malformed { method: _, problem: _ }
            | ListError::TooMany { method: _, items_max: _ }
            | ListError::Circle { method: _ } => {
                Self::AnswerUnusable { problem: error.to_string() }
            }
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
        let facts = self.talk.facts().cloned().ok_or(ListError::Failed(Failure::Bug))?;
        let mut items = Vec::new();
        for kind in ItemKind::ALL {
            if has_capability(&facts, kind) {
                self.pages(kind, facts.version, &mut items).await?;
            }
        }
        Ok(Listed { facts, items })
    }

    async fn pages(
        &mut self,
        kind: ItemKind,
        version: Version,
        items: &mut Vec<ListedItem>,
    ) -> Result<(), ListError> {
        let method = kind.method();
        let (mut seen, mut count, mut cursor) = (HashSet::new(), 0_u64, None);
        loop {
            let Some(result) = self.page(kind, version, cursor.as_deref()).await? else {
                return Ok(());
            };
            self.bytes = self.bytes.saturating_add(result.len() as u64);
            if self.bytes > self.limits.catalog_bytes_max {
                return Err(ListError::TooLong { bytes_max: self.limits.catalog_bytes_max });
            }
            let page = Page::read(kind, &result)?;
            count = count.saturating_add(page.items.len() as u64);
            if count > self.limits.catalog_items_max {
                let items_max = self.limits.catalog_items_max;
                return Err(ListError::TooMany { method, items_max });
            }
            items.extend(page.items);
            let Some(next) = page.next else { return Ok(()) };
            if !seen.insert(next.clone()) {
                return Err(ListError::Circle { method });
            }
            cursor = Some(next);
        }
    }

    /// One page as its raw result; `None` where the server does not know the method after all.
    async fn page(
        &self,
        kind: ItemKind,
        version: Version,
        cursor: Option<&str>,
    ) -> Result<Option<String>, ListError> {
        let method = kind.method();
        let request = Outgoing {
            method,
            params: params(version, cursor),
            param_headers: Vec::new(),
            deadline: Some(self.deadline),
        };
        let reply = ask(self.talk, request).await.map_err(ListError::Failed)?;
        match reply {
            Reply::Result(result) => Ok(Some(result)),
            Reply::Error(error) => match ErrorFacts::read(&error).map(|facts| facts.code) {
                Some(METHOD_NOT_FOUND) => Ok(None),
                Some(code) => Err(ListError::Refused { method, code }),
                None => Err(ListError::Malformed { method, problem: "an error without a code" }),
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
            Step::Notification(_) => {}
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
pub(super) fn has_capability(facts: &ServerFacts, kind: ItemKind) -> bool {
    member(&facts.capabilities, &[kind.capability()])
        .is_some_and(|declared| declared.get().starts_with('{'))
}

struct Page {
    items: Vec<ListedItem>,
    next: Option<String>,
}

impl Page {
    fn read(kind: ItemKind, result: &str) -> Result<Self, ListError> {
        let bad = |problem| ListError::Malformed { method: kind.method(), problem };
        let listed = member(result, &[kind.member()]).ok_or(bad("it holds no list"))?;
        let listed = elements(listed.get()).ok_or(bad("it holds no list"))?;
        let items = listed
            .into_iter()
            .map(|raw| Some(ListedItem { kind, name: name(kind, raw)?, raw: raw.get().to_owned() }))
            .collect::<Option<_>>()
            .ok_or(bad("an entry has no name"))?;
        let next = match member(result, &["nextCursor"]) {
            None => None,
            Some(raw) if raw.get() == "null" => None,
            Some(raw) => Some(text(raw).ok_or(bad("the cursor is no text"))?),
        };
        Ok(Self { items, next })
    }
}

fn name(kind: ItemKind, raw: &RawValue) -> Option<String> {
    text(member(raw.get(), &[kind.name()])?)
}

fn text(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

#[cfg(test)]
mod tests;
