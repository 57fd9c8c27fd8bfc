//! Looks at the lists of a server: so that somebody can wait for the next one.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// The looks at one server's lists by the gateway itself, numbered from 1.
#[derive(Debug, Default)]
pub(super) struct Looks {
    begun: AtomicU64,
    /// The latest that is over.
    over: watch::Sender<u64>,
}

/// A look that goes on until this is dropped.
#[derive(Debug)]
pub(super) struct Look<'a> {
    looks: &'a Looks,
    number: u64,
}

impl Looks {
    /// One begins.
    pub(super) fn begin(&self) -> Look<'_> {
        let number = self.begun.fetch_add(1, Ordering::AcqRel).saturating_add(1);
        Look { looks: self, number }
    }

    /// Ready when a look is over that begins from now on.
    pub(super) fn next(&self) -> impl Future<Output = ()> + use<> {
        let (begun, mut over) = (self.begun.load(Ordering::Acquire), self.over.subscribe());
        async move {
            // Where there is no server any more, there is nothing to wait for either.
            let _gone = over.wait_for(|over| *over > begun).await.is_err();
        }
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        self.looks.over.send_if_modified(|over| {
            let is_later = self.number > *over;
            *over = self.number.max(*over);
            is_later
        });
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Waker};

    use super::Looks;

    type Waiting = Pin<Box<dyn Future<Output = ()>>>;

    fn is_ready(waiting: &mut Waiting) -> bool {
        waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn a_look_that_had_begun_is_not_the_next() {
        let looks = Looks::default();
        let first = looks.begin();
        let mut next: Waiting = Box::pin(looks.next());
        assert!(!is_ready(&mut next));
        drop(first);
        assert!(!is_ready(&mut next));
        let (second, third) = (looks.begin(), looks.begin());
        drop(third);
        assert!(is_ready(&mut next));
        drop(second);
        let mut next: Waiting = Box::pin(looks.next());
        assert!(!is_ready(&mut next));
    }
}
