//! What crosses the border of the template engine besides [`super::Template`]: contexts, the
//! environment of a rendering, and the two kinds of error.

use std::fmt;
use std::net::IpAddr;

use lanyard_core::{Limits, SecretError, Timestamp};
use serde_json::Value;
use thiserror::Error;

/// The variables of request and direct response templates: none.
pub const REQUEST_VARIABLES: &[&str] = &[];

/// The variables of response and error templates, without their `$`.
pub const RESPONSE_VARIABLES: &[&str] = &["status", "headers", "body", "args"];

/// Where the output of a template goes, which decides how the output of its actions is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Context {
    /// A response, error or direct response: nothing is encoded.
    Plain,
    /// A header's value: nothing is encoded, control characters are refused, outer white space is
    /// trimmed.
    Header,
    /// A URL: percent-encoded by part, the origin from literals and `.config` only.
    Url,
    /// A JSON body: exactly one JSON value.
    Json,
    /// A form body.
    Form,
    /// Any other body: nothing is encoded.
    Other,
}

/// What a rendering may know besides its data.
#[derive(Clone, Copy)]
pub struct TemplateEnv<'a> {
    /// The time that `now` gives.
    pub now: Timestamp,
    /// Fills a buffer with random bytes, for `uuidv4`.
    pub random: &'a dyn Fn(&mut [u8]),
    /// The caller's address, for `getRealIP` and `getSocketIP`.
    pub client_ip: Option<IpAddr>,
    /// Steps, depth and output of the rendering.
    pub limits: &'a Limits,
    /// Variables by name, without their `$`; one that is declared but not here is missing.
    pub variables: &'a [(&'a str, Value)],
    /// Asked for every string read below `.config` that begins with `secret://`: the text to read
    /// instead, or `None` to read the string as it stands.
    pub resolve: &'a dyn Fn(&str) -> Result<Option<String>, SecretError>,
    /// Whether reading a `.config` path that does not exist fails the rendering, unless `default`
    /// or `coalesce` follows. True for requests.
    pub config_must_exist: bool,
    /// For answers: the JSON text that the root was read from, so that lists, objects and numbers
    /// with an exponent print as they came. Without it lists and objects print as compact JSON.
    /// Not for requests: what is copied from a text has no secrets opened in it.
    pub source: Option<&'a str>,
}

impl fmt::Debug for TemplateEnv<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("TemplateEnv").field("now", &self.now).finish_non_exhaustive()
    }
}

/// Why a text is no template.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct TemplateError {
    /// Where in the text, in bytes.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
}

/// Why a rendering gave no output. No variant holds a value of an argument, setting or secret.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TemplateFailure {
    /// A secret that the template reads is not available.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// A limit was reached: its name.
    #[error("the template goes past {0}")]
    Limit(&'static str),
    /// A `.config` path that does not exist.
    #[error("{0} is not set in the server's config")]
    MissingPath(String),
    /// Anything else, with the place in the template.
    #[error("{0}")]
    Failed(String),
}

/// The two objects that a request's template reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathRoot {
    /// `.args`
    Args,
    /// `.config`
    Config,
}

/// A path that a template names, as far as it can be known without rendering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathUse {
    /// Where it stands in the text, in bytes.
    pub offset: usize,
    /// What it starts from.
    pub root: PathRoot,
    /// The names after it; empty if the whole object is used.
    pub segments: Vec<String>,
    /// Whether `default` or `coalesce` gives a value in its place if it does not exist.
    pub guarded: bool,
}
