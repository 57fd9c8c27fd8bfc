//! The secrets of a snapshot: sealed, immutable, opened for one call at a time.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use lanyard_core::{Binding, Origin, SecretError, SecretName, SecretSource, TenantName};
use thiserror::Error;

use crate::mask::{Index, Masker, Needles};
use crate::master::MasterKey;
use crate::sealed::{OpenError, Sealed, SecretPlace, SecretValue};

/// One version of a secret, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedVersion {
    /// The version, counted from 1.
    pub number: u32,
    /// Its sealed value.
    pub sealed: Sealed,
}

/// One secret, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretEntry {
    /// Whose it is.
    pub tenant: TenantName,
    /// Its name.
    pub name: SecretName,
    /// Where it may go. Nowhere, if the list is empty.
    pub bound: Vec<Binding>,
    /// The version in use; `None` while the secret is unset.
    pub current: Option<SealedVersion>,
    /// Earlier versions, still masked in answers and never sent.
    pub retained: Vec<SealedVersion>,
}

/// Why the secrets of a snapshot cannot be used at all.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VaultError {
    /// The key file does not belong to the database.
    #[error(
        "{} of tenant {tenant} was sealed under another master key than this one: the key file \
         does not belong to this database", .name.reference()
    )]
    OtherKey {
        /// Whose secret it is.
        tenant: TenantName,
        /// The first secret found so.
        name: SecretName,
    },
}

/// A version that does not open. Calls that need it fail; the others go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// Whose it is.
    pub tenant: TenantName,
    /// The secret's name.
    pub name: SecretName,
    /// The version.
    pub version: u32,
    /// Why it does not open.
    pub reason: OpenError,
}

/// The sealed secrets of a snapshot. Nothing in it changes: a change of a secret is a new vault.
pub struct Vault {
    master: Arc<MasterKey>,
    tenants: HashMap<TenantName, Tenant>,
    unreadable: Vec<Unreadable>,
}

/// The secrets of one tenant, with what masks all of them everywhere.
#[derive(Default)]
struct Tenant {
    secrets: HashMap<SecretName, Secret>,
    everywhere: Option<Arc<Index>>,
}

/// One secret, with what masks its versions prepared.
struct Secret {
    bound: Arc<[Binding]>,
    current: Option<SealedVersion>,
    masked: Vec<MaskedVersion>,
}

/// What masks one version. Kept by the sealed bytes, so that an unchanged version is not opened
/// again for the next snapshot.
#[derive(Clone)]
struct MaskedVersion {
    version: SealedVersion,
    needles: Arc<Needles>,
}

impl Vault {
    /// Builds the vault of a snapshot. Every version is opened once, for what masks it.
    pub fn build(master: &Arc<MasterKey>, entries: Vec<SecretEntry>) -> Result<Self, VaultError> {
        Self::empty(master).rebuild(entries)
    }

    /// Builds the vault of the next snapshot, and opens only what this one does not hold.
    pub fn rebuild(&self, entries: Vec<SecretEntry>) -> Result<Self, VaultError> {
        let mut next = Self::empty(&self.master);
        for entry in entries {
            next.add(self, entry)?;
        }
        for (name, tenant) in &mut next.tenants {
            let known = self.tenants.get(name).and_then(|tenant| tenant.everywhere.clone());
            tenant.index(known);
        }
        Ok(next)
    }

    /// Opens these secrets for one call. Fails at the first that has no value or cannot be
    /// opened; where they may go is checked when one is [exposed](OpenSecrets::expose).
    pub fn arm(
        &self,
        tenant: &TenantName,
        names: &[SecretName],
    ) -> Result<OpenSecrets, SecretError> {
        let mut opened = Vec::with_capacity(names.len());
        for name in names {
            let unset = || SecretError::Unset(name.clone());
            let secret = self.secret(tenant, name).ok_or_else(unset)?;
            let current = secret.current.as_ref().ok_or_else(unset)?;
            let place = SecretPlace { tenant, name, version: current.number };
            let value = self
                .master
                .open(&place, &current.sealed)
                .map_err(|_reason| SecretError::Unreadable(name.clone()))?;
            let bound = Arc::clone(&secret.bound);
            opened.push(OpenSecret { name: name.clone(), bound, value });
        }
        Ok(OpenSecrets(opened))
    }

    /// The version of a secret that a call would be given; `None` while it has no value.
    pub fn version(&self, tenant: &TenantName, name: &SecretName) -> Option<u32> {
        Some(self.secret(tenant, name)?.current.as_ref()?.number)
    }

