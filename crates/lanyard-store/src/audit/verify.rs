//! Proves a log with its public key alone: offline, on a copy, or beside the gateway that writes
//! it. Changes nothing.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use super::chain::{self, Broken};
use super::checkpoint::{CheckpointError, LogHead, VerifyKey};
use super::format::{CALL_CLOSE, CALL_OPEN, Head, LOG_SEGMENT};
use super::recovery::{CHECKPOINT_FILES, is_json, read_segment_line};
use super::segment::{self, Line, Segment};
use super::tombstone::{BadTombstone, Removed, Tombstone};

/// More findings than anybody reads; the first ones tell what happened.
const FINDINGS_MAX: usize = 100;

/// What findings call the checkpoint that was kept elsewhere.
const WITNESS: &str = "the witness";

/// A checkpoint that is just being written is read once more, this often.
const CHECKPOINT_READS_MAX: u32 = 5;

/// What a log that holds together has in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Whose log it is: [`VerifyKey::name`].
    pub log: String,
    /// How many records there are.
    pub records: u64,
    /// In how many segments.
    pub segments: u64,
    /// The time of the first record, as it is written.
    pub first_time: Option<String>,
    /// The time of the last record, as it is written.
    pub last_time: Option<String>,
    /// Calls that were opened and not closed: they run, or ran when the copy was made.
    pub open_calls: u64,
    /// Records behind the last checkpoint. The chain holds them together, but no signature says
    /// that they are all. None after a clean stop; a few while the gateway runs or if it was
    /// killed.
    pub unsigned: u64,
    /// Bytes behind the last whole line: a record that was being written.
    pub torn_bytes: u64,
    /// How far the log goes: what a witness would keep.
    pub head: LogHead,
    /// How far it went when the checkpoint was taken that it was held against.
    pub witnessed: Option<u64>,
    /// What was removed, with a signed tombstone in its place.
    pub removed: Vec<Tombstone>,
}

/// Something that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// In which file.
    pub file: String,
    /// In which line, from 1; `None` when it concerns the file.
    pub line: Option<u64>,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "{}:{line}: {}", self.file, self.problem),
            None => write!(formatter, "{}: {}", self.file, self.problem),
        }
    }
}

/// Proves the log in `directory`: every line, the chain through all of them, the segments, the
/// checkpoints. Either everything holds, or at least one finding says what does not.
pub fn verify(directory: &Path, key: &VerifyKey) -> Result<Report, Vec<Finding>> {
    verify_against(directory, key, None)
}

/// The same, and that the log only grew since a checkpoint was taken that somebody kept elsewhere:
/// what the checkpoint signed is the beginning of what is there now.
pub fn verify_against(
    directory: &Path,
    key: &VerifyKey,
    witness: Option<&str>,
) -> Result<Report, Vec<Finding>> {
    let mut proof = Proof::new(key);
    if let Some(note) = witness {
        proof.witness(note);
    }
    // The checkpoints first: a log that is being written only grows while it is read.
    for name in CHECKPOINT_FILES {
        proof.checkpoint(directory, name);
    }
    if proof.other_key {
        return Err(proof.findings);
    }
    match segment::list(directory) {
        Ok(segments) => {
            let segments = proof.removed(directory, segments);
            proof.segments(&segments);
        }
        Err(error) => proof.find(".", None, format!("the directory cannot be read: {error}")),
    }
    proof.conclude()
}

#[derive(Debug)]
struct Proof<'a> {
    key: &'a VerifyKey,
    findings: Vec<Finding>,
    other_key: bool,
    head: LogHead,
    /// What was signed, the file that says so, and whether the record was met.
    signed: Vec<Signed>,
    signed_size: u64,
    /// The last record that was removed, with a tombstone in its place.
    removed_to: u64,
    next_segment: u64,
    open: HashSet<String>,
    report: Report,
}

#[derive(Debug)]
struct Signed {
    head: LogHead,
    file: &'static str,
    met: bool,
}

impl<'a> Proof<'a> {
    fn new(key: &'a VerifyKey) -> Self {
        let head = chain::genesis(key);
        let report = Report {
            log: key.name().to_owned(),
            records: 0,
            segments: 0,
            first_time: None,
            last_time: None,
            open_calls: 0,
            unsigned: 0,
            torn_bytes: 0,
            head,
            witnessed: None,
            removed: Vec::new(),
        };
        Self {
            key,
            findings: Vec::new(),
            other_key: false,
            head,
            signed: Vec::new(),
            signed_size: 0,
            removed_to: 0,
            next_segment: 1,
            open: HashSet::new(),
            report,
        }
    }

