//! Starts processes that nobody vetted, and ends them with all that they started.
//!
//! INVARIANT: `unsafe` stands in this crate and nowhere else, each use with its reason.
