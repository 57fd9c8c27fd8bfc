//! Tells whether a session was opened for a lease: who opens one asks for the environment of its
//! process, or for what its greeting carries, while a session that is open already asks the
//! credentials it was opened with.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lanyard_connect::mcp::{Credentials, Opened, Opening};
use lanyard_core::Failure;

/// Credentials that remember whether a session was opened with them.
#[derive(Debug)]
pub(super) struct Starts {
    inner: Arc<dyn Credentials>,
    asked: AtomicBool,
}

impl Starts {
    /// What a session is opened with, if it is, and what tells whether it was.
    pub(super) fn watch(opening: Opening) -> (Arc<Self>, Opening) {
        let asked = AtomicBool::new(false);
        let starts = Arc::new(Self { inner: opening.credentials, asked });
        let credentials = Arc::clone(&starts) as Arc<dyn Credentials>;
        (starts, Opening { credentials, ..opening })
    }

    /// Whether a session was opened with them.
    pub(super) fn happened(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }
}

impl Credentials for Starts {
    fn request(&self) -> Result<Opened, Failure> {
        self.asked.store(true, Ordering::Release);
        self.inner.request()
    }

    fn environment(&self) -> Result<Vec<(String, String)>, Failure> {
        self.asked.store(true, Ordering::Release);
        self.inner.environment()
    }

    fn mask<'a>(&self, text: &'a str) -> (Cow<'a, str>, u64) {
        self.inner.mask(text)
    }
}
