//! `lanyard bridge`: standard input and output for the bridge, each with a thread of its own. A
//! read of standard input cannot be called off, so nothing waits for it.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use bytes::Bytes;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::agent::{AgentEnv, BridgeArgs, Exit, Pipes, run_bridge};
use crate::output;

/// Pieces of input and lines of output that wait: the other side is then read no further.
const QUEUE: usize = 16;

/// How much is read at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// How long the last lines may take to be read.
const LAST_LINES: Duration = Duration::from_secs(2);

pub(super) async fn run(args: &BridgeArgs, env: &AgentEnv) -> Exit {
    let (said, input) = mpsc::channel(QUEUE);
    let (output, lines) = mpsc::channel(QUEUE);
    let (written, all_written) = oneshot::channel::<()>();
    std::thread::spawn(move || read(&said));
    std::thread::spawn(move || {
        write(lines);
        drop(written);
    });
    let stop = CancellationToken::new();
    let pipes = Pipes { input, output, stop: stop.clone(), notice: output::notice };
    let mut running = std::pin::pin!(run_bridge(args, env, pipes));
    let exit = tokio::select! {
        exit = running.as_mut() => exit,
        () = until_ended() => {
            stop.cancel();
            running.await
        }
    };
    let done = tokio::time::timeout(LAST_LINES, all_written).await;
    tracing::trace!(done = done.is_ok(), "The last lines were written.");
    exit
}

/// A client that ends its servers with a signal also means that it has nothing more to say.
async fn until_ended() {
    let (Ok(mut terminated), Ok(mut interrupted)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
}

fn read(said: &mpsc::Sender<Vec<u8>>) {
    let mut stdin = std::io::stdin().lock();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match stdin.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(count) => {
                let piece = chunk.get(..count).unwrap_or_default().to_vec();
                if said.blocking_send(piece).is_err() {
                    return;
                }
            }
        }
    }
}

/// Writes lines until there are no more, or nobody reads them.
fn write(mut lines: mpsc::Receiver<Bytes>) {
    let mut stdout = std::io::stdout().lock();
    while let Some(line) = lines.blocking_recv() {
        if stdout.write_all(&line).and_then(|()| stdout.flush()).is_err() {
            return;
        }
    }
}