    /// What masks in what a server says that is given these secrets: every version that is known of
    /// them, and of the tenant's other secrets those that stand nowhere by chance.
    pub fn masker(&self, tenant: &TenantName, names: &[SecretName]) -> Masker {
        let everywhere = self.tenants.get(tenant).and_then(|tenant| tenant.everywhere.clone());
        let everywhere = everywhere.unwrap_or_else(|| Arc::new(Index::new(Vec::new())));
        let secrets = names.iter().filter_map(|name| self.secret(tenant, name));
        let own = secrets.flat_map(|secret| &secret.masked).map(|one| Arc::clone(&one.needles));
        Masker::new(everywhere, own)
    }

    /// The versions that did not open.
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.unreadable
    }

    fn empty(master: &Arc<MasterKey>) -> Self {
        Self { master: Arc::clone(master), tenants: HashMap::new(), unreadable: Vec::new() }
    }

    fn secret(&self, tenant: &TenantName, name: &SecretName) -> Option<&Secret> {
        self.tenants.get(tenant)?.secrets.get(name)
    }

    fn add(&mut self, previous: &Self, entry: SecretEntry) -> Result<(), VaultError> {
        let SecretEntry { tenant, name, bound, current, retained } = entry;
        let known = previous.secret(&tenant, &name).map_or(&[][..], |secret| &secret.masked);
        let mut masked = Vec::new();
        for version in current.iter().chain(&retained) {
            if let Some(same) = known.iter().find(|one| one.version == *version) {
                masked.push(same.clone());
                continue;
            }
            let place = SecretPlace { tenant: &tenant, name: &name, version: version.number };
            match self.master.open(&place, &version.sealed) {
                Ok(value) => {
                    let needles = Arc::new(Needles::new(value.as_str()));
                    masked.push(MaskedVersion { version: version.clone(), needles });
                }
                Err(OpenError::OtherKey) => return Err(VaultError::OtherKey { tenant, name }),
                Err(reason @ (OpenError::Format | OpenError::Changed)) => {
                    self.unreadable.push(Unreadable {
                        tenant: tenant.clone(),
                        name: name.clone(),
                        version: version.number,
                        reason,
                    });
                }
            }
        }
        let secret = Secret { bound: bound.into(), current, masked };
        self.tenants.entry(tenant).or_default().secrets.insert(name, secret);
        Ok(())
    }
}

impl Tenant {
    /// Makes what masks everywhere, unless the one that is known is over the same versions.
    fn index(&mut self, known: Option<Arc<Index>>) {
        let versions = self.secrets.values().flat_map(|secret| &secret.masked);
        let needles = versions.map(|one| &one.needles).filter(|needles| needles.has_wide());
        let needles: Vec<_> = needles.cloned().collect();
        let same = known.filter(|known| known.is_over(&needles));
        self.everywhere = Some(same.unwrap_or_else(|| Arc::new(Index::new(needles))));
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Vault(..)")
    }
}

/// The opened secrets of one call. Dropped, and wiped, when its request is built. Only
/// [`Vault::arm`] makes one, for one call:
///
/// ```compile_fail,E0423
/// let forged = lanyard_vault::OpenSecrets(Vec::new());
/// ```
///
/// ```compile_fail,E0308
/// fn twice(secrets: &lanyard_vault::OpenSecrets) -> lanyard_vault::OpenSecrets {
///     secrets.clone()
/// }
/// ```
pub struct OpenSecrets(Vec<OpenSecret>);

struct OpenSecret {
    name: SecretName,
    bound: Arc<[Binding]>,
    value: SecretValue,
}

impl OpenSecrets {
    /// The value of a secret, for a place that is all of `places` at once: a server's process, or
    /// a server at its origin. Fails unless the secret is bound to every one of them.
    pub fn expose_to(&self, name: &SecretName, places: &[Binding]) -> Result<&str, SecretError> {
        let secret = self.find(name)?;
        // A place that is nowhere is no reason to hand out a value either.
        let bound = !places.is_empty() && places.iter().all(|one| secret.bound.contains(one));
        if bound { Ok(secret.value.as_str()) } else { Err(SecretError::Origin(name.clone())) }
    }

    fn find(&self, name: &SecretName) -> Result<&OpenSecret, SecretError> {
        let found = self.0.iter().find(|secret| secret.name == *name);
        found.ok_or_else(|| SecretError::Unset(name.clone()))
    }
}

impl SecretSource for OpenSecrets {
    fn expose(&self, name: &SecretName, origins: &[Origin]) -> Result<&str, SecretError> {
        let secret = self.find(name)?;
        let to = |origin: &Origin| {
            let is = |bound: &Binding| matches!(bound, Binding::Origin(one) if one == origin);
            secret.bound.iter().any(is)
        };
        let bound = !origins.is_empty() && origins.iter().all(to);
        if bound { Ok(secret.value.as_str()) } else { Err(SecretError::Origin(name.clone())) }
    }
}

impl fmt::Debug for OpenSecrets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OpenSecrets(..)")
    }
}

#[cfg(test)]
mod tests;
