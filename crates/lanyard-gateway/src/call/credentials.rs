//! Opens the credentials of a server that speaks MCP: for one request, or for one start.

use std::borrow::Cow;
use std::sync::Arc;

use lanyard_connect::mcp::{Credentials, Opened, Target};
use lanyard_core::{Binding, Failure, SecretName, SecretSource as _};
use lanyard_mcp::{Template, Transport};
use lanyard_vault::OpenSecrets;
use tokio::sync::watch;

use super::stages::secret_failure;
use crate::snapshot::Snapshot;

/// The credentials of one server, opened from the newest configuration each time: a rotated secret
/// is used from the next request on.
#[derive(Debug)]
pub(crate) struct ServerCredentials {
    target: Arc<Target>,
    /// All that its definition names.
    names: Vec<SecretName>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl ServerCredentials {
    pub(crate) fn new(target: Arc<Target>, snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        let names = target.definition.secrets().into_iter().collect();
        Self { target, names, snapshots }
    }

    fn open(&self, names: &[SecretName]) -> Result<OpenSecrets, Failure> {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        snapshot.vault.arm(&self.target.tenant, names).map_err(secret_failure)
    }
}

fn names(templates: &[&[(String, Template)]]) -> Vec<SecretName> {
    let templates = templates.iter().copied().flatten();
    let mut names: Vec<SecretName> =
        templates.flat_map(|(_, template)| template.secrets().cloned()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl Credentials for ServerCredentials {
    fn request(&self) -> Result<Opened, Failure> {
        let (Transport::Http(remote) | Transport::Sse(remote)) = &self.target.definition.transport
        else {
            return Err(Failure::Bug);
        };
        let secrets = self.open(&names(&[&remote.headers, &remote.query]))?;
        let origins = std::slice::from_ref(&remote.origin);
        let expose = |name: &SecretName| {
            secrets.expose(name, origins).map(str::to_owned).map_err(secret_failure)
        };
        let headers = remote
            .headers
            .iter()
            .map(|(name, template)| Ok((name.clone(), template.render(&expose)?)))
            .collect::<Result<Vec<_>, Failure>>()?;
        Ok(Opened { headers, target: remote.render_target(&expose)? })
    }

    fn environment(&self) -> Result<Vec<(String, String)>, Failure> {
        let Transport::Stdio(stdio) = &self.target.definition.transport else {
            return Err(Failure::Bug);
        };
        let secrets = self.open(&names(&[&stdio.env]))?;
        let places = [Binding::Server(self.target.server.clone())];
        let expose = |name: &SecretName| {
            secrets.expose_to(name, &places).map(str::to_owned).map_err(secret_failure)
        };
        stdio
            .env
            .iter()
            .map(|(name, template)| Ok((name.clone(), template.render(&expose)?)))
            .collect()
    }
    fn mask<'a>(&self, text: &'a str) -> (Cow<'a, str>, u64) {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        let masker = snapshot.vault.masker(&self.target.tenant, &self.names);
        match masker.mask(text.as_bytes()) {
            (Cow::Borrowed(_), count) => (Cow::Borrowed(text), count),
            (Cow::Owned(clean), count) => {
                (Cow::Owned(String::from_utf8_lossy(&clean).into_owned()), count)
            }
        }
    }
}
