//! What a server lists: tools, prompts, resources and templates, each as it was written.
//!
//! Reading is lenient about what an item holds and strict about its name and size. What is left
//! out is reported, and does not spoil the rest.

use std::collections::BTreeSet;

use lanyard_core::{Limits, ToolName};
use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::problem::shown;

/// One item. Tools with schemas of this size exist in no known catalog.
const ITEM_BYTES_MAX: usize = 1 << 20;

/// The longest name of a prompt, in bytes.
const PROMPT_NAME_BYTES_MAX: usize = 256;

/// The longest URI or URI template, in bytes.
const URI_BYTES_MAX: usize = 8 << 10;

/// Items that are left out of one list and reported by name.
const LEFT_OUT_MAX: usize = 100;

/// What kind of thing a server lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A tool.
    Tool,
    /// A prompt.
    Prompt,
    /// A resource.
    Resource,
    /// A template of resources.
    Template,
}

impl Kind {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 4] = [Self::Tool, Self::Prompt, Self::Resource, Self::Template];

    /// The word for it, as it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Prompt => "prompt",
            Self::Resource => "resource",
            Self::Template => "template",
        }
    }

    /// Reads the word for it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// The method that lists it.
    pub fn list_method(self) -> &'static str {
        match self {
            Self::Tool => "tools/list",
            Self::Prompt => "prompts/list",
            Self::Resource => "resources/list",
            Self::Template => "resources/templates/list",
        }
    }

    /// The member of the result that holds the list.
    pub fn list_member(self) -> &'static str {
        match self {
            Self::Tool => "tools",
            Self::Prompt => "prompts",
            Self::Resource => "resources",
            Self::Template => "resourceTemplates",
        }
    }

    /// The member of an item that tells it from the others of its list.
    pub fn name_member(self) -> &'static str {
        match self {
            Self::Tool | Self::Prompt => "name",
            Self::Resource => "uri",
            Self::Template => "uriTemplate",
        }
    }

    /// Why a text is no name of such an item.
    fn refuse_name(self, name: &str) -> Option<String> {
        let bytes_max = match self {
            Self::Tool => {
                let message = "`name` is no name of a tool: it has 1 to 128 letters, digits, \
                               `_`, `-`, `.` and `/`";
                return ToolName::parse(name).is_err().then(|| message.to_owned());
            }
            Self::Prompt => PROMPT_NAME_BYTES_MAX,
            Self::Resource | Self::Template => URI_BYTES_MAX,
        };
        let member = self.name_member();
        if name.is_empty() || name.len() > bytes_max {
            Some(format!("`{member}` has no length from 1 to {bytes_max} bytes"))
        } else if name.chars().any(char::is_control) {
            Some(format!("`{member}` holds a control character"))
        } else {
            None
        }
    }
}

/// One thing that a server lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its kind.
    pub kind: Kind,
    /// Its name, URI or URI template, unique among the items of its kind.
    pub name: String,
    /// The whole item, a JSON object, as the server wrote it.
    pub raw: String,
}

impl Item {
    /// Reads one item, or says why it is left out.
    pub fn read(kind: Kind, raw: &str) -> Result<Self, LeftOut> {
        let member = kind.name_member();
        let left_out = |name: &str, reason: String| LeftOut { kind, name: shown(name), reason };
        let Some(named) = object::<Named<'_>>(raw) else {
            return Err(left_out("", "is no object".to_owned()));
        };
        let value = match kind {
            Kind::Tool | Kind::Prompt => named.name,
            Kind::Resource => named.uri,
            Kind::Template => named.uri_template,
        };
        let name = value.and_then(|value| serde_json::from_str::<String>(value.get()).ok());
        let Some(name) = name else {
            return Err(left_out("", format!("`{member}` is missing or no string")));
        };
        if let Some(reason) = kind.refuse_name(&name) {
            return Err(left_out(&name, reason));
        }
        if raw.len() > ITEM_BYTES_MAX {
            return Err(left_out(&name, format!("has more than {ITEM_BYTES_MAX} bytes")));
        }
        Ok(Self { kind, name, raw: raw.to_owned() })
    }
}

/// The members that name an item. The rest is passed over.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    uri: Option<&'a RawValue>,
    #[serde(borrow, rename = "uriTemplate")]
    uri_template: Option<&'a RawValue>,
}

/// An item that is not taken into the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its kind.
    pub kind: Kind,
    /// Its name, fit to be shown; empty where it has none.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// All that one server lists.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    /// The items, by kind and then in the server's order.
    pub items: Vec<Item>,
    /// What the server said of itself, a raw JSON object.
    pub facts: Option<String>,
    /// Whether this is all that the server lists. Else what is missing may be there all the same.
    pub whole: bool,
}

