//! Keys of subjects: what is kept of a person's or an agent's calls is sealed under a key of its
//! own, so that destroying the key destroys all of it, wherever copies are.
//!
//! The key is stored wrapped by the master key, in 69 bytes: format 1, the id of the master key (8),
//! a nonce (12), the key under AES-256-GCM (48). What it seals is: format 1, a nonce (12), the text
//! under AES-256-GCM. Both are bound to where they belong: the key to tenant, subject and its own id,
//! a payload to tenant, subject, call and part. Nonces are random; a key may seal 2^32 payloads (NIST
//! SP 800-38D, 8.3).

use std::fmt;

use lanyard_core::{PayloadPart, PayloadSubject, RecordId, TenantName};
use ring::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use zeroize::Zeroizing;

use crate::key_file::KEY_BYTES;
use crate::master::{KEY_ID_BYTES, MasterKey, sealing_key};
use crate::random::{fill_random, random_array};
use crate::sealed::{OpenError, SealError, Sealed};

const FORMAT: u8 = 1;
const TAG_BYTES: usize = 16;

/// Where a subject's key belongs. It opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubjectPlace<'a> {
    /// The tenant.
    pub tenant: &'a TenantName,
    /// The subject.
    pub subject: &'a PayloadSubject,
    /// The key's own id.
    pub key: &'a RecordId,
}

/// Where a payload belongs. It opens nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadPlace<'a> {
    /// The tenant.
    pub tenant: &'a TenantName,
    /// The subject.
    pub subject: &'a PayloadSubject,
    /// The call.
    pub call: &'a RecordId,
    /// Which part of it.
    pub part: PayloadPart,
}

/// The key of one subject.
pub struct SubjectKey(LessSafeKey);

impl fmt::Debug for SubjectKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SubjectKey(..)")
    }
}

impl MasterKey {
    /// Makes a key for a subject, as it is to be stored.
    pub fn make_subject_key(&self, place: &SubjectPlace<'_>) -> Result<Sealed, SealError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        fill_random(key.as_mut_slice())?;
        let mut wrapped = Vec::with_capacity(KEY_BYTES.saturating_add(TAG_BYTES));
        wrapped.extend_from_slice(key.as_slice());
        let nonce = random_array::<NONCE_LEN>()?;
        self.wrap_key()
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.bound(self)),
                &mut wrapped,
            )
            .map_err(|_unspecified| SealError::Cipher)?;
        let id = self.id_bytes().as_slice();
        Ok(Sealed::from_bytes([&[FORMAT], id, &nonce, &wrapped].concat()))
    }

    /// Opens a stored key for the place that it was made for.
    pub fn open_subject_key(
        &self,
        place: &SubjectPlace<'_>,
        stored: &Sealed,
    ) -> Result<SubjectKey, OpenError> {
        let (format, rest) = stored.as_bytes().split_first().ok_or(OpenError::Format)?;
        let (id, rest) = rest.split_first_chunk::<KEY_ID_BYTES>().ok_or(OpenError::Format)?;
        let (nonce, wrapped) = rest.split_first_chunk::<NONCE_LEN>().ok_or(OpenError::Format)?;
        if *format != FORMAT {
            return Err(OpenError::Format);
        }
        if id != self.id_bytes() {
            return Err(OpenError::OtherKey);
        }
        let mut wrapped = Zeroizing::new(wrapped.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let key = self
            .wrap_key()
            .open_in_place(nonce, Aad::from(place.bound(self)), wrapped.as_mut_slice())
            .map_err(|_unspecified| OpenError::Changed)?;
        let key = key.first_chunk::<KEY_BYTES>().ok_or(OpenError::Changed)?;
        sealing_key(key).map(SubjectKey).map_err(|_unspecified| OpenError::Changed)
    }
}

impl SubjectPlace<'_> {
    fn bound(&self, master: &MasterKey) -> Vec<u8> {
        fields(&[
            b"lanyard subject key",
            &[FORMAT],
            master.id_bytes(),
            self.tenant.as_str().as_bytes(),
            self.subject.to_string().as_bytes(),
            self.key.as_str().as_bytes(),
        ])
    }
}

impl SubjectKey {
    /// Seals a payload for one place.
    pub fn seal(&self, place: &PayloadPlace<'_>, text: &str) -> Result<Vec<u8>, SealError> {
        let nonce = random_array::<NONCE_LEN>()?;
        // Room for the tag from the start: a buffer that grows leaves plaintext behind.
        let mut content = Vec::with_capacity(text.len().saturating_add(TAG_BYTES));
        content.extend_from_slice(text.as_bytes());
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(place.bound()),
                &mut content,
            )
            .map_err(|_unspecified| SealError::Cipher)?;
        Ok([&[FORMAT], nonce.as_slice(), &content].concat())
    }

    /// Opens what was sealed for this very place.
    pub fn open(&self, place: &PayloadPlace<'_>, sealed: &[u8]) -> Result<String, OpenError> {
        let (format, rest) = sealed.split_first().ok_or(OpenError::Format)?;
        let (nonce, content) = rest.split_first_chunk::<NONCE_LEN>().ok_or(OpenError::Format)?;
        if *format != FORMAT {
            return Err(OpenError::Format);
        }
        let mut content = Zeroizing::new(content.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let text = self
            .0
            .open_in_place(nonce, Aad::from(place.bound()), content.as_mut_slice())
            .map_err(|_unspecified| OpenError::Changed)?;
        std::str::from_utf8(text).map(str::to_owned).map_err(|_place| OpenError::Changed)
    }
}

impl PayloadPlace<'_> {
    fn bound(&self) -> Vec<u8> {
        fields(&[
            b"lanyard payload",
            &[FORMAT],
            self.tenant.as_str().as_bytes(),
            self.subject.to_string().as_bytes(),
            self.call.as_str().as_bytes(),
            self.part.as_str().as_bytes(),
        ])
    }
}

/// Fields with their lengths, so that no two lists of fields give the same bytes.
fn fields(fields: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    for field in fields {
        // The longest is a name, so that its length always fits.
        bytes.extend_from_slice(&u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(field);
    }
    bytes
}

#[cfg(test)]
mod tests;
