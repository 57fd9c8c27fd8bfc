//! `POST /v1/servers`: a definition becomes a server. Checked whole before anything is written;
//! the credentials that stood in it go to the vault, and only references are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use lanyard_core::{Binding, Origin, Scheme, SecretName, ServerName};
use lanyard_rest::{Literal, Parsed, Problem, SecretUse, Severity};
use lanyard_store::{Change, Configuration, ServerRow};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::actor::{Owner, Reader};
use crate::addition::{ImportedFrom, SecretValues};
use crate::asked::Asked;
use crate::change::{About, Landing};
use crate::error::{ApiError, problem_json};
use crate::options::{ServerKind, StoredOptions};
use crate::ports::Proof;
use crate::proof::{self, ProbeRequest};
use crate::server::{secret_state, set_names, tool_json};
use crate::state::Shared;
use crate::user_credential::is_users_own;
use crate::{Admin, mcp_add, stated};

/// What is asked. The texts may hold a credential, so there is no `Debug`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a member that stands for itself")]
pub(crate) struct AddRequest {
    /// `rest`, which is the default, or `mcp`.
    #[serde(default)]
    pub(crate) kind: ServerKind,
    /// The server's name; wins over the file's.
    pub(crate) name: Option<String>,
    /// What problems call the file.
    #[serde(default)]
    pub(crate) file: String,
    /// The definition's text, YAML. REST only.
    #[serde(default)]
    pub(crate) source: String,
    /// The definition, an object. MCP only.
    pub(crate) definition: Option<Box<RawValue>>,
    /// Secrets that the operator named for this server: they are bound to it. For a REST API that
    /// is no `merge` these are all that its options name.
    #[serde(default)]
    pub(crate) bind: Vec<String>,
    /// Secrets that the definition names and that are made without a value where there are none of
    /// these names: an operator sets them later. MCP only.
    #[serde(default)]
    pub(crate) unset: Vec<String>,
    /// Credentials that stood in the file of an MCP server, under the names that stand there now.
    #[serde(skip)]
    pub(crate) keys: Arc<Vec<Literal>>,
    /// What is to be known of such a file.
    #[serde(skip)]
    pub(crate) warnings: Vec<Problem>,
    /// Store it without trying it. Of an MCP server, what it lists first is pinned then.
    #[serde(default)]
    pub(crate) no_verify: bool,
    /// Values of secrets, stored with it. Named by its definition, they are bound to it.
    #[serde(default)]
    pub(crate) secret_values: SecretValues,
    /// Agents that may call all of its tools from then on.
    #[serde(default)]
    pub(crate) grants: Vec<String>,
    /// Tell the hook of it once it is there.
    #[serde(default)]
    pub(crate) notify: bool,
    /// What it was imported from. REST only.
    pub(crate) imported: Option<ImportedFrom>,
    /// The call to try it with; without, one that changes nothing. REST only.
    pub(crate) probe: Option<ProbeRequest>,
    #[serde(default)]
    pub(crate) options: StoredOptions,
    /// Check and show, change nothing.
    #[serde(default)]
    pub(crate) dry_run: bool,
    /// Take the place of a server of that name.
    #[serde(default)]
    pub(crate) replace: bool,
    /// The version of the server with which this is merged: another one by now is not replaced. Part
    /// of such a definition comes anew from where it was imported, which is not the operator's word
    /// on where secrets may go: its options bind nothing. REST only.
    pub(crate) merge: Option<u64>,
}

