//! From a name to addresses: once for each connection, so that the addresses that were checked are
//! the addresses that are dialled.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Semaphore;

/// Look-ups at a time. A look-up holds a thread until the system's resolver gives up, and those
/// threads also serve the rest of the program, so a name server that hangs must not take them all.
const LOOKUPS_MAX: usize = 64;

/// The addresses of a name, or why there are none.
pub type Resolving<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send + 'a>>;

/// Looks names up. The system's resolver outside tests.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of this name, in the order in which to try them.
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a>;
}

/// The resolver of the operating system: its hosts file, its name servers, its order of addresses.
#[derive(Debug)]
pub(super) struct System {
    lookups: Arc<Semaphore>,
}

impl System {
    pub(super) fn new() -> Self {
        Self { lookups: Arc::new(Semaphore::new(LOOKUPS_MAX)) }
    }
}

impl Resolve for System {
    fn resolve<'a>(&'a self, host: &'a str) -> Resolving<'a> {
        Box::pin(async move {
            let lookups = Arc::clone(&self.lookups);
            let permit = lookups.acquire_owned().await.map_err(io::Error::other)?;
            let host = host.to_owned();
            let look_up = move || {
                // The permit moves along: a look-up whose caller left still holds its thread.
                let _permit = permit;
                let found = (host.as_str(), 0).to_socket_addrs()?;
                Ok(found.map(|address: SocketAddr| address.ip()).collect())
            };
            tokio::task::spawn_blocking(look_up).await.map_err(io::Error::other)?
        })
    }
}
