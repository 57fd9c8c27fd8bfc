//! Randomness: the operating system's, through `ring`.

use ring::rand::{SecureRandom as _, SystemRandom};
use thiserror::Error;

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the operating system gives no random bytes")]
pub struct RandomError;

/// Where the randomness of a token comes from: [`fill_random`], or a test's own.
pub type RandomSource<'a> = &'a dyn Fn(&mut [u8]) -> Result<(), RandomError>;

/// Fills `bytes` with random bytes of the operating system, fit for keys.
pub fn fill_random(bytes: &mut [u8]) -> Result<(), RandomError> {
    SystemRandom::new().fill(bytes).map_err(|_unspecified| RandomError)
}

/// An array of random bytes.
pub(crate) fn random_array<const N: usize>() -> Result<[u8; N], RandomError> {
    let mut bytes = [0; N];
    fill_random(&mut bytes)?;
    Ok(bytes)
}
