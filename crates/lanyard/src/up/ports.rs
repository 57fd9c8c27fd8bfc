//! Introduces the admin API and the gateway to each other where they need one another: the API tries
//! servers out and tells how they do, the gateway tells what servers list.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use lanyard_admin::{
    Admin, Listing, Probe, Proving, ServerProcess, ServerStatus, Status, Trial, Unlisted, Unproved,
    Verify,
};
use lanyard_core::{ServerName, TenantName, ToolName};
use lanyard_gateway::edge::ProcessStatus;
use lanyard_gateway::fleet::{Catalogs, Listed};
use lanyard_gateway::{Gateway, Named};
use lanyard_mcp::{Catalog, Definition};
use lanyard_policy::limit::{DayUse, LimitScope};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::sync::watch;

use super::advice;
use super::compile::Compiler;
use super::proving;

/// Tries servers out through the gateway, and knows how they do.
#[derive(Debug)]
pub(crate) struct Servers {
    pub(crate) gateway: Gateway,
    pub(crate) compiler: Arc<Compiler>,
}

impl Verify for Servers {
    fn list(&self, trial: Trial) -> Listing<'_> {
        Box::pin(async move {
            let Trial { rows, tenant, server } = trial;
            let unlisted = |what: String| Unlisted { what, stderr: String::new() };
            let snapshot = self.compiler.trial(&rows).map_err(unlisted)?;
            match self.gateway.try_out(Arc::clone(&snapshot), &tenant, &server).await {
                Ok(listed) => Ok(catalog(listed)),
                Err(error) => {
                    let stderr = self.gateway.trial_stderr(&snapshot, &tenant, &server);
                    let row =
                        rows.servers.iter().find(|it| it.tenant == tenant && it.name == server);
                    let definition = row.and_then(|row| Definition::parse(&row.source).ok());
                    let what = match definition {
                        Some(definition) => advice::told(&error, &definition, &stderr),
                        None => error.to_string(),
                    };
                    Err(Unlisted { what, stderr })
                }
            }
        })
    }

    fn prove(&self, trial: Trial, probe: Option<Probe>) -> Proving<'_> {
        Box::pin(async move {
            let Trial { rows, tenant, server } = trial;
            let refused = |what| Unproved { what, answer: String::new() };
            let snapshot = self.compiler.trial(&rows).map_err(refused)?;
            let named = probe.as_ref().map(|it| Named { tool: &it.tool, arguments: &it.arguments });
            let probed = self.gateway.probe(&snapshot, (&tenant, &server), named).await;
            proving::told(probed, probe.is_some())
        })
    }
}

impl Status for Servers {
    fn status(&self, tenant: &TenantName, server: &ServerName) -> Option<ServerStatus> {
        let status = self.gateway.fleet().status(tenant, server)?;
        let processes = self.gateway.processes(tenant, server).into_iter().map(process).collect();
        Some(ServerStatus {
            state: status.state.as_str(),
            since: status.since,
            last_error: status.last_error,
            attempt: status.attempt,
            next_attempt_at: status.next_attempt_at,
            sessions: u64::try_from(status.sessions).unwrap_or(u64::MAX),
            calls: status.calls,
            failures: status.failures,
            p50_micros: status.p50_micros,
            p99_micros: status.p99_micros,
            processes,
        })
    }

    fn limit_use(&self, tenant: &TenantName, scope: &LimitScope) -> Option<(DayUse, u64)> {
        self.compiler.limit_use(tenant, scope)
    }

    fn pin(&self, tenant: &TenantName, server: &ServerName, tool: &ToolName) -> Option<String> {
        self.gateway.pin(tenant, server, tool)
    }

    fn reconnect(&self, tenant: &TenantName, server: &ServerName) {
        self.gateway.fleet().reconnect(tenant, server);
    }
}

fn process(status: ProcessStatus) -> ServerProcess {
    let ProcessStatus { pid, principal, trial, since, exit, stderr } = status;
    ServerProcess { pid, principal, trial, since, exit, stderr }
}

/// Tells the admin API what servers list. The gateway is made first; what it has to tell before
/// the API is there waits.
#[derive(Debug)]
pub(crate) struct ToAdmin {
    admin: watch::Receiver<Option<Admin>>,
}

impl ToAdmin {
    /// The port, and where to put the API when it is there.
    pub(crate) fn new() -> (Self, watch::Sender<Option<Admin>>) {
        let (sender, admin) = watch::channel(None);
        (Self { admin }, sender)
    }
}

impl Catalogs for ToAdmin {
    fn observed(
        &self,
        tenant: &TenantName,
        server: &ServerName,
        generation: u64,
        listed: Listed,
    ) -> Pin<Box<dyn Future<Output = Result<(), String>> + Send>> {
        let (mut admin, tenant, server) = (self.admin.clone(), tenant.clone(), server.clone());
        Box::pin(async move {
            let admin = match admin.wait_for(Option::is_some).await {
                Ok(admin) => admin.clone(),
                Err(_) => None,
            };
            let Some(admin) = admin else { return Err("the gateway is stopping".to_owned()) };
            let verdict = admin.observed(&tenant, &server, generation, catalog(listed)).await?;
            tracing::debug!(%tenant, %server, ?verdict, "A server was listed.");
            Ok(())
        })
    }
}

/// What was listed, in the form in which it is stored.
fn catalog(listed: Listed) -> Catalog {
    let facts = listed.facts;
    let raw = |text: &str| RawValue::from_string(text.to_owned()).ok();
    let facts = json!({
        "version": facts.version.as_str(),
        "capabilities": raw(&facts.capabilities),
        "info": raw(&facts.info),
        "instructions": facts.instructions,
    });
    Catalog { items: listed.items, facts: Some(facts.to_string()), whole: listed.whole }
}
