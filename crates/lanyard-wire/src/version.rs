//! The protocol versions, and what differs between them.

use std::fmt;

/// A protocol version that Lanyard implements.
///
/// INVARIANT: versions are never ordered. A version is an opaque text compared with this table,
/// and a difference between versions is a predicate here, written as a `match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// HTTP+SSE: a stream that names an endpoint, and posts to that endpoint.
    V2024_11_05,
    /// Streamable HTTP; the only version with batches. It has no version header, so a request
    /// without that header and without a session means this version.
    V2025_03_26,
    /// Structured output and titles; the version header is required after `initialize`.
    V2025_06_18,
    /// The last version that begins with `initialize`.
    V2025_11_25,
    /// Stateless: no session, an envelope in every request.
    V2026_07_28,
}

impl Version {
    /// Every version, oldest first.
    pub const ALL: [Self; 5] = [
        Self::V2024_11_05,
        Self::V2025_03_26,
        Self::V2025_06_18,
        Self::V2025_11_25,
        Self::V2026_07_28,
    ];

    /// The versions that begin with `initialize`, oldest first.
    pub const LEGACY: [Self; 4] =
        [Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25];

    /// The stateless versions: what `server/discover` lists and an unsupported version is told.
    pub const MODERN: [Self; 1] = [Self::V2026_07_28];

    /// The answer to an `initialize` that asks for a version we do not know.
    pub const LATEST_LEGACY: Self = Self::V2025_11_25;

    /// What a request without version header and without session speaks.
    pub const UNSTATED: Self = Self::V2025_03_26;

    /// The version as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// The version that this text names.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }

    /// The answer to `initialize`: the version asked for where it is a legacy one, else the
    /// latest legacy one. Never a modern version, which has no `initialize`.
    pub fn negotiate(requested: &str) -> Self {
        Self::parse(requested).filter(|version| !version.is_modern()).unwrap_or(Self::LATEST_LEGACY)
    }

    /// Whether this version is stateless, with an envelope in every request.
    pub const fn is_modern(self) -> bool {
        match self {
            Self::V2024_11_05 | Self::V2025_03_26 | Self::V2025_06_18 | Self::V2025_11_25 => false,
            Self::V2026_07_28 => true,
        }
    }

    /// Whether several messages may come as one array.
    pub const fn has_batches(self) -> bool {
        match self {
            Self::V2025_03_26 => true,
            Self::V2024_11_05 | Self::V2025_06_18 | Self::V2025_11_25 | Self::V2026_07_28 => false,
        }
    }

    /// Whether tools have `annotations`.
    pub const fn has_annotations(self) -> bool {
        match self {
            Self::V2024_11_05 => false,
            Self::V2025_03_26 | Self::V2025_06_18 | Self::V2025_11_25 | Self::V2026_07_28 => true,
        }
    }

    /// Whether a server can declare the capability `completions`.
    pub const fn has_completions_capability(self) -> bool {
        self.has_annotations()
    }

    /// Whether results have `structuredContent`, and tools have `outputSchema`.
    pub const fn has_structured_content(self) -> bool {
        match self {
            Self::V2024_11_05 | Self::V2025_03_26 => false,
            Self::V2025_06_18 | Self::V2025_11_25 | Self::V2026_07_28 => true,
        }
    }

    /// Whether structured content may be any JSON value, rather than an object.
    pub const fn has_any_structured_value(self) -> bool {
        self.is_modern()
    }

    /// Whether tools and implementations have a `title`.
    pub const fn has_titles(self) -> bool {
        self.has_structured_content()
    }

    /// Whether tasks are a part of the version itself, rather than an extension or unknown.
    pub const fn has_core_tasks(self) -> bool {
        match self {
            Self::V2025_11_25 => true,
            Self::V2024_11_05 | Self::V2025_03_26 | Self::V2025_06_18 | Self::V2026_07_28 => false,
        }
    }

    /// Whether elicitation says by its `mode` whether it shows a form or leads to a URL.
    pub const fn has_elicitation_modes(self) -> bool {
        match self {
            Self::V2024_11_05 | Self::V2025_03_26 | Self::V2025_06_18 => false,
            Self::V2025_11_25 | Self::V2026_07_28 => true,
        }
    }

    /// Whether the server tells when a person has been at a URL it led to. The version before had
    /// no URLs, the one after asks for it by a retry.
    pub const fn has_elicitation_ids(self) -> bool {
        self.has_core_tasks()
    }

    /// Whether a server may send its client away in the middle of an answer, to come back for the
    /// rest. Clients of the versions before took an event without data for a broken message.
    pub const fn has_polling(self) -> bool {
        self.has_core_tasks()
    }

    /// Whether the header `MCP-Protocol-Version` is required after `initialize`.
    pub const fn has_version_header(self) -> bool {
        self.has_structured_content()
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests;
