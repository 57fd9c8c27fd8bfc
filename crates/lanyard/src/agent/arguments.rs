//! The arguments of `call`: from words as typed to the object that is sent. Pure.
//!
//! Three steps: [`parse()`] finds selector, flags and raw arguments among the words,
//! [`expression`] reads the function-call form, [`coerce()`] makes values of texts by the tool's
//! schema and says what is missing before anything is sent.

mod coerce;
mod expression;
pub(super) mod json;
mod number;
mod parse;

pub(super) use coerce::coerce;
pub(super) use parse::{Base, Flags, Given, OutputKind, ParseError, Selector, Texts, parse};

use serde_json::Value;

/// A value as typed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Raw {
    /// Text, of which the schema decides what it means.
    Text(String),
    /// `@path`: the text of a file.
    File(String),
    /// A literal of the function-call form.
    Literal(Value),
}

/// The name of an argument as typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    /// Before `=` or `:`, or a label: the name itself.
    Exact(String),
    /// After `--`: also the camel-case or snake-case property that it stands for.
    Flag(String),
}

#[cfg(test)]
mod tests;
