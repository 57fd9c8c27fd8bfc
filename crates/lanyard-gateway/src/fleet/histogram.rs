//! How long calls took: counts in fixed buckets, without a lock.
//!
//! A bucket is a sixteenth of a power of two wide, so what comes out is at most 1/32 away from
//! what went in. Times below 16 microseconds have a bucket each; times past an hour share the
//! last.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets to a power of two, as a power of two.
const FINE_BITS: u32 = 4;
const FINE: usize = 1 << FINE_BITS;

/// Powers of two: the largest time that has a bucket of its own is 2^32 microseconds.
const POWERS: usize = 32;

const BUCKETS: usize = (POWERS - FINE_BITS as usize + 1) * FINE;

/// Times of calls. Takes memory with the first of them: most servers of many are never called.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: OnceLock<Box<[AtomicU64]>>,
}

impl Histogram {
    /// Counts one.
    pub(super) fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let buckets =
            self.buckets.get_or_init(|| (0..BUCKETS).map(|_| AtomicU64::new(0)).collect());
        if let Some(bucket) = buckets.get(bucket_of(micros)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The time in microseconds that this many of a hundred calls did not pass; `None` without
    /// calls. What is counted meanwhile may or may not be in it.
    pub(super) fn percentile(&self, percent: u64) -> Option<u64> {
        let counts: Vec<u64> =
            self.buckets.get()?.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        let all: u64 = counts.iter().fold(0, |sum, count| sum.saturating_add(*count));
        let rank = all.saturating_mul(percent).div_ceil(100).max(1);
        let mut below = 0_u64;
        let found = counts.iter().position(|count| {
            below = below.saturating_add(*count);
            below >= rank
        });
        found.map(middle)
    }
}

/// The bucket of a time in microseconds.
fn bucket_of(micros: u64) -> usize {
    let Some(power) = micros.checked_ilog2().filter(|power| *power >= FINE_BITS) else {
        return usize::try_from(micros).unwrap_or(0);
    };
    let shift = power.saturating_sub(FINE_BITS);
    // The highest bit is the power itself.
    let fine = usize::try_from(micros >> shift).unwrap_or(0) % FINE;
    let coarse = usize::try_from(shift).unwrap_or(0).saturating_add(1).saturating_mul(FINE);
    coarse.saturating_add(fine).min(BUCKETS - 1)
}

/// The middle of a bucket.
fn middle(bucket: usize) -> u64 {
    let coarse = bucket / FINE;
    let fine = u64::try_from(bucket % FINE).unwrap_or(0);
    let Some(shift) = coarse.checked_sub(1) else { return fine };
    let shift = u32::try_from(shift).unwrap_or(0);
    let low = (fine.saturating_add(FINE as u64)) << shift;
    low.saturating_add((1_u64 << shift) / 2)
}

#[cfg(test)]
mod tests;
