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
    /// Nothing that anybody could have meant.
    #[error("the value is nothing but blanks")]
    Blank,
    /// A control character that no credential has.
    #[error(
        "the value holds a control character, which no key has (a tab and line ends may stand in one): \
         was it copied whole? Store binary keys in base64"
    )]
    Control,
    /// Several lines where one is asked for.
    #[error(
        "the value has several lines, and one is asked for here; `lanyard secret set NAME < FILE` takes \
         a key of several lines"
    )]
    Lines,
}

impl SecretText {
    /// Takes a credential as it was entered: the one rule for every way in. Line ends at its end are the
    /// enter key's or the editor's and not part of it; everything else is, outer blanks and inner line
    /// ends (a private key in PEM has some) included.
    pub fn from_input(input: &[u8]) -> Result<Self, InputError> {
        let length = input.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
        let length = length.map_or(0, |last| last.saturating_add(1));
        let stripped = input.get(..length).unwrap_or(input);
        match stripped.len() {
            0 => Err(InputError::Empty),
            1..SECRET_BYTES_MIN => Err(InputError::TooShort),
            SECRET_BYTES_MIN..=SECRET_BYTES_MAX => {
                let text = std::str::from_utf8(stripped).map_err(|_place| InputError::NotText)?;
                if text.trim().is_empty() {
                    return Err(InputError::Blank);
                }
                if holds_control(text) {
                    return Err(InputError::Control);
                }
                Ok(Self(Zeroizing::new(text.to_owned())))
            }
            _ => Err(InputError::TooLong),
        }
    }

    /// The same where one line is asked for.
    pub fn from_line(input: &[u8]) -> Result<Self, InputError> {
        let text = Self::from_input(input)?;
        if text.0.contains('\n') { Err(InputError::Lines) } else { Ok(text) }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// Whether a text holds a control character other than a tab and line ends.
fn holds_control(text: &str) -> bool {
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_line_end = letter == '\r' && letters.peek() == Some(&'\n');
        if letter.is_control() && !matches!(letter, '\t' | '\n') && !is_line_end {
            return true;
        }
    }
    false
}

impl fmt::Debug for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretText(..)")
    }
}

#[cfg(test)]
mod tests;
