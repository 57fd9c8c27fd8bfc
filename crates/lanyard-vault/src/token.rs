//! Tokens: the badge of an agent or an operator, and what stands in the address of an intake link.
//! Opaque, shown once, stored as a hash.
//!
//! A token is `lyd_a_`, `lyd_o_` or `lyd_i_`, 43 characters of 256 random bits, and 6 characters of
//! checksum. Prefix and checksum let secret scanners find one in a repository and let us refuse
//! a damaged one without looking it up; they protect nothing.
//!
//! What is stored is the SHA-256 of the whole text. No salt and no slow hash: those slow down
//! guessing, and 256 random bits cannot be guessed. A look-up by that hash may compare bytes one
//! by one: what its timing tells is about the hash, which nobody can steer without already
//! inverting SHA-256.

use std::fmt;

use lanyard_core::{NameError, TokenId};
use ring::digest;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::random::{RandomError, RandomSource};

/// 43 characters of 62 hold 256 bits: 43 * log2(62) = 256.03.
const RANDOM_CHARS: usize = 43;

/// 6 characters of 62 hold the 32 bits of the checksum: 62^6 > 2^32.
const CHECKSUM_CHARS: usize = 6;

/// The length of a token.
pub(crate) const TOKEN_BYTES: usize = "lyd_a_".len() + RANDOM_CHARS + CHECKSUM_CHARS;

/// `tk_` and 12 characters: 71 bits, enough for ids that never collide and open nothing.
const ID_CHARS: usize = 12;

/// How many of a token's random characters may be shown to tell tokens apart; 232 bits remain.
const SHOWN_CHARS: usize = 4;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whose token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// An agent's: `lyd_a_`.
    Agent,
    /// An operator's: `lyd_o_`.
    Operator,
    /// An intake link's: `lyd_i_`. Good for one value of one secret, once.
    Intake,
}

impl TokenKind {
    /// What a token of this kind starts with.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Agent => "lyd_a_",
            Self::Operator => "lyd_o_",
            Self::Intake => "lyd_i_",
        }
    }
}

/// A token in plain text, to be shown once.
pub struct PlainToken(Zeroizing<String>);

impl PlainToken {
    /// The token itself, for the one time that it is shown.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The first characters, by which its owner can tell tokens apart. Safe to show and store.
    pub fn display_prefix(&self) -> String {
        let prefix = TokenKind::Agent.prefix().len().saturating_add(SHOWN_CHARS);
        self.0.chars().take(prefix).collect()
    }
}

impl fmt::Debug for PlainToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PlainToken(..)")
    }
}

/// A new token: what is shown, what is stored, and what it is called.
#[derive(Debug)]
pub struct Minted {
    /// To be shown once.
    pub plain: PlainToken,
    /// To be stored.
    pub hash: [u8; 32],
    /// Its id in records and lists. Drawn apart from the token: it tells nothing about it.
    pub id: TokenId,
}

/// Why no token was made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MintError {
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The id is no id, which would be a defect.
    #[error(transparent)]
    Id(#[from] NameError),
}

/// Makes a token.
pub fn mint(kind: TokenKind, random: RandomSource<'_>) -> Result<Minted, MintError> {
    let mut text = Zeroizing::new(String::with_capacity(64));
    text.push_str(kind.prefix());
    push_random(&mut text, RANDOM_CHARS, random)?;
    push_checksum(&mut text);
    let mut id = String::from("tk_");
    push_random(&mut id, ID_CHARS, random)?;
    Ok(Minted { hash: sha256(&text), id: TokenId::parse(&id)?, plain: PlainToken(text) })
}

/// The hash under which a token is stored and looked up.
#[derive(Debug)]
pub struct TokenHash;

impl TokenHash {
    /// The hash of what claims to be a token of this kind; `None` where it is none, or damaged.
    pub fn of(text: &str, kind: TokenKind) -> Option<[u8; 32]> {
        let rest = text.strip_prefix(kind.prefix())?;
        let length_holds = rest.len() == RANDOM_CHARS.saturating_add(CHECKSUM_CHARS);
        if !length_holds || !rest.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        let (signed, _checksum) = text.split_at_checked(text.len().checked_sub(CHECKSUM_CHARS)?)?;
        let mut expected = Zeroizing::new(String::with_capacity(64));
        expected.push_str(signed);
        push_checksum(&mut expected);
        (*expected == text).then(|| sha256(text))
    }
}

/// Appends `count` characters, each of them equally likely.
fn push_random(
    text: &mut String,
    count: usize,
    random: RandomSource<'_>,
) -> Result<(), RandomError> {
    let mut missing = count;
    while missing > 0 {
        let mut bytes = Zeroizing::new([0; 64]);
        random(bytes.as_mut_slice())?;
        // 248 is the largest multiple of 62 in a byte: what is past it would favour the first
        // characters of the alphabet.
        for byte in bytes.iter().filter(|byte| **byte < 248).take(missing) {
            text.push(character(u32::from(*byte)));
            missing = missing.saturating_sub(1);
        }
    }
    Ok(())
}

/// Appends the checksum of what is there, most significant character first.
fn push_checksum(text: &mut String) {
    let mut rest = crc32(text.as_bytes());
    let mut characters = ['0'; CHECKSUM_CHARS];
    for place in characters.iter_mut().rev() {
        *place = character(rest % 62);
        rest /= 62;
    }
    text.extend(characters);
}

fn character(number: u32) -> char {
    let index = usize::try_from(number % 62).unwrap_or_default();
    ALPHABET.get(index).copied().map_or('0', char::from)
}

fn sha256(text: &str) -> [u8; 32] {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    // A SHA-256 has 32 bytes, which `ring` does not say in a type.
    digest.as_ref().try_into().unwrap_or([0; 32])
}

/// The CRC-32 of IEEE 802.3, reflected, polynomial 0xEDB88320: the one of gzip and of the tokens
/// of code hosts, so that scanners can check it.
fn crc32(bytes: &[u8]) -> u32 {
    let mut state = u32::MAX;
    for byte in bytes {
        state ^= u32::from(*byte);
        for _bit in 0..8 {
            let carried = state & 1 == 1;
            state >>= 1;
            if carried {
                state ^= 0xEDB8_8320;
            }
        }
    }
    !state
}

#[cfg(test)]
mod tests;
