//! What was listed by MCP servers: taken in, compared with the pins, and put in force.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use lanyard_core::{ServerName, TenantName};
use lanyard_mcp::{Catalog, Kind, OtherTools};
use lanyard_store::{
    Change, Configuration, DefinitionKind, DefinitionRow, FactsRow, ServerRow, StoreError,
};

use crate::Admin;
use crate::change::{About, By, Landing};
use crate::error::ApiError;
use crate::launch;
use crate::options::ServerKind;
use crate::pinning::{self, Place, Weighed};
use crate::server::prefix_of;
use crate::state::Shared;

/// What came of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It says what was known.
    Same,
    /// It is in force as far as it was approved; the rest waits.
    Taken,
    /// The server was changed or removed meanwhile: nothing was taken.
    Stale,
}

/// Drifting definitions that a record names; it counts the others.
const NAMED_MAX: usize = 50;

impl Admin {
    /// Takes in what a server listed: compares it with the pins, writes what is new, and puts it
    /// in force. `generation` is the version of the server's row that was listed. Cheap where
    /// nothing is new.
    pub async fn observed(
        &self,
        tenant: &TenantName,
        server: &ServerName,
        generation: u64,
        listed: Catalog,
    ) -> Result<Verdict, String> {
        let admin = self.of_tenant(tenant.clone());
        let server = server.clone();
        let taken = admin.blocking(move |shared| shared.observed(&server, generation, listed));
        taken.await.map_err(|error| error.message().to_owned())
    }
}

impl Shared {
    fn observed(
        &self,
        server: &ServerName,
        generation: u64,
        seen: Catalog,
    ) -> Result<Verdict, ApiError> {
        let store = &self.parts.store;
        match store.server(&self.tenant, server)? {
            Some(row) if row.version == generation => {}
            Some(_) | None => return Ok(Verdict::Stale),
        }
        let rows = store.definitions_of(&self.tenant, server)?;
        let facts = store.facts_of(&self.tenant, server)?;
        let listed = whole(&seen, &rows, facts.as_ref());
        let known = facts.is_some_and(|it| {
            it.generation == generation && pinning::said_last(&rows, &it.facts) == facts_of(&listed)
        });
        if known && pinning::is_same(&rows, &listed.items) {
            return Ok(Verdict::Same);
        }
        let about = About { action: "server.listed", subject: format!("server:{server}") };
        self.land(By::lanyard(), about, |shared, change| {
            let Some(row) = change.server_get(&shared.tenant, server)? else {
                return Ok(Landing::Undo(Verdict::Stale));
            };
            if row.version != generation {
                return Ok(Landing::Undo(Verdict::Stale));
            }
            shared.take_in(&row, &seen, change)?;
            Ok(Landing::Keep(Verdict::Taken))
        })
    }

    /// Writes what is new of a list, as part of a change.
    pub(crate) fn take_in(
        &self,
        row: &ServerRow,
        listed: &Catalog,
        change: &Change<'_>,
    ) -> Result<(), ApiError> {
        let definition = launch::definition(row).map_err(ApiError::conflict)?;
        let launch = definition.pinned_text();
        let before = change.facts_of(&self.tenant, &row.name)?;
        if before.as_ref().is_some_and(|before| before.launch_pin != launch) {
            return Err(ApiError::conflict(launch::held(row)));
        }
        let others = self.other_tools(&row.name, change)?;
        let place = Place { tenant: &self.tenant, server: &row.name, now: change.time() };
        let rows = change.definitions_of(&self.tenant, &row.name)?;
        let listed = &whole(listed, &rows, before.as_ref());
        let mut weighed = match before {
            None => pinning::first(place, &listed.items, &others),
            Some(_) => pinning::later(place, &rows, &listed.items, &others),
        };
        let in_use = before.as_ref().map(|before| before.facts.as_str());
        let of_itself = pinning::of_itself(place, &rows, in_use, &facts_of(listed));
        weighed.add(of_itself.weighed);
        write(&weighed, row, change)?;
        change.facts_put(&FactsRow {
            tenant: self.tenant.clone(),
            server: row.name.clone(),
            generation: row.version,
            facts: of_itself.in_use,
            launch_pin: launch,
            seen_at: change.time(),
        })?;
        tell(&weighed, listed, before.is_some(), change);
        Ok(())
    }

