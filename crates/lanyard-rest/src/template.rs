//! The template language of REST servers: Go's `text/template` over JSON values, with JSON paths
//! and a fixed set of functions. A template is parsed once, when its server is added, and rendered
//! for every call; what an action writes is encoded by where in the output it stands.
//!
//! INVARIANT: rendering does no I/O, reads no clock and no random source but those it is handed,
//! never panics, and no failure it reports holds a value of an argument, setting or secret.
//!
//! The crate `gtmpl` (0.7) was looked at and not used: its values are its own, so numbers become
//! floats and everything is copied; it knows no missing values, no limits on steps or output, and
//! an action's output reaches the text before its place can be looked at. Why `gjson` is not used
//! stands in `path.rs`.

mod analyse;
mod api;
mod ast;
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most code treats a few kinds of value and all others alike"
)]
mod exec;
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most code treats a few kinds of value and all others alike"
)]
mod functions;
mod json;
mod lex;
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most code treats a few kinds of value and all others alike"
)]
mod number;
mod parse;
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most code treats a few kinds of value and all others alike"
)]
mod path;
mod regexes;
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most code treats a few kinds of value and all others alike"
)]
mod runtime;
mod sink;
mod source;
mod times;
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "most code treats a few kinds of value and all others alike"
)]
mod value;

pub use api::{
    Context, PathRoot, PathUse, REQUEST_VARIABLES, RESPONSE_VARIABLES, TemplateEnv, TemplateError,
    TemplateFailure,
};

use lanyard_core::Limits;
use serde_json::Value;
use value::Fault;

/// A parsed template. Immutable: parsed once, rendered by any number of calls at a time.
#[derive(Debug)]
pub struct Template {
    text: Box<str>,
    program: ast::Program,
    facts: analyse::Facts,
}

impl Template {
    /// Parses a template. `variables` are the names (without `$`) that the environment will
    /// define: [`REQUEST_VARIABLES`] or [`RESPONSE_VARIABLES`]. All errors are reported at once.
    pub fn parse(
        text: &str,
        limits: &Limits,
        variables: &[&str],
    ) -> Result<Self, Vec<TemplateError>> {
        let program = parse::parse(text, limits, variables)?;
        let facts = analyse::facts(&program);
        Ok(Self { text: text.into(), program, facts })
    }

    /// Renders the template over `root`, which must be an object or a list.
    pub fn render(
        &self,
        root: &Value,
        env: &TemplateEnv<'_>,
        context: Context,
    ) -> Result<String, TemplateFailure> {
        exec::render(&self.program, root, env, context).map_err(|fault| match fault {
            Fault::Secret(error) => TemplateFailure::Secret(error),
            Fault::Limit(name) => TemplateFailure::Limit(name),
            Fault::MissingPath(path) => TemplateFailure::MissingPath(path),
            Fault::Failed(message) => TemplateFailure::Failed(message),
            Fault::Placed { message, offset } => {
                let (line, column) = self.place(offset);
                TemplateFailure::Failed(format!("{message} (template {line}:{column})"))
            }
        })
    }

    /// The text of the template.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Every path below `.args` and `.config` that the template names, in file order.
    pub fn paths(&self) -> &[PathUse] {
        &self.facts.paths
    }

    /// The literal text before the first action.
    pub fn literal_prefix(&self) -> &str {
        &self.facts.prefix
    }

    /// The pieces of literal text with their offsets, in file order, those inside `define`
    /// included.
    pub fn literals(&self) -> impl Iterator<Item = (usize, &str)> {
        self.facts.literals.iter().map(|(offset, text)| (*offset, &**text))
    }

    /// Whether the template has no action, so that it always renders its text.
    pub fn is_literal(&self) -> bool {
        !self.facts.has_actions
    }

    /// For a URL: the offset of the first action that writes into the scheme, host or port and
    /// reads `.args`. Such a URL is refused when the server is added. What cannot be seen without
    /// rendering is refused by the rendering.
    pub fn foreign_in_origin(&self) -> Option<usize> {
        self.facts.foreign_in_origin
    }

    /// Line and column of an offset, both from 1, the column in characters.
    fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or("");
        let line = before.matches('\n').count().saturating_add(1);
        let last = before.rsplit('\n').next().unwrap_or("");
        (line, last.chars().count().saturating_add(1))
    }
}

#[cfg(test)]
mod tests;
