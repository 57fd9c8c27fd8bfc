//! What stands where old segments were removed: a signed note that says which records they held,
//! and with which hash the chain goes on. Without one, a missing segment is a missing segment.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use lanyard_core::Sign;
use serde::{Deserialize, Serialize};

use super::checkpoint::{CheckpointError, LogHead, VerifyKey};
use super::segment::{self, Segment};

/// The second line of the note. That of a checkpoint is a number, so none is taken for the other.
const KIND: &str = "tombstone";

const SUFFIX: &str = ".tombstone";

const OUT_OF_PLACE: &str =
    "it does not continue what was removed before it: files were renamed or are missing";

/// What was removed at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// The number of the first segment.
    pub first_segment: u64,
    /// The number of the last segment.
    pub last_segment: u64,
    /// The number of the first record.
    pub first: u64,
    /// The number of the last record.
    pub last: u64,
    /// How many records those were.
    pub count: u64,
    /// The hash that the first record continues, in hexadecimal.
    pub before: String,
    /// The hash of the last record, in hexadecimal.
    pub head: String,
    /// The time of the first record.
    pub from: String,
    /// The latest time of a record.
    pub until: String,
    /// When they were removed.
    pub time: String,
    /// Who removed them.
    pub by: String,
}

impl Tombstone {
    /// Where the chain goes on.
    pub(crate) fn end(&self) -> Option<LogHead> {
        head(self.last, &self.head)
    }

    /// The name of its file.
    pub(crate) fn file_name(&self) -> String {
        format!("{:08}{SUFFIX}", self.last_segment)
    }

    pub(crate) fn sign(&self, key: &VerifyKey, signer: &dyn Sign) -> serde_json::Result<String> {
        Ok(key.sign_note(signer, &format!("{KIND}\n{}\n", serde_json::to_string(self)?)))
    }

    fn read(key: &VerifyKey, note: &str) -> Result<Self, CheckpointError> {
        let lines = key.check_note(note)?;
        let body = lines.strip_prefix(KIND).and_then(|rest| rest.strip_prefix('\n'));
        let read: Option<Self> = body.and_then(|body| serde_json::from_str(body).ok());
        read.ok_or(CheckpointError::Form)
    }
}

fn head(size: u64, hex: &str) -> Option<LogHead> {
    let head = HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok()?;
    Some(LogHead { size, head })
}

/// A tombstone that cannot be used.
#[derive(Debug)]
pub(crate) struct BadTombstone {
    pub(crate) file: String,
    pub(crate) problem: String,
}

/// Everything that was removed from a log: from its beginning, without gaps.
#[derive(Debug, Default)]
pub(crate) struct Removed {
    pub(crate) stones: Vec<Tombstone>,
}

impl Removed {
    /// Reads the tombstones of a log, and holds them against each other.
    pub(crate) fn read(
        directory: &Path,
        key: &VerifyKey,
        genesis: LogHead,
    ) -> io::Result<(Self, Vec<BadTombstone>)> {
        let (mut removed, mut bad) = (Self::default(), Vec::new());
        let mut end = genesis;
        for path in files(directory)? {
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let note = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
            let problem = match Tombstone::read(key, &note) {
                Ok(stone) => match stone.end().filter(|_| removed.is_next(&stone, &end, &file)) {
                    Some(next) => {
                        end = next;
                        removed.stones.push(stone);
                        continue;
                    }
                    None => OUT_OF_PLACE.to_owned(),
                },
                Err(error) => format!("the tombstone cannot be used: {error}"),
            };
            bad.push(BadTombstone { file, problem });
        }
        Ok((removed, bad))
    }

    fn is_next(&self, stone: &Tombstone, end: &LogHead, file: &str) -> bool {
        stone.file_name() == file
            && stone.first_segment == self.last_segment().saturating_add(1)
            && stone.last_segment >= stone.first_segment
            && stone.first == end.size.saturating_add(1)
            && stone.last >= stone.first
            && head(end.size, &stone.before) == Some(*end)
    }

    /// The number of the last segment that was removed; 0 where none was.
    pub(crate) fn last_segment(&self) -> u64 {
        self.stones.last().map_or(0, |stone| stone.last_segment)
    }

    /// Where the chain goes on; `None` where nothing was removed.
    pub(crate) fn end(&self) -> Option<LogHead> {
        self.stones.last().and_then(Tombstone::end)
    }

    /// The segments that are there and are to be: a process that ended between the tombstone and
    /// the removal left others.
    pub(crate) fn left(&self, segments: Vec<Segment>) -> (Vec<Segment>, Vec<Segment>) {
        segments.into_iter().partition(|segment| segment.number > self.last_segment())
    }
}

fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.strip_suffix(SUFFIX).and_then(segment::number_of).is_some() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}
