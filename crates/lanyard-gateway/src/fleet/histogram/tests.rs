//! What comes out is near what went in.

use std::time::Duration;

use proptest::prelude::*;

use super::{BUCKETS, Histogram, bucket_of, middle};

#[test]
fn nothing_has_no_percentile() {
    assert_eq!(Histogram::default().percentile(50), None);
}

#[test]
fn a_hundred_calls() {
    let histogram = Histogram::default();
    for millis in 1..=100 {
        histogram.record(Duration::from_millis(millis));
    }
    let near = |percent: u64, expected: f64| {
        let actual = histogram.percentile(percent).unwrap() as f64;
        assert!((actual / expected - 1.0).abs() < 0.04, "p{percent} is {actual}");
    };
    near(50, 50_000.0);
    near(99, 99_000.0);
    near(100, 100_000.0);
}

#[test]
fn what_is_too_long_shares_the_last_bucket() {
    assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    let histogram = Histogram::default();
    histogram.record(Duration::MAX);
    assert!(histogram.percentile(99).unwrap() > 3_600_000_000);
}

proptest! {
    #[test]
    fn a_bucket_is_narrow(micros in 0_u64..1 << 32) {
        let shown = middle(bucket_of(micros));
        prop_assert!(shown.abs_diff(micros).saturating_mul(32) <= micros.max(1), "{shown}");
    }

    #[test]
    fn longer_is_never_a_lower_bucket(one in any::<u64>(), other in any::<u64>()) {
        let (low, high) = (one.min(other), one.max(other));
        prop_assert!(bucket_of(low) <= bucket_of(high));
        prop_assert!(bucket_of(high) < BUCKETS);
    }

    /// Beside a sorted list.
    #[test]
    fn percentiles_are_those_of_the_list(
        mut times in proptest::collection::vec(0_u64..10_000_000_000, 1..200),
        percent in 1_usize..=100,
    ) {
        let histogram = Histogram::default();
        for micros in &times {
            histogram.record(Duration::from_micros(*micros));
        }
        times.sort_unstable();
        let below = times.len().saturating_mul(percent).saturating_sub(1) / 100;
        let expected = middle(bucket_of(times[below]));
        prop_assert_eq!(histogram.percentile(percent as u64), Some(expected));
    }
}
