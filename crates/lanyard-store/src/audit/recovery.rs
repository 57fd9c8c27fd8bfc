//! Opening a log: finding its end, holding it against what vouches for it, and putting right what
//! an unclean end left.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use lanyard_core::RecordId;
use serde::de::IgnoredAny;

use super::chain;
use super::checkpoint::{CheckpointError, VerifyKey};
use super::format::{
    CALL_CLOSE, CALL_OPEN, CHANGE, Head, LOG_SEGMENT, Line, RecoveredLine, SegmentRead,
};
use super::prune;
use super::segment::{self, Lines, Segment};
use super::sync::Slots;
use super::tombstone::Removed;
use super::writer::{End, Ground, Recent, Writer};
use super::{LogError, LogHead};
use crate::file::write_atomic;

/// The two files that take turns in holding the checkpoint.
pub(crate) const CHECKPOINT_FILES: [&str; 2] = ["checkpoint-a", "checkpoint-b"];

const BY_CHECKPOINT: &str = "its checkpoint";
const BY_DATABASE: &str = "what the database noted";
const BY_TOMBSTONE: &str = "its tombstone";

/// What opening a log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// There was no log; one was begun.
    pub created: bool,
    /// Records that no checkpoint covered yet. After a clean end there are none.
    pub unsigned: u64,
    /// Bytes of a torn end that were cut off.
    pub cut_bytes: u64,
    /// Where those bytes are kept.
    pub cut_file: Option<String>,
    /// Calls that were open and are now closed as abandoned.
    pub abandoned: Vec<RecordId>,
}

impl Recovered {
    /// Whether the log had ended as it should.
    pub fn is_clean(&self) -> bool {
        self.unsigned == 0 && self.cut_bytes == 0 && self.abandoned.is_empty()
    }
}

/// Opens the log or begins one.
pub(crate) fn open(
    ground: &Ground,
    expected: Option<LogHead>,
) -> Result<(Writer, Slots, Recovered), LogError> {
    let directory = &ground.directory;
    let read = |source| LogError::file("read", directory, source);
    if !directory.exists() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|source| LogError::file("create", directory, source))?;
    }
    let removed = prune::read_removed(ground)?;
    let (mut segments, pruned) = removed.left(segment::list(directory).map_err(read)?);
    prune::remove(&pruned)?;
    check_numbers(&segments, &removed)?;
    let witnesses = Witnesses::gather(ground, expected)?;
    let mut cut = Cut::default();
    while let Some(last) = segments.last()
        && !begins(last)?
    {
        cut.remove(directory, last)?;
        segments.pop();
    }
    let mut recovered = Recovered {
        created: segments.is_empty(),
        unsigned: 0,
        cut_bytes: 0,
        cut_file: None,
        abandoned: Vec::new(),
    };
    let mut writer = match segments.last() {
        None => {
            // The segment that is written is never removed with others.
            witnesses.check_size(0)?;
            if let Some(end) = removed.end() {
                let (found, expected) = (0, end.size);
                return Err(LogError::Removed { found, expected, witness: BY_TOMBSTONE });
            }
            Writer::begin(ground)?
        }
        Some(last) => {
            let scan = Scan::run(last, &ground.key, &witnesses)?;
            recovered.unsigned = witnesses.check(&scan, &segments, &removed)?;
            if scan.tail_bytes > 0 {
                cut.tail(directory, last, &scan)?;
            }
            Writer::resume(ground, scan.end)?
        }
    };
    recovered.cut_bytes = cut.bytes;
    recovered.cut_file = cut.file;
    finish(ground, &mut writer, &mut recovered)?;
    let slots = Slots::open(ground, &writer.synced)?;
    Ok((writer, slots, recovered))
}