impl AddRequest {
    /// A member that is for the other kind is a misunderstanding.
    fn check(&self) -> Result<(), ApiError> {
        if self.name.is_none() && !self.secret_values.is_empty() {
            return Err(ApiError::invalid("`secret_values` needs a `name`"));
        }
        let (given, kind) = match self.kind {
            ServerKind::Rest if self.definition.is_some() => ("definition", "mcp"),
            ServerKind::Rest if !self.bind.is_empty() && self.merge.is_none() => ("bind", "mcp"),
            ServerKind::Rest if !self.unset.is_empty() => ("unset", "mcp"),
            ServerKind::Mcp if !self.source.is_empty() => ("source", "rest"),
            ServerKind::Mcp if self.probe.is_some() => ("probe", "rest"),
            ServerKind::Mcp if self.imported.is_some() => ("imported", "rest"),
            ServerKind::Mcp if self.merge.is_some() => ("merge", "rest"),
            ServerKind::Rest | ServerKind::Mcp => return Ok(()),
        };
        Err(ApiError::invalid(format!("`{given}` goes with kind `{kind}`")))
    }
}

/// Everything that an addition would do, worked out before anything is written.
struct Plan {
    name: ServerName,
    parsed: Parsed,
    options: StoredOptions,
    file: String,
    /// Where each secret newly may go.
    bind: BTreeMap<SecretName, BTreeSet<Binding>>,
    standing: Standing,
    /// Whether it was tried, and works.
    verified: bool,
    /// Whether a credential comes with it.
    has_values: bool,
    grants: Vec<String>,
    imported: Option<ImportedFrom>,
}

impl Plan {
    /// What an addition does, in a word.
    fn done(&self, replace: bool) -> Result<&'static str, ApiError> {
        match self.standing {
            Standing::Same => Ok("unchanged"),
            Standing::Nothing => Ok("added"),
            Standing::Other if replace => Ok("replaced"),
            Standing::Other => {
                let has_credentials = !self.parsed.literals.is_empty() || self.has_values;
                Err(other_stands(&self.name, has_credentials))
            }
        }
    }
}

/// What going through an addition gives that is taken back.
enum Rehearsed {
    /// Nothing is to be done.
    Unchanged(Value),
    /// All rows as they would be.
    With(Box<Configuration>),
}

/// What stands where the server would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Nothing,
    Same,
    Other,
}

/// Everything is worked out inside the transaction: what a file may do with a secret depends on
/// the rows, and they do not change between looking and writing. A dry run goes the whole way,
/// the trial compilation included, and is taken back.
pub(crate) async fn add(
    State(admin): State<Admin>,
    reader: Reader,
    Asked(request): Asked<AddRequest>,
) -> Result<Json<Value>, ApiError> {
    let told = if request.notify && !request.dry_run {
        Some((admin.hook()?, reader.owner()?, request.grants.clone()))
    } else {
        None
    };
    let mut shown = admin.added(reader, request).await?;
    if let Some((hook, owner, agents)) = told {
        let notified = if shown.get("result") == Some(&json!("unchanged")) {
            json!({ "to": hook.place(), "problem": "the server is not new" })
        } else {
            admin.tell(&*hook, &owner, &shown, &agents).await
        };
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("notified".to_owned(), notified);
        }
    }
    Ok(Json(shown))
}

/// What the first time through gives.
enum Tried {
    /// Nothing is to be done.
    Unchanged(Value),
    /// What speaks for the server, if it was asked for that.
    With(Option<Proof>),
}

impl Admin {
    async fn added(&self, reader: Reader, request: AddRequest) -> Result<Value, ApiError> {
        request.check()?;
        if let Some(request) = self.proxied(&request).await? {
            return mcp_add::add(self, reader, request).await;
        }
        if request.kind == ServerKind::Mcp {
            return mcp_add::add(self, reader, request).await;
        }
        let name = request.name.as_deref().unwrap_or("?");
        let about = About { action: "server.add", subject: format!("server:{name}") };
        if request.dry_run {
            let rows =
                move |shared: &Shared, change: &Change<'_>| shared.rehearse_add(request, change);
            return self.rehearse(&reader, about, rows).await;
        }
        let owner = reader.owner()?;
        // The file's own name of the server stands in the file: the record tells it all the same.
        let name = match &request.name {
            Some(name) => ServerName::parse(name)?,
            None => self.named(&request).await?,
        };
        let about = About { action: "server.add", subject: format!("server:{name}") };
        let proof = match self.tried(&owner, &request, &name).await? {
            Tried::Unchanged(shown) if request.grants.is_empty() => return Ok(shown),
            Tried::Unchanged(_) => None,
            Tried::With(proof) => proof,
        };
        let add = move |shared: &Shared, change: &Change<'_>| shared.add(request, proof, change);
        self.change_if(&owner, about, add).await
    }

