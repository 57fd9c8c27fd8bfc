//! Servers that only users can look at: one that is called with users' own credentials, and was not
//! listed yet, is listed with the credential of the first user who comes. Until then it has no
//! tools, and so nobody could call it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use lanyard_core::ServerName;
use lanyard_wire::Version;
use tokio::time::timeout;

use super::client::Client;
use super::request::Context;
use super::route::Scope;
use crate::fleet;

/// How long a request waits for servers that are listed first.
const LEARN_MAX: Duration = Duration::from_secs(20);

impl Context {
    /// Has servers listed that this request's user can be shown, and nobody was shown yet. The
    /// surroundings with what was learned; `None` where there was nothing to learn.
    pub(super) async fn learn(&self) -> Option<Self> {
        let unlisted = self.unlisted();
        if unlisted.is_empty() {
            return None;
        }
        if timeout(LEARN_MAX, self.look_at_all(unlisted)).await.is_err() {
            tracing::debug!("Servers that were not listed yet took too long.");
        }
        let mut context = self.again();
        context.renew().ok()?;
        Some(context)
    }

    /// It is rare, and large: so it does not lie in the future of each request.
    fn look_at_all(&self, servers: Vec<ServerName>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let context = self.again();
        Box::pin(async move {
            for server in servers {
                context.look_at(&server).await;
            }
        })
    }

    /// The servers to look at: their users' credentials are all that they can be listed with, and
    /// this user has one, and may use them through this agent.
    fn unlisted(&self) -> Vec<ServerName> {
        let principal = &self.caller.principal;
        let Some(user) = &principal.user else { return Vec::new() };
        let now = self.core.clock.now();
        let grants = &self.identity.agent.grants;
        let is_meant = |server: &&ServerName| match &self.scope {
            Scope::All => true,
            Scope::One(name) => name == *server,
        };
        let unlisted = self.snapshot.unlisted(&principal.tenant).iter().filter(is_meant);
        let can = |server: &&ServerName| {
            grants.calls_for(server, user, now)
                && self.snapshot.user(&principal.tenant, server, user).is_some()
        };
        unlisted.filter(can).cloned().collect()
    }

    /// Begins a session for the user, which has the server listed. Nothing is called.
    async fn look_at(&self, name: &ServerName) {
        let principal = &self.caller.principal;
        let server = self.snapshot.find(&principal.tenant, name);
        let Some(mcp) = server.and_then(|server| server.as_mcp()) else { return };
        let client = Client {
            version: Version::LATEST_LEGACY,
            facts: Arc::new(fleet::house_facts()),
            log_level: None,
            live: None,
        };
        if let Err(failure) = self.core.enter(mcp, principal, &client).await {
            tracing::warn!(server = %name, error = %failure, "mcp.server.list_failed");
        }
    }
}
