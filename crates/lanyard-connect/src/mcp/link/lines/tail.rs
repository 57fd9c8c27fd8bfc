//! The last that a process complained about.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::time::Instant;

/// What is read at once.
const BUFFER_BYTES: usize = 8 << 10;

/// The end of a stream of bytes. The oldest goes first.
#[derive(Debug)]
pub(crate) struct Tail {
    bytes_max: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: VecDeque<u8>,
    /// When the newest of them came.
    written: Option<Instant>,
}

impl Tail {
    /// Nothing yet, and never more than this.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, kept: Mutex::default() }
    }

    fn push(&self, piece: &[u8]) {
        let fits = piece.len().saturating_sub(self.bytes_max);
        let piece = piece.get(fits..).unwrap_or_default();
        let mut kept = self.kept();
        kept.written = Some(Instant::now());
        let bytes = &mut kept.bytes;
        let over = bytes.len().saturating_add(piece.len()).saturating_sub(self.bytes_max);
        let over = over.min(bytes.len());
        bytes.drain(..over);
        bytes.extend(piece);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When something was written last.
    pub(crate) fn written(&self) -> Option<Instant> {
        self.kept().written
    }

    /// What is kept, as text. It begins with a whole character, and after a cut with a whole line
    /// where there is one.
    pub(crate) fn text(&self) -> String {
        let kept = self.kept();
        let (head, rest) = kept.bytes.as_slices();
        let mut all = Vec::with_capacity(kept.bytes.len());
        all.extend_from_slice(head);
        all.extend_from_slice(rest);
        let was_cut = all.len() == self.bytes_max;
        drop(kept);
        let text = String::from_utf8_lossy(&all);
        match text.split_once('\n') {
            Some((_, whole)) if was_cut && !whole.is_empty() => whole.to_owned(),
            Some(_) | None => text.into_owned(),
        }
    }
}

/// Reads a stream to its end, or until `ended` is ready, so that whoever writes to it never waits.
pub(crate) async fn keep_tail(
    mut stream: impl AsyncRead + Unpin,
    tail: &Tail,
    ended: impl Future<Output = ()>,
) {
    let reading = async {
        let mut buffer = Vec::with_capacity(BUFFER_BYTES);
        while let Ok(1..) = stream.read_buf(&mut buffer).await {
            tail.push(&buffer);
            buffer.clear();
        }
    };
    tokio::select! {
        biased;
        () = reading => {}
        () = ended => {}
    }
}

#[cfg(test)]
mod tests {
    use super::Tail;

    #[test]
    fn the_end_begins_with_a_whole_line_where_there_is_one() {
        let tail = Tail::new(8);
        tail.push(b"one\ntwo\nthree\n");
        assert_eq!(tail.text(), "three\n");
        // A line that is longer than what is kept is better than nothing.
        tail.push(b"0123456789\n");
        assert_eq!(tail.text(), "3456789\n");
    }
}
