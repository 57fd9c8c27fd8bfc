//! The envelope in which a secret is stored: a data key of its own for every version, wrapped by
//! the master key, and a binding to the place it was made for.
//!
//! Layout of format 1, in bytes:
//!
//! | from | length | what |
//! |---|---|---|
//! | 0 | 1 | format, 1 |
//! | 1 | 8 | id of the master key |
//! | 9 | 12 | nonce of the data key |
//! | 21 | 48 | data key, AES-256-GCM under the wrapping key |
//! | 69 | 12 | nonce of the value |
//! | 81 | n + 16 | value, AES-256-GCM under the data key |
//!
//! Both parts are sealed with associated data: what the part is, the format, the key's id,
//! tenant, name and version, each with its length before it. An envelope that is moved to
//! another secret, version or tenant does not open there.
//!
//! Nonces are random. The value's key is used once; the wrapping key may seal 2^32 data keys
//! (NIST SP 800-38D, 8.3).

use std::fmt;

use lanyard_core::{SecretName, TenantName};
use ring::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::intake::SecretText;
use crate::key_file::KEY_BYTES;
use crate::master::{KEY_ID_BYTES, MasterKey, sealing_key};
use crate::random::{RandomError, fill_random, random_array};

const FORMAT: u8 = 1;
const TAG_BYTES: usize = 16;
const WRAPPED_BYTES: usize = KEY_BYTES + TAG_BYTES;

/// A sealed secret, as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// The bytes of a stored row. Whether they open is found when they are opened.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Sealed({} bytes)", self.0.len())
    }
}

/// Where a sealed secret belongs. It opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretPlace<'a> {
    /// The tenant.
    pub tenant: &'a TenantName,
    /// The secret's name.
    pub name: &'a SecretName,
    /// The version, counted from 1.
    pub version: u32,
}

/// Why a secret was not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SealError {
    /// No randomness for key and nonces.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The cipher refused.
    #[error("the cipher refused")]
    Cipher,
}

/// Why a sealed secret does not open. Holds nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpenError {
    /// It is of a later version of Lanyard, or no envelope at all.
    #[error("its format is not known to this version")]
    Format,
    /// It was sealed under another master key.
    #[error("it was sealed under another master key")]
    OtherKey,
    /// It was changed, or moved from another secret, version or tenant.
    #[error("it was changed, or belongs to another secret or version")]
    Changed,
}

/// An opened secret. `expose` on [`crate::OpenSecrets`] is the only way to it from outside.
pub(crate) struct SecretValue(Zeroizing<String>);

impl SecretValue {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretValue(..)")
    }
}

impl MasterKey {
    /// Seals a credential for one place.
    pub fn seal(&self, place: &SecretPlace<'_>, text: &SecretText) -> Result<Sealed, SealError> {
        let mut data_key = Zeroizing::new([0; KEY_BYTES]);
        fill_random(data_key.as_mut_slice())?;
        let mut wrapped = Vec::with_capacity(WRAPPED_BYTES);
        wrapped.extend_from_slice(data_key.as_slice());
        let wrap_nonce =
            seal_in_place(self.wrap_key(), &self.bound(Part::DataKey, place), &mut wrapped)?;

        let value_key = sealing_key(&data_key).map_err(|_unspecified| SealError::Cipher)?;
        // Room for the tag from the start: a buffer that grows leaves plaintext behind.
        let mut value = Vec::with_capacity(text.as_bytes().len().saturating_add(TAG_BYTES));
        value.extend_from_slice(text.as_bytes());
        let value_nonce = seal_in_place(&value_key, &self.bound(Part::Value, place), &mut value)?;

        let id = self.id_bytes().as_slice();
        Ok(Sealed([&[FORMAT], id, &wrap_nonce, &wrapped, &value_nonce, &value].concat()))
    }

    /// Opens what was sealed for this very place.
    pub(crate) fn open(
        &self,
        place: &SecretPlace<'_>,
        sealed: &Sealed,
    ) -> Result<SecretValue, OpenError> {
        let envelope = Envelope::parse(&sealed.0).ok_or(OpenError::Format)?;
        if envelope.key_id != self.id_bytes() {
            return Err(OpenError::OtherKey);
        }
        let mut wrapped = Zeroizing::new(*envelope.wrapped);
        let data_key = open_in_place(
            self.wrap_key(),
            envelope.wrap_nonce,
            &self.bound(Part::DataKey, place),
            wrapped.as_mut_slice(),
        )?;
        let data_key = data_key.first_chunk::<KEY_BYTES>().ok_or(OpenError::Changed)?;
        let value_key = sealing_key(data_key).map_err(|_unspecified| OpenError::Changed)?;
        let mut value = Zeroizing::new(envelope.value.to_vec());
        let bound = self.bound(Part::Value, place);
        let value = open_in_place(&value_key, envelope.value_nonce, &bound, &mut value)?;
        let text = std::str::from_utf8(value).map_err(|_place| OpenError::Changed)?;
        Ok(SecretValue(Zeroizing::new(text.to_owned())))
    }

    /// The associated data of a part: fields with their lengths, so that no two lists of fields
    /// give the same bytes.
    fn bound(&self, part: Part, place: &SecretPlace<'_>) -> Vec<u8> {
        let version = place.version.to_be_bytes();
        let fields: [&[u8]; 6] = [
            part.label(),
            &[FORMAT],
            self.id_bytes(),
            place.tenant.as_str().as_bytes(),
            place.name.as_str().as_bytes(),
            &version,
        ];
        let mut bytes = Vec::with_capacity(256);
        for field in fields {
            // A name has at most 64 bytes, so that its length always fits.
            bytes.extend_from_slice(&u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
            bytes.extend_from_slice(field);
        }
        bytes
    }
}

/// The two sealed parts of an envelope.
#[derive(Clone, Copy)]
enum Part {
    DataKey,
    Value,
}

impl Part {
    fn label(self) -> &'static [u8] {
        match self {
            Self::DataKey => b"lanyard secret data key",
            Self::Value => b"lanyard secret value",
        }
    }
}

/// An envelope's fields, not yet opened.
struct Envelope<'a> {
    key_id: &'a [u8; KEY_ID_BYTES],
    wrap_nonce: &'a [u8; NONCE_LEN],
    wrapped: &'a [u8; WRAPPED_BYTES],
    value_nonce: &'a [u8; NONCE_LEN],
    value: &'a [u8],
}

impl<'a> Envelope<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (format, rest) = bytes.split_first()?;
        if *format != FORMAT {
            return None;
        }
        let (key_id, rest) = rest.split_first_chunk()?;
        let (wrap_nonce, rest) = rest.split_first_chunk()?;
        let (wrapped, rest) = rest.split_first_chunk()?;
        let (value_nonce, value) = rest.split_first_chunk()?;
        Some(Self { key_id, wrap_nonce, wrapped, value_nonce, value })
    }
}

fn seal_in_place(
    key: &LessSafeKey,
    bound: &[u8],
    buffer: &mut Vec<u8>,
) -> Result<[u8; NONCE_LEN], SealError> {
    let nonce = random_array()?;
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound), buffer)
        .map_err(|_unspecified| SealError::Cipher)?;
    Ok(nonce)
}

fn open_in_place<'b>(
    key: &LessSafeKey,
    nonce: &[u8; NONCE_LEN],
    bound: &[u8],
    buffer: &'b mut [u8],
) -> Result<&'b [u8], OpenError> {
    key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(bound), buffer)
        .map(|opened| &*opened)
        .map_err(|_unspecified| OpenError::Changed)
}

#[cfg(test)]
mod tests;
