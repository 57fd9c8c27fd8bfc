//! Messages one per line, as stdio and Unix sockets carry them.

use thiserror::Error;

/// A line passed the limit. What follows cannot be told apart any more: the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a line is longer than {bytes_max} bytes")]
pub struct LineTooLong {
    /// The limit.
    pub bytes_max: usize,
}

/// Splits a stream of bytes into lines. White lines are skipped, a CR before the LF is dropped.
#[derive(Debug)]
pub struct LineSplitter {
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    bytes_max: usize,
}

impl LineSplitter {
    /// A splitter for lines of at most `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { partial: Vec::new(), bytes_max }
    }

    /// Takes the next bytes and adds each line that they end to `lines`.
    pub fn feed(&mut self, chunk: &[u8], lines: &mut Vec<Vec<u8>>) -> Result<(), LineTooLong> {
        let mut rest = chunk;
        while let Some((head, tail)) =
            memchr::memchr(b'\n', rest).and_then(|end| rest.split_at_checked(end))
        {
            self.keep(head)?;
            lines.extend(line(std::mem::take(&mut self.partial)));
            rest = tail.strip_prefix(b"\n").unwrap_or_default();
        }
        self.keep(rest)
    }

    /// The last line, if the stream ended without an LF.
    pub fn finish(self) -> Option<Vec<u8>> {
        line(self.partial)
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), LineTooLong> {
        if self.partial.len().saturating_add(bytes.len()) > self.bytes_max {
            return Err(LineTooLong { bytes_max: self.bytes_max });
        }
        self.partial.extend_from_slice(bytes);
        Ok(())
    }
}

/// A line without its CR, unless there is nothing on it.
fn line(mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    (!bytes.iter().all(u8::is_ascii_whitespace)).then_some(bytes)
}

/// Adds one message to what will be sent. A message is JSON, where every line break is white space
/// between values, so that it can stand as a space.
pub fn push_line(out: &mut Vec<u8>, message: &[u8]) {
    let plain = |byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
    out.extend(message.iter().map(plain));
    out.push(b'\n');
}

#[cfg(test)]
mod tests;