/// Tells in the log what was found, and closes what nobody will close.
fn finish(ground: &Ground, writer: &mut Writer, recovered: &mut Recovered) -> Result<(), LogError> {
    recovered.abandoned = writer.open.iter().cloned().collect();
    if !recovered.is_clean() {
        let time = ground.clock.now();
        let line = RecoveredLine {
            time,
            unsigned: recovered.unsigned,
            cut_bytes: recovered.cut_bytes,
            cut_file: recovered.cut_file.as_deref(),
            abandoned: u64::try_from(recovered.abandoned.len()).unwrap_or(u64::MAX),
        };
        writer.append(ground, &Line::Recovered(line))?;
        for id in &recovered.abandoned {
            writer.append(ground, &Line::Abandoned { id, time })?;
        }
    }
    match writer.file.sync() {
        Ok(()) => writer.synced = writer.last,
        Err(error) => return Err(writer.fail("sync", &error)),
    }
    Ok(())
}

fn check_numbers(segments: &[Segment], removed: &Removed) -> Result<(), LogError> {
    let first = removed.last_segment().saturating_add(1);
    for (expected, segment) in (first..).zip(segments) {
        if segment.number != expected {
            let missing = Segment::of(Path::new(""), expected).file_name();
            return Err(LogError::Damaged {
                file: segment.file_name(),
                line: 1,
                problem: format!("the segment {missing} before it is missing"),
            });
        }
    }
    Ok(())
}

/// Whether a segment has a whole first line. One without was being made when the process ended.
fn begins(segment: &Segment) -> Result<bool, LogError> {
    let read = |source| LogError::file("read", &segment.path, source);
    let mut lines = segment.lines().map_err(read)?;
    Ok(lines.next().map_err(read)?.is_some_and(|line| line.is_whole()))
}

/// What says how far the log went.
#[derive(Debug)]
struct Witnesses {
    /// Checkpoints and the database's note, each with its name in messages.
    heads: Vec<(LogHead, &'static str)>,
}

impl Witnesses {
    fn gather(ground: &Ground, expected: Option<LogHead>) -> Result<Self, LogError> {
        let mut heads = Vec::new();
        for name in CHECKPOINT_FILES {
            if let Some(head) = checkpoint(ground, name)? {
                heads.push((head, BY_CHECKPOINT));
            }
        }
        heads.extend(expected.map(|head| (head, BY_DATABASE)));
        Ok(Self { heads })
    }

    /// The last record that somebody vouches for. Behind it an unclean end may have left
    /// anything; before it everything must hold.
    fn floor(&self) -> u64 {
        self.heads.iter().map(|(head, _)| head.size).max().unwrap_or(0)
    }

    fn check_size(&self, found: u64) -> Result<(), LogError> {
        match self.heads.iter().find(|(head, _)| head.size > found) {
            Some((head, witness)) => Err(LogError::Removed { found, expected: head.size, witness }),
            None => Ok(()),
        }
    }

    /// Holds the log against every witness, and counts the records that no checkpoint covers.
    fn check(&self, scan: &Scan, segments: &[Segment], removed: &Removed) -> Result<u64, LogError> {
        self.check_size(scan.end.head.size)?;
        if let Some((size, witness)) = scan.mismatch {
            return Err(LogError::Changed { size, witness });
        }
        for (head, witness) in &self.heads {
            if head.size < scan.start.size && *witness == BY_DATABASE {
                check_older(head, witness, segments, removed)?;
            }
        }
        let slots = self.heads.iter().filter(|(_, witness)| *witness == BY_CHECKPOINT);
        let signed = slots.map(|(head, _)| head.size).max();
        // Segment 1 begins without a checkpoint; each later one begins with one.
        let signed = match (signed, scan.start.size) {
            // The process ended while it began the log.
            (None, 0) if scan.end.head.size <= 1 => 0,
            (None, 0) => return Err(LogError::CheckpointMissing),
            (signed, start) => signed.unwrap_or(0).max(start),
        };
        Ok(scan.end.head.size.saturating_sub(signed))
    }
}

/// Looks for a record in the segments before the last one.
fn check_older(
    expected: &LogHead,
    witness: &'static str,
    segments: &[Segment],
    removed: &Removed,
) -> Result<(), LogError> {
    // What the tombstones stand for was proved when it was removed.
    if let Some(end) = removed.end()
        && (expected.size < end.size || *expected == end)
    {
        return Ok(());
    }
    for segment in segments.iter().rev().skip(1) {
        let read = |source| LogError::file("read", &segment.path, source);
        let mut lines = segment.lines().map_err(read)?;
        while let Some(line) = lines.next().map_err(read)? {
            match Head::read(line.bytes).map(|head| head.seq) {
                Some(seq) if seq == expected.size => {
                    if chain::hash(line.bytes) == expected.head {
                        return Ok(());
                    }
                    return Err(LogError::Changed { size: seq, witness });
                }
                // The record stands in an older segment.
                Some(seq) if seq > expected.size => break,
                Some(_) | None => {}
            }
        }
    }
    Err(LogError::Changed { size: expected.size, witness })
}

/// The checkpoint in a file; `None` if there is none, or a torn one.
fn checkpoint(ground: &Ground, name: &str) -> Result<Option<LogHead>, LogError> {
    let path = ground.directory.join(name);
    let text = match fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(LogError::file("read", &path, source)),
    };
    match ground.key.check(&text) {
        Ok(head) => Ok(Some(head)),
        Err(CheckpointError::OtherKey { found }) => Err(other_key(&ground.key, name, found)),
        Err(error @ (CheckpointError::Form | CheckpointError::Signature)) => {
            tracing::warn!(file = name, %error, "A checkpoint of the audit log cannot be used; the other one is.");
            Ok(None)
        }
    }
}

