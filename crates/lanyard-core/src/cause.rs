//! What stands behind an error, for people.

use std::error::Error;

/// An error with what caused it, in one line: libraries keep a cause out of the text above it.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
