//! Opens the credentials of a server that speaks MCP: for one request, or for one start.

use std::borrow::Cow;
use std::sync::Arc;

use lanyard_connect::mcp::{Credentials, Opened, Target};
use lanyard_core::{
    Binding, CredentialUse, Failure, SecretError, SecretName, SecretSource as _, UserName,
};
use lanyard_mcp::{Remote, Template, Transport, UserKey};
use lanyard_vault::{Masker, OpenSecrets};
use tokio::sync::watch;

use super::stages::secret_failure;
use crate::snapshot::{ServerEntry, Snapshot, ToolEntry, UserCredential, UserEntry};

/// The credentials of one server, opened from the newest configuration each time: a rotated secret
/// is used from the next request on.
///
/// Those of a user come with the server's, and take the place of what belongs to the same place. They
/// are given out only while they are those that the session was opened for.
#[derive(Debug)]
pub(crate) struct ServerCredentials {
    target: Arc<Target>,
    /// All that its definition names.
    names: Vec<SecretName>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    own: Option<Own>,
}

/// Whose own credentials come with the server's.
#[derive(Debug)]
struct Own {
    user: UserName,
    /// What they held when the session was chosen; see [`UserEntry::state`].
    state: u64,
    /// What masks that, also when they hold something else by now.
    masker: Masker,
}

impl ServerCredentials {
    pub(crate) fn new(target: Arc<Target>, snapshots: watch::Receiver<Arc<Snapshot>>) -> Self {
        let names = target.definition.secrets().into_iter().collect();
        Self { target, names, snapshots, own: None }
    }

    /// The same for a user, while they hold what they do in this configuration.
    pub(crate) fn of_user(self, user: &UserName, snapshot: &Snapshot) -> Self {
        let (tenant, server) = (&self.target.tenant, &self.target.server);
        let own = Own {
            user: user.clone(),
            state: snapshot.credential(tenant, server, Some(user)),
            masker: snapshot.own_masker(tenant, server, user),
        };
        Self { own: Some(own), ..self }
    }

    /// What the user holds in the newest configuration. Where that is not what the session was opened
    /// for, the session is over, and whoever comes next gets another.
    fn own<'a>(&self, snapshot: &'a Snapshot) -> Result<&'a [UserCredential], Failure> {
        let Some(Own { user, state, masker: _ }) = &self.own else { return Ok(&[]) };
        let held = snapshot.user(&self.target.tenant, &self.target.server, user);
        if held.map_or(0, UserEntry::state) != *state {
            return Err(Failure::Cancelled);
        }
        Ok(held.map_or(&[], UserEntry::credentials))
    }

    /// Opens what these templates name, and what the user holds.
    fn open(
        &self,
        templates: &[&Template],
        own: &[UserCredential],
        snapshot: &Snapshot,
    ) -> Result<OpenSecrets, Failure> {
        let mut names: Vec<SecretName> =
            templates.iter().flat_map(|template| template.secrets().cloned()).collect();
        names.extend(own.iter().map(|credential| credential.secret.clone()));
        names.sort_unstable();
        names.dedup();
        snapshot.vault.arm(&self.target.tenant, &names).map_err(secret_failure)
    }

    /// The value of what a user holds, for a place that is all of `places` at once. Where the server
    /// is elsewhere by now, the user holds nothing for it.
    fn expose<'a>(
        &self,
        credential: &UserCredential,
        secrets: &'a OpenSecrets,
        places: &[Binding],
    ) -> Result<&'a str, Failure> {
        secrets.expose_to(&credential.secret, places).map_err(|error| match error {
            SecretError::Unset(_) | SecretError::Origin(_) => Failure::UserCredentialMissing {
                server: self.target.server.clone(),
                user: self.own.as_ref().map(|own| own.user.clone()),
            },
            SecretError::Unreadable(name) => Failure::SecretUnreadable { name },
        })
    }

    fn headers(
        &self,
        remote: &Remote,
        own: &[UserCredential],
        secrets: &OpenSecrets,
    ) -> Result<Vec<(String, String)>, Failure> {
        let origins = std::slice::from_ref(&remote.origin);
        let house = |name: &SecretName| {
            secrets.expose(name, origins).map(str::to_owned).map_err(secret_failure)
        };
        let mut headers = left(&remote.headers, |name| overrides_header(own, name))
            .map(|(name, template)| Ok((name.clone(), template.render(&house)?)))
            .collect::<Result<Vec<_>, Failure>>()?;
        let places =
            [Binding::Server(self.target.server.clone()), Binding::Origin(remote.origin.clone())];
        for credential in own {
            let Some(name) = credential.key.header() else { continue };
            let value = self.expose(credential, secrets, &places)?;
            let value = match &credential.key {
                UserKey::Bearer => format!("Bearer {value}"),
                UserKey::Header(_) | UserKey::Env(_) => value.to_owned(),
            };
            headers.retain(|(known, _)| known != name);
            headers.push((name.to_owned(), value));
        }
        Ok(headers)
    }
}

