//! What is masked in what a server says, beside the secrets whose values are known.

use std::ops::Range;
use std::sync::{Arc, LazyLock};

use lanyard_guard::scrub::Forms;
use lanyard_vault::{Finder, Masker};

/// What is masked in what a server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scrub {
    /// The secrets of its tenant, by their values.
    #[default]
    Exact,
    /// Those, and whatever has the form of a common credential.
    Patterns,
}

impl Scrub {
    /// The masker that does so as well.
    pub(super) fn and(self, masker: Masker) -> Masker {
        match (self, FORMS.as_ref()) {
            (Self::Patterns, Some(forms)) => masker.with(Arc::clone(forms)),
            (Self::Patterns, None) | (Self::Exact, _) => masker,
        }
    }
}

/// The masker that also finds whatever has the form of a credential, those of requests included: for
/// arguments that are to be kept. More than in what a server says, because what is kept stays.
pub(super) fn kept(masker: Masker) -> Masker {
    match REQUESTS.as_ref() {
        Some(forms) => masker.with(Arc::clone(forms)),
        None => masker,
    }
}

static REQUESTS: LazyLock<Option<Arc<dyn Finder>>> =
    LazyLock::new(|| Forms::of_requests().map(|forms| Arc::new(Common(forms)) as Arc<dyn Finder>));

static FORMS: LazyLock<Option<Arc<dyn Finder>>> =
    LazyLock::new(|| Forms::common().map(|forms| Arc::new(Common(forms)) as Arc<dyn Finder>));

/// The forms of common credentials.
#[derive(Debug)]
struct Common(Forms);

impl Finder for Common {
    fn find(&self, text: &[u8], found: &mut Vec<Range<usize>>) {
        self.0.find(text, found);
    }
}
