//! The writing end of the log: one line after another, one write each, and what happens when the
//! disk is full or fails. Knows no thread and no lock; [`super::sync`] adds both.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use lanyard_core::{Clock, Decision, PayloadKept, Record, RecordId, Sign};

use super::chain;
use super::disk::{Disk, DiskFile};
use super::error::{is_full, is_out_of_descriptors};
use super::format::{self, LINE_BYTES_MAX, Line, Place, SegmentLine};
use super::segment::Segment;
use super::{LogError, LogHead, Options, VerifyKey};

/// The ids of the newest changes that are remembered.
const CHANGES_REMEMBERED_MAX: usize = 4096;

/// How far a segment grows past its limit before the next attempt to begin a new one, after one
/// that failed because the disk was full.
const ROTATE_AGAIN_BYTES: u64 = 1 << 20;

/// What the log stands on.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) directory: PathBuf,
    pub(crate) options: Options,
    pub(crate) key: VerifyKey,
    pub(crate) signer: Arc<dyn Sign>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) disk: Arc<dyn Disk>,
}

impl Ground {
    fn reserve_path(&self) -> PathBuf {
        self.directory.join("reserve")
    }
}

/// The last segment and all that must be known to write the next line.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) file: Arc<dyn DiskFile>,
    pub(crate) segment: u64,
    pub(crate) segment_bytes: u64,
    pub(crate) last: LogHead,
    pub(crate) synced: LogHead,
    pub(crate) open: BTreeSet<RecordId>,
    pub(crate) changes: Recent,
    pub(crate) reserve_held: bool,
    pub(crate) broken: Option<Arc<str>>,
    rotate_at_bytes: u64,
    head_hex: String,
    buffer: Vec<u8>,
}

/// The newest ids of a kind.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    ids: HashSet<RecordId>,
    order: VecDeque<RecordId>,
}

impl Recent {
    pub(crate) fn insert(&mut self, id: RecordId) {
        if self.ids.insert(id.clone()) {
            self.order.push_back(id);
        }
        if self.order.len() > CHANGES_REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
    }

    pub(crate) fn contains(&self, id: &RecordId) -> bool {
        self.ids.contains(id)
    }
}

/// Whether a record begins something or ends it. When the disk is full, the reserve is for ends,
/// and for what an operator does about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    Space,
    Reserve,
}

impl Claim {
    fn of(line: &Line<'_>) -> Self {
        match line {
            Line::Record(Record::Opened(_) | Record::Refused { .. }) => Self::Space,
            // That something was lost is as short as an end. What is kept is not.
            Line::Record(Record::Payload(record)) => match record.kept {
                PayloadKept::Sealed { .. } => Self::Space,
                PayloadKept::Lost { why: _ } => Self::Reserve,
            },
            Line::Record(Record::Closed(_) | Record::Changed(_))
            | Line::Abandoned { .. }
            | Line::Segment(_)
            | Line::Recovered(_) => Self::Reserve,
        }
    }
}

/// Where a log ends, and what is open there.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) segment: u64,
    pub(crate) segment_bytes: u64,
    pub(crate) head: LogHead,
    pub(crate) open: BTreeSet<RecordId>,
    pub(crate) changes: Recent,
}

impl Writer {
    /// Goes on where a log ends.
    pub(crate) fn resume(ground: &Ground, end: End) -> Result<Self, LogError> {
        let path = Segment::of(&ground.directory, end.segment).path;
        let file =
            ground.disk.open(&path).map_err(|source| LogError::file("open", &path, source))?;
        let mut writer = Self::at(ground, file, end);
        writer.reserve_restore(ground);
        Ok(writer)
    }

    /// Begins a log that has no record yet.
    pub(crate) fn begin(ground: &Ground) -> Result<Self, LogError> {
        let head = chain::genesis(&ground.key);
        let path = Segment::of(&ground.directory, 1).path;
        let file = ground.disk.create(&path);
        let file = file.map_err(|source| LogError::file("create", &path, source))?;
        let end = End {
            segment: 1,
            segment_bytes: 0,
            head,
            open: BTreeSet::new(),
            changes: Recent::default(),
        };
        let mut writer = Self::at(ground, file, end);
        writer.reserve_restore(ground);
        writer.format_segment_line(ground, 1, None)?;
        writer.put(ground, Claim::Reserve)?;
        writer.advance();
        ground
            .disk
            .sync_names(&path)
            .map_err(|source| LogError::file("sync the directory of", &path, source))?;
        Ok(writer)
    }

    fn at(ground: &Ground, file: Arc<dyn DiskFile>, end: End) -> Self {
        Self {
            file,
            segment: end.segment,
            segment_bytes: end.segment_bytes,
            last: end.head,
            synced: end.head,
            open: end.open,
            changes: end.changes,
            reserve_held: false,
            broken: None,
            rotate_at_bytes: ground.options.segment_bytes_max,
            head_hex: HEXLOWER.encode(&end.head.head),
            buffer: Vec::with_capacity(1024),
        }
    }

    /// Writes a line, in a new segment if the last one is full.
    pub(crate) fn append(&mut self, ground: &Ground, line: &Line<'_>) -> Result<u64, LogError> {
        if let Some(why) = &self.broken {
            return Err(LogError::Broken { why: Arc::clone(why) });
        }
        let claim = Claim::of(line);
        if claim == Claim::Space && !self.reserve_held {
            return Err(LogError::Full);
        }
        if self.segment_bytes >= self.rotate_at_bytes {
            self.rotate(ground)?;
        }
        self.format(line)?;
        self.put(ground, claim)?;
        self.advance();
        self.remember(line);
        Ok(self.last.size)
    }

