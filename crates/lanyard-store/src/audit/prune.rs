//! Retention: whole old segments are removed, and a tombstone is left in their place.
//!
//! INVARIANT: the tombstone is on disk before the first segment goes. What an end in between leaves
//! is removed when the log is opened again.

use std::path::Path;

use data_encoding::HEXLOWER;
use lanyard_core::Timestamp;

use super::chain;
use super::segment::{self, Segment};
use super::tombstone::{Removed, Tombstone};
use super::writer::Ground;
use super::{LogError, LogHead};
use crate::file::{sync_directory_of, write_atomic};

/// What would be removed.
#[derive(Debug)]
pub struct Prunable {
    stone: Tombstone,
    segments: Vec<Segment>,
}

impl Prunable {
    /// What its tombstone will say, but for the time and the name.
    pub fn tombstone(&self) -> &Tombstone {
        &self.stone
    }
}

/// Finds the segments from the oldest on whose records are all older than `before`. The one that is
/// written is never among them. They are read whole, and the chain through them must hold: what
/// somebody changed is not to be removed as if nothing had been.
pub(crate) fn plan(
    ground: &Ground,
    current: u64,
    before: Timestamp,
) -> Result<Option<Prunable>, LogError> {
    let (directory, before) = (&ground.directory, before.to_string());
    let removed = read_removed(ground)?;
    let read = |source| LogError::file("read", directory, source);
    let (segments, _) = removed.left(segment::list(directory).map_err(read)?);
    let start = removed.end().unwrap_or_else(|| chain::genesis(&ground.key));
    let mut walk = Walk { head: start, from: None, until: String::new() };
    let mut taken: Vec<Segment> = Vec::new();
    let mut end = (start, String::new());
    for segment in segments.into_iter().filter(|segment| segment.number < current) {
        walk.through(&segment)?;
        if walk.until >= before {
            break;
        }
        end = (walk.head, walk.until.clone());
        taken.push(segment);
    }
    let (Some(first), Some(last)) = (taken.first(), taken.last()) else { return Ok(None) };
    let (head, until) = end;
    let stone = Tombstone {
        first_segment: first.number,
        last_segment: last.number,
        first: start.size.saturating_add(1),
        last: head.size,
        count: head.size.saturating_sub(start.size),
        before: HEXLOWER.encode(&start.head),
        head: HEXLOWER.encode(&head.head),
        from: walk.from.unwrap_or_default(),
        until,
        time: String::new(),
        by: String::new(),
    };
    Ok(Some(Prunable { stone, segments: taken }))
}

/// Removes what was planned.
pub(crate) fn carry_out(
    ground: &Ground,
    prunable: Prunable,
    by: &str,
) -> Result<Tombstone, LogError> {
    let Prunable { mut stone, segments } = prunable;
    stone.time = ground.clock.now().to_string();
    by.clone_into(&mut stone.by);
    let path = ground.directory.join(stone.file_name());
    let failed = |source| LogError::file("write", &path, source);
    let note = stone.sign(&ground.key, &*ground.signer).map_err(|error| failed(error.into()))?;
    write_atomic(&path, note.as_bytes(), 0o600).map_err(failed)?;
    remove(&segments)?;
    Ok(stone)
}

/// What was removed, or the first reason why that cannot be told.
pub(crate) fn read_removed(ground: &Ground) -> Result<Removed, LogError> {
    let directory = &ground.directory;
    let genesis = chain::genesis(&ground.key);
    let (removed, bad) = Removed::read(directory, &ground.key, genesis)
        .map_err(|source| LogError::file("read", directory, source))?;
    match bad.into_iter().next() {
        None => Ok(removed),
        Some(bad) => Err(LogError::Damaged { file: bad.file, line: 1, problem: bad.problem }),
    }
}

/// Removes segments that a tombstone stands for, the oldest first.
pub(crate) fn remove(segments: &[Segment]) -> Result<(), LogError> {
    for segment in segments {
        let failed = |source| LogError::file("remove", &segment.path, source);
        std::fs::remove_file(&segment.path).map_err(failed)?;
    }
    let path = segments.first().map_or_else(|| Path::new("."), |segment| &segment.path);
    if segments.is_empty() {
        return Ok(());
    }
    sync_directory_of(path).map_err(|source| LogError::file("sync the directory of", path, source))
}

/// The chain, followed through segments.
struct Walk {
    head: LogHead,
    from: Option<String>,
    until: String,
}

impl Walk {
    fn through(&mut self, segment: &Segment) -> Result<(), LogError> {
        let read = |source| LogError::file("read", &segment.path, source);
        let mut lines = segment.lines().map_err(read)?;
        while let Some(line) = lines.next().map_err(read)? {
            let (head, follows) = chain::follow(&self.head, line.bytes);
            let damaged = |problem: String| LogError::Damaged {
                file: segment.file_name(),
                line: line.number,
                problem,
            };
            follows.map_err(|broken| damaged(broken.to_string()))?;
            let time = head.map(|head| head.time).unwrap_or_default();
            self.from.get_or_insert_with(|| time.to_owned());
            if self.until.as_str() < time {
                time.clone_into(&mut self.until);
            }
            let size = self.head.size.saturating_add(1);
            self.head = LogHead { size, head: chain::hash(line.bytes) };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
