//! Which uids may stand for an agent, and how long a token may live.

use lanyard_core::Timestamp;

use super::{checked_uid, expiry};

#[test]
fn uids() {
    for (uid, allowed) in [(0, false), (65_534, false), (1000, false), (1001, true), (1, true)] {
        assert_eq!(checked_uid(uid, 1000).is_ok(), allowed, "{uid}");
    }
}

#[test]
fn spans() {
    let now = Timestamp(0);
    for span in [0, u64::MAX, 11 * 366 * 24 * 60 * 60] {
        assert!(expiry(now, span).is_err(), "{span}");
    }
    assert_eq!(expiry(now, 90).unwrap(), Timestamp(90_000_000));
}
