//! Reads back what calls took on a day: how the budgets of limits are known again after a start,
//! without a second place that says what the log says.

use std::borrow::Cow;
use std::path::Path;

use lanyard_core::Timestamp;
use serde::Deserialize;

use super::LogError;
use super::format::{CALL_OPEN, Head};
use super::search::with_slack;
use super::segment::{self, Segment};

/// The opening of an allowed call that took something.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Obliged<'a> {
    /// Whose call it was.
    pub tenant: &'a str,
    /// What it took: see `obligations` in the log's format.
    pub obligations: Vec<Cow<'a, str>>,
}

/// In a line: whether it is worth being read as a whole. It cannot stand in a text, where its
/// quotes would be escaped.
const MEMBER: &str = r#""obligations":["#;

/// Gives each opening of a call since a moment that took something, the oldest first, and says how
/// many there were. Lines that cannot be read are passed over: whether the log holds together is
/// asked elsewhere.
pub fn obliged_since(
    directory: &Path,
    since: Timestamp,
    mut each: impl FnMut(Obliged<'_>),
) -> Result<u64, LogError> {
    let (from, mut count) = (since.to_string(), 0_u64);
    for segment in since_segment(directory, since)? {
        let read = |source| LogError::file("read", &segment.path, source);
        let mut lines = segment.lines().map_err(read)?;
        while let Some(line) = lines.next().map_err(read)?.filter(|line| line.is_whole()) {
            let Some(head) = Head::read(line.bytes) else { continue };
            if head.kind != CALL_OPEN || head.time < from.as_str() {
                continue;
            }
            let Ok(text) = std::str::from_utf8(line.bytes) else { continue };
            if !text.contains(MEMBER) {
                continue;
            }
            if let Ok(obliged) = serde_json::from_str(text) {
                each(obliged);
                count = count.saturating_add(1);
            }
        }
    }
    Ok(count)
}

/// The segments that may hold records since a moment, the oldest first.
fn since_segment(directory: &Path, since: Timestamp) -> Result<Vec<Segment>, LogError> {
    let earliest = with_slack(since);
    let all = segment::list(directory);
    let all = all.map_err(|source| LogError::file("read", directory, source))?;
    let mut from = 0;
    for (place, segment) in all.iter().enumerate().rev() {
        let read = |source| LogError::file("read", &segment.path, source);
        let mut lines = segment.lines().map_err(read)?;
        let first = lines.next().map_err(read)?;
        let began_before =
            first.and_then(|line| Head::read(line.bytes).map(|head| head.time < earliest.as_str()));
        if began_before == Some(true) {
            from = place;
            break;
        }
    }
    Ok(all.into_iter().skip(from).collect())
}

#[cfg(test)]
mod tests;
