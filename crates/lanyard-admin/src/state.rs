//! What every route shares, and the table of routes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::routing::{delete, get, patch, post, put};
use lanyard_core::{Clock, Limits, PayloadSubject, RecordId, ServerName, TenantName};
use lanyard_policy::Views;
use lanyard_rest::Schemas;
use lanyard_store::audit::Log;
use lanyard_store::{Change, Configuration, Store};
use lanyard_vault::MasterKey;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::catalog::RestTools;
use crate::change::Compile;
use crate::error::ApiError;
use crate::page::login;
use crate::page::session::Sessions;
use crate::ports::{Notify, Status, Verify};
use crate::{
    addition, agent, approval, audit, grant, intake, limit, operator, page, payload, pin, policy,
    secret, server, server_add, server_test, stated, status, tenant, user_credential,
};

/// Told of a tenant's subject.
pub type Forget = dyn Fn(&TenantName, &PayloadSubject) + Send + Sync;

/// What an admin API is made of.
pub struct AdminParts {
    /// The rows.
    pub store: Arc<Store>,
    /// Seals secrets, mints tokens.
    pub master: Arc<MasterKey>,
    /// Where records go.
    pub log: Arc<Log>,
    /// The audit log's directory, for searching it.
    pub audit_directory: PathBuf,
    /// Compiles and publishes configurations.
    pub compiler: Arc<dyn Compile>,
    /// Judges JSON Schemas in definitions.
    pub schemas: Arc<dyn Schemas + Send + Sync>,
    /// Reads texts of arguments for policies.
    pub views: Arc<dyn Views>,
    /// Connects to MCP servers and lists them.
    pub verify: Arc<dyn Verify>,
    /// Knows how MCP servers do.
    pub status: Arc<dyn Status>,
    /// Tells somebody outside of new servers, where an operator asks for it.
    pub notify: Option<Arc<dyn Notify>>,
    /// Makes the ids of records.
    pub record_ids: Arc<dyn Fn() -> RecordId + Send + Sync>,
    /// Told when a call that waits for a human was decided.
    pub decided: Arc<dyn Fn(&RecordId) + Send + Sync>,
    /// Told when the key of a subject was erased: nothing may be sealed under it any more.
    pub forget_subject: Arc<Forget>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The limits in force.
    pub limits: Limits,
    /// The uid that owns the data directory: over the admin socket it may set things up.
    pub owner_uid: u32,
    /// What `status` says of the process: addresses, paths, version.
    pub about: BTreeMap<&'static str, String>,
    /// Every task of the API, so that shutdown can wait for it.
    pub tasks: TaskTracker,
    /// Cancelled when the API is to stop.
    pub shutdown: CancellationToken,
}

/// The admin API.
///
/// It speaks of one tenant: the default one, unless a request names another in the header
/// `Lanyard-Tenant`.
#[derive(Clone)]
pub struct Admin {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) parts: Arc<AdminParts>,
    /// The tenant that is asked about: rows of others are neither shown nor changed.
    pub(crate) tenant: TenantName,
    /// Changes are made one at a time, so that configurations are published in their order.
    pub(crate) one_change: Arc<Mutex<()>>,
    pub(crate) rest_tools: Arc<RestTools>,
    /// Who is signed in to the console.
    pub(crate) sessions: Arc<Sessions>,
}

impl std::fmt::Debug for AdminParts {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AdminParts").field("about", &self.about).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Admin").field("parts", &self.shared.parts).finish()
    }
}

impl Admin {
    /// Puts the parts together. Listens nowhere yet.
    pub fn new(parts: AdminParts) -> Self {
        let (parts, tenant) = (Arc::new(parts), TenantName::default_tenant());
        Self { shared: Arc::new(Shared::new(parts, tenant)) }
    }

    /// The same for another tenant. Whether there is such a tenant is found when somebody who may
    /// know asks.
    pub(crate) fn of_tenant(&self, tenant: TenantName) -> Self {
        Self { shared: Arc::new(Shared { tenant, ..(*self.shared).clone() }) }
    }