    /// Tries a server as it would be, before anything is written: one that does not work leaves
    /// nothing behind, and no change waits for a stranger's answer.
    async fn tried(
        &self,
        owner: &Owner,
        request: &AddRequest,
        name: &ServerName,
    ) -> Result<Tried, ApiError> {
        if request.no_verify {
            return Ok(Tried::With(None));
        }
        let (trial, probe) = (request.clone(), request.probe.clone());
        let about = About { action: "server.add", subject: format!("server:{name}") };
        let rows = move |shared: &Shared, change: &Change<'_>| shared.try_rest(trial, change);
        match self.rehearse(&owner.reader(), about, rows).await? {
            Rehearsed::Unchanged(shown) => Ok(Tried::Unchanged(shown)),
            Rehearsed::With(rows) => {
                Ok(Tried::With(Some(self.prove(owner, *rows, name, probe).await?)))
            }
        }
    }

    /// The name that a file gives its server.
    async fn named(&self, request: &AddRequest) -> Result<ServerName, ApiError> {
        let request = request.clone();
        self.blocking(move |shared| {
            let rows = shared.rows()?;
            Ok(shared.plan(request, &rows)?.name)
        })
        .await
    }
}

impl Shared {
    fn rehearse_add(&self, request: AddRequest, change: &Change<'_>) -> Result<Value, ApiError> {
        self.keep_values(&request, change)?;
        let rows = self.rows_for(&request, change)?;
        let plan = self.plan(request, &rows)?;
        let shown = describe(&plan, &rows, "checked");
        self.carry_out(plan, change)?;
        Ok(shown)
    }

    /// All rows as they would be with the server.
    fn try_rest(&self, request: AddRequest, change: &Change<'_>) -> Result<Rehearsed, ApiError> {
        let replace = request.replace;
        self.keep_values(&request, change)?;
        let rows = self.rows_for(&request, change)?;
        let plan = self.plan(request, &rows)?;
        if plan.done(replace)? == "unchanged" {
            let shown = describe(&plan, &rows, "unchanged");
            self.grant_all(&plan.grants, &plan.name, change)?;
            return Ok(Rehearsed::Unchanged(shown));
        }
        self.carry_out(plan, change)?;
        Ok(Rehearsed::With(Box::new(change.configuration()?)))
    }

    fn add(
        &self,
        request: AddRequest,
        proof: Option<Proof>,
        change: &Change<'_>,
    ) -> Result<Landing<Value>, ApiError> {
        let (replace, is_tried) = (request.replace, request.no_verify || proof.is_some());
        self.keep_values(&request, change)?;
        let rows = self.rows_for(&request, change)?;
        let mut plan = self.plan(request, &rows)?;
        let done = plan.done(replace)?;
        let mut shown = describe(&plan, &rows, done);
        if done == "unchanged" {
            if plan.grants.is_empty() {
                return Ok(Landing::Undo(shown));
            }
            self.grant_all(&plan.grants, &plan.name, change)?;
            return Ok(Landing::Keep(shown));
        }
        if !is_tried {
            return Err(changed_meanwhile(&plan.name));
        }
        plan.verified = proof.is_some();
        if let (Some(proof), Some(shown)) = (&proof, shown.as_object_mut()) {
            shown.insert("verified".to_owned(), proof::shown(proof));
        }
        self.carry_out(plan, change)?;
        Ok(Landing::Keep(shown))
    }

    /// The rows among which a file is read. What servers list is much to read, and only the names in
    /// a tool set are held against it.
    fn rows_for(
        &self,
        request: &AddRequest,
        change: &Change<'_>,
    ) -> Result<Configuration, ApiError> {
        if request.source.contains("toolSet") {
            Ok(change.configuration()?.of_tenant(&self.tenant))
        } else {
            self.rows_in(change)
        }
    }

