//! curl lines as people paste them.

mod bad;
mod golden;
