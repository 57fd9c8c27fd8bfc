//! What the files of the audit log hold: format 1. `docs/audit-format.md` says the same at more
//! length, with examples.
//!
//! A segment file (`00000001.log`, `00000002.log`, ...) is a sequence of lines. A line is one JSON
//! object in one canonical form: no white space, the members in the order of the structs below, a
//! member without a value left out, `\n` at the end. Every line begins with
//!
//! | member | holds |
//! |---|---|
//! | `seq` | the number of the record, from 1 and without gaps over all segments |
//! | `prev` | SHA-256, in hexadecimal, of the line before with its `\n`; for the first record that of the genesis line, which is in no file: `lanyard audit log, format 1, LOG-ID` and `\n` |
//! | `time` | RFC 3339, UTC, microseconds |
//! | `kind` | one of the kinds below |
//!
//! | kind | what happened |
//! |---|---|
//! | `call.open` | a call was allowed; nothing had happened yet |
//! | `call.denied` | a call was denied |
//! | `call.close` | an allowed call ended; `id` is that of its `call.open` |
//! | `call.payload` | what is kept of an allowed call's arguments or answer, sealed |
//! | `change` | somebody changed what the gateway does |
//! | `edge.refused` | refusals before authentication, counted over a span |
//! | `log.segment` | the first line of each segment: whose log, which segment, the checkpoint of all before, the calls open at that moment |
//! | `log.recovered` | the log was opened after an end that was not clean |

mod open;
mod payload;

use std::collections::BTreeSet;
use std::io::Write as _;

use data_encoding::HEXLOWER;
use lanyard_core::{CallRecord, ChangeRecord, EndingStatus, Record, RecordId, Timestamp};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Serialize, Serializer};

use self::open::Open;
use self::payload::Payload;

/// The number of this format.
pub const FORMAT: u32 = 1;

/// The longest line that is written or read.
pub const LINE_BYTES_MAX: usize = 16 << 20;

/// The kind of an allowed call's opening.
pub const CALL_OPEN: &str = "call.open";
/// The kind of a denied call.
pub const CALL_DENIED: &str = "call.denied";
/// The kind of an allowed call's end.
pub const CALL_CLOSE: &str = "call.close";
/// The kind of what is kept of a call's arguments or answer.
pub const CALL_PAYLOAD: &str = "call.payload";
/// The kind of a change.
pub const CHANGE: &str = "change";
/// The kind of counted refusals.
pub const EDGE_REFUSED: &str = "edge.refused";
/// The kind of a segment's first line.
pub const LOG_SEGMENT: &str = "log.segment";
/// The kind of what recovery did.
pub const LOG_RECOVERED: &str = "log.recovered";

/// What a line can tell: a record of the core, or something of the log itself.
#[derive(Debug)]
pub(crate) enum Line<'a> {
    Record(&'a Record),
    Abandoned { id: &'a RecordId, time: Timestamp },
    Segment(SegmentLine<'a>),
    Recovered(RecoveredLine<'a>),
}

/// What a segment begins with.
#[derive(Debug)]
pub(crate) struct SegmentLine<'a> {
    pub(crate) time: Timestamp,
    pub(crate) log: &'a str,
    pub(crate) segment: u64,
    pub(crate) checkpoint: Option<&'a str>,
    pub(crate) open: &'a BTreeSet<RecordId>,
}

/// What recovery found.
#[derive(Debug)]
pub(crate) struct RecoveredLine<'a> {
    pub(crate) time: Timestamp,
    pub(crate) unsigned: u64,
    pub(crate) cut_bytes: u64,
    pub(crate) cut_file: Option<&'a str>,
    pub(crate) abandoned: u64,
}

/// Where a line stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) seq: u64,
    /// Hexadecimal.
    pub(crate) prev: &'a str,
}

/// The line that the first record continues; in no file.
pub(crate) fn genesis(log: &str) -> String {
    format!("lanyard audit log, format {FORMAT}, {log}\n")
}

