//! What an exchange has not read yet: bounded in messages and in bytes.

use std::sync::{Arc, OnceLock};

use lanyard_core::Failure;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::mcp::exchange::{Reply, Step};

/// Room is counted in pieces of this size, because a semaphore counts to 2^32.
const PIECE_BYTES: usize = 1024;

/// What an exchange is given.
pub(in crate::mcp) type Item = Result<Step, Failure>;

/// A message that waits, and the room that it takes.
type Waiting = (Item, OwnedSemaphorePermit);

/// The end that messages are put into.
#[derive(Debug, Clone)]
pub(in crate::mcp) struct Mailbox {
    queue: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
    pieces_max: u32,
}

/// The end that the exchange reads.
#[derive(Debug)]
pub(in crate::mcp) struct Inbound {
    queue: mpsc::Receiver<Waiting>,
    fate: Arc<OnceLock<Failure>>,
}

/// A mailbox for at most this many messages, and this many bytes: the longest message fits, and
/// little beside it.
pub(super) fn mailbox(
    messages_max: usize,
    bytes_max: usize,
    fate: Arc<OnceLock<Failure>>,
) -> (Mailbox, Inbound) {
    let pieces_max = pieces(bytes_max);
    let room = Arc::new(Semaphore::new(usize::try_from(pieces_max).unwrap_or(1)));
    let (sender, receiver) = mpsc::channel(messages_max.max(1));
    (Mailbox { queue: sender, room, pieces_max }, Inbound { queue: receiver, fate })
}

impl Mailbox {
    /// Puts a message in as soon as there is room. Says whether somebody may still read it.
    pub(in crate::mcp) async fn put(&self, item: Item) -> bool {
        let wanted = pieces(size(&item)).min(self.pieces_max);
        let Ok(room) = Arc::clone(&self.room).acquire_many_owned(wanted).await else {
            return false;
        };
        self.queue.send((item, room)).await.is_ok()
    }

    /// Puts a message in if there is room now.
    pub(in crate::mcp) fn try_put(&self, item: Item) -> bool {
        let wanted = pieces(size(&item)).min(self.pieces_max);
        let room = Arc::clone(&self.room).try_acquire_many_owned(wanted);
        room.is_ok_and(|room| self.queue.try_send((item, room)).is_ok())
    }
}

impl Inbound {
    /// The next message; an error when there is none and none will come. A call that is dropped
    /// before it is ready loses nothing.
    pub(in crate::mcp) async fn next(&mut self) -> Item {
        match self.queue.recv().await {
            Some((item, _room)) => item,
            None => Err(self.fate.get().cloned().unwrap_or(Failure::ServerEnded)),
        }
    }
}

/// How much memory an item holds, about.
fn size(item: &Item) -> usize {
    match item {
        Ok(Step::Notification(message)) => message.len(),
        Ok(Step::Pause(_)) => 0,
        Ok(Step::Request(request)) => request.params.as_ref().map_or(0, String::len),
        Ok(Step::Done(Reply::Result(text) | Reply::Error(text))) => text.len(),
        Err(_) => 0,
    }
}

fn pieces(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(PIECE_BYTES).max(1)).unwrap_or(u32::MAX)
}