impl Catalog {
    /// The items of one kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(move |item| item.kind == kind)
    }
}

/// Why a list is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ListError {
    /// The result holds no list.
    #[error("the answer to {} has no list `{}`", .0.list_method(), .0.list_member())]
    NoList(Kind),
    /// More items than are taken in.
    #[error("{} gives more than {items_max} items", kind.list_method())]
    Items {
        /// What was listed.
        kind: Kind,
        /// The limit `catalog_items_max`.
        items_max: u64,
    },
    /// More bytes than are taken in.
    #[error("{} gives more than {bytes_max} bytes", kind.list_method())]
    Bytes {
        /// What was listed.
        kind: Kind,
        /// The limit `catalog_bytes_max`.
        bytes_max: u64,
    },
    /// A page leads back to one that was read.
    #[error("the pages of {} go in a circle", .0.list_method())]
    Circle(Kind),
}

/// Reads one list, page by page.
#[derive(Debug)]
pub struct ListReader {
    kind: Kind,
    items_max: u64,
    bytes_max: u64,
    bytes: u64,
    count: u64,
    items: Vec<Item>,
    names: BTreeSet<String>,
    cursors: BTreeSet<String>,
    left_out: Vec<LeftOut>,
}

impl ListReader {
    /// A list of which nothing was read.
    pub fn new(kind: Kind, limits: &Limits) -> Self {
        Self {
            kind,
            items_max: limits.catalog_items_max,
            bytes_max: limits.catalog_bytes_max,
            bytes: 0,
            count: 0,
            items: Vec::new(),
            names: BTreeSet::new(),
            cursors: BTreeSet::new(),
            left_out: Vec::new(),
        }
    }

    /// Takes in the result of one page. Gives the cursor of the next one, if there is one; an
    /// empty cursor is none.
    pub fn page(&mut self, result: &str) -> Result<Option<String>, ListError> {
        let kind = self.kind;
        let (list, cursor) = split_page(kind, result).ok_or(ListError::NoList(kind))?;
        for raw in list {
            self.count = self.count.saturating_add(1);
            self.bytes =
                self.bytes.saturating_add(u64::try_from(raw.get().len()).unwrap_or(u64::MAX));
            if self.count > self.items_max {
                return Err(ListError::Items { kind, items_max: self.items_max });
            }
            if self.bytes > self.bytes_max {
                return Err(ListError::Bytes { kind, bytes_max: self.bytes_max });
            }
            self.take(raw.get());
        }
        match cursor {
            Some(cursor) if !self.cursors.insert(cursor.clone()) => Err(ListError::Circle(kind)),
            Some(_) | None => Ok(cursor),
        }
    }

    fn take(&mut self, raw: &str) {
        let left_out = match Item::read(self.kind, raw) {
            Ok(item) if self.names.insert(item.name.clone()) => {
                self.items.push(item);
                return;
            }
            Ok(item) => LeftOut {
                kind: self.kind,
                name: shown(&item.name),
                reason: "is listed twice; the first one counts".to_owned(),
            },
            Err(left_out) => left_out,
        };
        if self.left_out.len() < LEFT_OUT_MAX {
            self.left_out.push(left_out);
        }
    }

    /// Bytes of the items that were read, of which all lists of a server together may have
    /// `catalog_bytes_max`.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The items in the server's order, and what was left out.
    pub fn finish(self) -> (Vec<Item>, Vec<LeftOut>) {
        (self.items, self.left_out)
    }
}

/// The list of a page, and the cursor of the next.
fn split_page(kind: Kind, result: &str) -> Option<(Vec<&RawValue>, Option<String>)> {
    let page = object::<Page<'_>>(result)?;
    let list = match kind {
        Kind::Tool => page.tools,
        Kind::Prompt => page.prompts,
        Kind::Resource => page.resources,
        Kind::Template => page.templates,
    };
    let list = serde_json::from_str(list?.get()).ok()?;
    let cursor = page.cursor.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok());
    Some((list, cursor.filter(|cursor| !cursor.is_empty())))
}

/// Reads an object. Serde would take an array for its members too.
fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    let is_object = text.trim_start().starts_with('{');
    if is_object { serde_json::from_str(text).ok() } else { None }
}

/// The members of a page that are read.
#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    tools: Option<&'a RawValue>,
    #[serde(borrow)]
    prompts: Option<&'a RawValue>,
    #[serde(borrow)]
    resources: Option<&'a RawValue>,
    #[serde(borrow, rename = "resourceTemplates")]
    templates: Option<&'a RawValue>,
    #[serde(borrow, rename = "nextCursor")]
    cursor: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests;
