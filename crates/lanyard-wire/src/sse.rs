//! Server-sent events: the writer, and a parser that takes its bytes in any pieces.

use thiserror::Error;

/// A comment that keeps an idle stream open.
pub const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

/// Writes one event. A name or id is written without line breaks and NUL, so that it cannot begin
/// a field of its own; data of several lines becomes several `data` fields.
pub fn event(out: &mut Vec<u8>, event: Option<&str>, id: Option<&str>, data: &str) {
    if let Some(name) = event {
        field(out, "event", name);
    }
    if let Some(id) = id {
        field(out, "id", id);
    }
    let mut rest = data;
    loop {
        let (line, after) = split_line(rest);
        field(out, "data", line);
        match after {
            Some(after) => rest = after,
            None => break,
        }
    }
    out.push(b'\n');
}

/// Writes how long a client waits before it connects again.
pub fn retry(out: &mut Vec<u8>, retry_ms: u64) {
    field(out, "retry", &retry_ms.to_string());
    out.push(b'\n');
}

/// Writes the first event of an HTTP+SSE stream (2024-11-05): where the client posts its messages.
pub fn endpoint(out: &mut Vec<u8>, uri: &str) {
    let uri: String = uri.chars().filter(|character| !matches!(character, '\r' | '\n')).collect();
    event(out, Some("endpoint"), None, &uri);
}

fn field(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend(value.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n' | b'\0')));
    out.push(b'\n');
}

/// The first line of a text, and what follows its line break, if it has one.
fn split_line(text: &str) -> (&str, Option<&str>) {
    match text.split_once(['\r', '\n']) {
        Some((line, after)) => {
            let was_cr = text.as_bytes().get(line.len()) == Some(&b'\r');
            let after = if was_cr { after.strip_prefix('\n').unwrap_or(after) } else { after };
            (line, Some(after))
        }
        None => (text, None),
    }
}

/// One event that came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its name; `message` where the stream gives none.
    pub name: String,
    /// The last id that the stream gave, up to this event.
    pub id: Option<String>,
    /// The data as it came, lines joined by LF.
    pub data: Vec<u8>,
}

/// An event passed the limit. The stream cannot be used any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an event is larger than {bytes_max} bytes")]
pub struct EventTooLarge {
    /// The limit.
    pub bytes_max: usize,
}

/// Reads a stream of events. Lines end in LF, CR or CRLF; an event that the stream leaves
/// unfinished at its end is none.
#[derive(Debug)]
pub struct Parser {
    bytes_max: usize,
    /// The beginning of a line whose end has not come yet.
    line: Vec<u8>,
    /// Whether the last line ended in CR, so that an LF now belongs to it.
    after_cr: bool,
    /// Whether a byte order mark may still come.
    at_start: bool,
    name: String,
    data: Option<Vec<u8>>,
    last_id: Option<String>,
    retry_ms: Option<u64>,
}

impl Parser {
    /// A parser for events of at most `bytes_max` bytes, field names included.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            line: Vec::new(),
            after_cr: false,
            at_start: true,
            name: String::new(),
            data: None,
            last_id: None,
            retry_ms: None,
        }
    }

    /// Takes the next bytes and adds each event that they end to `events`.
    pub fn feed(&mut self, chunk: &[u8], events: &mut Vec<Event>) -> Result<(), EventTooLarge> {
        let mut rest = chunk;
        while let Some((first, tail)) = rest.split_first() {
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                rest = tail;
                continue;
            }
            let end = memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len());
            let (head, tail) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            self.keep(head)?;
            let Some((mark, tail)) = tail.split_first() else { return Ok(()) };
            self.after_cr = *mark == b'\r';
            let line = std::mem::take(&mut self.line);
            self.end_line(&line, events);
            rest = tail;
        }
        Ok(())
    }

    /// The last id that the stream gave: what `Last-Event-ID` asks to go on after.
    pub fn last_event_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// How long the stream wants its client to wait before it connects again.
    pub fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), EventTooLarge> {
        let held = self.data.as_ref().map_or(0, Vec::len).saturating_add(self.name.len());
        let held = held.saturating_add(self.line.len()).saturating_add(bytes.len());
        if held > self.bytes_max {
            return Err(EventTooLarge { bytes_max: self.bytes_max });
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, line: &[u8], events: &mut Vec<Event>) {
        let marked = std::mem::take(&mut self.at_start);
        let line = match line.strip_prefix(b"\xef\xbb\xbf") {
            Some(line) if marked => line,
            Some(_) | None => line,
        };
        if line.is_empty() {
            self.dispatch(events);
            return;
        }
        let (name, value) =
            match memchr::memchr(b':', line).and_then(|at| line.split_at_checked(at)) {
                Some((name, value)) => {
                    let value = value.strip_prefix(b":").unwrap_or(value);
                    (name, value.strip_prefix(b" ").unwrap_or(value))
                }
                None => (line, &[][..]),
            };
        match name {
            b"data" => self.add_data(value),
            b"event" => self.name = String::from_utf8_lossy(value).into_owned(),
            b"id" if !value.contains(&b'\0') => {
                self.last_id = Some(String::from_utf8_lossy(value).into_owned());
            }
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                self.retry_ms = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            }
            // A comment has an empty name; fields that we do not know mean nothing.
            _ => {}
        }
    }

    fn add_data(&mut self, value: &[u8]) {
        match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => self.data = Some(value.to_vec()),
        }
    }

    fn dispatch(&mut self, events: &mut Vec<Event>) {
        let name = std::mem::take(&mut self.name);
        let Some(data) = self.data.take() else { return };
        let name = if name.is_empty() { "message".to_owned() } else { name };
        events.push(Event { name, id: self.last_id.clone(), data });
    }
}

#[cfg(test)]
mod tests;
