//! Finds what was kept of calls' arguments and answers. Opens nothing.

use std::path::Path;

use data_encoding::BASE64;
use lanyard_core::{PayloadPart, PayloadSubject, RecordId, TenantName, Timestamp};
use serde::Deserialize;

use super::LogError;
use super::format::{CALL_PAYLOAD, Head};
use super::segment;

/// Which payloads to find.
#[derive(Debug, Clone)]
pub struct PayloadFilter {
    /// Of this tenant.
    pub tenant: TenantName,
    /// About this subject.
    pub subject: Option<PayloadSubject>,
    /// Of this call.
    pub call: Option<RecordId>,
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

/// A payload that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptPayload {
    /// The call.
    pub call: RecordId,
    /// When it was sealed, as it is written.
    pub time: String,
    /// Whom it is about.
    pub subject: PayloadSubject,
    /// Which part of the call it is.
    pub part: PayloadPart,
    /// Its size, before it was cut.
    pub bytes: u64,
    /// The id of its key; `None` where nothing is kept.
    pub key: Option<RecordId>,
    /// How many bytes from its beginning are kept.
    pub kept_bytes: u64,
    /// The sealed bytes; nothing where they were not asked for.
    pub sealed: Vec<u8>,
    /// Why nothing is kept.
    pub lost: Option<String>,
}

/// Goes through all payloads that a filter takes, the oldest first. The sealed bytes come where the
/// filter names a call.
pub fn payloads(
    directory: &Path,
    filter: &PayloadFilter,
    mut take: impl FnMut(KeptPayload),
) -> Result<(), LogError> {
    let read = |source| LogError::file("read", directory, source);
    let (since, until) = (filter.since.map(text), filter.until.map(text));
    for segment in segment::list(directory).map_err(read)? {
        let mut lines = segment.lines().map_err(read)?;
        while let Some(line) = lines.next().map_err(read)?.filter(|line| line.is_whole()) {
            let Some(head) = Head::read(line.bytes) else { continue };
            let wanted = head.kind == CALL_PAYLOAD
                && filter.call.as_ref().is_none_or(|call| head.id == Some(call.as_str()))
                && since.as_deref().is_none_or(|since| head.time >= since)
                && until.as_deref().is_none_or(|until| head.time < until);
            let payload = wanted.then(|| Fields::read(line.bytes)).flatten();
            let Some(fields) = payload.filter(|fields| fields.is_taken(filter)) else { continue };
            if let Some(payload) = fields.into_payload(filter.call.is_some()) {
                take(payload);
            }
        }
    }
    Ok(())
}

fn text(time: Timestamp) -> String {
    time.to_string()
}

#[derive(Deserialize)]
struct Fields<'a> {
    time: &'a str,
    id: &'a str,
    tenant: &'a str,
    subject: &'a str,
    part: &'a str,
    bytes: u64,
    key: Option<&'a str>,
    kept_bytes: Option<u64>,
    sealed: Option<&'a str>,
    lost: Option<&'a str>,
}

impl<'a> Fields<'a> {
    /// Reads a line. Nothing that stands in one of these members is ever escaped.
    fn read(line: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    fn is_taken(&self, filter: &PayloadFilter) -> bool {
        self.tenant == filter.tenant.as_str()
            && filter.subject.as_ref().is_none_or(|subject| subject.to_string() == self.subject)
    }

    fn into_payload(self, with_content: bool) -> Option<KeptPayload> {
        let sealed = self.sealed.filter(|_| with_content).unwrap_or_default();
        Some(KeptPayload {
            call: RecordId::parse(self.id).ok()?,
            time: self.time.to_owned(),
            subject: self.subject.parse().ok()?,
            part: PayloadPart::parse(self.part)?,
            bytes: self.bytes,
            key: self.key.and_then(|key| RecordId::parse(key).ok()),
            kept_bytes: self.kept_bytes.unwrap_or(0),
            sealed: BASE64.decode(sealed.as_bytes()).ok()?,
            lost: self.lost.map(str::to_owned),
        })
    }
}

#[cfg(test)]
mod tests;
