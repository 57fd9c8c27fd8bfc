//! What a model reads of a result: the content of a tool's answer, of a resource, of a prompt. For
//! looking at it, changing words in it, and putting something around it.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::json::{quoted, text};
use crate::splice::{Edit, array, elements, set_member, value};

/// The content of one result.
#[derive(Debug, Clone)]
pub struct Contents<'a> {
    result: &'a str,
    key: &'static str,
    blocks: Vec<Block<'a>>,
}

impl<'a> Contents<'a> {
    /// Reads the result of `tools/call`, `resources/read` or `prompts/get`. A result without content
    /// has none; `None` where the content is no list of objects, or the method has none.
    pub fn read(method: &str, result: &'a str) -> Option<Self> {
        let (key, inside): (_, &'static [&'static str]) = match method {
            "tools/call" => ("content", &[]),
            "resources/read" => ("contents", &[]),
            "prompts/get" => ("messages", &["content"]),
            _ => return None,
        };
        let listed = match Edit::of(result)?.value(key) {
            Some(listed) => elements(listed)?,
            None => Vec::new(),
        };
        let blocks = listed
            .into_iter()
            .map(|raw| Edit::of(raw.get()).map(|_| Block { raw, inside }))
            .collect::<Option<_>>()?;
        Some(Self { result, key, blocks })
    }

    /// Every block, in order. Those of a prompt are messages.
    pub fn blocks(&self) -> &[Block<'a>] {
        &self.blocks
    }

    /// The result with these blocks instead, each a raw JSON object.
    pub fn with_blocks<T: AsRef<str>>(&self, blocks: impl IntoIterator<Item = T>) -> String {
        Edit::of_or_empty(Some(self.result)).set(self.key, array(blocks)).write()
    }
}

/// One block: content of a tool's answer, the content of a resource, or a message of a prompt.
#[derive(Debug, Clone, Copy)]
pub struct Block<'a> {
    raw: &'a RawValue,
    /// Where in it the content is.
    inside: &'static [&'static str],
}

/// Where words stand in content that a model may read: texts, texts of embedded resources, and what
/// a link to a resource says of it.
const WORDS: [&[&str]; 5] =
    [&["text"], &["resource", "text"], &["name"], &["title"], &["description"]];

impl<'a> Block<'a> {
    /// The block as it came.
    pub fn raw(&self) -> &'a str {
        self.raw.get()
    }

    /// The type of the content, such as `text` or `image`. The content of a resource has none.
    pub fn kind(&self) -> Option<Cow<'a, str>> {
        text(value(self.content()?, &["type"])?)
    }

    /// The text, where the content is nothing but text.
    pub fn text(&self) -> Option<Cow<'a, str>> {
        let is_text = self.kind().is_none_or(|kind| kind == "text");
        text(value(self.content()?, &["text"])?).filter(|_| is_text)
    }

    /// The block with another text.
    pub fn with_text(&self, text: &str) -> String {
        let path: Vec<&str> = self.inside.iter().copied().chain(["text"]).collect();
        set_member(self.raw(), &path, &quoted(text)).unwrap_or_else(|| self.raw().to_owned())
    }

    /// The block with its words changed. `change` is shown each stretch of words, and gives what is
    /// to stand in its place, if anything.
    pub fn with_words(&self, mut change: impl FnMut(&str) -> Option<String>) -> Cow<'a, str> {
        let mut block = Cow::Borrowed(self.raw());
        for place in WORDS {
            let path: Vec<&str> = self.inside.iter().chain(place).copied().collect();
            let words = value(self.raw(), &path).and_then(text);
            if let Some(changed) = words.and_then(|words| change(&words)) {
                let written = set_member(&block, &path, &quoted(&changed));
                block = written.map_or(block, Cow::Owned);
            }
        }
        block
    }

    fn content(&self) -> Option<&'a str> {
        value(self.raw(), self.inside)
    }
}

/// A block of content that is a text.
pub fn text_block(text: &str) -> String {
    Edit::of_or_empty(Some(r#"{"type":"text"}"#)).set_text("text", text).write()
}

#[cfg(test)]
mod tests;
