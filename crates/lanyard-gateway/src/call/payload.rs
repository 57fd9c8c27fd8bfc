//! What is kept of a call's arguments and answer, where its server is set so: masked, cut, sealed,
//! and recorded beside the call.

use std::borrow::Cow;

use lanyard_core::{
    Caller, Failure, Limits, PayloadKept, PayloadPart, PayloadRecord, PayloadSubject, Record,
    RecordId,
};
use lanyard_rest::{Content, ToolResult};
use lanyard_store::audit::Position;
use serde_json::{Map, Value, json};

use super::open::cut;
use crate::edge::Core;
use crate::payloads::SubjectSeal;
use crate::snapshot::{ServerEntry, Snapshot};

/// What is to be kept of a call that is about to be made.
pub(super) struct Keeping {
    subject: PayloadSubject,
    /// The arguments as they will be sent, masked.
    arguments: String,
}

impl std::fmt::Debug for Keeping {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Keeping(of {})", self.subject)
    }
}

impl Keeping {
    /// What is to be kept; `None` where the server keeps nothing, and then nothing is written out.
    pub(super) fn of(
        snapshot: &Snapshot,
        server: &ServerEntry,
        caller: &Caller,
        arguments: impl FnOnce() -> String,
    ) -> Option<Self> {
        if !server.keeps_payloads() {
            return None;
        }
        let (subject, arguments) = (PayloadSubject::of(&caller.principal), arguments());
        let masker = snapshot.masker_of_arguments(server, caller.principal.user.as_ref());
        let masked = match masker.mask_json(&arguments).0 {
            Cow::Borrowed(_) => None,
            Cow::Owned(masked) => Some(masked),
        };
        Some(Self { subject, arguments: masked.unwrap_or(arguments) })
    }

    /// Finds the key, and records the arguments under it. Without them the call is not made.
    pub(super) async fn arguments(
        self,
        core: &Core,
        caller: &Caller,
        id: &RecordId,
    ) -> Result<(Seal, Position), Failure> {
        let key = core.payloads.key(&caller.principal.tenant, &self.subject).await?;
        let seal = Seal(key);
        let record = seal.record(core, id, PayloadPart::Arguments, &self.arguments);
        if let PayloadKept::Lost { why: _ } = &record.kept {
            return Err(Failure::Unrecordable);
        }
        let position = core.append(&Record::Payload(Box::new(record)))?;
        Ok((seal, position))
    }
}

/// Under which the payloads of a call are sealed.
#[derive(Debug)]
pub(super) struct Seal(std::sync::Arc<SubjectSeal>);

impl Seal {
    /// Records what the agent gets. The call has happened: what cannot be kept does not change its
    /// answer, and is told where there is space to.
    pub(super) fn answer(&self, core: &Core, id: &RecordId, part: PayloadPart, text: &str) {
        let record = self.record(core, id, part, text);
        let (bytes, lost) = (record.bytes, matches!(record.kept, PayloadKept::Lost { why: _ }));
        let Err(error) = core.log.append(&Record::Payload(Box::new(record))) else { return };
        tracing::error!(record = %id, %error, "The answer of a call could not be kept.");
        let instead = self.lost(core, id, (part, bytes), "unwritten");
        if !lost && let Err(error) = core.log.append(&Record::Payload(Box::new(instead))) {
            tracing::error!(record = %id, %error, "Nor could it be recorded that it was not.");
        }
    }

    fn record(&self, core: &Core, id: &RecordId, part: PayloadPart, text: &str) -> PayloadRecord {
        let bytes = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let kept = cut(text, Limits::size(core.limits.payload_bytes_max));
        match self.0.seal(id, part, kept) {
            Err(why) => self.lost(core, id, (part, bytes), why),
            Ok(sealed) => {
                let kept_bytes = u64::try_from(kept.len()).unwrap_or(u64::MAX);
                let kept = PayloadKept::Sealed { key: self.0.id.clone(), kept_bytes, sealed };
                PayloadRecord { kept, ..self.lost(core, id, (part, bytes), "") }
            }
        }
    }

    fn lost(
        &self,
        core: &Core,
        id: &RecordId,
        (part, bytes): (PayloadPart, u64),
        why: &'static str,
    ) -> PayloadRecord {
        PayloadRecord {
            id: id.clone(),
            time: core.clock.now(),
            tenant: self.0.tenant.clone(),
            subject: self.0.subject.clone(),
            part,
            bytes,
            kept: PayloadKept::Lost { why },
        }
    }
}

/// A result of ours as it is written for agents, whatever their version.
pub(super) fn result_text(result: &ToolResult) -> String {
    let content = result.content.iter().map(|content| match content {
        Content::Text(text) => json!({ "type": "text", "text": text }),
        Content::Image { data_base64, mime } => {
            json!({ "type": "image", "data": data_base64, "mimeType": mime })
        }
    });
    let mut told = Map::new();
    told.insert("content".to_owned(), content.collect());
    if let Some(structured) = &result.structured {
        let structured = serde_json::from_str(structured).unwrap_or(Value::Null);
        told.insert("structuredContent".to_owned(), structured);
    }
    if result.is_error {
        told.insert("isError".to_owned(), Value::Bool(true));
    }
    Value::Object(told).to_string()
}
