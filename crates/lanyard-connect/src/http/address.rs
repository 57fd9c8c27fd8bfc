//! Which addresses a request may be sent to: the table of special ranges and the check that every
//! address passes before it is dialled. Pure: no resolver and no socket here.
//!
//! A name that leads to several addresses keeps those that are permitted; only when none is left
//! the request is refused. Whoever answers for a name could leave the forbidden ones out anyway, so
//! refusing the whole name would protect nothing, and would break names whose host also has a
//! private address.
//!
//! INVARIANT: only [`check`] makes [`Checked`], and only [`Checked`] is dialled.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use lanyard_core::Origin;

/// The host names that an operator let lead to private addresses (`--allow-private HOST`).
///
/// An address literal or `localhost` that a definition writes needs no entry: whoever wrote it
/// meant that address. Link-local addresses (the metadata services of clouds are among them) can
/// only be reached that way; no entry here lets a *name* lead to one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PrivateAllowance {
    hosts: BTreeSet<Box<str>>,
}

impl PrivateAllowance {
    /// No name may lead to a private address.
    pub const fn none() -> Self {
        Self { hosts: BTreeSet::new() }
    }

    /// These names may. Case and one trailing dot do not matter.
    pub fn of<H: AsRef<str>>(hosts: impl IntoIterator<Item = H>) -> Self {
        let normal = |host: H| {
            let lower = host.as_ref().to_ascii_lowercase();
            Box::from(lower.strip_suffix('.').unwrap_or(&lower))
        };
        Self { hosts: hosts.into_iter().map(normal).collect() }
    }

    fn names(&self, host: &str) -> bool {
        self.hosts.contains(host)
    }
}

/// Addresses that passed [`check`] for one origin, in the order in which to try them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checked(Vec<SocketAddr>);

impl Checked {
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.0
    }
}

/// What the origin's host is, when it is no name that has to be looked up.
pub(super) fn written(origin: &Origin) -> Option<Vec<IpAddr>> {
    if origin.host() == "localhost" {
        // RFC 6761, 6.3: `localhost` is this machine, whatever a resolver says.
        return Some(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
    }
    origin.host().parse().ok().map(|address| vec![address])
}

/// Keeps the addresses that this origin may be dialled at; nothing where there is none.
pub(super) fn check(
    origin: &Origin,
    addresses: &[IpAddr],
    private: &PrivateAllowance,
) -> Option<Checked> {
    let reach = Reach::of(origin, private);
    let permitted: Vec<SocketAddr> = addresses
        .iter()
        .filter(|address| reach.covers(standing(**address)))
        .map(|address| SocketAddr::new(*address, origin.port()))
        .collect();
    (!permitted.is_empty()).then_some(Checked(permitted))
}

/// How far a host may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// A name: the public internet.
    Public,
    /// A name that an operator let lead to private addresses.
    Private,
    /// An address literal or `localhost`.
    Written,
}

impl Reach {
    fn of(origin: &Origin, private: &PrivateAllowance) -> Self {
        if written(origin).is_some() {
            Self::Written
        } else if private.names(origin.host()) {
            Self::Private
        } else {
            Self::Public
        }
    }

    fn covers(self, standing: Standing) -> bool {
        match standing {
            Standing::Public => true,
            Standing::Private => self != Self::Public,
            Standing::Local => self == Self::Written,
            Standing::Unusable => false,
        }
    }
}

/// What kind of place an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// On the public internet.
    Public,
    /// Somebody's own network or this machine.
    Private,
    /// On the link itself, and the metadata services of clouds: never by name.
    Local,
    /// Nothing that could answer a request: multicast, unspecified, not assigned.
    Unusable,
}