    /// The tools of the tenant's other servers, by the names under which a text may speak of them, and
    /// their resources.
    fn other_tools(
        &self,
        server: &ServerName,
        change: &Change<'_>,
    ) -> Result<OtherTools, ApiError> {
        let rows = self.rows_in(change)?;
        let mut own: HashMap<ServerName, Vec<String>> = HashMap::new();
        for (server, tool) in change.pinned_names(&self.tenant, DefinitionKind::Tool)? {
            own.entry(server).or_default().push(tool);
        }
        let mut all: Vec<(String, String, String)> = Vec::new();
        for row in rows.servers.iter().filter(|row| row.name != *server) {
            let prefix = prefix_of(row);
            let names = match ServerKind::of(row) {
                ServerKind::Mcp => own.remove(&row.name).unwrap_or_default(),
                ServerKind::Rest => self.rest_tools.of(row, || self.rest_tool_names(row, &rows)),
            };
            for name in names {
                let exposed = format!("{prefix}{name}");
                all.push((row.name.as_str().to_owned(), name, exposed));
            }
        }
        let tools = OtherTools::new(
            all.iter()
                .map(|(server, own, exposed)| (server.as_str(), own.as_str(), exposed.as_str())),
        );
        let resources = change.pinned_names(&self.tenant, DefinitionKind::Resource)?;
        let templates = change.pinned_names(&self.tenant, DefinitionKind::Template)?;
        let kinds = [(Kind::Resource, &resources), (Kind::Template, &templates)];
        Ok(tools.with_resources(kinds.into_iter().flat_map(|(kind, names)| {
            let others = names.iter().filter(|(owner, _)| owner != server);
            others.map(move |(owner, uri)| (owner.as_str(), kind, uri.as_str()))
        })))
    }

    fn rest_tool_names(&self, row: &ServerRow, rows: &Configuration) -> Vec<String> {
        let definition = self.rest_definition(row, rows);
        let tools = definition.map(|definition| definition.tools).unwrap_or_default();
        tools.iter().map(|tool| tool.name.as_str().to_owned()).collect()
    }
}

fn write(weighed: &Weighed, row: &ServerRow, change: &Change<'_>) -> Result<(), StoreError> {
    for (kind, name) in &weighed.forget {
        change.definition_delete(&row.tenant, &row.name, *kind, name)?;
    }
    weighed.put.iter().try_for_each(|row| change.definition_put(row))
}

/// What the record says: how many things are listed, and which of them somebody has to look at.
fn tell(weighed: &Weighed, listed: &Catalog, is_drift: bool, change: &Change<'_>) {
    if is_drift && !weighed.drift.is_empty() {
        change.set_action("pin.drift");
    }
    for kind in Kind::ALL {
        let count = listed.of(kind).count();
        if count > 0 {
            change.detail(&format!("{}s", kind.as_str()), count);
        }
    }
    for (kind, name) in weighed.drift.iter().take(NAMED_MAX) {
        let row = weighed.put.iter().find(|row| row.kind == *kind && row.name == *name);
        let Some(row) = row else { continue };
        let mut codes: Vec<&str> = row.reasons.iter().map(|reason| reason.code.as_str()).collect();
        codes.dedup();
        let what = format!("{} {}", row.state.as_str(), codes.join(","));
        change.detail(&format!("{}:{name}", kind.as_str()), what);
    }
    if weighed.drift.len() > NAMED_MAX {
        change.detail("more", weighed.drift.len().saturating_sub(NAMED_MAX));
    }
}

/// What can be kept of what was listed. What a look that did not get everything missed is as it was
/// seen last.
fn whole(listed: &Catalog, rows: &[DefinitionRow], before: Option<&FactsRow>) -> Catalog {
    let (items, facts) = (pinning::sound(listed.items.clone()), facts_of(listed));
    if listed.whole {
        return Catalog { items, facts: Some(facts), whole: true };
    }
    let facts = match before {
        Some(it) => pinning::completed_facts(pinning::said_last(rows, &it.facts), &facts),
        None => facts,
    };
    Catalog { items: pinning::completed(rows, items), facts: Some(facts), whole: true }
}

fn facts_of(listed: &Catalog) -> String {
    listed.facts.clone().unwrap_or_else(|| "{}".to_owned())
}

/// Names of tools of REST servers, kept by the version of their rows: reading a definition again
/// costs a thousand times more than comparing a number.
#[derive(Debug, Default)]
pub(crate) struct RestTools(Mutex<HashMap<(TenantName, ServerName), Versioned>>);

/// A version of a row, and the names of its tools.
type Versioned = (u64, Vec<String>);

impl RestTools {
    fn of(&self, row: &ServerRow, read: impl FnOnce() -> Vec<String>) -> Vec<String> {
        let key = (row.tenant.clone(), row.name.clone());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(&key) {
            Some((version, names)) if *version == row.version => names.clone(),
            Some(_) | None => {
                let names = read();
                known.insert(key, (row.version, names.clone()));
                names
            }
        }
    }
}
