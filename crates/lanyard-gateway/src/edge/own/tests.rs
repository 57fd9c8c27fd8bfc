//! What an agent that hangs up gets: no second read while its first one runs.

use std::sync::mpsc;
use std::task;

use super::*;

fn agent(name: &str) -> Reader {
    (TenantName::parse("main").unwrap(), AgentName::parse(name).unwrap())
}

/// A read that runs until it is let go, and whose asker has hung up.
struct Abandoned {
    go: mpsc::Sender<()>,
}

impl Abandoned {
    async fn begin(reads: &OwnReads, name: &str) -> Self {
        let turn = reads.turn(agent(name)).expect("no read of this agent runs");
        let (go, gate) = mpsc::channel();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let mut request = Box::pin(turn.read(move || {
            begun.send(()).unwrap();
            gate.recv().unwrap();
        }));
        tokio::select! {
            _ = &mut request => unreachable!("it waits at the gate"),
            begun = begins => begun.unwrap(),
        }
        drop(request);
        Self { go }
    }

    /// Ends it, and waits until it has given back what it held.
    async fn end(self, reads: &OwnReads, name: &str) -> Turn {
        self.go.send(()).unwrap();
        loop {
            if let Some(turn) = reads.turn(agent(name)) {
                return turn;
            }
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn who_hangs_up_waits_for_the_end_of_its_read() {
    let reads = OwnReads::default();
    let first = Abandoned::begin(&reads, "a").await;
    assert!(reads.turn(agent("a")).is_none(), "a second read of the same agent");
    assert!(reads.turn(agent("b")).is_some(), "another agent waits for nobody");
    let turn = first.end(&reads, "a").await;
    assert_eq!(turn.read(|| 7).await, Some(7));
}

#[tokio::test]
async fn reads_without_askers_take_places_too() {
    let reads = OwnReads::default();
    let first = Abandoned::begin(&reads, "a").await;
    let second = Abandoned::begin(&reads, "b").await;
    assert_eq!(reads.places.available_permits(), 0);
    // A third one waits, and who hangs up while it waits leaves nothing behind.
    let mut third = Box::pin(reads.turn(agent("c")).unwrap().read(|| 7));
    let mut nobody = task::Context::from_waker(task::Waker::noop());
    assert!(third.as_mut().poll(&mut nobody).is_pending());
    drop(third);
    assert!(reads.turn(agent("c")).is_some());
    let third = reads.turn(agent("c")).unwrap().read(|| 7);
    drop(first.end(&reads, "a").await);
    assert_eq!(third.await, Some(7));
    drop(second.end(&reads, "b").await);
}