/// IPv4 ranges that are not simply public. Source: the IANA IPv4 Special-Purpose Address Registry
/// (RFC 6890 and its updates) and the IANA IPv4 Multicast Address Space Registry. The first
/// matching row counts. Rows of the registry that are globally reachable are left out.
const V4: &[(Ipv4Addr, u32, Standing)] = &[
    // RFC 791 "this network"; Linux connects 0.0.0.0 to this machine.
    (Ipv4Addr::new(0, 0, 0, 0), 8, Standing::Unusable),
    (Ipv4Addr::new(10, 0, 0, 0), 8, Standing::Private), // RFC 1918
    // Not in the registry: the metadata service of Alibaba Cloud, inside the shared range.
    (Ipv4Addr::new(100, 100, 100, 200), 32, Standing::Local),
    (Ipv4Addr::new(100, 64, 0, 0), 10, Standing::Private), // RFC 6598, shared (carrier NAT)
    (Ipv4Addr::new(127, 0, 0, 0), 8, Standing::Private),   // RFC 1122, loopback
    // Not in the registry: the platform service of Azure, a public address by number only.
    (Ipv4Addr::new(168, 63, 129, 16), 32, Standing::Local),
    // RFC 3927, link-local; 169.254.169.254 and 169.254.170.2 are metadata services.
    (Ipv4Addr::new(169, 254, 0, 0), 16, Standing::Local),
    (Ipv4Addr::new(172, 16, 0, 0), 12, Standing::Private), // RFC 1918
    // Not in the registry: the metadata service of Oracle Cloud, inside the next range.
    (Ipv4Addr::new(192, 0, 0, 192), 32, Standing::Local),
    (Ipv4Addr::new(192, 0, 0, 0), 24, Standing::Private), // RFC 6890, protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24, Standing::Private), // RFC 5737, documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24, Standing::Private), // RFC 7526, former 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16, Standing::Private), // RFC 1918
    (Ipv4Addr::new(198, 18, 0, 0), 15, Standing::Private), // RFC 2544, benchmarking
    (Ipv4Addr::new(198, 51, 100, 0), 24, Standing::Private), // RFC 5737, documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24, Standing::Private), // RFC 5737, documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4, Standing::Unusable), // RFC 5771, multicast
    (Ipv4Addr::new(255, 255, 255, 255), 32, Standing::Unusable), // RFC 919, broadcast
    (Ipv4Addr::new(240, 0, 0, 0), 4, Standing::Private),  // RFC 1112, reserved
];

/// IPv6 ranges. Source: the IANA IPv6 Special-Purpose Address Registry (RFC 6890 and its updates)
/// and the IANA IPv6 Address Space registry. The first matching row counts; what is in no row and
/// outside `2000::/3` is not assigned.
const V6: &[(Ipv6Addr, u32, Standing)] = &[
    (Ipv6Addr::UNSPECIFIED, 128, Standing::Unusable),
    (Ipv6Addr::LOCALHOST, 128, Standing::Private),
    // RFC 8215, NAT64 for use inside one network: where it leads, only that network knows.
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, Standing::Private),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, Standing::Private), // RFC 2928, protocol assignments
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, Standing::Private), // RFC 3849, documentation
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, Standing::Private), // RFC 9637, documentation
    (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3, Standing::Public),   // RFC 4291, global unicast
    // Not in the registry: the metadata services of AWS and Google, inside the next range.
    (Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0), 32, Standing::Local),
    (Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0), 32, Standing::Local),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, Standing::Private), // RFC 4193, unique local
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, Standing::Local),  // RFC 4291, link-local
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, Standing::Private), // RFC 3879, site-local
];

/// What kind of place an address is. A form that carries an IPv4 address counts as that address.
pub(super) fn standing(address: IpAddr) -> Standing {
    match address {
        IpAddr::V4(address) => standing_v4(address),
        IpAddr::V6(address) => match carried(address) {
            Some(inner) => standing_v4(inner),
            None => standing_v6(address),
        },
    }
}

fn standing_v4(address: Ipv4Addr) -> Standing {
    let row = V4.iter().find(|(network, length, _)| {
        same_prefix(address.to_bits().into(), network.to_bits().into(), 32, *length)
    });
    row.map_or(Standing::Public, |(_, _, standing)| *standing)
}

fn standing_v6(address: Ipv6Addr) -> Standing {
    let row = V6.iter().find(|(network, length, _)| {
        same_prefix(address.to_bits(), network.to_bits(), 128, *length)
    });
    row.map_or(Standing::Unusable, |(_, _, standing)| *standing)
}

fn same_prefix(address: u128, network: u128, width: u32, length: u32) -> bool {
    let differing = (address ^ network).checked_shr(width.saturating_sub(length));
    differing.unwrap_or(0) == 0
}

/// The IPv4 address that an IPv6 address leads to, if it is of a form that carries one.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, high, low] = address.segments();
    let last = || Some(joined(high, low));
    match (a, b, c, d, e, f) {
        // `::` and `::1` are themselves.
        (0, 0, 0, 0, 0, 0) if address.to_bits() <= 1 => None,
        // RFC 4291, 2.5.5: compatible, mapped. RFC 2765: translated.
        (0, 0, 0, 0, 0, 0 | 0xffff) | (0, 0, 0, 0, 0xffff, 0) => last(),
        // RFC 6052: NAT64.
        (0x64, 0xff9b, 0, 0, 0, 0) => last(),
        // RFC 3056: 6to4 carries the site's address behind its prefix.
        (0x2002, ..) => Some(joined(b, c)),
        // RFC 4380: Teredo carries the client's address last, inverted.
        (0x2001, 0, ..) => Some(joined(!high, !low)),
        // RFC 5214: an ISATAP interface id carries the address last.
        (_, _, _, _, 0 | 0x200, 0x5efe) => last(),
        _ => None,
    }
}

fn joined(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
mod tests;
