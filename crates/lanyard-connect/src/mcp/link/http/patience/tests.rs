//! Waits, and their end.

use super::*;

fn waits(patience: &mut Patience, count: usize) -> Vec<u128> {
    (0..count).map(|_| patience.next_wait().as_millis()).collect()
}

#[test]
fn waits_grow_until_something_works() {
    let mut patience = Patience::new();
    assert_eq!(waits(&mut patience, 8), [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]);
    patience.restore();
    assert_eq!(waits(&mut patience, 2), [1000, 2000]);
    assert_eq!(waits(&mut patience, 100).last(), Some(&60000));
}

#[test]
fn the_server_may_say_how_long_within_bounds() {
    for (said, expected) in [(0, 50), (50, 50), (700, 700), (61_000, 60_000), (u64::MAX, 60_000)] {
        let mut patience = Patience::new();
        patience.note(None, Some(said));
        patience.note(None, None);
        assert_eq!(waits(&mut patience, 1), [expected]);
    }
}

#[test]
fn a_response_is_given_up_after_some_failures() {
    let mut patience = Patience::new();
    for _ in 0..ATTEMPTS_MAX {
        assert!(patience.next_wait_of_few().is_some());
    }
    assert_eq!(patience.next_wait_of_few(), None);
}

#[test]
fn the_place_is_the_last_one_that_was_told() {
    let mut patience = Patience::new();
    assert_eq!(patience.place(), None);
    patience.note(Some("a"), None);
    patience.note(None, Some(100));
    assert_eq!(patience.place(), Some("a"));
}