    fn find(&mut self, file: &str, line: Option<u64>, problem: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(Finding { file: file.to_owned(), line, problem });
        }
    }

    /// Takes a checkpoint that was kept elsewhere. It says nothing of which records are signed
    /// here; so `signed_size` stays as it is.
    fn witness(&mut self, note: &str) {
        match self.key.check(note) {
            Ok(head) => {
                self.report.witnessed = Some(head.size);
                self.signed.push(Signed { head, file: WITNESS, met: head == self.head });
            }
            Err(error) => {
                self.other_key |= matches!(error, CheckpointError::OtherKey { found: _ });
                self.find(WITNESS, None, format!("the checkpoint cannot be used: {error}"));
            }
        }
    }

    fn checkpoint(&mut self, directory: &Path, file: &'static str) {
        match read_checkpoint(directory, file, self.key) {
            Ok(Ok(head)) => {
                self.signed_size = self.signed_size.max(head.size);
                self.signed.push(Signed { head, file, met: head == self.head });
            }
            Ok(Err(error)) => {
                self.other_key |= matches!(error, CheckpointError::OtherKey { found: _ });
                self.find(file, None, format!("the checkpoint cannot be used: {error}"));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.find(file, None, "the checkpoint is missing".to_owned());
            }
            Err(error) => self.find(file, None, format!("cannot be read: {error}")),
        }
    }

    /// Goes on from where the tombstones say that the chain does, and gives the segments that
    /// are to be there.
    fn removed(&mut self, directory: &Path, segments: Vec<Segment>) -> Vec<Segment> {
        let (removed, bad) = match Removed::read(directory, self.key, self.head) {
            Ok(read) => read,
            Err(error) => {
                self.find(".", None, format!("the tombstones cannot be read: {error}"));
                return segments;
            }
        };
        for BadTombstone { file, problem } in bad {
            self.find(&file, None, problem);
        }
        if let Some(end) = removed.end() {
            self.head = end;
            self.removed_to = end.size;
            self.compare(&format!("{:08}.tombstone", removed.last_segment()), 1);
        }
        self.next_segment = removed.last_segment().saturating_add(1);
        let (left, _) = removed.left(segments);
        self.report.removed = removed.stones;
        left
    }

    fn segments(&mut self, segments: &[Segment]) {
        let mut expected = self.next_segment;
        if segments.is_empty() {
            let missing = Segment::of(Path::new(""), expected).file_name();
            self.find(&missing, None, "the log has no segment".to_owned());
        }
        for (index, segment) in segments.iter().enumerate() {
            if segment.number > expected {
                let missing = Segment::of(Path::new(""), expected).file_name();
                self.find(&missing, None, "the segment is missing".to_owned());
            }
            expected = segment.number.saturating_add(1);
            let last = index.saturating_add(1) == segments.len();
            if let Err(error) = self.segment(segment, last) {
                self.find(&segment.file_name(), None, format!("cannot be read: {error}"));
            }
        }
    }

    fn segment(&mut self, segment: &Segment, last: bool) -> io::Result<()> {
        let file = segment.file_name();
        let mut lines = segment.lines()?;
        let mut any = false;
        while let Some(line) = lines.next()? {
            if line.is_whole() {
                any = true;
                self.line(segment, &file, line);
            } else if last {
                self.report.torn_bytes = line.len();
                return Ok(());
            } else {
                let problem = "the line has no end: the file was cut or damaged";
                self.find(&file, Some(line.number), problem.to_owned());
            }
        }
        // A new segment may just have been made.
        if any {
            self.report.segments = self.report.segments.saturating_add(1);
        } else if !last {
            self.find(&file, None, "the segment is empty".to_owned());
        }
        Ok(())
    }

    fn line(&mut self, segment: &Segment, file: &str, line: Line<'_>) {
        let (read, continues) = chain::follow(&self.head, line.bytes);
        if let Err(problem) = continues {
            self.find(file, Some(line.number), problem.to_string());
        } else if !is_json(line.bytes) {
            self.find(file, Some(line.number), Broken::Form.to_string());
        }
        let is_first = line.number == 1;
        let is_segment_line = read.is_some_and(|read| read.kind == LOG_SEGMENT);
        if is_first {
            self.first_line(segment, file, line.bytes);
        } else if is_segment_line {
            let problem = "a segment begins here, within a file: files were joined";
            self.find(file, Some(line.number), problem.to_owned());
        }
        if let Some(read) = read {
            self.note(&read);
        }
        // After something that does not hold the reading goes on from what is there.
        let next = self.head.size.saturating_add(1);
        let size = read.map_or(next, |read| read.seq);
        self.head = LogHead { size, head: chain::hash(line.bytes) };
        self.report.records = self.report.records.saturating_add(1);
        self.compare(file, line.number);
    }

    /// Checks that a segment is of this log, has its own number, and begins with a checkpoint of
    /// all before.
    fn first_line(&mut self, segment: &Segment, file: &str, line: &[u8]) {
        let problem = match read_segment_line(line) {
            None => "the file does not begin a segment".to_owned(),
            Some(first) if first.log != self.key.name() => {
                format!("the file belongs to another log: {}", printable(&first.log))
            }
            Some(first) if first.segment != segment.number => {
                format!("the file is segment {}: it was renamed", first.segment)
            }
            Some(first) => match (first.checkpoint, segment.number) {
                (None, 1) => return self.note_open(first.open),
                (Some(note), number) if number > 1 => match self.key.check(&note) {
                    Ok(head) if head == self.head => {
                        self.signed_size = self.signed_size.max(head.size);
                        if head.size == self.removed_to {
                            self.note_open(first.open);
                        }
                        return;
                    }
                    Ok(head) => format!(
                        "the segment was begun after record {}, which is not what stands before it",
                        head.size
                    ),
                    Err(error) => format!("the checkpoint in the line cannot be used: {error}"),
                },
                _ => "the line does not hold the checkpoint of all before".to_owned(),
            },
        };
        self.find(file, Some(1), problem);
    }

    /// Calls that segments which were removed had opened.
    fn note_open(&mut self, open: BTreeSet<String>) {
        self.open.extend(open);
    }

    fn note(&mut self, read: &Head<'_>) {
        self.report.first_time.get_or_insert_with(|| read.time.to_owned());
        self.report.last_time = Some(read.time.to_owned());
        match (read.kind, read.id) {
            (CALL_OPEN, Some(id)) => {
                self.open.insert(id.to_owned());
            }
            (CALL_CLOSE, Some(id)) => {
                self.open.remove(id);
            }
            _ => {}
        }
    }

    fn compare(&mut self, file: &str, line: u64) {
        let head = self.head;
        let mut differing = Vec::new();
        for signed in self.signed.iter_mut().filter(|signed| signed.head.size == head.size) {
            signed.met = true;
            if signed.head.head != head.head {
                differing.push(signed.file);
            }
        }
        for checkpoint in differing {
            let problem = format!("record {} is not the one that {checkpoint} signed", head.size);
            self.find(file, Some(line), problem);
        }
    }

    fn conclude(mut self) -> Result<Report, Vec<Finding>> {
        let end = self.head.size;
        for signed in std::mem::take(&mut self.signed) {
            let size = signed.head.size;
            if size > end {
                let problem = format!(
                    "it was signed at record {size} and the log ends at record {end}: records were removed"
                );
                self.find(signed.file, None, problem);
            } else if !signed.met && size < self.removed_to {
                // Our own checkpoints are followed by newer ones, and by those in the segments.
                if signed.file == WITNESS {
                    let problem = format!(
                        "record {size}, at which it was signed, is among those that were removed: a later checkpoint is needed"
                    );
                    self.find(signed.file, None, problem);
                }
            } else if !signed.met {
                let problem = format!("record {size}, at which it was signed, is not in the log");
                self.find(signed.file, None, problem);
            }
        }
        if !self.findings.is_empty() {
            return Err(self.findings);
        }
        self.report.open_calls = u64::try_from(self.open.len()).unwrap_or(u64::MAX);
        self.report.unsigned = end.saturating_sub(self.signed_size);
        self.report.head = self.head;
        Ok(self.report)
    }
}

fn read_checkpoint(
    directory: &Path,
    file: &str,
    key: &VerifyKey,
) -> io::Result<Result<LogHead, CheckpointError>> {
    let mut reads = 1;
    loop {
        let bytes = fs::read(directory.join(file))?;
        let checked = match std::str::from_utf8(&bytes) {
            Ok(text) => key.check(text),
            Err(_) => Err(CheckpointError::Form),
        };
        if checked.is_ok() || reads >= CHECKPOINT_READS_MAX {
            return Ok(checked);
        }
        reads = reads.saturating_add(1);
    }
}

/// Text of a file that may hold anything, for a message.
fn printable(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests;
