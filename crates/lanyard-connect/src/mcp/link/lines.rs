//! One message per line, over the standard input and output of a process.
//!
//! What the process reads waits in a short queue; what it writes is read when somebody asks for it,
//! so a process that says too much is stopped by its own full pipe. What it complains about is read
//! always, and its end kept: a process must not hang because nobody listens to that.

mod tail;

use std::fmt;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lanyard_core::Failure;
use lanyard_sandbox::{Exit, Process};
use lanyard_wire::lines::{LineSplitter, push_line};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{LinkError, LinkPost, LinkRequest};

pub(crate) use tail::{Tail, keep_tail};

/// Messages that wait until the process reads them. One may be as large as a client's body, so
/// there are few.
const QUEUE_MESSAGES_MAX: usize = 16;

/// Lines in a row that are no JSON object, after which it is not the protocol that is spoken.
const GARBAGE_LINES_MAX: u32 = 100;

/// What is read from a process at once.
const BUFFER_BYTES: usize = 32 << 10;

/// Time for what a process wrote before its end to be read. A descendant that lives on may hold its
/// output open for ever.
pub(crate) const DRAIN_MAX: Duration = Duration::from_secs(1);

/// Time for a process whose input was closed to end by itself.
const CLOSED_MAX: Duration = Duration::from_secs(2);

/// Time for a process that was asked to end to do so.
const ASKED_MAX: Duration = Duration::from_secs(3);

/// Something that ends with the process.
type Ending = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A process.
pub(crate) struct LinesLink {
    /// Taken away when the input of the process is closed.
    queue: Mutex<Option<mpsc::Sender<Vec<u8>>>>,
    listening: Mutex<Option<Box<Listening>>>,
    process: Option<Process>,
    complained: CancellationToken,
    closed: CancellationToken,
}

/// What a link of lines is made of.
pub(crate) struct LinesParts {
    /// What the process reads.
    pub(crate) input: Box<dyn AsyncWrite + Send + Unpin>,
    /// What it writes.
    pub(crate) output: Box<dyn AsyncRead + Send + Unpin>,
    /// The process itself; `None` where there is only something that speaks like one.
    pub(crate) process: Option<Process>,
    /// Cancelled when all that the process wrote for people was read, a moment after its end.
    pub(crate) complained: CancellationToken,
    /// The longest line.
    pub(crate) message_bytes_max: usize,
    /// Where the writer runs.
    pub(crate) tasks: TaskTracker,
}

/// The lines that the process writes.
pub(crate) struct Listening {
    output: Box<dyn AsyncRead + Send + Unpin>,
    splitter: Option<LineSplitter>,
    buffer: Vec<u8>,
    /// Whole lines that were not handed out yet.
    lines: std::vec::IntoIter<Vec<u8>>,
    /// Lines in a row that were no message.
    garbage: u32,
    closed: CancellationToken,
    ended: Ending,
}

impl fmt::Debug for LinesLink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LinesLink").field("process", &self.process).finish_non_exhaustive()
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Listening").field("garbage", &self.garbage).finish_non_exhaustive()
    }
}

impl LinesLink {
    /// Takes over a process that runs.
    pub(crate) fn new(parts: LinesParts) -> Self {
        let LinesParts { input, output, process, complained, message_bytes_max, tasks } = parts;
        let closed = CancellationToken::new();
        let (queue, lines) = mpsc::channel(QUEUE_MESSAGES_MAX);
        tasks.spawn(write(input, lines, ended(process.as_ref())));
        let listening = Listening {
            output,
            splitter: Some(LineSplitter::new(message_bytes_max)),
            buffer: Vec::with_capacity(BUFFER_BYTES),
            lines: Vec::new().into_iter(),
            garbage: 0,
            closed: closed.clone(),
            ended: ended(process.as_ref()),
        };
        Self {
            queue: Mutex::new(Some(queue)),
            listening: Mutex::new(Some(Box::new(listening))),
            process,
            complained,
            closed,
        }
    }

    /// Waits until the process ended, and says how.
    pub(crate) async fn exit(&self) -> Exit {
        match &self.process {
            Some(process) => process.wait().await,
            None => std::future::pending().await,
        }
    }

    /// Waits until what a process that has ended complained about was read. That takes a moment.
    pub(crate) async fn complained(&self) {
        self.complained.cancelled().await;
    }

