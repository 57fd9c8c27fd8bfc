//! Keys under which the arguments and answers of calls are sealed, as the gateway asks for them. Where
//! keys are kept is somebody else's business: the program introduces the two.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lanyard_core::{Failure, PayloadPart, PayloadSubject, RecordId, TenantName};
use lanyard_vault::{PayloadPlace, SubjectKey};

/// The key of a subject, in use.
#[derive(Debug)]
pub struct SubjectSeal {
    /// The tenant.
    pub tenant: TenantName,
    /// The subject.
    pub subject: PayloadSubject,
    /// The key's id.
    pub id: RecordId,
    key: SubjectKey,
    erased: AtomicBool,
}

impl SubjectSeal {
    /// A key that was just opened.
    pub fn new(
        (tenant, subject): (TenantName, PayloadSubject),
        id: RecordId,
        key: SubjectKey,
    ) -> Self {
        Self { tenant, subject, id, key, erased: AtomicBool::new(false) }
    }

    /// From now on it seals nothing: a call that runs must not add to what was erased.
    pub fn erase(&self) {
        self.erased.store(true, Ordering::Release);
    }

    /// Seals a part of a call. The error is why nothing can be kept of it, in a word.
    pub(crate) fn seal(
        &self,
        call: &RecordId,
        part: PayloadPart,
        text: &str,
    ) -> Result<Vec<u8>, &'static str> {
        if self.erased.load(Ordering::Acquire) {
            return Err("erased");
        }
        let place = PayloadPlace { tenant: &self.tenant, subject: &self.subject, call, part };
        self.key.seal(&place, text).map_err(|error| {
            tracing::error!(record = %call, %error, "A payload could not be sealed.");
            "unsealed"
        })
    }
}

/// What [`Payloads::key`] gives.
pub type Keying<'a> = Pin<Box<dyn Future<Output = Result<Arc<SubjectSeal>, Failure>> + Send + 'a>>;

/// Keeps the keys of subjects.
pub trait Payloads: Send + Sync + fmt::Debug {
    /// The key of a subject, made where there is none. It is stored when this returns.
    fn key(&self, tenant: &TenantName, subject: &PayloadSubject) -> Keying<'_>;
}
