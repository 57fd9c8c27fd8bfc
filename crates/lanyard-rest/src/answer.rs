//! What a server answered, and what the agent is given of it.

/// The answer of a server: complete, decompressed, within its limits, secrets masked.
#[derive(Debug, Clone, Copy)]
pub struct UpstreamAnswer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The headers in the order they came.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
}

/// One piece of a tool's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Text.
    Text(String),
    /// A picture.
    Image {
        /// The bytes in base64.
        data_base64: String,
        /// The media type, without parameters.
        mime: String,
    },
}

/// What a call gives back to the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult {
    /// The pieces, at least one.
    pub content: Vec<Content>,
    /// `structuredContent`: raw JSON as the server sent it. It is not yet checked against the
    /// tool's output schema.
    pub structured: Option<String>,
    /// Whether the call failed.
    pub is_error: bool,
}