fn other_key(key: &VerifyKey, file: &str, found: String) -> LogError {
    LogError::OtherKey { file: file.to_owned(), found, expected: key.name().to_owned() }
}

/// The last segment, read to its end.
#[derive(Debug)]
struct Scan {
    start: LogHead,
    end: End,
    /// What stands behind the last good line.
    tail_bytes: u64,
    mismatch: Option<(u64, &'static str)>,
}

impl Scan {
    fn run(segment: &Segment, key: &VerifyKey, witnesses: &Witnesses) -> Result<Self, LogError> {
        let read = |source| LogError::file("read", &segment.path, source);
        let mut lines = segment.lines().map_err(read)?;
        let mut scan = Self::begin(segment, key, &mut lines)?;
        scan.compare(witnesses);
        let floor = witnesses.floor();
        let mut lines = segment.lines().map_err(read)?;
        while let Some(line) = lines.next().map_err(read)? {
            let problem = match chain::follow(&scan.end.head, line.bytes) {
                _ if !line.is_whole() => Some("the line is torn".to_owned()),
                (_, Err(problem)) => Some(problem.to_string()),
                // The chain proves every line but the last one.
                _ if scan.end.head.size >= floor && !is_json(line.bytes) => {
                    Some("the line is no JSON object".to_owned())
                }
                (None, Ok(())) => Some("the line cannot be read".to_owned()),
                (Some(head), Ok(())) => {
                    scan.remember(&head);
                    None
                }
            };
            if let Some(problem) = problem {
                if line.is_whole() && scan.end.head.size < floor {
                    let (file, line) = (segment.file_name(), line.number);
                    return Err(LogError::Damaged { file, line, problem });
                }
                let length = fs::metadata(&segment.path).map_err(read)?.len();
                scan.tail_bytes = length.saturating_sub(scan.end.segment_bytes);
                break;
            }
            scan.end.segment_bytes = scan.end.segment_bytes.saturating_add(line.len());
            scan.end.head.size = scan.end.head.size.saturating_add(1);
            scan.end.head.head = chain::hash(line.bytes);
            scan.compare(witnesses);
        }
        Ok(scan)
    }

