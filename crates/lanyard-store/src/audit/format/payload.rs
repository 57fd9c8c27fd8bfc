//! The line of a payload: `call.payload`.

use data_encoding::BASE64;
use lanyard_core::{PayloadKept, PayloadRecord};
use serde::Serialize;

use super::{Body, CALL_PAYLOAD};

/// The members of the line. `key`, `kept_bytes` and `sealed` are absent where nothing is kept, and
/// `lost` where something is.
#[derive(Serialize)]
pub(super) struct Payload<'a> {
    id: &'a str,
    tenant: &'a str,
    subject: String,
    part: &'static str,
    bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kept_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<&'static str>,
}

impl<'a> Payload<'a> {
    pub(super) fn of(record: &'a PayloadRecord) -> Self {
        let PayloadRecord { id, time: _, tenant, subject, part, bytes, kept } = record;
        let (key, kept_bytes, sealed, lost) = match kept {
            PayloadKept::Sealed { key, kept_bytes, sealed } => {
                (Some(key.as_str()), Some(*kept_bytes), Some(BASE64.encode(sealed)), None)
            }
            PayloadKept::Lost { why } => (None, None, None, Some(*why)),
        };
        Self {
            id: id.as_str(),
            tenant: tenant.as_str(),
            subject: subject.to_string(),
            part: part.as_str(),
            bytes: *bytes,
            key,
            kept_bytes,
            sealed,
            lost,
        }
    }
}

impl Body for Payload<'_> {
    fn kind(&self) -> &'static str {
        CALL_PAYLOAD
    }
}
