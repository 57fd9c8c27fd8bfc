//! Decides whether a call is allowed: grants, policies and a request in, a permit or a no out.
//!
//! Nothing matches, nothing passes: no grant and no policy that permits, no call. A deny wins over
//! every allow. "All tools" is written `*` and never implied. What cannot be decided is a no.
//!
//! INVARIANT: this crate never sees a clock, a socket or a secret; time comes in as an argument.
//! INVARIANT: only [`Grants::decide`] and the decision of policies make a [`Permit`], and a permit
//! cannot be copied.

mod ask;
mod engine;
mod grant;
mod grants;
pub mod limit;
mod permit;
mod problem;
mod text;
mod value;
mod views;

pub use ask::{
    Action, Ask, Circumstances, Hints, Object, ObjectFacts, SessionFacts, SubjectFacts, Transport,
};
pub use engine::{
    Explanation, Moment, Need, No, ObjectRules, Policies, PolicySource, Prospect, Recorded,
    RuleExplanation, RuleProblem, Said, SubjectRules, Verdict, Why,
};
pub use grant::{Grant, PatternError, ToolPattern, UserPattern};
pub use grants::{Grants, who_can};
pub use permit::{NotGranted, Permit};
pub use problem::PolicyProblem;
pub use text::rule::{ApprovalTerms, Effect, RuleInfo};
pub use views::{NoViews, PathView, SqlView, UrlView, Views};
