//! The port through which a request template meets a secret. The vault offers it, the REST crate
//! uses it, and neither knows the other.

use thiserror::Error;

use crate::{Origin, SecretName};

/// Why a secret is not available to a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SecretError {
    /// It has no value yet, or does not exist.
    #[error("{} is not set", .0.reference())]
    Unset(SecretName),
    /// It may not go to this request's origin.
    #[error("{} is not bound to this origin", .0.reference())]
    Origin(SecretName),
    /// It cannot be opened.
    #[error("{} cannot be opened", .0.reference())]
    Unreadable(SecretName),
}

/// The opened secrets of one call.
pub trait SecretSource {
    /// The value of a secret, for a request to one of `origins`. Fails unless the secret is bound
    /// to every one of them. The value is borrowed and must not outlive the building of the
    /// request.
    fn expose(&self, name: &SecretName, origins: &[Origin]) -> Result<&str, SecretError>;
}

/// A signing key that does not leave its owner. The vault offers it, the store signs the audit
/// log's checkpoints with it.
pub trait Sign: Send + Sync + std::fmt::Debug {
    /// The Ed25519 public key.
    fn public_key(&self) -> [u8; 32];

    /// The Ed25519 signature of a message.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}
