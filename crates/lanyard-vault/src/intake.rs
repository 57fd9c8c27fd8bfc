//! A credential as somebody enters it: by stdin, terminal, file or a definition's literal.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

/// The longest credential. A private key with its certificate chain has a few KiB.
const SECRET_BYTES_MAX: usize = 64 << 10;

/// The shortest credential. Shorter ones cannot be masked without tearing up answers that hold
/// the same few bytes by chance, and protect nothing.
const SECRET_BYTES_MIN: usize = 4;

/// A credential on its way into the store. It can be sealed, and nothing else.
pub struct SecretText(Zeroizing<String>);

/// Why an input is not stored as a credential. Holds nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InputError {
    /// Nothing came.
    #[error("the value is empty")]
    Empty,
    /// Too short.
    #[error("a credential has at least {SECRET_BYTES_MIN} bytes")]
    TooShort,
    /// Too long.
    #[error("a credential has at most {SECRET_BYTES_MAX} bytes")]
    TooLong,
    /// Not text.
    #[error("the value is not UTF-8 text; store binary keys in base64")]
    NotText,
}

impl SecretText {
    /// Takes a credential as it was entered. One line end at its end is the enter key's or the
    /// editor's and not part of it; everything else is, blanks and inner line ends included.
    pub fn from_input(input: &[u8]) -> Result<Self, InputError> {
        let stripped = match input.strip_suffix(b"\n") {
            Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
            None => input,
        };
        match stripped.len() {
            0 => Err(InputError::Empty),
            1..SECRET_BYTES_MIN => Err(InputError::TooShort),
            SECRET_BYTES_MIN..=SECRET_BYTES_MAX => {
                let text = std::str::from_utf8(stripped).map_err(|_place| InputError::NotText)?;
                Ok(Self(Zeroizing::new(text.to_owned())))
            }
            _ => Err(InputError::TooLong),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretText(..)")
    }
}

#[cfg(test)]
mod tests;
