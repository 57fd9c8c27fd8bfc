//! Decides whether a call is allowed: grants and a request in, a permit or a no out.
//!
//! Nothing matches, nothing passes: no grant, no call. A deny wins over every allow. "All tools"
//! is written `*` and never implied.
//!
//! INVARIANT: this crate never sees a clock, a socket or a secret; time comes in as an argument.
//! INVARIANT: only [`Grants::decide`] makes a [`Permit`], and a permit cannot be copied.

mod grant;
mod grants;
pub mod limit;
mod permit;

pub use grant::{Grant, PatternError, ToolPattern, UserPattern};
pub use grants::{Grants, who_can};
pub use permit::{NotGranted, Permit};
