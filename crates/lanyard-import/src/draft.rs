//! A REST server about to be written as YAML: what every importer makes, and a person edits.

use serde_json::Value;

/// A REST server. Written by [`Draft::to_yaml`], read by `lanyard_rest::parse`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Draft {
    /// The server's name; `api` is written if there is none.
    pub name: Option<String>,
    /// What the server is.
    pub description: Option<String>,
    /// What the path-only URLs of tools start with.
    pub base_url: Option<String>,
    /// Members of `server.config`, which templates read as `.config.NAME`: a reference to a secret,
    /// or none yet.
    pub config: Vec<(String, Option<String>)>,
    /// How credentials are written into requests.
    pub schemes: Vec<Scheme>,
    /// What tools ask for that say nothing of their own.
    pub default_security: Vec<Requirement>,
    /// The tools, in the order of the source.
    pub tools: Vec<DraftTool>,
    /// What a person wants otherwise in all of it.
    pub patch: Option<crate::Patch>,
}

impl Draft {
    /// The scheme's id or the key of `server.config` that refers to a secret.
    pub fn parameter_of(&self, reference: &str) -> Option<&str> {
        let is = |it: &Option<String>| it.as_deref() == Some(reference);
        let scheme = self.schemes.iter().find(|scheme| is(&scheme.credential));
        let config = || self.config.iter().find(|(_, value)| is(value));
        scheme.map(|it| it.id.as_str()).or_else(|| config().map(|(key, _)| key.as_str()))
    }

    /// Has each tool say for itself what the server says for all: it is to stand beside tools of
    /// another server, of which other things hold.
    pub fn stand_alone(&mut self) {
        let base_url = self.base_url.take().unwrap_or_default();
        let security = std::mem::take(&mut self.default_security);
        for tool in &mut self.tools {
            tool.security.get_or_insert_with(|| security.clone());
            if tool.url.starts_with('/') {
                tool.url = format!("{}{}", base_url.trim_end_matches('/'), tool.url);
            }
        }
    }

    /// Names no secret any more where this one was named: an empty one is made there.
    pub fn forget(&mut self, reference: &str) {
        let schemes = self.schemes.iter_mut().map(|scheme| &mut scheme.credential);
        let config = self.config.iter_mut().map(|(_, value)| value);
        for credential in schemes.chain(config).filter(|it| it.as_deref() == Some(reference)) {
            *credential = None;
        }
    }
}

/// A security scheme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scheme {
    /// Its id, unique among the schemes.
    pub id: String,
    /// Where the credential goes.
    pub kind: SchemeKind,
    /// A reference, `secret://billing-key`. Without one an empty secret is made when the file is
    /// added, named after server and scheme. Never the credential itself.
    pub credential: Option<String>,
    /// For the person who reads the file: written as a comment.
    pub description: Option<String>,
}

/// Where a credential goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemeKind {
    /// `Authorization: Bearer`
    HttpBearer,
    /// `Authorization: Basic`
    HttpBasic,
    /// A place of its own.
    ApiKey {
        /// Which part of the request.
        place: KeyPlace,
        /// The name there.
        name: String,
    },
}

/// The part of a request that holds an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPlace {
    /// A header.
    Header,
    /// A pair of the query.
    Query,
    /// A cookie.
    Cookie,
}

/// A scheme that a request needs. Of a list, all are applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The id of the scheme.
    pub scheme: String,
    /// A reference that takes the place of the scheme's own.
    pub credential: Option<String>,
}

