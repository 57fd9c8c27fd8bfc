//! Which endpoint a path names.

use lanyard_core::ServerName;

/// What a client sees through an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Every granted server, tools under prefixed names.
    All,
    /// One server, tools under their own names.
    One(ServerName),
}

/// An endpoint of the agents' listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Streamable HTTP: every version from 2025-03-26 on, and 2026-07-28.
    Mcp(Scope),
    /// The event stream of HTTP+SSE (2024-11-05).
    Sse(Scope),
    /// Where a client of HTTP+SSE posts its messages.
    Messages,
    /// What this token may use.
    AgentServers,
    /// What this token may know of one server.
    AgentServer(ServerName),
    /// Nothing.
    Unknown,
}

impl Endpoint {
    /// The endpoint at a path. A server's name that is no name leads to [`Self::Unknown`].
    pub(crate) fn at(path: &str) -> Self {
        let path = path.strip_suffix('/').unwrap_or(path);
        match path {
            "/mcp" => return Self::Mcp(Scope::All),
            "/sse" => return Self::Sse(Scope::All),
            "/messages" => return Self::Messages,
            "/v1/agent/servers" => return Self::AgentServers,
            _ => {}
        }
        if let Some(name) = path.strip_prefix("/v1/agent/servers/") {
            return ServerName::parse(name).map_or(Self::Unknown, Self::AgentServer);
        }
        let Some((head, rest)) = path.strip_prefix('/').and_then(|path| path.split_once('/'))
        else {
            return Self::Unknown;
        };
        let (name, transport) = rest.split_once('/').unwrap_or((rest, ""));
        let Ok(name) = ServerName::parse(name) else {
            return Self::Unknown;
        };
        match (head, transport) {
            // The second and third form are those of Higress and HiClaw.
            ("servers" | "mcp-servers", "mcp") | ("mcp-servers" | "mcp", "") => {
                Self::Mcp(Scope::One(name))
            }
            ("servers" | "mcp-servers", "sse") => Self::Sse(Scope::One(name)),
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::Endpoint;

    #[track_caller]
    fn check(path: &str, expected: Expect) {
        expected.assert_eq(&format!("{:?}", Endpoint::at(path)));
    }

    #[test]
    fn unknown_paths() {
        for path in [
            "",
            "/",
            "/mcpx",
            "/servers",
            "/servers/a",
            "/servers/A/mcp",
            "/servers/../mcp",
            "/servers/a/mcp/b",
            "/servers/a%2Fb/mcp",
            "/mcp/a/b",
            "/v1/agent",
            "/v1/agent/servers/../x",
            "/v1/agent/servers/a/b",
            "/v1/agent/servers/a%2F",
            "/console",
        ] {
            assert_eq!(Endpoint::at(path), Endpoint::Unknown, "{path}");
        }
    }

    #[test]
    fn known_paths() {
        check("/mcp", expect!["Mcp(All)"]);
        check("/mcp/", expect!["Mcp(All)"]);
        check("/sse", expect!["Sse(All)"]);
        check("/messages", expect!["Messages"]);
        check("/v1/agent/servers", expect!["AgentServers"]);
        check("/v1/agent/servers/a", expect!["AgentServer(ServerName(a))"]);
        for path in ["/servers/a-1/mcp", "/mcp-servers/a-1/mcp", "/mcp-servers/a-1", "/mcp/a-1"] {
            check(path, expect!["Mcp(One(ServerName(a-1)))"]);
        }
        check("/servers/a/sse", expect!["Sse(One(ServerName(a)))"]);
    }
}
