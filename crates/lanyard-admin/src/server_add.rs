//! `POST /v1/servers`: a definition becomes a server. Checked whole before anything is written;
//! the credentials that stood in it go to the vault, and only references are kept.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use lanyard_core::{Origin, Scheme, SecretName, ServerName};
use lanyard_rest::{Literal, Parsed, Problem, SecretUse, Severity};
use lanyard_store::{Change, Configuration, SecretRow, ServerRow};
use lanyard_vault::SecretText;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Admin;
use crate::actor::Reader;
use crate::asked::Asked;
use crate::change::{About, Landing};
use crate::error::{ApiError, problem_json};
use crate::options::{ServerKind, StoredOptions};
use crate::secret;
use crate::server::{secret_state, tool_json};
use crate::state::Shared;

/// What is asked. The text may hold a credential, so there is no `Debug`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddRequest {
    /// The server's name; wins over the file's.
    name: Option<String>,
    /// What problems call the file.
    file: String,
    /// The definition's text.
    source: String,
    #[serde(default)]
    options: StoredOptions,
    /// Check and show, change nothing.
    #[serde(default)]
    dry_run: bool,
    /// Take the place of a server of that name.
    #[serde(default)]
    replace: bool,
}

/// Everything that an addition would do, worked out before anything is written.
struct Plan {
    name: ServerName,
    parsed: Parsed,
    options: StoredOptions,
    file: String,
    /// Origins that each secret is newly bound to.
    bind: BTreeMap<SecretName, BTreeSet<Origin>>,
    standing: Standing,
}

/// What stands where the server would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
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
    let name = request.name.as_deref().unwrap_or("?");
    let about = About { action: "server.add", subject: format!("server:{name}") };
    let shown = if request.dry_run {
        let rows = move |shared: &Shared, change: &Change<'_>| shared.rehearse_add(request, change);
        admin.rehearse(&reader, about, rows).await?
    } else {
        let owner = reader.owner()?;
        // The file's own name of the server stands in the file: the record tells it all the same.
        let about = match &request.name {
            Some(_) => about,
            None => About { subject: format!("server:{}", admin.named(&request).await?), ..about },
        };
        admin.change_if(&owner, about, move |shared, change| shared.add(request, change)).await?
    };
    Ok(Json(shown))
}

impl Admin {
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
        let rows = self.rows_in(change)?;
        let plan = self.plan(request, &rows)?;
        let shown = describe(&plan, &rows, "checked");
        self.carry_out(plan, change)?;
        Ok(shown)
    }

    fn add(&self, request: AddRequest, change: &Change<'_>) -> Result<Landing<Value>, ApiError> {
        let replace = request.replace;
        let rows = self.rows_in(change)?;
        let plan = self.plan(request, &rows)?;
        let done = match plan.standing {
            Standing::Same => return Ok(Landing::Undo(describe(&plan, &rows, "unchanged"))),
            Standing::Nothing => "added",
            Standing::Other if replace => "replaced",
            Standing::Other => return Err(other_stands(&plan)),
        };
        let shown = describe(&plan, &rows, done);
        self.carry_out(plan, change)?;
        Ok(Landing::Keep(shown))
    }

    fn plan(&self, request: AddRequest, rows: &Configuration) -> Result<Plan, ApiError> {
        let name = request.name.as_deref().map(ServerName::parse).transpose()?;
        let options = request.options.checked(ServerKind::Rest)?;
        let place = (request.file.as_str(), request.source.as_str());
        let parsed = self.parse(name.as_ref(), place, &options, rows)?;
        let name = parsed.definition.name.clone();
        let bind = binding(&parsed, &options, rows, &request.file)?;
        let stored = options.to_json()?;
        let standing = match rows.servers.iter().find(|row| row.name == name) {
            None => Standing::Nothing,
            // A literal credential may be another than before: who could tell without opening
            // the old one? So a file that holds one is never the same.
            Some(row)
                if row.source == parsed.source
                    && row.options == stored
                    && parsed.literals.is_empty() =>
            {
                Standing::Same
            }
            Some(_) => Standing::Other,
        };
        Ok(Plan { name, parsed, options, file: request.file, bind, standing })
    }

    fn carry_out(&self, plan: Plan, change: &Change<'_>) -> Result<(), ApiError> {
        let Parsed { definition, literals, unset, source, .. } = plan.parsed;
        for name in unset {
            self.secret_exists(&name, change)?;
        }
        for literal in literals {
            self.store_literal(&literal, change)?;
        }
        for (name, origins) in &plan.bind {
            self.bind(name, origins, change)?;
        }
        let before = change.server_get(&self.tenant, &plan.name)?;
        if before.is_some() {
            change.detail("replaced", "yes");
        }
        let now = change.time();
        change.server_put(&ServerRow {
            tenant: self.tenant.clone(),
            name: plan.name,
            kind: ServerKind::Rest.as_str().to_owned(),
            source,
            file_name: plan.file,
            options: plan.options.to_json()?,
            enabled: before.as_ref().is_none_or(|row| row.enabled),
            verified: false,
            version: before.as_ref().map_or(0, |row| row.version),
            created_at: before.as_ref().map_or(now, |row| row.created_at),
            updated_at: now,
        })?;
        change.detail("tools", definition.tools.len());
        let origins: Vec<String> = definition.origins().iter().map(Origin::to_string).collect();
        change.detail("origins", origins.join(" "));
        Ok(())
    }

    fn secret_exists(&self, name: &SecretName, change: &Change<'_>) -> Result<(), ApiError> {
        if change.secret_get(&self.tenant, name)?.is_none() {
            change.secret_put(&SecretRow {
                tenant: self.tenant.clone(),
                name: name.clone(),
                origins: Vec::new(),
                created_at: change.time(),
                version: None,
            })?;
            change.detail("secret_unset", name);
        }
        Ok(())
    }

    fn store_literal(&self, literal: &Literal, change: &Change<'_>) -> Result<(), ApiError> {
        self.secret_exists(&literal.secret, change)?;
        let text = SecretText::from_input(literal.value.expose().as_bytes()).map_err(|error| {
            ApiError::invalid(format!("the credential on line {}: {error}", literal.line))
        })?;
        secret::store_version(self, &literal.secret, &text, change)?;
        Ok(())
    }

    fn bind(
        &self,
        name: &SecretName,
        origins: &BTreeSet<Origin>,
        change: &Change<'_>,
    ) -> Result<(), ApiError> {
        let Some(row) = change.secret_get(&self.tenant, name)? else { return Ok(()) };
        let mut all: BTreeSet<String> = row.origins.into_iter().collect();
        all.extend(origins.iter().map(Origin::to_string));
        let all: Vec<String> = all.into_iter().collect();
        change.detail(&format!("secret_bound:{name}"), all.join(" "));
        Ok(change.secret_set_origins(&self.tenant, name, &all)?)
    }
}