/// One tool: one HTTP request.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftTool {
    /// Its name, unique among the tools. See [`crate::Names`].
    pub name: String,
    /// What a model reads: short.
    pub description: String,
    /// The whole text, where the short one leaves something out.
    pub long_description: Option<String>,
    /// What a call takes.
    pub args: Vec<DraftArg>,
    /// The method, in upper case.
    pub method: String,
    /// A template: absolute, or a path below [`Draft::base_url`]; `{name}` where a path argument
    /// goes, whose own name is best: what it is called in a path is never sent. Text that is to
    /// stay as it is goes through [`crate::url_literal`].
    pub url: String,
    /// Names and values. A value is a template; text that is to stay as it is goes through
    /// [`crate::literal`].
    pub headers: Vec<(String, String)>,
    /// How the body is made.
    pub body: DraftBody,
    /// What this tool asks for instead of [`Draft::default_security`]; empty for nothing.
    pub security: Option<Vec<Requirement>>,
    /// The JSON Schema of a structured answer; its root has `type: object`.
    pub output_schema: Option<Value>,
    /// What stands before the answer, for who reads no schema.
    pub prepend: Option<String>,
    /// Whether the source advises against its use. The description says so too.
    pub deprecated: bool,
    /// The groups it belongs to, told in a comment.
    pub tags: Vec<String>,
    /// What the source calls it, told in a comment.
    pub operation_id: Option<String>,
    /// Where in the source it came from: a JSON pointer or a line.
    pub place: String,
}

impl DraftTool {
    /// A tool without arguments and body.
    pub fn new(
        name: impl Into<String>,
        method: impl Into<String>,
        url: impl Into<String>,
        place: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            long_description: None,
            args: Vec::new(),
            method: method.into(),
            url: url.into(),
            headers: Vec::new(),
            body: DraftBody::None,
            security: None,
            output_schema: None,
            prepend: None,
            deprecated: false,
            tags: Vec::new(),
            operation_id: None,
            place: place.into(),
        }
    }
}

/// How the body of a request is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftBody {
    /// Of nothing, or of the arguments at [`Position::Body`] that a call gives: as a form if a
    /// header says so, else as JSON.
    None,
    /// A JSON object of the arguments at [`Position::Body`] and those without a position; `{}` if
    /// there are none.
    Json,
    /// A form of the same.
    Form,
    /// Parts of the same; arguments with `format: binary` are files in base64.
    Multipart,
    /// A template over `.args`.
    Template(String),
    /// The argument of this name, which is at [`Position::Body`], as it is: its text or, with
    /// `format: binary`, the bytes that it is the base64 of.
    Raw(String),
}

/// One argument.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftArg {
    /// Its name for the agent, unique in its tool.
    pub name: String,
    /// Its name in the request, where it is another one.
    pub wire_name: Option<String>,
    /// Where it goes. None: into a body made of all arguments, or only into templates.
    pub position: Option<Position>,
    /// Whether a call must have it.
    pub required: bool,
    /// What a model reads.
    pub description: String,
    /// A JSON Schema 2020-12, with default and examples in it.
    pub schema: Value,
    /// How a list or an object is written.
    pub style: ArgStyle,
    /// Whether a value in the path may be several segments.
    pub path_segments: bool,
}

impl DraftArg {
    /// An optional argument without a description.
    pub fn new(name: impl Into<String>, position: Option<Position>, schema: Value) -> Self {
        Self {
            name: name.into(),
            wire_name: None,
            position,
            required: false,
            description: String::new(),
            schema,
            style: ArgStyle::Json,
            path_segments: false,
        }
    }

    /// The name in the request.
    pub fn wire(&self) -> &str {
        self.wire_name.as_deref().unwrap_or(&self.name)
    }
}

/// The part of a request that an argument goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Position {
    /// A segment of the path, or a part of one.
    Path,
    /// A pair of the query.
    Query,
    /// A header.
    Header,
    /// A cookie.
    Cookie,
    /// A member of the body.
    Body,
}

impl Position {
    /// As it is written in YAML, and in OpenAPI's `in`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Body => "body",
        }
    }
}

/// How a list or an object is written where only text can stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ArgStyle {
    /// As one JSON text.
    #[default]
    Json,
    /// As one pair for each element.
    Repeat,
    /// Separated by commas.
    Comma,
    /// Separated by spaces.
    Space,
    /// Separated by `|`.
    Pipe,
    /// As one pair `name[key]` for each member.
    DeepObject,
}

impl ArgStyle {
    /// As it is written in YAML.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Repeat => "repeat",
            Self::Comma => "comma",
            Self::Space => "space",
            Self::Pipe => "pipe",
            Self::DeepObject => "deepObject",
        }
    }
}