/// Writes a line with its end into an emptied buffer.
pub(crate) fn write(
    buffer: &mut Vec<u8>,
    place: Place<'_>,
    line: &Line<'_>,
) -> serde_json::Result<()> {
    match line {
        Line::Record(Record::Opened(record)) => put(buffer, place, record.time, &Open::of(record)),
        Line::Record(Record::Closed(record)) => put(buffer, place, record.time, &Close::of(record)),
        Line::Record(Record::Payload(record)) => {
            put(buffer, place, record.time, &Payload::of(record))
        }
        Line::Record(Record::Changed(record)) => {
            put(buffer, place, record.time, &Change::of(record))
        }
        Line::Record(Record::Refused { id, time, since, reason, count, last_peer }) => {
            let (id, since) = (id.as_str(), Time(*since));
            put(buffer, place, *time, &Refused { id, since, reason, count: *count, last_peer })
        }
        Line::Abandoned { id, time } => put(buffer, place, *time, &Close::abandoned(id)),
        Line::Segment(line) => put(buffer, place, line.time, &Segment::of(line)),
        Line::Recovered(line) => put(buffer, place, line.time, &Recovered::of(line)),
    }
}

/// The members that follow the common ones.
trait Body: Serialize {
    fn kind(&self) -> &'static str;
}

/// The common members need no escaping and are written as they are; the body's own brace then
/// becomes the comma between the two.
fn put(
    buffer: &mut Vec<u8>,
    place: Place<'_>,
    time: Timestamp,
    body: &impl Body,
) -> serde_json::Result<()> {
    let (Place { seq, prev }, kind) = (place, body.kind());
    buffer.clear();
    write!(buffer, r#"{{"seq":{seq},"prev":"{prev}","time":"{time}","kind":"{kind}""#)
        .map_err(serde_json::Error::io)?;
    let brace = buffer.len();
    serde_json::to_writer(&mut *buffer, body)?;
    if let Some(brace) = buffer.get_mut(brace) {
        *brace = b',';
    }
    buffer.push(b'\n');
    Ok(())
}

/// A time as lines write it.
struct Time(Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// The numbers are absent where the call was found abandoned by a later start: nobody measured.
#[derive(Serialize)]
struct Close<'a> {
    id: &'a str,
    status: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    masked: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    took_micros: Option<u64>,
}

impl<'a> Close<'a> {
    fn of(record: &'a CallRecord) -> Self {
        let CallRecord { id, time: _, ending } = record;
        Self {
            id: id.as_str(),
            status: ending.status.as_str(),
            failure: ending.failure,
            upstream_status: ending.upstream_status,
            upstream_bytes: Some(ending.upstream_bytes),
            result_bytes: Some(ending.result_bytes),
            masked: Some(ending.masked),
            took_micros: Some(ending.took_micros),
        }
    }

    fn abandoned(id: &'a RecordId) -> Self {
        Self {
            id: id.as_str(),
            status: EndingStatus::Abandoned.as_str(),
            failure: None,
            upstream_status: None,
            upstream_bytes: None,
            result_bytes: None,
            masked: None,
            took_micros: None,
        }
    }
}

impl Body for Close<'_> {
    fn kind(&self) -> &'static str {
        CALL_CLOSE
    }
}

#[derive(Serialize)]
struct Change<'a> {
    id: &'a str,
    tenant: &'a str,
    actor: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<&'a str>,
    action: &'a str,
    subject: &'a str,
    #[serde(skip_serializing_if = "Detail::is_empty")]
    detail: Detail<'a>,
}

impl<'a> Change<'a> {
    fn of(record: &'a ChangeRecord) -> Self {
        let ChangeRecord { id, time: _, tenant, actor, peer, action, subject, detail } = record;
        Self {
            id: id.as_str(),
            tenant: tenant.as_str(),
            actor,
            peer: peer.as_deref(),
            action,
            subject,
            detail: Detail(detail),
        }
    }
}

