//! The words everyone shares: names, callers, denials, outcomes, records, limits, time.
//!
//! INVARIANT: this crate does no I/O, knows no other crate of the workspace and no serialisation
//! format. What is stored or sent has its own structs where it is stored or sent, so that a
//! rename here breaks no stored row and no message on the wire.

mod binding;
mod caller;
mod cause;
pub mod credential;
mod limits;
mod listener;
mod name;
mod origin;
mod outcome;
mod payload;
mod record;
mod secrets;
pub mod spelling;
mod tag;
mod time;

pub use binding::{Binding, BindingError};
pub use caller::{Caller, Peer, Principal};
pub use cause::chain;
pub use limits::{Limit, Limits, Unit};
pub use listener::Known;
pub use name::{
    AgentName, NameError, OperatorName, RecordId, SecretName, ServerName, TeamName, TenantName,
    TokenId, ToolName, UserName,
};
pub use origin::{Origin, OriginError, Scheme};
pub use outcome::{Blame, Denial, Failure, ReachedLimit};
pub use payload::{PayloadKept, PayloadPart, PayloadRecord, PayloadSubject, PayloadSubjectError};
pub use record::{
    CallFacts, CallRecord, ChangeRecord, ClientNote, CredentialUse, Decision, Ending, EndingStatus,
    OpenRecord, Record, RecordWho,
};
pub use secrets::{SecretError, SecretSource, Sign};
pub use tag::{LABELS_TAG, TagError, Tags, tag_set};
pub use time::{Clock, Timestamp, span, whole_seconds};