    fn plan(&self, request: AddRequest, rows: &Configuration) -> Result<Plan, ApiError> {
        let name = request.name.as_deref().map(ServerName::parse).transpose()?;
        let mut options = request.options.checked(ServerKind::Rest)?;
        let place = (request.file.as_str(), request.source.as_str());
        let parsed = self.parse(name.as_ref(), place, &options, rows)?;
        stated::check_source(&request.file, &parsed.source)?;
        let name = parsed.definition.name.clone();
        let values = &request.secret_values;
        let mut named = values.names();
        named.extend(if request.merge.is_some() {
            mcp_add::named(&request.bind)?
        } else {
            options.secret_pairs()?.into_iter().map(|(_, name)| name).collect()
        });
        let bind = binding(&parsed, (&options, &named), rows, &request.file)?;
        let before = rows.servers.iter().find(|row| row.name == name);
        if request.merge.is_some_and(|version| before.is_none_or(|row| row.version != version)) {
            return Err(changed_meanwhile(&name));
        }
        options.keep_marks(before);
        let stored = options.to_json()?;
        let standing = match rows.servers.iter().find(|row| row.name == name) {
            None => Standing::Nothing,
            // A literal credential may be another than before: who could tell without opening
            // the old one? So a file that holds one is never the same.
            Some(row)
                if row.source == parsed.source
                    && row.options == stored
                    && parsed.literals.is_empty()
                    && values.is_empty() =>
            {
                Standing::Same
            }
            Some(_) => Standing::Other,
        };
        let has_values = !values.is_empty();
        let AddRequest { file, grants, imported, .. } = request;
        Ok(Plan {
            name,
            parsed,
            options,
            file,
            bind,
            standing,
            verified: false,
            has_values,
            grants,
            imported,
        })
    }

    fn carry_out(&self, plan: Plan, change: &Change<'_>) -> Result<(), ApiError> {
        let Parsed { definition, literals, unset, source, .. } = plan.parsed;
        let base_url = plan.options.base_url.clone();
        for name in unset {
            self.secret_exists(&name, change)?;
        }
        for literal in literals {
            let place = format!("on line {}", literal.line);
            self.store_literal(&literal.secret, literal.value.expose(), &place, change)?;
        }
        for (name, places) in &plan.bind {
            self.bind(name, places, change)?;
        }
        let before = change.server_get(&self.tenant, &plan.name)?;
        if let Some(before) = &before {
            change.detail("replaced", "yes");
            self.leave_mcp(before, change)?;
        }
        let now = change.time();
        change.server_put(&ServerRow {
            tenant: self.tenant.clone(),
            name: plan.name.clone(),
            kind: ServerKind::Rest.as_str().to_owned(),
            source,
            file_name: plan.file,
            options: plan.options.to_json()?,
            enabled: before.as_ref().is_none_or(|row| row.enabled),
            verified: plan.verified,
            version: before.as_ref().map_or(0, |row| row.version),
            created_at: before.as_ref().map_or(now, |row| row.created_at),
            updated_at: now,
        })?;
        change.detail("tools", definition.tools.len());
        change.detail("verified", if plan.verified { "yes" } else { "no" });
        let origins: Vec<String> = definition.origins().iter().map(Origin::to_string).collect();
        change.detail("origins", origins.join(" "));
        self.keep_import(plan.imported, &plan.name, base_url, change)?;
        self.grant_all(&plan.grants, &plan.name, change)
    }
}

/// It was the same when it was looked at, so that nothing was tried, and is another now.
pub(crate) fn changed_meanwhile(name: &ServerName) -> ApiError {
    ApiError::conflict(format!("`{name}` was changed at the same time; try again"))
}

