//! The results that the gateway originates, written for the version of whoever reads them: a
//! modern version gets `resultType`, caching hints and the server's identity, an older one does
//! not get what it does not know.

mod raw;

use std::borrow::Cow;

use serde::Deserialize;

use crate::json::{Object, push_text};
use crate::{Id, Version};

pub use raw::{RawDiscover, RawInitialize};

/// Under which key of `_meta` a server says who it is.
pub(crate) const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";

/// Under which key of `_meta` a message says which subscription it belongs to.
pub(crate) const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";

/// Whom a result is written for, and who writes it.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// The version of the reader.
    pub version: Version,
    /// The writer, named in every result of a modern version.
    pub server: &'a Implementation<'a>,
}

impl Stamp<'_> {
    /// Begins a result.
    fn begin(self) -> Object {
        self.begin_for(None)
    }

    /// Begins a result that belongs to a subscription.
    fn begin_for(self, subscription: Option<&Id<'_>>) -> Object {
        self.begin_as("complete", subscription)
    }

    /// Begins a result of a type.
    pub(crate) fn begin_as(self, kind: &str, subscription: Option<&Id<'_>>) -> Object {
        if !self.version.is_modern() {
            return Object::new();
        }
        let meta = Object::new()
            .raw_if(SUBSCRIPTION_ID, subscription.map(Id::as_raw))
            .raw(SERVER_INFO, &self.server.to_json(self.version))
            .end();
        Object::with_capacity(256).text("resultType", kind).raw("_meta", &meta)
    }

    /// Adds how long a result may be kept. It was filtered for one caller, so it is never shared.
    fn cacheable(self, object: Object, ttl_ms: u64) -> Object {
        if !self.version.is_modern() {
            return object;
        }
        object.raw("ttlMs", &ttl_ms.to_string()).text("cacheScope", "private")
    }
}

/// Who speaks: the `serverInfo` of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Implementation<'a> {
    /// The name that programs use.
    pub name: Cow<'a, str>,
    /// The name that people read.
    pub title: Option<Cow<'a, str>>,
    /// Its own version, which is no protocol version.
    pub version: Cow<'a, str>,
}

impl Implementation<'_> {
    /// The object as a version knows it.
    pub fn to_json(&self, version: Version) -> String {
        let title = self.title.as_deref().filter(|_| version.has_titles());
        Object::new()
            .text("name", &self.name)
            .text_if("title", title)
            .text("version", &self.version)
            .end()
    }
}

/// Whether a server has lists of some kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lists {
    /// No.
    None,
    /// Yes; the client asks again when it wants to know.
    Quiet,
    /// Yes, and it tells when they change.
    Announced,
}

impl Lists {
    pub(crate) fn to_json(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Quiet => Some("{}"),
            Self::Announced => Some(r#"{"listChanged":true}"#),
        }
    }
}

/// What a server can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Tools.
    pub tools: Lists,
    /// Prompts.
    pub prompts: Lists,
    /// Resources.
    pub resources: Lists,
    /// Log messages.
    pub logging: bool,
    /// Completion of arguments.
    pub completions: bool,
}

impl Capabilities {
    /// Tools whose list changes, and nothing else.
    pub const TOOLS: Self = Self {
        tools: Lists::Announced,
        prompts: Lists::None,
        resources: Lists::None,
        logging: false,
        completions: false,
    };

    /// The object as a version knows it.
    pub fn to_json(self, version: Version) -> String {
        let completions = self.completions && version.has_completions_capability();
        Object::new()
            .raw_if("tools", self.tools.to_json())
            .raw_if("prompts", self.prompts.to_json())
            .raw_if("resources", self.resources.to_json())
            .raw_if("logging", self.logging.then_some("{}"))
            .raw_if("completions", completions.then_some("{}"))
            .end()
    }
}

/// The answer to `initialize`. Its version is the one that was chosen.
#[derive(Debug, Clone)]
pub struct InitializeResult<'a> {
    /// What the server can do.
    pub capabilities: Capabilities,
    /// How the tools are meant to be used.
    pub instructions: Option<Cow<'a, str>>,
}

impl InitializeResult<'_> {
    /// The result as JSON.
    pub fn to_json(&self, stamp: Stamp<'_>) -> String {
        Object::new()
            .text("protocolVersion", stamp.version.as_str())
            .raw("capabilities", &self.capabilities.to_json(stamp.version))
            .raw("serverInfo", &stamp.server.to_json(stamp.version))
            .text_if("instructions", self.instructions.as_deref())
            .end()
    }
}

/// The answer to `server/discover`.
#[derive(Debug, Clone)]
pub struct DiscoverResult<'a> {
    /// What the server can do.
    pub capabilities: Capabilities,
    /// How the tools are meant to be used.
    pub instructions: Option<Cow<'a, str>>,
    /// How long the answer may be kept.
    pub ttl_ms: u64,
}

impl DiscoverResult<'_> {
    /// The result as JSON.
    pub fn to_json(&self, stamp: Stamp<'_>) -> String {
        let object = stamp
            .begin()
            .list("supportedVersions", Version::MODERN, |out, version| {
                push_text(out, version.as_str());
            })
            .raw("capabilities", &self.capabilities.to_json(stamp.version))
            .text_if("instructions", self.instructions.as_deref());
        stamp.cacheable(object, self.ttl_ms).end()
    }
}

/// One tool of a list. Schemas are raw JSON and are written as they are.
#[derive(Debug, Clone)]
pub struct ToolEntry<'a> {
    /// What it is called by.
    pub name: Cow<'a, str>,
    /// What people read.
    pub title: Option<Cow<'a, str>>,
    /// What it does.
    pub description: Option<Cow<'a, str>>,
    /// The schema of its arguments.
    pub input_schema: Cow<'a, str>,
    /// The schema of its structured content.
    pub output_schema: Option<Cow<'a, str>>,
    /// Hints about its effects, a raw JSON object.
    pub annotations: Option<Cow<'a, str>>,
}

