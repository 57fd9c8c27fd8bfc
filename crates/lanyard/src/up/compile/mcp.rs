//! Servers that speak MCP: from rows to what the gateway needs of them.

use std::sync::Arc;

use lanyard_admin::{Era, Keep as StoredKeep, StoredOptions, UntrustedWrap, launch_is_pinned};
use lanyard_connect::http::PrivateAllowance;
use lanyard_connect::mcp::{EraChoice, ServerFacts, Target};
use lanyard_core::{Limits, ToolName};
use lanyard_gateway::fleet::Keep;
use lanyard_gateway::snapshot::{Item, McpEntry, McpOptions, McpParts, Wrap};
use lanyard_gateway::{ServerEntry, ToolEntry};
use lanyard_mcp::{Definition, Transport};
use lanyard_store::{
    Configuration, DefinitionKind, DefinitionRow, DefinitionState, FactsRow, ServerRow,
};
use lanyard_wire::Version;
use serde::Deserialize;

use super::{Settings, server_options};

/// The kind of row that these servers have.
pub(super) const KIND: &str = "mcp";

/// How long a process that nobody uses is kept.
const PROCESS_KEPT: std::time::Duration = std::time::Duration::from_secs(600);

/// What is known of one server's lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListedRows {
    definitions: Vec<DefinitionRow>,
    facts: Option<FactsRow>,
}

impl ListedRows {
    pub(super) fn of(row: &ServerRow, rows: &Configuration) -> Self {
        Self {
            definitions: rows.definitions_of(&row.tenant, &row.name).to_vec(),
            facts: rows.facts_of(&row.tenant, &row.name).cloned(),
        }
    }

    /// Whether this is still what the rows say of a server.
    pub(super) fn holds(&self, row: &ServerRow, rows: &Configuration) -> bool {
        self.definitions == rows.definitions_of(&row.tenant, &row.name)
            && self.facts.as_ref() == rows.facts_of(&row.tenant, &row.name)
    }
}

/// Compiles a server that speaks MCP.
pub(super) fn compile(
    row: &ServerRow,
    stored: &StoredOptions,
    listed: &ListedRows,
    settings: &Settings,
) -> Result<ServerEntry, String> {
    let definition = Definition::parse(&row.source).map_err(|problems| {
        problems.first().map_or_else(|| "unreadable".to_owned(), ToString::to_string)
    })?;
    let keep = match (stored.keep, &definition.transport) {
        (Some(StoredKeep::Always), _) => Keep::Always,
        (Some(StoredKeep::Idle(idle)), _) => Keep::Idle(idle),
        (None, Transport::Stdio(_)) => Keep::Idle(PROCESS_KEPT),
        (None, Transport::Http(_) | Transport::Sse(_)) => Keep::Always,
    };
    let limits = &settings.limits;
    let concurrency = stored.concurrency.unwrap_or(limits.server_calls_max);
    let options = McpOptions {
        wrap: stored.untrusted_wrap.map(|wrap| match wrap {
            UntrustedWrap::On => Wrap::On,
            UntrustedWrap::Exact => Wrap::Exact,
            UntrustedWrap::Off => Wrap::Off,
        }),
        keep,
        concurrency: Limits::size(concurrency),
        per_user: stored.require_user_credentials,
        inline: stored
            .inline
            .iter()
            .map(|name| ToolName::parse(name).map_err(|error| format!("inline: {error}")))
            .collect::<Result<_, _>>()?,
    };
    let era = match stored.era {
        None | Some(Era::Auto) => EraChoice::Auto,
        Some(Era::Legacy) => EraChoice::Legacy,
        Some(Era::Modern) => EraChoice::Modern,
    };
    let directory = settings.servers_directory.join(row.tenant.as_str()).join(row.name.as_str());
    let said = facts(listed.facts.as_ref(), era);
    let target = Target {
        tenant: row.tenant.clone(),
        server: row.name.clone(),
        generation: row.version,
        definition,
        era,
        spoken: said.as_ref().map(|facts| facts.version),
        private: PrivateAllowance::of(&stored.allow_private),
        connect_max: Limits::span(limits.server_connect_ms_max),
        directory,
    };
    let strip = stored.strip_optional_args.unwrap_or(true);
    let mcp = McpEntry::new(McpParts {
        target: Arc::new(target),
        options,
        facts: said,
        prompts: items(listed, DefinitionKind::Prompt),
        resources: items(listed, DefinitionKind::Resource),
        templates: items(listed, DefinitionKind::Template),
    });
    let tools = offered(listed, DefinitionKind::Tool)
        .filter(|(name, _)| stored.offers(name))
        .map(|(name, definition)| {
            let name = ToolName::parse(name).map_err(|error| format!("tool {name}: {error}"))?;
            Ok(ToolEntry::mcp(name, definition, strip))
        })
        .collect::<Result<Vec<_>, String>>()?;
    let mut options = server_options(row, stored, None, limits);
    // Neither started nor reached: what is in the rows was not approved.
    options.enabled &= launch_is_pinned(row, listed.facts.as_ref());
    Ok(ServerEntry::mcp(row.tenant.clone(), row.name.clone(), options, tools, mcp))
}

/// What a server offers of a kind, with the definition that was approved: what differs from it in
/// more than words, and what is gone, is not there.
fn offered(listed: &ListedRows, kind: DefinitionKind) -> impl Iterator<Item = (&str, &str)> {
    let rows = listed.definitions.iter().filter(move |row| row.kind == kind);
    rows.filter_map(|row| {
        let definition = match row.state {
            DefinitionState::Pinned | DefinitionState::Reported => row.pinned.as_deref()?,
            DefinitionState::Quarantined | DefinitionState::Gone => return None,
        };
        Some((row.name.as_str(), definition))
    })
}

fn items(listed: &ListedRows, kind: DefinitionKind) -> Vec<Item> {
    offered(listed, kind)
        .map(|(name, raw)| Item { name: name.to_owned(), raw: raw.to_owned() })
        .collect()
}

/// What a server said of itself, as it is stored.
#[derive(Deserialize)]
struct StoredFacts<'a> {
    version: String,
    #[serde(borrow)]
    capabilities: &'a serde_json::value::RawValue,
    #[serde(borrow)]
    info: &'a serde_json::value::RawValue,
    #[serde(default)]
    instructions: Option<String>,
}

/// What a server said of itself. Another version of its row is no other server: what is started or
/// reached is what was pinned with these facts, or the server is not used at all. Only a protocol
/// that the operator has chosen otherwise since is not what it is spoken to in any more.
fn facts(facts: Option<&FactsRow>, era: EraChoice) -> Option<ServerFacts> {
    let facts: StoredFacts<'_> = serde_json::from_str(&facts?.facts).ok()?;
    let version = Version::parse(&facts.version)?;
    let is_spoken = match era {
        EraChoice::Auto => true,
        EraChoice::Legacy => !version.is_modern(),
        EraChoice::Modern => version.is_modern(),
    };
    is_spoken.then_some(())?;
    Some(ServerFacts {
        version,
        capabilities: facts.capabilities.get().to_owned(),
        info: facts.info.get().to_owned(),
        instructions: facts.instructions,
    })
}

#[cfg(test)]
mod tests;
