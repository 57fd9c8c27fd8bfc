//! Tells whether a process was started for a lease: a process asks for its environment once, when
//! it is started, and a session that is open already does not ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lanyard_connect::mcp::{Credentials, Opened};
use lanyard_core::Failure;

/// Credentials that remember whether a process was started with them.
#[derive(Debug)]
pub(super) struct Starts {
    inner: Arc<dyn Credentials>,
    asked: AtomicBool,
}

impl Starts {
    pub(super) fn new(inner: Arc<dyn Credentials>) -> Arc<Self> {
        Arc::new(Self { inner, asked: AtomicBool::new(false) })
    }

    /// Whether a process was started with them.
    pub(super) fn happened(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }
}

impl Credentials for Starts {
    fn request(&self) -> Result<Opened, Failure> {
        self.inner.request()
    }

    fn environment(&self) -> Result<Vec<(String, String)>, Failure> {
        self.asked.store(true, Ordering::Release);
        self.inner.environment()
    }
}