pub(crate) fn other_stands(name: &ServerName, has_credentials: bool) -> ApiError {
    let why = if has_credentials {
        " (what has a credential in it always counts as another)"
    } else {
        ""
    };
    ApiError::conflict(format!(
        "there is already another server `{name}`{why}; add --replace to put this one in its place"
    ))
}

/// Which secrets this addition may bind to which origins, or what speaks against it. Bound are
/// the secrets that this addition makes or gives a value to, and those that `--secret` names; for
/// any other secret the origins must be in its list already: a file alone cannot send a secret anywhere new.
fn binding(
    parsed: &Parsed,
    (options, named): (&StoredOptions, &BTreeSet<SecretName>),
    rows: &Configuration,
    file: &str,
) -> Result<BTreeMap<SecretName, BTreeSet<Binding>>, ApiError> {
    let mut bind: BTreeMap<SecretName, BTreeSet<Binding>> = BTreeMap::new();
    let mut problems = Vec::new();
    for it in &parsed.secret_uses {
        let row = rows.secrets.iter().find(|row| row.name == it.secret);
        let made_here = parsed.unset.contains(&it.secret)
            || parsed.literals.iter().any(|literal| literal.secret == it.secret);
        let may_bind = named.contains(&it.secret) || (made_here && row.is_none());
        for origin in &it.origins {
            if let Some(message) = plaintext(origin, options) {
                problems.push(problem(it, file, message));
            } else if is_users_own(&it.secret, rows) {
                problems.push(problem(it, file, users_own(&it.secret)));
            } else if may_bind {
                let place = Binding::Origin(origin.clone());
                bind.entry(it.secret.clone()).or_default().insert(place);
            } else if !row.is_some_and(|row| row.origins.contains(&origin.to_string())) {
                problems.push(problem(
                    it,
                    file,
                    unbound(&it.secret, &Binding::Origin(origin.clone()), "PARAM"),
                ));
            }
        }
    }
    if problems.is_empty() { Ok(bind) } else { Err(ApiError::definition(problems)) }
}

pub(crate) fn plaintext(origin: &Origin, options: &StoredOptions) -> Option<String> {
    let open = origin.scheme() == Scheme::Http
        && !origin.is_loopback()
        && !options.insecure_origins.contains(&origin.to_string());
    open.then(|| {
        format!(
            "a credential would travel to {origin} unencrypted; use https (for an import: --base-url https://{}/...), or accept it with --insecure-origin {origin}",
            origin.host()
        )
    })
}

pub(crate) fn unbound(secret: &SecretName, place: &Binding, parameter: &str) -> String {
    format!(
        "{} is not bound to {place}; bind it with `lanyard secret set {secret} --origin {place} --no-value`, or name it to this command with --secret {parameter}={}",
        secret.reference(),
        secret.reference()
    )
}

pub(crate) fn users_own(secret: &SecretName) -> String {
    format!("{} is a user's own credential, which no definition may name", secret.reference())
}

fn problem(it: &SecretUse, file: &str, message: String) -> Problem {
    Problem {
        file: file.to_owned(),
        line: it.line,
        column: it.column,
        path: it.path.clone(),
        message,
        severity: Severity::Error,
    }
}

fn describe(plan: &Plan, rows: &Configuration, done: &str) -> Value {
    let definition = &plan.parsed.definition;
    let literal = |name: &SecretName| plan.parsed.literals.iter().any(|it| it.secret == *name);
    let secrets: Vec<Value> = definition
        .secrets()
        .iter()
        .map(|name| {
            let mut state = secret_state(name, rows);
            if let Some(state) = state.as_object_mut() {
                if literal(name) {
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
    json!({
        "name": plan.name.as_str(),
        "description": definition.description,
        "tools": tool_json(definition),
        "tool_set": set_names(definition),
        "origins": definition.origins().iter().map(Origin::to_string).collect::<Vec<_>>(),
        "secrets": secrets,
        "granted": plan.grants,
        "result": done,
        "warnings": plan.parsed.warnings.iter().map(problem_json).collect::<Vec<_>>(),
    })
}
