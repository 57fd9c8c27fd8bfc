//! curl lines as people paste them.

mod bad;
pub(crate) mod golden;
