//! Calls that have used up a yes, and whose server wants to know more before it is done.
//!
//! In the stateless era such a call is over when it has asked, and its client makes another one with
//! the answer. To the person who said yes that is the same call: so its yes goes on with it.
//!
//! INVARIANT: a yes goes on once for each time that its server asked, and for what it was given for:
//! whoever takes it takes it away, and it fits nothing that is bound to anything else.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lanyard_core::{RecordId, Timestamp};
use ring::rand::{SecureRandom as _, SystemRandom};

/// A yes that a call has used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UsedYes {
    /// The request that was approved.
    pub(crate) approval: RecordId,
    /// Keyed digest of all that it was given for.
    pub(crate) binding: String,
    /// How often the call went on by now.
    pub(crate) rounds: u8,
}

/// What stands for a call that may go on. It is no credential: beside it a caller shows its own.
pub(crate) type Handle = [u8; 16];

/// The calls that may go on.
#[derive(Debug, Default)]
pub(crate) struct Continued {
    calls: Mutex<HashMap<Handle, (UsedYes, Timestamp)>>,
}

/// How many calls may be about to go on at a time. Past it the oldest may no more.
const CONTINUED_MAX: usize = 1000;

impl Continued {
    fn lock(&self) -> MutexGuard<'_, HashMap<Handle, (UsedYes, Timestamp)>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a call go on once more until then. `None` when the system has no randomness to give.
    pub(crate) fn hold(&self, yes: UsedYes, until: Timestamp) -> Option<Handle> {
        let mut handle = Handle::default();
        SystemRandom::new().fill(&mut handle).ok()?;
        let mut calls = self.lock();
        if calls.len() >= CONTINUED_MAX
            && let Some(oldest) = calls.iter().min_by_key(|(_, call)| call.1).map(|it| *it.0)
        {
            calls.remove(&oldest);
        }
        calls.insert(handle, (yes, until));
        Some(handle)
    }

    /// Whether a call may still go on.
    pub(crate) fn has(&self, handle: &Handle, now: Timestamp) -> bool {
        self.lock().get(handle).is_some_and(|(_, until)| now < *until)
    }

    /// The yes of a call that goes on, if it is for what the call is now. Nobody gets it again.
    pub(super) fn take(&self, handle: &Handle, binding: &str, now: Timestamp) -> Option<UsedYes> {
        let mut calls = self.lock();
        let fits = |(yes, until): &(UsedYes, Timestamp)| yes.binding == binding && now < *until;
        calls.get(handle).is_some_and(fits).then(|| calls.remove(handle)).flatten().map(|it| it.0)
    }

    /// Lets a call go on no more.
    pub(crate) fn forget(&self, handle: &Handle) {
        self.lock().remove(handle);
    }

    /// Gives up what has waited too long.
    pub(crate) fn sweep(&self, now: Timestamp) {
        self.lock().retain(|_, (_, until)| now < *until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn yes(binding: &str) -> UsedYes {
        let approval = RecordId::parse("a1").unwrap();
        UsedYes { approval, binding: binding.to_owned(), rounds: 0 }
    }

    #[test]
    fn a_yes_goes_on_once_in_time_and_for_the_same() {
        let (continued, until) = (Continued::default(), Timestamp(10));
        let handle = continued.hold(yes("b"), until).unwrap();
        assert_eq!(continued.take(&handle, "c", Timestamp(1)), None);
        assert_eq!(continued.take(&Handle::default(), "b", Timestamp(1)), None);
        assert_eq!(continued.take(&handle, "b", until), None);
        assert!(continued.has(&handle, Timestamp(9)) && !continued.has(&handle, until));
        assert_eq!(continued.take(&handle, "b", Timestamp(9)), Some(yes("b")));
        assert_eq!(continued.take(&handle, "b", Timestamp(9)), None);
        let handle = continued.hold(yes("b"), until).unwrap();
        continued.forget(&handle);
        assert!(!continued.has(&handle, Timestamp(1)));
    }

    #[test]
    fn only_so_many_wait_and_only_so_long() {
        let continued = Continued::default();
        let first = continued.hold(yes("b"), Timestamp(1)).unwrap();
        for _ in 0..CONTINUED_MAX {
            continued.hold(yes("b"), Timestamp(5)).unwrap();
        }
        assert!(!continued.has(&first, Timestamp(0)));
        assert_eq!(continued.lock().len(), CONTINUED_MAX);
        continued.sweep(Timestamp(5));
        assert!(continued.lock().is_empty());
    }
}
