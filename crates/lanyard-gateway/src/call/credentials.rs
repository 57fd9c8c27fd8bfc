//! Opens the credentials of a server that speaks MCP: for one request, or for one start.

use std::sync::Arc;

use lanyard_connect::mcp::{Credentials, Opened, Target};
use lanyard_core::{Failure, SecretName, SecretSource as _};
use lanyard_mcp::{Remote, Stdio, Template, Transport};
use lanyard_vault::OpenSecrets;
use tokio::sync::watch;

use super::stages::secret_failure;
use crate::snapshot::Snapshot;

/// The credentials of one server, opened from the newest configuration each time: a rotated secret
/// is used from the next request on.
#[derive(Debug)]
pub(crate) struct ServerCredentials {
    target: Arc<Target>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
}

impl ServerCredentials {
    pub(crate) fn new(target: Arc<Target>, snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        Self { target, snapshots }
    }

    fn open(&self, names: &[SecretName]) -> Result<OpenSecrets, Failure> {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        snapshot.vault.arm(&self.target.tenant, names).map_err(secret_failure)
    }
}

fn names<'a>(templates: impl Iterator<Item = &'a (String, Template)>) -> Vec<SecretName> {
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
        let Remote { origin, target, headers, query } = remote;
        let secrets = self.open(&names(headers.iter().chain(query)))?;
        let origins = std::slice::from_ref(origin);
        let expose = |name: &SecretName| secrets.expose(name, origins).map_err(secret_failure);
        let headers = headers
            .iter()
            .map(|(name, template)| Ok((name.clone(), template.render(&expose)?)))
            .collect::<Result<Vec<_>, Failure>>()?;
        let mut target = target.clone();
        for (name, template) in query {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(&encode(name));
            target.push('=');
            target.push_str(&encode(&template.render(&expose)?));
        }
        Ok(Opened { headers, target })
    }

    fn environment(&self) -> Result<Vec<(String, String)>, Failure> {
        let Transport::Stdio(Stdio { env, .. }) = &self.target.definition.transport else {
            return Err(Failure::Bug);
        };
        let secrets = self.open(&names(env.iter()))?;
        let server = &self.target.server;
        let expose =
            |name: &SecretName| secrets.expose_to_server(name, server).map_err(secret_failure);
        env.iter()
            .map(|(name, template)| Ok((name.clone(), template.render(&expose)?)))
            .collect()
    }
}

/// A part of a query, percent-encoded but for what RFC 3986 calls unreserved.
fn encode(text: &str) -> String {
    const HEX: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for nibble in [byte >> 4, byte & 15] {
                out.push(HEX.get(usize::from(nibble)).copied().unwrap_or('0'));
            }
        }
    }
    out
}
