//! What a server says of itself, where its capabilities and its identity are somebody else's and
//! pass as they are.

use super::SERVER_INFO;
use crate::Version;
use crate::json::{Object, push_text};

/// The answer to `initialize` with capabilities of another server.
#[derive(Debug, Clone, Copy)]
pub struct RawInitialize<'a> {
    /// The version that was chosen.
    pub version: Version,
    /// What the server can do, a raw JSON object.
    pub capabilities: &'a str,
    /// Who it is, a raw JSON object.
    pub server_info: &'a str,
    /// How it is meant to be used.
    pub instructions: Option<&'a str>,
}

impl RawInitialize<'_> {
    /// The result as JSON.
    pub fn to_json(self) -> String {
        Object::new()
            .text("protocolVersion", self.version.as_str())
            .raw("capabilities", self.capabilities)
            .raw("serverInfo", self.server_info)
            .text_if("instructions", self.instructions)
            .end()
    }
}

/// The answer to `server/discover` with capabilities of another server.
#[derive(Debug, Clone, Copy)]
pub struct RawDiscover<'a> {
    /// What the server can do, a raw JSON object.
    pub capabilities: &'a str,
    /// Who it is, a raw JSON object.
    pub server_info: &'a str,
    /// How it is meant to be used.
    pub instructions: Option<&'a str>,
    /// How long the answer may be kept, by the one caller that it is for.
    pub ttl_ms: u64,
}

impl RawDiscover<'_> {
    /// The result as JSON.
    pub fn to_json(self) -> String {
        Object::new()
            .text("resultType", "complete")
            .raw("_meta", &Object::new().raw(SERVER_INFO, self.server_info).end())
            .list("supportedVersions", Version::MODERN, |out, version| {
                push_text(out, version.as_str());
            })
            .raw("capabilities", self.capabilities)
            .text_if("instructions", self.instructions)
            .raw("ttlMs", &self.ttl_ms.to_string())
            .text("cacheScope", "private")
            .end()
    }
}

#[cfg(test)]
mod tests;
