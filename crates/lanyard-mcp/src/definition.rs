//! An MCP server as it is configured: a process, or a URL.

use lanyard_core::{Origin, SecretName};

/// An MCP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// What it is, for people.
    pub description: Option<String>,
    /// How it is reached.
    pub transport: Transport,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// A process of ours, over its standard input and output.
    Stdio(Stdio),
    /// Streamable HTTP. Whether the server is of an older kind is found out.
    Http(Remote),
    /// HTTP+SSE of 2024-11-05, where it is known to be that.
    Sse(Remote),
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stdio {
    /// The program: an absolute path.
    pub command: String,
    /// Its arguments, without the program's own name.
    pub args: Vec<String>,
    /// Its environment, in the order in which it was written; there is no other.
    pub env: Vec<(String, Template)>,
    /// Where it starts; a directory of its own when absent.
    pub cwd: Option<String>,
}

/// A URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Scheme, host and port.
    pub origin: Origin,
    /// Path and query, encoded, beginning with `/`; without the parts of `query`.
    pub target: String,
    /// Headers that are sent with each request, names in lower case.
    pub headers: Vec<(String, Template)>,
    /// Added to the query of each request.
    pub query: Vec<(String, Template)>,
}

/// A text in which secrets stand by name, such as `Bearer secret://github`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    /// The parts, in order.
    pub parts: Vec<Part>,
}

/// A part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// As it stands.
    Text(String),
    /// The value of a secret.
    Secret(SecretName),
}
