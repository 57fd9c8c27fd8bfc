//! Screens what a server that speaks MCP says: masks credentials, and marks what is untrusted.

use std::borrow::Cow;

use lanyard_core::UserName;
use lanyard_guard::wrap::{Wrapper, sanitize};
use lanyard_vault::{Masker, Tail};
use lanyard_wire::translate::ErrorFacts;
use lanyard_wire::{Block, Contents, notification_parts, splice, text_block};

use super::super::passage::Passage;
use crate::edge::Core;
use crate::snapshot::{Snapshot, Wrap};

/// Screens the messages of one request.
#[derive(Debug)]
pub(in crate::call) struct Screen<'a> {
    masker: Masker,
    masked: u64,
    tails: Tails,
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
            tails: Tails::default(),
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

    /// A notification on its way to the client, whole.
    pub(in crate::call) fn message<'b>(&mut self, message: &'b str) -> Cow<'b, str> {
        let message = self.text(message);
        let (clean, count) = self.tails.mask(&self.masker, message);
        self.masked = self.masked.saturating_add(count);
        clean
    }

    /// Raw JSON on its way to the client.
    pub(in crate::call) fn text<'b>(&mut self, json: &'b str) -> Cow<'b, str> {
        let (clean, count) = self.masker.mask_json(json);
        self.masked = self.masked.saturating_add(count);
        clean
    }

    /// A result.
    pub(in crate::call) fn result<'b>(&mut self, method: &str, result: &'b str) -> Cow<'b, str> {
        let clean = self.text(result);
        let (joined, count) = joined(&self.masker, method, &clean);
        self.masked = self.masked.saturating_add(count);
        let clean = joined.map_or(clean, Cow::Owned);
        match self.wrapper() {
            Some(wrapper) => Cow::Owned(wrapped(&wrapper, method, &clean)),
            None => clean,
        }
    }

    /// The member `error` of an answer.
    pub(in crate::call) fn error<'b>(&mut self, error: &'b str) -> Cow<'b, str> {
        let error = self.text(error);
        match self.wrapper() {
            Some(wrapper) => Cow::Owned(wrapped_error(&wrapper, &error)),
            None => error,
        }
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

/// The ends of what a server said in messages that a client may put together: those of the progress
/// of one call, and those of its log.
#[derive(Debug, Default)]
pub(crate) struct Tails {
    progress: Tail,
    log: Tail,
}

impl Tails {
    /// A notification, masked by itself already, without what is a credential together with those
    /// before it.
    pub(crate) fn mask<'a>(
        &mut self,
        masker: &Masker,
        message: Cow<'a, str>,
    ) -> (Cow<'a, str>, u64) {
        let Some((method, params)) = notification_parts(&message) else { return (message, 0) };
        let (tail, place) = match method.as_ref() {
            "notifications/progress" => (&mut self.progress, "message"),
            "notifications/message" => (&mut self.log, "data"),
            _ => return (message, 0),
        };
        let said = params.and_then(|params| splice::member(params.get(), &[place]));
        let said = said.and_then(|said| serde_json::from_str::<Cow<'_, str>>(said.get()).ok());
        let Some(said) = said else { return (message, 0) };
        match masker.mask_next(tail, &said) {
            (Cow::Borrowed(_), _) => (message, 0),
            (Cow::Owned(clean), count) => {
                let clean = serde_json::Value::from(clean).to_string();
                let written = splice::set_member(&message, &["params", place], &clean);
                (written.map_or(message, Cow::Owned), count)
            }
        }
    }
}

/// The result without what is a credential only where its blocks are put together, if there is any.
fn joined(masker: &Masker, method: &str, result: &str) -> (Option<String>, u64) {
    let Some(contents) = Contents::read(method, result) else { return (None, 0) };
    let blocks = contents.blocks();
    if blocks.len() < 2 {
        return (None, 0);
    }
    let mut words = Vec::new();
    for block in blocks {
        // Looked at, not changed.
        block.with_words(|text| {
            words.push(text.to_owned());
            None
        });
    }
    let texts: Vec<&str> = words.iter().map(String::as_str).collect();
    let (clean, count) = masker.mask_joined(&texts);
    if count == 0 {
        return (None, 0);
    }
    let mut clean = clean.into_iter();
    let masked: Vec<_> =
        blocks.iter().map(|block| block.with_words(|_| clean.next().flatten())).collect();
    (Some(contents.with_blocks(masked)), count)
}