/// The stored secrets that a call will use, by a configuration, without opening any: those of the
/// tool, or of the server where it speaks MCP, with the user's own in their places. One without a
/// value is not there to be used.
pub(super) fn credential_uses(
    snapshot: &Snapshot,
    server: &ServerEntry,
    tool: Option<&ToolEntry>,
    user: Option<&UserName>,
) -> Vec<CredentialUse> {
    let mut names: Vec<&SecretName> = match (server.as_mcp(), tool.and_then(ToolEntry::as_rest)) {
        (Some(mcp), _) => {
            let held = user.and_then(|user| snapshot.user(&server.tenant, &server.name, user));
            sent(&mcp.target.definition.transport, held.map_or(&[], UserEntry::credentials))
        }
        (None, Some(rest)) => rest.tool.secrets().iter().collect(),
        (None, None) => Vec::new(),
    };
    names.sort_unstable();
    names.dedup();
    let used = names.into_iter().filter_map(|name| {
        let version = snapshot.vault.version(&server.tenant, name)?;
        Some(CredentialUse { name: name.clone(), version })
    });
    used.collect()
}

/// What goes to a server that speaks MCP: what its definition gives, and what a user holds.
fn sent<'a>(transport: &'a Transport, own: &'a [UserCredential]) -> Vec<&'a SecretName> {
    match transport {
        Transport::Stdio(stdio) => {
            let given = left(&stdio.env, |name| overrides_variable(own, name));
            let held = own.iter().filter(|it| it.key.variable().is_some());
            secrets_of(given).chain(held.map(|it| &it.secret)).collect()
        }
        Transport::Http(remote) | Transport::Sse(remote) => {
            let given = left(&remote.headers, |name| overrides_header(own, name));
            let held = own.iter().filter(|it| it.key.header().is_some());
            let given = secrets_of(given.chain(&remote.query));
            given.chain(held.map(|it| &it.secret)).collect()
        }
    }
}

fn secrets_of<'a>(
    given: impl Iterator<Item = &'a (String, Template)>,
) -> impl Iterator<Item = &'a SecretName> {
    given.flat_map(|(_, template)| template.secrets())
}

/// What the definition gives beside what a user holds.
fn left(
    given: &[(String, Template)],
    overridden: impl Fn(&str) -> bool,
) -> impl Iterator<Item = &(String, Template)> {
    given.iter().filter(move |(name, _)| !overridden(name))
}

fn overrides_header(own: &[UserCredential], name: &str) -> bool {
    own.iter().any(|credential| credential.key.header() == Some(name))
}

fn overrides_variable(own: &[UserCredential], name: &str) -> bool {
    own.iter().any(|credential| credential.key.variable() == Some(name))
}

impl Credentials for ServerCredentials {
    fn request(&self) -> Result<Opened, Failure> {
        let (Transport::Http(remote) | Transport::Sse(remote)) = &self.target.definition.transport
        else {
            return Err(Failure::Bug);
        };
        let snapshot = Arc::clone(&self.snapshots.borrow());
        let own = self.own(&snapshot)?;
        let headers = left(&remote.headers, |name| overrides_header(own, name));
        let templates: Vec<&Template> =
            headers.chain(&remote.query).map(|(_, template)| template).collect();
        let secrets = self.open(&templates, own, &snapshot)?;
        let origins = std::slice::from_ref(&remote.origin);
        let house = |name: &SecretName| {
            secrets.expose(name, origins).map(str::to_owned).map_err(secret_failure)
        };
        let target = remote.render_target(&house)?;
        Ok(Opened { headers: self.headers(remote, own, &secrets)?, target })
    }

    fn environment(&self) -> Result<Vec<(String, String)>, Failure> {
        let Transport::Stdio(stdio) = &self.target.definition.transport else {
            return Err(Failure::Bug);
        };
        let snapshot = Arc::clone(&self.snapshots.borrow());
        let own = self.own(&snapshot)?;
        let given = || left(&stdio.env, |name| overrides_variable(own, name));
        let templates: Vec<&Template> = given().map(|(_, template)| template).collect();
        let secrets = self.open(&templates, own, &snapshot)?;
        let places = [Binding::Server(self.target.server.clone())];
        let house = |name: &SecretName| {
            secrets.expose_to(name, &places).map(str::to_owned).map_err(secret_failure)
        };
        let mut variables = given()
            .map(|(name, template)| Ok((name.clone(), template.render(&house)?)))
            .collect::<Result<Vec<_>, Failure>>()?;
        for credential in own {
            if let Some(name) = credential.key.variable() {
                let value = self.expose(credential, &secrets, &places)?;
                variables.push((name.to_owned(), value.to_owned()));
            }
        }
        Ok(variables)
    }

    fn mask<'a>(&self, text: &'a str) -> (Cow<'a, str>, u64) {
        let snapshot = Arc::clone(&self.snapshots.borrow());
        let masker = match snapshot.find(&self.target.tenant, &self.target.server) {
            Some(server) => snapshot.masker(server, None),
            None => snapshot.vault.masker(&self.target.tenant, &self.names),
        };
        let (clean, count) = masker.mask_json(text);
        let Some(own) = &self.own else { return (clean, count) };
        match own.masker.mask_json(&clean) {
            (Cow::Borrowed(_), _) => (clean, count),
            (Cow::Owned(cleaner), more) => (Cow::Owned(cleaner), count.saturating_add(more)),
        }
    }
}
