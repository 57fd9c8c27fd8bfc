//! Screens what a server that speaks MCP says: masks credentials, and marks what is untrusted.

use std::borrow::Cow;

use lanyard_core::Failure;
use lanyard_vault::Masker;
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
    pub(in crate::call) fn new(core: &Core, snapshot: &Snapshot, passage: &Passage<'a>) -> Self {
        let server = passage.server;
        Self {
            masker: snapshot.vault.masker(&server.tenant, server.secrets()),
            masked: 0,
            wrap: passage.wrap,
            server: server.name.as_str(),
            about: passage.about.clone(),
            nonce: (passage.wrap == Wrap::On).then(|| core.nonce()),
        }
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
    pub(in crate::call) fn result(&mut self, method: &str, result: &str) -> Result<String, Failure> {
        let result = self.text(result)?;
        Ok(match self.wrapper() {
            Some(wrapper) => lanyard_guard::wrap::result(&wrapper, method, &result),
            None => result,
        })
    }

    /// The member `error` of an answer.
    pub(in crate::call) fn error(&mut self, error: &str) -> Result<String, Failure> {
        let error = self.text(error)?;
        Ok(match self.wrapper() {
            Some(wrapper) => lanyard_guard::wrap::error(&wrapper, &error),
            None => error,
        })
    }
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
