//! `POST /v1/servers` with kind `mcp`: an MCP server is checked, tried, and stored with what it
//! lists.
//!
//! The addition is gone through twice. The first time it is taken back, and what the rows would
//! have been is what the server is tried with; the second time it lands. So a server that cannot
//! be listed leaves nothing behind, and no change waits for a stranger's process.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;

use http::StatusCode;
use lanyard_core::{Binding, SecretName, ServerName};
use lanyard_mcp::definition::LiteralValue;
use lanyard_mcp::{Catalog, Definition, Problem, Transport};
use lanyard_store::{Change, Configuration, ServerRow};
use serde_json::{Value, json};

use crate::Admin;
use crate::actor::Reader;
use crate::change::{About, Landing};
use crate::error::{ApiError, mcp_problem_json, problem_json};
use crate::options::{ServerKind, StoredOptions};
use crate::ports::{Trial, Unlisted};
use crate::server::{listed_json, secret_state};
use crate::server_add::{
    AddRequest, Standing, changed_meanwhile, other_stands, plaintext, unbound, users_own,
};
use crate::state::Shared;
use crate::user_credential::is_users_own;
use crate::{launch, stated};

/// Everything that an addition would do, worked out before anything is written.
struct Plan {
    name: ServerName,
    /// References in the places of credentials.
    definition: Definition,
    /// The credentials that stood there.
    literals: Vec<(SecretName, LiteralValue)>,
    /// The credentials that stood in the file that it was written as.
    keys: Arc<Vec<lanyard_rest::Literal>>,
    /// The secrets that are made without a value.
    unset: BTreeSet<SecretName>,
    options: StoredOptions,
    file: String,
    bind: BTreeMap<SecretName, BTreeSet<Binding>>,
    standing: Standing,
    /// Whether a credential comes with it.
    has_values: bool,
    grants: Vec<String>,
    /// What cannot be helped and should be known.
    warnings: Vec<Value>,
}

/// What the first time through gives.
enum Tried {
    /// Nothing is to be done.
    Unchanged(Value),
    /// The rows as they would be.
    With(Arc<Configuration>),
}

pub(crate) async fn add(
    admin: &Admin,
    reader: Reader,
    request: AddRequest,
) -> Result<Value, ApiError> {
    let name = request.name.as_deref().ok_or_else(|| ApiError::invalid("a name is needed"))?;
    let name = ServerName::parse(name)?;
    let about = || About { action: "server.add", subject: format!("server:{name}") };
    if request.dry_run {
        let rows =
            move |shared: &Shared, change: &Change<'_>| shared.rehearse_mcp(&request, change);
        return admin.rehearse(&reader, about(), rows).await;
    }
    let owner = reader.owner()?;
    let listed = if request.no_verify {
        None
    } else {
        let trial = request.clone();
        let rows = move |shared: &Shared, change: &Change<'_>| shared.try_mcp(&trial, change);
        match admin.rehearse(&owner.reader(), about(), rows).await? {
            Tried::Unchanged(shown) if request.grants.is_empty() => return Ok(shown),
            Tried::Unchanged(_) => None,
            Tried::With(rows) => {
                let tenant = admin.shared.tenant.clone();
                let trial = Trial { rows, tenant, server: name.clone() };
                Some(admin.verify(trial).await.map_err(|why| not_added(&name, &why))?)
            }
        }
    };
    admin
        .change_if(&owner, about(), move |shared, change| shared.add_mcp(&request, listed, change))
        .await
}

impl Admin {
    /// Connects to a server and lists it.
    pub(crate) async fn verify(&self, trial: Trial) -> Result<Catalog, Unlisted> {
        let listed = self.shared.parts.verify.list(trial).await?;
        Ok(Catalog { items: crate::pinning::sound(listed.items), ..listed })
    }
}

fn not_added(name: &ServerName, why: &Unlisted) -> ApiError {
    unlisted(
        &format!("`{name}` was not added"),
        why,
        "; put that right, or add it with --no-verify and see `lanyard server show`",
    )
}

/// What a server did that could not be listed, with the end of its stderr: operators alone ask.
pub(crate) fn unlisted(done: &str, why: &Unlisted, how: &str) -> ApiError {
    let stderr: Vec<String> = match why.stderr.trim_end() {
        "" => Vec::new(),
        text => std::iter::once("its stderr ended with:".to_owned())
            .chain(text.lines().map(|line| format!("  {line}")))
            .collect(),
    };
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{done}: {why}{how}"))
        .with_lines(stderr)
}

