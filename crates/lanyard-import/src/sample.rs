//! One HTTP request as somebody sent or wrote it. curl lines, Postman collections and HAR files all
//! become samples, and samples become tools.
//!
//! INVARIANT: a sample may hold credentials until [`crate::credential`] took them out. It prints
//! none of its texts, and overwrites them when dropped.

mod assemble;
pub(crate) mod body;
mod fields;
mod guess;
mod headers;
mod path;
mod tool;
pub(crate) mod url;

use std::fmt;

use lanyard_core::Origin;
use serde_json::Value;
use zeroize::Zeroize as _;

pub use assemble::{Collected, ImportOptions, Imported, PastedValues};
pub(crate) use assemble::{assemble, assemble_with};
pub(crate) use path::lower;

use crate::Note;
use crate::draft::KeyPlace;

/// The methods that a definition can have.
pub(crate) const METHODS: &[&str] =
    &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

/// A request.
pub(crate) struct Sample {
    /// Where it comes from, for notes: a line and column, or a name in a collection.
    pub(crate) place: String,
    /// What a collection calls it: the name of its tool.
    pub(crate) called: Option<String>,
    /// What it is, in a few words.
    pub(crate) title: Option<String>,
    /// What somebody wrote about it.
    pub(crate) text: Option<String>,
    pub(crate) method: &'static str,
    pub(crate) origin: Origin,
    /// As it is sent, percent-encoded, variables marked. Begins with `/`.
    pub(crate) path: String,
    /// What is known of names in the path: `:name` of Postman has a value and a description.
    pub(crate) path_values: Vec<Pair>,
    /// Decoded.
    pub(crate) query: Vec<Pair>,
    pub(crate) headers: Vec<Pair>,
    pub(crate) auth: Option<Auth>,
    pub(crate) body: Body,
    /// What is told about it. It holds no text of the sample but names.
    pub(crate) notes: Vec<Note>,
}

/// Credentials that are not written as a header.
pub(crate) enum Auth {
    /// `user:password`
    Basic(String),
    /// A token.
    Bearer(String),
    /// A key in a place of its own.
    Key { place: KeyPlace, name: String, value: String },
}

/// A name with a value: of a query, a form or the headers.
pub(crate) struct Pair {
    pub(crate) name: String,
    /// Missing where not even a `=` stands.
    pub(crate) value: Option<String>,
    /// What somebody wrote about it.
    pub(crate) text: Option<String>,
}

impl Pair {
    pub(crate) fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: Some(value.into()), text: None }
    }

    pub(crate) fn value(&self) -> &str {
        self.value.as_deref().unwrap_or_default()
    }
}

/// A body by its kind.
pub(crate) enum Body {
    None,
    /// Pairs of a form, decoded.
    Form(Vec<Pair>),
    /// JSON; variables are texts in it.
    Json(Value),
    /// Parts of a form.
    Multipart(Vec<Part>),
    /// Anything else.
    Text(String),
    /// A file, which is not read.
    File,
}

/// One part of a multipart body.
pub(crate) struct Part {
    pub(crate) pair: Pair,
    /// Whether it is a file. Files are never read: its value is empty.
    pub(crate) file: bool,
}

impl Sample {
    pub(crate) fn new(place: String, method: &'static str, target: url::Target) -> Self {
        let url::Target { origin, path, query } = target;
        Self {
            place,
            called: None,
            title: None,
            text: None,
            method,
            origin,
            path,
            path_values: Vec::new(),
            query,
            headers: Vec::new(),
            auth: None,
            body: Body::None,
            notes: Vec::new(),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&Pair> {
        self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))
    }

    pub(crate) fn info(&mut self, text: impl Into<String>) {
        self.notes.push(Note::info(self.place.clone(), text));
    }

    pub(crate) fn warn(&mut self, text: impl Into<String>) {
        self.notes.push(Note::warning(self.place.clone(), text));
    }
}

impl fmt::Debug for Sample {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Sample")
            .field("place", &self.place)
            .field("method", &self.method)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl Drop for Sample {
    fn drop(&mut self) {
        self.path.zeroize();
        wipe_pairs(&mut self.query);
        wipe_pairs(&mut self.headers);
        wipe_pairs(&mut self.path_values);
        match &mut self.auth {
            Some(Auth::Basic(text) | Auth::Bearer(text) | Auth::Key { value: text, .. }) => {
                text.zeroize();
            }
            None => {}
        }
        match &mut self.body {
            Body::None | Body::File => {}
            Body::Form(pairs) => wipe_pairs(pairs),
            Body::Json(value) => wipe_json(value),
            Body::Multipart(parts) => {
                parts.iter_mut().for_each(|part| wipe_pairs(std::slice::from_mut(&mut part.pair)));
            }
            Body::Text(text) => text.zeroize(),
        }
    }
}

fn wipe_pairs(pairs: &mut [Pair]) {
    pairs.iter_mut().for_each(|pair| pair.value.zeroize());
}

fn wipe_json(value: &mut Value) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe_json),
        Value::Object(members) => members.iter_mut().for_each(|(_, member)| wipe_json(member)),
    }
}

#[cfg(test)]
mod tests;
