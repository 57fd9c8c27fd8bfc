//! Reads an event stream piece by piece. Pure: bytes in, the data of finished events out.

/// What is left of a stream between two pieces.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Vec<u8>,
    data: Option<String>,
    after_return: bool,
}

impl Events {
    /// Takes the next bytes and gives the data of every event that they finish. Events of
    /// another kind than `message` are given too: what they hold decides.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut finished = Vec::new();
        for byte in bytes {
            let line_feed_of_pair = self.after_return && *byte == b'\n';
            self.after_return = *byte == b'\r';
            match *byte {
                b'\n' if line_feed_of_pair => {}
                b'\n' | b'\r' => finished.extend(self.end_line()),
                byte => self.line.push(byte),
            }
        }
        finished
    }

    fn end_line(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return self.data.take();
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_start_matches('\u{feff}');
        let value = line.strip_prefix("data:").or((line == "data").then_some(""))?;
        let value = value.strip_prefix(' ').unwrap_or(value);
        match &mut self.data {
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
            None => self.data = Some(value.to_owned()),
        }
        None
    }
}
