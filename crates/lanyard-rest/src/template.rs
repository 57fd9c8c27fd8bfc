//! The template language of REST servers: Go's `text/template` over JSON values, with JSON paths
//! and a fixed set of functions. A template is parsed once, when its server is added, and rendered
//! for every call; what an action writes is encoded by where in the output it stands.
//!
//! INVARIANT: rendering does no I/O, reads no clock and no random source but those it is handed,
//! never panics, and no failure it reports holds a value of an argument, setting or secret.

mod api;

pub use api::{
    Context, PathRoot, PathUse, REQUEST_VARIABLES, RESPONSE_VARIABLES, TemplateEnv, TemplateError,
    TemplateFailure,
};

use lanyard_core::Limits;
use serde_json::Value;

/// A parsed template. Immutable: parsed once, rendered by any number of calls at a time.
#[derive(Debug)]
pub struct Template {
    text: Box<str>,
    paths: Vec<PathUse>,
}

impl Template {
    /// Parses a template. `variables` are the names (without `$`) that the environment will
    /// define: [`REQUEST_VARIABLES`] or [`RESPONSE_VARIABLES`]. All errors are reported at once.
    pub fn parse(
        text: &str,
        _limits: &Limits,
        _variables: &[&str],
    ) -> Result<Self, Vec<TemplateError>> {
        Ok(Self { text: text.into(), paths: Vec::new() })
    }

    /// Renders the template over `root`, which must be an object or a list.
    pub fn render(
        &self,
        _root: &Value,
        _env: &TemplateEnv<'_>,
        _context: Context,
    ) -> Result<String, TemplateFailure> {
        Ok(self.text.to_string())
    }

    /// The text of the template.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Every path below `.args` and `.config` that the template names, in file order.
    pub fn paths(&self) -> &[PathUse] {
        &self.paths
    }

    /// The literal text before the first action.
    pub fn literal_prefix(&self) -> &str {
        &self.text
    }

    /// The pieces of literal text with their offsets, in file order, those inside `define`
    /// included.
    pub fn literals(&self) -> impl Iterator<Item = (usize, &str)> {
        std::iter::once((0, &*self.text))
    }

    /// Whether the template has no action, so that it always renders its text.
    pub fn is_literal(&self) -> bool {
        self.paths.is_empty()
    }

    /// For a URL: the offset of the first action that writes into the scheme, host or port and
    /// reads anything but `.config` and literals. Such a URL is refused when the server is added,
    /// and by the rendering too.
    pub fn foreign_in_origin(&self) -> Option<usize> {
        None
    }
}
