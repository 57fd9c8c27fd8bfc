//! Limits that operators set on calls: whose calls one counts ([`LimitScope`]), how many it lets
//! through ([`LimitTerms`]), what it has counted ([`Meter`]), and all limits of a tenant together
//! ([`CallLimits`]).
//!
//! It stands in this crate because both planes need it and do not know each other: the admin API
//! judges what an operator asks for, the gateway takes places. It decides nothing by itself: a
//! call is allowed first, and then takes its place with every limit that fits, or with none.
//!
//! INVARIANT: nothing here reads a clock. Time comes in as an argument.

mod meter;
mod scope;
mod table;
mod terms;

pub use meter::{DayUse, Meter, Wait};
pub use scope::{LimitScope, Obliged, ScopeError};
pub use table::{CallLimit, CallLimits, LimitReached, LimitedCall, SharedMeter, Taken};
pub use terms::{LimitKind, LimitTerms, Per, Rate, TermsAsked, TermsError};

#[cfg(test)]
mod tests;
