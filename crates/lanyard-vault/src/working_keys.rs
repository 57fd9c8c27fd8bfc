//! The derived keys that others use: to sign checkpoints, to digest arguments, to seal session ids
//! and what approvers are shown. Each can do its one thing and nothing else.

use std::fmt;
use std::sync::Arc;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use lanyard_core::Sign;
use ring::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use ring::hmac;
use ring::signature::{Ed25519KeyPair, KeyPair as _};

use crate::random::{RandomError, random_array};

/// Signs the audit log's checkpoints with Ed25519.
#[derive(Clone)]
pub struct Signer(Arc<Ed25519KeyPair>);

impl Signer {
    pub(crate) fn new(key: Arc<Ed25519KeyPair>) -> Self {
        Self(key)
    }
}

impl Sign for Signer {
    fn public_key(&self) -> [u8; 32] {
        // An Ed25519 public key has 32 bytes (RFC 8032, 5.1.5), which `ring` does not say in a
        // type.
        self.0.public_key().as_ref().try_into().unwrap_or([0; 32])
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        // And a signature has 64 (RFC 8032, 5.1.6).
        self.0.sign(message).as_ref().try_into().unwrap_or([0; 64])
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Signer(..)")
    }
}

/// Makes digests that only this gateway can make: who has the log cannot try out what the
/// arguments may have been.
#[derive(Clone)]
pub struct Digester(hmac::Key);

impl Digester {
    pub(crate) fn new(key: hmac::Key) -> Self {
        Self(key)
    }

    /// The HMAC-SHA-256 of a text, in hexadecimal.
    pub fn digest(&self, text: &str) -> String {
        HEXLOWER.encode(hmac::sign(&self.0, text.as_bytes()).as_ref())
    }
}

impl fmt::Debug for Digester {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Digester(..)")
    }
}

/// The first byte of a sealed session, and the associated data that goes with it.
const SESSION_FORMAT: u8 = 1;
const SESSION_CONTEXT: &[u8] = b"lanyard session v1";

/// A session id is a few names and numbers; what is much longer was not sealed here.
const SESSION_TEXT_BYTES_MAX: usize = 4096;

/// Seals what a session id carries, so that a client can hold it and can neither read nor change
/// it. Random nonces of 96 bits are safe for 2^32 sessions under one key (NIST SP 800-38D, 8.3).
#[derive(Clone)]
pub struct SessionSealer(LessSafeKey);

impl SessionSealer {
    pub(crate) fn new(key: LessSafeKey) -> Self {
        Self(key)
    }

    /// Seals bytes into text of the URL-safe base64 alphabet.
    pub fn seal(&self, content: &[u8]) -> Result<String, RandomError> {
        let nonce = random_array::<NONCE_LEN>()?;
        let mut sealed = content.to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(SESSION_CONTEXT),
                &mut sealed,
            )
            .map_err(|_too_long| RandomError)?;
        let whole = [&[SESSION_FORMAT], nonce.as_slice(), sealed.as_slice()].concat();
        Ok(BASE64URL_NOPAD.encode(&whole))
    }

    /// Opens what [`Self::seal`] made under the same key; `None` for anything else.
    pub fn open(&self, text: &str) -> Option<Vec<u8>> {
        if text.len() > SESSION_TEXT_BYTES_MAX {
            return None;
        }
        let whole = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
        let (format, rest) = whole.split_first()?;
        if *format != SESSION_FORMAT {
            return None;
        }
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut content = sealed.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(SESSION_CONTEXT), &mut content).ok()?;
        let length = opened.len();
        content.truncate(length);
        Some(content)
    }
}

impl fmt::Debug for SessionSealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionSealer(..)")
    }
}

/// Seals what an approver is to be shown of a call, for as long as it is kept. What was sealed for
/// one request opens for no other. Random nonces of 96 bits are safe for 2^32 of them under one key.
#[derive(Clone)]
pub struct ApprovalSealer(LessSafeKey);

impl ApprovalSealer {
    pub(crate) fn new(key: LessSafeKey) -> Self {
        Self(key)
    }

    /// Seals a text for one request.
    pub fn seal(&self, request: &str, text: &str) -> Result<Vec<u8>, RandomError> {
        let nonce = random_array::<NONCE_LEN>()?;
        let mut sealed = text.as_bytes().to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(request.as_bytes()),
                &mut sealed,
            )
            .map_err(|_too_long| RandomError)?;
        Ok([nonce.as_slice(), sealed.as_slice()].concat())
    }

    /// Opens what [`Self::seal`] made for this request under the same key; `None` for anything else.
    pub fn open(&self, request: &str, sealed: &[u8]) -> Option<String> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let mut content = rest.to_vec();
        let opened =
            self.0.open_in_place(nonce, Aad::from(request.as_bytes()), &mut content).ok()?;
        String::from_utf8(opened.to_vec()).ok()
    }
}

impl fmt::Debug for ApprovalSealer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApprovalSealer(..)")
    }
}

#[cfg(test)]
mod tests;
