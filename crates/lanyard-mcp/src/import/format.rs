//! The clients whose files are read: where each keeps its servers, and what is special about it.

use std::fmt;

use super::ImportProblem;
use super::tree::{Language, Member, Node, parse};

/// A form of configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `mcporter.json`.
    Mcporter,
    /// `.mcp.json` of a project, and `~/.claude.json`, of Claude Code.
    ClaudeCode,
    /// `claude_desktop_config.json`.
    ClaudeDesktop,
    /// `.cursor/mcp.json`.
    Cursor,
    /// `.vscode/mcp.json`, and VS Code's settings.
    VsCode,
    /// `mcp_config.json` of Windsurf.
    Windsurf,
    /// `config.toml` of Codex.
    Codex,
    /// `config.json` of GoClaw.
    Goclaw,
}

impl Format {
    /// Every format.
    pub const ALL: &'static [Self] = &[
        Self::Mcporter,
        Self::ClaudeCode,
        Self::ClaudeDesktop,
        Self::Cursor,
        Self::VsCode,
        Self::Windsurf,
        Self::Codex,
        Self::Goclaw,
    ];

    /// The format of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.name() == name)
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mcporter => "mcporter",
            Self::ClaudeCode => "claude-code",
            Self::ClaudeDesktop => "claude-desktop",
            Self::Cursor => "cursor",
            Self::VsCode => "vscode",
            Self::Windsurf => "windsurf",
            Self::Codex => "codex",
            Self::Goclaw => "goclaw",
        }
    }

    /// The format of a file, by its path and then by what is in it. `None` where neither tells.
    pub fn guess(path: &str, text: &str) -> Option<Self> {
        let path = path.replace('\\', "/").to_lowercase();
        let name = path.rsplit('/').next().unwrap_or("");
        let within = |directory: &str| path.contains(&format!("/{directory}/"));
        let by_path = match name {
            "mcporter.json" | "mcporter.jsonc" => Some(Self::Mcporter),
            ".mcp.json" | ".claude.json" => Some(Self::ClaudeCode),
            "claude_desktop_config.json" => Some(Self::ClaudeDesktop),
            "mcp_config.json" => Some(Self::Windsurf),
            _ if within(".cursor") || within("cursor") => Some(Self::Cursor),
            _ if within(".vscode") || within("code") || within("code - insiders") => {
                Some(Self::VsCode)
            }
            _ if within(".claude") => Some(Self::ClaudeCode),
            _ if within("windsurf") => Some(Self::Windsurf),
            _ if name.ends_with(".code-workspace") => Some(Self::VsCode),
            _ if name.ends_with(".toml") => Some(Self::Codex),
            _ => None,
        };
        by_path.or_else(|| Self::by_content(text))
    }

    /// What keeps a file that tells nothing of its format from being read at all.
    pub fn unreadable(text: &str) -> Option<ImportProblem> {
        parse(text, Language::Json).err().filter(|_| parse(text, Language::Toml).is_err())
    }

    fn by_content(text: &str) -> Option<Self> {
        let Ok(tree) = parse(text, Language::Json) else {
            let tree = parse(text, Language::Toml).ok()?;
            return Self::Codex.servers_of(&tree).map(|_| Self::Codex);
        };
        // The usual place of each; many other clients keep theirs where Claude Code does.
        let known = [Self::Goclaw, Self::ClaudeCode, Self::VsCode];
        let holds = |path: &&[&str]| tree.at(path).is_some_and(|it| it.members().is_some());
        known.into_iter().find(|format| format.places().first().is_some_and(holds))
    }

    pub(super) fn language(self) -> Language {
        match self {
            Self::Codex => Language::Toml,
            Self::Mcporter
            | Self::ClaudeCode
            | Self::ClaudeDesktop
            | Self::Cursor
            | Self::VsCode
            | Self::Windsurf
            | Self::Goclaw => Language::Json,
        }
    }

    /// The objects that may hold the servers, the usual one first.
    pub(super) fn places(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Mcporter
            | Self::ClaudeCode
            | Self::ClaudeDesktop
            | Self::Cursor
            | Self::Windsurf => &[&["mcpServers"], &["servers"]],
            Self::VsCode => &[
                &["servers"],
                &["mcp", "servers"],
                &["settings", "mcp", "servers"],
                &["mcpServers"],
            ],
            Self::Codex => &[&["mcp_servers"]],
            Self::Goclaw => &[&["tools", "mcp_servers"]],
        }
    }

    /// What else of a file its reader should know.
    pub(super) fn note(self, tree: &Node) -> Option<String> {
        let projects = tree.get("projects")?.members()?;
        let has_servers = |project: &Member| {
            let servers = project.node.get("mcpServers").and_then(Node::members);
            servers.is_some_and(|servers| !servers.is_empty())
        };
        (self == Self::ClaudeCode && projects.iter().any(has_servers)).then(|| {
            "the servers of single projects are not read here; import the project's .mcp.json"
                .to_owned()
        })
    }

    /// The usual place, for people.
    pub(super) fn place(self) -> String {
        self.places().first().map(|path| path.join(".")).unwrap_or_default()
    }

    /// The servers of a file, and where they are.
    pub(super) fn servers_of(self, tree: &Node) -> Option<(String, &[Member])> {
        self.places().iter().find_map(|path| Some((path.join("."), tree.at(path)?.members()?)))
    }
}

/// As people call it.
impl fmt::Display for Format {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Mcporter => "mcporter",
            Self::ClaudeCode => "Claude Code",
            Self::ClaudeDesktop => "Claude Desktop",
            Self::Cursor => "Cursor",
            Self::VsCode => "VS Code",
            Self::Windsurf => "Windsurf",
            Self::Codex => "Codex",
            Self::Goclaw => "GoClaw",
        })
    }
}