    /// No more records after a failure: what the disk holds is not known any more.
    pub(crate) fn fail(&mut self, action: &str, error: &io::Error) -> LogError {
        let why: Arc<str> = format!("cannot {action} its files: {error}").into();
        tracing::error!(
            why = &*why,
            "The audit log failed. No call is admitted until Lanyard is started again."
        );
        self.broken = Some(Arc::clone(&why));
        LogError::Broken { why }
    }

    /// Sets space aside again, if there is enough by now. As long as there is not, nothing new
    /// begins.
    pub(crate) fn reserve_restore(&mut self, ground: &Ground) {
        if self.reserve_held {
            return;
        }
        match ground.disk.fill(&ground.reserve_path(), ground.options.reserve_bytes) {
            Ok(()) => self.reserve_held = true,
            Err(error) if is_full(&error) => {}
            Err(error) => {
                tracing::error!(%error, "The space for closing records cannot be set aside.");
            }
        }
    }

    fn format(&mut self, line: &Line<'_>) -> Result<(), LogError> {
        let place = Place { seq: self.last.size.saturating_add(1), prev: &self.head_hex };
        let written = format::write(&mut self.buffer, place, line);
        if written.is_err() || self.buffer.len() > LINE_BYTES_MAX {
            return Err(LogError::TooLong);
        }
        Ok(())
    }

    fn format_segment_line(
        &mut self,
        ground: &Ground,
        segment: u64,
        checkpoint: Option<&str>,
    ) -> Result<(), LogError> {
        let open = std::mem::take(&mut self.open);
        let (time, log) = (ground.clock.now(), ground.key.name());
        let line = SegmentLine { time, log, segment, checkpoint, open: &open };
        let formatted = self.format(&Line::Segment(line));
        self.open = open;
        formatted
    }

    /// One write of the whole buffer. If it fails, the file is cut back to the last whole line,
    /// so that the next record begins on a line of its own.
    fn put(&mut self, ground: &Ground, claim: Claim) -> Result<(), LogError> {
        loop {
            let Err(error) = write_whole(&*self.file, &self.buffer) else { return Ok(()) };
            if let Err(error) = self.file.cut(self.segment_bytes) {
                return Err(self.fail("cut", &error));
            }
            if !is_full(&error) {
                return Err(self.fail("write", &error));
            }
            if claim == Claim::Space || !self.reserve_held {
                return Err(LogError::Full);
            }
            self.reserve_release(ground)?;
        }
    }

    fn reserve_release(&mut self, ground: &Ground) -> Result<(), LogError> {
        tracing::error!(
            "The disk of the audit log is full. Running calls can still be recorded; no new call is admitted until there is space."
        );
        self.reserve_held = false;
        match ground.disk.remove(&ground.reserve_path()) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.fail("free the reserve of", &error)),
        }
    }

    /// Begins the next segment. Everything before is synced first, because the new segment's
    /// first line holds a checkpoint of it. With a full disk, or without a
    /// descriptor to open, the old segment goes on.
    fn rotate(&mut self, ground: &Ground) -> Result<(), LogError> {
        if let Err(error) = self.file.sync() {
            return Err(self.fail("sync", &error));
        }
        self.synced = self.last;
        let number = self.segment.saturating_add(1);
        let path = Segment::of(&ground.directory, number).path;
        let file = match ground.disk.create(&path) {
            Ok(file) => file,
            Err(error) if is_full(&error) || is_out_of_descriptors(&error) => {
                self.rotate_later();
                return Ok(());
            }
            Err(error) => return Err(self.fail("create", &error)),
        };
        let note = ground.key.sign(&*ground.signer, &self.last);
        self.format_segment_line(ground, number, Some(&note))?;
        if let Err(error) = write_whole(&*file, &self.buffer) {
            if let Err(error) = ground.disk.remove(&path) {
                return Err(self.fail("remove", &error));
            }
            if !is_full(&error) {
                return Err(self.fail("write", &error));
            }
            self.rotate_later();
            return Ok(());
        }
        if let Err(error) = ground.disk.sync_names(&path) {
            return Err(self.fail("sync the directory of", &error));
        }
        self.file = file;
        self.segment = number;
        self.segment_bytes = 0;
        self.rotate_at_bytes = ground.options.segment_bytes_max;
        self.advance();
        Ok(())
    }

    fn rotate_later(&mut self) {
        self.rotate_at_bytes = self.segment_bytes.saturating_add(ROTATE_AGAIN_BYTES);
    }

    /// The line in the buffer is written: it is the new head.
    fn advance(&mut self) {
        self.last.size = self.last.size.saturating_add(1);
        self.last.head = chain::hash(&self.buffer);
        self.head_hex.clear();
        HEXLOWER.encode_append(&self.last.head, &mut self.head_hex);
        let bytes = u64::try_from(self.buffer.len()).unwrap_or(u64::MAX);
        self.segment_bytes = self.segment_bytes.saturating_add(bytes);
    }

    fn remember(&mut self, line: &Line<'_>) {
        match line {
            Line::Record(Record::Opened(record)) => {
                if matches!(record.decision, Decision::Allowed { .. }) {
                    self.open.insert(record.id.clone());
                }
            }
            Line::Record(Record::Closed(record)) => {
                self.open.remove(&record.id);
            }
            Line::Abandoned { id, time: _ } => {
                self.open.remove(*id);
            }
            Line::Record(Record::Changed(record)) => self.changes.insert(record.id.clone()),
            Line::Record(Record::Refused { .. } | Record::Payload(_))
            | Line::Segment(_)
            | Line::Recovered(_) => {}
        }
    }
}

/// One write, and only if the system took part of the bytes another for the rest (which then
/// tells why).
fn write_whole(file: &dyn DiskFile, bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match file.append(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
