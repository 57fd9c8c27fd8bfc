//! An answer that is written line by line while it is sent: the export of the audit log.

use std::io::{self, Write};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use hyper::body::Frame;
use lanyard_store::audit::{self, Filter};
use tokio::sync::mpsc;

/// How much is gathered before it is sent, in bytes.
const CHUNK_BYTES: usize = 64 << 10;

/// How many chunks wait for a slow reader.
const CHUNKS_MAX: usize = 4;

type Chunk = Result<Bytes, io::Error>;

/// The writing end. Waits for its reader, so it belongs on a thread that may wait.
#[derive(Debug)]
pub(crate) struct Lines {
    chunks: mpsc::Sender<Chunk>,
    gathered: Vec<u8>,
}

/// The reading end: a body.
#[derive(Debug)]
pub(crate) struct LinesBody(mpsc::Receiver<Chunk>);

impl Lines {
    pub(crate) fn begin() -> (Self, LinesBody) {
        let (chunks, receiver) = mpsc::channel(CHUNKS_MAX);
        (Self { chunks, gathered: Vec::new() }, LinesBody(receiver))
    }

    /// Writes every matching record. What fails on the way breaks the answer off, so that its
    /// reader does not take a part for the whole.
    pub(crate) fn write(mut self, directory: &Path, filter: &Filter) {
        let written = audit::export(directory, filter, &mut self)
            .map_err(|error| io::Error::other(lanyard_core::chain(&error)))
            .and_then(|_| self.send());
        if let Err(error) = written {
            tracing::error!(%error, "An export of the audit log broke off.");
            // A reader who went away needs no error.
            drop(self.chunks.blocking_send(Err(error)));
        }
    }

    /// Lets something else write, and ends the answer with it. What fails breaks the answer off.
    pub(crate) fn tell(self, write: impl FnOnce(Self) -> io::Result<Self>) {
        let chunks = self.chunks.clone();
        if let Err(error) = write(self).and_then(|mut lines| lines.push()) {
            tracing::error!(%error, "An answer broke off.");
            // A reader who went away needs no error.
            drop(chunks.blocking_send(Err(error)));
        }
    }

    /// Sends what was gathered, however little it is.
    pub(crate) fn push(&mut self) -> io::Result<()> {
        if self.gathered.is_empty() { Ok(()) } else { self.send() }
    }

    fn send(&mut self) -> io::Result<()> {
        let chunk = Bytes::from(std::mem::take(&mut self.gathered));
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.chunks.blocking_send(Ok(chunk)).map_err(gone)
    }
}

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= CHUNK_BYTES {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl HttpBody for LinesBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }
}
