//! The waits are those that the documentation promises.

use proptest::prelude::*;

use super::{ATTEMPTS, Backoff, COOLDOWN, Jitter, Wait};

/// The waits of this many failures in a row, in seconds; a pause in brackets.
fn waits(count: usize) -> String {
    let mut backoff = Backoff::default();
    let words: Vec<String> = (0..count)
        .map(|_| match backoff.failed(Jitter::NONE) {
            Wait::Retry(span) => span.as_secs().to_string(),
            Wait::Cooldown(span) => format!("[{}]", span.as_secs()),
        })
        .collect();
    words.join(" ")
}

#[test]
fn ten_attempts_then_a_pause_then_again() {
    let cycle = "2 4 8 16 32 60 60 60 60 60 [300] 4 8 16 32 60 60 60 60 60 [300] 4";
    assert_eq!(waits(22), cycle);
}

#[test]
fn success_begins_anew() {
    let mut backoff = Backoff::default();
    for _ in 0..5 {
        backoff.failed(Jitter::NONE);
    }
    assert_eq!(backoff.attempt(), 5);
    backoff.reset();
    assert_eq!(backoff, Backoff::default());
}

proptest! {
    #[test]
    fn waits_stay_within_a_tenth(draws in proptest::collection::vec(any::<u64>(), 0..60)) {
        let (mut drawn, mut still) = (Backoff::default(), Backoff::default());
        for draw in draws {
            let (actual, expected) = (drawn.failed(Jitter(draw)), still.failed(Jitter::NONE));
            let (actual, expected) = match (actual, expected) {
                (Wait::Retry(actual), Wait::Retry(expected)) => (actual, expected),
                (Wait::Cooldown(actual), Wait::Cooldown(expected)) => {
                    prop_assert_eq!(expected, COOLDOWN);
                    (actual, expected)
                }
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            };
            prop_assert!(actual >= expected.mul_f64(0.9) && actual <= expected.mul_f64(1.1));
            prop_assert!(drawn.attempt() >= 1 && drawn.attempt() <= ATTEMPTS);
        }
    }

    #[test]
    fn a_start_is_spread_over_its_span(draw in any::<u64>(), millis in 0_u64..100_000) {
        let span = std::time::Duration::from_millis(millis);
        prop_assert!(Jitter(draw).within(span) <= span);
    }
}
