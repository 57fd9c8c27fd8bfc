//! The master key: the root from which every key of the gateway is derived.
//!
//! One file of 32 random bytes, five keys by HKDF-SHA256 (RFC 5869), each with its own `info`
//! text, so that knowing one of them tells nothing about another.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use ring::error::Unspecified;
use ring::hkdf;
use ring::hmac;
use ring::signature::Ed25519KeyPair;
use zeroize::Zeroizing;

use crate::key_file::{self, KEY_BYTES, KeyFileError};
use crate::random::fill_random;
use crate::working_keys::{ApprovalSealer, Digester, SessionSealer, Signer};

/// The length of a key's id: long enough to tell keys apart, and no more.
pub(crate) const KEY_ID_BYTES: usize = 8;

/// The salt of the extraction. HKDF asks for a fixed one where none is secret.
const SALT: &[u8] = b"lanyard master key v1";

/// The key that wraps the data key of each secret.
const INFO_WRAP: &[u8] = b"lanyard v1 wrap data keys";
/// The seed of the Ed25519 key that signs the audit log's checkpoints.
const INFO_SIGN: &[u8] = b"lanyard v1 sign checkpoints";
/// The HMAC key of the arguments' digests.
const INFO_DIGEST: &[u8] = b"lanyard v1 digest arguments";
/// The key that seals session ids.
const INFO_SESSION: &[u8] = b"lanyard v1 seal sessions";
/// The key that seals what approvers are shown.
const INFO_APPROVAL: &[u8] = b"lanyard v1 seal approvals";
/// The id by which the key is recognised; not a key.
const INFO_ID: &[u8] = b"lanyard v1 key id";

/// The root of all keys. Holds what is derived from it, not the bytes of the file.
pub struct MasterKey {
    id: [u8; KEY_ID_BYTES],
    wrap: LessSafeKey,
    sign: Arc<Ed25519KeyPair>,
    digest: hmac::Key,
    session: LessSafeKey,
    approval: LessSafeKey,
}

impl MasterKey {
    /// Makes a key and writes it to a new file that only its owner can read. Fails if anything
    /// is at `path`.
    pub fn create(path: &Path) -> Result<Self, KeyFileError> {
        let bytes = new_bytes()?;
        key_file::create(path, &bytes)?;
        Self::from_bytes(&bytes)
    }

    /// Reads the key from its file. Refuses a file that others can read, that belongs to
    /// another user, or that is a link.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        Self::from_bytes(&*key_file::load(path)?)
    }

    /// A key that no file holds: what it seals is lost with the process. For tests.
    pub fn ephemeral() -> Result<Self, KeyFileError> {
        Self::from_bytes(&*new_bytes()?)
    }

    /// What tells this key from others, in hexadecimal. Safe to show and to store.
    pub fn id(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.id)
    }

    /// The key that signs the audit log's checkpoints.
    pub fn signer(&self) -> Signer {
        Signer::new(Arc::clone(&self.sign))
    }

    /// The key of the arguments' digests.
    pub fn digester(&self) -> Digester {
        Digester::new(self.digest.clone())
    }

    /// The key that seals session ids.
    pub fn session_sealer(&self) -> SessionSealer {
        SessionSealer::new(self.session.clone())
    }

    /// The key that seals what approvers are shown of calls.
    pub fn approval_sealer(&self) -> ApprovalSealer {
        ApprovalSealer::new(self.approval.clone())
    }

    pub(crate) fn id_bytes(&self) -> &[u8; KEY_ID_BYTES] {
        &self.id
    }

    pub(crate) fn wrap_key(&self) -> &LessSafeKey {
        &self.wrap
    }

    pub(crate) fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Result<Self, KeyFileError> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, SALT).extract(bytes);
        Self::derive(&root)
            .map_err(|_unspecified| KeyFileError::Unmade("the key derivation failed"))
    }

    fn derive(root: &hkdf::Prk) -> Result<Self, Unspecified> {
        let mut id = [0; KEY_ID_BYTES];
        for (to, from) in id.iter_mut().zip(expand(root, INFO_ID)?.iter()) {
            *to = *from;
        }
        let sign = Ed25519KeyPair::from_seed_unchecked(&*expand(root, INFO_SIGN)?)
            .map_err(|_rejected| Unspecified)?;
        Ok(Self {
            id,
            wrap: sealing_key(&*expand(root, INFO_WRAP)?)?,
            sign: Arc::new(sign),
            digest: hmac::Key::new(hmac::HMAC_SHA256, &*expand(root, INFO_DIGEST)?),
            session: sealing_key(&*expand(root, INFO_SESSION)?)?,
            approval: sealing_key(&*expand(root, INFO_APPROVAL)?)?,
        })
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MasterKey(..)")
    }
}

/// An AES-256-GCM key.
pub(crate) fn sealing_key(bytes: &[u8; KEY_BYTES]) -> Result<LessSafeKey, Unspecified> {
    UnboundKey::new(&AES_256_GCM, bytes).map(LessSafeKey::new)
}

fn expand(root: &hkdf::Prk, info: &[u8]) -> Result<Zeroizing<[u8; KEY_BYTES]>, Unspecified> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    root.expand(&[info], hkdf::HKDF_SHA256)?.fill(&mut *bytes)?;
    Ok(bytes)
}

fn new_bytes() -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyFileError> {
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    fill_random(bytes.as_mut_slice())
        .map_err(|_random| KeyFileError::Unmade("the operating system gives no random bytes"))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