    pub(super) async fn request(&self, request: LinkRequest<'_>) -> Result<(), LinkError> {
        let sending = self.send(request.message);
        match request.deadline {
            Some(deadline) => timeout_at(deadline, sending).await.map_err(|_| Failure::TimedOut)?,
            None => sending.await,
        }
    }

    pub(super) async fn post(&self, post: LinkPost<'_>) -> Result<(), LinkError> {
        let sent = timeout_at(post.deadline, self.send(post.message)).await;
        sent.map_err(|_| Failure::TimedOut)?
    }

    /// Puts a message into the queue. One that is dropped while it waits was not sent.
    async fn send(&self, message: &str) -> Result<(), LinkError> {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let queue = queue.ok_or(Failure::ServerEnded)?;
        let mut line = Vec::with_capacity(message.len().saturating_add(1));
        push_line(&mut line, message.as_bytes());
        queue.send(line).await.map_err(|_| LinkError::from(Failure::ServerEnded))
    }

    pub(super) fn listen(&self) -> Option<Box<Listening>> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Ends the process, the way the protocol wants it: its input is closed, then it is asked, then
    /// it is killed. Ready when it has ended.
    pub(super) async fn close(&self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.closed.cancel();
        drop(self.listen());
        let Some(process) = &self.process else { return };
        let mut exit = Box::pin(process.wait());
        if timeout(CLOSED_MAX, &mut exit).await.is_ok() {
            return;
        }
        process.terminate();
        if timeout(ASKED_MAX, &mut exit).await.is_err() {
            process.kill();
            exit.await;
        }
    }
}

/// Ready when a process has ended and what it wrote had its time to be read.
fn ended(process: Option<&Process>) -> Ending {
    match process {
        Some(process) => {
            let exit = process.wait();
            Box::pin(async move {
                exit.await;
                sleep(DRAIN_MAX).await;
            })
        }
        None => Box::pin(std::future::pending()),
    }
}

/// Writes the queue to the process. Dropping the input, at the end of the queue, closes it.
async fn write(
    mut input: Box<dyn AsyncWrite + Send + Unpin>,
    mut lines: mpsc::Receiver<Vec<u8>>,
    ended: Ending,
) {
    let writing = async {
        while let Some(line) = lines.recv().await {
            if input.write_all(&line).await.is_err() || input.flush().await.is_err() {
                // The process is ending; whoever listens to it hears of that.
                break;
            }
        }
    };
    tokio::select! {
        () = writing => {}
        () = ended => {}
    }
}

impl Listening {
    pub(super) async fn next(&mut self) -> Result<Option<String>, LinkError> {
        loop {
            for line in self.lines.by_ref() {
                if let Some(text) = object(line) {
                    self.garbage = 0;
                    return Ok(Some(text));
                }
                self.garbage = self.garbage.saturating_add(1);
                if self.garbage > GARBAGE_LINES_MAX {
                    let problem = "it writes lines that are no messages to its standard output";
                    return Err(Failure::AnswerUnusable { problem: problem.to_owned() }.into());
                }
            }
            if self.splitter.is_none() {
                return Err(Failure::ServerEnded.into());
            }
            self.buffer.clear();
            let read = tokio::select! {
                biased;
                () = self.closed.cancelled() => return Ok(None),
                read = self.output.read_buf(&mut self.buffer) => read.unwrap_or(0),
                () = self.ended.as_mut() => 0,
            };
            self.split(read)?;
        }
    }

    /// Takes what was read; nothing means that nothing will come any more.
    fn split(&mut self, read: usize) -> Result<(), LinkError> {
        let mut lines = Vec::new();
        if read == 0 {
            lines.extend(self.splitter.take().and_then(LineSplitter::finish));
        } else if let Some(splitter) = &mut self.splitter {
            let fed = splitter.feed(&self.buffer, &mut lines);
            fed.map_err(|_| Failure::AnswerTooLarge)?;
        }
        self.lines = lines.into_iter();
        Ok(())
    }
}

/// A line that may be a message. Whether it is one is found out by whoever decodes it; what prints
/// to its output what belongs into a log rarely begins with a brace.
fn object(line: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(line).ok()?;
    text.trim_start().starts_with(['{', '[']).then_some(text)
}

#[cfg(test)]
mod tests;