fn other_stands(plan: &Plan) -> ApiError {
    let why = if plan.parsed.literals.is_empty() {
        ""
    } else {
        " (a file with a credential in it always counts as another)"
    };
    ApiError::conflict(format!(
        "there is already another server `{}`{why}; add --replace to put this one in its place",
        plan.name
    ))
}

/// Which secrets this addition may bind to which origins, or what speaks against it. Bound are
/// the secrets that this addition makes, and those that `--secret` names; for any other secret
/// the origins must be in its list already: a file alone cannot send a secret anywhere new.
fn binding(
    parsed: &Parsed,
    options: &StoredOptions,
    rows: &Configuration,
    file: &str,
) -> Result<BTreeMap<SecretName, BTreeSet<Origin>>, ApiError> {
    let named: BTreeSet<&str> = options
        .secrets
        .values()
        .map(|name| name.strip_prefix(SecretName::REFERENCE_PREFIX).unwrap_or(name))
        .collect();
    let mut bind: BTreeMap<SecretName, BTreeSet<Origin>> = BTreeMap::new();
    let mut problems = Vec::new();
    for it in &parsed.secret_uses {
        let row = rows.secrets.iter().find(|row| row.name == it.secret);
        let made_here = parsed.unset.contains(&it.secret)
            || parsed.literals.iter().any(|literal| literal.secret == it.secret);
        let may_bind = named.contains(it.secret.as_str()) || (made_here && row.is_none());
        for origin in &it.origins {
            if let Some(message) = plaintext(origin, options) {
                problems.push(problem(it, file, message));
            } else if may_bind {
                bind.entry(it.secret.clone()).or_default().insert(origin.clone());
            } else if !row.is_some_and(|row| row.origins.contains(&origin.to_string())) {
                problems.push(problem(it, file, unbound(&it.secret, origin)));
            }
        }
    }
    if problems.is_empty() { Ok(bind) } else { Err(ApiError::definition(problems)) }
}

fn plaintext(origin: &Origin, options: &StoredOptions) -> Option<String> {
    let open = origin.scheme() == Scheme::Http
        && !origin.is_loopback()
        && !options.insecure_origins.contains(&origin.to_string());
    open.then(|| {
        format!(
            "a credential would travel to {origin} unencrypted; use https, or accept it with --insecure-origin {origin}"
        )
    })
}

fn unbound(secret: &SecretName, origin: &Origin) -> String {
    format!(
        "{} is not bound to {origin}; bind it with `lanyard secret set {secret} --origin {origin}`, or name it to this command with --secret PARAM={}",
        secret.reference(),
        secret.reference()
    )
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
                if let Some(origins) = plan.bind.get(name) {
                    let origins: Vec<String> = origins.iter().map(Origin::to_string).collect();
                    state.insert("bound_to".to_owned(), json!(origins));
                }
            }
            state
        })
        .collect();
    json!({
        "name": plan.name.as_str(),
        "description": definition.description,
        "tools": tool_json(definition),
        "tool_set": definition.set.as_ref().map(|set| {
            set.entries.iter().map(|it| it.listed.as_str().to_owned()).collect::<Vec<_>>()
        }),
        "origins": definition.origins().iter().map(Origin::to_string).collect::<Vec<_>>(),
        "secrets": secrets,
        "result": done,
        "warnings": plan.parsed.warnings.iter().map(problem_json).collect::<Vec<_>>(),
    })
}
