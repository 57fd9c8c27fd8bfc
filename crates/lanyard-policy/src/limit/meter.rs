//! What one limit has counted. Whole numbers all the way: nothing is lost to rounding, however
//! often it is asked.

use std::time::Duration;

use lanyard_core::Timestamp;

use super::terms::{LimitKind, LimitTerms, Rate};

/// What one limit has counted: it is kept when the limit's terms change.
///
/// It counts all that fits, also what its terms do not limit, so that terms which are added later
/// in a day know what the day has used.
#[derive(Debug, Default)]
pub struct Meter {
    bucket: Option<Bucket>,
    running: u64,
    /// Days since 1970, in UTC.
    day: i64,
    calls: u64,
    cost: u64,
}

/// What a limit has counted on one day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DayUse {
    /// The calls.
    pub calls: u64,
    /// What they cost together.
    pub cost: u64,
}

/// How long until a limit lets a call through that it did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// So long, as far as it can be known.
    For(Duration),
    /// For ever: the call costs more than a whole day may.
    Never,
}

/// How long a call waits that finds every place taken: nobody knows, so it asks again soon.
const PLACE_WAIT: Duration = Duration::from_secs(1);

const DAY_MICROS: i64 = 86_400_000_000;

/// A bucket of tokens. A token is divided into as many shares as its rate's span has microseconds,
/// so that a microsecond brings `rate.calls` shares.
#[derive(Debug)]
struct Bucket {
    rate: Rate,
    shares: u64,
    at: Timestamp,
}

impl Bucket {
    fn full(rate: Rate, at: Timestamp) -> Self {
        Self { rate, shares: Self::room(rate), at }
    }

    fn room(rate: Rate) -> u64 {
        rate.burst.saturating_mul(rate.per.micros())
    }

    /// Goes on under another rate with the tokens that are there.
    fn change(&mut self, rate: Rate) {
        if self.rate == rate {
            return;
        }
        let (before, after) = (self.rate.per.micros(), rate.per.micros());
        let shares = u128::from(self.shares).saturating_mul(after.into());
        let shares = shares.checked_div(before.into()).unwrap_or(0);
        self.shares = u64::try_from(shares).unwrap_or(u64::MAX).min(Self::room(rate));
        self.rate = rate;
    }

    /// A clock that was set back brings nothing, and does not stop what comes after.
    fn fill(&mut self, now: Timestamp) {
        let micros = u64::try_from(now.0.saturating_sub(self.at.0)).unwrap_or(0);
        let more = micros.saturating_mul(self.rate.calls);
        self.shares = self.shares.saturating_add(more).min(Self::room(self.rate));
        self.at = now;
    }

    fn wait(&self) -> Option<Duration> {
        let missing = self.rate.per.micros().checked_sub(self.shares).filter(|it| *it > 0)?;
        Some(Duration::from_micros(missing.div_ceil(self.rate.calls)))
    }

    fn take(&mut self) {
        self.shares = self.shares.saturating_sub(self.rate.per.micros());
    }

    fn give_back(&mut self) {
        let shares = self.shares.saturating_add(self.rate.per.micros());
        self.shares = shares.min(Self::room(self.rate));
    }
}

/// Days since 1970, in UTC.
fn day_of(time: Timestamp) -> i64 {
    time.0.div_euclid(DAY_MICROS)
}

fn until_midnight(now: Timestamp) -> Duration {
    let left = DAY_MICROS.saturating_sub(now.0.rem_euclid(DAY_MICROS));
    Duration::from_micros(u64::try_from(left).unwrap_or(0))
}

impl Meter {
    /// A meter that goes on where the day of that moment had come.
    pub fn resumed(now: Timestamp, used: DayUse) -> Self {
        let DayUse { calls, cost } = used;
        Self { bucket: None, running: 0, day: day_of(now), calls, cost }
    }

    /// Whether a call of this cost could go on now; nothing is taken. Of several reasons why not
    /// it is the one that lasts longest.
    pub fn check(
        &mut self,
        terms: &LimitTerms,
        cost: u64,
        now: Timestamp,
    ) -> Result<(), (LimitKind, Wait)> {
        self.bring_up(terms, now);
        let rate = self.bucket.as_ref().and_then(|bucket| {
            bucket.wait().map(|wait| (LimitKind::Rate(bucket.rate.per), Wait::For(wait)))
        });
        let places = terms
            .concurrency
            .filter(|max| self.running >= *max)
            .map(|_| (LimitKind::Concurrency, Wait::For(PLACE_WAIT)));
        let midnight = Wait::For(until_midnight(now));
        let calls = terms
            .calls_per_day
            .filter(|max| self.calls >= *max)
            .map(|_| (LimitKind::CallsPerDay, midnight));
        let costs = terms
            .cost_per_day
            .filter(|max| self.cost.saturating_add(cost) > *max)
            .map(|max| (LimitKind::CostPerDay, if cost > max { Wait::Never } else { midnight }));
        let reasons = [rate, places, calls, costs].into_iter().flatten();
        reasons.max_by_key(|(_, wait)| *wait).map_or(Ok(()), Err)
    }

    /// Takes a place for a call of this cost, which was checked.
    pub fn take(&mut self, cost: u64) {
        if let Some(bucket) = &mut self.bucket {
            bucket.take();
        }
        self.running = self.running.saturating_add(1);
        self.calls = self.calls.saturating_add(1);
        self.cost = self.cost.saturating_add(cost);
    }

    /// A call ended.
    pub fn end(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// A call that took its place on this day was not made after all: it costs nothing.
    pub fn undo(&mut self, cost: u64, taken: Timestamp) {
        self.end();
        if let Some(bucket) = &mut self.bucket {
            bucket.give_back();
        }
        if self.day == day_of(taken) {
            self.calls = self.calls.saturating_sub(1);
            self.cost = self.cost.saturating_sub(cost);
        }
    }

    /// What the day of this moment has used.
    pub fn used(&self, now: Timestamp) -> DayUse {
        if self.is_over(now) {
            return DayUse::default();
        }
        DayUse { calls: self.calls, cost: self.cost }
    }

    /// How many calls run.
    pub fn running(&self) -> u64 {
        self.running
    }

    fn bring_up(&mut self, terms: &LimitTerms, now: Timestamp) {
        match (terms.rate, &mut self.bucket) {
            (None, bucket) => *bucket = None,
            (Some(rate), None) => self.bucket = Some(Bucket::full(rate, now)),
            (Some(rate), Some(bucket)) => {
                bucket.fill(now);
                bucket.change(rate);
            }
        }
        if self.is_over(now) {
            (self.day, self.calls, self.cost) = (day_of(now), 0, 0);
        }
    }

    /// Whether its day is another one than that of this moment. A clock that is set back over
    /// midnight makes no new day, or a budget could be had twice.
    fn is_over(&self, now: Timestamp) -> bool {
        let day = day_of(now);
        day != self.day && day.saturating_add(1) != self.day
    }
}
