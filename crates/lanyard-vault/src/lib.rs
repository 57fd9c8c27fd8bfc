//! Seals and opens secrets, mints and recognises tokens, masks what leaks. Bytes in, bytes out;
//! the one file it touches is the key file.
//!
//! INVARIANT: only this crate holds a credential in plaintext or uses cryptography on one. What
//! holds plaintext is wiped when it is dropped, has no `Clone` and no serialisation, and prints
//! as `Name(..)`. Not wiped, because `ring` offers no way, are keys in the expanded form in which
//! it works with them.
//!
//! INVARIANT: an opened secret leaves through one verb, `expose`, and only towards origins that
//! the secret is bound to.

mod intake;
mod key_file;
mod mask;
mod master;
mod random;
mod sealed;
mod subject;
mod token;
mod vault;
mod working_keys;

pub use intake::{InputError, SecretText};
pub use key_file::KeyFileError;
pub use mask::{Finder, Masker, Tail};
pub use master::MasterKey;
pub use random::{RandomError, RandomSource, fill_random};
pub use sealed::{OpenError, SealError, Sealed, SecretPlace};
pub use subject::{PayloadPlace, SubjectKey, SubjectPlace};
pub use token::{MintError, Minted, PlainToken, TokenHash, TokenKind, mint};
pub use vault::{OpenSecrets, SealedVersion, SecretEntry, Unreadable, Vault, VaultError};
pub use working_keys::{ApprovalSealer, Digester, SessionSealer, Signer};
