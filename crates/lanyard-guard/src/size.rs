//! How many values a JSON text holds, before it is parsed.
//!
//! A parsed value takes about 100 bytes whatever its text takes: a message of four megabytes,
//! all of it `1,1,1,...`, would be 200 megabytes of values.

/// Whether a text, if it is JSON, holds at most this many values. A text of fewer bytes than
/// such values need is not looked at. An empty array or object counts as two.
pub(crate) fn values_at_most(text: &str, values_max: usize) -> bool {
    // A value and what parts it from the next take two bytes at least.
    if text.len() / 2 < values_max {
        return true;
    }
    let mut values: usize = 1;
    let (mut inside_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = inside_string,
            b'"' => inside_string = !inside_string,
            // Each of these is followed by a value, or by the end of an empty array or object.
            b',' | b'[' | b'{' if !inside_string => values = values.saturating_add(1),
            _ => {}
        }
    }
    values <= values_max
}

#[cfg(test)]
mod tests;
