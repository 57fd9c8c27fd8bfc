//! How many calls a limit lets through: in a second, at a time, in a day, and for what they cost.

use std::fmt;

use thiserror::Error;

/// What a limit lets through: at least one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LimitTerms {
    /// Calls in a span of time.
    pub(super) rate: Option<Rate>,
    /// Calls at a time.
    pub(super) concurrency: Option<u64>,
    /// Calls in a day of UTC.
    pub(super) calls_per_day: Option<u64>,
    /// What the calls of a day of UTC cost together.
    pub(super) cost_per_day: Option<u64>,
}

/// The same as it is asked for or stored, not checked yet.
#[derive(Debug, Clone, Copy, Default)]
pub struct TermsAsked<'a> {
    /// `10/s`, `600/m` or `1000/h`.
    pub rate: Option<&'a str>,
    /// How many may come at once after a rest; as many as the rate's number when absent.
    pub burst: Option<u64>,
    /// Calls at a time.
    pub concurrency: Option<u64>,
    /// Calls in a day.
    pub calls_per_day: Option<u64>,
    /// Cost in a day.
    pub cost_per_day: Option<u64>,
}

/// Why terms cannot be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TermsError {
    /// Nothing is limited.
    #[error("a limit needs a rate, a concurrency, calls per day or cost per day")]
    Nothing,
    /// The rate is not in its form.
    #[error("rate: write a number of calls and a unit: 10/s, 600/m or 1000/h")]
    Rate,
    /// A burst of nothing.
    #[error("burst: it belongs to a rate; say the rate too")]
    BurstAlone,
    /// A number that is none, or makes no sense.
    #[error("{what}: a number from 1 to {max}")]
    Number {
        /// Which.
        what: &'static str,
        /// The largest.
        max: u64,
    },
}

/// The largest rate and burst: more calls than that a second pass no gateway, and shares of a call
/// in an hour still fit into 64 bits.
const RATE_MAX: u64 = 1_000_000;

/// The largest of the other numbers.
const COUNT_MAX: u64 = 1_000_000_000_000;

fn within(what: &'static str, number: u64, max: u64) -> Result<u64, TermsError> {
    if (1..=max).contains(&number) { Ok(number) } else { Err(TermsError::Number { what, max }) }
}

impl LimitTerms {
    /// Checks what is asked for.
    pub fn of(asked: TermsAsked<'_>) -> Result<Self, TermsError> {
        let TermsAsked { rate, burst, concurrency, calls_per_day, cost_per_day } = asked;
        let count = |what, number: Option<u64>| {
            number.map(|number| within(what, number, COUNT_MAX)).transpose()
        };
        let rate = match (rate, burst) {
            (None, Some(_)) => return Err(TermsError::BurstAlone),
            (None, None) => None,
            (Some(text), burst) => Some(Rate::parse(text, burst)?),
        };
        let terms = Self {
            rate,
            concurrency: count("concurrency", concurrency)?,
            calls_per_day: count("calls per day", calls_per_day)?,
            cost_per_day: count("cost per day", cost_per_day)?,
        };
        let nothing =
            Self { rate: None, concurrency: None, calls_per_day: None, cost_per_day: None };
        if terms == nothing { Err(TermsError::Nothing) } else { Ok(terms) }
    }

    /// The rate, if that is limited.
    pub fn rate(&self) -> Option<Rate> {
        self.rate
    }
}

/// So many calls in a span of time, and how many of them at once: a bucket of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub(super) calls: u64,
    pub(super) per: Per,
    pub(super) burst: u64,
}

/// The span of a rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
}

impl Per {
    pub(super) fn micros(self) -> u64 {
        match self {
            Self::Second => 1_000_000,
            Self::Minute => 60_000_000,
            Self::Hour => 3_600_000_000,
        }
    }
}

impl Rate {
    fn parse(text: &str, burst: Option<u64>) -> Result<Self, TermsError> {
        let (calls, per) = text.split_once('/').ok_or(TermsError::Rate)?;
        let per = match per {
            "s" => Per::Second,
            "m" => Per::Minute,
            "h" => Per::Hour,
            _ => return Err(TermsError::Rate),
        };
        let digits = !calls.is_empty() && calls.bytes().all(|byte| byte.is_ascii_digit());
        let calls = if digits { calls.parse().ok() } else { None };
        let calls = within("rate", calls.ok_or(TermsError::Rate)?, RATE_MAX)?;
        let burst = within("burst", burst.unwrap_or(calls), RATE_MAX)?;
        Ok(Self { calls, per, burst })
    }

    /// How many may come at once.
    pub fn burst(&self) -> u64 {
        self.burst
    }
}

/// `10/s`.
impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let per = match self.per {
            Per::Second => 's',
            Per::Minute => 'm',
            Per::Hour => 'h',
        };
        write!(formatter, "{}/{per}", self.calls)
    }
}

/// Which of a limit's terms let no more through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// Calls in a span of time.
    Rate(Per),
    /// Calls at a time.
    Concurrency,
    /// Calls in a day.
    CallsPerDay,
    /// Cost in a day.
    CostPerDay,
}

impl fmt::Display for LimitKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Rate(Per::Second) => "calls per second",
            Self::Rate(Per::Minute) => "calls per minute",
            Self::Rate(Per::Hour) => "calls per hour",
            Self::Concurrency => "calls at a time",
            Self::CallsPerDay => "calls per day",
            Self::CostPerDay => "cost per day",
        })
    }
}