impl Body for Change<'_> {
    fn kind(&self) -> &'static str {
        CHANGE
    }
}

/// Pairs as an object in the order of each name's first mention. A name with several values has
/// a list of them, since an object with a name twice would not be read the same by everybody.
struct Detail<'a>(&'a [(String, String)]);

impl Detail<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Detail<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (index, (name, value)) in self.0.iter().enumerate() {
            let same = || self.0.iter().filter(move |(other, _)| other == name);
            if self.0.iter().take(index).any(|(other, _)| other == name) {
                continue;
            }
            if same().count() == 1 {
                map.serialize_entry(name, value)?;
            } else {
                map.serialize_entry(name, &same().map(|(_, value)| value).collect::<Vec<_>>())?;
            }
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Refused<'a> {
    id: &'a str,
    since: Time,
    reason: &'a str,
    count: u64,
    last_peer: &'a str,
}

impl Body for Refused<'_> {
    fn kind(&self) -> &'static str {
        EDGE_REFUSED
    }
}

#[derive(Serialize)]
struct Segment<'a> {
    format: u32,
    log: &'a str,
    segment: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    open: Vec<&'a str>,
}

impl<'a> Segment<'a> {
    fn of(line: &SegmentLine<'a>) -> Self {
        Self {
            format: FORMAT,
            log: line.log,
            segment: line.segment,
            checkpoint: line.checkpoint,
            open: line.open.iter().map(RecordId::as_str).collect(),
        }
    }
}

impl Body for Segment<'_> {
    fn kind(&self) -> &'static str {
        LOG_SEGMENT
    }
}

#[derive(Serialize)]
struct Recovered<'a> {
    unsigned: u64,
    cut_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_file: Option<&'a str>,
    abandoned: u64,
}

impl<'a> Recovered<'a> {
    fn of(line: &RecoveredLine<'a>) -> Self {
        let RecoveredLine { time: _, unsigned, cut_bytes, cut_file, abandoned } = *line;
        Self { unsigned, cut_bytes, cut_file, abandoned }
    }
}

impl Body for Recovered<'_> {
    fn kind(&self) -> &'static str {
        LOG_RECOVERED
    }
}

/// A segment's first line as it is read.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct SegmentRead {
    pub(crate) format: u32,
    pub(crate) log: String,
    pub(crate) segment: u64,
    pub(crate) checkpoint: Option<String>,
    #[serde(default)]
    pub(crate) open: BTreeSet<String>,
}

/// The common members of a line as they are read, borrowed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) seq: u64,
    pub(crate) prev: [u8; 32],
    pub(crate) time: &'a str,
    pub(crate) kind: &'a str,
    /// Of a call, a change or counted refusals.
    pub(crate) id: Option<&'a str>,
}

impl<'a> Head<'a> {
    /// Reads what [`put`] wrote, and nothing that is merely equivalent. `None` when the line does
    /// not begin in the canonical form or does not end as a line does.
    pub(crate) fn read(line: &'a [u8]) -> Option<Self> {
        let line = std::str::from_utf8(line.strip_suffix(b"}\n")?).ok()?;
        let (seq, rest) = line.strip_prefix(r#"{"seq":"#)?.split_once(r#","prev":""#)?;
        let (prev, rest) = rest.split_once(r#"","time":""#)?;
        let (time, rest) = rest.split_once(r#"","kind":""#)?;
        let (kind, rest) = rest.split_once('"')?;
        let canonical = seq.bytes().all(|byte| byte.is_ascii_digit()) && !seq.starts_with('0');
        let seq = if canonical { seq.parse().ok()? } else { return None };
        let prev = HEXLOWER.decode(prev.as_bytes()).ok()?.try_into().ok()?;
        let id = rest.strip_prefix(r#","id":""#).and_then(|rest| rest.split_once('"'));
        Some(Self { seq, prev, time, kind, id: id.map(|(id, _)| id) })
    }
}

#[cfg(test)]
mod tests;
