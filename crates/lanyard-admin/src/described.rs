//! A stored server as its definition describes it, whichever of the two kinds it is.

use std::collections::BTreeSet;

use lanyard_core::{Origin, SecretName, ToolName};
use lanyard_mcp::{Definition as McpDefinition, Transport};
use lanyard_rest::Definition as RestDefinition;
use lanyard_store::{Configuration, DefinitionKind, DefinitionState, ServerRow};

use crate::launch;
use crate::options::ServerKind;
use crate::state::Shared;

/// A stored server as its definition describes it.
#[derive(Debug)]
pub(crate) enum Described {
    /// A REST API.
    Rest(Box<RestDefinition>),
    /// A server that speaks MCP itself.
    Mcp(McpDefinition),
}

impl Shared {
    /// The definition of a server that is there.
    pub(crate) fn described(
        &self,
        row: &ServerRow,
        rows: &Configuration,
    ) -> Result<Described, String> {
        match ServerKind::of(row) {
            ServerKind::Rest => {
                self.rest_definition(row, rows).map(|it| Described::Rest(Box::new(it)))
            }
            ServerKind::Mcp => launch::definition(row).map(Described::Mcp),
        }
    }
}

impl Described {
    /// Every secret that it names.
    pub(crate) fn secrets(&self) -> BTreeSet<SecretName> {
        match self {
            Self::Rest(definition) => definition.secrets().iter().cloned().collect(),
            Self::Mcp(definition) => definition.secrets(),
        }
    }

    /// Where its requests go.
    pub(crate) fn origins(&self) -> Vec<String> {
        match self {
            Self::Rest(definition) => definition.origins().iter().map(Origin::to_string).collect(),
            Self::Mcp(definition) => definition.origins().iter().map(Origin::to_string).collect(),
        }
    }

    pub(crate) fn description(&self) -> Option<&str> {
        match self {
            Self::Rest(definition) => definition.description.as_deref(),
            Self::Mcp(definition) => definition.description.as_deref(),
        }
    }

    /// Whether it is a set of other servers' tools, which is granted through them.
    pub(crate) fn is_set(&self) -> bool {
        match self {
            Self::Rest(definition) => definition.set.is_some(),
            Self::Mcp(_) => false,
        }
    }

    /// `stdio`, `http` or `sse` for a server that speaks MCP.
    pub(crate) fn transport(&self) -> Option<&'static str> {
        match self {
            Self::Rest(_) => None,
            Self::Mcp(definition) => Some(definition.transport.name()),
        }
    }

    /// What keeps its process apart; nothing where there is no process.
    pub(crate) fn isolation(&self) -> Option<&'static str> {
        match self {
            Self::Rest(_) => None,
            Self::Mcp(definition) => match &definition.transport {
                Transport::Stdio(_) => Some("none"),
                Transport::Http(_) | Transport::Sse(_) => None,
            },
        }
    }
}

/// The names of a server's tools that can be granted; `None` where they are not known yet.
pub(crate) fn tools(
    described: &Described,
    row: &ServerRow,
    rows: &Configuration,
) -> Option<Vec<ToolName>> {
    match described {
        Described::Rest(definition) => {
            Some(definition.tools.iter().map(|tool| tool.name.clone()).collect())
        }
        Described::Mcp(_) => listed_tools(row, rows),
    }
}

/// The names of the tools that a server lists itself; `None` where it was never listed.
pub(crate) fn listed_tools(row: &ServerRow, rows: &Configuration) -> Option<Vec<ToolName>> {
    rows.facts_of(&row.tenant, &row.name)?;
    let tools = rows
        .definitions_of(&row.tenant, &row.name)
        .iter()
        .filter(|it| it.kind == DefinitionKind::Tool && it.state != DefinitionState::Gone)
        .filter_map(|it| ToolName::parse(&it.name).ok());
    Some(tools.collect())
}
