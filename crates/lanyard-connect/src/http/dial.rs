//! Opens connections: look-up, check, dial, TLS, HTTP.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lanyard_core::{Origin, Scheme};
use rustix::net::sockopt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

use super::address::{self, Checked, PrivateAllowance};
use super::connection::{Connection, Transport};
use super::resolve::Resolve;
use super::tls::Tls;
use super::unreached::Unreached;

/// How many addresses of a name are tried.
const ADDRESSES_MAX: usize = 6;

/// After so long a silence the other machine is asked whether it is still there: how often at most,
/// and how far apart.
const SILENCE_MAX: Duration = Duration::from_secs(30);
const SILENCE_ASK_AGAIN: Duration = Duration::from_secs(10);
const SILENCE_ASKED_MAX: u32 = 3;

/// Opens connections to servers.
pub(super) struct Dialer {
    pub(super) resolver: Arc<dyn Resolve>,
    pub(super) tls: Tls,
    pub(super) tasks: TaskTracker,
    /// Time for all of it.
    pub(super) connect_max: Duration,
}

impl Dialer {
    /// Opens a connection to an address that was checked for this origin. It takes no longer than
    /// the limit for connecting, nor past the deadline of the call. Nothing of the request is sent.
    pub(super) async fn dial(
        &self,
        origin: &Origin,
        private: &PrivateAllowance,
        deadline: Instant,
    ) -> Result<Connection, Unreached> {
        let now = Instant::now();
        let until = now.checked_add(self.connect_max).map_or(deadline, |own| own.min(deadline));
        let connected = match timeout_at(until, self.connect(origin, private, until)).await {
            Ok(connected) => connected,
            Err(_elapsed) => Err(Unreached::TimedOut),
        };
        connected.inspect_err(|why| tracing::debug!(%origin, %why, "No connection."))
    }

    async fn connect(
        &self,
        origin: &Origin,
        private: &PrivateAllowance,
        until: Instant,
    ) -> Result<Connection, Unreached> {
        let checked = self.look_up(origin, private).await?;
        let stream = reach(origin, &checked, until).await?;
        let transport = match origin.scheme() {
            Scheme::Http => Transport::Plain(stream),
            Scheme::Https => {
                let agreed = self.tls.connect(origin, stream).await;
                let stream = agreed.map_err(|error| Unreached::of_handshake(&error))?;
                Transport::Tls(Box::new(stream))
            }
        };
        Connection::open(transport, &self.tasks).await.map_err(|error| {
            tracing::debug!(%origin, %error, "HTTP was not agreed.");
            Unreached::Http
        })
    }

    async fn look_up(
        &self,
        origin: &Origin,
        private: &PrivateAllowance,
    ) -> Result<Checked, Unreached> {
        let addresses = match address::written(origin) {
            Some(addresses) => addresses,
            None => self.resolver.resolve(origin.host()).await.map_err(|error| {
                tracing::debug!(%origin, kind = ?error.kind(), "The name was not found.");
                Unreached::Name
            })?,
        };
        if addresses.is_empty() {
            return Err(Unreached::Name);
        }
        address::check(origin, &addresses, private).ok_or(Unreached::Forbidden)
    }
}

/// Connects to the first address that answers. Each gets an equal share of the time that is left,
/// so that one that swallows packets leaves time for the next.
async fn reach(origin: &Origin, checked: &Checked, until: Instant) -> Result<TcpStream, Unreached> {
    let addresses: Vec<SocketAddr> = alternating(checked.addresses());
    let mut left = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    for address in addresses {
        let now = Instant::now();
        let share = until.saturating_duration_since(now).checked_div(left).unwrap_or_default();
        let own = now.checked_add(share).unwrap_or(until);
        match timeout_at(own, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                if let Err(error) = tune(&stream) {
                    tracing::debug!(%origin, kind = ?error.kind(), "A socket stays as it was.");
                }
                return Ok(stream);
            }
            Ok(Err(error)) => {
                tracing::debug!(%origin, kind = ?error.kind(), "An address did not answer.");
            }
            Err(_elapsed) => tracing::debug!(%origin, "An address did not answer in its time."),
        }
        left = left.saturating_sub(1);
    }
    Err(Unreached::Address)
}

/// Makes a socket fit for what it carries: a request is written at once, so waiting for more of it
/// only delays it; and an event stream may be silent for hours, in which nothing else would tell
/// that the server's machine, or what stands between, has forgotten the connection.
fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_tcp_keepidle(stream, SILENCE_MAX)?;
    sockopt::set_tcp_keepintvl(stream, SILENCE_ASK_AGAIN)?;
    sockopt::set_tcp_keepcnt(stream, SILENCE_ASKED_MAX)?;
    sockopt::set_socket_keepalive(stream, true)?;
    Ok(())
}

/// The first addresses of the list, changing between IPv4 and IPv6 as long as there are both, so
/// that a family that does not work here is passed over after one try (RFC 8305, section 4).
fn alternating(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first_is_v4 = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (same, other): (Vec<SocketAddr>, Vec<SocketAddr>) =
        addresses.iter().partition(|address| address.is_ipv4() == first_is_v4);
    let mut other = other.into_iter();
    let mut mixed: Vec<SocketAddr> = Vec::with_capacity(addresses.len());
    for address in same {
        mixed.push(address);
        mixed.extend(other.next());
    }
    mixed.extend(other);
    mixed.truncate(ADDRESSES_MAX);
    mixed
}

#[cfg(test)]
mod tests;
