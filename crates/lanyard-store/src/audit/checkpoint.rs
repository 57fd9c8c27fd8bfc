//! Checkpoints: signed notes that say how many records there are and what the last one is.
//!
//! The form is that of C2SP's signed notes (<https://c2sp.org/signed-note>) with a body as in
//! tlog-checkpoint (<https://c2sp.org/tlog-checkpoint>): origin, size, hash. The hash is the
//! head of the chain, not the root of a tree, which the origin's `lanyard/audit/` says.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, HEXLOWER};
use lanyard_core::Sign;
use ring::digest::{Context, SHA256, digest};
use ring::signature::{ED25519, UnparsedPublicKey};
use thiserror::Error;

/// What names of keys and origins of checkpoints begin with.
const NAME_PREFIX: &str = "lanyard/audit/";

/// How signed notes number Ed25519.
const ALGORITHM: u8 = 0x01;

/// What a line with a signature begins with.
const SIGNATURE_PREFIX: &str = "\u{2014} ";

/// The number of records and the hash of the last one: which log this is, up to here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogHead {
    /// How many records there are, which is the number of the last.
    pub size: u64,
    /// SHA-256 of the last one's line.
    pub head: [u8; 32],
}

/// `SIZE HASH`, the hash in hexadecimal.
impl fmt::Display for LogHead {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.size, HEXLOWER.encode(&self.head))
    }
}

impl LogHead {
    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (size, head) = text.split_once(' ')?;
        let head = HEXLOWER.decode(head.as_bytes()).ok()?.try_into().ok()?;
        Some(Self { size: size.parse().ok()?, head })
    }
}

/// The public key of a log: enough to prove it.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyKey {
    bytes: [u8; 32],
    name: String,
}

/// Why a text is not a log's public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VerifyKeyError {
    /// Not of the form `name+hash+key`.
    #[error("a key is written lanyard/audit/ID+HASH+KEY, as `lanyard audit key` prints it")]
    Form,
    /// Name, hash and key do not belong together.
    #[error("the key's name and hash do not belong to the key: it is damaged")]
    Mismatch,
}

/// Why a text is not a checkpoint of this log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// Not of the form of a checkpoint.
    #[error("it is not a checkpoint, or damaged")]
    Form,
    /// Another key's checkpoint.
    #[error("it belongs to another key: {found}")]
    OtherKey {
        /// The name of the other key.
        found: String,
    },
    /// The text is not what was signed.
    #[error("its signature is not valid")]
    Signature,
}