impl ToolEntry<'_> {
    /// The tool as a version knows it.
    pub fn to_json(&self, version: Version) -> String {
        let title = self.title.as_deref().filter(|_| version.has_titles());
        let output = self.output_schema.as_deref().filter(|schema| knows_schema(version, schema));
        let annotations = self.annotations.as_deref().filter(|_| version.has_annotations());
        Object::with_capacity(self.input_schema.len().saturating_add(256))
            .text("name", &self.name)
            .text_if("title", title)
            .text_if("description", self.description.as_deref())
            .raw("inputSchema", &self.input_schema)
            .raw_if("outputSchema", output)
            .raw_if("annotations", annotations)
            .end()
    }
}

/// Whether a version knows this schema of structured content. Legacy clients reject the whole list
/// over one schema that does not describe an object.
pub(crate) fn knows_schema(version: Version, schema: &str) -> bool {
    #[derive(Deserialize)]
    struct Root<'a> {
        #[serde(borrow, rename = "type")]
        kind: Option<Cow<'a, str>>,
    }
    version.has_structured_content()
        && (version.has_any_structured_value()
            || serde_json::from_str::<Root<'_>>(schema)
                .is_ok_and(|root| root.kind.as_deref() == Some("object")))
}

/// The answer to `tools/list`: one page.
#[derive(Debug, Clone)]
pub struct ToolsList<'a> {
    /// The tools, in order.
    pub tools: &'a [ToolEntry<'a>],
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<&'a str>,
    /// How long the answer may be kept.
    pub ttl_ms: u64,
}

impl ToolsList<'_> {
    /// The result as JSON.
    pub fn to_json(&self, stamp: Stamp<'_>) -> String {
        let tools = self.tools.iter().map(|tool| tool.to_json(stamp.version));
        RawList { key: "tools", next_cursor: self.next_cursor, ttl_ms: self.ttl_ms }
            .to_json(stamp, tools)
    }
}

/// The answer to any method that lists something.
#[derive(Debug, Clone, Copy)]
pub struct RawList<'a> {
    /// The member that holds the list: `tools`, `prompts`, `resources` or `resourceTemplates`.
    pub key: &'a str,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<&'a str>,
    /// How long the answer may be kept.
    pub ttl_ms: u64,
}

impl RawList<'_> {
    /// The result as JSON, around members that are raw JSON already.
    pub fn to_json<T: AsRef<str>>(
        &self,
        stamp: Stamp<'_>,
        members: impl IntoIterator<Item = T>,
    ) -> String {
        let object = stamp
            .begin()
            .list(self.key, members, |out, member| out.push_str(member.as_ref()))
            .text_if("nextCursor", self.next_cursor);
        stamp.cacheable(object, self.ttl_ms).end()
    }
}

/// One block of a tool's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content<'a> {
    /// Text.
    Text(Cow<'a, str>),
    /// An image.
    Image {
        /// The bytes in base64.
        data_base64: Cow<'a, str>,
        /// The kind of image, such as `image/png`.
        mime: Cow<'a, str>,
    },
}

impl Content<'_> {
    fn to_json(&self) -> String {
        match self {
            Self::Text(text) => Object::with_capacity(text.len().saturating_add(32))
                .text("type", "text")
                .text("text", text)
                .end(),
            Self::Image { data_base64, mime } => {
                Object::with_capacity(data_base64.len().saturating_add(64))
                    .text("type", "image")
                    .text("data", data_base64)
                    .text("mimeType", mime)
                    .end()
            }
        }
    }
}

/// The answer to `tools/call`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallResult<'a> {
    /// What the model reads.
    pub content: Vec<Content<'a>>,
    /// What programs read: raw JSON.
    pub structured: Option<Cow<'a, str>>,
    /// Whether the call failed.
    pub is_error: bool,
}

impl CallResult<'_> {
    /// The answer of a call that failed, or was denied, for a reason the agent is told.
    pub fn error(text: &str) -> CallResult<'_> {
        let content = vec![Content::Text(Cow::Borrowed(text))];
        CallResult { content, structured: None, is_error: true }
    }

    /// The result as JSON.
    pub fn to_json(&self, stamp: Stamp<'_>) -> String {
        let structured = self.structured.as_deref().filter(|json| {
            stamp.version.has_any_structured_value()
                || (stamp.version.has_structured_content() && json.trim_start().starts_with('{'))
        });
        stamp
            .begin()
            .list("content", &self.content, |out, content| out.push_str(&content.to_json()))
            .raw_if("structuredContent", structured)
            .raw_if("isError", self.is_error.then_some("true"))
            .end()
    }
}

/// The answer that says only that it was done: to `ping`, `logging/setLevel`, `resources/subscribe`.
#[derive(Debug, Clone, Copy)]
pub struct EmptyResult;

impl EmptyResult {
    /// The result as JSON.
    pub fn to_json(self, stamp: Stamp<'_>) -> String {
        stamp.begin().end()
    }
}

/// The result that ends a stream of `subscriptions/listen`.
#[derive(Debug, Clone, Copy)]
pub struct ListenResult<'a> {
    /// The id of the listen request.
    pub subscription: &'a Id<'a>,
}

impl ListenResult<'_> {
    /// The result as JSON.
    pub fn to_json(self, stamp: Stamp<'_>) -> String {
        stamp.begin_for(Some(self.subscription)).end()
    }
}

#[cfg(test)]
mod tests;
