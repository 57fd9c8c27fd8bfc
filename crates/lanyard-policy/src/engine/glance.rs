//! Remembers whether some arguments would be allowed. It is asked several times for each request,
//! and where rules read the time or the caller, finding out takes a search each time.
//!
//! What is remembered decides what is shown, and no call: a call is decided on its own arguments,
//! at its own time.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use lanyard_core::{Peer, TokenId, UserName};

use crate::ask::{Circumstances, Transport};
use crate::text::expression::Read;

/// Callers that are remembered at a time.
const CALLERS_MAX: usize = 64;

/// How long something holds where rules read the time, in microseconds: one second.
const HOLDS: i64 = 1_000_000;

/// What was found out, for whom.
#[derive(Debug, Default)]
pub(super) struct Glances {
    known: Mutex<Vec<(Key, bool)>>,
}

/// All that makes a difference. What no rule reads is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    granted: bool,
    /// Which second it is.
    second: Option<i64>,
    from: Option<(Place, Transport)>,
    user: Option<UserName>,
    token: Option<TokenId>,
}

/// As much of a peer as rules can read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Address(IpAddr),
    User(u32),
}

impl Glances {
    /// What is remembered for these circumstances, or what `find` says, which is remembered.
    pub(super) fn recall(
        &self,
        granted: bool,
        reads: &BTreeSet<Read>,
        circumstances: &Circumstances<'_>,
        find: impl FnOnce() -> bool,
    ) -> bool {
        let key = Key::new(granted, reads, circumstances);
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, found)) = known.iter().find(|(other, _)| *other == key) {
            return *found;
        }
        // A search takes long, and others need not wait for it.
        drop(known);
        let found = find();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(other, _)| other.second == key.second);
        if known.len() >= CALLERS_MAX {
            known.clear();
        }
        known.push((key, found));
        found
    }
}

impl Key {
    fn new(granted: bool, reads: &BTreeSet<Read>, circumstances: &Circumstances<'_>) -> Self {
        let Circumstances { user, token, peer, transport, now } = *circumstances;
        let caller = reads.contains(&Read::Caller);
        let from = caller || reads.iter().any(Read::is_of_client);
        let place = match peer {
            Peer::Tcp(address) => Place::Address(address.ip().to_canonical()),
            Peer::Unix { uid, pid: _ } => Place::User(uid),
        };
        Self {
            granted,
            second: reads.iter().any(Read::is_of_time).then(|| now.0.div_euclid(HOLDS)),
            from: from.then_some((place, transport)),
            user: user.filter(|_| caller).cloned(),
            token: token.filter(|_| caller).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use lanyard_core::Timestamp;

    use super::*;

    fn at<'a>(user: Option<&'a UserName>, port: u16, now: i64) -> Circumstances<'a> {
        Circumstances {
            user,
            token: None,
            peer: Peer::Tcp(([127, 0, 0, 1], port).into()),
            transport: Transport::Http,
            now: Timestamp(now),
        }
    }

    fn hour() -> Read {
        Read::Time("hour".to_owned())
    }

    fn address() -> Read {
        Read::Client("address".to_owned())
    }

    #[test]
    fn what_rules_read_makes_a_difference_and_nothing_else() {
        let (bob, eve) = (UserName::parse("bob").unwrap(), UserName::parse("eve").unwrap());
        let asked = |reads: &[Read], other: Circumstances<'_>, granted| {
            let glances = Glances::default();
            let reads: BTreeSet<Read> = reads.iter().cloned().collect();
            glances.recall(true, &reads, &at(Some(&bob), 1, 0), || true);
            let mut anew = false;
            glances.recall(granted, &reads, &other, || {
                anew = true;
                false
            });
            anew
        };
        let all = [hour(), address(), Read::Caller];
        assert!(!asked(&all, at(Some(&bob), 2, HOLDS - 1), true), "a port is nothing");
        assert!(asked(&[], at(Some(&bob), 1, 0), false), "a grant is something");
        assert!(asked(&[hour()], at(Some(&bob), 1, HOLDS), true));
        assert!(asked(&[hour()], at(Some(&bob), 1, -1), true));
        assert!(!asked(&[address(), Read::Caller], at(Some(&bob), 1, HOLDS), true));
        assert!(asked(&[Read::Caller], at(Some(&eve), 1, 0), true));
        assert!(asked(&[Read::Caller], at(None, 1, 0), true));
        assert!(!asked(&[hour(), address()], at(Some(&eve), 1, 0), true));
        let local = Peer::Unix { uid: 7, pid: None };
        let local = Circumstances { peer: local, ..at(Some(&bob), 1, 0) };
        assert!(asked(&[address()], local, true));
        assert!(asked(&[Read::Caller], local, true));
        assert!(!asked(&[hour()], local, true));
    }

    #[test]
    fn what_is_remembered_does_not_grow() {
        let glances = Glances::default();
        let reads = BTreeSet::from([hour(), Read::Caller]);
        let ask = |user: &str, now| {
            let user = UserName::parse(user).unwrap();
            glances.recall(true, &reads, &at(Some(&user), 1, now), || true);
            glances.known.lock().unwrap().len()
        };
        for count in 1..=CALLERS_MAX {
            assert_eq!(ask(&format!("u{count}"), 0), count);
        }
        assert_eq!(ask("one-more", 0), 1);
        assert_eq!(ask("another", 1), 2);
        assert_eq!(ask("later", HOLDS), 1);
    }
}