    /// Appends to the log what changes are not there yet: those of a process that ended between
    /// its commit and its append.
    pub fn drain_outbox(&self) -> Result<(), String> {
        self.shared.drain_outbox()
    }

    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/healthz", get(status::healthz))
            .route("/readyz", get(status::readyz))
            .route("/v1/status", get(status::status))
            .route("/v1/limits", get(status::limits))
            .route("/v1/servers", get(server::list).post(server_add::add))
            .route(
                "/v1/servers/{name}",
                get(server::show).delete(server::remove).patch(server::set),
            )
            .route("/v1/servers/{name}/enable", post(server::enable))
            .route("/v1/servers/{name}/disable", post(server::disable))
            .route("/v1/servers/{name}/import", get(addition::import))
            .route("/v1/servers/{name}/test", post(server_test::test))
            .route("/v1/servers/{name}/reconnect", post(server_test::reconnect))
            .route("/v1/pins", get(pin::list))
            .route("/v1/pins/{server}", get(pin::show))
            .route("/v1/pins/{server}/approve", post(pin::approve))
            .route("/v1/approvals", get(approval::list))
            .route("/v1/approvals/{id}", get(approval::show))
            .route("/v1/approvals/{id}/allow", post(approval::allow))
            .route("/v1/approvals/{id}/deny", post(approval::deny))
            .route("/v1/secrets", get(secret::list))
            .route("/v1/secrets/{name}", put(secret::set).delete(secret::remove))
            .route("/v1/secrets/{name}/intake", post(intake::make))
            .route("/v1/intakes", get(intake::list))
            .route("/v1/intakes/{id}", delete(intake::cancel))
            .route("/v1/agents", get(agent::list).post(agent::add))
            .route("/v1/agents/{name}", patch(agent::set).delete(agent::revoke))
            .route("/v1/agents/{name}/rotate", post(agent::rotate))
            .route("/v1/user-credentials", get(user_credential::list))
            .route(
                "/v1/user-credentials/{server}/{user}",
                put(user_credential::set).delete(user_credential::remove),
            )
            .route("/v1/tenants", get(tenant::list).post(tenant::add))
            .route("/v1/tenants/{name}", delete(tenant::remove))
            .route("/v1/operators", get(operator::list).post(operator::add))
            .route("/v1/operators/{name}", delete(operator::revoke))
            .route("/v1/grants", get(grant::list))
            .route("/v1/grants/{agent}", delete(grant::revoke_all))
            .route("/v1/grants/{agent}/{server}", put(grant::put).delete(grant::revoke))
            .route("/v1/call-limits", get(limit::list).put(limit::put).delete(limit::remove))
            .route("/v1/who-can/{server}/{tool}", get(grant::who_can))
            .route("/v1/policy", get(policy::show).put(policy::apply))
            .route("/v1/policy/versions", get(policy::versions))
            .route("/v1/policy/versions/{version}", get(policy::version))
            .route("/v1/policy/check", get(policy::check_in_force).post(policy::check))
            .route("/v1/policy/record", put(policy::record))
            .route("/v1/policy/explain", post(policy::explain))
            .route("/v1/policy/replay", post(policy::replay))
            .route("/v1/audit/records", get(audit::search))
            .route("/v1/audit/key", get(audit::key))
            .route("/v1/audit/verify", post(audit::verify))
            .route("/v1/audit/checkpoint", get(audit::witness))
            .route("/v1/audit/prune", post(audit::prune))
            .route("/v1/audit/payloads", get(payload::list))
            .route("/v1/audit/payloads/{call}", get(payload::show))
            .route("/v1/audit/erase", post(payload::erase))
            .merge(console())
            .fallback(status::nothing_here)
            .layer(axum::middleware::from_fn(stated::guard_address))
            .with_state(self.clone())
    }
}

/// The pages for a browser.
fn console() -> Router<Admin> {
    Router::new()
        .route("/console", get(approval::page::home))
        .route("/console/style.css", get(page::style))
        .route("/console/icon.svg", get(page::icon))
        .route("/console/login", get(login::show).post(login::sign_in))
        .route("/console/logout", post(login::sign_out))
        .route("/console/intake/done", get(intake::page::done))
        .route("/console/intake/{token}", get(intake::page::show).post(intake::page::give))
        .route("/console/approvals", get(approval::page::list))
        .route("/console/approvals/{id}", get(approval::page::show).post(approval::page::decide))
}

impl Shared {
    fn new(parts: Arc<AdminParts>, tenant: TenantName) -> Self {
        let (one_change, rest_tools) = (Arc::default(), Arc::default());
        Self { parts, tenant, one_change, rest_tools, sessions: Arc::default() }
    }

    /// The tenant's rows, and what belongs to no tenant.
    pub(crate) fn rows(&self) -> Result<Configuration, ApiError> {
        Ok(self.parts.store.load()?.of_tenant(&self.tenant))
    }

    /// The same as they will be when a change lands, without what MCP servers list.
    pub(crate) fn rows_in(&self, change: &Change<'_>) -> Result<Configuration, ApiError> {
        Ok(change.configuration_without_definitions()?.of_tenant(&self.tenant))
    }

    /// The same with what one MCP server lists.
    pub(crate) fn rows_with(
        &self,
        server: &ServerName,
        change: &Change<'_>,
    ) -> Result<Configuration, ApiError> {
        let definitions = change.definitions_of(&self.tenant, server)?;
        Ok(Configuration { definitions, ..self.rows_in(change)? })
    }
}