impl Shared {
    fn rehearse_mcp(&self, request: &AddRequest, change: &Change<'_>) -> Result<Value, ApiError> {
        self.keep_values(request, change)?;
        let rows = self.rows_in(change)?;
        let plan = self.plan_mcp(request, &rows)?;
        let shown = describe(&plan, &rows, "checked");
        self.carry_out_mcp(plan, None, change)?;
        Ok(shown)
    }

    fn try_mcp(&self, request: &AddRequest, change: &Change<'_>) -> Result<Tried, ApiError> {
        self.keep_values(request, change)?;
        let rows = self.rows_in(change)?;
        let plan = self.plan_mcp(request, &rows)?;
        if plan.standing == Standing::Same {
            return Ok(Tried::Unchanged(describe(&plan, &rows, "unchanged")));
        }
        plan.may_stand(request.replace)?;
        self.carry_out_mcp(plan, None, change)?;
        Ok(Tried::With(Arc::new(change.configuration()?)))
    }

    fn add_mcp(
        &self,
        request: &AddRequest,
        listed: Option<Catalog>,
        change: &Change<'_>,
    ) -> Result<Landing<Value>, ApiError> {
        self.keep_values(request, change)?;
        let rows = self.rows_in(change)?;
        let plan = self.plan_mcp(request, &rows)?;
        if plan.standing == Standing::Same {
            let shown = describe(&plan, &rows, "unchanged");
            if plan.grants.is_empty() {
                return Ok(Landing::Undo(shown));
            }
            self.grant_all(&plan.grants, &plan.name, change)?;
            return Ok(Landing::Keep(shown));
        }
        plan.may_stand(request.replace)?;
        if listed.is_none() && !request.no_verify {
            return Err(changed_meanwhile(&plan.name));
        }
        let done = if plan.standing == Standing::Other { "replaced" } else { "added" };
        let name = plan.name.clone();
        let mut shown = describe(&plan, &rows, done);
        self.carry_out_mcp(plan, listed.as_ref(), change)?;
        if let (Some(_), Some(shown)) = (listed, shown.as_object_mut()) {
            let rows = change.definitions_of(&self.tenant, &name)?;
            shown.insert("listed".to_owned(), rows.iter().map(kind_and_state).collect());
        }
        Ok(Landing::Keep(shown))
    }

    fn plan_mcp(&self, request: &AddRequest, rows: &Configuration) -> Result<Plan, ApiError> {
        let name = ServerName::parse(request.name.as_deref().unwrap_or_default())?;
        let file = match request.file.as_str() {
            "" => "definition".to_owned(),
            file => file.to_owned(),
        };
        let text = request.definition.as_deref();
        let text = text.ok_or_else(|| ApiError::invalid("kind `mcp` needs a `definition`"))?;
        let mut definition = Definition::parse(text.get())
            .map_err(|problems| ApiError::mcp_definition(&file, &problems))?;
        let mut options = request.options.clone().checked(ServerKind::Mcp)?;
        options.keep_marks(rows.servers.iter().find(|row| row.name == name));
        let literals = definition.take_literals(&name);
        stated::check_definition(&file, &definition.to_json())?;
        check_program(&definition).map_err(|it| ApiError::mcp_definition(&file, &[it]))?;
        let named_in_it = definition.secrets();
        let mut unset = named(&request.unset)?;
        unset.retain(|secret| named_in_it.contains(secret));
        let keys = Arc::clone(&request.keys);
        let found = literals.iter().map(|(name, _)| name);
        let made = found.chain(keys.iter().map(|key| &key.secret)).chain(&unset).collect();
        let named = named(&request.bind)?;
        let bind = binding((&name, &definition), &options, (&made, &named), rows)
            .map_err(|problems| ApiError::mcp_definition(&file, &problems))?;
        let stored = options.to_json()?;
        let standing = match rows.servers.iter().find(|row| row.name == name) {
            None => Standing::Nothing,
            Some(row)
                if row.source == definition.to_json()
                    && row.options == stored
                    && literals.is_empty()
                    && keys.is_empty()
                    && request.secret_values.is_empty() =>
            {
                Standing::Same
            }
            Some(_) => Standing::Other,
        };
        let exposed = definition.exposed();
        let exposed = exposed.iter().map(|it| mcp_problem_json(&file, it, "warning"));
        let warnings = request.warnings.iter().map(problem_json).chain(exposed).collect();
        Ok(Plan {
            name,
            definition,
            literals,
            keys,
            unset,
            options,
            file,
            bind,
            standing,
            has_values: !request.secret_values.is_empty(),
            grants: request.grants.clone(),
            warnings,
        })
    }