impl VerifyKey {
    /// The key with these 32 bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        let id = digest(&SHA256, &bytes);
        let id = id.as_ref().get(..16).unwrap_or_default();
        Self { bytes, name: format!("{NAME_PREFIX}{}", HEXLOWER.encode(id)) }
    }

    /// The public half of a signer.
    pub fn of(signer: &dyn Sign) -> Self {
        Self::new(signer.public_key())
    }

    /// The key's name, which is also the origin of its checkpoints and the log's id:
    /// `lanyard/audit/` and the first half of the key's SHA-256.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Signs a checkpoint.
    pub(crate) fn sign(&self, signer: &dyn Sign, head: &LogHead) -> String {
        let root = BASE64.encode(&head.head);
        self.sign_note(signer, &format!("{}\n{root}\n", head.size))
    }

    /// Signs a note of these lines, which follow the key's name.
    pub(crate) fn sign_note(&self, signer: &dyn Sign, lines: &str) -> String {
        let mut note = format!("{}\n{lines}", self.name);
        let mut signature = self.hash().to_vec();
        signature.extend_from_slice(&signer.sign(note.as_bytes()));
        note.push_str(&format!(
            "\n{SIGNATURE_PREFIX}{} {}\n",
            self.name,
            BASE64.encode(&signature)
        ));
        note
    }

    /// Reads a checkpoint that this key signed. Signatures by others (witnesses) may stand beside
    /// this key's.
    pub fn check(&self, note: &str) -> Result<LogHead, CheckpointError> {
        let (size, root) = self.lines(note)?.split_once('\n').ok_or(CheckpointError::Form)?;
        let size = size.parse().map_err(|_| CheckpointError::Form)?;
        let head = BASE64.decode(root.as_bytes()).ok().and_then(|root| root.try_into().ok());
        let head = LogHead { size, head: head.ok_or(CheckpointError::Form)? };
        self.check_note(note).map(|_| head)
    }

    /// The lines of a note that this key signed, those after its name.
    pub(crate) fn check_note<'a>(&self, note: &'a str) -> Result<&'a str, CheckpointError> {
        let (body, signatures) = note.split_once("\n\n").ok_or(CheckpointError::Form)?;
        let signatures = signatures.strip_suffix('\n').ok_or(CheckpointError::Form)?;
        if !signatures.split('\n').all(|line| line.starts_with(SIGNATURE_PREFIX)) {
            return Err(CheckpointError::Form);
        }
        let mine = signatures.split('\n').find_map(|line| self.own_signature(line));
        UnparsedPublicKey::new(&ED25519, &self.bytes)
            .verify(format!("{body}\n").as_bytes(), &mine.ok_or(CheckpointError::Signature)?)
            .map_err(|_| CheckpointError::Signature)?;
        self.lines(note)
    }

    /// The lines after this key's name; nothing says yet that it signed them.
    fn lines<'a>(&self, note: &'a str) -> Result<&'a str, CheckpointError> {
        let (body, _) = note.split_once("\n\n").ok_or(CheckpointError::Form)?;
        let (origin, lines) = body.split_once('\n').ok_or(CheckpointError::Form)?;
        self.check_origin(origin)?;
        Ok(lines)
    }

    fn check_origin(&self, origin: &str) -> Result<(), CheckpointError> {
        if origin == self.name {
            return Ok(());
        }
        let found: String = origin.chars().filter(|letter| !letter.is_control()).take(80).collect();
        Err(match found.strip_prefix(NAME_PREFIX) {
            Some(_) => CheckpointError::OtherKey { found },
            None => CheckpointError::Form,
        })
    }

    fn own_signature(&self, line: &str) -> Option<Vec<u8>> {
        let (name, signature) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
        let signature = BASE64.decode(signature.as_bytes()).ok()?;
        let signature = signature.strip_prefix(&self.hash())?;
        (name == self.name).then(|| signature.to_vec())
    }

    /// How a signature names its key: the first four bytes of SHA-256 of name, line feed,
    /// algorithm and key.
    fn hash(&self) -> [u8; 4] {
        let mut context = Context::new(&SHA256);
        context.update(self.name.as_bytes());
        context.update(&[b'\n', ALGORITHM]);
        context.update(&self.bytes);
        context.finish().as_ref().first_chunk().copied().unwrap_or_default()
    }
}

/// `NAME+HASH+KEY`: the form in which signed notes write a public key.
impl fmt::Display for VerifyKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![ALGORITHM];
        key.extend_from_slice(&self.bytes);
        write!(formatter, "{}+{}+{}", self.name, HEXLOWER.encode(&self.hash()), BASE64.encode(&key))
    }
}

impl fmt::Debug for VerifyKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VerifyKey({self})")
    }
}

impl FromStr for VerifyKey {
    type Err = VerifyKeyError;
    fn from_str(text: &str) -> Result<Self, VerifyKeyError> {
        let text = text.trim();
        let mut parts = text.splitn(3, '+');
        let key = parts.nth(2).ok_or(VerifyKeyError::Form)?;
        let key = BASE64.decode(key.as_bytes()).map_err(|_| VerifyKeyError::Form)?;
        let bytes = key.strip_prefix(&[ALGORITHM]).and_then(|key| key.try_into().ok());
        let key = Self::new(bytes.ok_or(VerifyKeyError::Form)?);
        if key.to_string() == text { Ok(key) } else { Err(VerifyKeyError::Mismatch) }
    }
}

#[cfg(test)]
mod tests;
