//! Screens what a server that speaks MCP says: masks credentials, and marks what is untrusted.

use std::borrow::Cow;

use lanyard_core::{Failure, UserName};
use lanyard_guard::wrap::{Wrapper, sanitize};
use lanyard_vault::Masker;
use lanyard_wire::translate::ErrorFacts;
use lanyard_wire::{Block, Contents, splice, text_block};
use serde_json::value::RawValue;

use super::super::passage::Passage;
use crate::edge::Core;
use crate::snapshot::{Snapshot, Wrap};

/// Screens the messages of one request.
#[derive(Debug)]
pub(in crate::call) struct Screen<'a> {
    masker: Masker,
    masked: u64,
    wrap: Wrap,
    server: &'a str,
    about: String,
    nonce: Option<String>,
}

impl<'a> Screen<'a> {
    pub(in crate::call) fn new(
        core: &Core,
        snapshot: &Snapshot,
        passage: &Passage<'a>,
        user: Option<&UserName>,
    ) -> Self {
        let server = passage.server;
        Self {
            masker: snapshot.masker(server, user),
            masked: 0,
            wrap: passage.wrap,
            server: server.name.as_str(),
            about: passage.about.clone(),
            nonce: (passage.wrap == Wrap::On).then(|| core.nonce()),
        }
    }

    /// From now on this is what masks.
    pub(in crate::call) fn mask_with(&mut self, masker: Masker) {
        self.masker = masker;
    }

    /// How many credentials were found and masked.
    pub(in crate::call) fn masked(&self) -> u64 {
        self.masked
    }

    /// A whole message on its way to the client.
    pub(in crate::call) fn message(&mut self, message: &str) -> Result<String, Failure> {
        self.text(message)
    }

    /// Raw JSON on its way to the client.
    pub(in crate::call) fn text(&mut self, json: &str) -> Result<String, Failure> {
        let (clean, count) = mask_json(&self.masker, json);
        self.masked = self.masked.saturating_add(count);
        match clean {
            Some(clean) => Ok(clean.into_owned()),
            None => Err(Failure::AnswerUnusable {
                problem: "a credential stood in it where it could not be masked".to_owned(),
            }),
        }
    }

    /// A result.
    pub(in crate::call) fn result(
        &mut self,
        method: &str,
        result: &str,
    ) -> Result<String, Failure> {
        let result = self.text(result)?;
        Ok(match self.wrapper() {
            Some(wrapper) => wrapped(&wrapper, method, &result),
            None => result,
        })
    }

    /// The member `error` of an answer.
    pub(in crate::call) fn error(&mut self, error: &str) -> Result<String, Failure> {
        let error = self.text(error)?;
        Ok(match self.wrapper() {
            Some(wrapper) => wrapped_error(&wrapper, &error),
            None => error,
        })
    }

    fn wrapper(&self) -> Option<Wrapper> {
        match self.wrap {
            Wrap::Off => None,
            Wrap::On | Wrap::Exact => {
                Some(Wrapper::new(self.server, &self.about, self.nonce.as_deref()))
            }
        }
    }
}

/// A result whose content is marked: one text within the marks, several blocks between two texts
/// that are the marks. What is not content stays as it is: clients read it, and not models.
fn wrapped(wrapper: &Wrapper, method: &str, result: &str) -> String {
    let Some(contents) = Contents::read(method, result) else { return result.to_owned() };
    let blocks = contents.blocks();
    let only = match blocks {
        [] => return result.to_owned(),
        [only] => only.text().filter(|_| only.kind().as_deref() == Some("text")),
        [..] => None,
    };
    if method != "tools/call" {
        // The blocks of a resource or a prompt have places that no text can be put between.
        let marked =
            blocks.iter().map(|block| block.with_words(|words| Some(wrapper.wrap_single(words).0)));
        return contents.with_blocks(marked);
    }
    if let Some(text) = only {
        let block = blocks.first().map(|block| block.with_text(&wrapper.wrap_single(&text).0));
        return contents.with_blocks(block);
    }
    let clean = |block: &Block<'_>| {
        let words = block.with_words(|words| match sanitize(words) {
            (Cow::Owned(clean), _) => Some(clean),
            (Cow::Borrowed(_), _) => None,
        });
        words.into_owned()
    };
    let opening = std::iter::once(text_block(wrapper.opening()));
    let closing = std::iter::once(text_block(wrapper.closing()));
    contents.with_blocks(opening.chain(blocks.iter().map(clean)).chain(closing))
}

/// An error whose message is marked. Its data passes only where the protocol says what it is.
fn wrapped_error(wrapper: &Wrapper, error: &str) -> String {
    let Some(facts) = ErrorFacts::read(error) else { return error.to_owned() };
    let message = serde_json::Value::from(wrapper.wrap_single(&facts.message).0).to_string();
    let marked = splice::set_member(error, &["message"], &message);
    let marked = marked.unwrap_or_else(|| error.to_owned());
    let defined = matches!(facts.code, -32042 | -32022..=-32020 | -32002 | -32602);
    if defined {
        return marked;
    }
    splice::remove_members(&marked, &[], &["data"]).unwrap_or(marked)
}

/// Raw JSON without the credentials in it; `None` where it is no JSON any more, because one stood
/// outside of a string.
fn mask_json<'a>(masker: &Masker, json: &'a str) -> (Option<Cow<'a, str>>, u64) {
    let (bytes, count) = masker.mask(json.as_bytes());
    match bytes {
        Cow::Borrowed(_) => (Some(Cow::Borrowed(json)), count),
        Cow::Owned(bytes) => {
            let clean = String::from_utf8_lossy(&bytes).into_owned();
            let valid = serde_json::from_str::<&RawValue>(&clean).is_ok();
            (valid.then_some(Cow::Owned(clean)), count)
        }
    }
}