    fn carry_out_mcp(
        &self,
        plan: Plan,
        listed: Option<&Catalog>,
        change: &Change<'_>,
    ) -> Result<(), ApiError> {
        let before = change.server_get(&self.tenant, &plan.name)?;
        if let Some(before) = &before {
            change.detail("replaced", "yes");
            self.replace_mcp(before, &plan.definition, change)?;
            change.import_delete(&self.tenant, &plan.name)?;
        }
        for (name, value) in &plan.literals {
            self.store_literal(name, value.expose(), &format!("for {name}"), change)?;
        }
        for key in plan.keys.iter() {
            let place = format!("on line {}", key.line);
            self.store_literal(&key.secret, key.value.expose(), &place, change)?;
        }
        for name in &plan.unset {
            self.secret_exists(name, change)?;
        }
        for (name, places) in &plan.bind {
            self.bind(name, places, change)?;
        }
        let now = change.time();
        let mut row = ServerRow {
            tenant: self.tenant.clone(),
            name: plan.name,
            kind: ServerKind::Mcp.as_str().to_owned(),
            source: plan.definition.to_json(),
            file_name: plan.file,
            options: plan.options.to_json()?,
            enabled: before.as_ref().is_none_or(|row| row.enabled),
            verified: listed.is_some(),
            version: 0,
            created_at: before.as_ref().map_or(now, |row| row.created_at),
            updated_at: now,
        };
        row.version = change.server_put(&row)?;
        change.detail("transport", plan.definition.transport.name());
        match &plan.definition.transport {
            Transport::Stdio(stdio) => change.detail("command", &stdio.command),
            Transport::Http(remote) | Transport::Sse(remote) => {
                change.detail("origins", &remote.origin);
            }
        }
        if let Some(listed) = listed {
            self.take_in(&row, listed, change)?;
        }
        self.grant_all(&plan.grants, &row.name, change)
    }

    /// A REST API in the place of an MCP server takes nothing over either.
    pub(crate) fn leave_mcp(
        &self,
        before: &ServerRow,
        change: &Change<'_>,
    ) -> Result<(), ApiError> {
        if ServerKind::of(before) == ServerKind::Mcp {
            change.definitions_delete(&self.tenant, &before.name)?;
            change.facts_delete(&self.tenant, &before.name)?;
            self.release(&before.name, &self.rows_in(change)?, change)?;
        }
        Ok(())
    }

    /// Another definition takes nothing over: its pins are made anew, and what was bound to the
    /// server by name is not for another program, nor for another origin.
    fn replace_mcp(
        &self,
        before: &ServerRow,
        definition: &Definition,
        change: &Change<'_>,
    ) -> Result<(), ApiError> {
        let old = match ServerKind::of(before) {
            ServerKind::Mcp => launch::definition(before).ok(),
            ServerKind::Rest => None,
        };
        let launch = definition.pinned_text();
        if old.as_ref().is_none_or(|old| old.pinned_text() != launch) {
            change.definitions_delete(&self.tenant, &before.name)?;
            change.facts_delete(&self.tenant, &before.name)?;
        }
        if old.is_none_or(|old| is_elsewhere(&old, definition)) {
            self.release(&before.name, &self.rows_in(change)?, change)?;
        }
        Ok(())
    }
}

impl Plan {
    fn may_stand(&self, replace: bool) -> Result<(), ApiError> {
        match self.standing {
            Standing::Other if !replace => {
                let has_credentials =
                    !self.literals.is_empty() || !self.keys.is_empty() || self.has_values;
                Err(other_stands(&self.name, has_credentials))
            }
            Standing::Other | Standing::Nothing | Standing::Same => Ok(()),
        }
    }
}

/// Whether credentials for the one would reach somebody else at the other.
fn is_elsewhere(old: &Definition, new: &Definition) -> bool {
    let origins = (old.origins(), new.origins());
    if origins.0.is_empty() || origins.1.is_empty() {
        old.pinned_text() != new.pinned_text()
    } else {
        origins.0 != origins.1
    }
}

/// The names of secrets that an operator named.
pub(crate) fn named(bind: &[String]) -> Result<BTreeSet<SecretName>, ApiError> {
    bind.iter()
        .map(|text| {
            let name = SecretName::from_reference(text).unwrap_or_else(|| SecretName::parse(text));
            Ok(name?)
        })
        .collect()
}

