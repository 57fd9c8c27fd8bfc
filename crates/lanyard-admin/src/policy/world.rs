//! Whom and what a tenant has, as policies see it: from rows, without asking the gateway.

use lanyard_core::{ServerName, Tags, TenantName, ToolName};
use lanyard_policy::{
    Hints, Object, ObjectFacts, ObjectRules, Policies, SubjectFacts, SubjectRules,
};
use lanyard_store::{
    AgentRow, Configuration, DefinitionKind, DefinitionRow, DefinitionState, ServerRow,
};
use serde_json::{Value, json};

use crate::described::Described;
use crate::options::StoredOptions;
use crate::state::Shared;

/// Something that an agent may use, with what policies know of it.
#[derive(Debug)]
pub(super) struct Thing {
    pub(super) server: ServerName,
    pub(super) what: What,
    tags: Tags,
}

/// What it is.
#[derive(Debug)]
pub(super) enum What {
    Tool { name: ToolName, hints: Hints, input_schema: Value },
    Prompt(String),
    Resource(String),
    Server,
}

impl Thing {
    /// What it is for people.
    pub(super) fn shown(&self) -> String {
        let server = &self.server;
        match &self.what {
            What::Tool { name, .. } => format!("{server}.{name}"),
            What::Prompt(name) => format!("prompt {name} of {server}"),
            What::Resource(uri) => format!("resource {uri} of {server}"),
            What::Server => format!("server {server}"),
        }
    }

    /// The server, and the tool where it is one: what grants are about.
    pub(super) fn about(&self) -> (&ServerName, Option<&ToolName>) {
        match &self.what {
            What::Tool { name, .. } => (&self.server, Some(name)),
            What::Prompt(_) | What::Resource(_) | What::Server => (&self.server, None),
        }
    }

    /// What the policies have to say of it.
    pub(super) fn rules(&self, policies: &Policies, tenant: &TenantName) -> ObjectRules {
        let server = &self.server;
        let object = match &self.what {
            What::Tool { name, hints, input_schema } => {
                Object::Tool { server, tool: name, hints: *hints, input_schema }
            }
            What::Prompt(name) => Object::Prompt { server, name },
            What::Resource(uri) => Object::Resource { server, uri },
            What::Server => Object::Server { server },
        };
        policies.object(&ObjectFacts { tenant, object, tags: &self.tags })
    }
}

/// An agent as policies see it.
pub(super) fn subject(policies: &Policies, row: &AgentRow) -> SubjectRules {
    let AgentRow { tenant, name, teams, tags, .. } = row;
    let teams = &teams.iter().map(ToString::to_string).collect();
    policies.subject(&SubjectFacts { tenant, agent: name, teams, tags })
}

impl Shared {
    /// Everything that can be used, of servers that are switched on.
    pub(super) fn things(&self, rows: &Configuration) -> Vec<Thing> {
        let servers = rows.servers.iter().filter(|row| row.enabled);
        servers.flat_map(|row| self.things_of(row, rows)).collect()
    }

    fn things_of(&self, row: &ServerRow, rows: &Configuration) -> Vec<Thing> {
        let options = StoredOptions::read(row).unwrap_or_default();
        let thing = |what: What| {
            let own = match &what {
                What::Tool { name, .. } => options.of_tools.get(name.as_str()),
                What::Prompt(_) | What::Resource(_) | What::Server => None,
            };
            let mut tags = options.tags.clone();
            tags.extend(own.iter().flat_map(|own| own.tags.clone()));
            Thing { server: row.name.clone(), what, tags }
        };
        let found: Vec<What> = match self.described(row, rows) {
            Ok(Described::Rest(definition)) => {
                let tool = |tool: &lanyard_rest::Tool| What::Tool {
                    name: tool.name.clone(),
                    hints: Hints::of_method(tool.method()),
                    input_schema: tool.input_schema.clone(),
                };
                definition.tools.iter().map(tool).collect()
            }
            Ok(Described::Mcp(_)) => {
                let listed = rows.definitions_of(&row.tenant, &row.name).iter();
                listed.filter_map(|it| listed_thing(it, &options)).chain([What::Server]).collect()
            }
            Err(_) => Vec::new(),
        };
        found.into_iter().map(thing).collect()
    }
}

/// What an MCP server lists and may be used.
fn listed_thing(row: &DefinitionRow, options: &StoredOptions) -> Option<What> {
    let pinned = match row.state {
        DefinitionState::Pinned | DefinitionState::Reported => row.pinned.as_deref()?,
        DefinitionState::Quarantined | DefinitionState::Gone => return None,
    };
    match row.kind {
        DefinitionKind::Tool if options.offers(&row.name) => {
            let definition: Value = serde_json::from_str(pinned).ok()?;
            Some(What::Tool {
                name: ToolName::parse(&row.name).ok()?,
                hints: Hints::of_annotations(definition.get("annotations")),
                input_schema: definition.get("inputSchema").cloned().unwrap_or_else(|| json!({})),
            })
        }
        DefinitionKind::Prompt => Some(What::Prompt(row.name.clone())),
        DefinitionKind::Resource => Some(What::Resource(row.name.clone())),
        DefinitionKind::Tool | DefinitionKind::Template | DefinitionKind::Server => None,
    }
}
