//! Time as an argument: nothing below the program reads a clock by itself.

use std::fmt;
use std::time::{Duration, Instant};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(pub i64);

const MICROS_A_SECOND: i64 = 1_000_000;
const SECONDS_A_DAY: i64 = 86_400;

impl Timestamp {
    /// The time in whole seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(MICROS_A_SECOND)
    }

    /// Reads what `Display` writes, and nothing that is merely equivalent.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let mut date = date.splitn(3, '-').map(str::parse::<i64>);
        let (time, micros) = time.split_once('.')?;
        let mut time = time.splitn(3, ':').map(str::parse::<i64>);
        let mut date = || date.next()?.ok();
        let mut time = || time.next()?.ok();
        let days = days_from_civil(date()?, date()?, date()?)?;
        let seconds = days.checked_mul(SECONDS_A_DAY)?;
        let of_day = time()?.checked_mul(3600)?.checked_add(time()?.checked_mul(60)?)?;
        let seconds = seconds.checked_add(of_day)?.checked_add(time()?)?;
        let micros: i64 = micros.parse().ok()?;
        let parsed = Self(seconds.checked_mul(MICROS_A_SECOND)?.checked_add(micros)?);
        (parsed.to_string() == text).then_some(parsed)
    }

    /// This time and a span after it; the end of time rather than an overflow.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

/// RFC 3339 in UTC with microseconds: `2026-11-21T23:05:41.000123Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.seconds();
        let micros = self.0.rem_euclid(MICROS_A_SECOND);
        let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_A_DAY));
        let of_day = seconds.rem_euclid(SECONDS_A_DAY);
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        write!(
            formatter,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z"
        )
    }
}

/// Year, month and day of a count of days since 1970-01-01.
///
/// Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
#[expect(clippy::arithmetic_side_effects, reason = "an i64 of microseconds holds 292,000 years")]
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// Days since 1970-01-01 of a year, month and day. The inverse of [`civil_from_days`], from the same
/// source; `None` where the numbers are too large for any date.
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let in_range = (-9999..=9999).contains(&year) && (1..=12).contains(&month);
    if !in_range || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year.saturating_sub(1) } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = month.saturating_add(9).rem_euclid(12);
    let day_of_year = (month_from_march.saturating_mul(153).saturating_add(2) / 5)
        .saturating_add(day.saturating_sub(1));
    let leap_days = (year_of_era / 4).saturating_sub(year_of_era / 100);
    let day_of_era =
        year_of_era.saturating_mul(365).saturating_add(leap_days).saturating_add(day_of_year);
    Some(era.saturating_mul(146_097).saturating_add(day_of_era).saturating_sub(719_468))
}

/// Reads a span of time as people write it, a number with a unit: `90s`, `15m`, `12h`, `7d`.
pub fn span(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let seconds: u64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    Some(Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?))
}

/// A span in seconds, rounded up, and one at least: who waits that long has waited long enough.
pub fn whole_seconds(span: Duration) -> u64 {
    span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0)).max(1)
}

/// Where the time comes from. The program has the real one, a test its own.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// A clock that only goes forward, for measuring spans.
    fn monotonic(&self) -> Instant;
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn what_is_written_otherwise_is_not_read() {
        let good = "2026-11-21T23:05:41.000123Z";
        assert_eq!(Timestamp::parse(good), Some(Timestamp(1_795_302_341_000_123)));
        for (from, to) in [
            ("Z", ""),
            ("Z", "+00:00"),
            ("T", " "),
            (".000123", ""),
            ("-11-", "-13-"),
            ("-21T", "-32T"),
            ("11-21T", "02-30T"),
            ("23:05", "24:05"),
            ("41", "60"),
            ("2026", "+2026"),
            ("2026", "99999999999999999999"),
        ] {
            assert_eq!(Timestamp::parse(&good.replacen(from, to, 1)), None, "{from} {to}");
        }
    }

    #[test]
    fn dates_are_those_of_the_calendar() {
        // Reference values printed by `date -u -d @N +%FT%T`.
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000Z"),
            (1_795_302_341, "2026-11-21T23:05:41.000000Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000Z"),
            (-1, "1969-12-31T23:59:59.000000Z"),
        ] {
            assert_eq!(Timestamp(seconds * 1_000_000).to_string(), expected);
            assert_eq!(Timestamp::parse(expected), Some(Timestamp(seconds * 1_000_000)));
        }
    }
}