/// A program that anybody may change is not what was approved tomorrow. Whether it is there at
/// all, its start will say.
fn check_program(definition: &Definition) -> Result<(), Problem> {
    let Transport::Stdio(stdio) = &definition.transport else { return Ok(()) };
    let program = Path::new(&stdio.command);
    let Ok(found) = program.metadata() else { return Ok(()) };
    let open = |mode: u32| mode & 0o002 != 0;
    if open(found.mode()) {
        let message = "is a program that every user of the machine can change; chmod o-w";
        return Err(Problem::new("command", message));
    }
    let directory = program.parent().and_then(|directory| directory.metadata().ok());
    // In a directory like /tmp only its owner can put another file in its place.
    let sticky = |mode: u32| mode & 0o1000 != 0;
    let mode = directory.map_or(0, |it| it.permissions().mode());
    if open(mode) && !sticky(mode) {
        let message = "stands in a directory where every user of the machine can put another";
        return Err(Problem::new("command", message));
    }
    Ok(())
}

/// Where each secret is newly bound, or what speaks against it. Bound are the secrets that this
/// addition makes and those that the operator named; any other must be bound there already: a
/// definition alone cannot send a secret anywhere new.
fn binding(
    (server, definition): (&ServerName, &Definition),
    options: &StoredOptions,
    (made, named): (&BTreeSet<&SecretName>, &BTreeSet<SecretName>),
    rows: &Configuration,
) -> Result<BTreeMap<SecretName, BTreeSet<Binding>>, Vec<Problem>> {
    let place = match &definition.transport {
        Transport::Stdio(_) => Binding::Server(server.clone()),
        Transport::Http(remote) | Transport::Sse(remote) => Binding::Origin(remote.origin.clone()),
    };
    let mut bind: BTreeMap<SecretName, BTreeSet<Binding>> = BTreeMap::new();
    let mut problems = Vec::new();
    for secret in definition.secrets() {
        let row = rows.secrets.iter().find(|row| row.name == secret);
        let is_new = made.contains(&secret) && row.is_none();
        let open = match &place {
            Binding::Origin(origin) => plaintext(origin, options),
            Binding::Server(_) => None,
        };
        if let Some(message) = open {
            problems.push(Problem::new("", message));
        } else if is_users_own(&secret, rows) {
            problems.push(Problem::new("", users_own(&secret)));
        } else if row.is_none() && !is_new {
            let reference = secret.reference();
            let message =
                format!("there is no {reference}; store it with `lanyard secret set {secret}`");
            problems.push(Problem::new("", message));
        } else if is_new || named.contains(&secret) {
            bind.entry(secret).or_default().insert(place.clone());
        } else if !row.is_some_and(|row| row.origins.contains(&place.to_string())) {
            problems.push(Problem::new("", unbound(&secret, &place, "NAME")));
        }
    }
    if problems.is_empty() { Ok(bind) } else { Err(problems) }
}

fn kind_and_state(row: &lanyard_store::DefinitionRow) -> Value {
    let mut shown = listed_json(row);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("kind".to_owned(), json!(row.kind.as_str()));
    }
    shown
}

fn describe(plan: &Plan, rows: &Configuration, done: &str) -> Value {
    let definition = &plan.definition;
    let secrets: Vec<Value> = definition
        .secrets()
        .iter()
        .map(|name| {
            let mut state = secret_state(name, rows);
            if let Some(state) = state.as_object_mut() {
                let stood_there = plan.literals.iter().any(|(literal, _)| literal == name)
                    || plan.keys.iter().any(|key| key.secret == *name);
                if stood_there {
                    state.insert("set".to_owned(), json!(true));
                    state.insert("moved_from_file".to_owned(), json!(true));
                }
                if let Some(places) = plan.bind.get(name) {
                    let places: Vec<String> = places.iter().map(Binding::to_string).collect();
                    state.insert("bound_to".to_owned(), json!(places));
                }
            }
            state
        })
        .collect();
    let is_process = matches!(definition.transport, Transport::Stdio(_));
    json!({
        "name": plan.name.as_str(),
        "kind": ServerKind::Mcp.as_str(),
        "transport": definition.transport.name(),
        "isolation": is_process.then_some("none"),
        "description": definition.description,
        "definition": serde_json::from_str::<Value>(&definition.to_json()).unwrap_or(Value::Null),
        "origins": definition.origins().iter().map(ToString::to_string).collect::<Vec<_>>(),
        "secrets": secrets,
        "granted": plan.grants,
        "result": done,
        "warnings": plan.warnings,
    })
}

#[cfg(test)]
mod tests;
