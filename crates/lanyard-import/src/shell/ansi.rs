//! `$'...'`: quotes in which a backslash writes a character that cannot be typed. Browsers use them
//! when a request is copied.

use super::{Mark, PasteError, Reader, UNCLOSED, variable};

/// Reads from the quote on. `start` is the dollar sign.
pub(super) fn read(
    reader: &mut Reader<'_>,
    start: Mark,
    out: &mut String,
) -> Result<(), PasteError> {
    reader.next();
    let mut bytes = Vec::new();
    loop {
        let mark = reader.mark;
        match reader.next() {
            None => return Err(PasteError::new(start, UNCLOSED)),
            Some('\'') => break,
            Some('\\') => escape(reader, mark, &mut bytes)?,
            Some(character) => push(&mut bytes, character),
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| {
        PasteError::new(start, "the escapes of this text make no UTF-8: only text is imported")
    })?;
    if text.contains(|character| character == '\0' || variable::is_marker(character)) {
        return Err(PasteError::new(start, "an escape of this text makes no character"));
    }
    out.push_str(&text);
    Ok(())
}

fn push(bytes: &mut Vec<u8>, character: char) {
    bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

fn escape(reader: &mut Reader<'_>, mark: Mark, bytes: &mut Vec<u8>) -> Result<(), PasteError> {
    let Some(character) = reader.next() else {
        return Err(PasteError::new(mark, UNCLOSED));
    };
    match character {
        'a' => bytes.push(0x07),
        'b' => bytes.push(0x08),
        'e' | 'E' => bytes.push(0x1B),
        'f' => bytes.push(0x0C),
        'n' => bytes.push(b'\n'),
        'r' => bytes.push(b'\r'),
        't' => bytes.push(b'\t'),
        'v' => bytes.push(0x0B),
        '\\' | '\'' | '"' | '?' => push(bytes, character),
        'x' => bytes.push(byte(number(reader, 16, 2), mark)?),
        'u' => push(bytes, character_of(number(reader, 16, 4), mark)?),
        'U' => push(bytes, character_of(number(reader, 16, 8), mark)?),
        '0'..='7' => {
            let first = character.to_digit(8).unwrap_or(0);
            let rest = digits(reader, 8, 2);
            let value = rest.iter().fold(first, |value, digit| value.saturating_mul(8) | digit);
            bytes.push(byte(Some(value & 0xFF), mark)?);
        }
        'c' => {
            let control = reader.next().filter(char::is_ascii).and_then(|c| u8::try_from(c).ok());
            bytes.push(byte(control.map(|byte| u32::from(byte & 0x1F)), mark)?);
        }
        // Bash keeps what it does not know.
        other => {
            bytes.push(b'\\');
            push(bytes, other);
        }
    }
    Ok(())
}

/// At most this many digits.
fn digits(reader: &mut Reader<'_>, radix: u32, count: usize) -> Vec<u32> {
    let mut found = Vec::new();
    while found.len() < count
        && let Some(digit) = reader.peek().and_then(|character| character.to_digit(radix))
    {
        found.push(digit);
        reader.next();
    }
    found
}

fn number(reader: &mut Reader<'_>, radix: u32, count: usize) -> Option<u32> {
    let digits = digits(reader, radix, count);
    let fold = |value: u32, digit: &u32| value.checked_mul(radix)?.checked_add(*digit);
    if digits.is_empty() { None } else { digits.iter().try_fold(0, fold) }
}

fn byte(value: Option<u32>, mark: Mark) -> Result<u8, PasteError> {
    value
        .and_then(|value| u8::try_from(value).ok())
        .ok_or_else(|| PasteError::new(mark, "no character has this escape"))
}

fn character_of(value: Option<u32>, mark: Mark) -> Result<char, PasteError> {
    value
        .and_then(char::from_u32)
        .ok_or_else(|| PasteError::new(mark, "no character has this escape"))
}
