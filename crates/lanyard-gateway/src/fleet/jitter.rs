//! A little chance, so that a thousand servers are not asked in the same moment.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How far from its span a wait is, at most: a tenth of it.
const PARTS: u64 = 10_000;
const PARTS_MIN: u64 = 9_000;
const PARTS_WIDTH: u64 = 2_001;

/// One draw. What it is applied to stays pure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Jitter(pub(super) u64);

impl Jitter {
    /// The draw that changes nothing.
    #[cfg(test)]
    pub(super) const NONE: Self = Self(1_000);

    /// The span, longer or shorter by a tenth of it at most.
    pub(super) fn around(self, span: Duration) -> Duration {
        let parts = PARTS_MIN.saturating_add(self.0 % PARTS_WIDTH);
        scaled(span, parts)
    }

    /// A time between nothing and the span.
    pub(super) fn within(self, span: Duration) -> Duration {
        scaled(span, self.0 % PARTS)
    }
}

fn scaled(span: Duration, parts: u64) -> Duration {
    let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
    Duration::from_nanos((nanos / PARTS).saturating_mul(parts))
}

/// Where draws come from.
#[derive(Debug)]
pub(super) enum Jitters {
    /// Numbers that differ from start to start. They protect nothing, so they need not be secret.
    Random {
        /// Seeded by the system.
        seed: RandomState,
        /// How many were drawn.
        drawn: AtomicU64,
    },
    /// Always the draw that changes nothing.
    #[cfg(test)]
    Still,
}

impl Jitters {
    /// Draws that differ from start to start.
    pub(super) fn random() -> Self {
        Self::Random { seed: RandomState::new(), drawn: AtomicU64::new(0) }
    }

    /// The next draw.
    pub(super) fn draw(&self) -> Jitter {
        match self {
            Self::Random { seed, drawn } => {
                Jitter(seed.hash_one(drawn.fetch_add(1, Ordering::Relaxed)))
            }
            #[cfg(test)]
            Self::Still => Jitter::NONE,
        }
    }
}