    /// Reads the first line: where the chain comes from, and which calls were open there.
    fn begin(segment: &Segment, key: &VerifyKey, lines: &mut Lines) -> Result<Self, LogError> {
        let damaged = |problem: &str| LogError::Damaged {
            file: segment.file_name(),
            line: 1,
            problem: problem.to_owned(),
        };
        let line = lines.next().map_err(|source| LogError::file("read", &segment.path, source))?;
        let line = line.map(|line| line.bytes).unwrap_or_default();
        let first =
            read_segment_line(line).ok_or_else(|| damaged("it does not begin a segment"))?;
        if first.log != key.name() {
            return Err(other_key(key, &segment.file_name(), first.log));
        }
        if first.segment != segment.number {
            return Err(damaged("it begins another segment: the files were renamed"));
        }
        let start = match (&first.checkpoint, segment.number) {
            (None, 1) => chain::genesis(key),
            (Some(note), number) if number > 1 => {
                key.check(note).map_err(|error| damaged(&format!("its checkpoint: {error}")))?
            }
            _ => return Err(damaged("it does not begin with the checkpoint of all before")),
        };
        let open = first.open.iter().filter_map(|id| RecordId::parse(id).ok()).collect();
        let end = End {
            segment: segment.number,
            segment_bytes: 0,
            head: start,
            open,
            changes: Recent::default(),
        };
        Ok(Self { start, end, tail_bytes: 0, mismatch: None })
    }

    fn remember(&mut self, head: &Head<'_>) {
        let Some(id) = head.id.and_then(|id| RecordId::parse(id).ok()) else { return };
        match head.kind {
            CALL_OPEN => {
                self.end.open.insert(id);
            }
            CALL_CLOSE => {
                self.end.open.remove(&id);
            }
            CHANGE => self.end.changes.insert(id),
            _ => {}
        }
    }

    fn compare(&mut self, witnesses: &Witnesses) {
        let here = self.end.head;
        let differs =
            |(head, _): &&(LogHead, &'static str)| head.size == here.size && head.head != here.head;
        if let Some((head, witness)) = witnesses.heads.iter().find(differs) {
            self.mismatch = self.mismatch.or(Some((head.size, witness)));
        }
    }
}

/// The first line of a segment, if it is one of a format that is known here.
pub(crate) fn read_segment_line(line: &[u8]) -> Option<SegmentRead> {
    let kind = Head::read(line)?.kind;
    let read: SegmentRead = serde_json::from_slice(line).ok()?;
    (kind == LOG_SEGMENT && read.format == super::format::FORMAT).then_some(read)
}

/// Whether a line is one JSON value and no more.
pub(crate) fn is_json(line: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(line).is_ok()
}

/// What was cut off, all of it kept in files of their own.
#[derive(Debug, Default)]
struct Cut {
    bytes: u64,
    file: Option<String>,
}

impl Cut {
    /// Cuts what stands behind the last good line.
    fn tail(&mut self, directory: &Path, segment: &Segment, scan: &Scan) -> Result<(), LogError> {
        let keep = scan.end.segment_bytes;
        let failed = |source| LogError::file("cut", &segment.path, source);
        let mut bytes = Vec::new();
        let mut file = File::open(&segment.path).map_err(failed)?;
        file.seek(SeekFrom::Start(keep)).map_err(failed)?;
        file.read_to_end(&mut bytes).map_err(failed)?;
        self.keep(directory, &bytes)?;
        let file = OpenOptions::new().write(true).open(&segment.path).map_err(failed)?;
        file.set_len(keep).and_then(|()| file.sync_all()).map_err(failed)
    }

    /// Removes a segment that has no whole line.
    fn remove(&mut self, directory: &Path, segment: &Segment) -> Result<(), LogError> {
        let failed = |source| LogError::file("remove", &segment.path, source);
        let bytes = fs::read(&segment.path).map_err(failed)?;
        if !bytes.is_empty() {
            self.keep(directory, &bytes)?;
        }
        fs::remove_file(&segment.path).map_err(failed)
    }

    fn keep(&mut self, directory: &Path, bytes: &[u8]) -> Result<(), LogError> {
        let free = (1_u64..).map(|number| format!("torn-{number}"));
        let name = free.into_iter().find(|name| !directory.join(name).exists());
        let name = name.unwrap_or_else(|| "torn".to_owned());
        let path = directory.join(&name);
        write_atomic(&path, bytes, 0o600)
            .map_err(|source| LogError::file("write", &path, source))?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.bytes = self.bytes.saturating_add(length);
        self.file = Some(name);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
